//! The load as a whole, on the local disk: both modes, what is refused, and a crash at every single call.

mod modes;
mod trash;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::{Value, json};

use super::*;
use crate::error::Kind;
use crate::format::{Encoder, Output};
use crate::storage::faulty::{Fault, FaultyFilesystem, life};
use crate::storage::local::LocalFilesystem;
use crate::storage::{CreateOptions, DeleteOptions};

const TARGET: &str = "/lake/orders";

/// One line a row; nothing but the load is tested here.
struct Lines;

impl Encoder for Lines {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        ids.values().iter().for_each(|id| out.open().extend(format!("{id}\n").bytes()));
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        out.open().extend(b"end\n");
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        0
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]))
}

fn rows(ids: &[i64]) -> RecordBatch {
    RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from(ids.to_vec()))]).unwrap()
}

fn plan(mode: LoadMode) -> LoadPlan {
    LoadPlan {
        extension: Some("txt".into()),
        fingerprint: "orders".into(),
        run_id: "test".into(),
        ..LoadPlan::new(TARGET, mode, schema(), Arc::new(|_| Ok(Box::new(Lines))))
    }
}

struct Disk {
    _root: tempfile::TempDir,
    fs: Arc<dyn Filesystem>,
}

impl Disk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let fs = Arc::new(LocalFilesystem::new(root.path()));
        Self { _root: root, fs }
    }

    /// A disk that keeps what is deleted.
    fn keeping(trash: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let fs = Arc::new(LocalFilesystem::keeping(root.path(), trash));
        Self { _root: root, fs }
    }

    fn cluster(&self) -> Cluster {
        Cluster { fs: self.fs.clone(), metastore: None }
    }

    fn faulty(&self, fault: Fault) -> (Cluster, Arc<FaultyFilesystem>) {
        let fs = Arc::new(FaultyFilesystem::new(self.fs.clone(), fault));
        (Cluster { fs: fs.clone(), metastore: None }, fs)
    }

    /// Every file below a directory with its text; empty where there is nothing.
    async fn tree(&self, directory: &str) -> BTreeMap<String, String> {
        let (mut files, mut open) = (BTreeMap::new(), vec![directory.to_owned()]);
        while let Some(path) = open.pop() {
            match self.fs.list(&path).await {
                Ok(entries) => {
                    for entry in entries {
                        if entry.is_dir {
                            open.push(entry.path);
                        } else {
                            let text = self.fs.read(&entry.path).await.unwrap();
                            files.insert(entry.path, String::from_utf8(text.to_vec()).unwrap());
                        }
                    }
                }
                Err(e) => assert_eq!(e.kind(), Kind::NotFound, "{e}"),
            }
        }
        files
    }

    /// Texts in the target, by partition directory.
    async fn visible(&self) -> Vec<(String, String)> {
        let name = |path: String| path[TARGET.len()..path.rfind('/').unwrap()].to_owned();
        let mut visible: Vec<_> = self.tree(TARGET).await.into_iter().map(|(p, t)| (name(p), t)).collect();
        visible.sort();
        visible
    }
}

/// Loads two partitions of one row each, and one side part.
async fn load(cluster: &Cluster, plan: LoadPlan, ids: [i64; 2], checkpoint: Value) -> Result<Committed> {
    let load = Load::open(cluster, plan).await?;
    let mut parts = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let mut part = load.part(0, 0, &Partition::new([("dt", n.to_string())])).await?;
        part.write(&rows(&[*id])).await?;
        parts.push(part.finish().await?);
    }
    let mut side = load.side_part("/lake/rejects", "orders.jsonl").await?;
    side.write(format!("{ids:?}").into_bytes(), 1).await?;
    parts.push(side.finish().await?);
    load.commit(parts, checkpoint).await
}

fn seen(rows: &[(usize, i64)]) -> Vec<(String, String)> {
    rows.iter().map(|(dt, id)| (format!("/dt={dt}"), format!("{id}\nend\n"))).collect()
}

