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

use crate::error::{self, Error, Result};
use crate::format::avro::{AvroTimestamps, schema_json};
use crate::format::decode::FileKind;
use crate::format::parquet::Timestamps;
use crate::format::text::{Delimiters, TextStyle};
use crate::format::{AvroOptions, Compression, FileFormat, ParquetOptions, SequenceOptions, TextOptions};
use crate::transfer::input::{Dataset, FileSet, Head};

/// How rows are written again.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Format of the files.
    pub format: FileFormat,
    /// Schema of the batches that are encoded.
    pub schema: SchemaRef,
}

impl Rewrite {
    /// Decides it by the first file of a set, with another codec if one is given.
    ///
    /// # Errors
    /// Schema: the files have types that cannot be written again exactly.
    pub fn of(set: &FileSet, compression: Option<Compression>) -> Result<Self> {
        let Head { kind, schema, .. } = set.head();
        let compression = compression.unwrap_or(set.head().compression);
        let text = as_it_stands(&set.options(0).text.text, compression);
        Ok(match kind {
            FileKind::Text => Self { format: FileFormat::Text(text), schema: schema.clone() },
            FileKind::Sequence => {
                let options = SequenceOptions { text, ..SequenceOptions::default() };
                Self { format: FileFormat::Sequence(options), schema: schema.clone() }
            }
            FileKind::Parquet => parquet(set, compression)?,
            FileKind::Avro => avro(set, compression)?,
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

fn path(set: &FileSet) -> &str {
    set.files().first().map_or("", |file| file.path.as_str())
}

fn parquet(set: &FileSet, compression: Compression) -> Result<Rewrite> {
    let Head { schema, avro_schema, int96, .. } = set.head();
    let options = ParquetOptions {
        compression,
        timestamps: if *int96 { Timestamps::Int96 } else { Timestamps::Int64 },
        avro_schema: avro_schema.clone(),
        ..ParquetOptions::default()
    };
    let fields: Vec<Field> = schema.fields().iter().map(|f| in_micros(f)).collect();
    let rewrite = Rewrite { format: FileFormat::Parquet(options), schema: Arc::new(Schema::new(fields)) };
    let is_micros =
        |f: &Arc<Field>| !matches!(f.data_type(), DataType::Timestamp(unit, _) if *unit != TimeUnit::Microsecond);
    if !schema.fields().iter().all(is_micros) {
        let what = format!("{}: its times are not in microseconds, as a merge writes them", path(set));
        return Err(error::schema(what).hint("import the data anew before it is merged"));
    }
    rewrite.format.encoder(rewrite.schema.clone()).map_err(|e| e.context(path(set)))?;
    Ok(rewrite)
}

fn avro(set: &FileSet, codec: Compression) -> Result<Rewrite> {
    let text = set.head().avro_schema.as_deref().unwrap_or_default();
    let json: Value = serde_json::from_str(text)
        .map_err(|e| error::data(format!("{}: its avro schema is not valid json", path(set))).source(e))?;
    let word = |key: &str| json[key].as_str().map(str::to_owned);
    let options = AvroOptions {
        codec,
        namespace: word("namespace"),
        java_names: true,
        timestamps: if text.contains("-micros") { AvroTimestamps::Micros } else { AvroTimestamps::Millis },
        ..AvroOptions::new(word("name").unwrap_or_default())
    };
    let of_name = |name: &str| json["fields"].as_array()?.iter().find(|f| f["name"] == name);
    let fields = set.head().schema.fields().iter().map(|field| {
        let declared = of_name(field.name()).cloned().unwrap_or_default();
        in_micros(field).with_metadata(properties(&declared, &["name", "type", "default", "doc"]))
    });
    let metadata = properties(&json, &["name", "namespace", "type", "fields", "doc"]);
    let schema: SchemaRef = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let written: Value = serde_json::from_str(&schema_json(&schema, &options)?)
        .map_err(|e| error::bug("our avro schema is not valid json").source(e))?;
    if types(&written) != types(&json) {
        return Err(cannot_repeat(path(set), &json, &written));
    }
    Ok(Rewrite { format: FileFormat::Avro(options), schema })
}

/// The error of a schema that cannot be written again; names the first field at fault.
fn cannot_repeat(path: &str, read: &Value, written: &Value) -> Error {
    let fields = |schema: &Value| schema["fields"].as_array().cloned().unwrap_or_default();
    let (read, written) = (fields(read), fields(written));
    let at_fault = read.iter().zip(&written).find(|(read, written)| types(read) != types(written));
    let what = match at_fault {
        Some((read, written)) => format!(
            "{path}: field {} is {}, and a merge would write {}",
            read["name"].as_str().unwrap_or_default(),
            types(&read["type"]),
            types(&written["type"])
        ),
        None => format!("{path}: a merge would write its avro schema with another name or other fields"),
    };
    error::schema(what).hint("import the data anew before it is merged")
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
