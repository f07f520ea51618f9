//! Every type at its extremes, read into Arrow and compared with the text that the server itself makes of the values;
//! policies for what has no counterpart; rows of more than 16 MiB.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use sakia::error::{Kind, Result};
use sakia::mysql::Connection;
use sakia::mysql::read::Selection;
use sakia::mysql::table::Table;
use sakia::mysql::types::{Compat, TypeOptions, ZeroDates};
use tokio::sync::mpsc;

use super::Scene;

/// Type, and values as SQL.
const TYPES: [(&str, &str); 55] = [
    ("TINYINT", "-128, 0, 127"),
    ("TINYINT UNSIGNED", "0, 1, 255"),
    ("TINYINT(1)", "0, 1, -128"),
    ("SMALLINT", "-32768, 0, 32767"),
    ("SMALLINT UNSIGNED ZEROFILL", "0, 7, 65535"),
    ("MEDIUMINT", "-8388608, 0, 8388607"),
    ("MEDIUMINT UNSIGNED", "0, 1, 16777215"),
    ("INT", "-2147483648, 0, 2147483647"),
    ("INT UNSIGNED", "0, 1, 4294967295"),
    ("BIGINT", "-9223372036854775808, 0, 9223372036854775807"),
    ("BIGINT UNSIGNED", "0, 9223372036854775808, 18446744073709551615"),
    ("DECIMAL(10,0)", "-9999999999, 0, 9999999999"),
    ("DECIMAL(12,2) UNSIGNED", "0, 0.01, 9999999999.99"),
    ("DECIMAL(18,9)", "-999999999.999999999, 0.000000001, 999999999.999999999"),
    ("DECIMAL(38,38)", "-0.99999999999999999999999999999999999999, 0, 1e-38"),
    ("DECIMAL(38,10)", "-9999999999999999999999999999.9999999999, 1, 9999999999999999999999999999.9999999999"),
    (
        "DECIMAL(65,30)",
        "-99999999999999999999999999999999999.999999999999999999999999999999, 1e-30, 12345678901234567890123456789012345.123456789012345678901234567890",
    ),
    ("DECIMAL(65,0)", "-99999999999999999999999999999999999999999999999999999999999999999, 0, 7"),
    ("FLOAT", "-3.4028234e38, 123456.7, 16777216"),
    ("DOUBLE", "-1.7976931348623157e308, 0.1, 4.9e-324"),
    ("BIT(1)", "b'0', b'1', b'1'"),
    ("BIT(9)", "b'0', b'100000001', b'111111111'"),
    ("BIT(63)", "0, 1, 9223372036854775807"),
    ("BIT(64)", "0, 9223372036854775808, 18446744073709551615"),
    ("YEAR", "1901, 0, 2155"),
    ("DATE", "'0001-01-01', '1582-10-10', '9999-12-31'"),
    ("DATETIME", "'1000-01-01 00:00:00', '1970-01-01 00:00:00', '9999-12-31 23:59:59'"),
    ("DATETIME(3)", "'1000-01-01 00:00:00.001', '1969-12-31 23:59:59.999', '9999-12-31 23:59:59.999'"),
    ("DATETIME(6)", "'1000-01-01 00:00:00.000001', '1969-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999'"),
    ("TIMESTAMP NULL", "'1970-01-01 00:00:01', '2001-09-09 01:46:40', '2038-01-19 03:14:07'"),
    ("TIMESTAMP(6) NULL", "'1970-01-01 00:00:01.000001', '2024-10-27 02:30:00.5', '2038-01-19 03:14:07.999999'"),
    ("TIME", "'-838:59:59', '00:00:00', '838:59:59'"),
    ("TIME(6)", "'-838:59:58.999999', '00:00:00.000001', '25:00:00.5'"),
    ("CHAR(8)", "'', 'ab  ', 'ü😀'"),
    ("CHAR(8) COLLATE utf8mb4_bin", "'', 'AB', 'ü'"),
    ("VARCHAR(100)", "'', '  lead trail  ', 'emoji 😀🎉'"),
    ("VARCHAR(100) CHARACTER SET latin1", "'', 'café', 'naïve'"),
    ("VARCHAR(100) CHARACTER SET utf16", "'', 'café', '日本語'"),
    ("TINYTEXT", "'', 'a\\0b', 'x'"),
    ("TEXT", "'', 'line\\r\\nline', 'x'"),
    ("MEDIUMTEXT", "'', REPEAT('é', 70000), 'x'"),
    ("LONGTEXT", "'', REPEAT('a', 300), 'x'"),
    ("ENUM('a','b,c','unsigned')", "'a', 'b,c', 'unsigned'"),
    ("SET('p','q','r')", "'', 'p,r', 'p,q,r'"),
    ("JSON", "'{}', '{\"k\": [1, \"😀\"]}', 'null'"),
    ("BINARY(4)", "'', x'00ff0a2c', 'abcd'"),
    ("VARBINARY(16)", "'', x'00010a0d2c225c7fff', x'fe'"),
    ("TINYBLOB", "'', x'deadbeef', x'00'"),
    ("BLOB", "'', x'00ff', REPEAT(x'fe', 300)"),
    ("MEDIUMBLOB", "'', REPEAT(x'00', 70000), x'ff'"),
    ("LONGBLOB", "'', x'c3a9', x'ff'"),
    ("GEOMETRY", "ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('LINESTRING(0 0,1 1)'), NULL"),
    ("UUID", "'6ccd780c-baba-1026-9564-5b8c656024db', '00000000-0000-0000-0000-000000000000', NULL"),
    ("INET4", "'0.0.0.0', '192.168.1.1', '255.255.255.255'"),
    ("INET6", "'::', '2001:db8::ff00:42:8329', '::ffff:192.0.2.128'"),
];

