use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::i256;
use arrow_schema::{Field, Schema};
use jiff::civil::Date;
use mysql_common::constants::ColumnFlags;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::mysql::types::{AsDecimal, InvalidText, JavaType, ZeroDates};
use crate::mysql::wire::FieldType;

fn of_type(field_type: FieldType) -> ResultColumn {
    let (name, flags) = ("x".to_owned(), ColumnFlags::empty());
    ResultColumn { name, field_type, flags, length: 0, decimals: 6, charset: 45, extended: None }
}

fn unsigned(field_type: FieldType) -> ResultColumn {
    ResultColumn { flags: ColumnFlags::UNSIGNED_FLAG, ..of_type(field_type) }
}

/// A batch of one column of one value; `None` is NULL.
fn one_by(options: &TypeOptions, mapping: Mapping, column: ResultColumn, value: Option<&[u8]>) -> Result<ArrayRef> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", mapping.data_type(), true)]));
    let mut builder = BatchBuilder::new(schema, &[mapping], &[column], options, 64)?;
    let nulls = if value.is_none() { 0b100 } else { 0 };
    builder.append(&[nulls], value.unwrap_or_default())?;
    Ok(builder.finish()?.column(0).clone())
}

fn one(mapping: Mapping, column: ResultColumn, value: &[u8]) -> Result<ArrayRef> {
    one_by(&TypeOptions::default(), mapping, column, Some(value))
}

/// A string behind its length.
fn string(text: &[u8]) -> Vec<u8> {
    assert!(text.len() < 251);
    [&[text.len() as u8], text].concat()
}

fn date(year: u16, month: u8, day: u8) -> Vec<u8> {
    [&[4][..], &year.to_le_bytes(), &[month, day]].concat()
}

fn datetime(year: u16, month: u8, day: u8, clock: [u8; 3], micros: u32) -> Vec<u8> {
    [&[11][..], &year.to_le_bytes(), &[month, day], &clock, &micros.to_le_bytes()].concat()
}

fn decimal_text(unscaled: i128, scale: u8) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

const DATE: FieldType = FieldType::MYSQL_TYPE_DATE;
const DATETIME: FieldType = FieldType::MYSQL_TYPE_DATETIME;
const DECIMAL: FieldType = FieldType::MYSQL_TYPE_NEWDECIMAL;
const TEXT: FieldType = FieldType::MYSQL_TYPE_VAR_STRING;
const TIME: FieldType = FieldType::MYSQL_TYPE_TIME;
const LONG: FieldType = FieldType::MYSQL_TYPE_LONG;
const LONGLONG: FieldType = FieldType::MYSQL_TYPE_LONGLONG;

#[test]
fn days_that_are_looked_up_are_the_calendars_days() {
    for (number, day) in Date::constant(1899, 12, 1).series(jiff::Span::new().days(1)).enumerate() {
        if day.year() > 2156 {
            break;
        }
        let days = time::civil(day.year() as u16, day.month() as u8, day.day() as u8).unwrap();
        assert_eq!(days, number as i32 - 25_598, "{day}");
    }
    assert!(
        time::civil(1900, 2, 29).is_err() && time::civil(2000, 2, 30).is_err() && time::civil(2024, 13, 1).is_err()
    );
}

