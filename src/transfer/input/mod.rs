//! Data sets of files as input: the files below a directory, and their rows as batches, whatever their format.
//!
//! Decoders are blocking; they run on threads for computing and read through a bridge from the filesystem. Hidden
//! files (names that begin with `.` or `_`) are no data.

mod dataset;
mod files;

pub use self::dataset::{Batches, Cancelled, Dataset, for_each, send};
pub use self::files::{DataFile, list};
