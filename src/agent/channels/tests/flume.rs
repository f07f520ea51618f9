//! What Flume's own tests of its channels ask for.

use super::*;
use crate::agent::channels::memory::MemoryChannel;

const EVENTS: u64 = 100;

/// Hundred events in several segments.
fn hundred() -> (TempDir, Vec<Batch>) {
    let batches = numbered(EVENTS);
    let dir = filled(&batches, ChannelLimits { segment_bytes: 1_500, ..ROOMY });
    let count = segments(dir.path()).len();
    assert!(count > 4, "{count}");
    (dir, batches)
}

/// Flume has a checkpoint and an index of each log; here there are a cursor and an index at the end of each segment.
#[test]
fn fv90_all_events_are_there_whatever_became_of_what_is_beside_them() {
    type Damage = fn(&Path);
    let whole: [(&str, Damage); 6] = [
        ("nothing happened", |_| {}),
        ("the cursor is missing", |dir| fs::remove_file(dir.join("cursor.json")).unwrap()),
        ("a cursor was being written", |dir| fs::write(dir.join("cursor.json.new"), "{\"chan").unwrap()),
        ("the version of an index is another", |dir| change(dir, |segment| *segment.last_mut().unwrap() = b'9')),
        ("an index is cut short", |dir| change(dir, |segment| segment.truncate(segment.len() - 9))),
        ("an index is damaged", |dir| {
            change(dir, |segment| {
                let end = segment.len();
                segment[end - 40] ^= 0x55;
            });
        }),
    ];
    for (what, damage) in whole {
        let (dir, batches) = hundred();
        damage(dir.path());
        assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 0, "{what}");
        let channel = open(dir.path(), ROOMY, None).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(rest(&channel) == batches, "{what}");
        let next = batch(EVENTS, &[b"next".to_vec()]);
        channel.put(next.clone()).unwrap();
        channel.rewind();
        assert!(rest(&channel) == [&batches[..], &[next]].concat(), "{what}");
    }
    // A cursor that cannot be read says neither what is new nor what is not.
    for cursor in ["", "{\"channel\":\"x\",\"epo", "{\"version\":9}"] {
        let (dir, batches) = hundred();
        fs::write(dir.path().join("cursor.json"), cursor).unwrap();
        let error = open(dir.path(), ROOMY, None).unwrap_err();
        assert!(error.kind() == Kind::Data && error.to_string().contains("cursor.json"), "{error}");
        fs::remove_file(dir.path().join("cursor.json")).unwrap();
        assert!(rest(&open(dir.path(), ROOMY, None).unwrap()) == batches);
    }
}

/// Changes the first segment.
fn change(dir: &Path, change: impl Fn(&mut Vec<u8>)) {
    let path = segments(dir).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.ends_with(b"SAKIAIDX"));
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn fv91_what_was_taken_and_not_committed_is_there_after_a_restart() {
    let batches = numbered(5);
    let dir = filled(&batches, ROOMY);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    for _ in 0..5 {
        assert!(matches!(channel.take(Duration::ZERO).unwrap(), Take::Record { .. }));
    }
    drop(channel);
    assert_eq!(rest(&open(dir.path(), ROOMY, None).unwrap()), batches);
}

#[test]
fn fv92_a_flipped_byte_is_refused_or_costs_its_record_alone() {
    let batches = numbered(EVENTS);
    let dir = filled(&batches, ROOMY);
    damage_record(&segments(dir.path())[0], &ends(&batches), 41);
    let error = open(dir.path(), ROOMY, None).unwrap_err();
    assert!(error.kind() == Kind::Data && error.to_string().contains("does not check"), "{error}");
    assert_eq!(damage::set_all_aside(dir.path(), &Keyring::default()).unwrap(), 1);
    let mut found = rest(&open(dir.path(), ROOMY, None).unwrap().with(Damaged::SetAside, 1));
    found.retain(|batch| !batch.events.is_empty());
    assert!(found == [&batches[..41], &batches[42..]].concat());
}

#[test]
fn fv94_a_capacity_that_changed_loses_nothing() {
    let (dir, batches) = hundred();
    for max_events in [10, 1_000] {
        let channel = open(dir.path(), ChannelLimits { max_events, segment_bytes: 400, ..ROOMY }, None).unwrap();
        assert_eq!(channel.level().events, EVENTS);
        assert!(rest(&channel) == batches, "{max_events}");
    }
}

/// A put larger than the room waits for it, or is not taken; Flume gives an error.
#[test]
fn fv96_three_and_three_events_do_not_fit_five() {
    let dir = tempfile::tempdir().unwrap();
    let limits = ChannelLimits { max_events: 5, ..ROOMY };
    let file = open(dir.path(), limits, None).unwrap();
    for channel in [&file as &dyn Channel, &MemoryChannel::new(limits, None)] {
        let three = batch(0, &[b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
        assert!(channel.offer(three.clone()).unwrap());
        assert!(!channel.offer(three.clone()).unwrap());
        assert_eq!(channel.level().events, 3, "nothing of the second was put");
        let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() else { panic!("no record") };
        assert_eq!(batch, three);
        let from = channel.cursor();
        channel.commit(Cursor { epoch: 1, record: 1, ..from }).unwrap();
        assert!(channel.offer(three).unwrap());
    }
}

/// Flume counts bodies, in slots of 100 bytes, and leaves 20 % of 2,000 for headers; here all of an event counts.
#[test]
fn fv97_three_bodies_of_405_bytes_fit() {
    let of = |max_bytes| {
        let (dir, limits) = (tempfile::tempdir().unwrap(), ChannelLimits { max_bytes, ..ROOMY });
        let file = open(dir.path(), limits, None).unwrap();
        (dir, [Box::new(file) as Box<dyn Channel>, Box::new(MemoryChannel::new(limits, None))])
    };
    let put = |channel: &dyn Channel, number| channel.offer(batch(number, &[vec![b'x'; 405]])).unwrap();
    let bytes = of(1 << 20).1.map(|channel| {
        assert!(put(&*channel, 0));
        channel.level().bytes
    });
    for (which, one) in bytes.into_iter().enumerate() {
        assert!((405..1_000).contains(&one), "{one}");
        let (_dir, channels) = of(4 * one - 1);
        let channel = &channels[which];
        assert_eq!((0..6).take_while(|number| put(&**channel, *number)).count(), 3);
        assert!(!put(&**channel, 3));
        assert_eq!((channel.level().events, channel.level().bytes), (3, 3 * one));
    }
}

#[test]
fn fv98_files_that_are_not_the_channels_are_left_alone() {
    let (dir, batches) = hundred();
    let strange = [
        "log-101",
        "log-101.meta",
        "segment-101",
        "segment-x.log",
        "segment-00000000000000000200.log.new",
        "in_use.lock",
    ];
    strange.iter().for_each(|name| fs::write(dir.path().join(name), "not a segment").unwrap());
    assert!(rest(&open(dir.path(), ROOMY, None).unwrap()) == batches);
    assert!(strange.iter().all(|name| fs::read(dir.path().join(name)).unwrap() == b"not a segment"));
}
