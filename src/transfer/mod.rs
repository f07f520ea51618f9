//! Transfers between a database and the cluster. An import is one load: a table read in parallel splits, all as of one
//! moment, into files that replace what the target held, registered as an external Hive table.
//!
//! An import that finds the same rows again touches nothing.

pub mod args;
pub mod import;
pub mod incremental;
pub mod input;
pub mod merge;
mod partition;
mod plan;
mod queue;
mod route;
pub mod verify;

pub use self::args::{ImportArgs, ImportFormat};
pub use self::partition::PartitionBy;
pub use self::plan::ImportPlan;
