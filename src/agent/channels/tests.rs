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
use super::damage::{self, Damaged};
use super::file::FileChannel;
use super::head;
use super::lock::ChannelLock;
use super::seal::{Key, Keyring, Place, Seal};
use super::segment::{self, Encoded};
use super::{Channel, ChannelLimits, Take};
use crate::agent::disk;
use crate::agent::event::{Batch, Event, Header, Headers};
use crate::agent::position::{Advance, FILES};
use crate::error::{Kind, Result};

mod earlier;
mod flume;
mod sealed;
mod spill;
mod untold;

const ROOMY: ChannelLimits =
    ChannelLimits { max_bytes: 1 << 20, max_events: u64::MAX, segment_bytes: 1 << 20, min_free_bytes: 0 };

fn batch(number: u64, bodies: &[Vec<u8>]) -> Batch {
    let shared: Arc<[Header]> = Arc::new([("file".into(), format!("/log{}", number % 3).into())]);
    let event = |(i, body): (usize, &Vec<u8>)| {
        let own = if i == 1 { Vec::new() } else { vec![("byteoffset".into(), i.to_string().into())] };
        let shared = (i != 2).then(|| shared.clone());
        Event { headers: Headers::new(shared, own), body: Bytes::from(body.clone()) }
    };
    let entries = [(format!("{}", number % 3), serde_json::json!({ "offset": number + 1 }))].into();
    let after = Advance { source: "logs".into(), form: FILES, entries };
    Batch { events: bodies.iter().enumerate().map(event).collect(), after }
}

fn open(dir: &Path, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<FileChannel> {
    open_with(dir, limits, manifest, &Keyring::default())
}

fn open_with(dir: &Path, limits: ChannelLimits, manifest: Option<&Cursor>, keys: &Keyring) -> Result<FileChannel> {
    FileChannel::open(ChannelLock::take(dir)?.with_keys(keys.clone()), limits, manifest)
}

/// No keys, or one.
fn ring(is_sealed: bool) -> Keyring {
    Keyring::new(vec![Key::new("june".into(), [7; 32])], is_sealed.then_some("june"))
}

/// Takes all that is there.
fn rest(channel: &FileChannel) -> Vec<Batch> {
    let mut batches = Vec::new();
    while let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() {
        batches.push(batch);
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
    filled_with(batches, limits, &Keyring::default())
}

fn filled_with(batches: &[Batch], limits: ChannelLimits, keys: &Keyring) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let channel = open_with(dir.path(), limits, None, keys).unwrap();
    for batch in batches {
        assert!(channel.put(batch.clone()).unwrap());
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
    let positions = channel.positions();
    assert_eq!(positions.of("logs", "taildir", 1).unwrap().unwrap().entries["1"]["offset"], 5);
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
    channel.put(next.clone()).unwrap();
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
    channel.put(more.clone()).unwrap();
    assert_eq!(rest(&channel), [&batches[..], &[more]].concat());
}

#[test]
fn a_missing_segment_is_an_error() {
    let dir = filled(&numbered(5), ChannelLimits { segment_bytes: 1, ..ROOMY });
    fs::remove_file(&segments(dir.path())[2]).unwrap();
    assert_eq!(open(dir.path(), ROOMY, None).unwrap_err().kind(), Kind::Data);
}

/// Where a segment's version stands.
const VERSION_AT: usize = 7;

#[test]
fn a_channel_of_a_newer_version_is_refused_as_such() {
    let dir = filled(&numbered(2), ROOMY);
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[VERSION_AT] = b'9';
    fs::write(&path, &bytes).unwrap();
    let error = open(dir.path(), ROOMY, None).unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("newer sakia"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn fv95_one_agent_at_a_time() {
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
    let fill = || open(&path, ROOMY, None).unwrap().put(numbered(1).remove(0)).unwrap();
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
    let one = u64::from(Encoded::new(&batches[0], false).unwrap().disk_bytes());
    let limits = ChannelLimits { max_bytes: 2 * one, ..ROOMY };
    let channel = Arc::new(open(dir.path(), limits, None).unwrap());
    channel.put(batches[0].clone()).unwrap();
    channel.put(batches[1].clone()).unwrap();
    let putting = std::thread::spawn({
        let (channel, batch) = (channel.clone(), batches[2].clone());
        move || channel.put(batch).unwrap()
    });
    assert_eq!(rest(&channel), batches[..2]);
    // With all records taken a take would wait; it does not once it is known that only a commit brings more.
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Full));
    assert!(!putting.is_finished());
    channel.commit(cursor_behind(&channel, 1)).unwrap();
    assert!(putting.join().unwrap());
    assert_eq!(rest(&channel), batches[2..]);
}

#[test]
fn a_put_waits_for_room_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = numbered(2).try_into().unwrap();
    // Something is on it, and be it this directory.
    let all = disk::size(dir.path()).unwrap() - 1;
    let channel = Arc::new(open(dir.path(), ChannelLimits { min_free_bytes: all, ..ROOMY }, None).unwrap());
    assert!(!channel.offer(first.clone()).unwrap());
    let waiting = std::thread::spawn({
        let (channel, batch) = (channel.clone(), first.clone());
        move || channel.put(batch).unwrap()
    });
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Full), "it waits");
    channel.close();
    assert!(!waiting.join().unwrap());
    drop(channel);
    let channel = open(dir.path(), ChannelLimits { min_free_bytes: 1, ..ROOMY }, None).unwrap();
    assert!(channel.offer(second.clone()).unwrap());
    assert_eq!(rest(&channel), [second]);
}

