//! The type matrix: every MySQL type and what becomes of it, written into docs/types.md by `make bless` and held here.

use std::fmt::Write;

use sakia::mysql::types::{Column, Compat, FileKind, TypeOptions};

const HEAD: &str = "# MySQL types and what becomes of them

Written by a test (`make bless`); do not edit.

- **exact** is the default: every value as it is. `Decimal256` becomes text where Hive reads the files, as Hive holds 38
  digits at most.
- **sqoop** is `--compat sqoop` in Avro and Parquet files: what Sqoop 1.4.7 writes, except where Sqoop bends values
  (BIT of several bits, which it turns into true and false). Times are milliseconds from 1970, decimals plain text.
- **sqoop, text** is the same in delimited text: the values are exact, and written as Sqoop writes them.
- **Java** and **JDBC** are the type that Sqoop gives the column and its number, as Avro's property `sqlType` has it.
- Zero and impossible dates are an error unless zero-dates says NULL or text; with text, the columns of DATE, DATETIME
  and TIMESTAMP become text.

| MySQL | exact | sqoop | sqoop, text | Java | JDBC |
|---|---|---|---|---|---|
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
        comment: String::new(),
        data_type,
    }
}

fn matrix() -> String {
    let exact = TypeOptions::default();
    let hive = TypeOptions { hive: true, ..TypeOptions::default() };
    let sqoop = TypeOptions { compat: Compat::Sqoop, ..TypeOptions::default() };
    let text = TypeOptions { files: FileKind::Text, ..sqoop.clone() };
    let mut page = HEAD.to_owned();
    for kind in TYPES {
        let column = column(kind);
        let arrow = |options: &TypeOptions| column.field(options).unwrap().data_type().to_string();
        let mut by_default = arrow(&exact);
        if arrow(&hive) != by_default {
            write!(by_default, "; {} for Hive", arrow(&hive)).unwrap();
        }
        let (java, jdbc) = (column.java_type(&sqoop), column.jdbc_code(&sqoop));
        writeln!(page, "| `{kind}` | {by_default} | {} | {} | {java} | {jdbc} |", arrow(&sqoop), arrow(&text)).unwrap();
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
