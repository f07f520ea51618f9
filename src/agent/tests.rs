//! The whole agent on a local filesystem: every line exactly once, whatever call the agent dies at.

mod complete;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::channels::cursor::Cursor;
use super::channels::lock::ChannelLock;
use super::config::RollArgs;
use super::position::ONLY_SOURCE;
use super::roll::TimePartition;
use super::*;
use crate::error::Kind;
use crate::storage::Filesystem;
use crate::storage::faulty::{Fault, FaultyFilesystem, life};
use crate::storage::local::LocalFilesystem;
use crate::telemetry::summary::Outcome;

/// Logs, a channel directory and a target of a test.
struct Place(TempDir);

/// File name and offset of lines, with how often each was found.
type Lines = BTreeMap<(String, u64), usize>;

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("cluster")).unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Appends lines of `days` days and a malformed one to a log.
    fn log(&self, name: &str, days: u32) {
        let mut text = fs::read_to_string(self.path(name)).unwrap_or_default();
        for day in 1..=days {
            for second in 10..13 {
                text += &format!(
                    "h - - [{day:02}/Dec/2010:08:00:{second} +0000] \"GET /p/{name} HTTP/1.1\" 200 1 \"-\" \"x\"\n"
                );
            }
        }
        fs::write(self.path(name), text + "broken\n").unwrap();
    }

    fn args(&self, drain: bool) -> AgentArgs {
        let text = format!(
            "files = '*.log'\nchannel-dir = 'channel'\ntarget-dir = '/lake/clicks'\nreject-dir = '/lake/rejects'\n\
             drain = {drain}\nroll = {{ rows = 1 }}"
        );
        toml::from_str(&text).unwrap()
    }

    fn filesystem(&self) -> Arc<dyn Filesystem> {
        Arc::new(LocalFilesystem::new(self.path("cluster")))
    }

    async fn run_on(&self, fs: Arc<dyn Filesystem>) -> Result<StepSummary> {
        let cluster = Cluster { fs, metastore: None };
        let once = Retry::for_time(Duration::ZERO);
        run_patiently(&self.args(true), self.0.path(), &cluster, "run", &Stop::new(), once).await
    }

    async fn run(&self) -> StepSummary {
        self.run_on(self.filesystem()).await.unwrap()
    }

    /// The lines of all logs.
    fn expected(&self) -> Lines {
        let mut lines = Lines::new();
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "log") {
                let mut offset = 0;
                for line in fs::read_to_string(&path).unwrap().lines() {
                    lines.insert((file_name(path.to_str().unwrap()), offset), 1);
                    offset += line.len() as u64 + 1;
                }
            }
        }
        lines
    }

    /// The lines in the target and in the reject directory.
    fn landed(&self) -> Lines {
        let mut lines = Lines::new();
        count_rows(&self.path("cluster/lake/clicks"), &mut lines);
        for entry in fs::read_dir(self.path("cluster/lake/rejects")).into_iter().flatten() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            for reject in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
                assert_eq!((&reject["reason"], &reject["line"]), (&"truncated in the host".into(), &"broken".into()));
                let file = file_name(reject["file"].as_str().unwrap());
                *lines.entry((file, reject["offset"].as_u64().unwrap())).or_default() += 1;
            }
        }
        lines
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

