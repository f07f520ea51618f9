//! Hive tables into MariaDB: written by Hive itself, or text by hand of which Hive says what it reads; and how they compare
//! then by `verify`.

use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::metastore::MetastoreOptions;
use sakia::shutdown::Stop;
use sakia::transfer::args::VerifyArgs;
use sakia::transfer::verify;

use super::Scene;
use crate::stack::{self, beeline, hdfs_shell};

/// Gives the scene the real cluster, and the Hive database the name of its MySQL database.
async fn with_hive(scene: &mut Scene) -> String {
    let metastore = MetastoreOptions::new(format!("thrift://{}", stack::address("METASTORE_PORT")));
    scene.cluster = Cluster::connect(&stack::hdfs(), Some(&metastore)).await.unwrap();
    scene.name.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hive_wrote_arrives() {
    let mut scene =
        Scene::set(&["CREATE TABLE t (id INT, v VARCHAR(20), d DECIMAL(10,3), at DATETIME(6), yes BOOLEAN, ds DATE)"])
            .await;
    let db = with_hive(&mut scene).await;
    let columns = "(id int, v string, d decimal(10,3), at timestamp, yes boolean) partitioned by (ds string)";
    let rows = "select 1, 'a', 1.5, cast('2024-01-01 10:00:00.123456' as timestamp), true union all \
                select 2, cast(null as string), cast(null as decimal(10,3)), cast(null as timestamp), false union all \
                select 3, 'x,y', 0, cast('1999-12-31 00:00:00' as timestamp), cast(null as boolean)";
    let other = "select 4, 'b', 2, cast('2024-01-01 00:00:00' as timestamp), true";
    let fill = |table: &str| {
        format!(
            "insert into {db}.{table} partition (ds='2024-01-01') {rows}; \
             insert into {db}.{table} partition (ds='2024-01-02') {other};"
        )
    };
    beeline(&format!(
        "create database {db}; \
         create external table {db}.txt {columns} row format delimited fields terminated by '|' stored as textfile; \
         create external table {db}.pq {columns} stored as parquet; {} {}",
        fill("txt"),
        fill("pq")
    ));
    let want = [
        ["1", "a", "1.500", "2024-01-01 10:00:00.123456", "1", "2024-01-01"],
        ["2", "NULL", "NULL", "NULL", "0", "2024-01-01"],
        ["3", "x,y", "0.000", "1999-12-31 00:00:00.000000", "NULL", "2024-01-01"],
        ["4", "b", "2.000", "2024-01-01 00:00:00.000000", "1", "2024-01-02"],
    ]
    .map(|row| row.map(str::to_owned).to_vec());
    for table in ["txt", "pq"] {
        scene.sql("DELETE FROM t").await;
        let args = format!("table = 't'\nhive-database = '{db}'\nhive-table = '{table}'\n");
        scene.export(&args).await;
        assert_eq!(scene.rows("SELECT * FROM t ORDER BY id").await, want, "{table}");
        scene.sql("DELETE FROM t").await;
        scene.export(&format!("{args}hive-partition = 'ds=2024-01-02'\n")).await;
        assert_eq!(scene.rows("SELECT * FROM t ORDER BY id").await, want[3..], "{table}");
        let error = scene.try_export(&format!("{args}hive-partition = 'ds=2023-01-01'\n")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
    }
    let error =
        scene.try_export(&format!("table = 't'\nhive-database = '{db}'\nhive-table = 'nope'\n")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    let locations = beeline(&format!("describe formatted {db}.txt"));
    let location = locations.iter().flatten().find(|cell| cell.starts_with("hdfs://")).unwrap().clone();
    beeline(&format!("drop database {db} cascade"));
    let path = location.splitn(4, '/').nth(3).unwrap();
    assert!(path.contains(&db), "{path}");
    for table in ["txt", "pq"] {
        let dir = format!("/{}", path.replace("/txt", &format!("/{table}")));
        scene.cluster.fs.delete(&dir, sakia::storage::DeleteOptions { recursive: true }).await.unwrap();
    }
    scene.clear().await;
}

/// What `verify` says of a table of the scene and a Hive table.
async fn equal(scene: &Scene, table: &str, hive_table: &str) -> bool {
    let toml = format!("table = '{table}'\nhive-database = '{}'\nhive-table = '{hive_table}'", scene.name);
    let args: VerifyArgs = sakia::config::parse(&toml, "test").unwrap();
    let verified = verify::run(&args, &scene.client(), &scene.cluster, &Stop::new()).await;
    let report = verified.unwrap_or_else(|e| panic!("{hive_table}: {e}")).report;
    if !report.equal {
        eprintln!("{hive_table}: {report}");
    }
    report.equal
}

/// Dates before 1582-10-15, which Hive writes by its old calendar, in each format that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_before_1582_keep_their_names() {
    let mut scene = Scene::set(&["CREATE TABLE t (i INT, d DATE, t DATETIME(3))"]).await;
    let db = with_hive(&mut scene).await;
    let rows = "select stack(3, 1, date'0001-01-01', timestamp'0001-01-01 01:02:03.123', \
                2, date'1582-10-04', timestamp'1582-10-04 23:59:59.5', \
                3, date'1582-10-15', timestamp'1582-10-15 00:00:00') as (i, d, t)";
    beeline(&format!(
        "create database {db}; create table {db}.pq stored as parquet as {rows}; \
         set hive.parquet.write.int64.timestamp=true; \
         create table {db}.pq64 stored as parquet as {rows}; \
         create table {db}.av (i int, d date, t timestamp) stored as avro; insert into {db}.av {rows};"
    ));
    let want = [
        ["1", "0001-01-01", "0001-01-01 01:02:03.123"],
        ["2", "1582-10-04", "1582-10-04 23:59:59.500"],
        ["3", "1582-10-15", "1582-10-15 00:00:00.000"],
    ]
    .map(|row| row.map(str::to_owned).to_vec());
    for table in ["pq", "pq64", "av"] {
        scene.sql("DELETE FROM t").await;
        scene.export(&format!("table = 't'\nhive-database = '{db}'\nhive-table = '{table}'\n")).await;
        assert_eq!(scene.rows("SELECT * FROM t ORDER BY i").await, want, "{table}");
        assert!(equal(&scene, "t", table).await);
    }
    scene.sql("UPDATE t SET d = '1582-10-03' WHERE i = 2").await;
    assert!(!equal(&scene, "t", "pq").await);
    beeline(&format!("drop database {db} cascade"));
    scene.clear().await;
}

/// Files by their names.
type Files = &'static [(&'static str, &'static str)];

/// Text tables by hand: their files, and what follows the columns in the statement that makes them.
const TEXT_TABLES: [(&str, Files, &str); 7] = [
    (
        "csv",
        &[("f", "\"a\",\"x \"\"y\"\" z\",1\n\\N,\"b\\\"c\",\n\"d\\,e\",,NULL\n")],
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'",
    ),
    (
        "headed",
        &[("f", "a,b,c\n1,x,y\n2,z\n"), ("g", "\u{feff}a,b,c\r\n3,x,y,surplus\r\n"), ("h", "")],
        "row format delimited fields terminated by ',' {} tblproperties ('skip.header.line.count'='1')",
    ),
    ("crlf", &[("f", "\u{feff}1,a,b\r\n2,c\rx,d,e\n\n")], "row format delimited fields terminated by ','"),
    (
        "named_null",
        &[("f", "1,NULL,\n,\\N,b\n")],
        "row format delimited fields terminated by ',' null defined as 'NULL'",
    ),
    ("empty_null", &[("f", "1,,\n,\\N,b\n")], "row format delimited fields terminated by ',' null defined as ''"),
    (
        "escaped",
        &[("f", "1,a\\,b,c\\\\d\n2,\\N,\\\\N\n3,x\\ny,z\n")],
        "row format serde 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' \
         with serdeproperties ('field.delim'='44', 'escape.delim'='\\\\', 'line.delim'='x')",
    ),
    (
        "barred",
        &[("f", "1,a,b|2,c,d")],
        "row format delimited fields terminated by ',' {} tblproperties ('textinputformat.record.delimiter'='|')",
    ),
];

/// Header lines, byte order marks, CRLF, null formats, escapes, quotes: what Hive reads arrives, and compares as equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_tables_are_read_as_hive_reads_them() {
    let mut scene = Scene::set(&["CREATE TABLE t (a VARCHAR(20), b VARCHAR(20), c VARCHAR(20))"]).await;
    let db = with_hive(&mut scene).await;
    let root = format!("/tmp/{db}");
    let mut statements = vec![format!("create database {db}")];
    for (table, files, format) in TEXT_TABLES {
        for (name, text) in files {
            put(&scene.cluster, &format!("{root}/{table}/{name}"), text).await;
        }
        let place = format!("stored as textfile location '{root}/{table}'");
        let format = if format.contains("{}") { format.replace("{}", &place) } else { format!("{format} {place}") };
        statements.push(format!("create external table {db}.{table} (a string, b string, c string) {format}"));
    }
    let shown = |column: &str| format!("coalesce(hex({column}), '-')");
    let columns = ["a", "b", "c"].map(shown).join(", ");
    let select = |(table, _, _): &(&str, _, _)| format!("select '{table}' n, {columns} from {db}.{table}");
    statements.push(TEXT_TABLES.iter().map(select).collect::<Vec<_>>().join(" union all "));
    let mut of_hive = beeline(&statements.join("; "));
    of_hive.sort();
    let mut arrived = Vec::new();
    for (table, ..) in TEXT_TABLES {
        scene.sql("DELETE FROM t").await;
        scene.export(&format!("table = 't'\nhive-database = '{db}'\nhive-table = '{table}'\n")).await;
        assert!(equal(&scene, "t", table).await);
        arrived.extend(scene.rows(&format!("SELECT '{table}', {columns} FROM t")).await);
    }
    arrived.sort();
    assert_eq!(arrived, of_hive);
    assert_eq!(of_hive.len(), 3 + 3 + 4 + 2 + 2 + 3 + 2);
    beeline(&format!("drop database {db} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &root]);
    scene.clear().await;
}

async fn put(cluster: &Cluster, path: &str, text: &str) {
    let mut file = cluster.fs.create(path, sakia::storage::CreateOptions::default()).await.unwrap();
    if !text.is_empty() {
        file.write(text.to_owned().into()).await.unwrap();
    }
    file.close().await.unwrap();
}

/// Partitions at places of their own, with delimiters of their own, with fewer columns than the table has now, and with
/// values that Hive escapes; and what is not read is refused with a sentence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_read_as_the_metastore_describes_them() {
    let mut scene = Scene::set(&["CREATE TABLE t (a VARCHAR(20), b VARCHAR(20), p VARCHAR(20))"]).await;
    let db = with_hive(&mut scene).await;
    let root = format!("/tmp/{db}");
    for (place, text) in [("old", "1,surplus\n"), ("moved", "2;x\n"), ("t/p=a%3Ab", "3,y\n"), ("t/p=none", "9,9\n")] {
        put(&scene.cluster, &format!("{root}/{place}/f"), text).await;
    }
    let mut of_hive = beeline(&format!(
        "create database {db}; use {db}; \
         create external table part (a string) partitioned by (p string) \
         row format delimited fields terminated by ',' location '{root}/t'; \
         alter table part add partition (p='old') location '{root}/old'; \
         alter table part add columns (b string); \
         alter table part add partition (p='new') location '{root}/moved'; \
         alter table part partition (p='new') set serdeproperties ('field.delim'=';'); \
         alter table part add partition (p='a:b'); \
         create view shown as select * from part; \
         create table acid (a string) stored as orc tblproperties ('transactional'='true'); \
         create table lines (a string) stored as orc tblproperties ('transactional'='false'); \
         create external table lost (a string) partitioned by (p string) location '{root}/t'; \
         select a, b, p from part"
    ));
    of_hive.sort();
    let row = |a: &str, b: &str, p: &str| vec![a.to_owned(), b.to_owned(), p.to_owned()];
    assert_eq!(of_hive, [row("1", "NULL", "old"), row("2", "x", "new"), row("3", "y", "a:b")]);
    scene.export(&format!("table = 't'\nhive-database = '{db}'\nhive-table = 'part'\n")).await;
    assert_eq!(scene.rows("SELECT a, b, p FROM t ORDER BY a").await, of_hive);
    assert!(equal(&scene, "t", "part").await);
    for (table, said) in [
        ("shown", "is a view"),
        ("acid", "is a transactional table"),
        ("lines", "OrcInputFormat, which only hive has"),
        ("lost", "hive knows no partition of"),
    ] {
        let args = format!("table = 't'\nhive-database = '{db}'\nhive-table = '{table}'\n");
        let error = scene.try_export(&args).await.unwrap_err();
        assert!(error.to_string().contains(said), "{table}: {error}");
    }
    beeline(&format!("drop database {db} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &root]);
    scene.clear().await;
}
