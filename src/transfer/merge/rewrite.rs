//! Files written as the old ones were: their schema, names, units and codec, so that nothing of a type is bent.
//!
//! Text and the records of sequence files are copied as they stood. An Avro schema that cannot be written again exactly
//! is refused.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::Value;

use super::codec;
use crate::error::{self, Error, Result};
use crate::format::avro::{AvroTimestamps, schema_json};
use crate::format::decode::{FileKind, Input};
use crate::format::parquet::Timestamps;
use crate::format::text::{Delimiters, TextStyle};
use crate::format::{AvroOptions, Compression, FileFormat, ParquetOptions, SequenceOptions, TextOptions};
use crate::transfer::input::FileSet;

/// How rows are written again.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Format of the files.
    pub format: FileFormat,
    /// Schema of the batches that are encoded.
    pub schema: SchemaRef,
}

impl Rewrite {
    /// Decides it by the first file of a set, with another codec if one is given. Blocking: for threads that compute.
    ///
    /// # Errors
    /// Schema: the files have types that cannot be written again exactly. Those of the filesystem.
    pub fn of(set: &FileSet, compression: Option<Compression>) -> Result<Self> {
        let input = set.input(0)?;
        let text = &set.options().text.text;
        Ok(match set.kind() {
            FileKind::Text => {
                let found = Compression::of_file_name(input.name()).unwrap_or(Compression::None);
                let text = as_it_stands(text, compression.unwrap_or(found));
                Self { format: FileFormat::Text(text), schema: set.schema() }
            }
            FileKind::Sequence => {
                let text = as_it_stands(text, compression.unwrap_or(codec::of_sequence(&input)?));
                let options = SequenceOptions { text, ..SequenceOptions::default() };
                Self { format: FileFormat::Sequence(options), schema: set.schema() }
            }
            FileKind::Parquet => parquet(set, &input, compression)?,
            FileKind::Avro => avro(set, &input, compression)?,
        })
    }

    /// A batch as the encoder takes it.
    ///
    /// # Errors
    /// Data: a time that does not fit microseconds.
    pub fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().map(to_micros).collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| error::schema("a batch has another schema than the first file").source(e))
    }
}

/// One column of whole records, written without touching them.
fn as_it_stands(read: &TextOptions, compression: Compression) -> TextOptions {
    TextOptions {
        delimiters: Delimiters { enclosed_by: None, enclose_optionally: false, escaped_by: None, ..read.delimiters },
        style: TextStyle::Sqoop,
        compression,
        ..TextOptions::default()
    }
}

fn parquet(set: &FileSet, input: &Input, compression: Option<Compression>) -> Result<Rewrite> {
    let footer = codec::parquet_footer(input)?;
    let options = ParquetOptions {
        compression: compression.unwrap_or(footer.compression),
        timestamps: if footer.int96 { Timestamps::Int96 } else { Timestamps::Int64 },
        avro_schema: footer.avro_schema,
        ..ParquetOptions::default()
    };
    let fields: Vec<Field> = set.schema().fields().iter().map(|f| in_micros(f)).collect();
    let rewrite = Rewrite { format: FileFormat::Parquet(options), schema: Arc::new(Schema::new(fields)) };
    let of_millis = set
        .schema()
        .fields()
        .iter()
        .any(|f| matches!(f.data_type(), DataType::Timestamp(unit, _) if *unit != TimeUnit::Microsecond));
    if of_millis {
        return Err(error::schema(format!(
            "{}: its times are not in microseconds, as a merge writes them",
            input.name()
        ))
        .hint("import the data anew before it is merged"));
    }
    rewrite.format.encoder(rewrite.schema.clone()).map_err(|e| e.context(input.name()))?;
    Ok(rewrite)
}

fn avro(set: &FileSet, input: &Input, compression: Option<Compression>) -> Result<Rewrite> {
    let text = set.avro_schema().unwrap_or_default();
    let json: Value = serde_json::from_str(text)
        .map_err(|e| error::data(format!("{}: its avro schema is no json", input.name())).source(e))?;
    let word = |key: &str| json[key].as_str().map(str::to_owned);
    let options = AvroOptions {
        codec: match compression {
            Some(codec) => codec,
            None => codec::of_avro(input)?,
        },
        namespace: word("namespace"),
        java_names: true,
        timestamps: if text.contains("-micros") { AvroTimestamps::Micros } else { AvroTimestamps::Millis },
        ..AvroOptions::new(word("name").unwrap_or_default())
    };
    let of_name = |name: &str| json["fields"].as_array()?.iter().find(|f| f["name"] == name);
    let schema = set.schema();
    let fields = schema.fields().iter().map(|field| {
        let declared = of_name(field.name()).cloned().unwrap_or_default();
        in_micros(field).with_metadata(properties(&declared, &["name", "type", "default", "doc"]))
    });
    let metadata = properties(&json, &["name", "namespace", "type", "fields", "doc"]);
    let schema: SchemaRef = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let written: Value = serde_json::from_str(&schema_json(&schema, &options)?)
        .map_err(|e| error::bug("our avro schema is no json").source(e))?;
    if types(&written) != types(&json) {
        return Err(cannot_repeat(input, text, &written));
    }
    Ok(Rewrite { format: FileFormat::Avro(options), schema })
}

fn cannot_repeat(input: &Input, text: &str, written: &Value) -> Error {
    error::schema(format!("{} has the avro schema {text}, of which a merge would make {written}", input.name()))
        .hint("import the data anew before it is merged")
}

/// What an Avro schema says of names and types, without docs, defaults and properties.
fn types(schema: &Value) -> Value {
    match schema {
        Value::Object(all) => {
            let kept = [
                "name",
                "namespace",
                "type",
                "fields",
                "logicalType",
                "precision",
                "scale",
                "items",
                "values",
                "size",
                "symbols",
            ];
            let kept = all.iter().filter(|(key, _)| kept.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), types(value))).collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(types).collect()),
        other => other.clone(),
    }
}

/// Properties and doc of an Avro record or field, as Arrow metadata that makes them again.
fn properties(json: &Value, own: &[&str]) -> std::collections::HashMap<String, String> {
    let all = json.as_object().into_iter().flatten();
    let text = |(key, value): (&String, &Value)| Some((format!("avro.prop.{key}"), value.as_str()?.to_owned()));
    let mut found: std::collections::HashMap<_, _> =
        all.filter(|(key, _)| !own.contains(&key.as_str())).filter_map(text).collect();
    if let Some(doc) = json["doc"].as_str() {
        found.insert("comment".to_owned(), doc.to_owned());
    }
    found
}

/// The field as encoders take it.
fn in_micros(field: &Field) -> Field {
    match field.data_type() {
        DataType::Timestamp(_, zone) => {
            field.clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => field.clone(),
    }
}

fn to_micros(column: &ArrayRef) -> Result<ArrayRef> {
    let too_far = || error::data("a time does not fit microseconds");
    let (micros, zone) = match column.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            let millis = column.as_primitive::<TimestampMillisecondType>();
            let micros =
                millis.try_unary::<_, TimestampMicrosecondType, Error>(|v| v.checked_mul(1000).ok_or_else(too_far))?;
            (micros, zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let nanos = column.as_primitive::<TimestampNanosecondType>();
            let exact = |v: i64| if v % 1000 == 0 { Ok(v / 1000) } else { Err(too_far()) };
            (nanos.try_unary::<_, TimestampMicrosecondType, Error>(exact)?, zone.clone())
        }
        _ => return Ok(column.clone()),
    };
    Ok(Arc::new(micros.with_timezone_opt(zone)))
}