fn count_rows(dir: &Path, lines: &mut Lines) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count_rows(&path, lines);
            continue;
        }
        if file_name(path.to_str().unwrap()).starts_with('_') {
            continue;
        }
        let bytes = Bytes::from(fs::read(&path).unwrap());
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let files = batch.column_by_name("source_file").unwrap().as_string::<i32>();
            let offsets = batch.column_by_name("source_offset").unwrap().as_primitive::<Int64Type>();
            for (file, offset) in files.iter().zip(offsets) {
                let line = (file_name(file.unwrap()), offset.unwrap() as u64);
                *lines.entry(line).or_default() += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_second_run_finds_only_what_is_new() {
    let place = Place::new();
    place.log("a.log", 3);
    let first = place.run().await;
    assert_eq!((first.outcome, first.rows_in, first.rows_out, first.rejects), (Outcome::Done, 10, 9, 1));
    assert_eq!(first.files, 4, "three days and a file of rejects");
    let second = place.run().await;
    assert_eq!((second.outcome, second.rows_in), (Outcome::Unchanged, 0));
    place.log("a.log", 1);
    fs::rename(place.path("a.log"), place.path("b.log")).unwrap();
    assert_eq!(place.run().await.rows_in, 4);
    assert!(place.path("cluster/lake/clicks/dt=2010-12-03").is_dir());
}

#[tokio::test]
async fn a_lost_channel_directory_doubles_nothing() {
    let place = Place::new();
    place.log("a.log", 30);
    place.run().await;
    fs::remove_dir_all(place.path("channel")).unwrap();
    // As in another checkout: the same bytes in a file of its own.
    fs::copy(place.path("a.log"), place.path("copy")).unwrap();
    fs::remove_file(place.path("a.log")).unwrap();
    fs::rename(place.path("copy"), place.path("a.log")).unwrap();
    assert_eq!(place.run().await.outcome, Outcome::Unchanged);
    place.log("a.log", 1);
    assert_eq!(place.run().await.rows_in, 4);
    assert_eq!(place.landed(), place.expected());
}

/// Dies at each call of a run, runs again, and looks at what landed.
fn every_line_once(fault: fn(usize) -> Fault, lose_channel: bool) {
    let logs = |place: &Place| {
        // Each log is a record of its own, and with roll.rows = 1 an epoch of its own.
        place.log("a.log", 2);
        place.log("b.log", 1);
    };
    let clean = Place::new();
    logs(&clean);
    let counting = Arc::new(FaultyFilesystem::new(clean.filesystem(), Fault::Never));
    life(clean.run_on(counting.clone())).unwrap();
    assert_eq!(clean.landed(), clean.expected());
    assert!(counting.calls() > 40, "{}", counting.calls());

    for call in 1..=counting.calls() {
        let place = Place::new();
        logs(&place);
        let faulty = Arc::new(FaultyFilesystem::new(place.filesystem(), fault(call)));
        let died = life(place.run_on(faulty));
        if lose_channel {
            fs::remove_dir_all(place.path("channel")).unwrap();
        }
        place.log("a.log", 1);
        life(place.run());
        assert_eq!(place.landed(), place.expected(), "call {call}: {:?}", died.err());
    }
}

#[test]
fn dead_before_any_call_every_line_lands_once() {
    every_line_once(Fault::Crash, false);
}

#[test]
fn dead_after_any_call_every_line_lands_once() {
    every_line_once(Fault::CrashAfter, false);
}

#[test]
fn dead_and_without_its_channel_every_line_lands_once() {
    every_line_once(Fault::CrashAfter, true);
}

#[tokio::test]
async fn a_call_that_fails_once_is_tried_again() {
    let place = Place::new();
    place.log("a.log", 2);
    let cluster = Cluster { fs: Arc::new(FaultyFilesystem::new(place.filesystem(), Fault::Fail(30))), metastore: None };
    run(&place.args(true), place.0.path(), &cluster, "run", &Stop::new()).await.unwrap();
    assert_eq!(place.landed(), place.expected());
}

#[tokio::test]
async fn an_agent_that_follows_ends_with_a_stop_and_leaves_the_rest_in_the_channel() {
    let place = Place::new();
    place.log("a.log", 2);
    let (stop, cluster) = (Stop::new(), Cluster { fs: place.filesystem(), metastore: None });
    let running = async { run(&place.args(false), place.0.path(), &cluster, "run", &stop).await.unwrap() };
    let watching = async {
        while place.landed() != place.expected() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        place.log("b.log", 1);
        while place.landed() != place.expected() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.request(15);
    };
    let (summary, ()) = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(running, watching) })
        .await
        .expect("it follows and stops");
    assert_eq!((summary.rows_in, summary.rejects), (11, 2));
    assert_eq!(place.run().await.outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn a_drain_that_leaves_a_file_unread_fails_once_the_others_are_written() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.log("a.log", 2);
    fs::write(place.0.path().join(std::ffi::OsStr::from_bytes(b"\xff.log")), "x\n").unwrap();
    let error = place.run_on(place.filesystem()).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Config, 3), "{error}");
    assert!(error.to_string().contains("1 file or directory could not be read, 6 rows"), "{error}");
    assert_eq!(place.landed().len(), 7);
    let again = place.run_on(place.filesystem()).await.unwrap_err();
    assert_eq!(again.exit_code(), 2, "nothing was written this time: {again}");
}