#[tokio::test]
async fn a_replacing_load_swaps_all_and_leaves_nothing_behind() {
    let disk = Disk::new();
    load(&disk.cluster(), plan(LoadMode::Replace), [1, 2], json!({"gtid": "a"})).await.unwrap();
    assert_eq!(disk.visible().await, seen(&[(0, 1), (1, 2)]));

    let committed = load(&disk.cluster(), plan(LoadMode::Replace), [3, 4], json!({"gtid": "b"})).await.unwrap();
    assert_eq!((committed.manifest.rows(), committed.manifest.bytes()), (2, 12));
    assert_eq!(disk.visible().await, seen(&[(0, 3), (1, 4)]));
    assert_eq!(disk.tree("/lake/rejects").await["/lake/rejects/orders.jsonl"], "[3, 4]");
    let state: Vec<String> = disk.tree("/lake/.sakia").await.into_keys().collect();
    assert_eq!(state, ["/lake/.sakia/orders/manifest.json"]);

    let next = Load::open(&disk.cluster(), plan(LoadMode::Replace)).await.unwrap();
    let previous = next.previous().unwrap();
    assert_eq!(previous.checkpoint, json!({"gtid": "b"}));
    // sha256 of "3\nend\n"
    assert_eq!(previous.parts[0].sha256, hex_sha256(b"3\nend\n"));
    next.discard().await.unwrap();
}

fn hex_sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test]
async fn an_appending_load_adds_and_knows_its_own_id() {
    let disk = Disk::new();
    let epoch = |n: i64| LoadPlan { load_id: Some(format!("{n:012}")), ..plan(LoadMode::Append) };
    load(&disk.cluster(), epoch(1), [1, 2], json!(1)).await.unwrap();
    load(&disk.cluster(), epoch(2), [3, 4], json!(2)).await.unwrap();
    assert_eq!(disk.visible().await, seen(&[(0, 1), (0, 3), (1, 2), (1, 4)]));
    assert!(disk.tree(TARGET).await.contains_key("/lake/orders/dt=0/part-000000000002-00000.txt"));

    let again = load(&disk.cluster(), epoch(2), [3, 4], json!(2)).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    load(&disk.cluster(), epoch(3), [5, 6], json!(3)).await.unwrap();
    assert_eq!(disk.visible().await.len(), 6);
}

#[tokio::test]
async fn the_same_rows_are_known_before_anything_is_swapped() {
    let disk = Disk::new();
    let stage = async |ids: [i64; 2]| {
        let load = Load::open(&disk.cluster(), plan(LoadMode::Replace)).await.unwrap();
        let mut part = load.part(0, 0, &Partition::none()).await.unwrap();
        part.write(&rows(&ids)).await.unwrap();
        (vec![part.finish().await.unwrap()], load)
    };
    let (parts, first) = stage([1, 2]).await;
    assert!(!first.is_unchanged(&parts).await.unwrap());
    first.commit(parts, Value::Null).await.unwrap();

    let (parts, same) = stage([1, 2]).await;
    assert!(same.is_unchanged(&parts).await.unwrap());
    same.discard().await.unwrap();

    let (parts, other) = stage([1, 3]).await;
    assert!(!other.is_unchanged(&parts).await.unwrap());
    other.discard().await.unwrap();

    disk.fs.delete(TARGET, DeleteOptions { recursive: true }).await.unwrap();
    let (parts, lost) = stage([1, 2]).await;
    assert!(!lost.is_unchanged(&parts).await.unwrap(), "the files are gone");
    lost.commit(parts, Value::Null).await.unwrap();
    assert_eq!(disk.visible().await, [(String::new(), "1\n2\nend\n".into())]);
}

