//! Rows as JSON, to be compared with what a file says of them: numbers, texts, true and false; times as texts in UTC.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::outcome::Outcome;
use crate::agent::sinks::hbase::mapping::Made;

/// The values of each row, by column.
pub(super) fn rows(batch: &RecordBatch) -> Vec<BTreeMap<String, Value>> {
    let schema = batch.schema();
    let names = || schema.fields().iter().map(|field| field.name().clone());
    let row = |row| names().zip(batch.columns()).map(|(name, column)| (name, value(column, row))).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// A row of HBase: its cells by name, and its key as `row-key`.
pub(super) fn of_hbase(made: &Made) -> Outcome {
    let (key, cells) = made.shown();
    let cells = cells.into_iter().map(|(cell, value)| (cell.to_owned(), Value::from(value)));
    Outcome::Row { partition: String::new(), columns: cells.chain([("row-key".to_owned(), key.into())]).collect() }
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => json!(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let us = column.as_primitive::<TimestampMicrosecondType>().value(row);
            Timestamp::from_microsecond(us).map_or_else(|_| us.into(), |time| time.to_string().into())
        }
        other => format!("a value of type {other}, which tests cannot show").into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Int8Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn values_of_every_kind() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(StringArray::from(vec![Some("a"), None]))),
            ("small", Arc::new(Int8Array::from(vec![-5, 7]))),
            ("yes", Arc::new(BooleanArray::from(vec![true, false]))),
            ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_291_190_410_000_000, 1_500_000]))),
        ];
        let rows = rows(&RecordBatch::try_from_iter(columns).unwrap());
        assert_eq!(json!(rows[0]), json!({"text": "a", "small": -5, "yes": true, "time": "2010-12-01T08:00:10Z"}));
        assert_eq!((&rows[1]["text"], &rows[1]["time"]), (&Value::Null, &json!("1970-01-01T00:00:01.5Z")));
    }
}