#[test]
fn closing_wakes_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let channel = Arc::new(open(dir.path(), ChannelLimits { max_bytes: 1, ..ROOMY }, None).unwrap());
    let batches = numbered(2);
    channel.put(batches[0].clone()).unwrap();
    rest(&channel);
    let waiting = std::thread::spawn({
        let channel = channel.clone();
        move || channel.put(batches[1].clone()).unwrap()
    });
    channel.close();
    assert!(!waiting.join().unwrap());
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Closed));
    assert!(!channel.pause(Duration::from_secs(60)));
}

/// Changes a byte of a record of a segment.
fn damage_record(path: &Path, ends: &[usize], record: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[ends[record] - 1] ^= 0x55;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_records_are_set_aside_at_the_start() {
    let batches = numbered(6);
    let dir = filled(&batches, ROOMY);
    let (path, ends) = (segments(dir.path()).remove(0), ends(&batches));
    let before = fs::read(&path).unwrap();
    // Two that follow each other, and one alone.
    [1, 2, 4].into_iter().for_each(|record| damage_record(&path, &ends, record));
    let error = open(dir.path(), ROOMY, None).unwrap_err();
    assert_eq!(error.kind(), Kind::Data, "{error}");

    assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 3);
    let channel = open(dir.path(), ROOMY, None).unwrap().with(Damaged::SetAside, 3);
    assert_eq!(channel.level().damaged, 3);
    let found = rest(&channel);
    let whole = |batch: &&Batch| !batch.events.is_empty();
    assert_eq!(found.len(), 6, "numbers go on");
    assert_eq!(
        found.iter().filter(whole).collect::<Vec<_>>(),
        [&batches[0], &batches[3], &batches[5]].into_iter().filter(whole).collect::<Vec<_>>()
    );
    assert_eq!(channel.positions(), {
        let whole = filled(&[batches[0].clone(), batches[3].clone(), batches[5].clone()], ROOMY);
        open(whole.path(), ROOMY, None).unwrap().positions()
    });
    // What was damaged is kept, and nothing else was changed.
    let kept = |name: &str| fs::read(dir.path().join("damaged").join(name)).unwrap();
    let mut first = before[ends[0]..ends[2]].to_vec();
    [ends[1] - ends[0] - 1, ends[2] - ends[0] - 1].into_iter().for_each(|at| first[at] ^= 0x55);
    assert_eq!(kept("record-00000000000000000001.bin"), first);
    assert_eq!(fs::read(&path).unwrap().len(), before.len());
    drop(channel);
    assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 0, "once");
}

#[test]
fn a_damaged_record_of_a_complete_segment_is_set_aside_when_it_is_taken() {
    let batches = numbered(6);
    let dir = filled(&batches, ChannelLimits { segment_bytes: 600, ..ROOMY });
    let path = segments(dir.path()).remove(0);
    damage_record(&path, &ends(&batches), 1);
    // By its index it is not seen at the start.
    assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 0);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    assert!(matches!(channel.take(Duration::ZERO).unwrap(), Take::Record { number: 0, .. }));
    assert_eq!(channel.take(Duration::ZERO).unwrap_err().kind(), Kind::Data);
    drop(channel);
    let channel = open(dir.path(), ROOMY, None).unwrap().with(Damaged::SetAside, 0);
    let found = rest(&channel);
    assert_eq!((found.len(), channel.level().damaged), (6, 1));
    assert!(found[1].events.is_empty());
    assert_eq!([&found[..1], &found[2..]].concat(), [&batches[..1], &batches[2..]].concat());
}

