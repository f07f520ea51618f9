//! Records of text: read one by one, or as batches of the whole record in one column, or of some of its fields as text.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::Batches;
use crate::error::{self, Error, Result};
use crate::format::decode::{BadRecord, SequenceDecoder, TextDecodeOptions, TextDecoder, TextRecord};

/// A batch ends at about this many bytes or at [`BATCH_ROWS`], whichever comes first.
const BATCH_BYTES: usize = 4 << 20;

/// See [`BATCH_BYTES`].
const BATCH_ROWS: usize = 8 << 10;

/// Name of the column that holds whole records.
const RECORD: &str = "record";

/// The records of a text or sequence file.
pub enum Records {
    /// Lines.
    Text(Box<TextDecoder>),
    /// Values of a sequence file.
    Sequence(Box<SequenceDecoder>),
}

impl Records {
    /// Takes a record back, so that another one needs no memory of its own.
    pub fn recycle(&mut self, record: TextRecord) {
        if let Self::Text(decoder) = self {
            decoder.recycle(record);
        }
    }
}

impl Iterator for Records {
    type Item = Result<TextRecord, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Text(decoder) => decoder.next(),
            Self::Sequence(decoder) => decoder.next(),
        }
    }
}

/// Schema of batches of whole records.
pub(super) fn record_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(RECORD, DataType::Utf8, false)]))
}

/// Whole records, as they stood in the file.
pub(super) fn whole(records: Records) -> Batches {
    batches(records, record_schema(), |record, builders| {
        builders[0].append_value(&record.raw);
        Ok(record.raw.len())
    })
}

/// Some fields of the records by their places, counted from 0; `file` is their path, for errors.
pub(super) fn fields(
    records: Records,
    names: &[String],
    places: Vec<usize>,
    options: TextDecodeOptions,
    file: String,
) -> Batches {
    let columns: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    batches(records, Arc::new(Schema::new(columns)), move |record, builders| {
        let mut bytes = 0;
        for (place, builder) in places.iter().zip(builders) {
            let field = record.fields.get(*place).ok_or_else(|| missing(&file, record, *place))?;
            builder.append_option((!options.may_be_null(&field)).then_some(field.text));
            bytes += field.text.len();
        }
        Ok(bytes)
    })
}

/// The error of a record that has too few fields.
pub fn missing(file: &str, record: &TextRecord, place: usize) -> Error {
    let count = record.fields.len();
    error::data(format!("{file}: line {} has {count} fields, too few for field {}", record.line, place + 1))
        .hint("compare the delimiters and columns with those the files were written with")
}

fn batches(
    mut records: Records,
    schema: SchemaRef,
    append: impl Fn(&TextRecord, &mut [StringBuilder]) -> Result<usize> + Send + 'static,
) -> Batches {
    Box::new(std::iter::from_fn(move || {
        let mut builders: Vec<StringBuilder> = schema.fields().iter().map(|_| StringBuilder::new()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(record) = records.next() else { break };
            match record.map_err(Error::from).and_then(|record| append(&record, &mut builders)) {
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
