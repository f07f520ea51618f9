//! The binary killed in the middle of a merge: the same command goes on, and the history is that of a run that nobody
//! disturbed. Hive's direct inserts would leave a file behind that makes the table unreadable.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sakia::storage::{Filesystem, hdfs as storage};

use super::{Log, beeline};
use crate::stack::{address, hdfs, sakia};

fn start(log: &Log, target: &str) -> Child {
    start_with(log, target, &address("HIVESERVER2_PORT"), &[])
}

/// A run by the binary, by a way to HiveServer2 and with more flags.
pub fn start_with(log: &Log, target: &str, hiveserver2: &str, more: &[&str]) -> Child {
    let name = |table: &str| format!("{}.{table}", log.database);
    sakia()
        .args(["scd2", "--source", &name("log"), "--target", &name(target), "--keys", "k", "--sequence", "seq"])
        .args(["--tracked", "v", "--op-column", "op", "--batches", "month"])
        .args(["--hiveserver2-url", hiveserver2])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub fn history(log: &Log, target: &str) -> Vec<String> {
    beeline(&format!("select k, v, valid_from, valid_to from {}.{target} order by k, valid_from", log.database))
}

/// Waits until a dimension's directory holds so many of the directories that a merge writes.
async fn wait_for_writes(fs: &dyn Filesystem, log: &Log, target: &str, at_least: usize) {
    let directory = format!("/user/hive/warehouse/{}.db/{target}", log.database);
    let limit = Instant::now() + Duration::from_secs(120);
    while fs.list(&directory).await.map_or(0, |found| found.len()) < at_least {
        assert!(Instant::now() < limit, "nothing is written into {directory}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_merge_is_finished_by_the_next_run() {
    let mut log = Log::new("k int, seq timestamp, op string, v int").await;
    let mut rows = Vec::new();
    for month in 1..=2 {
        for key in 1..=40 {
            let op = if key % 7 == month { "D" } else { "U" };
            rows.push(format!(
                "({key}, timestamp '2020-0{month}-{:02} 00:00:00', '{op}', {})",
                1 + key % 28,
                key % (month + 1)
            ));
        }
    }
    log.arrive(&rows).await;
    assert!(start(&log, "undisturbed").wait().unwrap().success());
    let expected = history(&log, "undisturbed");

    let fs = storage::connect(&hdfs()).await.unwrap();
    // In the first merge, which made the table, and by the run that goes on in a later one.
    for at_least in [1, 3] {
        let mut child = start(&log, "killed");
        wait_for_writes(fs.as_ref(), &log, "killed", at_least).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = start(&log, "killed").wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(history(&log, "killed"), expected);
    log.close().await;
}
