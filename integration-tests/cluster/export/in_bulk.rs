//! MariaDB's bulk execution stores, refuses and triggers what single statements of SQL do.

use std::sync::Arc;

use mysql_async::{Conn, OptsBuilder};
use sakia::mysql::MySqlOptions;
use sakia::mysql::session::Session;
use sakia::mysql::table::Table;
use sakia::mysql::write::{Action, Means, Reading, Rows, Statement, Target, Value, Writer, Written};

use super::Scene;
use crate::container::{self, Container};

const BULK: Means = Means::Many { bulk: 7, statement: 3 };

/// A value of a column: one of a binary file, or text in one of its two readings.
#[derive(Clone, Copy, Debug)]
enum Cell {
    Is(Value<'static>),
    Exact(&'static str),
    Sqoop(&'static str),
}

use Cell::{Exact, Is, Sqoop};

fn columns() -> Vec<(&'static str, Vec<Cell>)> {
    let numbers =
        |from: i128, to: i128| vec![Is(Value::Integer(from)), Is(Value::Integer(to)), Exact("0"), Exact("-0")];
    let text = vec![
        Exact(""),
        Exact("it's \\ \"quoted\"\n\t\r\0\u{1a}%_"),
        Exact("NULL"),
        Exact("café ☕ 😀"),
        Exact("  blanks "),
        Exact("'"),
        Exact("\\"),
        Is(Value::Double(0.1)),
    ];
    let latin1 = vec![Exact("é ü ß €"), Exact("\\'x"), Exact("")];
    let bytes = vec![
        Is(Value::Bytes(b"\0\x01\xff\xfe'\\\n\x1a")),
        Is(Value::Bytes(b"")),
        Is(Value::Text("text")),
        Exact("AP8="),
        Sqoop("00 ff 27"),
    ];
    let point = b"\0\0\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40";
    let moments = vec![
        Is(Value::Moment(1_709_210_096_000_000)),
        Exact("2024-02-29 12:34:56"),
        Exact("2038-01-19 03:14:07"),
        Is(Value::Day(1)),
    ];
    let fine = vec![
        Is(Value::Moment(1_709_210_096_123_456)),
        Exact("1970-01-01 00:00:01.000001"),
        Exact("2024-02-29 12:34:56.5"),
        Sqoop("2024-12-31 23:59:59.9999999"),
    ];
    vec![
        ("TINYINT(1)", vec![Is(Value::Bool(true)), Exact("false"), Is(Value::Integer(-128)), Exact("127")]),
        ("TINYINT UNSIGNED", numbers(0, 255)),
        ("SMALLINT", numbers(-32_768, 32_767)),
        ("MEDIUMINT UNSIGNED", numbers(0, 16_777_215)),
        ("INT", numbers(i32::MIN.into(), i32::MAX.into())),
        ("INT ZEROFILL", numbers(0, 42)),
        ("BIGINT", numbers(i64::MIN.into(), i64::MAX.into())),
        ("BIGINT UNSIGNED", numbers(0, u64::MAX.into())),
        ("BIT(1)", vec![Exact("1"), Exact("0"), Is(Value::Bool(true))]),
        ("BIT(10)", vec![Exact("1023"), Is(Value::Bytes(&[2, 1])), Is(Value::Integer(49))]),
        ("BIT(64)", vec![Exact("18446744073709551615"), Is(Value::Integer(1 << 63)), Exact("0")]),
        (
            "DECIMAL(65,30)",
            vec![
                Exact("-99999999999999999999999999999999999.999999999999999999999999999999"),
                Exact("0.000000000000000000000000000001"),
                Exact("-0"),
                Exact("1e-5"),
                Is(Value::Integer(i128::from(u64::MAX) * 7)),
            ],
        ),
        ("DECIMAL(10,2)", vec![Exact("1.50"), Sqoop("1.005"), Sqoop("-1.995"), Is(Value::Double(0.25)), Exact("7")]),
        ("DECIMAL(20)", vec![Exact("18446744073709551616"), Is(Value::Integer(-5))]),
        (
            "FLOAT",
            vec![
                Is(Value::Single(0.1)),
                Exact("-3.4028235e38"),
                Is(Value::Single(f32::MIN_POSITIVE)),
                Exact("16777216"),
            ],
        ),
        ("FLOAT(7,2)", vec![Exact("12345.67"), Exact("0.005"), Is(Value::Single(-1.5))]),
        (
            "DOUBLE",
            vec![
                Is(Value::Double(0.1)),
                Is(Value::Double(-0.0)),
                Is(Value::Double(f64::MAX)),
                Is(Value::Double(f64::MIN_POSITIVE)),
                Exact("1234567890.123456789"),
            ],
        ),
        ("DOUBLE(20,3)", vec![Exact("0.0005"), Exact("-123456.7885")]),
        ("YEAR", vec![Exact("0"), Exact("1901"), Is(Value::Integer(2155))]),
        (
            "DATE",
            vec![
                Exact("2024-02-29"),
                Is(Value::Day(-1)),
                Exact("0000-00-00"),
                Exact("9999-12-31"),
                Exact("2024-00-00"),
            ],
        ),
        ("DATETIME", [moments.clone(), vec![Exact("0000-00-00 00:00:00"), Exact("9999-12-31 23:59:59")]].concat()),
        ("DATETIME(6)", [fine.clone(), vec![Exact("0001-01-01 00:00:00.000001")]].concat()),
        ("DATETIME(3)", vec![Exact("2024-01-01 00:00:00.123"), Sqoop("2024-01-01 00:00:00.1239")]),
        ("TIMESTAMP", moments),
        ("TIMESTAMP(6)", fine),
        ("TIME", vec![Exact("-838:59:59"), Is(Value::Clock(86_399_000_000)), Exact("00:00:00")]),
        ("TIME(6)", vec![Is(Value::Clock(-1)), Exact("838:59:59.999999"), Exact("1:2:3.5")]),
        ("CHAR(20)", vec![Exact("café ☕ 😀"), Exact("blank "), Exact("")]),
        ("VARCHAR(60)", text.clone()),
        ("VARCHAR(60) CHARACTER SET latin1", latin1.clone()),
        ("CHAR(20) CHARACTER SET ucs2", latin1.clone()),
        ("VARCHAR(60) COLLATE utf8mb4_bin", text.clone()),
        ("TEXT", text.clone()),
        ("TINYTEXT CHARACTER SET latin1", latin1),
        ("LONGTEXT", text),
        ("JSON", vec![Exact("{\"k\": [1, \"ü\\n\\\\\"]}"), Exact("null"), Exact("1")]),
        ("UUID", vec![Exact("123e4567-e89b-12d3-a456-426655440000"), Exact("ffffffff-ffff-ffff-ffff-fffffffffffe")]),
        ("INET6", vec![Exact("::1"), Exact("2001:db8::ff00:42:8329")]),
        ("INET4", vec![Exact("192.0.2.1")]),
        ("ENUM('a','ü','1','')", vec![Exact("a"), Exact("ü"), Exact("1"), Exact("")]),
        ("SET('x','y','z')", vec![Exact("x,z"), Exact(""), Exact("y")]),
        ("BINARY(8)", vec![Is(Value::Bytes(b"\0\xff'")), Is(Value::Bytes(b"12345678"))]),
        ("VARBINARY(300)", bytes.clone()),
        ("BLOB", bytes.clone()),
        ("LONGBLOB", bytes),
        ("POINT", vec![Is(Value::Bytes(point))]),
        ("GEOMETRY", vec![Is(Value::Bytes(point))]),
    ]
}

/// Writes rows and commits; over bulk execution or by statements.
async fn write(scene: &Scene, table: &Target, action: Action, means: Means, rows: &Rows) -> Written {
    let statement = Arc::new(Statement::new(action, &table.quoted(), &table.columns));
    let mut writer = Writer::open(&scene.client(), statement, means, &table.name, &Session::Ours).await.unwrap();
    let written = writer.write(rows).await.unwrap();
    writer.commit().await.unwrap();
    writer.close().await;
    written
}

async fn target(scene: &mut Scene, name: &str) -> Target {
    let client = scene.client();
    let mut conn = client.connect().await.unwrap();
    let table = Table::describe(&mut conn, client.database(), name).await.unwrap();
    conn.close().await;
    Target::table(&table).unwrap()
}

/// The rows of two tables, each value as bytes that differ where values do.
async fn assert_same(scene: &mut Scene, one: &str, other: &str) -> usize {
    let columns = target(scene, one).await.columns;
    let all: Vec<String> = columns
        .iter()
        .map(|c| match c.column_type.split(['(', ' ']).next().unwrap() {
            "float" | "double" => format!("CONCAT(`{0}`, '/', `{0}` + 0e0, '/', IFNULL(1/`{0}`, ''))", c.name),
            _ => format!("HEX(`{0}`), `{0}`", c.name),
        })
        .collect();
    let query = |table: &str| format!("SELECT {} FROM {table} ORDER BY 1, 2, 3, 4", all.join(", "));
    let (one, other) = (scene.rows(&query(one)).await, scene.rows(&query(other)).await);
    assert_eq!(one.len(), other.len());
    for (row, (one, other)) in one.iter().zip(&other).enumerate() {
        for (at, (one, other)) in one.iter().zip(other).enumerate() {
            assert_eq!(one, other, "row {row}, value {at}");
        }
    }
    one.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_stored_as_by_statements() {
    let columns = columns();
    let list: Vec<String> = columns.iter().enumerate().map(|(n, (sql, _))| format!("c{n} {sql} NULL")).collect();
    let mut scene =
        Scene::set(&[&format!("CREATE TABLE a (id INT PRIMARY KEY, {})", list.join(", ")), "CREATE TABLE b LIKE a"])
            .await;
    let (a, b) = (target(&mut scene, "a").await, target(&mut scene, "b").await);
    let mut rows = Rows::new(a.columns.len());
    for row in 0..60usize {
        a.columns[0].kind.write(Value::Integer(row as i128), rows.field()).unwrap();
        rows.end_field();
        for (at, (column, (sql, cells))) in a.columns[1..].iter().zip(&columns).enumerate() {
            let cell = if (row + at) % 11 == 10 { Is(Value::Null) } else { cells[row % cells.len()] };
            let written = match cell {
                Is(value) => column.kind.write(value, rows.field()),
                Exact(text) => column.kind.write_text(text, Reading::Exact, rows.field()),
                Sqoop(text) => column.kind.write_text(text, Reading::Sqoop, rows.field()),
            };
            written.unwrap_or_else(|e| panic!("{sql} {cell:?}: {e}"));
            rows.end_field();
        }
        rows.end_row();
    }
    let in_bulk = write(&scene, &a, Action::Insert, BULK, &rows).await;
    let by_statements = write(&scene, &b, Action::Insert, Means::Pipelined, &rows).await;
    assert_eq!(in_bulk, by_statements);
    assert_eq!((in_bulk.rows, in_bulk.bad), (60, vec![]));
    assert_eq!(assert_same(&mut scene, "a", "b").await, 60);
    scene.clear().await;
}

const LIMITS: &str = "(id INT PRIMARY KEY, v VARCHAR(5) NOT NULL, n TINYINT UNSIGNED, l VARCHAR(9) CHARACTER SET latin1, \
    at DATETIME, j JSON, e ENUM('a'), g GEOMETRY, b BIT(3), f FLOAT, parent INT, UNIQUE KEY only_one (parent), \
    CHECK (n <> 13), FOREIGN KEY (parent) REFERENCES p (id))";

/// Rows of which some are bad, each in its own way, at the ends of packets too.
fn rows_of_limits(count: usize) -> Rows {
    let bad: [(usize, usize, &[u8]); 17] = [
        (0, 2, b"256"),
        (6, 2, b"-1"),
        (7, 1, b"'longer'"),
        (20, 2, b"13"),
        (21, 0, b"20"),
        (22, 3, "'☕'".as_bytes()),
        (23, 4, b"'2024-02-30 00:00:00'"),
        (24, 4, b"'1000-00-00 25:00:00'"),
        (25, 5, b"'{'"),
        (26, 6, b"'b'"),
        (27, 7, b"X'00'"),
        (28, 10, b"7"),
        (41, 2, b"99999999999999999999"),
        (42, 0, b"18446744073709551615"),
        (60, 9, b"1e300"),
        (61, 10, b"1"),
        (count - 1, 1, b"NULL"),
    ];
    let mut rows = Rows::new(11);
    for row in 0..count {
        let id = (row * 10).to_string();
        let good: [&[u8]; 11] = [
            id.as_bytes(),
            b"'v'",
            b"1",
            "'é'".as_bytes(),
            b"'2024-01-01 00:00:00'",
            b"'{}'",
            b"'a'",
            b"NULL",
            b"7",
            b"1e-1",
            b"NULL",
        ];
        for (column, literal) in good.into_iter().enumerate() {
            let found = bad.iter().find(|(at, place, _)| (*at, *place) == (row, column));
            // Of the row that is not a duplicate yet.
            let literal = if (row, column) == (59, 10) { b"1" } else { found.map_or(literal, |(.., bad)| bad) };
            rows.field().extend_from_slice(literal);
            rows.end_field();
        }
        rows.end_row();
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_row_is_found_with_the_same_reason() {
    let mut scene = Scene::set(&[
        "CREATE TABLE p (id INT PRIMARY KEY)",
        "INSERT INTO p VALUES (1), (2)",
        &format!("CREATE TABLE a {LIMITS}"),
        &format!("CREATE TABLE b {LIMITS}"),
    ])
    .await;
    let (a, b) = (target(&mut scene, "a").await, target(&mut scene, "b").await);
    let rows = rows_of_limits(100);
    for bulk in [1, 7, 50, 1000] {
        scene.sql("DELETE FROM a").await;
        scene.sql("DELETE FROM b").await;
        let in_bulk = write(&scene, &a, Action::Insert, Means::Many { bulk, statement: 10 }, &rows).await;
        let by_statements = write(&scene, &b, Action::Insert, Means::Pipelined, &rows).await;
        let strip = |written: &Written, table: &str| {
            let mut written = written.clone();
            // The table's name is in some of the server's words.
            let names = [(format!("`{table}`"), "`t`"), (format!("`{table}_"), "`t_"), (format!("`{table}."), "`t.")];
            for bad in &mut written.bad {
                names.iter().for_each(|(name, same)| bad.reason = bad.reason.replace(name, same));
            }
            written
        };
        assert_eq!(strip(&in_bulk, "a"), strip(&by_statements, "b"), "{bulk} rows a packet");
        assert_eq!((in_bulk.rows, in_bulk.bad.len()), (83, 17), "{bulk} rows a packet: {in_bulk:#?}");
        assert_eq!(assert_same(&mut scene, "a", "b").await, 83);
    }
    scene.clear().await;
}

const AUDITED: &str = "(id INT PRIMARY KEY, v VARCHAR(20), n INT UNIQUE)";

/// Rows some of which meet rows of the table, or each other.
fn rows_that_meet() -> Rows {
    let mut rows = Rows::new(3);
    for n in 0..40 {
        let (id, v, other) = (n % 25, format!("'v{n}'"), n / 2 + 100);
        for literal in [id.to_string(), v, other.to_string()] {
            rows.field().extend_from_slice(literal.as_bytes());
            rows.end_field();
        }
        rows.end_row();
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upserts_and_triggers_do_the_same() {
    let server = own_mariadb();
    let mut scene = on(&server).await;
    for table in ["a", "b"] {
        scene.sql(&format!("CREATE TABLE {table} {AUDITED}")).await;
        scene.sql(&format!("CREATE TABLE log_{table} (no INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60))")).await;
        for (when, what) in [("BEFORE", "INSERT"), ("AFTER", "INSERT"), ("BEFORE", "UPDATE"), ("AFTER", "UPDATE")] {
            let body =
                format!("INSERT INTO log_{table} (what) VALUES (CONCAT('{when} {what} ', NEW.id, NEW.v, NEW.n))");
            scene
                .sql(&format!("CREATE TRIGGER {table}_{when}_{what} {when} {what} ON {table} FOR EACH ROW {body}"))
                .await;
        }
        scene.sql(&format!("INSERT INTO {table} VALUES (3, 'old', 1), (30, 'old', 105), (31, 'old', 2)")).await;
    }
    let (a, b) = (target(&mut scene, "a").await, target(&mut scene, "b").await);
    let rows = rows_that_meet();
    for action in [Action::Upsert, Action::Insert] {
        let in_bulk = write(&scene, &a, action.clone(), BULK, &rows).await;
        let by_statements = write(&scene, &b, action.clone(), Means::Pipelined, &rows).await;
        assert_eq!(in_bulk, by_statements, "{action:?}");
        assert!(assert_same(&mut scene, "a", "b").await > 10, "{action:?}");
        if action == Action::Upsert {
            assert_eq!((in_bulk.rows, in_bulk.bad.len()), (38, 2));
            let logged = scene.rows("SELECT what FROM log_a ORDER BY no").await;
            assert_eq!(logged, scene.rows("SELECT what FROM log_b ORDER BY no").await);
            assert!(logged.len() > 100, "{}", logged.len());
        }
        scene.sql("DELETE FROM a WHERE id > 10").await;
        scene.sql("DELETE FROM b WHERE id > 10").await;
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_any_size_arrive_or_are_refused() {
    let mut scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)"]).await;
    let table = target(&mut scene, "t").await;
    let max = scene.rows("SELECT @@GLOBAL.max_allowed_packet").await.concat()[0].parse::<usize>().unwrap();
    // The head of a packet, the id and the length.
    let around = 11 + 9 + 5;
    let one_packet = (1 << 24) - 1;
    let lens = [
        10,
        900_000,
        one_packet - around - 1,
        one_packet - around,
        one_packet - around + 1,
        2 * one_packet,
        max - around - 10,
        max,
        3,
    ];
    let mut rows = Rows::new(2);
    for (id, len) in lens.iter().enumerate() {
        table.columns[0].kind.write(Value::Integer(id as i128), rows.field()).unwrap();
        rows.end_field();
        let bytes: Vec<u8> = (0..*len).map(|at| (at % 251) as u8).collect();
        table.columns[1].kind.write(Value::Bytes(&bytes), rows.field()).unwrap();
        rows.end_field();
        rows.end_row();
    }
    let written = write(&scene, &table, Action::Insert, Means::Many { bulk: 100, statement: 100 }, &rows).await;
    assert_eq!((written.rows, written.bad.len(), written.bad[0].row), (8, 1, 7), "{:?}", written.bad);
    assert!(written.bad[0].reason.contains("max_allowed_packet"), "{:?}", written.bad);
    let found = scene.rows("SELECT LENGTH(b), HEX(RIGHT(b, 1)) FROM t ORDER BY id").await;
    let want: Vec<Vec<String>> = lens
        .iter()
        .filter(|len| **len != max)
        .map(|len| vec![len.to_string(), format!("{:02X}", (len - 1) % 251)])
        .collect();
    assert_eq!(found, want);
    scene.clear().await;
}

/// The server prepares a statement again by itself, which must lose no row of the packet at hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_changes_between_transactions_loses_no_row() {
    let mut scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))"]).await;
    let table = target(&mut scene, "t").await;
    let statement = Arc::new(Statement::new(Action::Insert, &table.quoted(), &table.columns));
    let mut writer = Writer::open(&scene.client(), statement, BULK, "t", &Session::Ours).await.unwrap();
    for (round, change) in
        ["SELECT 1", "FLUSH TABLES t", "ALTER TABLE t ADD more INT", "ALTER TABLE t MODIFY v TEXT FIRST", "TRUNCATE t"]
            .into_iter()
            .enumerate()
    {
        scene.sql(change).await;
        let mut rows = Rows::new(2);
        for id in 0..20 {
            for literal in [(round * 20 + id).to_string(), format!("'v{id}'")] {
                rows.field().extend_from_slice(literal.as_bytes());
                rows.end_field();
            }
            rows.end_row();
        }
        let written = writer.write(&rows).await.unwrap();
        writer.commit().await.unwrap();
        assert_eq!((written.rows, written.bad), (20, vec![]), "{change}");
        let rounds = if change == "TRUNCATE t" { 1 } else { round + 1 };
        let found = scene.rows("SELECT COUNT(*), COUNT(DISTINCT v), MAX(id) FROM t").await.concat();
        assert_eq!(found, [(rounds * 20).to_string(), "20".to_owned(), (round * 20 + 19).to_string()], "{change}");
    }
    writer.close().await;
    scene.clear().await;
}

/// How often the session that wrote had executed a prepared statement, told by a trigger.
const EXECUTED: &str = "CREATE TRIGGER tell BEFORE INSERT ON t FOR EACH ROW SET NEW.executed = (SELECT VARIABLE_VALUE \
    FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'COM_STMT_EXECUTE')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_in_bulk_by_itself_where_the_server_lets_it() {
    let server = own_mariadb();
    let mut scene = on(&server).await;
    scene.sql("CREATE TABLE t (id INT PRIMARY KEY, executed INT)").await;
    scene.sql(EXECUTED).await;
    scene.file("in/0", (0..5000).map(|n| format!("{n},null\n")).collect::<String>());
    let cases =
        [("ROW", "", 3), ("ROW", "rows-per-statement = 500\n", 10), ("ROW", "batch = true\n", 0), ("STATEMENT", "", 1)];
    for (format, more, executions) in cases {
        scene.sql(&format!("SET GLOBAL binlog_format = '{format}'")).await;
        scene.sql("DELETE FROM t").await;
        scene.export(&format!("table = 't'\nexport-dir = '/in'\n{more}")).await;
        assert_eq!(scene.count("t").await, 5000, "{format} {more}");
        let executed = scene.rows("SELECT MAX(executed) FROM t").await.concat();
        assert_eq!(executed, [executions.to_string()], "{format} {more}");
    }
}

/// A MariaDB on which everybody may do everything.
fn own_mariadb() -> Container {
    let setup = "CREATE USER it;\nGRANT ALL ON *.* TO it;\n";
    container::mariadb(setup, "--character-set-server=utf8mb4 --log-bin=binlog --binlog-format=ROW")
}

async fn on(server: &Container) -> Scene {
    let port = server.port();
    let opts = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).user(Some("it")).prefer_socket(false);
    let options = MySqlOptions { url: Some(format!("mysql://it@127.0.0.1:{port}")), ..Default::default() };
    Scene::at(Conn::new(opts).await.unwrap(), options, &[]).await
}
