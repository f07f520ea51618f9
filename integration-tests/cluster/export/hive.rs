//! Hive tables, written by Hive itself, into MariaDB: text with its own delimiters, Parquet, partitions as values.

use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::metastore::MetastoreOptions;

use super::Scene;
use crate::stack::{self, beeline};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hive_wrote_arrives() {
    let mut scene =
        Scene::set(&["CREATE TABLE t (id INT, v VARCHAR(20), d DECIMAL(10,3), at DATETIME(6), yes BOOLEAN, ds DATE)"])
            .await;
    let url = format!("thrift://{}", stack::address("METASTORE_PORT"));
    let metastore = MetastoreOptions::new(url);
    scene.cluster = Cluster::connect(&stack::hdfs(), Some(&metastore)).await.unwrap();
    let db = scene.name.clone();
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
