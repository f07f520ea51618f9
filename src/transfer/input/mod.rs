//! Data sets of files as input: the files below a directory, and their rows as batches, whatever their format.
//!
//! Decoders are blocking; they run on threads for computing and read through a bridge from the filesystem. Hidden
//! files (names that begin with `.` or `_`) are no data.

mod bridge;
mod dataset;
mod files;
mod fileset;
mod text;
pub mod words;

use arrow_schema::Schema;

pub use self::bridge::open;
pub use self::dataset::{Batches, Cancelled, Dataset, for_each, send};
pub use self::files::{DataFile, Listed, list};
pub use self::fileset::{FileSet, FileSetOptions};
pub use self::text::{RECORD, Records, record_schema};
use crate::error::{self, Error};

/// Whether two schemas have the same columns: names, types, and which may be NULL.
pub fn same_columns(one: &Schema, other: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<_> {
        let fields = schema.fields().iter();
        fields.map(|f| (f.name().clone(), f.data_type().clone(), f.is_nullable())).collect()
    };
    columns(one) == columns(other)
}

/// The error of two schemas that differ; both are shown.
pub fn differ(one: (&str, &Schema), other: (&str, &Schema)) -> Error {
    let shown = |(path, schema): (&str, &Schema)| {
        let columns = schema.fields().iter().map(|f| {
            let null = if f.is_nullable() { "" } else { " not null" };
            format!("{} {}{null}", f.name(), f.data_type())
        });
        format!("{path} has ({})", columns.collect::<Vec<_>>().join(", "))
    };
    error::schema(format!("two files have different columns: {}; {}", shown(one), shown(other)))
        .hint("bring both to one schema first")
}
