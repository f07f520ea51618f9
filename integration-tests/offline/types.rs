//! The type matrix: every MySQL type and what becomes of it, written into docs/types.md by `make bless` and held here.

use std::fmt::Write;

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use bytes::Bytes;
use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use sakia::format::avro::AvroTimestamps;
use sakia::format::{AvroOptions, FileFormat, Output, ParquetOptions};
use sakia::metastore::HiveStorage;
use sakia::metastore::types::{hive_type, table_columns};
use sakia::mysql::types::{Column, Compat, TypeOptions, ValueForm};

const HEAD: &str = "# MySQL types and what becomes of them

Written by a test (`make bless`); do not edit.

- **exact** is the default: every value as it is. `Decimal256` becomes text where Hive reads the files, as Hive holds 38
  digits at most.
- **sqoop** is `--compat sqoop` in Avro and Parquet files: what Sqoop 1.4.7 writes, except where Sqoop bends values
  (BIT of several bits, which it turns into true and false). Times are milliseconds from 1970, decimals plain text.
- **sqoop, text** is the same in delimited text: the values are exact, and written as Sqoop writes them.
- **Java** and **JDBC** are the type that Sqoop gives the column and its number, as Avro's property `sqlType` has it.
- **Hive**, **Parquet** and **Avro** are what the exact values are there, **Hive** for a table of Parquet or Avro files.
  Avro's times are micros where no Hive table is registered; for Hive they are `timestamp-millis`, and finer values are
  refused. Parquet's times are INT96 for Hive before 4.
- **Hive, text** is the column of a Hive table of delimited text. Bytes are base64 there, in a column of strings:
  `unbase64` makes bytes of them in a query; with `--compat sqoop` they are pairs of hexadecimal digits. SequenceFiles
  hold the same texts; so do HBase cells, in which bytes are pairs of hexadecimal digits.
- Zero and impossible dates are an error unless zero-dates says NULL or text; with text, the columns of DATE, DATETIME
  and TIMESTAMP become text.

| MySQL | exact | Hive | Hive, text | Parquet | Avro | sqoop | sqoop, text | Java | JDBC |
|---|---|---|---|---|---|---|---|---|---|
";

const TYPES: &[&str] = &[
    "tinyint(4)",
    "tinyint(3) unsigned",
    "tinyint(1)",
    "smallint(6)",
    "smallint(5) unsigned",
    "mediumint(9)",
    "mediumint(8) unsigned",
    "int(11)",
    "int(10) unsigned",
    "bigint(20)",
    "bigint(20) unsigned",
    "decimal(10,0)",
    "decimal(38,10)",
    "decimal(12,2) unsigned",
    "decimal(65,30)",
    "float",
    "double",
    "bit(1)",
    "bit(8)",
    "bit(64)",
    "year(4)",
    "date",
    "datetime",
    "datetime(6)",
    "timestamp",
    "timestamp(6)",
    "time",
    "time(6)",
    "char(8)",
    "varchar(100)",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum('a','b')",
    "set('a','b')",
    "json",
    "uuid",
    "inet4",
    "inet6",
    "binary(4)",
    "varbinary(16)",
    "tinyblob",
    "blob",
    "mediumblob",
    "longblob",
    "vector(3)",
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
];

/// A column as information_schema shows it.
fn column(column_type: &str) -> Column {
    let data_type = column_type.split(['(', ' ']).next().unwrap().to_owned();
    let numbers: Vec<u64> = column_type.split(['(', ')', ',']).skip(1).map_while(|n| n.parse().ok()).collect();
    let timed = matches!(data_type.as_str(), "time" | "datetime" | "timestamp");
    Column {
        name: "x".into(),
        column_type: column_type.into(),
        nullable: true,
        precision: numbers.first().copied().filter(|_| !timed),
        scale: numbers.get(1).copied(),
        fraction_digits: numbers.first().copied().filter(|_| timed),
        data_type,
        ..Column::default()
    }
}