#[tokio::test]
async fn files_of_others_are_not_touched() {
    let disk = Disk::new();
    let file = disk.fs.create("/lake/orders/data.csv", CreateOptions::default()).await.unwrap();
    file.close().await.unwrap();
    let error = load(&disk.cluster(), plan(LoadMode::Replace), [1, 2], Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    assert!(error.to_string().contains("data.csv"), "{error}");
    assert_eq!(disk.tree(TARGET).await.len(), 1);
}

#[tokio::test]
async fn a_file_that_somebody_added_is_not_swapped_out() {
    let disk = Disk::new();
    load(&disk.cluster(), plan(LoadMode::Replace), [1, 2], Value::Null).await.unwrap();
    let add = async |name: &str| {
        let file = disk.fs.create(&format!("{TARGET}/{name}"), CreateOptions::default()).await.unwrap();
        file.close().await.unwrap();
    };
    add("_SUCCESS").await;
    let before_the_commit = Load::open(&disk.cluster(), plan(LoadMode::Replace)).await.unwrap();
    add("dt=1/theirs.txt").await;
    let error = before_the_commit.commit(Vec::new(), Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    let error = Load::open(&disk.cluster(), plan(LoadMode::Replace)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    assert!(error.to_string().contains(TARGET) && error.to_string().contains("dt=1/theirs.txt"), "{error}");
    assert!(disk.fs.stat(&format!("{TARGET}/dt=1/theirs.txt")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_load_is_told_who_holds_the_first() {
    let disk = Disk::new();
    let held =
        Load::open(&disk.cluster(), LoadPlan { run_id: "nightly".into(), ..plan(LoadMode::Append) }).await.unwrap();
    let part = held.part(0, 0, &Partition::none()).await.unwrap();
    let error = load(&disk.cluster(), plan(LoadMode::Append), [1, 2], Value::Null).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75));
    assert!(error.to_string().contains("nightly"), "{error}");
    let parts = vec![part.finish().await.unwrap()];
    held.commit(parts, Value::Null).await.unwrap();
    load(&disk.cluster(), plan(LoadMode::Append), [1, 2], Value::Null).await.unwrap();
}

#[tokio::test]
async fn a_dropped_load_holds_nothing() {
    let disk = Disk::new();
    let dropped = Load::open(&disk.cluster(), plan(LoadMode::Append)).await.unwrap();
    drop(dropped.part(0, 0, &Partition::none()).await.unwrap());
    drop(dropped);
    load(&disk.cluster(), plan(LoadMode::Append), [1, 2], Value::Null).await.unwrap();
    assert_eq!(disk.visible().await, seen(&[(0, 1), (1, 2)]));
}

#[tokio::test]
async fn a_load_that_lost_its_lock_does_not_commit() {
    let disk = Disk::new();
    let slow = Load::open(&disk.cluster(), plan(LoadMode::Append)).await.unwrap();
    disk.fs.delete("/lake/.sakia/orders/lock", DeleteOptions { recursive: true }).await.unwrap();
    let error = slow.commit(Vec::new(), Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(disk.tree("/lake/.sakia").await.is_empty());
}

/// Runs `second` over a first load and crashes at each of its calls in turn; after each crash what is visible must be
/// allowed, and going on without faults must end where a clean run ends.
fn crash_everywhere(mode: LoadMode, allowed: impl Fn(&[(String, String)]) -> bool, end: Vec<(String, String)>) {
    let second = || LoadPlan { load_id: Some("2".into()), ..plan(mode) };
    let first = || {
        let disk = Disk::new();
        let plan = LoadPlan { load_id: Some("1".into()), ..plan(mode) };
        life(load(&disk.cluster(), plan, [1, 2], json!(1))).unwrap();
        disk
    };
    let clean = first();
    let (cluster, counter) = clean.faulty(Fault::Never);
    life(load(&cluster, second(), [3, 4], json!(2))).unwrap();
    assert_eq!(life(clean.visible()), end);
    let clean_tree = life(clean.tree("/lake"));

    for number in 1..=counter.calls() {
        for fault in [Fault::Fail(number), Fault::Crash(number), Fault::CrashAfter(number)] {
            let disk = first();
            let (cluster, _) = disk.faulty(fault);
            let crashed = life(load(&cluster, second(), [3, 4], json!(2)));
            assert!(crashed.is_err(), "{mode:?} {fault:?} was noticed");
            let visible = life(disk.visible());
            assert!(allowed(&visible), "{mode:?} {fault:?} leaves {visible:?} visible");

            // What a caller does: open, look whether the load was recorded, do it if not.
            life(async {
                let opened = Load::open(&disk.cluster(), second()).await.unwrap();
                if opened.previous().unwrap().load_id == "2" {
                    opened.discard().await.unwrap();
                } else {
                    assert_eq!(disk.visible().await, seen(&[(0, 1), (1, 2)]), "{mode:?} {fault:?}");
                    drop(opened);
                    load(&disk.cluster(), second(), [3, 4], json!(2)).await.unwrap();
                }
                assert_eq!(disk.tree("/lake").await, clean_tree, "{mode:?} {fault:?}");
            });
        }
    }
}

#[test]
fn a_replacing_load_survives_a_crash_at_every_call() {
    let (old, new) = (seen(&[(0, 1), (1, 2)]), seen(&[(0, 3), (1, 4)]));
    let allowed = |visible: &[(String, String)]| visible == old || visible == new || visible.is_empty();
    crash_everywhere(LoadMode::Replace, allowed, new.clone());
}

#[test]
fn an_appending_load_survives_a_crash_at_every_call() {
    let (old, new) = (seen(&[(0, 1), (1, 2)]), seen(&[(0, 3), (1, 4)]));
    let mut end = [old.clone(), new].concat();
    end.sort();
    let whole = end.clone();
    let allowed = move |visible: &[(String, String)]| {
        old.iter().all(|file| visible.contains(file)) && visible.iter().all(|file| whole.contains(file))
    };
    crash_everywhere(LoadMode::Append, allowed, end);
}
