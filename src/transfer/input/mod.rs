//! Data sets of files as input: the files that a path or a Hive table names, how they are to be read, and their rows,
//! whatever their format. Exports, verifications and merges read through this room.
//!
//! Decoders are blocking; they run on threads for computing and read through a bridge from the filesystem.

mod dataset;
mod files;
mod fileset;
pub mod hive;
pub mod options;
mod pattern;
mod records;

use arrow_schema::Schema;

pub use self::dataset::{Batches, Cancelled, Dataset, for_each, send};
pub use self::files::{DataFile, Listed, list};
pub use self::fileset::{FileSet, FileSetOptions, Head, codec_of};
pub use self::hive::HiveTable;
pub use self::records::{Records, missing};
use crate::error::{self, Error};

/// The place of a column, by its name or else whatever the case of it.
pub fn position(schema: &Schema, name: &str) -> Option<usize> {
    let fields = schema.fields();
    let exact = fields.iter().position(|field| field.name() == name);
    exact.or_else(|| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name)))
}

/// Whether two schemas have the same columns: names, types, and which may be NULL.
pub fn same_columns(one: &Schema, other: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<_> {
        let fields = schema.fields().iter();
        fields.map(|f| (f.name().clone(), f.data_type().clone(), f.is_nullable())).collect()
    };
    columns(one) == columns(other)
}

/// Columns of a schema that an error shows.
const SHOWN: usize = 8;

/// The error of two schemas that differ; it shows the columns in which they do.
pub fn differ(one: (&str, &Schema), other: (&str, &Schema)) -> Error {
    let columns = |schema: &Schema| -> Vec<String> {
        let column = |f: &arrow_schema::FieldRef| {
            let null = if f.is_nullable() { "" } else { " not null" };
            format!("{} {}{null}", f.name(), f.data_type())
        };
        schema.fields().iter().map(column).collect()
    };
    let (ours, theirs) = (columns(one.1), columns(other.1));
    let alone = |path: &str, own: &[String], others: &[String]| {
        let differing: Vec<&str> = own.iter().filter(|c| !others.contains(c)).map(String::as_str).collect();
        let (shown, more) = (differing.len().min(SHOWN), differing.len().saturating_sub(SHOWN));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (shown > 0).then(|| format!("{path} alone has {}{more}", differing[..shown].join(", ")))
    };
    let sides: Vec<String> =
        [alone(one.0, &ours, &theirs), alone(other.0, &theirs, &ours)].into_iter().flatten().collect();
    let what = match sides.is_empty() {
        true => format!("{} and {} have their columns in different orders", one.0, other.0),
        false => format!("two files have different columns: {}", sides.join("; ")),
    };
    error::schema(what).hint("bring both to one schema first")
}