proptest! {
    #[test]
    fn every_day_is_the_calendars_day(year in 0u16..=9999, month in 0u8..=13, day in 0u8..=32) {
        let ours = one(Mapping::Date, of_type(DATE), &date(year, month, day)).ok();
        let theirs = Date::new(year as i16, month as i8, day as i8).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let days = (theirs - Date::constant(1970, 1, 1)).get_days();
            prop_assert_eq!(ours.as_primitive::<Date32Type>().value(0), days);
        }
    }

    #[test]
    fn decimals_keep_every_digit(unscaled in any::<i128>(), digits in 1u32..=38, scale in 0u8..=30) {
        let unscaled = unscaled % 10i128.pow(digits);
        let text = decimal_text(unscaled, scale);
        prop_assert_eq!(parse_decimal(text.as_bytes(), scale), Some(unscaled));
        prop_assert_eq!(decimal::parse_wide(text.as_bytes(), scale), Some(i256::from_i128(unscaled)));
        let (sign, digits) = decimal::plain(text.as_bytes()).unwrap();
        prop_assert_eq!(format!("{sign}{digits}"), text);
    }

    #[test]
    fn wide_decimals_keep_every_digit(high in 0u128..10u128.pow(35), low in 0u128..10u128.pow(30), negative: bool) {
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{high}.{low:030}");
        let value = i256::from_i128(high as i128) * i256::from_i128(10i128.pow(30)) + i256::from_i128(low as i128);
        let want = if negative { -value } else { value };
        prop_assert_eq!(decimal::parse_wide(text.as_bytes(), 30), Some(want));
        let column = one(Mapping::WideDecimal { precision: 65, scale: 30 }, of_type(DECIMAL), &string(text.as_bytes()));
        prop_assert_eq!(column.unwrap().as_primitive::<Decimal256Type>().value(0), want);
    }

    #[test]
    fn decimals_of_any_text_never_panic(text in "[-0-9.e]{0,80}", scale in 0u8..=38) {
        let _ = parse_decimal(text.as_bytes(), scale);
        let _ = decimal::parse_wide(text.as_bytes(), scale);
        let _ = decimal::plain(text.as_bytes());
    }

    #[test]
    fn unsigned_numbers_keep_their_value(v in any::<u64>()) {
        let mapping = Mapping::Decimal { precision: 20, scale: 0 };
        let column = one(mapping, unsigned(LONGLONG), &v.to_le_bytes()).unwrap();
        prop_assert_eq!(column.as_primitive::<Decimal128Type>().value(0), i128::from(v));
        let column = one(Mapping::WideBits, of_type(FieldType::MYSQL_TYPE_BIT), &string(&v.to_be_bytes())).unwrap();
        prop_assert_eq!(column.as_primitive::<Decimal128Type>().value(0), i128::from(v));
    }

    #[test]
    fn rows_of_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), kind in 0usize..8) {
        let (mapping, column) = [
            (Mapping::Date, of_type(DATE)),
            (Mapping::DateTime, of_type(DATETIME)),
            (Mapping::Time { digits: 6 }, of_type(TIME)),
            (Mapping::Decimal { precision: 38, scale: 9 }, of_type(DECIMAL)),
            (Mapping::Text, of_type(TEXT)),
            (Mapping::Int16, of_type(LONG)),
            (Mapping::WideBits, of_type(FieldType::MYSQL_TYPE_BIT)),
            (Mapping::As(JavaType::Timestamp, AsDecimal::Text), of_type(TEXT)),
        ][kind].clone();
        let _ = one(mapping, column, &bytes);
    }

    #[test]
    fn times_come_back_from_their_text(hours in 0u32..=838, minutes in 0u8..60, seconds in 0u8..60, micros in 0u32..1_000_000, negative: bool) {
        let duration = time::Duration { negative, hours, minutes, seconds, micros };
        let mut text = String::new();
        duration.write(6, &mut text).unwrap();
        prop_assert_eq!(time::Duration::parse(text.as_bytes()), Some(duration));
    }
}

#[test]
fn zero_and_impossible_dates_go_by_the_policy() {
    let with = |zero_dates| TypeOptions { zero_dates, ..TypeOptions::default() };
    for (year, month, day, text) in
        [(0, 0, 0, "zero date 0000-00-00"), (2010, 2, 31, "impossible date 2010-02-31"), (2010, 0, 0, "2010-00-00")]
    {
        for (mapping, column) in [
            (Mapping::Date, of_type(DATE)),
            (Mapping::DateTime, of_type(DATETIME)),
            (Mapping::Instant, of_type(FieldType::MYSQL_TYPE_TIMESTAMP)),
            (Mapping::EpochMillis, of_type(DATETIME)),
            (Mapping::As(JavaType::Date, AsDecimal::Text), of_type(DATETIME)),
        ] {
            let error = one(mapping, column.clone(), &date(year, month, day)).unwrap_err();
            assert_eq!(error.kind(), Kind::Data);
            assert!(error.to_string().contains(text) && error.to_string().contains("column x"), "{error}");
            let null = one_by(&with(ZeroDates::Null), mapping, column, Some(&date(year, month, day))).unwrap();
            assert!(null.is_null(0));
        }
    }
    let as_text = Mapping::DateText { digits: 3, timed: true };
    let zero = one_by(&with(ZeroDates::Text), as_text, of_type(DATETIME), Some(&[0])).unwrap();
    assert_eq!(zero.as_string::<i32>().value(0), "0000-00-00 00:00:00.000");
}

