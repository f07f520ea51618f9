//! Merges.

mod dead;
mod judge;
mod key;
mod set;

pub use self::dead::DeadRows;
pub use self::judge::{Judged, MergeOptions, Verdict, judge};
