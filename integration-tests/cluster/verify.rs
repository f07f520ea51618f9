//! Verifications of files in HDFS against MariaDB: every type, in every format; one changed value, one NULL, one row and
//! one lost file are found, in the column where they are.

use bytes::Bytes;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use sakia::error::Kind;
use sakia::format::avro::AvroTimestamps;
use sakia::format::parquet::Timestamps;
use sakia::format::text::{Delimiters, TextStyle};
use sakia::format::{AvroOptions, Compression, FileFormat, Output, ParquetOptions, SequenceOptions, TextOptions};
use sakia::load::Cluster;
use sakia::mysql::read::Selection;
use sakia::mysql::table::Table;
use sakia::mysql::types::{Compat, TypeOptions, ValueForm};
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::{CreateOptions, DeleteOptions};
use sakia::transfer::args::VerifyArgs;
use sakia::transfer::verify::{self, Report};
use tokio::sync::mpsc;

use crate::stack::{self, root, setting};

const TABLE: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY, tiny TINYINT, wide BIGINT UNSIGNED, \
    filled INT(8) UNSIGNED ZEROFILL, total DECIMAL(20,4), huge DECIMAL(65,30), f FLOAT, d DOUBLE, flag BIT(1), bits BIT(9), \
    y YEAR, day DATE, at DATETIME(6), seen TIMESTAMP(3) NULL, took TIME(2), code CHAR(10), latin VARCHAR(50) CHARACTER SET latin1, \
    txt TEXT CHARACTER SET utf8mb4, kind ENUM('a','ö'), tags SET('x','y','z'), doc JSON, raw VARBINARY(20), big BLOB, place POINT)";

const ROWS: [&str; 4] = [
    "(1, -128, 18446744073709551615, 42, 1234567890123456.0001, 12345678901234567890123456789012345.000000000000000000000000000001, \
      1.1, 0.1, b'1', b'101010101', 2024, '2024-02-29', '2024-02-29 12:34:56.123000', '2024-02-29 12:34:56.5', '12:34:56', \
      'code', 'grün', 'drei ☃ 😀', 'ö', 'x,z', '{\"a\": [1, 2]}', x'00ff10', x'', ST_GeomFromText('POINT(1 2.5)'))",
    "(2, 127, 0, 99999999, -0.0001, -1, -3.4e38, 1.7976931348623157e308, b'0', b'0', 1901, '1000-01-01', \
      '1582-10-15 00:00:00', '1970-01-01 00:00:01', '00:00:00', '', 'a', 'eins,zwei', 'a', '', '[]', x'', x'414243', NULL)",
    "(3, 0, 1, 0, 0, 0, -0.0, 5e-324, b'1', b'111111111', 2155, '9999-12-31', '9999-12-31 23:59:59.999000', \
      '2038-01-19 03:14:07', '23:59:59', 'x', 'ß', 'null', 'a', 'y', 'true', x'0a0d', x'00', ST_GeomFromText('POINT(-1 0)'))",
    "(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
      NULL, NULL, NULL, NULL)",
];

struct Scene {
    name: String,
    conn: Conn,
    client: MySqlClient,
    cluster: Cluster,
}

impl Scene {
    async fn set() -> Self {
        let name = stack::unique("it_verify");
        let password_file = Some(setting("SHOP_PASSWORD_FILE").into());
        let url = format!("mysql://{}@{}/{name}", setting("SHOP_USER"), stack::address("MARIADB_PORT"));
        let password = std::fs::read_to_string(root().join(setting("SHOP_PASSWORD_FILE"))).unwrap();
        let opts = OptsBuilder::default()
            .ip_or_hostname(setting("STACK_HOST"))
            .tcp_port(setting("MARIADB_PORT").parse().unwrap())
            .user(Some(setting("SHOP_USER")))
            .pass(Some(password.trim_end().to_owned()))
            .prefer_socket(false)
            .setup(vec!["SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'"]);
        let mut conn = Conn::new(opts).await.unwrap();
        for sql in [format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"), format!("USE {name}"), TABLE.to_owned()] {
            conn.query_drop(sql).await.unwrap();
        }
        for row in ROWS {
            conn.query_drop(format!("INSERT INTO t VALUES {row}")).await.unwrap_or_else(|e| panic!("{row}: {e}"));
        }
        let options = MySqlOptions { url: Some(url), password_file, ..Default::default() };
        let client = MySqlClient::new(&options, root()).unwrap();
        let cluster = Cluster::connect(&stack::hdfs(), None).await.unwrap();
        Self { name, conn, client, cluster }
    }

