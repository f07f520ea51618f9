use arrow_schema::{DataType, TimeUnit};

use super::*;
use crate::error::Kind;

/// A column of a type, as information_schema would show it.
pub(in crate::mysql) fn column(name: &str, column_type: &str) -> Column {
    let data_type = column_type.split(['(', ' ']).next().unwrap().to_owned();
    let numbers: Vec<u64> = column_type.split(['(', ')', ',']).skip(1).map_while(|n| n.parse().ok()).collect();
    let temporal = matches!(data_type.as_str(), "time" | "datetime" | "timestamp");
    Column {
        name: name.into(),
        data_type,
        column_type: column_type.into(),
        nullable: true,
        precision: numbers.first().copied().filter(|_| !temporal),
        scale: numbers.get(1).copied(),
        fraction_digits: numbers.first().copied().filter(|_| temporal),
        ..Column::default()
    }
}

fn arrow(column_type: &str, options: &TypeOptions) -> DataType {
    column("x", column_type).mapping(options).unwrap().data_type()
}

fn sqoop() -> TypeOptions {
    TypeOptions { compat: Compat::Sqoop, ..TypeOptions::default() }
}

#[test]
fn every_type_has_its_arrow_type() {
    let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    for (mysql, want) in [
        ("tinyint(1)", DataType::Int8),
        ("tinyint(3) unsigned", DataType::Int16),
        ("smallint(5) unsigned zerofill", DataType::Int32),
        ("mediumint(8) unsigned", DataType::Int32),
        ("int(10) unsigned", DataType::Int64),
        ("int", DataType::Int32),
        ("bigint(20)", DataType::Int64),
        ("bigint unsigned", DataType::Decimal128(20, 0)),
        ("bit(1)", DataType::Boolean),
        ("bit(63)", DataType::Int64),
        ("bit(64)", DataType::Decimal128(20, 0)),
        ("decimal(14,3)", DataType::Decimal128(14, 3)),
        ("decimal(38,30) unsigned", DataType::Decimal128(38, 30)),
        ("decimal(65,30)", DataType::Decimal256(65, 30)),
        ("float", DataType::Float32),
        ("double unsigned", DataType::Float64),
        ("date", DataType::Date32),
        ("datetime(6)", micros(None)),
        ("timestamp", micros(Some("UTC"))),
        ("time(3)", DataType::Utf8),
        ("year(4)", DataType::Int32),
        ("enum('a','unsigned')", DataType::Utf8),
        ("set('a')", DataType::Utf8),
        ("json", DataType::Utf8),
        ("varbinary(16)", DataType::Binary),
        ("longblob", DataType::Binary),
        ("point", DataType::Binary),
        ("vector(3)", DataType::Binary),
    ] {
        assert_eq!(arrow(mysql, &TypeOptions::default()), want, "{mysql}");
    }
}

#[test]
fn hive_holds_38_digits_and_reads_more_as_text() {
    let options = TypeOptions { hive: true, ..TypeOptions::default() };
    assert_eq!(arrow("decimal(38,10)", &options), DataType::Decimal128(38, 10));
    assert_eq!(arrow("decimal(39,10)", &options), DataType::Utf8);
}

#[test]
fn zero_dates_as_text_make_text_columns() {
    for options in [TypeOptions::default(), sqoop()] {
        let options = TypeOptions { zero_dates: ZeroDates::Text, ..options };
        for mysql in ["date", "datetime(3)", "timestamp"] {
            assert_eq!(arrow(mysql, &options), DataType::Utf8, "{mysql}");
        }
    }
    let nulls = TypeOptions { zero_dates: ZeroDates::Null, ..TypeOptions::default() };
    let not_null = Column { nullable: false, ..column("day", "date") };
    assert!(not_null.field(&nulls).unwrap().is_nullable());
    assert!(!not_null.field(&TypeOptions::default()).unwrap().is_nullable());
}