/// A table with a column `c0`, `c1` ... of each type and a row for each of the values, and one of NULLs.
fn every_type() -> Vec<String> {
    let columns: Vec<String> = TYPES.iter().enumerate().map(|(i, (sql, _))| format!("c{i} {sql}")).collect();
    let mut statements = vec![
        format!("CREATE TABLE t (id INT PRIMARY KEY, {})", columns.join(", ")),
        "INSERT INTO t (id) VALUES (0), (1), (2), (3)".to_owned(),
    ];
    for (i, (_, values)) in TYPES.iter().enumerate() {
        // The values of a row are given by a subselect, as they hold commas of their own.
        for (row, value) in split(values).into_iter().enumerate() {
            statements.push(format!("UPDATE t SET c{i} = {value} WHERE id = {}", row + 1));
        }
    }
    statements
}

/// Cuts at commas outside quotes and brackets.
fn split(values: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for c in values.chars() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.iter().map(|p| p.trim().to_owned()).collect()
}

pub(super) async fn read(selection: &Selection, conn: &mut Connection, order: &str) -> Result<RecordBatch> {
    let (to, mut batches) = mpsc::channel(1000);
    let sql = format!("{} {order}", selection.sql(None));
    let rows = selection.read(conn, &sql, &to).await?;
    drop(to);
    let mut all = Vec::new();
    while let Some(batch) = batches.recv().await {
        all.push(batch);
    }
    let batch = concat_batches(&selection.schema, &all).unwrap();
    assert_eq!(batch.num_rows() as u64, rows);
    Ok(batch)
}

async fn select(scene: &mut Scene, table: &str, options: &TypeOptions) -> Selection {
    let table = Table::describe(&mut scene.conn, &scene.name, table).await.unwrap();
    Selection::table(table, &[], None, options).unwrap()
}

