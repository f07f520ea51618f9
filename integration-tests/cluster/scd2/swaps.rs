//! Runs of the shape `parquet` that are killed at each step, and that lose their session: readers see all of a batch or
//! nothing of it, and the next run ends with the history of one that nobody disturbed.

use std::collections::BTreeSet;
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sakia::metastore::MetastoreClient;
use sakia::storage::{Filesystem, hdfs as storage};

use super::kill::{history, start_with};
use super::parquet::{locations, metastore};
use super::{Log, beeline};
use crate::stack::{address, hdfs};

const BUCKETS: usize = 4;

fn start(log: &Log, target: &str) -> Child {
    start_by(log, target, &address("HIVESERVER2_PORT"))
}

/// The same by another way to HiveServer2.
fn start_by(log: &Log, target: &str, hiveserver2: &str) -> Child {
    let (hdfs, metastore) = (address("NAMENODE_PORT"), address("METASTORE_PORT"));
    let (hdfs, metastore) = (format!("hdfs://{hdfs}"), format!("thrift://{metastore}"));
    let shape = ["--shape", "parquet", "--buckets", "4"];
    let servers = ["--hdfs-url", &hdfs, "--hdfs-user", "root", "--metastore-url", &metastore];
    start_with(log, target, hiveserver2, &[&shape[..], &servers[..]].concat())
}

/// Events of a month: each of many keys, so that every batch touches every bucket.
fn month(month: u32) -> Vec<String> {
    let event = |key: u32| {
        let op = if key % 7 == month { "D" } else { "U" };
        format!("({key}, timestamp '2020-0{month}-{:02} 00:00:00', '{op}', {})", 1 + key % 28, key % (month + 1))
    };
    (1..=40).map(event).collect()
}

/// A step of a run, as others see it.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The dimension is made.
    Made,
    /// What the batch changes is kept.
    Staged,
    /// Buckets are being written anew.
    Rewriting,
    /// They are written.
    Rewritten,
    /// The metastore knows them.
    Swapped,
}

struct Watch<'a> {
    log: &'a Log,
    target: &'a str,
    fs: Arc<dyn Filesystem>,
    metastore: &'a MetastoreClient,
}

