//! Records of text as batches: the whole record in one column, or some of its fields as text.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::Batches;
use crate::error::{self, Result};
use crate::format::TextOptions;
use crate::format::decode::{TextField, TextRecord};

/// A batch ends at about this many bytes or at [`BATCH_ROWS`], whichever comes first.
const BATCH_BYTES: usize = 4 << 20;

/// See [`BATCH_BYTES`].
const BATCH_ROWS: usize = 8 << 10;

/// Name of the column that holds whole records.
pub const RECORD: &str = "record";

/// The records of a text or sequence file.
pub type Records = Box<dyn Iterator<Item = Result<TextRecord>> + Send>;

/// Schema of batches of whole records.
pub fn record_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(RECORD, DataType::Utf8, false)]))
}

/// Whole records, as they stood in the file.
pub(super) fn whole(records: Records) -> Batches {
    let fields = vec![Field::new(RECORD, DataType::Utf8, false)];
    batches(records, fields, |record, builders| {
        builders[0].append_value(&record.raw);
        Ok(record.raw.len())
    })
}

/// Some fields of the records by their places, counted from 0.
pub(super) fn fields(records: Records, names: &[String], places: Vec<usize>, options: TextOptions) -> Batches {
    let columns = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    batches(records, columns, move |record, builders| {
        let mut bytes = 0;
        for (place, builder) in places.iter().zip(builders) {
            let Some(field) = record.fields.get(*place) else {
                let what = format!("the record has {} fields, too few for field {}", record.fields.len(), place + 1);
                return Err(error::data(what).hint("compare the delimiters with those the files were written with"));
            };
            builder.append_option((!is_null(&field, &options)).then_some(field.text));
            bytes += field.text.len();
        }
        Ok(bytes)
    })
}

/// Whether a field whose type is not known stands for NULL.
fn is_null(field: &TextField<'_>, options: &TextOptions) -> bool {
    field.is_null(&options.null_string, options.style) || field.is_null(&options.null_non_string, options.style)
}

fn batches(
    mut records: Records,
    fields: Vec<Field>,
    append: impl Fn(&TextRecord, &mut [StringBuilder]) -> Result<usize> + Send + 'static,
) -> Batches {
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    Box::new(std::iter::from_fn(move || {
        let mut builders: Vec<StringBuilder> = schema.fields().iter().map(|_| StringBuilder::new()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(record) = records.next() else { break };
            let appended = record.and_then(|record| {
                append(&record, &mut builders).map_err(|e| e.context(format!("line {}", record.line)))
            });
            match appended {
                Ok(appended) => (rows, bytes) = (rows + 1, bytes + appended),
                Err(error) => return Some(Err(error)),
            }
        }
        (rows > 0).then(|| {
            let columns = builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
            RecordBatch::try_new(schema.clone(), columns)
                .map_err(|e| error::bug("fields of text do not fit their schema").source(e))
        })
    }))
}