/// A value in MySQL's words; `digits` of a second.
fn text(column: &ArrayRef, row: usize, digits: usize) -> Option<String> {
    use DataType::*;
    let clock = |micros: i64| {
        let epoch = jiff::civil::Date::constant(1970, 1, 1).at(0, 0, 0, 0);
        let text = (epoch + jiff::SignedDuration::from_micros(micros)).to_string();
        let (date, time) = text.split_once('T').unwrap();
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let point = if digits > 0 { "." } else { "" };
        format!("{date} {time}{point}{:0<digits$.digits$}", fraction)
    };
    (!column.is_null(row)).then(|| match column.data_type() {
        Boolean => u8::from(column.as_boolean().value(row)).to_string(),
        Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        Decimal128(..) => column.as_primitive::<Decimal128Type>().value_as_string(row),
        Decimal256(..) => column.as_primitive::<Decimal256Type>().value_as_string(row),
        Float32 => column.as_primitive::<Float32Type>().value(row).to_string(),
        Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        Date32 => clock(i64::from(column.as_primitive::<Date32Type>().value(row)) * 86_400_000_000)[..10].to_owned(),
        Timestamp(..) => clock(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        Utf8 => column.as_string::<i32>().value(row).to_owned(),
        Binary => column.as_binary::<i32>().value(row).iter().map(|b| format!("{b:02X}")).collect(),
        other => panic!("{other}"),
    })
}

/// How the server is asked for the text of a value.
fn server_text(i: usize) -> String {
    let kind = TYPES[i].0;
    match kind {
        _ if kind.starts_with("BIT") || kind.contains("ZEROFILL") => format!("CAST(c{i} + 0 AS CHAR)"),
        // Four digits of the year, and as numbers all that a double has.
        "YEAR" => format!("CAST(c{i} + 0 AS CHAR)"),
        "FLOAT" => format!("CAST(CAST(c{i} AS DOUBLE) AS CHAR)"),
        _ if kind.contains("BINARY") || kind.contains("BLOB") || kind == "GEOMETRY" => format!("HEX(c{i})"),
        _ => format!("CAST(c{i} AS CHAR)"),
    }
}

fn agree(i: usize, ours: Option<&str>, servers: Option<&str>) -> bool {
    match (TYPES[i].0, ours, servers) {
        ("FLOAT", Some(ours), Some(servers)) => ours.parse::<f32>().unwrap() == servers.parse::<f64>().unwrap() as f32,
        ("DOUBLE", Some(ours), Some(servers)) => ours.parse::<f64>().unwrap() == servers.parse::<f64>().unwrap(),
        (_, ours, servers) => ours == servers,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_says_what_the_server_says() {
    let statements = every_type();
    let mut scene = Scene::set(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let texts: Vec<String> = (0..TYPES.len()).map(server_text).collect();
    let sql = format!("SELECT {} FROM t ORDER BY id", texts.join(", "));
    let servers = scene.conn.texts(&sql, "read as text").await.unwrap();

    let options = TypeOptions::default();
    let selection = select(&mut scene, "t", &options).await;
    let ours = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    for (i, (kind, _)) in TYPES.iter().enumerate() {
        let digits = kind.split(['(', ')']).nth(1).and_then(|d| d.parse().ok()).unwrap_or(0);
        for (row, servers) in servers.iter().enumerate() {
            let ours = text(ours.column(i + 1), row, digits);
            assert!(agree(i, ours.as_deref(), servers[i].as_deref()), "{kind}: {ours:?} is not {:?}", servers[i]);
        }
    }
    // A query over the same rows gives the same types and values, though nobody described a table.
    let all = Selection::query(&mut scene.conn, "SELECT * FROM t WHERE $CONDITIONS", &options).await.unwrap();
    let by_query = read(&all, &mut scene.conn, "ORDER BY id").await.unwrap();
    for (i, field) in ours.schema().fields().iter().enumerate() {
        let kind = if i == 0 { "id" } else { TYPES[i - 1].0 };
        assert_eq!(by_query.schema().field(i).data_type(), field.data_type(), "{kind}");
        assert_eq!(by_query.column(i), ours.column(i), "{kind}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_outside_the_calendar_go_by_the_policy() {
    let mut scene = Scene::set(&[
        "SET sql_mode = 'ALLOW_INVALID_DATES'",
        "CREATE TABLE z (id INT PRIMARY KEY, d DATE NOT NULL, dt DATETIME(3) NULL, e ENUM('a','b'))",
        "INSERT INTO z VALUES (1, '2010-01-31', '2010-01-31 01:02:03.5', 'a'), (2, '0000-00-00', '0000-00-00', 'zz')",
        "INSERT INTO z VALUES (3, '2010-02-31', '2010-02-31', 'b'), (4, '2010-00-00', '2010-05-00', 'b')",
    ])
    .await;
    let with = |zero_dates| TypeOptions { zero_dates, ..TypeOptions::default() };
    let selection = select(&mut scene, "z", &with(ZeroDates::Null)).await;
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    assert_eq!((batch.column(1).null_count(), batch.column(2).null_count()), (3, 3));
    // A value that an ENUM does not know is the empty text.
    assert_eq!(batch.column(3).as_string::<i32>().value(1), "");

    let selection = select(&mut scene, "z", &with(ZeroDates::Text)).await;
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    let texts = |i: usize| batch.column(i).as_string::<i32>().iter().map(|t| t.unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(1), ["2010-01-31", "0000-00-00", "2010-02-31", "2010-00-00"]);
    assert_eq!(texts(2)[..2], ["2010-01-31 01:02:03.500", "0000-00-00 00:00:00.000"]);

    let selection = select(&mut scene, "z", &with(ZeroDates::Error)).await;
    let error = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let said = error.to_string();
    assert!(said.contains("row id = 2") && said.contains("column d") && said.contains("0000-00-00"), "{said}");
    // In the middle of an answer: the connection is spoilt, and says so.
    assert!(scene.conn.run("DO 1", "go on").await.is_err());
    scene.conn = scene.client().connect().await.unwrap();
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqoops_types_carry_milliseconds_and_text() {
    let mut scene = Scene::set(&[
        "CREATE TABLE s (id INT PRIMARY KEY, d DATE, dt DATETIME(6), t TIME(3), n DECIMAL(8,2) ZEROFILL, b BIT(9), \
         o TINYINT(1), u BIGINT UNSIGNED)",
        "INSERT INTO s VALUES (1, '1000-01-01', '2024-02-29 23:59:59.123456', '12:34:56.789', 12.3, 257, 2, 7)",
        "INSERT INTO s VALUES (2, NULL, NULL, '-01:00:00', NULL, NULL, NULL, 9223372036854775808)",
    ])
    .await;
    let options = TypeOptions { compat: Compat::Sqoop, zero_dates: ZeroDates::Null, ..TypeOptions::default() };
    let selection = select(&mut scene, "s", &options).await;
    let error = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap_err();
    assert!(error.to_string().contains("row id = 2: column u: the value 9223372036854775808"), "{error}");

    scene.conn = scene.client().connect().await.unwrap();
    scene.conn.run("UPDATE s SET u = 1 WHERE id = 2", "update").await.unwrap();
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    let millis = |i: usize, row: usize| batch.column(i).as_primitive::<Int64Type>().value(row);
    assert_eq!((millis(1, 0), millis(2, 0)), (-30_610_224_000_000, 1_709_251_199_123));
    assert_eq!((millis(3, 0), millis(3, 1)), (45_296_789, -3_600_000));
    assert_eq!(batch.column(4).as_string::<i32>().value(0), "12.30");
    assert_eq!(batch.column(5).as_binary::<i32>().value(0), [1, 1]);
    assert!(batch.column(6).as_boolean().value(0));
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_by_the_users_map_convert_or_name_the_row() {
    let mut scene = Scene::set(&[
        "CREATE TABLE m (id INT PRIMARY KEY, code VARCHAR(10), n DECIMAL(10,2))",
        "INSERT INTO m VALUES (1, '42', 1.50), (2, 'x7', 2)",
    ])
    .await;
    let map = |column: &str, java: &str| TypeOptions {
        java_types: BTreeMap::from([(column.to_owned(), java.parse().unwrap())]),
        ..TypeOptions::default()
    };
    let selection = select(&mut scene, "m", &map("ID", "String")).await;
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().value(1), "2");
    let selection = select(&mut scene, "m", &map("n", "java.lang.Double")).await;
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    assert_eq!(batch.column(2).as_primitive::<Float64Type>().value(0), 1.5);
    let selection = select(&mut scene, "m", &map("code", "Integer")).await;
    let error = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("table") && said.contains("row id = 2: column code: the value x7"), "{said}");
    scene.conn = scene.client().connect().await.unwrap();
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_packets_and_many_batches_arrive_whole() {
    let mut scene = Scene::set(&[
        "CREATE TABLE big (id INT PRIMARY KEY, a LONGBLOB, b LONGBLOB, c LONGBLOB, d LONGBLOB, e LONGBLOB)",
        "INSERT INTO big (id, a) VALUES (1, 'first'), (2, ''), (3, 'last')",
        "UPDATE big SET a = REPEAT('a', 15000000), b = REPEAT('b', 15000000), c = REPEAT('c', 15000000) WHERE id = 2",
        "UPDATE big SET d = REPEAT('d', 15000000), e = REPEAT('e', 7000000) WHERE id = 2",
    ])
    .await;
    let selection = select(&mut scene, "big", &TypeOptions::default()).await;
    let batch = read(&selection, &mut scene.conn, "ORDER BY id").await.unwrap();
    for (i, letter, len) in [(1, b'a', 15_000_000), (4, b'd', 15_000_000), (5, b'e', 7_000_000)] {
        let value = batch.column(i).as_binary::<i32>().value(1);
        assert!(value.len() == len && value.iter().all(|b| *b == letter));
    }
    assert_eq!(batch.column(1).as_binary::<i32>().value(2), b"last");

    let sql = "SELECT seq AS n, CONCAT('row ', seq) AS t FROM seq_1_to_100000 WHERE $CONDITIONS";
    let query = Selection::query(&mut scene.conn, sql, &TypeOptions::default()).await.unwrap();
    let batch = read(&query, &mut scene.conn, "").await.unwrap();
    let sum: i128 = match batch.column(0).data_type() {
        DataType::Decimal128(..) => batch.column(0).as_primitive::<Decimal128Type>().values().iter().sum(),
        _ => batch.column(0).as_primitive::<Int64Type>().values().iter().map(|n| i128::from(*n)).sum(),
    };
    assert_eq!((batch.num_rows(), sum), (100_000, 5_000_050_000));
    assert_eq!(batch.column(1).as_string::<i32>().value(99_999), "row 100000");
    // The connection is as good as new.
    assert!(scene.conn.run("DO 1", "go on").await.is_ok());
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_mid_stream_is_the_servers() {
    let mut scene = Scene::set(&["CREATE TABLE n (id INT PRIMARY KEY)"]).await;
    // The fifth row of the subquery makes the statement fail after rows were sent.
    let sql = "SELECT seq, (SELECT seq FROM seq_1_to_2 AS two WHERE s.seq > 50000) AS one FROM seq_1_to_100000 AS s \
               WHERE $CONDITIONS";
    let query = Selection::query(&mut scene.conn, sql, &TypeOptions::default()).await.unwrap();
    let error = read(&query, &mut scene.conn, "").await.unwrap_err();
    assert!(error.to_string().contains("1242"), "{error}");
    assert!(scene.conn.run("DO 1", "go on").await.is_ok());
    let error = Selection::query(&mut scene.conn, "SELECT 1", &TypeOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("must contain '$CONDITIONS' in WHERE clause"), "{error}");
    scene.clear().await;
}
