//! Avro object container files as Hive reads them, written by our own encoder, so that the schema text, the header keys
//! and the marker are decided here, the same batches make the same bytes, and a value is copied once.
//!
//! Hive knows one Avro timestamp, `timestamp-millis`; other readers know microseconds ([`AvroTimestamps`]). A timestamp
//! with digits below the chosen unit is refused, never cut. It also refuses nested types, unsigned integers, and names
//! that Avro does not allow ([`names`] makes allowed ones, as Sqoop does).

mod container;
mod datum;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod names;
mod record;
mod schema;

use arrow_array::RecordBatch;
use arrow_schema::{Field, SchemaRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::container::codec_name;
pub use self::container::{Container, put_bytes, put_long};
pub use self::datum::DatumSchema;
use self::record::Rows;
pub use self::schema::schema_json;
use super::{Compression, Encoder, Output};
use crate::error::{self, Result};

/// What Hive must know about the days and times in a file: of the real calendar and in UTC, nothing to convert. Where
/// these keys are missing it takes the old Julian calendar for granted and moves days before 1582-10-15. The first key
/// is spelt differently for Avro and Parquet. Checked on Hive 4.0.1.
const WRITER_KEYS: [(&str, &str); 3] =
    [("writer.proleptic", "true"), ("writer.time.zone", "UTC"), ("writer.zone.conversion.legacy", "false")];

/// Unit of the times in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AvroTimestamps {
    /// `timestamp-millis` for all, the only one that Hive knows; finer values are refused.
    #[default]
    Millis,
    /// `timestamp-micros` for instants, `local-timestamp-micros` for times without a zone. Hive reads both as numbers.
    Micros,
}

/// Options of an Avro file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AvroOptions {
    /// Codec of the blocks.
    pub codec: Compression,
    /// Name of the record.
    pub record: String,
    /// Namespace of the record.
    pub namespace: Option<String>,
    /// A block ends at the first row that makes it this long before compression.
    pub block_bytes: usize,
    /// Every field is a union with null, as in Sqoop's files; otherwise those that may be null.
    pub all_nullable: bool,
    /// Names may have letters of every alphabet, as Java's Avro takes them.
    pub java_names: bool,
    /// Unit of the times.
    pub timestamps: AvroTimestamps,
}

impl AvroOptions {
    /// The default codec and blocks of 64 KiB, as the Java writer makes them; for Hive.
    pub fn new(record: impl Into<String>) -> Self {
        Self {
            codec: Compression::default(),
            record: record.into(),
            namespace: None,
            block_bytes: 64 << 10,
            all_nullable: false,
            java_names: false,
            timestamps: AvroTimestamps::default(),
        }
    }

    fn is_nullable(&self, field: &Field) -> bool {
        self.all_nullable || field.is_nullable()
    }
}

/// Encodes one Avro file.
pub struct AvroEncoder {
    schema: SchemaRef,
    options: AvroOptions,
    container: Container,
}

impl AvroEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type or name that Avro cannot carry. Config: the codec is lz4.
    pub fn new(schema: SchemaRef, options: &AvroOptions) -> Result<Self> {
        let json = schema_json(&schema, options)?;
        // Derived instead of drawn at random, so that equal input gives equal files.
        let hash = Sha256::new().chain_update(&json).chain_update(codec_name(options.codec)?).finalize();
        let marker = std::array::from_fn(|i| hash[i]);
        let container = Container::new(&json, options.codec, options.block_bytes, &WRITER_KEYS, marker)?;
        Ok(Self { schema, options: options.clone(), container })
    }
}

impl Encoder for AvroEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(error::schema("a batch has another schema than the avro file"));
        }
        let rows = Rows::new(batch, self.schema.fields(), &self.options)?;
        for row in 0..batch.num_rows() {
            rows.write(row, self.container.block())?;
            self.container.row_done(out.open())?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<()> {
        self.container.end_block(out.open())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.container.end_block(out.open())
    }

    fn buffered_bytes(&self) -> usize {
        self.container.buffered_bytes()
    }
}

#[cfg(test)]
mod tests;