#[test]
fn sqoops_types_and_jdbc_numbers_are_those_it_was_seen_to_write() {
    for (mysql, want, code, java) in [
        ("int(11)", DataType::Int32, 4, "Integer"),
        ("tinyint(4)", DataType::Int32, -6, "Integer"),
        ("tinyint(3) unsigned", DataType::Int32, -6, "Integer"),
        ("smallint(5) unsigned", DataType::Int32, 5, "Integer"),
        ("mediumint(9)", DataType::Int32, 4, "Integer"),
        ("mediumint(8) unsigned", DataType::Int64, -5, "Long"),
        ("int(10) unsigned", DataType::Int64, -5, "Long"),
        ("bigint(20) unsigned", DataType::Int64, -5, "Long"),
        ("tinyint(1)", DataType::Boolean, -7, "Boolean"),
        ("bit(1)", DataType::Boolean, -7, "Boolean"),
        ("bit(8)", DataType::Binary, -7, "Bytes"),
        ("binary(4)", DataType::Binary, -2, "Bytes"),
        ("varbinary(16)", DataType::Binary, -3, "Bytes"),
        ("tinyblob", DataType::Binary, -3, "Bytes"),
        ("longblob", DataType::Binary, -4, "Bytes"),
        ("char(8)", DataType::Utf8, 1, "String"),
        ("varchar(100)", DataType::Utf8, 12, "String"),
        ("longtext", DataType::Utf8, -1, "String"),
        ("enum('a')", DataType::Utf8, 1, "String"),
        ("decimal(38,10)", DataType::Utf8, 3, "BigDecimal"),
        ("float", DataType::Float32, 7, "Float"),
        ("double", DataType::Float64, 8, "Double"),
        ("date", DataType::Int64, 91, "Date"),
        ("datetime(6)", DataType::Int64, 93, "Timestamp"),
        ("timestamp", DataType::Int64, 93, "Timestamp"),
        ("time(6)", DataType::Int64, 92, "Time"),
        ("year(4)", DataType::Int32, 91, "Integer"),
    ] {
        let field = Column { nullable: false, ..column("x", mysql) }.field(&sqoop()).unwrap();
        assert_eq!((field.data_type(), field.is_nullable()), (&want, true), "{mysql}");
        assert_eq!(field.metadata()["avro.prop.sqlType"], code.to_string(), "{mysql}");
        assert_eq!(field.metadata()["avro.prop.columnName"], "x");
        assert_eq!(field.metadata()["java.type"], java, "{mysql}");
    }
    let logical = TypeOptions { logical_decimals: true, ..sqoop() };
    assert_eq!(arrow("decimal(38,10)", &logical), DataType::Decimal128(38, 10));
    let number = TypeOptions { tiny_int_is_bit: false, ..sqoop() };
    assert_eq!(arrow("tinyint(1)", &number), DataType::Int32);
}

#[test]
fn text_files_get_exact_values_for_sqoop_too() {
    let options = TypeOptions { files: ValueForm::Text, ..sqoop() };
    for (mysql, want) in [
        ("decimal(10,2)", DataType::Decimal128(10, 2)),
        ("date", DataType::Date32),
        ("datetime(6)", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("time", DataType::Utf8),
        ("bigint unsigned", DataType::Decimal128(20, 0)),
        ("tinyint(1)", DataType::Boolean),
        ("bit(8)", DataType::Int64),
    ] {
        assert_eq!(arrow(mysql, &options), want, "{mysql}");
    }
}

#[test]
fn the_user_may_ask_for_another_type() {
    let asked = |java: &str, mysql: &str, options: TypeOptions| {
        let java_types = [("X".to_owned(), java.parse().unwrap())].into();
        arrow(mysql, &TypeOptions { java_types, ..options })
    };
    let exact = TypeOptions::default;
    assert_eq!(asked("String", "int", exact()), DataType::Utf8);
    assert_eq!(asked("java.lang.Long", "int", exact()), DataType::Int64);
    assert_eq!(asked("java.math.BigDecimal", "bigint", exact()), DataType::Decimal128(38, 0));
    assert_eq!(asked("BigDecimal", "bigint", sqoop()), DataType::Utf8);
    assert_eq!(asked("BigDecimal", "decimal(65,30)", exact()), DataType::Decimal256(65, 30));
    assert_eq!(asked("java.sql.Timestamp", "date", exact()), DataType::Timestamp(TimeUnit::Microsecond, None));
    assert_eq!(asked("java.sql.Timestamp", "date", sqoop()), DataType::Int64);
    assert_eq!(asked("java.sql.Date", "varchar(10)", exact()), DataType::Date32);
    assert_eq!(asked("String", "date", sqoop()), DataType::Utf8);
    assert_eq!(asked("Integer", "tinyint(1)", sqoop()), DataType::Int32);
    assert!("Colour".parse::<JavaType>().unwrap_err().remedy().unwrap().contains("BigDecimal"));
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for mysql in ["hyperloglog", "bit(65)", "decimal(66,0)"] {
        let error = column("total", mysql).mapping(&TypeOptions::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Schema);
        assert!(error.to_string().contains("column total"), "{error}");
    }
}

#[test]
fn a_field_keeps_comment_and_source_type() {
    let total = Column { comment: "in pounds".into(), ..column("total", "decimal(14,3)") };
    let field = total.field(&TypeOptions::default()).unwrap();
    assert_eq!(field.metadata().get("comment").map(String::as_str), Some("in pounds"));
    assert_eq!(field.metadata().get("mysql.type").map(String::as_str), Some("decimal(14,3)"));
    assert!(!field.metadata().contains_key("avro.prop.sqlType"));
}
