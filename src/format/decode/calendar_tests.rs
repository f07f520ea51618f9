use arrow_array::{Date32Array, TimestampMicrosecondArray, TimestampMillisecondArray};
use arrow_schema::Field;
use bytes::Bytes;
use jiff::civil::date;

use super::*;

fn day(year: i16, month: i8, day: i8) -> i32 {
    (date(year, month, day) - date(1970, 1, 1)).get_days()
}

fn micros(text: &str) -> i64 {
    let time: jiff::civil::DateTime = text.parse().unwrap();
    TimeZone::UTC.to_timestamp(time).unwrap().as_microsecond()
}

fn input() -> Input {
    Input::new("/t/f", Arc::new(Bytes::new()))
}

/// One value of a Parquet column in a file with this metadata, converted.
fn parquet(array: ArrayRef, int96: bool, marks: &[(&str, &str)], unmarked: Option<Calendar>) -> Result<ArrayRef> {
    let get = |key: &str| marks.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned());
    let created_by = get("created_by").unwrap_or_default();
    let schema = Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]));
    let mut conversion = Conversion::of_parquet("/t/f", &get, &created_by, &schema, |_| int96, unmarked)?;
    let batch = RecordBatch::try_new(schema, vec![array]).unwrap();
    conversion.apply(&input(), batch).map(|batch| batch.column(0).clone())
}

fn parquet_day(days: i32, marks: &[(&str, &str)], unmarked: Option<Calendar>) -> Result<i32> {
    let array = Arc::new(Date32Array::from(vec![Some(days), None]));
    parquet(array, false, marks, unmarked).map(|array| array.as_primitive::<Date32Type>().value(0))
}

fn int96(text: &str, marks: &[(&str, &str)], unmarked: Option<Calendar>) -> Result<i64> {
    let array = Arc::new(TimestampMicrosecondArray::from(vec![micros(text)]));
    parquet(array, true, marks, unmarked).map(|array| array.as_primitive::<TimestampMicrosecondType>().value(0))
}

fn avro(text: &str, marks: &[(&str, &str)], unmarked: Option<Calendar>) -> Result<i64> {
    let array = TimestampMillisecondArray::from(vec![micros(text) / 1000]).with_timezone("+00:00");
    let get = |key: &str| marks.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned());
    let schema = Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]));
    let mut conversion = Conversion::of_avro("/t/f", &get, &schema, unmarked)?;
    let batch = RecordBatch::try_new(schema, vec![Arc::new(array)]).unwrap();
    let batch = conversion.apply(&input(), batch)?;
    Ok(batch.column(0).as_primitive::<TimestampMillisecondType>().value(0) * 1000)
}

/// Days that Hive 4.0.1 wrote, and the dates that it was given.
#[test]
fn hives_days_have_the_names_that_hive_gave_them() {
    let hive = [("writer.date.proleptic", "false")];
    for (stored, want) in [
        (-719_164, day(1, 1, 1)),
        (-354_220, day(1000, 3, 1)),
        (-171_597, day(1500, 2, 28)),
        (-171_596, day(1500, 3, 1)),
        (-171_595, day(1500, 3, 1)),
        (-141_428, day(1582, 10, 4)),
        (-141_427, day(1582, 10, 15)),
        (19_782, day(2024, 2, 29)),
    ] {
        assert_eq!(parquet_day(stored, &hive, None).unwrap(), want, "{stored}");
        assert_eq!(parquet_day(stored, &[("writer.date.proleptic", "true")], None).unwrap(), stored);
    }
}

#[test]
fn a_file_that_names_no_calendar_is_read_as_the_caller_says() {
    assert_eq!(parquet_day(-141_427, &[], None).unwrap(), -141_427);
    let error = parquet_day(-141_428, &[], None).unwrap_err();
    assert!(error.to_string().starts_with("/t/f: row 1, column c: it lies before 1582-10-15"), "{error}");
    assert!(error.remedy().unwrap().contains("calendar"), "{error:?}");
    assert_eq!(parquet_day(-141_428, &[], Some(Calendar::Proleptic)).unwrap(), -141_428);
    assert_eq!(parquet_day(-141_428, &[], Some(Calendar::Hybrid)).unwrap(), day(1582, 10, 4));
    let zone_only = [("writer.time.zone", "UTC")];
    assert!(parquet_day(-141_428, &zone_only, None).is_err());
}

