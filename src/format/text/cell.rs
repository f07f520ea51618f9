//! A column of a batch, ready to print its values one by one.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, TimestampMillisecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow_schema::{DataType, Field, TimeUnit};

use super::value;
use crate::error::{self, Result};

/// The values of one column.
#[expect(missing_docs, reason = "each variant is named after its Arrow type")]
pub enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Millis(&'a PrimitiveArray<TimestampMillisecondType>),
    Micros(&'a PrimitiveArray<TimestampMicrosecondType>),
    TimeOfDay(&'a PrimitiveArray<Time64MicrosecondType>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
    Decimal128(&'a PrimitiveArray<Decimal128Type>, i8),
    Decimal256(&'a PrimitiveArray<Decimal256Type>, i8),
}

impl<'a> Cells<'a> {
    /// The values of a column.
    ///
    /// # Errors
    /// Bug: a type whose values have no text, which the encoders refuse before.
    pub fn new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt8 => Self::UInt8(array.as_primitive()),
            DataType::UInt16 => Self::UInt16(array.as_primitive()),
            DataType::UInt32 => Self::UInt32(array.as_primitive()),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Millis(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Micros(array.as_primitive()),
            DataType::Time64(TimeUnit::Microsecond) => Self::TimeOfDay(array.as_primitive()),
            DataType::Duration(TimeUnit::Microsecond) => Self::Duration(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Decimal128(array.as_primitive(), *scale),
            DataType::Decimal256(_, scale) => Self::Decimal256(array.as_primitive(), *scale),
            other => return Err(error::bug(format!("no text for {other}"))),
        })
    }

    /// Prints a value that is neither a string nor NULL.
    #[inline]
    pub fn print(&self, row: usize, look: Look, out: &mut Vec<u8>) {
        match self {
            Self::Boolean(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Self::Int8(a) => value::signed(out, a.value(row).into()),
            Self::Int16(a) => value::signed(out, a.value(row).into()),
            Self::Int32(a) => value::signed(out, a.value(row).into()),
            Self::Int64(a) => value::signed(out, a.value(row)),
            Self::UInt8(a) => value::unsigned(out, a.value(row).into()),
            Self::UInt16(a) => value::unsigned(out, a.value(row).into()),
            Self::UInt32(a) => value::unsigned(out, a.value(row).into()),
            Self::UInt64(a) => value::unsigned(out, a.value(row)),
            Self::Float32(a) => value::float(out, a.value(row)),
            Self::Float64(a) => value::double(out, a.value(row)),
            Self::Text(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Self::Binary(a) if look.base64 => value::base64(out, a.value(row)),
            Self::Binary(a) => value::hex_pairs(out, a.value(row)),
            Self::Date(a) => value::date(out, a.value(row).into()),
            Self::Millis(a) => value::timestamp(out, a.value(row).saturating_mul(1000)),
            Self::Micros(a) => value::timestamp(out, a.value(row)),
            Self::TimeOfDay(a) => value::time(out, a.value(row)),
            Self::Duration(a) => value::time(out, a.value(row)),
            Self::Decimal128(a, scale) => value::decimal(out, a.value(row), *scale, look.plain_decimals),
            Self::Decimal256(a, scale) => value::decimal_256(out, a.value(row), *scale, look.plain_decimals),
        }
    }
}

/// How values look where there is a choice.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Bytes as base64; otherwise as pairs of hexadecimal digits.
    pub base64: bool,
    /// Decimals never with an exponent.
    pub plain_decimals: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { base64: false, plain_decimals: true }
    }
}

/// Checks that the values of a column have a text.
///
/// # Errors
/// Schema: they do not have one.
pub(super) fn supported(field: &Field) -> Result<()> {
    let empty = arrow_array::new_empty_array(field.data_type());
    Cells::new(&empty).map(drop).map_err(|_| {
        error::schema(format!("column {}: values of {} have no text", field.name(), field.data_type()))
            .hint("cast it in a view, or leave the column out")
    })
}
