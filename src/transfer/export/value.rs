//! Values of batches as the writer takes them.

use std::fmt::Write;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{DataType, TimeUnit};

use crate::mysql::write::{Kind, Unfit, Value};

/// Whether values of a type can go into a column at all.
///
/// # Errors
/// Why not.
pub(super) fn check(data_type: &DataType, kind: &Kind) -> Result<(), Unfit> {
    let sample = match data_type {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => return Ok(()),
        DataType::Boolean => Value::Bool(true),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => Value::Integer(0),
        DataType::Float32 => Value::Single(0.0),
        DataType::Float64 => Value::Double(0.0),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Value::Bytes(b"")
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => Value::Decimal("0"),
        DataType::Date32 | DataType::Date64 => Value::Day(0),
        DataType::Timestamp(..) => Value::Moment(0),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(TimeUnit::Microsecond) => Value::Clock(0),
        other => return Err(format!("values of {other} do not go into a column").into()),
    };
    kind.write(sample, &mut Vec::new())
}

/// A value; decimals are printed into `scratch`.
///
/// # Errors
/// It has digits that the server does not hold.
pub(super) fn of<'a>(array: &'a dyn Array, row: usize, scratch: &'a mut String) -> Result<Value<'a>, Unfit> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    macro_rules! integer {
        ($type:ty) => {
            Value::Integer(array.as_primitive::<$type>().value(row).into())
        };
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Float32 => Value::Single(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row)),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Value::Bytes(array.as_fixed_size_binary().value(row)),
        DataType::Decimal128(_, scale) => {
            let unscaled = array.as_primitive::<Decimal128Type>().value(row);
            plain(unscaled, *scale, scratch)
        }
        DataType::Decimal256(_, scale) => {
            let unscaled = array.as_primitive::<Decimal256Type>().value(row);
            plain(unscaled, *scale, scratch)
        }
        DataType::Date32 => Value::Day(array.as_primitive::<Date32Type>().value(row).into()),
        DataType::Date64 => Value::Moment(micros(array.as_primitive::<Date64Type>().value(row), 1000)?),
        DataType::Timestamp(unit, _) => Value::Moment(match unit {
            TimeUnit::Second => micros(array.as_primitive::<TimestampSecondType>().value(row), 1_000_000)?,
            TimeUnit::Millisecond => micros(array.as_primitive::<TimestampMillisecondType>().value(row), 1000)?,
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
            TimeUnit::Nanosecond => of_nanos(array.as_primitive::<TimestampNanosecondType>().value(row))?,
        }),
        DataType::Time32(TimeUnit::Second) => {
            Value::Clock(micros(array.as_primitive::<Time32SecondType>().value(row).into(), 1_000_000)?)
        }
        DataType::Time32(_) => {
            Value::Clock(micros(array.as_primitive::<Time32MillisecondType>().value(row).into(), 1000)?)
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            Value::Clock(of_nanos(array.as_primitive::<Time64NanosecondType>().value(row))?)
        }
        DataType::Time64(_) => Value::Clock(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Duration(TimeUnit::Microsecond) => {
            Value::Clock(array.as_primitive::<DurationMicrosecondType>().value(row))
        }
        other => return Err(format!("values of {other} do not go into a column").into()),
    })
}

fn micros(value: i64, factor: i64) -> Result<i64, Unfit> {
    value.checked_mul(factor).ok_or_else(|| "the time is outside the calendar".into())
}

fn of_nanos(nanos: i64) -> Result<i64, Unfit> {
    if nanos % 1000 != 0 {
        return Err("the fraction of the second has more than six digits".into());
    }
    Ok(nanos / 1000)
}

/// Prints the unscaled value of a decimal with its point.
fn plain<'a>(unscaled: impl std::fmt::Display, scale: i8, scratch: &'a mut String) -> Value<'a> {
    scratch.clear();
    // Writing to memory cannot fail.
    let _ = write!(scratch, "{unscaled}");
    let from = usize::from(scratch.starts_with('-'));
    if scale < 0 {
        (0..scale.unsigned_abs()).for_each(|_| scratch.push('0'));
    } else if scale > 0 {
        let scale = usize::from(scale.unsigned_abs());
        let digits = scratch.len() - from;
        if digits <= scale {
            scratch.insert_str(from, &"0".repeat(scale + 1 - digits));
        }
        scratch.insert(scratch.len() - scale, '.');
    }
    Value::Decimal(scratch)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Decimal128Array, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn decimals_are_printed_with_their_point() {
        let array =
            Decimal128Array::from(vec![Some(-5), Some(12345), Some(0), None]).with_precision_and_scale(38, 2).unwrap();
        let of = |row| {
            let mut scratch = String::new();
            format!("{:?}", super::of(&array, row, &mut scratch).unwrap())
        };
        assert_eq!((of(0), of(1)), ("Decimal(\"-0.05\")".into(), "Decimal(\"123.45\")".into()));
        assert_eq!((of(2), of(3)), ("Decimal(\"0.00\")".into(), "Null".into()));
    }

    #[test]
    fn digits_below_the_microsecond_are_an_error() {
        let array = TimestampNanosecondArray::from(vec![1_000, 1_001]);
        assert_eq!(super::of(&array, 0, &mut String::new()), Ok(Value::Moment(1)));
        assert!(super::of(&array, 1, &mut String::new()).is_err());
    }

    #[test]
    fn types_that_never_fit_are_known_beforehand() {
        assert!(check(&DataType::Int64, &Kind::Date).is_err());
        assert!(check(&DataType::Int64, &Kind::Year).is_ok());
        assert!(check(&DataType::Date32, &Kind::DateTime { digits: 0 }).is_ok());
        assert!(check(&DataType::Boolean, &Kind::Binary).is_err());
        let nested = DataType::new_list(DataType::Int32, true);
        assert!(check(&nested, &Kind::Text { max_chars: None, max_bytes: None }).is_err());
    }
}
