//! What every channel does, whatever it is made of.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::cursor::Cursor;
use super::file::FileChannel;
use super::lock::ChannelLock;
use super::memory::MemoryChannel;
use super::spill::{Overflow, SpillChannel};
use super::{Channel, ChannelLimits, Take};
use crate::agent::event::{Batch, Event};
use crate::agent::position::{Advance, FILES};
use crate::agent::sinks::Kept;

const ROOMY: ChannelLimits =
    ChannelLimits { max_bytes: 1 << 20, max_events: 1_000, segment_bytes: 1 << 20, min_free_bytes: 0 };
const LONG: Duration = Duration::from_secs(60);

/// Each kind of channel with these limits.
fn each(limits: ChannelLimits, test: impl Fn(Arc<dyn Channel>)) {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let lock = ChannelLock::take(dir.path()).unwrap();
    test(Arc::new(FileChannel::open(lock, limits, None).unwrap()));
    test(Arc::new(MemoryChannel::new(limits, None)));
    // Half of them in memory, and the others on the disk.
    let half = ChannelLimits { max_bytes: limits.max_bytes / 2, max_events: limits.max_events / 2, ..limits };
    let dir: TempDir = tempfile::tempdir().unwrap();
    let lock = ChannelLock::take(dir.path()).unwrap();
    let overflow = Overflow { limits: half, after: Duration::ZERO };
    test(Arc::new(SpillChannel::open(lock, half, overflow, &Kept::Target(None)).unwrap()));
}

fn batch(source: &str, number: u64, events: usize) -> Batch {
    let event = |i| Event { body: Bytes::from(format!("{source} {number}.{i}")), ..Event::default() };
    let entries = [("n".to_owned(), number.into())].into();
    let after = Advance { source: source.into(), form: FILES, entries };
    Batch { events: (0..events).map(event).collect(), after }
}

fn rest(channel: &dyn Channel) -> Vec<Batch> {
    let mut batches = Vec::new();
    while let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() {
        batches.push(batch);
    }
    batches
}

fn behind(channel: &dyn Channel, record: u64) -> Cursor {
    let cursor = channel.cursor();
    Cursor { epoch: cursor.epoch + 1, record, ..cursor }
}

#[test]
fn what_is_put_comes_in_order_until_it_is_committed() {
    each(ROOMY, |channel| {
        let batches: Vec<Batch> = (0..4).map(|n| batch("a", n, 2)).collect();
        batches.iter().for_each(|batch| assert!(channel.put(batch.clone()).unwrap()));
        assert_eq!(rest(&*channel), batches);
        assert!(matches!(channel.take(Duration::ZERO).unwrap(), Take::Nothing));
        channel.rewind();
        assert_eq!(rest(&*channel), batches, "it was not committed");
        channel.commit(behind(&*channel, 3)).unwrap();
        channel.rewind();
        assert_eq!(rest(&*channel), batches[3..]);
        assert_eq!(channel.positions().of("a", "taildir", 1).unwrap().unwrap().entries["n"], 3);
        channel.end();
        assert!(matches!(channel.take(LONG).unwrap(), Take::End));
    });
}

#[test]
fn a_channel_knows_how_full_it_is_and_what_went_through() {
    each(ChannelLimits { max_events: 10, ..ROOMY }, |channel| {
        assert_eq!((channel.level().fill(), channel.level().oldest), (0.0, None));
        channel.put(batch("a", 0, 0)).unwrap();
        assert_eq!((channel.level().events, channel.level().oldest), (0, None), "positions are not events");
        channel.put(batch("a", 1, 3)).unwrap();
        channel.put(batch("a", 2, 2)).unwrap();
        let before = channel.level().oldest.unwrap();
        std::thread::sleep(Duration::from_millis(5));
        rest(&*channel);
        channel.rewind();
        rest(&*channel);
        let level = channel.level();
        assert_eq!((level.events, level.put, level.taken, level.committed), (5, 5, 10, 0));
        assert!((level.fill() - 0.5).abs() < 1e-9 && level.bytes > 0 && level.oldest.unwrap() > before, "{level:?}");
        channel.commit(behind(&*channel, 2)).unwrap();
        let level = channel.level();
        assert_eq!((level.events, level.committed), (2, 3));
        channel.commit(behind(&*channel, 3)).unwrap();
        assert_eq!((channel.level().bytes, channel.level().oldest), (0, None));
    });
}

#[test]
fn a_full_channel_holds_its_source_back_and_takes_no_offer() {
    each(ChannelLimits { max_events: 4, ..ROOMY }, |channel| {
        channel.put(batch("a", 0, 2)).unwrap();
        assert!(channel.offer(batch("b", 0, 2)).unwrap());
        assert!(!channel.offer(batch("b", 1, 1)).unwrap(), "it is full");
        let putting = std::thread::spawn({
            let channel = channel.clone();
            move || channel.put(batch("a", 1, 3)).unwrap()
        });
        assert_eq!(rest(&*channel).len(), 2);
        assert!(matches!(channel.take(LONG).unwrap(), Take::Full), "only a commit brings more");
        channel.commit(behind(&*channel, 2)).unwrap();
        assert!(putting.join().unwrap());
        assert_eq!(rest(&*channel), [batch("a", 1, 3)]);
    });
}

#[test]
fn a_batch_larger_than_the_channel_goes_through_alone() {
    each(ChannelLimits { max_events: 4, max_bytes: 10, ..ROOMY }, |channel| {
        assert!(channel.put(batch("a", 0, 9)).unwrap());
        assert_eq!(rest(&*channel).len(), 1);
    });
}

#[test]
fn closing_wakes_who_waits() {
    each(ChannelLimits { max_events: 1, ..ROOMY }, |channel| {
        channel.put(batch("a", 0, 1)).unwrap();
        let putting = std::thread::spawn({
            let channel = channel.clone();
            move || channel.put(batch("a", 1, 1)).unwrap()
        });
        rest(&*channel);
        let pausing = std::thread::spawn({
            let channel = channel.clone();
            move || channel.pause(LONG)
        });
        channel.close();
        assert!(!putting.join().unwrap() && !pausing.join().unwrap());
        assert!(matches!(channel.take(LONG).unwrap(), Take::Closed));
        assert!(!channel.offer(batch("a", 2, 1)).unwrap());
    });
}

#[test]
fn many_put_at_once_and_nothing_is_lost_or_mixed_up() {
    each(ChannelLimits { max_events: 50, segment_bytes: 500, ..ROOMY }, |channel| {
        let (sources, each) = (8, 60);
        let putting: Vec<_> = (0..sources)
            .map(|source| {
                let channel = channel.clone();
                std::thread::spawn(move || {
                    (0..each).for_each(|n| assert!(channel.put(batch(&source.to_string(), n, 1)).unwrap()));
                })
            })
            .collect();
        let mut next = vec![0; sources];
        let mut record = 0;
        while record < sources as u64 * each {
            match channel.take(LONG).unwrap() {
                Take::Record { number, batch: found } => {
                    assert_eq!(number, record);
                    let source: usize = found.after.source.parse().unwrap();
                    assert_eq!(found, batch(&source.to_string(), next[source], 1));
                    next[source] += 1;
                    record += 1;
                }
                Take::Full | Take::Nothing => channel.commit(behind(&*channel, record)).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        putting.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(next.iter().all(|n| *n == each));
    });
}
