//! Verification: a source and a target compared by row counts and sums over columns.
//!
//! [`Comparison`] finds each column of the source in the target and decides by its [`Meaning`] what is compared; then
//! [`Comparison::expected`] lets the server sum up the source, in the snapshot of its connection, and
//! [`Comparison::found`] sums up the target's files, which are read from the filesystem then and there. Sums of disjoint
//! rows add up ([`Checksums::add`]), so both sides may be cut as one likes. [`compare`] puts them side by side in a
//! [`Report`]. [`run()`] does it all for a table; an import does it with its own snapshot and the files that it staged.
//!
//! A difference is an error of kind Data ([`Report::verdict`]) and so ends with exit code 1.

mod canonical;
mod checksums;
mod comparison;
mod meaning;
mod plan;
mod report;
mod run;
mod sums;
mod target;
#[cfg(test)]
mod tests;
mod value;

pub use self::checksums::{BytesAs, Checksums, Summed};
pub use self::comparison::{Comparison, ComparisonOptions};
pub use self::meaning::{Held, Meaning};
pub use self::plan::{VerifyPlan, plan};
pub use self::report::{ColumnReport, Report, compare};
pub use self::run::{Verified, run};
pub use self::sums::{Shown, Sums};
