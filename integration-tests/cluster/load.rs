//! The load on HDFS and Hive: what a run leaves is read back with Hive's own shell.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sakia::error::{Effect, Kind, Result};
use sakia::format::{AvroOptions, FileFormat, ParquetOptions};
use sakia::load::{Cluster, Committed, Load, LoadMode, LoadPlan, Partition, TablePlan};
use sakia::metastore::{Column, HiveStorage, MetastoreOptions};
use sakia::storage::faulty::{Fault, FaultyFilesystem};
use serde_json::json;

use crate::stack::{self, beeline};

fn schema() -> SchemaRef {
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)];
    Arc::new(Schema::new(fields))
}

pub fn rows(ids: &[i64]) -> RecordBatch {
    let names: Vec<String> = ids.iter().map(|id| format!("größe {id}")).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(names))];
    RecordBatch::try_new(schema(), columns).unwrap()
}

pub async fn cluster() -> Cluster {
    let url = format!("thrift://{}", stack::address("METASTORE_PORT"));
    Cluster::connect(&stack::hdfs(), Some(&MetastoreOptions::new(url))).await.unwrap()
}

pub fn plan(table: &str, mode: LoadMode, partition_columns: &[&str]) -> LoadPlan {
    plan_of(FileFormat::Parquet(ParquetOptions::default()), table, mode, partition_columns)
}

fn plan_of(format: FileFormat, table: &str, mode: LoadMode, partition_columns: &[&str]) -> LoadPlan {
    let storage = match format.avro_schema_json(&schema()).unwrap() {
        Some(schema_json) => HiveStorage::Avro { schema_json },
        None => HiveStorage::Parquet,
    };
    let extension = format.extension().map(str::to_owned);
    let encoder = Arc::new(move |_: &Partition| format.encoder(schema()));
    LoadPlan {
        extension,
        table: Some(TablePlan {
            partition_columns: partition_columns.iter().map(|name| Column::new(*name, "string")).collect(),
            ..TablePlan::new("load_it", table, storage)
        }),
        fingerprint: table.to_owned(),
        run_id: "cluster-test".to_owned(),
        ..LoadPlan::new(format!("/tmp/load_it/{table}"), mode, schema(), encoder)
    }
}

pub async fn load(cluster: &Cluster, plan: LoadPlan, files: &[(Partition, &[i64])]) -> Result<Committed> {
    let load = Load::open(cluster, plan).await?;
    let stage = async |n: usize, partition: &Partition, ids: &[i64]| {
        let mut part = load.part(n, 0, partition).await?;
        part.write(&rows(ids)).await?;
        part.finish().await
    };
    // Closing small files takes up to a second each on HDFS: all at once.
    let parts = files.iter().enumerate().map(|(n, (partition, ids))| stage(n, partition, ids));
    let parts = futures::future::try_join_all(parts).await?;
    load.commit(parts, json!({"files": files.len()})).await
}

