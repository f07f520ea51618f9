//! What was put aside is sent once more, once, wherever a run ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::agent::channels::file::FileChannel;
use crate::agent::channels::lock::ChannelLock;
use crate::agent::channels::{Channel, ChannelLimits, Take};
use crate::agent::event::Event;
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::{Feed, Outlet};
use crate::agent::rejects::Rejects;
use crate::agent::selector::Selector;
use crate::agent::sources::replay::FORM;
use crate::error::Kind;
use crate::storage::Filesystem;
use crate::storage::faulty::{Fault, FaultyFilesystem};

const LIMITS: ChannelLimits =
    ChannelLimits { max_bytes: 64 << 20, max_events: 1 << 20, segment_bytes: 16 << 20, min_free_bytes: 0 };

fn event(body: &str) -> Event {
    let mut event = Event { body: body.to_owned().into(), ..Event::default() };
    event.headers.set("site", "shop");
    event
}

/// Files of rejects whose events are large enough for several batches.
fn put_aside(dir: &Path) -> Vec<String> {
    fs::create_dir_all(dir.join("rejects")).unwrap();
    let mut bodies = Vec::new();
    for (name, count) in [("rejects-1.json", 3), ("rejects-2.json", 1), ("other.txt", 1)] {
        let mut rejects = Rejects::default();
        for number in 0..count {
            let body = format!("{name} {number} {}", "x".repeat(700 << 10));
            rejects.add(&event(&body), "why", "k").unwrap();
            if name != "other.txt" {
                bodies.push(body);
            }
        }
        fs::write(dir.join("rejects").join(name), rejects.bytes).unwrap();
    }
    bodies
}

/// Runs the source into the channel of a directory, as a process of its own would.
async fn run(dir: &Path, fs: Arc<dyn Filesystem>) -> Result<Vec<String>> {
    let lock = ChannelLock::take(&dir.join("channel"))?;
    let channel: Arc<dyn Channel> = Arc::new(FileChannel::open_alone(lock, LIMITS)?);
    let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()])?;
    let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
    let outlet = Arc::new(Outlet::new(NAME, FORM, vec![feed], selector, Interceptors::default()));
    let position = outlet.position(|| Ok(None))?;
    let options = ReplayOptions { fs, paths: vec!["/rejects".to_owned()] };
    let source = SourceKind::Replay(options).open(position.as_ref())?;
    let done = tokio::task::spawn_blocking(move || source.run(outlet)).await.unwrap();
    done.map(|report| report.notes)
}

fn local(dir: &Path) -> Arc<dyn Filesystem> {
    Arc::new(LocalFilesystem::new(dir))
}

/// How often each body is in the channel.
fn held(dir: &Path) -> BTreeMap<String, usize> {
    let lock = ChannelLock::take(&dir.join("channel")).unwrap();
    let channel = FileChannel::open_alone(lock, LIMITS).unwrap();
    let mut bodies = BTreeMap::new();
    while let Take::Record { batch, .. } = channel.take(std::time::Duration::ZERO).unwrap() {
        for held in batch.events {
            assert_eq!(held.headers.get("site"), Some("shop"));
            *bodies.entry(String::from_utf8(held.body.to_vec()).unwrap()).or_default() += 1;
        }
    }
    bodies
}

fn once(bodies: Vec<String>) -> BTreeMap<String, usize> {
    bodies.into_iter().map(|body| (body, 1)).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("rejects")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_once_and_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let bodies = put_aside(dir.path());
    assert_eq!(run(dir.path(), local(dir.path())).await.unwrap(), ["4 events of 2 files replayed"]);
    assert_eq!(names(dir.path()), ["other.txt", "rejects-1.json.replayed", "rejects-2.json.replayed"]);
    assert_eq!(run(dir.path(), local(dir.path())).await.unwrap(), ["0 events of 0 files replayed"]);
    assert_eq!(held(dir.path()), once(bodies));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_it_ends_at_each_event_is_sent_once() {
    let clean = tempfile::tempdir().unwrap();
    put_aside(clean.path());
    let counting = Arc::new(FaultyFilesystem::new(local(clean.path()), Fault::Never));
    run(clean.path(), counting.clone()).await.unwrap();
    assert!(counting.calls() > 8, "{}", counting.calls());
    for call in 1..=counting.calls() {
        let dir = tempfile::tempdir().unwrap();
        let bodies = put_aside(dir.path());
        let faulty = Arc::new(FaultyFilesystem::new(local(dir.path()), Fault::Fail(call)));
        let died = run(dir.path(), faulty).await;
        run(dir.path(), local(dir.path())).await.unwrap();
        assert_eq!(held(dir.path()), once(bodies), "call {call}: {died:?}");
        assert_eq!(names(dir.path()), ["other.txt", "rejects-1.json.replayed", "rejects-2.json.replayed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_broken_sends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    put_aside(dir.path());
    let path = dir.path().join("rejects/rejects-1.json");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"reason\":\"x\"}\n"].concat()).unwrap();
    let error = run(dir.path(), local(dir.path())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data, "{error}");
    assert!(error.to_string().contains(&format!("does not hold a reject at byte {}", whole.len())), "{error}");
    assert!(held(dir.path()).is_empty());
    fs::write(&path, whole).unwrap();
    run(dir.path(), local(dir.path())).await.unwrap();
    assert_eq!(held(dir.path()).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_in_between_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    put_aside(dir.path());
    // The rename is the last call of a file.
    let mut died = false;
    for call in 1.. {
        let faulty = Arc::new(FaultyFilesystem::new(local(dir.path()), Fault::Fail(call)));
        if run(dir.path(), faulty).await.is_err() && !held(dir.path()).is_empty() {
            died = true;
            break;
        }
    }
    assert!(died);
    let path = dir.path().join("rejects/rejects-1.json");
    fs::write(&path, [fs::read(&path).unwrap(), b"\n".to_vec()].concat()).unwrap();
    let error = run(dir.path(), local(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("was changed after a part of it was replayed"), "{error}");
}

#[test]
fn what_is_replayed_has_to_be_said() {
    for (path, is_local, is_fine) in [("/lake/x", false, true), ("lake/x", false, false), ("x", true, true)] {
        assert_eq!(absolute(path, is_local).is_ok(), is_fine, "{path}");
    }
}
