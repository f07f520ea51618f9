//! Parquet as every Hive reads it: format version 1 pages, decimals as fixed-length bytes at any precision, timestamps
//! as INT64 microseconds, page statistics, no Arrow schema in the footer.
//!
//! It refuses unsigned integers (Hive would read them as signed), nested types, and units of time other than
//! microseconds.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{
    Compression as Codec, GzipLevel, LogicalType, Repetition, TimeUnit as ParquetUnit, Type, ZstdLevel,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{SchemaDescriptor, Type as SchemaType};
use serde::{Deserialize, Serialize};

use super::{Compression, Encoder};
use crate::error::{self, Error, Result};

/// What Hive must know about the days and times in a file: of the real calendar and in UTC, nothing to convert. Where
/// these keys are missing it takes the old Julian calendar for granted and moves days before 1582-10-15. The first key
/// is spelt differently for Avro and Parquet. Checked on Hive 4.0.1.
const WRITER_KEYS: [(&str, &str); 3] =
    [("writer.date.proleptic", "true"), ("writer.time.zone", "UTC"), ("writer.zone.conversion.legacy", "false")];

/// Level of zstd: most of its gain at the cost of snappy.
const ZSTD_LEVEL: i32 = 1;

/// Options of a Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ParquetOptions {
    /// Codec of the pages.
    pub compression: Compression,
    /// A row group ends when its encoded size reaches this; it is held in memory until then.
    pub row_group_bytes: usize,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self { compression: Compression::default(), row_group_bytes: 32 << 20 }
    }
}

/// Encodes one Parquet file.
pub struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type that Parquet or Hive cannot carry exactly.
    pub fn new(schema: SchemaRef, options: &ParquetOptions) -> Result<Self> {
        let writer_options = ArrowWriterOptions::new()
            .with_properties(properties(options)?)
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(parquet_schema(&schema)?);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema, writer_options).map_err(failed)?;
        Ok(Self { writer })
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        // The writer counts what passes through it, so taking the bytes away does not change its offsets.
        out.append(self.writer.inner_mut());
    }
}

impl Encoder for ParquetEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        self.writer.write(batch).map_err(failed)?;
        self.drain(out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.flush().map_err(failed)?;
        self.drain(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish().map_err(failed)?;
        self.drain(out);
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.writer.memory_size()
    }
}

fn failed(error: ParquetError) -> Error {
    match &error {
        ParquetError::ArrowError(text) if text.contains("schema") => error::schema("parquet refused a batch"),
        _ => error::data("parquet cannot encode a batch"),
    }
    .source(error)
}

fn properties(options: &ParquetOptions) -> Result<WriterProperties> {
    let bug = |e: ParquetError| error::bug("no such compression level").source(e);
    let codec = match options.compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).map_err(bug)?),
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::Lz4 => Codec::LZ4_RAW,
    };
    let keys = WRITER_KEYS.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    Ok(WriterProperties::builder()
        .set_created_by(format!("sakia version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(codec)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_bytes(Some(options.row_group_bytes))
        .set_key_value_metadata(Some(keys.into()))
        .build())
}

/// The Parquet schema of the columns, under the root name that Hive writes.
fn parquet_schema(schema: &Schema) -> Result<SchemaDescriptor> {
    let fields = schema.fields().iter().map(|f| column(f).map(Arc::new)).collect::<Result<Vec<_>>>()?;
    let root = SchemaType::group_type_builder("hive_schema").with_fields(fields).build();
    Ok(SchemaDescriptor::new(Arc::new(root.map_err(failed)?)))
}

fn column(field: &Field) -> Result<SchemaType> {
    let repetition = if field.is_nullable() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let (physical, logical) = match field.data_type() {
        DataType::Boolean => (Type::BOOLEAN, None),
        DataType::Int8 => (Type::INT32, Some(LogicalType::integer(8, true))),
        DataType::Int16 => (Type::INT32, Some(LogicalType::integer(16, true))),
        DataType::Int32 => (Type::INT32, None),
        DataType::Int64 => (Type::INT64, None),
        DataType::Float32 => (Type::FLOAT, None),
        DataType::Float64 => (Type::DOUBLE, None),
        DataType::Utf8 => (Type::BYTE_ARRAY, Some(LogicalType::String)),
        DataType::Binary => (Type::BYTE_ARRAY, None),
        DataType::Date32 => (Type::INT32, Some(LogicalType::Date)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            (Type::INT64, Some(LogicalType::timestamp(zone.is_some(), ParquetUnit::MICROS)))
        }
        DataType::Decimal128(precision, scale) => {
            return SchemaType::primitive_type_builder(field.name(), Type::FIXED_LEN_BYTE_ARRAY)
                .with_repetition(repetition)
                .with_logical_type(Some(LogicalType::decimal(i32::from(*scale), i32::from(*precision))))
                .with_precision(i32::from(*precision))
                .with_scale(i32::from(*scale))
                .with_length(decimal_length_bytes(*precision))
                .build()
                .map_err(failed);
        }
        other => {
            return Err(error::schema(format!("column {}: no parquet type holds {other} exactly", field.name()))
                .hint("cast it in a view, or leave the column out"));
        }
    };
    SchemaType::primitive_type_builder(field.name(), physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
        .map_err(failed)
}

/// Bytes that hold every signed number of `precision` digits, as Hive counts them.
fn decimal_length_bytes(precision: u8) -> i32 {
    let bits = f64::from(precision) * std::f64::consts::LOG2_10 + 1.0;
    // At most 38 digits: 17 bytes never come out of it.
    (bits / 8.0).ceil() as i32
}

#[cfg(test)]
mod tests;
