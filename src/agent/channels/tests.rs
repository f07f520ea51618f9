//! The channel against crashes: cut at any byte, damaged anywhere, closed while somebody waits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::cursor::Cursor;
use super::file::{ChannelLimits, FileChannel, Take};
use super::lock::ChannelLock;
use super::segment;
use crate::agent::fingerprint::Fingerprint;
use crate::agent::line::{Batch, LogLine};
use crate::agent::position::{FileId, FilePosition};
use crate::error::{Kind, Result};

const ROOMY: ChannelLimits = ChannelLimits { max_bytes: 1 << 20, segment_bytes: 1 << 20 };

fn batch(number: u64, bodies: &[Vec<u8>]) -> Batch {
    let line = |(i, body): (usize, &Vec<u8>)| LogLine {
        offset: number * 1000 + i as u64,
        body: Bytes::from(body.clone()),
        line_bytes: body.len() as u64 + number % 2,
        torn: i == 1,
    };
    let after = FilePosition {
        path: format!("/log{}", number % 3),
        device: 5,
        inode: number % 3,
        generation: 0,
        head: Fingerprint::new(b"head", 0),
        tail: None,
        offset: number + 1,
        gone_s: None,
    };
    Batch { lines: bodies.iter().enumerate().map(line).collect(), after }
}

fn open(dir: &Path, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<FileChannel> {
    FileChannel::open(ChannelLock::take(dir)?, limits, manifest)
}

/// Takes all that is there.
fn rest(channel: &FileChannel) -> Vec<Batch> {
    let mut batches = Vec::new();
    while let Take::Record(record) = channel.take(Duration::ZERO).unwrap() {
        batches.push(record.batch);
    }
    batches
}

fn cursor_behind(channel: &FileChannel, record: u64) -> Cursor {
    let from = channel.cursor();
    Cursor { epoch: from.epoch + 1, record, ..from }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().into_iter().map(|(_, path)| path).collect()
}

fn filled(batches: &[Batch], limits: ChannelLimits) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let channel = open(dir.path(), limits, None).unwrap();
    for batch in batches {
        assert!(channel.put(batch).unwrap());
    }
    dir
}

fn numbered(count: u64) -> Vec<Batch> {
    (0..count).map(|n| batch(n, &[format!("line {n}").into_bytes()])).collect()
}

#[test]
fn what_was_put_is_there_after_a_restart_until_it_is_committed() {
    let batches = numbered(5);
    let dir = filled(&batches, ChannelLimits { segment_bytes: 200, ..ROOMY });
    assert!(segments(dir.path()).len() > 2);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    assert_eq!(rest(&channel), batches);
    assert_eq!(channel.positions().last(FileId { device: 5, inode: 1 }).unwrap().offset, 5);
    let cursor = cursor_behind(&channel, 3);
    channel.commit(cursor.clone()).unwrap();
    drop(channel);
    let channel = open(dir.path(), ROOMY, Some(&cursor)).unwrap();
    assert_eq!(rest(&channel), batches[3..]);
    let first = segment::list(dir.path()).unwrap()[0].0;
    assert!((1..=3).contains(&first), "segments before the cursor are deleted, not the one it is in: {first}");
}

#[test]
fn an_epoch_that_only_the_manifest_knows_is_not_given_again() {
    let batches = numbered(4);
    let dir = filled(&batches, ROOMY);
    let cursor = {
        let channel = open(dir.path(), ROOMY, None).unwrap();
        cursor_behind(&channel, 2)
    };
    let channel = open(dir.path(), ROOMY, Some(&cursor)).unwrap();
    assert_eq!(channel.cursor(), cursor);
    assert_eq!(rest(&channel), batches[2..]);
}

#[test]
fn a_channel_restored_from_an_old_copy_goes_on_behind_the_manifest() {
    let dir = filled(&numbered(2), ROOMY);
    let ahead = {
        let channel = open(dir.path(), ROOMY, None).unwrap();
        cursor_behind(&channel, 9)
    };
    for _ in 0..2 {
        let channel = open(dir.path(), ROOMY, Some(&ahead)).unwrap();
        assert!(rest(&channel).is_empty());
    }
    let channel = open(dir.path(), ROOMY, Some(&ahead)).unwrap();
    let next = batch(9, &[b"next".to_vec()]);
    channel.put(&next).unwrap();
    drop(channel);
    assert_eq!(rest(&open(dir.path(), ROOMY, Some(&ahead)).unwrap()), [next]);
}

#[test]
fn a_segment_that_a_crash_left_without_its_header_is_begun_again() {
    let batches = numbered(3);
    let dir = filled(&batches, ROOMY);
    fs::write(dir.path().join(segment::file_name(3)), b"SAKIA").unwrap();
    let channel = open(dir.path(), ChannelLimits { segment_bytes: 1, ..ROOMY }, None).unwrap();
    let more = batch(3, &[b"more".to_vec()]);
    channel.put(&more).unwrap();
    assert_eq!(rest(&channel), [&batches[..], &[more]].concat());
}

#[test]
fn a_missing_segment_is_an_error() {
    let dir = filled(&numbered(5), ChannelLimits { segment_bytes: 1, ..ROOMY });
    fs::remove_file(&segments(dir.path())[2]).unwrap();
    assert_eq!(open(dir.path(), ROOMY, None).unwrap_err().kind(), Kind::Data);
}

