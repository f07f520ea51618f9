//! Small files of a partition rewritten into few on HDFS and Hive, with whoever does it dead at every call.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sakia::error::Result;
use sakia::load::compact::{CompactPlan, Compactor};
use sakia::load::{Cluster, Load, LoadMode, LoadPlan};
use sakia::storage::faulty::{Fault, FaultyFilesystem};

use crate::load::{cluster, dt, load, plan};
use crate::stack::{self, beeline, hdfs_shell};

const PARTITION: &str = "dt=a%3Ab";

/// A table of one partition, to which rows are added one by one.
struct Table {
    name: String,
    cluster: Cluster,
    rows: i64,
}

impl Table {
    async fn new(prefix: &str) -> Self {
        Self { name: stack::unique(prefix), cluster: cluster().await, rows: 0 }
    }

    fn load_plan(&self) -> LoadPlan {
        plan(&self.name, LoadMode::Append, &["dt"])
    }

    fn plan(&self, grace: Duration) -> CompactPlan {
        CompactPlan {
            target: format!("/tmp/load_it/{}", self.name),
            table: ("load_it".to_owned(), self.name.clone()),
            file_bytes: 1 << 20,
            min_files: 1,
            grace,
        }
    }

    async fn add(&mut self) {
        self.rows += 1;
        load(&self.cluster, self.load_plan(), &[(dt("a:b"), &[self.rows])]).await.unwrap();
    }

    /// Compacts; says whether there was anything to do.
    async fn compact(&self, cluster: &Cluster, grace: Duration) -> Result<bool> {
        let compactor = Compactor::open(cluster, self.plan(grace), "cluster-test").await?;
        if compactor.is_unsettled().await? {
            let load = Load::open(cluster, self.load_plan()).await?;
            compactor.settle(&load).await?;
            load.discard().await?;
        }
        let mut is_done = false;
        if let Some(due) = compactor.look(PARTITION).await? {
            let rewritten = compactor.rewrite(due).await?;
            let load = Load::open(cluster, self.load_plan()).await?;
            is_done = compactor.swap(&load, rewritten).await?;
            load.discard().await?;
        }
        compactor.tidy().await?;
        compactor.close().await?;
        Ok(is_done)
    }

    fn faulty(&self, fault: Fault) -> (Cluster, Arc<FaultyFilesystem>) {
        let fs = Arc::new(FaultyFilesystem::new(self.cluster.fs.clone(), fault));
        (Cluster { fs: fs.clone(), metastore: self.cluster.metastore.clone() }, fs)
    }

    /// Where Hive reads the partition.
    async fn location(&self) -> String {
        let metastore = self.cluster.metastore.as_ref().unwrap();
        let found = metastore.stored_table("load_it", &self.name).await.unwrap().unwrap();
        assert_eq!(found.partitions.len(), 1);
        let location = found.partitions[0].storage.location.clone();
        location.strip_prefix(&self.cluster.fs.uri()).unwrap().to_owned()
    }

    /// The ids in the files where Hive reads them, sorted. Hive itself is asked at the end.
    async fn ids(&self) -> Vec<i64> {
        let mut ids = Vec::new();
        for file in self.cluster.fs.list(&self.location().await).await.unwrap() {
            let bytes = self.cluster.fs.read(&file.path).await.unwrap();
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                ids.extend(batch["id"].as_primitive::<Int64Type>().values());
            }
        }
        ids.sort_unstable();
        ids
    }

    fn all(&self) -> Vec<i64> {
        (1..=self.rows).collect()
    }
}

