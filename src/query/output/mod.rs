//! The forms that a result is written in.
//!
//! | file | form |
//! |---|---|
//! | `separated` | one line a row: csv, tsv, and beeline's csv2, tsv2, dsv, csv and tsv |
//! | `table` | columns as wide as their values, in beeline's frames |
//! | `vertical` | one line a value |
//! | `json` | objects: in a list, one a line, or in beeline's `resultset` |
//! | `parquet` | a file of the result's types |

mod json;
mod parquet;
mod separated;
mod table;
mod vertical;

use self::json::Json;
pub(crate) use self::json::Wrapping;
use self::parquet::Parquet;
pub(crate) use self::separated::Quoting;
use self::separated::Separated;
use self::table::Table;
use self::vertical::Vertical;
use super::text::{Look, Type};
use crate::error::Result;
use crate::hiveserver2::{Batch, Column};

/// A form of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One line a row.
    Separated(char, Quoting),
    /// A table with frames.
    Table,
    /// One line a value.
    Vertical,
    /// Objects.
    Json(Wrapping),
    /// A Parquet file.
    Parquet,
}

/// How results are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// The form.
    pub form: Form,
    /// Whose texts values have.
    pub look: Look,
    /// Stands for NULL, where a form has no sign of its own for it.
    pub null: String,
    /// Whether the names of the columns come first.
    pub header: bool,
    /// Rows of a table after which the names are repeated; 0 for never.
    pub header_interval: usize,
    /// As wide is a table's column padded to at most.
    pub max_column_width: usize,
}

/// Writes one result; whole rows are appended to `out`.
pub(crate) enum Writer {
    /// One line a row.
    Separated(Separated),
    /// A table.
    Table(Table),
    /// One line a value.
    Vertical(Vertical),
    /// Objects.
    Json(Json),
    /// A file.
    Parquet(Box<Parquet>),
}

impl Writer {
    /// Begins a result.
    ///
    /// # Errors
    /// Schema: columns that the form cannot hold.
    pub(crate) fn begin(style: &Style, columns: &[Column], out: &mut Vec<u8>) -> Result<Self> {
        let types = columns.iter().map(Type::of).collect();
        Ok(match style.form {
            Form::Separated(delimiter, quoting) => {
                Self::Separated(Separated::begin(style, delimiter, quoting, columns, types, out))
            }
            Form::Table => Self::Table(Table::new(style, columns, types)),
            Form::Vertical => Self::Vertical(Vertical::new(style, columns, types)),
            Form::Json(wrapping) => Self::Json(Json::begin(style.look, wrapping, columns, types, out)?),
            Form::Parquet => Self::Parquet(Box::new(Parquet::begin(columns)?)),
        })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// Data: a value that the form cannot carry exactly.
    pub(crate) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Separated(writer) => writer.rows(batch, out),
            Self::Table(writer) => writer.rows(batch, out),
            Self::Vertical(writer) => writer.rows(batch, out),
            Self::Json(writer) => writer.rows(batch, out),
            Self::Parquet(writer) => return writer.rows(batch, out),
        }
        Ok(())
    }

    /// Ends a result.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn end(self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Separated(_) | Self::Vertical(_) => {}
            Self::Table(writer) => writer.end(out),
            Self::Json(writer) => writer.end(out),
            Self::Parquet(writer) => return writer.end(out),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
