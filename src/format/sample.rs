//! Rows of every supported type for the tests of the encoders.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder,
    Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// One row; whole milliseconds, so that Avro carries it too.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub boolean: Option<bool>,
    pub int: Option<i64>,
    pub float: f32,
    pub text: Option<String>,
    pub bytes: Option<Vec<u8>>,
    pub days: i32,
    pub millis: Option<i64>,
    pub decimal: Option<i128>,
}

pub(crate) fn schema() -> SchemaRef {
    let utc = Some("UTC".into());
    Arc::new(Schema::new(vec![
        Field::new("a_bool", DataType::Boolean, true),
        Field::new("a_tiny", DataType::Int8, true),
        Field::new("a_small", DataType::Int16, true),
        Field::new("an_int", DataType::Int32, true),
        Field::new("a_long", DataType::Int64, true)
            .with_metadata([("comment".to_owned(), "a \"quoted\" comment".to_owned())]),
        Field::new("a_float", DataType::Float32, false),
        Field::new("a_double", DataType::Float64, false),
        Field::new("a_text", DataType::Utf8, true),
        Field::new("some_bytes", DataType::Binary, true),
        Field::new("a_date", DataType::Date32, false),
        Field::new("a_time", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("an_instant", DataType::Timestamp(TimeUnit::Microsecond, utc), true),
        Field::new("money", DataType::Decimal128(9, 2), true),
        Field::new("wide", DataType::Decimal128(38, 10), true),
    ]))
}

pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let values = (
        option::of(any::<bool>()),
        option::of(any::<i64>()),
        any::<i16>().prop_map(|v| f32::from(v) / 8.0),
        option::of("\\PC{0,12}"),
        option::of(vec(any::<u8>(), 0..12)),
        -800_000..2_900_000i32,
        option::of(-62_135_596_800_000i64..253_402_300_800_000),
        option::of(
            -99_999_999_999_999_999_999_999_999_999_999_999_999i128
                ..=99_999_999_999_999_999_999_999_999_999_999_999_999,
        ),
    );
    let row = values.prop_map(|(boolean, int, float, text, bytes, days, millis, decimal)| Row {
        boolean,
        int,
        float,
        text,
        bytes,
        days,
        millis,
        decimal,
    });
    vec(row, 0..60)
}

pub(crate) fn fixed_rows(count: i64) -> Vec<Row> {
    let row = |i: i64| Row {
        boolean: (i % 3 != 0).then_some(i % 2 == 0),
        int: (i % 5 != 0).then_some(i * 1_000_003),
        float: i as f32 / 4.0,
        text: (i % 4 != 0).then(|| format!("text {i} grüße 𝄞")),
        bytes: Some(vec![i as u8; (i % 7) as usize]),
        days: i as i32 * 400 - 500_000,
        millis: Some(i * 86_399_999),
        decimal: Some(i128::from(i) * 10_000_000_019),
    };
    (0..count).map(row).collect()
}

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    macro_rules! column {
        ($builder:expr, $value:expr) => {{
            let mut builder = $builder;
            rows.iter().for_each(|row| builder.append_option($value(row)));
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    let micros = |r: &Row| r.millis.map(|m| m * 1000);
    let columns = vec![
        column!(BooleanBuilder::new(), |r: &Row| r.boolean),
        column!(Int8Builder::new(), |r: &Row| r.int.map(|v| v as i8)),
        column!(Int16Builder::new(), |r: &Row| r.int.map(|v| v as i16)),
        column!(Int32Builder::new(), |r: &Row| r.int.map(|v| v as i32)),
        column!(Int64Builder::new(), |r: &Row| r.int),
        column!(Float32Builder::new(), |r: &Row| Some(r.float)),
        column!(Float64Builder::new(), |r: &Row| Some(f64::from(r.float) * 3.5)),
        column!(StringBuilder::new(), |r: &Row| r.text.clone()),
        column!(BinaryBuilder::new(), |r: &Row| r.bytes.clone()),
        column!(Date32Builder::new(), |r: &Row| Some(r.days)),
        column!(TimestampMicrosecondBuilder::new(), micros),
        column!(TimestampMicrosecondBuilder::new().with_timezone("UTC"), micros),
        column!(Decimal128Builder::new().with_data_type(DataType::Decimal128(9, 2)), |r: &Row| r
            .decimal
            .map(|v| v % 1_000_000_000)),
        column!(Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 10)), |r: &Row| r.decimal),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}