pub fn dt(value: &str) -> Partition {
    Partition::new([("dt", value)])
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_a_replaced_table() {
    let (cluster, table) = (cluster().await, stack::unique("replaced"));
    let replace = || plan(&table, LoadMode::Replace, &[]);
    load(&cluster, replace(), &[(Partition::none(), &[1, 2]), (Partition::none(), &[3])]).await.unwrap();
    let query = format!("select id, name from load_it.{table} order by id");
    assert_eq!(beeline(&query), [["1", "größe 1"], ["2", "größe 2"], ["3", "größe 3"]]);

    load(&cluster, replace(), &[(Partition::none(), &[4])]).await.unwrap();
    assert_eq!(beeline(&query), [["4", "größe 4"]]);
    let info = cluster.metastore.as_ref().unwrap().table("load_it", &table).await.unwrap().unwrap();
    assert_eq!((info.parameters["numRows"].as_str(), info.parameters["sakia.rows"].as_str()), ("1", "1"));
    assert_eq!((info.parameters["sakia.checkpoint"].as_str(), info.owner.as_str()), (r#"{"files":1}"#, "root"));
    let state = stack::hdfs_shell(&["dfs", "-ls", "-R", "-C", &format!("/tmp/load_it/.sakia/{table}")]);
    assert_eq!(state.trim(), format!("/tmp/load_it/.sakia/{table}/manifest.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_appended_partitions() {
    let (cluster, table) = (cluster().await, stack::unique("parted"));
    let with = |mode| plan(&table, mode, &["dt"]);
    load(&cluster, with(LoadMode::Append), &[(dt("a:b"), &[1]), (dt(""), &[2])]).await.unwrap();
    load(&cluster, with(LoadMode::Append), &[(dt("a:b"), &[3]), (dt("c"), &[4])]).await.unwrap();
    let query = format!("select dt, id from load_it.{table} order by id");
    assert_eq!(beeline(&query), [["a:b", "1"], ["__HIVE_DEFAULT_PARTITION__", "2"], ["a:b", "3"], ["c", "4"]]);
    let partitions = format!("show partitions load_it.{table}");
    let mut names = beeline(&partitions);
    names.sort();
    assert_eq!(names, [["dt=__HIVE_DEFAULT_PARTITION__"], ["dt=a%3Ab"], ["dt=c"]]);

    let error = load(&cluster, with(LoadMode::Replace), &[(dt("c"), &[5])]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_forgets_partitions_that_were_replaced() {
    let (cluster, table) = (cluster().await, stack::unique("swapped"));
    let plan = || plan(&table, LoadMode::Replace, &["dt"]);
    load(&cluster, plan(), &[(dt("a:b"), &[1]), (dt("c"), &[2])]).await.unwrap();
    load(&cluster, plan(), &[(dt("c"), &[3])]).await.unwrap();
    assert_eq!(beeline(&format!("select dt, id from load_it.{table}")), [["c", "3"]]);
    assert_eq!(beeline(&format!("show partitions load_it.{table}")), [["dt=c"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_could_not_register_is_finished_by_the_next_one() {
    let (whole, table) = (cluster().await, stack::unique("pending"));
    let file: [(Partition, &[i64]); 1] = [(Partition::none(), &[7])];
    // The very last calls: deleting the stage, releasing the lock.
    let counted = Arc::new(FaultyFilesystem::new(whole.fs.clone(), Fault::Never));
    let counting = Cluster { fs: counted.clone(), metastore: whole.metastore.clone() };
    load(&counting, plan(&stack::unique("counted"), LoadMode::Replace, &[]), &file).await.unwrap();
    let broken = Arc::new(FaultyFilesystem::new(whole.fs.clone(), Fault::Crash(counted.calls() - 1)));
    let broken = Cluster { fs: broken, metastore: whole.metastore.clone() };
    let error = load(&broken, plan(&table, LoadMode::Replace, &[]), &file).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Unreachable, 4), "{error}");
    assert_eq!(error.effect(Effect::None).exit_code(), 4, "the data is visible");

    let next = Load::open(&whole, plan(&table, LoadMode::Replace, &[])).await.unwrap();
    assert_eq!(next.previous().unwrap().rows(), 1);
    next.discard().await.unwrap();
    assert_eq!(beeline(&format!("select id from load_it.{table}")), [["7"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_others_stops_a_load_before_any_file() {
    let (cluster, table) = (cluster().await, stack::unique("foreign"));
    cluster.metastore.as_ref().unwrap().ensure_database("load_it").await.unwrap();
    beeline(&format!("create external table load_it.{table} (id bigint) stored as parquet"));
    let error = load(&cluster, plan(&table, LoadMode::Replace, &[]), &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert!(cluster.fs.stat(&format!("/tmp/load_it/{table}")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_avro_partitions() {
    let (cluster, table) = (cluster().await, stack::unique("avro"));
    let format = FileFormat::Avro(AvroOptions::new("click"));
    let avro = || plan_of(format.clone(), &table, LoadMode::Append, &["dt"]);
    load(&cluster, avro(), &[(dt("a"), &[1])]).await.unwrap();
    load(&cluster, avro(), &[(dt("b"), &[2])]).await.unwrap();
    let query = format!("select dt, id, name from load_it.{table} order by id");
    assert_eq!(beeline(&query), [["a", "1", "größe 1"], ["b", "2", "größe 2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_small_loads_keeps_a_steady_pace() {
    const LOADS: u32 = 10;
    let (cluster, table) = (cluster().await, stack::unique("epochs"));
    let started = Instant::now();
    for _ in 0..LOADS {
        load(&cluster, plan(&table, LoadMode::Append, &["dt"]), &[(dt("a"), &[1]), (dt("b"), &[2])]).await.unwrap();
    }
    println!("a load of two small files and two partitions: {:?}", started.elapsed() / LOADS);
    assert_eq!(beeline(&format!("select count(*) from load_it.{table}")), [["20"]]);
}