#[test]
fn what_is_damaged_up_to_the_end_of_a_segment_is_set_aside_where_another_follows() {
    let batches = numbered(4);
    let dir = filled(&batches, ROOMY);
    let path = segments(dir.path()).remove(0);
    damage_record(&path, &ends(&batches), 3);
    // As if the machine had lost its power before the index was written.
    fs::write(dir.path().join(segment::file_name(4)), head::new(4, &Keyring::default()).unwrap().0).unwrap();
    assert_eq!(open(dir.path(), ROOMY, None).unwrap_err().kind(), Kind::Data);
    assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 1);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    assert_eq!(rest(&channel)[..3], batches[..3]);
    channel.put(batch(4, &[b"next".to_vec()])).unwrap();
}

fn bodies() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let lines = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4);
    proptest::collection::vec(lines, 1..6)
}

/// Where each record of the only segment ends.
fn ends(batches: &[Batch]) -> Vec<usize> {
    ends_with(batches, &Keyring::default())
}

fn ends_with(batches: &[Batch], keys: &Keyring) -> Vec<usize> {
    let (head, form) = head::new(0, keys).unwrap();
    let length = |batch| Encoded::new(batch, form.seal.is_some()).unwrap().disk_bytes() as usize;
    let lengths = batches.iter().map(length);
    lengths
        .scan(head.len(), |at, length| {
            *at += length;
            Some(*at)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cut_at_any_byte_all_that_was_whole_is_there(
        bodies in bodies(), cut in any::<prop::sample::Index>(), is_sealed in any::<bool>(),
    ) {
        let batches: Vec<Batch> = bodies.iter().zip(0..).map(|(bodies, n)| batch(n, bodies)).collect();
        let keys = ring(is_sealed);
        let dir = filled_with(&batches, ROOMY, &keys);
        let open = |dir: &Path, limits, manifest| open_with(dir, limits, manifest, &keys);
        let path = &segments(dir.path())[0];
        let length = fs::metadata(path).unwrap().len() as usize;
        let cut = cut.index(length + 1);
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(cut as u64).unwrap();

        let whole = ends_with(&batches, &keys).iter().filter(|end| **end <= cut).count();
        let channel = open(dir.path(), ROOMY, None).unwrap();
        prop_assert_eq!(rest(&channel), &batches[..whole]);
        let next = batch(whole as u64, &[b"next".to_vec()]);
        channel.put(next.clone()).unwrap();
        drop(channel);
        let channel = open(dir.path(), ROOMY, None).unwrap();
        prop_assert_eq!(channel.torn_bytes(), 0, "it was cut off");
        prop_assert_eq!(rest(&channel), [&batches[..whole], &[next]].concat());
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_data(
        bodies in bodies(), at in any::<prop::sample::Index>(), change in 1..=255_u8, is_sealed in any::<bool>(),
    ) {
        let batches: Vec<Batch> = bodies.iter().zip(0..).map(|(bodies, n)| batch(n, bodies)).collect();
        let keys = ring(is_sealed);
        let dir = filled_with(&batches, ROOMY, &keys);
        let open = |dir: &Path, limits, manifest| open_with(dir, limits, manifest, &keys);
        let head_bytes = head::new(0, &keys).unwrap().0.len();
        let path = &segments(dir.path())[0];
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        fs::write(path, bytes).unwrap();

        let ends = ends_with(&batches, &keys);
        let last = ends.len().checked_sub(2).map_or(head_bytes, |i| ends[i]);
        match open(dir.path(), ROOMY, None) {
            Err(error) => {
                if at >= head_bytes {
                    prop_assert_eq!(damage::set_all_aside(dir.path(), &keys).unwrap(), 1);
                    let hit = ends.iter().position(|end| at < *end).unwrap();
                    let found = rest(&open(dir.path(), ROOMY, None).unwrap());
                    prop_assert_eq!(found.len(), batches.len());
                    prop_assert_eq!([&found[..hit], &found[hit + 1..]].concat(), [&batches[..hit], &batches[hit + 1..]].concat());
                }
                let may_be_newer = at == VERSION_AT && error.kind() == Kind::Config;
                prop_assert!(error.kind() == Kind::Data || may_be_newer, "{}", error);
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
