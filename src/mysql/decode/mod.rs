//! Rows of the binary protocol into Arrow builders, straight from the packet's bytes: exactly or not at all.
//!
//! Zero and impossible dates (`0000-00-00`, `2010-02-31`) and text that is not UTF-8 go by a policy; numbers that the
//! column's type cannot hold are refused; nothing is bent silently.
//!
//! Source: MySQL 8.4 source documentation, "Binary Protocol Resultset Row"; checked on MariaDB 10.11.

mod column;
mod convert;
mod decimal;
mod scalar;
mod text;
mod time;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use self::column::ColumnDecoder;
pub use self::decimal::parse_decimal;
pub(super) use self::scalar::Scalar;
pub use self::time::civil;
use super::types::{Mapping, TypeOptions};
use super::wire::{Bytes, ResultColumn};
use crate::error::{self, Error, Result};

/// An error in a value, kept small on the way of the values that have none.
pub(super) type Wrong = Box<Error>;

/// Collects rows into one batch.
pub struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnDecoder>,
    rows: usize,
    /// Rows of the batches before.
    rows_before: usize,
    bytes: usize,
    most_rows: usize,
}

impl BatchBuilder {
    /// An empty builder for rows whose columns the server describes as `result`; `mappings` are those of the schema's
    /// columns. Batches have `most_rows` rows at most.
    ///
    /// # Errors
    /// Schema: the result has other columns.
    pub fn new(
        schema: SchemaRef,
        mappings: &[Mapping],
        result: &[ResultColumn],
        options: &TypeOptions,
        most_rows: usize,
    ) -> Result<Self> {
        if mappings.len() != result.len() {
            let what = format!("{} columns were expected and {} came", mappings.len(), result.len());
            return Err(error::schema(what).hint("was the table altered during the import? run it again"));
        }
        let decoder = |(mapping, column): (&Mapping, &ResultColumn)| ColumnDecoder::new(*mapping, column, options);
        let columns = mappings.iter().zip(result).map(decoder).collect();
        let mut builder = Self { schema, columns, rows: 0, rows_before: 0, bytes: 0, most_rows };
        builder.columns.iter_mut().for_each(|column| column.reserve(most_rows));
        Ok(builder)
    }

    /// Appends a row: the bits that tell its NULLs, and the bytes of its values. After an error the builder is fit for
    /// nothing.
    ///
    /// # Errors
    /// Data: a value cannot be carried exactly; names the column and the value.
    pub fn append(&mut self, nulls: &[u8], values: &[u8]) -> Result<()> {
        let mut rest = Bytes(values);
        for (index, column) in self.columns.iter_mut().enumerate() {
            let done = match is_null(nulls, index) {
                true => {
                    column.append_null();
                    Ok(())
                }
                false => column.append(&mut rest),
            };
            if let Err(wrong) = done {
                return Err(wrong.context(format!("column {}", self.schema.field(index).name())));
            }
        }
        self.rows += 1;
        self.bytes += values.len();
        Ok(())
    }

    /// How many dates that are not in the calendar became NULL, in all batches so far.
    pub fn no_dates(&self) -> u64 {
        self.columns.iter().map(|column| column.no_dates).sum()
    }

    /// Rows collected.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes collected, as they came.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows collected, as a batch; the builder is empty afterwards, and after an error fit for nothing.
    ///
    /// # Errors
    /// Data: a NULL in a column that the server declared NOT NULL; text that is not UTF-8.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter_mut().zip(self.schema.fields()) {
            let column = column.finish(self.most_rows).map_err(|(row, wrong)| {
                let row = self.rows_before + row + 1;
                wrong.context(format!("column {}", field.name())).context(format!("row {row} of the split"))
            })?;
            columns.push(column);
        }
        self.rows_before += self.rows;
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| error::data("a column declared NOT NULL holds a NULL").source(e))
    }
}

/// Whether the value of a column is NULL; the first two bits are not used.
#[inline]
pub(super) fn is_null(nulls: &[u8], column: usize) -> bool {
    let bit = column + 2;
    nulls.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// A value that its column cannot hold.
#[cold]
fn unfit(value: impl std::fmt::Display) -> Wrong {
    let what = format!("the value {value} does not fit the column's type");
    Box::new(error::data(what).hint(
        "choose another type where map-column-java names one; a table that was altered meanwhile is imported again",
    ))
}

#[cfg(test)]
mod tests;
