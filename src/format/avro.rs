//! Avro object container files as Hive reads them. The records are encoded by arrow-avro; the container around them
//! (header, blocks, codec, sync marker) is ours, so that the schema text, the header keys and the marker are decided
//! here and the same batches make the same bytes.
//!
//! Hive knows one Avro timestamp, `timestamp-millis`. A timestamp with digits below the millisecond is refused, never
//! cut. It also refuses nested types, unsigned integers, and names that Avro does not allow.

mod container;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow_avro::errors::AvroError;
use arrow_avro::schema::SCHEMA_METADATA_KEY;
use arrow_avro::writer::format::AvroBinaryFormat;
use arrow_avro::writer::{Encoder as RecordEncoder, WriterBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::container::Container;
use super::{Compression, Encoder, comment};
use crate::error::{self, Error, Result};

/// Options of an Avro file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AvroOptions {
    /// Codec of the blocks.
    pub codec: Compression,
    /// Name of the record.
    pub record: String,
    /// A block ends at the first row that makes it this long before compression.
    pub block_bytes: usize,
}

impl AvroOptions {
    /// The default codec and blocks of 64 KiB, as the Java writer makes them.
    pub fn new(record: impl Into<String>) -> Self {
        Self { codec: Compression::default(), record: record.into(), block_bytes: 64 << 10 }
    }
}

/// Encodes one Avro file.
pub struct AvroEncoder {
    /// Schema of the batches that come in.
    schema: SchemaRef,
    /// Schema of the batches as they are encoded.
    avro: SchemaRef,
    records: RecordEncoder,
    container: Container,
}

impl AvroEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type or name that Avro cannot carry. Config: the codec is lz4.
    pub fn new(schema: SchemaRef, options: &AvroOptions) -> Result<Self> {
        let json = schema_json(&schema, options)?;
        let container = Container::new(&json, options)?;
        let fields: Vec<Field> = schema.fields().iter().map(|f| as_encoded(f)).collect();
        let avro: SchemaRef = Arc::new(Schema::new(fields));
        let metadata = [(SCHEMA_METADATA_KEY.to_owned(), json)];
        let records = WriterBuilder::new(avro.as_ref().clone().with_metadata(metadata))
            .build_encoder::<AvroBinaryFormat>()
            .map_err(failed)?;
        Ok(Self { schema, avro, records, container })
    }
}

impl Encoder for AvroEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(error::schema("a batch has another schema than the avro file"));
        }
        let fields = self.schema.fields().iter();
        let columns = fields.zip(batch.columns()).map(|(f, c)| to_millis(f, c)).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.avro.clone(), columns)
            .map_err(|e| error::bug("the columns do not fit the avro schema").source(e))?;
        self.records.encode(&batch).map_err(failed)?;
        let rows = self.records.flush();
        for row in rows.offsets().windows(2) {
            self.container.append(&rows.bytes()[row[0]..row[1]], out)?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.container.end_block(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.container.finish(out)
    }

    fn buffered_bytes(&self) -> usize {
        self.container.buffered_bytes()
    }
}

fn failed(error: AvroError) -> Error {
    error::schema("avro cannot encode these columns").source(error)
}

/// The field as it is encoded: timestamps in milliseconds, everything else as it comes.
fn as_encoded(field: &Field) -> Field {
    match field.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()));
            Field::new(field.name(), millis, field.is_nullable())
        }
        other => Field::new(field.name(), other.clone(), field.is_nullable()),
    }
}

/// Turns microseconds into milliseconds where nothing is lost.
fn to_millis(field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    if !matches!(field.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)) {
        return Ok(column.clone());
    }
    let micros = column.as_primitive::<TimestampMicrosecondType>();
    let millis: PrimitiveArray<TimestampMillisecondType> = micros.try_unary(|v| match v % 1000 {
        0 => Ok(v / 1000),
        _ => Err(finer_than_millis(field.name(), v)),
    })?;
    Ok(Arc::new(millis.with_timezone("+00:00")))
}

fn finer_than_millis(column: &str, micros: i64) -> Error {
    let fraction = micros.rem_euclid(1_000_000);
    error::data(format!("column {column}: a time with the fraction .{fraction:06} does not fit avro's milliseconds"))
        .hint("write parquet, which carries microseconds")
}

/// The Avro schema of the columns: nullable ones are unions with null first and a default of null; comments are docs.
///
/// # Errors
/// Schema: a type or name that Avro cannot carry.
pub fn schema_json(schema: &Schema, options: &AvroOptions) -> Result<String> {
    check_name("record", &options.record)?;
    let fields = schema.fields().iter().map(|f| field_json(f)).collect::<Result<Vec<_>>>()?;
    let mut record = json!({"type": "record", "name": options.record, "fields": fields});
    if let Some(doc) = comment(schema.metadata()) {
        record["doc"] = json!(doc);
    }
    Ok(record.to_string())
}

fn field_json(field: &Field) -> Result<Value> {
    check_name("column", field.name())?;
    let inner = type_json(field)?;
    let mut json = json!({"name": field.name()});
    if field.is_nullable() {
        json["type"] = json!(["null", inner]);
        json["default"] = Value::Null;
    } else {
        json["type"] = inner;
    }
    if let Some(doc) = comment(field.metadata()) {
        json["doc"] = json!(doc);
    }
    Ok(json)
}

fn type_json(field: &Field) -> Result<Value> {
    Ok(match field.data_type() {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => json!("int"),
        DataType::Int64 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Utf8 => json!("string"),
        DataType::Binary => json!("bytes"),
        DataType::Date32 => json!({"type": "int", "logicalType": "date"}),
        DataType::Timestamp(TimeUnit::Microsecond, _) => json!({"type": "long", "logicalType": "timestamp-millis"}),
        DataType::Decimal128(precision, scale) => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        other => {
            return Err(error::schema(format!("column {}: no avro type holds {other} exactly", field.name()))
                .hint("cast it in a view, or leave the column out"));
        }
    })
}

/// Avro names are letters, digits and underscores, not beginning with a digit.
fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() {
        return Ok(());
    }
    Err(error::schema(format!("{what} {name:?} is no name that avro allows"))
        .hint("write parquet, or leave the column out with columns"))
}

#[cfg(test)]
mod tests;
