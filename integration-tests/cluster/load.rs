//! The load on HDFS and Hive: what a run leaves is read back with Hive's own shell.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use sakia::error::{Effect, Kind, Result};
use sakia::format::Encoder;
use sakia::load::{Cluster, Committed, Load, LoadMode, LoadPlan, Partition, TablePlan};
use sakia::metastore::{Column, HiveStorage, MetastoreOptions};
use sakia::storage::faulty::{Fault, FaultyFilesystem};
use serde_json::json;

use crate::stack;

/// The plainest Parquet there is: one file, one row group.
struct Parquet(ArrowWriter<Vec<u8>>);

impl Encoder for Parquet {
    fn encode(&mut self, batch: &RecordBatch, _: &mut Vec<u8>) -> Result<()> {
        self.0.write(batch).unwrap();
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.finish().unwrap();
        out.append(self.0.inner_mut());
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.0.in_progress_size()
    }
}

fn schema() -> SchemaRef {
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)];
    Arc::new(Schema::new(fields))
}

fn rows(ids: &[i64]) -> RecordBatch {
    let names: Vec<String> = ids.iter().map(|id| format!("größe {id}")).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(names))];
    RecordBatch::try_new(schema(), columns).unwrap()
}

async fn cluster() -> Cluster {
    let uris = vec![format!("thrift://{}", stack::address("METASTORE_PORT"))];
    Cluster::connect(&stack::hdfs(), Some(&MetastoreOptions { uris, user: None })).await.unwrap()
}

fn plan(table: &str, mode: LoadMode, partition_columns: &[&str]) -> LoadPlan {
    LoadPlan {
        target: format!("/tmp/load_it/{table}"),
        mode,
        schema: schema(),
        encoder: Arc::new(|_| Ok(Box::new(Parquet(ArrowWriter::try_new(Vec::new(), schema(), None).unwrap())))),
        extension: "parquet",
        table: Some(TablePlan {
            database: "load_it".to_owned(),
            table: table.to_owned(),
            comment: None,
            partition_columns: partition_columns.iter().map(|name| Column::new(*name, "string")).collect(),
            storage: HiveStorage::Parquet,
        }),
        fingerprint: table.to_owned(),
        run_id: "cluster-test".to_owned(),
        load_id: None,
    }
}

async fn load(cluster: &Cluster, plan: LoadPlan, files: &[(Partition, &[i64])]) -> Result<Committed> {
    let load = Load::open(cluster, plan).await?;
    let stage = async |n: usize, partition: &Partition, ids: &[i64]| {
        let mut part = load.part(&n.to_string(), partition).await?;
        part.write(&rows(ids)).await?;
        part.finish().await
    };
    // Closing small files takes up to a second each on HDFS: all at once.
    let parts = files.iter().enumerate().map(|(n, (partition, ids))| stage(n, partition, ids));
    let parts = futures::future::try_join_all(parts).await?;
    load.commit(parts, json!({"files": files.len()})).await
}

fn dt(value: &str) -> Partition {
    Partition::new([("dt", value)])
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_a_replaced_table() {
    let (cluster, table) = (cluster().await, stack::unique("replaced"));
    let replace = || plan(&table, LoadMode::Replace, &[]);
    load(&cluster, replace(), &[(Partition::none(), &[1, 2]), (Partition::none(), &[3])]).await.unwrap();
    let query = format!("select id, name from load_it.{table} order by id");
    assert_eq!(stack::beeline(&query), ["1\tgröße 1", "2\tgröße 2", "3\tgröße 3"]);

    load(&cluster, replace(), &[(Partition::none(), &[4])]).await.unwrap();
    assert_eq!(stack::beeline(&query), ["4\tgröße 4"]);
    let info = cluster.metastore.as_ref().unwrap().table("load_it", &table).await.unwrap().unwrap();
    assert_eq!((info.parameters["numRows"].as_str(), info.parameters["sakia.rows"].as_str()), ("1", "1"));
    assert_eq!((info.parameters["sakia.checkpoint"].as_str(), info.owner.as_str()), (r#"{"files":1}"#, "root"));
    let state = stack::tool("hdfs", &["dfs", "-ls", "-R", "-C", &format!("/tmp/load_it/.sakia/{table}")]);
    assert_eq!(state.trim(), format!("/tmp/load_it/.sakia/{table}/manifest.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_appended_and_replaced_partitions() {
    let (cluster, table) = (cluster().await, stack::unique("parted"));
    let with = |mode| plan(&table, mode, &["dt"]);
    load(&cluster, with(LoadMode::Append), &[(dt("a:b"), &[1]), (dt(""), &[2])]).await.unwrap();
    load(&cluster, with(LoadMode::Append), &[(dt("a:b"), &[3]), (dt("c"), &[4])]).await.unwrap();
    let query = format!("select dt, id from load_it.{table} order by id");
    assert_eq!(stack::beeline(&query), ["a:b\t1", "__HIVE_DEFAULT_PARTITION__\t2", "a:b\t3", "c\t4"]);
    let partitions = format!("show partitions load_it.{table}");
    let mut names = stack::beeline(&partitions);
    names.sort();
    assert_eq!(names, ["dt=__HIVE_DEFAULT_PARTITION__", "dt=a%3Ab", "dt=c"]);

    load(&cluster, with(LoadMode::Replace), &[(dt("c"), &[5])]).await.unwrap();
    assert_eq!(stack::beeline(&query), ["c\t5"]);
    assert_eq!(stack::beeline(&partitions), ["dt=c"]);
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
    assert_eq!(stack::beeline(&format!("select id from load_it.{table}")), ["7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_others_stops_a_load_before_any_file() {
    let (cluster, table) = (cluster().await, stack::unique("foreign"));
    cluster.metastore.as_ref().unwrap().ensure_database("load_it").await.unwrap();
    stack::beeline(&format!("create external table load_it.{table} (id bigint) stored as parquet"));
    let error = load(&cluster, plan(&table, LoadMode::Replace, &[]), &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert!(cluster.fs.stat(&format!("/tmp/load_it/{table}")).await.unwrap().is_none());
}
