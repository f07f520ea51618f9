//! File formats: Arrow batches in, the bytes of a Parquet, Avro, text or sequence file out, and back
//! ([`decode`]). Pure: no I/O, no clock, no randomness, so that the same batches under the same options always make the
//! same bytes.

pub mod avro;
mod compression;
pub mod decode;
pub mod hadoop;
mod output;
pub mod parquet;
pub mod sequence;
pub mod text;

use arrow_array::RecordBatch;
use arrow_schema::{Metadata, Schema, SchemaRef};
use serde::Serialize;

pub use self::avro::AvroOptions;
pub use self::compression::Compression;
pub use self::output::Output;
pub use self::parquet::ParquetOptions;
pub use self::sequence::SequenceOptions;
pub use self::text::TextOptions;
use crate::error::Result;

/// Turns batches into the bytes of one file.
///
/// Bytes appear in `out` as they become final (appended, never changed); the caller takes and ships them.
pub trait Encoder: Send {
    /// Encodes a batch of the schema the encoder was made for.
    ///
    /// # Errors
    /// Schema: another schema. Data: a value the format cannot carry exactly.
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()>;

    /// Holds what is buffered in less memory, at the price of smaller pages; the row group goes on. An encoder that
    /// cannot do that has nothing to do.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn shrink(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes what is buffered, at the price of a smaller row group or block; the file goes on. An encoder that
    /// buffers nothing has nothing to do.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn flush(&mut self, _out: &mut Output) -> Result<()> {
        Ok(())
    }

    /// Writes what is still buffered and the end of the file. Nothing may be encoded afterwards.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn finish(&mut self, out: &mut Output) -> Result<()>;

    /// Bytes held in memory and not yet given out.
    fn buffered_bytes(&self) -> usize;
}

/// A file format with its options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet(ParquetOptions),
    /// Avro object container files.
    Avro(AvroOptions),
    /// Delimited text.
    Text(TextOptions),
    /// Hadoop's sequence files of text records.
    Sequence(SequenceOptions),
}

impl FileFormat {
    /// Makes the encoder of one file; batches must have exactly this schema.
    ///
    /// # Errors
    /// Schema: a type or name the format cannot carry. Config: a codec the format does not have.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        Ok(match self {
            Self::Parquet(options) => Box::new(parquet::ParquetEncoder::new(schema, options)?),
            Self::Avro(options) => Box::new(avro::AvroEncoder::new(schema, options)?),
            Self::Text(options) => Box::new(text::TextEncoder::new(schema, options)?),
            Self::Sequence(options) => Box::new(sequence::SequenceEncoder::new(schema, options)?),
        })
    }

    /// File name extension without a dot; plain text and sequence files have none, compressed text has its codec's.
    pub fn extension(&self) -> Option<&'static str> {
        match self {
            Self::Parquet(_) => Some("parquet"),
            Self::Avro(_) => Some("avro"),
            Self::Text(options) => options.compression.extension(),
            Self::Sequence(_) => None,
        }
    }

    /// The schema that Hive needs to read these files, where it needs one.
    ///
    /// # Errors
    /// Schema: a type or name Avro cannot carry.
    pub fn avro_schema_json(&self, schema: &Schema) -> Result<Option<String>> {
        match self {
            Self::Parquet(_) | Self::Text(_) | Self::Sequence(_) => Ok(None),
            Self::Avro(options) => avro::schema_json(schema, options).map(Some),
        }
    }
}

/// The comment of a field or table, kept in Arrow metadata under `comment`.
fn comment(metadata: &Metadata) -> Option<&str> {
    metadata.get("comment").map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod sample;