#[test]
fn sparks_calendar_depends_on_its_version_and_its_mark() {
    let of = |version: &'static str, key: &'static str| {
        let legacy = ("org.apache.spark.version", version);
        [legacy, (key, "")]
    };
    let old = day(1582, 10, 4);
    for (marks, want) in [
        (of("2.4.8", "x"), old),
        (of("3.0.0", "x"), -141_428),
        (of("3.5.1", "org.apache.spark.legacyDateTime"), old),
        (of("3.5.1", "org.apache.spark.legacyINT96"), -141_428),
        (of("4.0.0", "x"), -141_428),
    ] {
        assert_eq!(parquet_day(-141_428, &marks, None).unwrap(), want, "{marks:?}");
    }
    let text = "1582-10-14 01:02:03";
    assert_eq!(int96(text, &of("3.0.3", "x"), None).unwrap(), micros("1582-10-04 01:02:03"));
    assert_eq!(int96(text, &of("3.1.0", "x"), None).unwrap(), micros(text));
    assert_eq!(int96(text, &of("3.5.1", "org.apache.spark.legacyINT96"), None).unwrap(), micros("1582-10-04 01:02:03"));
    let zoned = |zone| {
        let legacy = [("org.apache.spark.version", "3.5.1"), ("org.apache.spark.legacyINT96", "")];
        int96(text, &[legacy.as_slice(), &[("org.apache.spark.timeZone", zone)]].concat(), None)
    };
    assert_eq!(zoned("UTC").unwrap(), micros("1582-10-04 01:02:03"));
    assert!(zoned("Europe/Berlin").unwrap_err().to_string().contains("spark moved it"));
}

/// Hive 4.0.1 read a file of its own, whose key `writer.time.zone` was made `CET`, as these times.
#[test]
fn int96_of_hive_is_hybrid_and_in_utc() {
    let marks = |zone| [("created_by", "parquet-mr version 1.13.1"), ("writer.time.zone", zone)];
    for (stored, zone, want) in [
        ("0000-12-30 01:02:03.123456", "UTC", "0001-01-01 01:02:03.123456"),
        ("1582-10-14 23:59:59.5", "Z", "1582-10-04 23:59:59.5"),
        ("2024-02-29 12:00:00.123456", "Europe/Berlin", "2024-02-29 13:00:00.123456"),
        ("2024-07-01 12:00:00", "Europe/Berlin", "2024-07-01 14:00:00"),
        ("2024-07-01 12:00:00", "GMT-05:30", "2024-07-01 06:30:00"),
    ] {
        assert_eq!(int96(stored, &marks(zone), None).unwrap(), micros(want), "{stored} {zone}");
    }
    // Hive does not look at the zone of other writers' files.
    let others = [("writer.time.zone", "Europe/Berlin")];
    assert_eq!(int96("2024-07-01 12:00:00", &others, None).unwrap(), micros("2024-07-01 12:00:00"));
    assert!(int96("1582-10-14 12:00:00", &[], None).is_err());
    let error = int96("2024-07-01 12:00:00", &marks("Middle/Earth"), None).unwrap_err();
    assert!(error.to_string().contains("time zone Middle/Earth"), "{error}");
    let legacy = [marks("Europe/Berlin").as_slice(), &[("writer.zone.conversion.legacy", "true")]].concat();
    assert_eq!(int96("2024-07-01 12:00:00", &legacy, None).unwrap(), micros("2024-07-01 14:00:00"));
    assert!(int96("1899-07-01 12:00:00", &legacy, None).unwrap_err().to_string().contains("before 1900"));
}

/// Hive 4.0.1 read a file with these keys so.
#[test]
fn times_of_avro_follow_zone_and_calendar() {
    let hive = |proleptic, zone| [("writer.proleptic", proleptic), ("writer.time.zone", zone)];
    let of = |text, marks: &[(&str, &str)]| avro(text, marks, None);
    assert_eq!(of("0000-12-30 01:02:03", &hive("false", "UTC")).unwrap(), micros("0001-01-01 01:02:03"));
    assert_eq!(of("1582-10-14 01:02:03", &hive("true", "UTC")).unwrap(), micros("1582-10-14 01:02:03"));
    assert_eq!(of("2024-02-29 01:02:03", &hive("true", "Europe/Berlin")).unwrap(), micros("2024-02-29 02:02:03"));
    assert!(of("1582-10-14 01:02:03", &[]).is_err());
    assert_eq!(avro("1582-10-14 01:02:03", &[], Some(Calendar::Hybrid)).unwrap(), micros("1582-10-04 01:02:03"));
    let spark = [("org.apache.spark.version", "3.5.0")];
    assert_eq!(of("1582-10-14 01:02:03", &spark).unwrap(), micros("1582-10-14 01:02:03"));
}