#[test]
fn one_agent_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let lock = ChannelLock::take(dir.path()).unwrap();
    let error = ChannelLock::take(dir.path()).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75));
    drop(lock);
    ChannelLock::take(dir.path()).unwrap();
}

#[test]
fn nobody_else_reads_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let path = dir.path().join("new/channel");
    let fill = || open(&path, ROOMY, None).unwrap().put(&numbered(1)[0]).unwrap();
    fill();
    let files = || fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!((mode(&path), files().count()), (0o700, 3), "lock, cursor and segment");
    assert!(files().all(|file| mode(&file) == 0o600));
    // As an earlier version left it.
    files().for_each(|file| set(&file, 0o644));
    set(&path, 0o755);
    fill();
    assert_eq!(mode(&path), 0o700);
    assert!(files().all(|file| mode(&file) == 0o600));
    // A directory that holds other things keeps its rights, its channel's files do not have them.
    fs::write(path.join("other"), "x").unwrap();
    files().chain([path.clone()]).for_each(|file| set(&file, 0o755));
    fill();
    assert_eq!((mode(&path), mode(&path.join("other")), mode(&path.join("lock"))), (0o755, 0o755, 0o700));
}

#[test]
fn a_put_waits_for_room() {
    let dir = tempfile::tempdir().unwrap();
    let batches = numbered(3);
    let one = segment::encode(0, &batches[0]).unwrap().len() as u64;
    let limits = ChannelLimits { max_bytes: 2 * one, ..ROOMY };
    let channel = Arc::new(open(dir.path(), limits, None).unwrap());
    channel.put(&batches[0]).unwrap();
    channel.put(&batches[1]).unwrap();
    let putting = std::thread::spawn({
        let (channel, batch) = (channel.clone(), batches[2].clone());
        move || channel.put(&batch).unwrap()
    });
    assert_eq!(rest(&channel), batches[..2]);
    // With all records taken a take would wait; it does not once it is known that only a commit brings more.
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Nothing));
    assert!(!putting.is_finished());
    channel.commit(cursor_behind(&channel, 1)).unwrap();
    assert!(putting.join().unwrap());
    assert_eq!(rest(&channel), batches[2..]);
}

#[test]
fn closing_wakes_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let channel = Arc::new(open(dir.path(), ChannelLimits { max_bytes: 1, ..ROOMY }, None).unwrap());
    let batches = numbered(2);
    channel.put(&batches[0]).unwrap();
    rest(&channel);
    let waiting = std::thread::spawn({
        let channel = channel.clone();
        move || channel.put(&batches[1]).unwrap()
    });
    channel.close();
    assert!(!waiting.join().unwrap());
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Closed));
    assert!(!channel.pause(Duration::from_secs(60)));
}

fn bodies() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let lines = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4);
    proptest::collection::vec(lines, 1..6)
}

/// Where each record of the only segment ends.
fn ends(batches: &[Batch]) -> Vec<usize> {
    let lengths = batches.iter().zip(0..).map(|(batch, n)| segment::encode(n, batch).unwrap().len());
    lengths
        .scan(segment::HEADER_BYTES, |at, length| {
            *at += length;
            Some(*at)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cut_at_any_byte_all_that_was_whole_is_there(bodies in bodies(), cut in any::<prop::sample::Index>()) {
        let batches: Vec<Batch> = bodies.iter().zip(0..).map(|(bodies, n)| batch(n, bodies)).collect();
        let dir = filled(&batches, ROOMY);
        let path = &segments(dir.path())[0];
        let length = fs::metadata(path).unwrap().len() as usize;
        let cut = cut.index(length + 1);
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(cut as u64).unwrap();

        let whole = ends(&batches).iter().filter(|end| **end <= cut).count();
        let channel = open(dir.path(), ROOMY, None).unwrap();
        prop_assert_eq!(rest(&channel), &batches[..whole]);
        let next = batch(whole as u64, &[b"next".to_vec()]);
        channel.put(&next).unwrap();
        drop(channel);
        let channel = open(dir.path(), ROOMY, None).unwrap();
        prop_assert_eq!(channel.torn_bytes(), 0, "it was cut off");
        prop_assert_eq!(rest(&channel), [&batches[..whole], &[next]].concat());
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_data(
        bodies in bodies(), at in any::<prop::sample::Index>(), change in 1..=255_u8,
    ) {
        let batches: Vec<Batch> = bodies.iter().zip(0..).map(|(bodies, n)| batch(n, bodies)).collect();
        let dir = filled(&batches, ROOMY);
        let path = &segments(dir.path())[0];
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        fs::write(path, bytes).unwrap();

        let ends = ends(&batches);
        let last = ends.len().checked_sub(2).map_or(segment::HEADER_BYTES, |i| ends[i]);
        match open(dir.path(), ROOMY, None) {
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::Data);
                prop_assert!(at < last, "the last record cannot be told from a torn one");
                prop_assert!(error.to_string().contains("segment-00000000000000000000.log"), "{}", error);
            }
            Ok(channel) => {
                prop_assert!(at >= last, "a record in the middle was let go");
                prop_assert_eq!(rest(&channel), &batches[..batches.len() - 1]);
            }
        }
    }
}
