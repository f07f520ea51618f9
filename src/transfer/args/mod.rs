//! What a transfer is asked for: one struct a command, the same for the command line, a step of a pipeline file, and
//! Sqoop's argument vector.

mod import;
mod pairs;
mod policy;

pub use self::import::{
    Existing, HBaseTargetArgs, HiveStoredAs, ImportArgs, ImportFormat, IncrementalArgs, IncrementalMode, TextArgs,
};
pub use self::pairs::Pairs;
pub use self::policy::{Compat, Consistency, FileNames, InvalidText, NullCells, ParquetTimestamps, ZeroDates};
