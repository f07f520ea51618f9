//! The schema of an Avro file: types, unions with null, docs and properties.

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serde_json::{Map, Value, json};

use super::{AvroOptions, AvroTimestamps};
use crate::error::{self, Result};
use crate::format::comment;

/// Keys of Arrow metadata that become properties: of a field, or of the record where the schema has them.
const PROPERTY: &str = "avro.prop.";

/// Key of the schema's metadata that becomes the doc of the record; else its comment does.
const DOC: &str = "avro.doc";

/// The Avro schema of the columns: nullable ones are unions with null first and a default of null; comments are docs.
///
/// # Errors
/// Schema: a type or name that Avro cannot carry.
pub fn schema_json(schema: &Schema, options: &AvroOptions) -> Result<String> {
    check_name("record", &options.record, options)?;
    let fields = schema.fields().iter().map(|f| field_json(f, options)).collect::<Result<Vec<_>>>()?;
    let mut record = json!({"type": "record", "name": options.record, "fields": fields});
    if let Some(namespace) = &options.namespace {
        for part in namespace.split('.') {
            check_name("namespace", part, options)?;
        }
        record["namespace"] = json!(namespace);
    }
    let metadata = schema.metadata();
    if let Some(doc) = metadata.get(DOC).map(String::as_str).or_else(|| comment(metadata)) {
        record["doc"] = json!(doc);
    }
    if let Some(record) = record.as_object_mut() {
        properties(metadata.iter(), record);
    }
    Ok(record.to_string())
}

fn properties<'a>(metadata: impl Iterator<Item = (&'a String, &'a String)>, json: &mut Map<String, Value>) {
    for (key, value) in metadata {
        if let Some(name) = key.strip_prefix(PROPERTY) {
            json.entry(name).or_insert_with(|| json!(value));
        }
    }
}

fn field_json(field: &Field, options: &AvroOptions) -> Result<Value> {
    check_name("column", field.name(), options)?;
    let inner = type_json(field, options)?;
    let mut json = Map::new();
    json.insert("name".to_owned(), json!(field.name()));
    if options.is_nullable(field) {
        json.insert("type".to_owned(), json!(["null", inner]));
        json.insert("default".to_owned(), Value::Null);
    } else {
        json.insert("type".to_owned(), inner);
    }
    if let Some(doc) = comment(field.metadata()) {
        json.insert("doc".to_owned(), json!(doc));
    }
    properties(field.metadata().iter(), &mut json);
    Ok(Value::Object(json))
}

fn type_json(field: &Field, options: &AvroOptions) -> Result<Value> {
    let long = |logical: &str| json!({"type": "long", "logicalType": logical});
    Ok(match field.data_type() {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => json!("int"),
        DataType::Int64 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Utf8 => json!("string"),
        DataType::Binary => json!("bytes"),
        DataType::Date32 => json!({"type": "int", "logicalType": "date"}),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => match (options.timestamps, zone) {
            (AvroTimestamps::Millis, _) => long("timestamp-millis"),
            (AvroTimestamps::Micros, Some(_)) => long("timestamp-micros"),
            (AvroTimestamps::Micros, None) => long("local-timestamp-micros"),
        },
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if *scale >= 0 => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        other => {
            return Err(error::schema(format!("column {}: no avro type holds {other} exactly", field.name()))
                .hint("cast it in a view, or leave the column out"));
        }
    })
}

/// Avro names are letters, digits and underscores, not beginning with a digit.
fn check_name(what: &str, name: &str, options: &AvroOptions) -> Result<()> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (options.java_names && c.is_alphabetic());
    let plain = name.chars().all(|c| letter(c) || c.is_ascii_digit());
    if plain && name.chars().next().is_some_and(letter) {
        return Ok(());
    }
    let remedy = match what {
        "column" => "write parquet, rename it with map-column-name, or leave the column out with columns",
        _ => "write parquet, or give another one with record-name",
    };
    Err(error::schema(format!("{what} {name:?} is not a name that avro allows")).hint(remedy))
}