    async fn sql(&mut self, statement: &str) {
        self.conn.query_drop(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    fn dir(&self, target: &str) -> String {
        format!("/tmp/{}/{target}", self.name)
    }

    /// Writes the rows into two files of a directory.
    async fn write(&self, target: &str, format: &FileFormat, types: &TypeOptions) {
        let mut conn = self.client.connect().await.unwrap();
        let table = Table::describe(&mut conn, &self.name, "t").await.unwrap();
        let selection = Selection::table(table, &[], None, types).unwrap();
        let extension = format.extension().map(|e| format!(".{e}")).unwrap_or_default();
        for (number, condition) in ["id <= 2", "id > 2"].into_iter().enumerate() {
            let (to, mut batches) = mpsc::channel(8);
            selection.read(&mut conn, &selection.sql(Some(condition)), &to).await.unwrap();
            drop(to);
            let mut encoder = format.encoder(selection.schema.clone()).unwrap_or_else(|e| panic!("{format:?}: {e}"));
            let mut out = Output::default();
            while let Some(batch) = batches.recv().await {
                encoder.encode(&batch, &mut out).unwrap_or_else(|e| panic!("{target}: {e}"));
            }
            encoder.finish(&mut out).unwrap();
            let path = format!("{}/part-{number}{extension}", self.dir(target));
            let mut file = self.cluster.fs.create(&path, CreateOptions::default()).await.unwrap();
            file.write(Bytes::from(out.into_bytes())).await.unwrap();
            file.close().await.unwrap();
        }
        conn.close().await;
    }

    async fn verify(&self, target: &str, more: &str) -> Report {
        let toml = format!("table = 't'\ntarget-dir = '{}'\n{more}", self.dir(target));
        let args: VerifyArgs = sakia::config::parse(&toml, "test").unwrap();
        let verified = verify::run(&args, &self.client, &self.cluster, &Stop::new()).await;
        verified.unwrap_or_else(|e| panic!("{target}: {e}")).report
    }

    async fn clear(mut self) {
        let name = self.name.clone();
        self.sql(&format!("DROP DATABASE {name}")).await;
        self.cluster.fs.delete(&format!("/tmp/{name}"), DeleteOptions { recursive: true }).await.unwrap();
    }
}

fn different(report: &Report) -> Vec<&str> {
    report.columns.iter().filter(|c| !c.equal).map(|c| c.column.as_str()).collect()
}

fn text(style: TextStyle) -> TextOptions {
    let delimiters = Delimiters {
        enclosed_by: Some('"'),
        enclose_optionally: true,
        escaped_by: Some('\\'),
        ..Delimiters::default()
    };
    TextOptions {
        delimiters,
        style,
        null_string: "\\N".into(),
        null_non_string: "\\N".into(),
        ..TextOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_what_would_be_compared() {
    let scene = Scene::set().await;
    scene.write("planned", &FileFormat::Parquet(ParquetOptions::default()), &TypeOptions::default()).await;
    let toml = format!("table = 't'\ntarget-dir = '{}'\nnum-mappers = 2", scene.dir("planned"));
    let args: VerifyArgs = sakia::config::parse(&toml, "test").unwrap();
    let shown = verify::plan(&args, &scene.client, &scene.cluster).await.unwrap().to_string();
    for line in [
        format!("compare     {}.t with {}", scene.name, scene.dir("planned")),
        "snapshot    snapshots at one binlog position".to_owned(),
        "ask         SELECT COUNT(*), ".to_owned(),
        "read        2 files, ".to_owned(),
        format!("  {}/part-1.parquet (", scene.dir("planned")),
        format!("  {:<24} decimals with 4 digits behind the point", "total"),
    ] {
        assert!(shown.contains(&line), "{line} in {shown}");
    }
    scene.clear().await;
}

/// Where the files hold what the server holds, verifying finds them equal; whatever the format.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_equal_in_every_format() {
    let scene = Scene::set().await;
    let exact = TypeOptions::default();
    let in_text = TypeOptions { files: ValueForm::Text, ..TypeOptions::default() };
    let avro = |timestamps| AvroOptions { timestamps, ..AvroOptions::new("t") };
    let int96 = ParquetOptions { timestamps: Timestamps::Int96, ..ParquetOptions::default() };
    let gzip = TextOptions { compression: Compression::Gzip, ..text(TextStyle::Exact) };
    let sequence = SequenceOptions { text: gzip.clone(), ..Default::default() };
    let words =
        "[text]\noptionally-enclosed-by = '\"'\nescaped-by = '\\'\nnull-string = '\\N'\nnull-non-string = '\\N'";
    for (target, format, types, more) in [
        ("parquet", FileFormat::Parquet(ParquetOptions::default()), &exact, ""),
        ("int96", FileFormat::Parquet(int96), &exact, ""),
        ("avro", FileFormat::Avro(avro(AvroTimestamps::Millis)), &exact, ""),
        ("avro-micros", FileFormat::Avro(avro(AvroTimestamps::Micros)), &exact, ""),
        ("text", FileFormat::Text(text(TextStyle::Exact)), &in_text, words),
        ("text-gz", FileFormat::Text(gzip), &in_text, words),
        ("sequence", FileFormat::Sequence(sequence), &in_text, words),
    ] {
        scene.write(target, &format, types).await;
        let report = scene.verify(target, more).await;
        assert!(report.equal, "{target}:\n{report}");
        assert_eq!((report.source_rows, report.target_rows, report.columns.len()), (4, 4, 24), "{target}");
        report.verdict().unwrap();
    }
    // Sqoop's own types: milliseconds, decimals as text, booleans. Not what Sqoop bends.
    let sqoop = TypeOptions { compat: Compat::Sqoop, ..TypeOptions::default() };
    let columns = "columns = ['id', 'tiny', 'filled', 'total', 'd', 'flag', 'bits', 'y', 'day', 'at', 'seen', 'took', \
                   'code', 'latin', 'txt', 'kind', 'tags', 'raw', 'big']\ncompat = 'sqoop'";
    let mut scene = scene;
    scene.sql("UPDATE t SET wide = 1 WHERE id = 1").await;
    let format = AvroOptions { all_nullable: true, ..AvroOptions::new("t") };
    scene.write("sqoop", &FileFormat::Avro(format), &sqoop).await;
    let report = scene.verify("sqoop", columns).await;
    assert!(report.equal, "{report}");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_is_found_where_it_is() {
    let mut scene = Scene::set().await;
    scene.write("rows", &FileFormat::Parquet(ParquetOptions::default()), &TypeOptions::default()).await;
    for (column, value) in [
        ("tiny", "126"),
        ("wide", "2"),
        ("filled", "1"),
        ("total", "0.0001"),
        ("huge", "0.000000000000000000000000000001"),
        ("f", "1.5"),
        ("d", "1e-323"),
        ("flag", "b'0'"),
        ("bits", "b'111111110'"),
        ("y", "2154"),
        ("day", "'9999-12-30'"),
        ("at", "'9999-12-31 23:59:59.999001'"),
        ("seen", "'2038-01-19 03:14:06.999'"),
        ("took", "'23:59:59.01'"),
        ("code", "'X'"),
        ("latin", "'s'"),
        ("txt", "NULL"),
        ("kind", "'ö'"),
        ("tags", "'x,y'"),
        ("doc", "'false'"),
        ("raw", "x'0a0e'"),
        ("big", "x'0000'"),
        ("place", "ST_GeomFromText('POINT(0 -1)')"),
    ] {
        scene.sql("CREATE OR REPLACE TABLE kept AS SELECT * FROM t").await;
        scene.sql(&format!("UPDATE t SET {column} = {value} WHERE id = 3")).await;
        let report = scene.verify("rows", "").await;
        assert_eq!(different(&report), [column], "{report}");
        assert_eq!(report.verdict().unwrap_err().kind(), Kind::Data);
        scene.sql("DELETE FROM t").await;
        scene.sql("INSERT INTO t SELECT * FROM kept").await;
    }
    let report = scene.verify("rows", "").await;
    assert!(report.equal, "{report}");

    // Values that changed places between rows, with floats in the row and without.
    let swap = |a: &str, b: &str| {
        format!("UPDATE t SET code = CASE id WHEN 1 THEN '{a}' WHEN 3 THEN '{b}' END WHERE id IN (1, 3)")
    };
    scene.sql(&swap("x", "code")).await;
    for more in ["", "columns = ['id', 'code', 'tiny']"] {
        let report = scene.verify("rows", more).await;
        assert!(!report.equal && different(&report).is_empty(), "{report}");
        let error = report.verdict().unwrap_err().to_string();
        assert!(error.ends_with("each column holds the same values, but in other rows"), "{error}");
    }
    scene.sql(&swap("code", "x")).await;
    assert!(scene.verify("rows", "columns = ['id', 'code', 'tiny']").await.equal);

    // A row more in the source, and a condition that leaves it out.
    scene.sql("INSERT INTO t (id) VALUES (5)").await;
    let report = scene.verify("rows", "").await;
    assert_eq!((report.source_rows, report.target_rows, report.equal), (5, 4, false));
    assert_eq!(different(&report), ["id"]);
    assert!(scene.verify("rows", "where = 'id < 5'").await.equal);

    // A file less in the target, and none at all.
    let file = format!("{}/part-1.parquet", scene.dir("rows"));
    scene.cluster.fs.delete(&file, DeleteOptions::default()).await.unwrap();
    let report = scene.verify("rows", "where = 'id < 5'").await;
    assert_eq!((report.source_rows, report.target_rows), (4, 2));
    let error = report.verdict().unwrap_err();
    assert!(error.to_string().ends_with("differ: 4 rows and 2"), "{error}");
    assert_eq!(error.exit_code(), 1);
    let file = format!("{}/part-0.parquet", scene.dir("rows"));
    scene.cluster.fs.delete(&file, DeleteOptions::default()).await.unwrap();
    assert_eq!(scene.verify("rows", "").await.target_rows, 0);
    scene.clear().await;
}

/// Partitions of directories hold columns too, and many connections add up to one sum.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_many_connections_add_up() {
    let mut scene = Scene::set().await;
    scene.sql("CREATE TABLE p (id INT PRIMARY KEY, land VARCHAR(10), v DOUBLE)").await;
    scene
        .sql("INSERT INTO p SELECT seq, IF(seq % 3 = 0, NULL, CONCAT('l', seq % 3)), seq / 7 FROM seq_1_to_20000")
        .await;
    let mut conn = scene.client.connect().await.unwrap();
    let table = Table::describe(&mut conn, &scene.name, "p").await.unwrap();
    let columns = ["id".to_owned(), "v".to_owned()];
    let selection = Selection::table(table, &columns, None, &TypeOptions::default()).unwrap();
    let format = FileFormat::Parquet(ParquetOptions::default());
    for (land, condition) in [("l1", "id % 3 = 1"), ("l2", "id % 3 = 2"), ("__HIVE_DEFAULT_PARTITION__", "id % 3 = 0")]
    {
        let (to, mut batches) = mpsc::channel(64);
        selection.read(&mut conn, &selection.sql(Some(condition)), &to).await.unwrap();
        drop(to);
        let (mut encoder, mut out) = (format.encoder(selection.schema.clone()).unwrap(), Output::default());
        while let Some(batch) = batches.recv().await {
            encoder.encode(&batch, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        let path = format!("{}/land={land}/part.parquet", scene.dir("p"));
        let mut file = scene.cluster.fs.create(&path, CreateOptions::default()).await.unwrap();
        file.write(Bytes::from(out.into_bytes())).await.unwrap();
        file.close().await.unwrap();
    }
    let toml = format!("table = 'p'\ntarget-dir = '{}'\nnum-mappers = 3", scene.dir("p"));
    let args: VerifyArgs = sakia::config::parse(&toml, "test").unwrap();
    let run = |cluster: Cluster| {
        let (args, client) = (args.clone(), scene.client.clone());
        async move { verify::run(&args, &client, &cluster, &Stop::new()).await.unwrap().report }
    };
    let report = run(scene.cluster.clone()).await;
    assert!(report.equal && report.source_rows == 20000, "{report}");
    assert_eq!(report.columns[1].source.values, 20000 - 6666);
    let moved = format!("{}/land=l2", scene.dir("p"));
    let to = format!("{}/land=l3", scene.dir("p"));
    scene.cluster.fs.rename(&moved, &to, Default::default()).await.unwrap();
    assert_eq!(different(&run(scene.cluster.clone()).await), ["land"]);
    scene.clear().await;
}
