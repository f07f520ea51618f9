//! Parquet as every Hive reads it: format version 1 pages, decimals as fixed-length bytes at any precision, statistics
//! and a page index, no Arrow schema in the footer. Timestamps are INT64 microseconds, or INT96 for Hive before 4.
//!
//! A dictionary is kept for the columns whose first rows repeat their values, and not for the others, where it costs
//! time and memory and is thrown away in the end.
//!
//! It refuses unsigned integers (Hive would read them as signed), nested types, and units of time other than
//! microseconds.

mod bounds;
mod chunk;
mod codec;
mod dictionary;
mod group;
mod pieces;
mod plain;
mod schema;
mod statistics;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use serde::{Deserialize, Serialize};

use self::codec::{PageCodec, codec_name};
use self::group::GroupWriter;
use self::schema::parquet_schema;
use super::{Compression, Encoder, Output};
use crate::error::{self, Error, Result};

/// What Hive must know about the days and times in a file: of the real calendar and in UTC, nothing to convert. Where
/// these keys are missing it takes the old Julian calendar for granted and moves days before 1582-10-15. The first key
/// is spelt differently for Avro and Parquet. Checked on Hive 4.0.1.
const WRITER_KEYS: [(&str, &str); 3] =
    [("writer.date.proleptic", "true"), ("writer.time.zone", "UTC"), ("writer.zone.conversion.legacy", "false")];

/// A page ends at about this many bytes before compression. Small pages keep little in memory and are skipped finely.
const PAGE_BYTES: usize = 256 << 10;

/// A dictionary that grows beyond this is given up; the rest of its column is written plain.
const DICTIONARY_BYTES: usize = 256 << 10;

/// How timestamps are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Timestamps {
    /// INT64 microseconds with their logical type; Hive 4.
    #[default]
    Int64,
    /// INT96, a Julian day and nanoseconds: the only one that Hive 2 and 3 read. It knows nothing of zones and has no
    /// statistics. Times before 1582-10-15 are refused, because Hive moves them.
    Int96,
}

/// Options of a Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ParquetOptions {
    /// Codec of the pages.
    pub compression: Compression,
    /// A row group ends when its encoded size reaches this; it is held in memory until then.
    pub row_group_bytes: usize,
    /// How timestamps are stored.
    pub timestamps: Timestamps,
    /// An Avro schema for the footer (`parquet.avro.schema`), as Sqoop's files have it.
    pub avro_schema: Option<String>,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            row_group_bytes: 8 << 20,
            timestamps: Timestamps::default(),
            avro_schema: None,
        }
    }
}

/// Encodes one Parquet file.
pub struct ParquetEncoder {
    options: ParquetOptions,
    schema: SchemaRef,
    /// Made when the first batch has shown which columns want a dictionary.
    writer: Option<Box<GroupWriter>>,
}

impl ParquetEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type that Parquet or Hive cannot carry exactly. Config: a codec that Parquet does not have.
    pub fn new(schema: SchemaRef, options: &ParquetOptions) -> Result<Self> {
        parquet_schema(&schema, options.timestamps)?;
        codec_name(options.compression)?;
        Ok(Self { options: options.clone(), schema, writer: None })
    }

    fn open(&self, first: Option<&RecordBatch>) -> Result<GroupWriter> {
        let descriptor = parquet_schema(&self.schema, self.options.timestamps)?;
        let properties = properties(&self.options, &self.schema, &descriptor, first)?;
        let codec = PageCodec::new(codec_name(self.options.compression)?)?;
        GroupWriter::new(self.schema.clone(), &descriptor, properties, codec, self.options.row_group_bytes)
    }

    fn writer(&mut self, first: Option<&RecordBatch>) -> Result<&mut GroupWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Box::new(self.open(first)?),
        };
        Ok(self.writer.insert(writer))
    }
}

impl Encoder for ParquetEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(error::schema("a batch has another schema than the parquet file"));
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.writer(Some(batch))?.write(batch, out)
    }

    fn shrink(&mut self) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.shrink())
    }

    fn flush(&mut self, out: &mut Output) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.flush(out))
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.writer(None)?.finish(out)
    }

    fn buffered_bytes(&self) -> usize {
        self.writer.as_ref().map_or(0, |writer| writer.memory_bytes())
    }
}

fn failed(error: ParquetError) -> Error {
    match &error {
        ParquetError::ArrowError(text) if text.contains("schema") => error::schema("parquet refused a batch"),
        _ => error::data("parquet cannot encode a batch"),
    }
    .source(error)
}

fn properties(
    options: &ParquetOptions,
    schema: &Schema,
    descriptor: &SchemaDescriptor,
    first: Option<&RecordBatch>,
) -> Result<WriterProperties> {
    let mut keys: Vec<KeyValue> = WRITER_KEYS.map(|(k, v)| KeyValue::new(k.to_owned(), v.to_owned())).into();
    if let Some(avro) = &options.avro_schema {
        keys.push(KeyValue::new("parquet.avro.schema".to_owned(), avro.clone()));
    }
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sakia version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(codec_name(options.compression)?)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_key_value_metadata(Some(keys));
    for (at, column) in descriptor.columns().iter().enumerate() {
        let path: ColumnPath = column.path().clone();
        let values = first.map(|batch| batch.column(at));
        let is_int96 = column.physical_type() == parquet::basic::Type::INT96;
        // The library cannot write INT96 from arrow's times.
        if is_int96 || values.is_some_and(|values| !dictionary::is_worth_it(values)) {
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
        }
        // Bytes have no order that a reader would ask for.
        if *schema.field(at).data_type() == DataType::Binary {
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    Ok(builder.build())
}

#[cfg(test)]
mod plain_tests;
#[cfg(test)]
mod tests;
