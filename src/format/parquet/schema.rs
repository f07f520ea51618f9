//! The Parquet schema of a file: the types that every Hive reads.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::basic::{LogicalType, Repetition, TimeUnit as ParquetUnit, Type};
use parquet::schema::types::{SchemaDescriptor, Type as SchemaType};

use super::{Timestamps, failed};
use crate::error::{self, Result};

/// The Parquet schema of the columns, under the root name that Hive writes.
pub(super) fn parquet_schema(schema: &Schema, timestamps: Timestamps) -> Result<SchemaDescriptor> {
    let fields = schema.fields().iter().map(|f| column(f, timestamps).map(Arc::new)).collect::<Result<Vec<_>>>()?;
    let root = SchemaType::group_type_builder("hive_schema").with_fields(fields).build();
    Ok(SchemaDescriptor::new(Arc::new(root.map_err(failed)?)))
}

fn column(field: &Field, timestamps: Timestamps) -> Result<SchemaType> {
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
        DataType::Timestamp(TimeUnit::Microsecond, _) if timestamps == Timestamps::Int96 => (Type::INT96, None),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            (Type::INT64, Some(LogicalType::timestamp(zone.is_some(), ParquetUnit::MICROS)))
        }
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if *scale >= 0 => {
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
pub(super) fn decimal_length_bytes(precision: u8) -> i32 {
    let bits = f64::from(precision) * std::f64::consts::LOG2_10 + 1.0;
    // At most 76 digits: 33 bytes never come out of it.
    (bits / 8.0).ceil() as i32
}
