//! Parquet as every Hive reads it: format version 1 pages, decimals as fixed-length bytes at any precision, statistics
//! and a page index, no Arrow schema in the footer. Timestamps are INT64 microseconds, or INT96 for Hive before 4.
//!
//! A dictionary is kept for the columns whose first rows repeat their values, and not for the others, where it costs
//! time and memory and is thrown away in the end.
//!
//! It refuses unsigned integers (Hive would read them as signed), nested types, and units of time other than
//! microseconds.

mod dictionary;
mod int96;
mod schema;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use serde::{Deserialize, Serialize};

use self::int96::Int96Writer;
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
    writer: Option<Writer>,
}

enum Writer {
    Arrow(Box<ArrowWriter<Output>>),
    Int96(Box<Int96Writer>),
}

impl ParquetEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type that Parquet or Hive cannot carry exactly. Config: a codec that Parquet has not.
    pub fn new(schema: SchemaRef, options: &ParquetOptions) -> Result<Self> {
        parquet_schema(&schema, options.timestamps)?;
        codec(options.compression)?;
        Ok(Self { options: options.clone(), schema, writer: None })
    }

    fn open(&self, first: Option<&RecordBatch>) -> Result<Writer> {
        let descriptor = parquet_schema(&self.schema, self.options.timestamps)?;
        let with_int96 = descriptor.columns().iter().any(|c| c.physical_type() == parquet::basic::Type::INT96);
        let properties = properties(&self.options, &self.schema, &descriptor, first)?;
        let writer_options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(descriptor);
        let schema = self.schema.clone();
        let writer =
            ArrowWriter::try_new_with_options(Output::default(), schema.clone(), writer_options).map_err(failed)?;
        Ok(match with_int96 {
            false => Writer::Arrow(Box::new(writer)),
            true => Writer::Int96(Box::new(Int96Writer::new(writer, schema, self.options.row_group_bytes)?)),
        })
    }

    fn writer(&mut self, first: Option<&RecordBatch>) -> Result<&mut Writer> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open(first)?,
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
        // The writers count what passes through them, so taking the bytes away does not change their offsets.
        match self.writer(Some(batch))? {
            Writer::Arrow(writer) => {
                writer.write(batch).map_err(failed)?;
                out.append(writer.inner_mut());
            }
            Writer::Int96(writer) => writer.write(batch, out)?,
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<()> {
        match &mut self.writer {
            None => {}
            Some(Writer::Arrow(writer)) => {
                writer.flush().map_err(failed)?;
                out.append(writer.inner_mut());
            }
            Some(Writer::Int96(writer)) => writer.flush(out)?,
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        match self.writer(None)? {
            Writer::Arrow(writer) => {
                writer.finish().map_err(failed)?;
                out.append(writer.inner_mut());
            }
            Writer::Int96(writer) => writer.finish(out)?,
        }
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        match &self.writer {
            None => 0,
            Some(Writer::Arrow(writer)) => writer.memory_size(),
            Some(Writer::Int96(writer)) => writer.memory_bytes(),
        }
    }
}

fn failed(error: ParquetError) -> Error {
    match &error {
        ParquetError::ArrowError(text) if text.contains("schema") => error::schema("parquet refused a batch"),
        _ => error::data("parquet cannot encode a batch"),
    }
    .source(error)
}

fn codec(compression: Compression) -> Result<Codec> {
    let bug = |e: ParquetError| error::bug("no such compression level").source(e);
    Ok(match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(Compression::ZSTD_LEVEL).map_err(bug)?),
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::Deflate | Compression::Bzip2 | Compression::Xz => {
            return Err(error::config(format!("parquet has no codec {compression:?}").to_lowercase())
                .hint("compression is one of none, snappy, zstd, gzip, lz4"));
        }
    })
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
        .set_compression(codec(options.compression)?)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_bytes(Some(options.row_group_bytes))
        .set_key_value_metadata(Some(keys));
    for (at, column) in descriptor.columns().iter().enumerate() {
        let path: ColumnPath = column.path().clone();
        let values = first.map(|batch| batch.column(at));
        if values.is_some_and(|values| !dictionary::is_worth_it(values)) {
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
        }
        // Bytes have no order that a reader would ask for, and INT96 none at all.
        let without_order = *schema.field(at).data_type() == DataType::Binary;
        if without_order || column.physical_type() == parquet::basic::Type::INT96 {
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests;