impl Watch<'_> {
    /// Names below a directory; none where it is not there.
    async fn names(&self, path: &str) -> BTreeSet<String> {
        let found = self.fs.list(path).await.unwrap_or_default();
        found.into_iter().map(|entry| entry.name().to_owned()).collect()
    }

    fn home(&self) -> String {
        format!("/warehouse/external/{}.db", self.log.database)
    }

    /// What shows that a step is reached: tables that batches are kept in, directories that attempts write into, files in
    /// these, or where the buckets lie.
    async fn traces(&self, step: Step) -> BTreeSet<String> {
        let root = format!("{}/{}/_versions", self.home(), self.target);
        match step {
            Step::Staged => {
                let stage = format!("{}_sakia_stage_", self.target);
                self.names(&self.home()).await.into_iter().filter(|name| name.starts_with(&stage)).collect()
            }
            Step::Made | Step::Rewriting => self.names(&root).await,
            Step::Rewritten => {
                let mut files = BTreeSet::new();
                for id in self.names(&root).await {
                    for bucket in self.names(&format!("{root}/{id}")).await {
                        let inside = self.names(&format!("{root}/{id}/{bucket}")).await;
                        files.extend(inside.into_iter().filter(|_| bucket.starts_with("bucket=")).map(|_| id.clone()));
                    }
                }
                files
            }
            Step::Swapped => locations(self.metastore, self.log, self.target).await.into_values().collect(),
        }
    }

    /// Waits until a run that begins now is at a step.
    async fn until(&self, step: Step, mut is_over: impl FnMut() -> bool) {
        let (before, limit) = (self.traces(step).await, Instant::now() + Duration::from_secs(180));
        while self.traces(step).await.is_subset(&before) {
            assert!(!is_over(), "the run ended before {step:?}");
            assert!(Instant::now() < limit, "{step:?} is not reached");
        }
    }

    /// All buckets are those of one attempt, since each batch touches all of them.
    async fn is_whole(&self) -> bool {
        let places = locations(self.metastore, self.log, self.target).await;
        let attempts: BTreeSet<&str> = places.values().filter_map(|at| at.rsplit('/').nth(1)).collect();
        (places.len() == BUCKETS && attempts.len() == 1) || places.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_killed_at_any_step_is_finished_by_the_next_and_no_reader_sees_half_a_swap() {
    let mut log = Log::new("k int, seq timestamp, op string, v int").await;
    log.arrive(&month(1)).await;
    assert!(start(&log, "undisturbed").wait().unwrap().success());
    let mut states = vec![Vec::new(), history(&log, "undisturbed")];
    log.arrive(&month(2)).await;
    assert!(start(&log, "undisturbed").wait().unwrap().success());
    states.push(history(&log, "undisturbed"));

    let (metastore, fs) = (metastore().await, storage::connect(&hdfs()).await.unwrap());
    let watch = Watch { log: &log, target: "killed", fs, metastore: &metastore };
    for step in [Step::Made, Step::Staged, Step::Rewriting, Step::Rewritten, Step::Swapped, Step::Swapped] {
        let mut child = start(&log, "killed");
        watch.until(step, || child.try_wait().unwrap().is_some()).await;
        child.kill().unwrap();
        child.wait().unwrap();
        if !matches!(step, Step::Made) {
            assert!(watch.is_whole().await, "{step:?}");
            let seen = history(&log, "killed");
            assert!(states.contains(&seen), "{step:?}: {seen:#?}");
        }
    }
    let done = start(&log, "killed").wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(&history(&log, "killed"), states.last().unwrap());
    let tables = beeline(&format!("show tables in {}", log.database));
    assert_eq!(tables, ["killed", "log", "undisturbed"], "nothing is left of those that were killed");

    // Whoever looks all the while, by the metastore or by Hive, sees one batch or the other.
    let watch = Watch { target: "watched", fs: watch.fs.clone(), ..watch };
    let mut child = start(&log, "watched");
    watch.until(Step::Swapped, || child.try_wait().unwrap().is_some()).await;
    let ended = Arc::new(AtomicBool::new(false));
    let reading = {
        let (sql, ended) = (
            format!("select k, v, valid_from, valid_to from {}.watched order by k, valid_from", log.database),
            ended.clone(),
        );
        thread::spawn(move || {
            let mut seen = Vec::new();
            while !ended.load(Ordering::SeqCst) {
                seen.push(beeline(&sql));
            }
            seen
        })
    };
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        assert!(watch.is_whole().await, "half a swap is seen");
        looks += 1;
    }
    ended.store(true, Ordering::SeqCst);
    let seen = reading.join().unwrap();
    assert!(looks > 20 && !seen.is_empty(), "{looks} looks, {} reads", seen.len());
    assert!(seen.iter().all(|seen| states.contains(seen)), "{seen:#?}");
    assert_eq!(&history(&log, "watched"), states.last().unwrap());
    log.close().await;
}

/// Passes bytes on to HiveServer2, over as many connections as are made, until it is told to let go.
fn door() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (here, shut) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicBool::new(false)));
    let to_shut = shut.clone();
    thread::spawn(move || {
        for inside in listener.incoming() {
            let (inside, shut) = (inside.unwrap(), to_shut.clone());
            let outside = TcpStream::connect(address("HIVESERVER2_PORT")).unwrap();
            for (from, to) in [(&inside, &outside), (&outside, &inside)] {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || copy(&mut from, &mut to));
            }
            thread::spawn(move || {
                while !shut.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(2));
                }
                let _ = (inside.shutdown(Shutdown::Both), outside.shutdown(Shutdown::Both));
            });
        }
    });
    (here, shut)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lost_at_a_step_costs_nothing_but_another_run() {
    let mut log = Log::new("k int, seq timestamp, op string, v int").await;
    log.arrive(&month(1)).await;
    assert!(start(&log, "undisturbed").wait().unwrap().success());
    let expected = history(&log, "undisturbed");

    let (metastore, fs) = (metastore().await, storage::connect(&hdfs()).await.unwrap());
    let watch = Watch { log: &log, target: "lost", fs, metastore: &metastore };
    for step in [Step::Staged, Step::Rewriting] {
        let (url, shut) = door();
        let mut child = start_by(&log, "lost", &url);
        watch.until(step, || child.try_wait().unwrap().is_some()).await;
        shut.store(true, Ordering::SeqCst);
        let lost = child.wait_with_output().unwrap();
        assert!(!lost.status.success(), "{step:?}: {}", String::from_utf8_lossy(&lost.stderr));
        assert_eq!(history(&log, "lost"), Vec::<String>::new(), "{step:?}");
    }
    let done = start(&log, "lost").wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(history(&log, "lost"), expected);
    log.close().await;
}