/// The type of a column in the footer of a Parquet file.
fn in_parquet(field: &Field) -> String {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let mut file = Output::default();
    let mut encoder = FileFormat::Parquet(ParquetOptions::default()).encoder(schema).unwrap();
    encoder.finish(&mut file).unwrap();
    let file = SerializedFileReader::new(Bytes::from(file.into_bytes())).unwrap();
    let column = file.metadata().file_metadata().schema_descr().column(0);
    let length = match column.type_length() {
        length if length > 0 => format!("({length})"),
        _ => String::new(),
    };
    let logical = match column.logical_type_ref() {
        Some(LogicalType::Decimal(d)) => format!(" decimal({},{})", d.precision, d.scale),
        Some(LogicalType::Integer(i)) => format!(" of {} bits", i.bit_width),
        Some(LogicalType::Timestamp(t)) if t.is_adjusted_to_u_t_c => " timestamp(µs, UTC)".to_owned(),
        Some(LogicalType::Timestamp(_)) => " timestamp(µs)".to_owned(),
        Some(other) => format!(" {other:?}").to_lowercase(),
        None => String::new(),
    };
    format!("{}{length}{logical}", column.physical_type())
}

/// The type of a column in the schema of an Avro file.
fn in_avro(field: &Field) -> String {
    let options = AvroOptions { timestamps: AvroTimestamps::Micros, ..AvroOptions::new("t") };
    let schema = Schema::new(vec![field.clone()]);
    let json = FileFormat::Avro(options).avro_schema_json(&schema).unwrap().unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    match &json["fields"][0]["type"][1] {
        serde_json::Value::String(plain) => plain.clone(),
        logical => {
            let digits = match (&logical["precision"], &logical["scale"]) {
                (serde_json::Value::Null, _) => String::new(),
                (precision, scale) => format!("({precision},{scale})"),
            };
            let (own, logical) = (logical["type"].as_str().unwrap(), logical["logicalType"].as_str().unwrap());
            format!("{own} {logical}{digits}")
        }
    }
}

/// The type of a column in a Hive table of text.
fn in_hive_text(column: &Column) -> String {
    let options = TypeOptions { hive: true, files: ValueForm::Text, ..TypeOptions::default() };
    let schema = Schema::new(vec![column.field(&options).unwrap()]);
    let storage = HiveStorage::Text { fields: '\u{1}', lines: '\n', escaped_by: None, null: None };
    table_columns(&schema, &storage, &[]).unwrap().remove(0).hive_type
}

fn matrix() -> String {
    let exact = TypeOptions::default();
    let hive = TypeOptions { hive: true, ..TypeOptions::default() };
    let sqoop = TypeOptions { compat: Compat::Sqoop, ..TypeOptions::default() };
    let text = TypeOptions { files: ValueForm::Text, ..sqoop.clone() };
    let mut page = HEAD.to_owned();
    for kind in TYPES {
        let column = column(kind);
        let arrow = |options: &TypeOptions| column.field(options).unwrap().data_type().to_string();
        let mut by_default = arrow(&exact);
        if arrow(&hive) != by_default {
            write!(by_default, "; {} for Hive", arrow(&hive)).unwrap();
        }
        let (java, jdbc) = (column.java_type(&sqoop), column.jdbc_code(&sqoop));
        let field = column.field(&exact).unwrap();
        let mut in_hive = hive_type(column.field(&hive).unwrap().data_type()).unwrap();
        let in_text = in_hive_text(&column);
        let (parquet, avro) = (in_parquet(&field), in_avro(&field));
        // Hive takes the columns of an Avro table from its schema, which has no shorter number.
        if avro == "int" && in_hive != "int" {
            in_hive.push_str("; int in Avro");
        }
        let (sqoop, text) = (arrow(&sqoop), arrow(&text));
        writeln!(
            page,
            "| `{kind}` | {by_default} | {in_hive} | {in_text} | {parquet} | {avro} | {sqoop} | {text} | {java} | {jdbc} |"
        )
        .unwrap();
    }
    page
}

#[test]
fn the_type_matrix_is_as_written() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/types.md");
    let page = matrix();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(file, &page).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap_or_default() == page, "docs/types.md is old: run make bless");
}