async fn killed_at_every_call(prefix: &str, fault: fn(usize) -> Fault) {
    let mut table = Table::new(prefix).await;
    for _ in 0..3 {
        table.add().await;
    }
    let (mut call, mut died) = (0, 0);
    loop {
        call += 1;
        let (dying, fs) = table.faulty(fault(call));
        let is_dead = table.compact(&dying, Duration::ZERO).await.is_err();
        if !is_dead && fs.calls() < call {
            break;
        }
        died += usize::from(is_dead);
        assert_eq!(table.ids().await, table.all(), "dead at call {call}");
        // A row that comes after that is where Hive reads it, and the next run does the rest.
        table.add().await;
        assert_eq!(table.ids().await, table.all(), "a row behind call {call}");
        table.compact(&table.cluster, Duration::ZERO).await.unwrap();
        assert_eq!(table.ids().await, table.all(), "a run behind call {call}");
        let files = table.cluster.fs.list(&table.location().await).await.unwrap();
        assert_eq!(files.len(), 1, "call {call}: {files:?}");
        table.add().await;
    }
    assert!(died > 30, "{died}");
    let seen = beeline(&format!("select count(*), count(distinct id), sum(id) from load_it.{}", table.name));
    assert_eq!(seen, [[table.rows.to_string(), table.rows.to_string(), table.all().iter().sum::<i64>().to_string()]]);
    // Without grace nothing is left but the files that Hive reads.
    table.compact(&table.cluster, Duration::ZERO).await.unwrap();
    table.compact(&table.cluster, Duration::ZERO).await.unwrap();
    let left = hdfs_shell(&["dfs", "-find", &format!("/tmp/load_it/{}", table.name), "-name", "part-*"]);
    assert_eq!(left.lines().count(), 1, "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_before_any_call_every_row_is_there_once() {
    killed_at_every_call("compact_before", Fault::Crash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_after_any_call_every_row_is_there_once() {
    killed_at_every_call("compact_after", Fault::CrashAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_come_meanwhile_spoil_the_swap_and_old_files_stay_for_their_time() {
    let mut table = Table::new("compact_meanwhile").await;
    for _ in 0..3 {
        table.add().await;
    }
    let own = table.location().await;
    let grace = Duration::from_secs(3600);
    let compactor = Compactor::open(&table.cluster, table.plan(grace), "first").await.unwrap();
    let second = Compactor::open(&table.cluster, table.plan(grace), "second").await.unwrap_err();
    assert!(second.to_string().contains("run first"), "{second}");
    let rewritten = compactor.rewrite(compactor.look(PARTITION).await.unwrap().unwrap()).await.unwrap();
    table.add().await;
    let opened = Load::open(&table.cluster, table.load_plan()).await.unwrap();
    assert!(!compactor.swap(&opened, rewritten).await.unwrap(), "a file was added");
    opened.discard().await.unwrap();
    assert_eq!(table.location().await, own);
    compactor.close().await.unwrap();

    assert!(table.compact(&table.cluster, grace).await.unwrap());
    let new = table.location().await;
    assert_ne!(new, own);
    assert_eq!(table.cluster.fs.list(&own).await.unwrap().len(), 4, "whoever reads them goes on");
    assert!(!table.compact(&table.cluster, grace).await.unwrap(), "one file is few enough");
    table.add().await;
    assert_eq!(table.location().await, new, "a load follows");
    assert_eq!(table.ids().await, table.all());

    // The table is dropped, and made again by the next load: it has all rows, once.
    beeline(&format!("drop table load_it.{}", table.name));
    table.add().await;
    assert_eq!(table.ids().await, table.all());
    let name = &table.name;
    assert_eq!(beeline(&format!("select count(*), sum(id) from load_it.{name}")), [["6", "21"]]);
    // Somebody points the partition at the old files: these stay, and it is given its place again.
    beeline(&format!("alter table load_it.{name} partition (dt='a:b') set location '{}{own}'", table.cluster.fs.uri()));
    for deleted in [0, 4, 0] {
        let compactor = Compactor::open(&table.cluster, table.plan(Duration::ZERO), "tidy").await.unwrap();
        assert_eq!(compactor.tidy().await.unwrap(), deleted);
        compactor.close().await.unwrap();
        assert_eq!((table.location().await, table.ids().await), (new.clone(), table.all()));
    }
    beeline(&format!("drop table load_it.{name}"));
}
