//! Verification.

mod canonical;
mod checksums;
mod meaning;
mod report;
mod sums;
mod value;

pub use self::checksums::{BytesAs, Checksums, Summed};
pub use self::meaning::{Held, Meaning};
pub use self::report::{ColumnReport, Report, compare};
pub use self::sums::{Shown, Sums};
