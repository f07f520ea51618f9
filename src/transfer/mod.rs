//! Transfers between a database and the cluster. An import is one load: a table read in parallel splits, all as of one
//! moment, into files that replace what the target held, registered as an external Hive table.
//!
//! An import that finds the same rows again touches nothing.

pub mod args;
mod cleanup;
mod ends;
pub mod export;
pub mod import;
pub mod input;
pub mod merge;
pub mod reconcile;
pub mod verify;

pub use self::args::{ImportAllArgs, ImportArgs, ImportFormat};
pub use self::ends::Ends;