#[tokio::test]
async fn a_log_of_another_format_is_said_to_be_and_fails_where_asked() {
    let place = Place::new();
    place.log("a.log", 1);
    let mut args = place.args(true);
    args.format = "main".parse().unwrap();
    let cluster = Cluster { fs: place.filesystem(), metastore: None };
    let summary = run(&args, place.0.path(), &cluster, "run", &Stop::new()).await.unwrap();
    assert_eq!((summary.rows_in, summary.rejects), (4, 4));
    assert!(
        summary.detail.contains("most lines were rejected (the first: the user agent is not followed"),
        "{}",
        summary.detail
    );
    place.log("a.log", 1);
    args.max_reject_percent = Some(99);
    let error = run(&args, place.0.path(), &cluster, "run", &Stop::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Data, 3), "{error}");
    assert!(error.to_string().contains("4 of 4 lines were rejected"), "{error}");
    place.log("a.log", 1);
    args.max_reject_percent = Some(100);
    run(&args, place.0.path(), &cluster, "run", &Stop::new()).await.unwrap();
}

#[tokio::test]
async fn positions_of_files_that_are_gone_are_forgotten_in_time() {
    let place = Place::new();
    let cluster = Cluster { fs: place.filesystem(), metastore: None };
    let mut args = place.args(true);
    args.forget_after = "1ms".parse().unwrap();
    args.roll = RollArgs::default();
    let mut known = Vec::new();
    // An open file keeps its inode, which the next file would get otherwise.
    let mut held = Vec::new();
    for name in ["a.log", "b.log", "c.log"] {
        place.log(name, 1);
        held.push(fs::File::open(place.path(name)).unwrap());
        run(&args, place.0.path(), &cluster, "run", &Stop::new()).await.unwrap();
        let cursor = fs::read(place.path("channel/cursor.json")).unwrap();
        let cursor: Cursor = serde_json::from_slice(&cursor).unwrap();
        let files = cursor.positions.of(ONLY_SOURCE, "taildir", 1).unwrap().unwrap().entries.values();
        known.push(files.map(|file| file_name(file["path"].as_str().unwrap())).collect::<Vec<_>>());
        // Out of the pattern, and not deleted: the next log would get its inode.
        fs::rename(place.path(name), place.path(&format!("{name}.old"))).unwrap();
    }
    assert_eq!(known, [["a.log"], ["b.log"], ["c.log"]]);
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused() {
    let place = Place::new();
    assert_eq!(place.run_on(place.filesystem()).await.unwrap_err().kind(), Kind::NotFound, "no log");
    place.log("a.log", 1);
    place.run().await;

    let mut by_hour = place.args(true);
    by_hour.partition = TimePartition::Hour;
    let cluster = Cluster { fs: place.filesystem(), metastore: None };
    let error = run(&by_hour, place.0.path(), &cluster, "run", &Stop::new()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");

    let _lock = ChannelLock::take(&place.path("channel")).unwrap();
    assert_eq!(place.run_on(place.filesystem()).await.unwrap_err().kind(), Kind::Busy);
    drop(_lock);
    fs::remove_dir_all(place.path("cluster/lake")).unwrap();
    assert_eq!(place.run_on(place.filesystem()).await.unwrap_err().kind(), Kind::Config, "the target is gone");
}
