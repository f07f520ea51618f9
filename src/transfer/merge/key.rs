//! Keys of rows as bytes that are equal exactly if the keys are.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{DataType, Schema};

use crate::error::{self, Error, Result};
use crate::transfer::input;

/// Finds and encodes the key columns of batches of one schema.
pub(super) struct Keys {
    names: Vec<String>,
    converter: Option<(RowConverter, Vec<DataType>)>,
}

impl Keys {
    pub(super) fn new(names: &[String]) -> Self {
        Self { names: names.to_vec(), converter: None }
    }

    /// The keys of a batch; `first` is the number of its first row in `file`, for errors.
    ///
    /// # Errors
    /// NotFound: no such column. Data: a key that is NULL. Schema: columns of other types than before.
    pub(super) fn of(&mut self, batch: &RecordBatch, file: &str, first: u64) -> Result<Rows> {
        let columns = self.columns(batch)?;
        for (name, column) in self.names.iter().zip(&columns) {
            if column.null_count() > 0 {
                let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
                let what = format!("{file}: key column {name} is NULL in row {}", first + row as u64 + 1);
                return Err(error::data(what).hint("choose key columns that have a value in every row"));
            }
        }
        let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
        let (converter, known) = match &mut self.converter {
            Some(converter) => converter,
            None => {
                let fields = types.iter().cloned().map(SortField::new).collect();
                self.converter.insert((RowConverter::new(fields).map_err(not_a_key)?, types.clone()))
            }
        };
        if *known != types {
            return Err(error::schema(format!("{file}: key columns have other types than in the files before")));
        }
        converter.convert_columns(&columns).map_err(not_a_key)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let schema = batch.schema_ref();
        self.names.iter().map(|name| Ok(batch.column(position(schema, name)?).clone())).collect()
    }
}

fn not_a_key(error: arrow_schema::ArrowError) -> Error {
    error::schema("these columns cannot be a key").source(error)
}

/// The place of a column, whatever the case of its name.
///
/// # Errors
/// NotFound: there is no such column; the hint names those there are.
pub(super) fn position(schema: &Schema, name: &str) -> Result<usize> {
    input::position(schema, name).ok_or_else(|| {
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        error::not_found(format!("the files have no column {name}"))
            .hint(format!("their columns are {}", names.join(", ")))
    })
}
