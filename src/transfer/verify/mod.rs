//! Verification: a source and a target compared by their row counts, the checksums of their rows, and sums over columns.
//!
//! [`Comparison`] finds each column of the source in the target and decides what its values are compared as; then
//! [`Comparison::expected`] lets the server sum up the source, in the snapshot of its connection, and
//! [`Comparison::found`] sums up the target's files, which are read from the filesystem then and there. Sums of disjoint
//! rows add up ([`Checksums::add`]), so both sides may be cut anywhere. [`compare`] puts them side by side in a
//! [`Report`]. [`run()`] does it all for a table; an import does it with its own snapshot and the files that it staged.
//! [`crate::mysql::checksum`] says what the checksums show and what escapes them.
//!
//! A difference is an error of kind Data ([`Report::verdict`]) and so ends with exit code 1.

mod canonical;
mod checksums;
mod comparison;
mod expected;
mod meaning;
mod plan;
mod report;
mod rows;
mod run;
mod sums;
mod target;
#[cfg(test)]
mod tests;
mod value;

pub use self::checksums::{Checksums, Summed};
pub use self::comparison::{Comparison, ComparisonOptions};
pub use self::meaning::Held;
pub use self::plan::{VerifyPlan, plan};
pub use self::report::{ColumnReport, Report, compare};
pub use self::run::{Verified, run};
pub(super) use self::sums::decimal_text;
pub use self::sums::{Shown, Sums};
pub use self::value::BytesAs;
