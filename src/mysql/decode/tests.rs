use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int16Type, Int64Type, TimestampMicrosecondType};
use jiff::civil::Date;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;

fn one(carrier: Carrier, value: Value) -> Result<ArrayRef> {
    let mut builder = ColumnBuilder::new(carrier);
    builder.append(&value)?;
    Ok(builder.finish())
}

const DATE: Carrier = Carrier::Date;

proptest! {
    #[test]
    fn every_day_is_the_calendars_day(year in 0u16..=9999, month in 0u8..=13, day in 0u8..=32) {
        let ours = one(DATE, Value::Date(year, month, day, 0, 0, 0, 0)).ok();
        let theirs = Date::new(year as i16, month as i8, day as i8).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let epoch = Date::constant(1970, 1, 1);
            let days = (theirs - epoch).get_days();
            prop_assert_eq!(ours.as_primitive::<Date32Type>().value(0), days);
        }
    }

    #[test]
    fn decimals_keep_every_digit(unscaled in any::<i128>(), scale in 0u8..=30) {
        let unscaled = unscaled % 10i128.pow(38);
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
        let sign = if unscaled < 0 { "-" } else { "" };
        let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
        prop_assert_eq!(parse_decimal(text.as_bytes(), scale), Some(unscaled));
    }

    #[test]
    fn unsigned_numbers_keep_their_value(v in any::<u64>()) {
        let column = one(Carrier::Decimal { precision: 20, scale: 0 }, Value::UInt(v)).unwrap();
        prop_assert_eq!(column.as_primitive::<Decimal128Type>().value(0), i128::from(v));
        let column = one(Carrier::WideBits, Value::Bytes(v.to_be_bytes().into())).unwrap();
        prop_assert_eq!(column.as_primitive::<Decimal128Type>().value(0), i128::from(v));
    }
}

#[test]
fn zero_and_impossible_dates_are_named() {
    for (value, text) in [
        (Value::Date(0, 0, 0, 0, 0, 0, 0), "zero date 0000-00-00"),
        (Value::Date(2010, 2, 31, 0, 0, 0, 0), "impossible date 2010-02-31"),
        (Value::Date(2010, 0, 0, 0, 0, 0, 0), "impossible date 2010-00-00"),
    ] {
        for carrier in [DATE, Carrier::DateTime, Carrier::Instant] {
            let error = one(carrier, value.clone()).unwrap_err();
            assert_eq!(error.kind(), Kind::Data);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

#[test]
fn times_keep_microseconds() {
    let column = one(Carrier::DateTime, Value::Date(1582, 10, 10, 1, 2, 3, 456_789)).unwrap();
    let want = Date::constant(1582, 10, 10).at(1, 2, 3, 456_789_000);
    assert_eq!(
        column.as_primitive::<TimestampMicrosecondType>().value(0),
        jiff::tz::TimeZone::UTC.to_timestamp(want).unwrap().as_microsecond()
    );
}

#[test]
fn durations_are_written_as_mysql_writes_them() {
    let text = |value, digits| one(Carrier::Time { digits }, value).unwrap().as_string::<i32>().value(0).to_owned();
    assert_eq!(text(Value::Time(true, 34, 22, 59, 59, 0), 0), "-838:59:59");
    assert_eq!(text(Value::Time(false, 0, 1, 2, 3, 450_000), 2), "01:02:03.45");
    assert_eq!(text(Value::Time(false, 0, 0, 0, 0, 7), 6), "00:00:00.000007");
}

#[test]
fn bits_are_numbers() {
    let column = one(Carrier::Bits, Value::Bytes(vec![1, 0])).unwrap();
    assert_eq!(column.as_primitive::<Int64Type>().value(0), 256);
    let column = one(Carrier::Boolean, Value::Bytes(vec![1])).unwrap();
    assert!(column.as_boolean().value(0));
}

#[test]
fn what_does_not_fit_is_refused() {
    for (carrier, value) in [
        (Carrier::Int16, Value::Int(40_000)),
        (Carrier::Int32, Value::UInt(u64::MAX)),
        (Carrier::Decimal { precision: 4, scale: 1 }, Value::Bytes(b"1.25".to_vec())),
        (Carrier::Decimal { precision: 4, scale: 1 }, Value::Bytes(b"1e3".to_vec())),
        (Carrier::Text, Value::Bytes(vec![0xff])),
        (Carrier::Date, Value::Bytes(b"2010-01-01".to_vec())),
        (Carrier::Float, Value::Double(1.0)),
    ] {
        assert_eq!(one(carrier, value.clone()).unwrap_err().kind(), Kind::Data, "{value:?}");
    }
}

#[test]
fn null_stays_null() {
    let column = one(Carrier::Int16, Value::NULL).unwrap();
    assert_eq!((column.len(), column.as_primitive::<Int16Type>().is_null(0)), (1, true));
}
