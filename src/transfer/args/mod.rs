//! What a transfer is asked for: one struct a command, the same for the command line, a step of a pipeline file, and
//! Sqoop's argument vector.

mod check;
mod export;
mod import;
mod import_all;
mod merge;
mod pairs;
mod policy;
mod reconcile;
mod unsaid;
mod verify;

pub use self::check::{Wrong, refuse};
pub use self::export::{ExportArgs, InputTextArgs, UpdateMode};
pub use self::import::{
    Existing, HBaseTargetArgs, HiveStoredAs, ImportArgs, ImportFormat, IncrementalArgs, IncrementalMode, MissingFiles,
    StartFrom, TextArgs,
};
pub use self::import_all::ImportAllArgs;
pub use self::merge::MergeArgs;
pub use self::pairs::Pairs;
pub use self::policy::{
    ColumnNames, Compat, Consistency, FileNames, InvalidText, NullCells, ParquetTimestamps, ZeroDates,
};
pub use self::reconcile::{Place, ReconcileArgs, SideArgs, Unit};
pub use self::verify::VerifyArgs;