#[test]
fn times_keep_microseconds() {
    let value = datetime(1582, 10, 10, [1, 2, 3], 456_789);
    let column = one(Mapping::DateTime, of_type(DATETIME), &value).unwrap();
    let want = Date::constant(1582, 10, 10).at(1, 2, 3, 456_789_000);
    let micros = jiff::tz::TimeZone::UTC.to_timestamp(want).unwrap().as_microsecond();
    assert_eq!(column.as_primitive::<TimestampMicrosecondType>().value(0), micros);
    let column = one(Mapping::EpochMillis, of_type(DATETIME), &value).unwrap();
    assert_eq!(column.as_primitive::<Int64Type>().value(0), micros.div_euclid(1000));
}

#[test]
fn durations_are_written_as_mysql_writes_them() {
    let wire = |negative: u8, days: u32, clock: [u8; 3], micros: u32| {
        [&[12, negative][..], &days.to_le_bytes(), &clock, &micros.to_le_bytes()].concat()
    };
    for (value, digits, text) in [
        (wire(1, 34, [22, 59, 59], 0), 0, "-838:59:59"),
        (wire(0, 0, [1, 2, 3], 450_000), 2, "01:02:03.45"),
        (wire(0, 0, [0, 0, 0], 7), 6, "00:00:00.000007"),
        (vec![0], 1, "00:00:00.0"),
    ] {
        let column = one(Mapping::Time { digits }, of_type(TIME), &value).unwrap();
        assert_eq!(column.as_string::<i32>().value(0), text);
    }
    let column = one(Mapping::TimeMillis, of_type(TIME), &wire(1, 1, [1, 0, 0], 5000)).unwrap();
    assert_eq!(column.as_primitive::<Int64Type>().value(0), -90_000_005);
}

#[test]
fn bits_are_numbers_or_bytes() {
    let bit = || of_type(FieldType::MYSQL_TYPE_BIT);
    assert_eq!(one(Mapping::Bits, bit(), &string(&[1, 0])).unwrap().as_primitive::<Int64Type>().value(0), 256);
    assert!(one(Mapping::Boolean, bit(), &string(&[1])).unwrap().as_boolean().value(0));
    assert_eq!(one(Mapping::Binary, bit(), &string(&[1, 0])).unwrap().as_binary::<i32>().value(0), [1, 0]);
    assert!(one(Mapping::Boolean, of_type(FieldType::MYSQL_TYPE_TINY), &[0xff]).unwrap().as_boolean().value(0));
}

#[test]
fn decimals_as_text_lose_the_zeros_that_zerofill_adds() {
    for (sent, text) in [("00012.30", "12.30"), ("-0.50", "-0.50"), ("000", "0"), ("00.10", "0.10"), ("7", "7")] {
        let column = one(Mapping::DecimalText, of_type(DECIMAL), &string(sent.as_bytes())).unwrap();
        assert_eq!(column.as_string::<i32>().value(0), text);
    }
}

#[test]
fn invalid_text_goes_by_the_policy() {
    let error = one(Mapping::Text, of_type(TEXT), &string(b"a\xffb")).unwrap_err();
    assert!(error.to_string().starts_with("row 1 of the split: column x: text that is not UTF-8"), "{error}");
    let options = TypeOptions { invalid_text: InvalidText::Replace, ..TypeOptions::default() };
    let column = one_by(&options, Mapping::Text, of_type(TEXT), Some(&string(b"a\xffb"))).unwrap();
    assert_eq!(column.as_string::<i32>().value(0), "a\u{fffd}b");
}

#[test]
fn what_does_not_fit_is_refused() {
    for (mapping, column, value) in [
        (Mapping::Int16, of_type(LONG), 40_000i32.to_le_bytes().to_vec()),
        (Mapping::Int64, unsigned(LONGLONG), u64::MAX.to_le_bytes().to_vec()),
        (Mapping::Decimal { precision: 4, scale: 1 }, of_type(DECIMAL), string(b"1.25")),
        (Mapping::Decimal { precision: 4, scale: 1 }, of_type(DECIMAL), string(b"1e3")),
        (Mapping::Date, of_type(TEXT), string(b"2010-01")),
        (Mapping::Date, of_type(DATETIME), datetime(2010, 1, 1, [1, 0, 0], 0)),
        (Mapping::Float, of_type(FieldType::MYSQL_TYPE_DOUBLE), 1.0f64.to_le_bytes().to_vec()),
        (Mapping::Text, of_type(LONG), 1i32.to_le_bytes().to_vec()),
    ] {
        let error = one(mapping, column, &value).unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{mapping:?}");
        assert!(error.to_string().contains("column x"), "{error}");
    }
    assert!(one(Mapping::Int32, of_type(LONG), &[1, 2]).is_err());
}

#[test]
fn conversions_do_what_was_asked_or_refuse() {
    let as_type = |java, decimal| Mapping::As(java, decimal);
    let text = |java| as_type(java, AsDecimal::Text);
    let shown = |column: ResultColumn, value: &[u8]| {
        one(text(JavaType::String), column, value).map(|c| c.as_string::<i32>().value(0).to_owned())
    };
    let double = || of_type(FieldType::MYSQL_TYPE_DOUBLE);
    assert_eq!(shown(of_type(LONG), &(-7i32).to_le_bytes()).unwrap(), "-7");
    assert_eq!(shown(double(), &2.5f64.to_le_bytes()).unwrap(), "2.5");
    assert_eq!(shown(double(), &1e300f64.to_le_bytes()).unwrap(), "1e300");
    assert_eq!(shown(of_type(DATETIME), &datetime(2010, 1, 2, [3, 4, 5], 6)).unwrap(), "2010-01-02 03:04:05.000006");
    assert_eq!(shown(of_type(DATE), &date(0, 0, 0)).unwrap(), "0000-00-00");
    let whole = |value: &[u8]| one(text(JavaType::Integer), of_type(TEXT), &string(value));
    assert_eq!(whole(b"42.00").unwrap().as_primitive::<Int32Type>().value(0), 42);
    for wrong in [&b"42.5"[..], b"x", b"", b"3000000000"] {
        assert_eq!(whole(wrong).unwrap_err().kind(), Kind::Data);
    }
    let column = one(text(JavaType::Double), of_type(DECIMAL), &string(b"12.50")).unwrap();
    assert_eq!(column.as_primitive::<Float64Type>().value(0), 12.5);
    assert!(one(text(JavaType::Double), of_type(TEXT), &string(b"inf")).is_err());
    assert!(one(text(JavaType::Float), double(), &1e300f64.to_le_bytes()).is_err());
    let yes =
        |value: &[u8]| one(text(JavaType::Boolean), of_type(TEXT), &string(value)).map(|c| c.as_boolean().value(0));
    assert!(yes(b"TRUE").unwrap() && !yes(b"off").unwrap() && yes(b"perhaps").is_err());
    let decimal = as_type(JavaType::BigDecimal, AsDecimal::Scale(2));
    let column = one(decimal, of_type(LONG), &5i32.to_le_bytes()).unwrap();
    assert_eq!(column.as_primitive::<Decimal128Type>().value(0), 500);
    let column = one(text(JavaType::Timestamp), of_type(TEXT), &string(b"1970-01-01 00:00:01.5")).unwrap();
    assert_eq!(column.as_primitive::<TimestampMicrosecondType>().value(0), 1_500_000);
    assert!(one(text(JavaType::Bytes), of_type(LONG), &1i32.to_le_bytes()).is_err());
}

#[test]
fn null_stays_null_and_other_columns_are_wanted() {
    let column = one_by(&TypeOptions::default(), Mapping::Int16, of_type(LONG), None).unwrap();
    assert_eq!((column.len(), column.as_primitive::<Int16Type>().is_null(0)), (1, true));
    let schema = Arc::new(Schema::empty());
    let other = BatchBuilder::new(schema, &[], &[of_type(LONG)], &TypeOptions::default(), 64);
    assert_eq!(other.err().map(|e| e.kind()), Some(Kind::Schema));
}

#[test]
fn many_columns_find_their_null_bits() {
    let mappings = vec![Mapping::Int32; 17];
    let fields: Vec<_> = (0..17).map(|i| Field::new(format!("c{i}"), mappings[i].data_type(), true)).collect();
    let result = vec![of_type(LONG); 17];
    let schema = Arc::new(Schema::new(fields));
    let mut builder = BatchBuilder::new(schema, &mappings, &result, &TypeOptions::default(), 64).unwrap();
    // The columns 0, 5, 6 and 16 are NULL.
    let (mut nulls, mut values) = ([0u8; 3], Vec::new());
    for i in 0..17 {
        match matches!(i, 0 | 5 | 6 | 16) {
            true => nulls[(i + 2) / 8] |= 1 << ((i + 2) % 8),
            false => values.extend_from_slice(&(i as i32).to_le_bytes()),
        }
    }
    builder.append(&nulls, &values).unwrap();
    let batch = builder.finish().unwrap();
    for i in 0..17 {
        let column = batch.column(i).as_primitive::<Int32Type>();
        assert_eq!(column.is_null(0), matches!(i, 0 | 5 | 6 | 16));
        assert!(column.is_null(0) || column.value(0) == i as i32);
    }
}
