//! The channel that spills: order, and each event once, over stops and crashes.

use std::collections::BTreeMap;

use super::*;
use crate::agent::channels::spill::{Overflow, SpillChannel};
use crate::agent::sinks::Kept;

const MEMORY: ChannelLimits = ChannelLimits { max_events: 4, ..ROOMY };
const DISK: ChannelLimits = ChannelLimits { max_events: 8, segment_bytes: 400, ..ROOMY };

/// A batch of one event of a source that can be read again, or cannot.
fn of(source: &str, number: u64) -> Batch {
    let entries: BTreeMap<_, _> =
        (source == "log").then(|| ("n".to_owned(), (number + 1).into())).into_iter().collect();
    let event = Event { body: Bytes::from(format!("{source} {number}")), ..Event::default() };
    Batch { events: vec![event], after: Advance { source: source.into(), form: FILES, entries } }
}

fn spilling(dir: &Path, manifest: Option<&Cursor>, keys: &Keyring) -> Result<SpillChannel> {
    let lock = ChannelLock::take(dir)?.with_keys(keys.clone());
    let overflow = Overflow { limits: DISK, after: Duration::ZERO };
    SpillChannel::open(lock, MEMORY, overflow, &Kept::Target(manifest.cloned()))
}

fn left(channel: &SpillChannel) -> Vec<String> {
    let mut found = Vec::new();
    while let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() {
        found.extend(batch.events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()));
    }
    found
}

fn texts(source: &str, numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|n| format!("{source} {n}")).collect()
}

fn segment_count(dir: &Path) -> usize {
    segments(dir).len()
}

#[test]
fn what_does_not_fit_into_memory_is_on_the_disk_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    (0..4).for_each(|n| assert!(channel.put(of("log", n)).unwrap()));
    assert_eq!(segment_count(dir.path()), 0, "nothing is written while it fits");
    (4..12).for_each(|n| assert!(channel.offer(of("log", n)).unwrap()));
    assert!(!channel.offer(of("log", 12)).unwrap(), "both are full");
    assert!(segment_count(dir.path()) > 1);
    assert_eq!(left(&channel), texts("log", 0..12));
    let cursor = |record| Cursor { epoch: channel.cursor().epoch + 1, record, ..channel.cursor() };
    channel.commit(cursor(6)).unwrap();
    let before = segment_count(dir.path());
    assert!(channel.put(of("log", 12)).unwrap());
    assert!(segment_count(dir.path()) >= before, "memory has room, but what waits on the disk comes first");
    channel.commit(cursor(13)).unwrap();
    assert_eq!((segment_count(dir.path()), channel.level().bytes), (0, 0));
    channel.put(of("log", 13)).unwrap();
    assert_eq!((left(&channel), segment_count(dir.path())), (texts("log", 13..14), 0), "memory is used again");
}

#[test]
fn a_put_waits_for_memory_before_it_spills() {
    let dir = tempfile::tempdir().unwrap();
    let overflow = Overflow { limits: DISK, after: Duration::from_secs(3600) };
    let lock = ChannelLock::take(dir.path()).unwrap();
    let channel = Arc::new(SpillChannel::open(lock, MEMORY, overflow, &Kept::Channel).unwrap());
    (0..4).for_each(|n| assert!(channel.put(of("log", n)).unwrap()));
    let putting = std::thread::spawn({
        let channel = channel.clone();
        move || channel.put(of("log", 4)).unwrap()
    });
    assert_eq!(left(&channel), texts("log", 0..4));
    // It is said that a put waits, so that the sink ends its epoch.
    assert!(matches!(channel.take(Duration::from_secs(60)).unwrap(), Take::Full));
    let cursor = channel.cursor();
    channel.commit(Cursor { epoch: 1, record: 1, ..cursor }).unwrap();
    assert!(putting.join().unwrap());
    assert_eq!((left(&channel), segment_count(dir.path())), (texts("log", 4..5), 0));
}

#[test]
fn an_orderly_end_keeps_all() {
    for count in [0, 3, 9] {
        let dir = tempfile::tempdir().unwrap();
        let keys = ring(count == 9);
        let channel = spilling(dir.path(), None, &keys).unwrap();
        (0..count).for_each(|n| assert!(channel.put(of("net", n)).unwrap()));
        channel.close();
        channel.keep().unwrap();
        drop(channel);
        let channel = spilling(dir.path(), None, &keys).unwrap();
        assert_eq!(left(&channel), texts("net", 0..count));
        // Also what is killed now: it is on the disk.
        drop(channel);
        let channel = spilling(dir.path(), None, &keys).unwrap();
        assert_eq!(left(&channel), texts("net", 0..count));
        assert_eq!(
            channel.offer(of("net", count)).unwrap(),
            count < 8,
            "it may be beyond its limits, and takes no more"
        );
    }
}

#[test]
fn what_was_spilled_is_used_after_a_crash_unless_its_source_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    let mut sources = [("log", 0), ("net", 0)];
    for i in 0..10 {
        let (source, next) = &mut sources[i % 2];
        assert!(channel.put(of(source, *next)).unwrap());
        *next += 1;
    }
    drop(channel);
    // Of ten records the first four were in memory: the log begins anew, the net's fifth to tenth are there.
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    assert_eq!(channel.positions(), channel.cursor().positions);
    assert_eq!(left(&channel), texts("net", 2..5));
    channel.rewind();
    assert!(channel.put(of("log", 0)).unwrap());
    assert_eq!(left(&channel), [texts("net", 2..5), texts("log", 0..1)].concat());
    assert_eq!(channel.positions().of("log", "taildir", 1).unwrap().unwrap().entries["n"], 1);
    // Also once the gap itself is behind the cursor it is known what came from before it.
    let cursor = Cursor { epoch: 1, record: 5, ..channel.cursor() };
    channel.commit(cursor.clone()).unwrap();
    drop(channel);
    let lock = ChannelLock::take(dir.path()).unwrap();
    assert_eq!(FileChannel::open(lock, ROOMY, Some(&cursor)).unwrap_err().kind(), Kind::Config);
    let channel = spilling(dir.path(), Some(&cursor), &Keyring::default()).unwrap();
    assert_eq!(left(&channel), [texts("net", 2..5), texts("log", 0..1)].concat());
    assert_eq!(channel.positions().of("log", "taildir", 1).unwrap().unwrap().entries["n"], 1);
    channel.commit(Cursor { epoch: 2, record: 11, ..cursor.clone() }).unwrap();
    drop(channel);
    let cursor = Cursor { epoch: 2, record: 11, ..cursor };
    drop(spilling(dir.path(), Some(&cursor), &Keyring::default()).unwrap());
    assert!(!dir.path().join("gap.json").exists(), "it is over");
}

#[test]
fn nothing_is_left_to_the_source_where_nothing_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    (0..10).for_each(|n| assert!(channel.put(of("log", n)).unwrap()));
    let cursor = Cursor { epoch: 1, record: 5, ..channel.cursor() };
    channel.commit(cursor.clone()).unwrap();
    drop(channel);
    let channel = spilling(dir.path(), Some(&cursor), &Keyring::default()).unwrap();
    assert_eq!(channel.positions().of("log", "taildir", 1).unwrap().unwrap().entries["n"], 10);
    assert_eq!(left(&channel), texts("log", 5..10));
}

#[test]
fn a_crash_while_memory_is_kept_leaves_whole_segments() {
    let dir = tempfile::tempdir().unwrap();
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    (0..8).for_each(|n| assert!(channel.put(of("net", n)).unwrap()));
    channel.keep().unwrap();
    drop(channel);
    // As if the first segment had not been renamed yet.
    let first = segments(dir.path()).remove(0);
    fs::create_dir(dir.path().join("keeping")).unwrap();
    fs::rename(&first, dir.path().join("keeping").join(first.file_name().unwrap())).unwrap();
    let channel = spilling(dir.path(), None, &Keyring::default()).unwrap();
    let found = left(&channel);
    assert!(texts("net", 0..8).ends_with(&found) && found.len() >= 4, "{found:?}");
    assert!(!dir.path().join("keeping").exists());
}

#[derive(Clone, Debug)]
enum Act {
    Put {
        is_log: bool,
    },
    Take(usize),
    Rewind,
    /// Commits a part of what was taken; a crash may come before the channel knows of it.
    Commit {
        part: prop::sample::Index,
        crashes: bool,
    },
    Stop,
    Kill,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => any::<bool>().prop_map(|is_log| Act::Put { is_log }),
        4 => (1..6_usize).prop_map(Act::Take),
        1 => Just(Act::Rewind),
        3 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(part, crashes)| Act::Commit { part, crashes }),
        1 => Just(Act::Stop),
        1 => Just(Act::Kill),
    ];
    proptest::collection::vec(act, 1..120)
}

/// Two sources, the channel, and a target that keeps its cursor with what it was given.
struct World {
    dir: TempDir,
    keys: Keyring,
    channel: Option<SpillChannel>,
    manifest: Option<Cursor>,
    taken: Vec<(u64, Batch)>,
    delivered: Vec<String>,
    next_of_log: u64,
    next_of_net: u64,
    was_killed: bool,
}

impl World {
    fn channel(&self) -> &SpillChannel {
        self.channel.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.channel = None;
        let channel = spilling(self.dir.path(), self.manifest.as_ref(), &self.keys).unwrap();
        let position = channel.positions().of("log", "taildir", 1).unwrap().cloned();
        self.next_of_log = position.map_or(0, |position| position.entries["n"].as_u64().unwrap());
        self.taken.clear();
        self.channel = Some(channel);
    }

    fn take(&mut self, most: usize) {
        for _ in 0..most {
            let Take::Record { number, batch } = self.channel().take(Duration::ZERO).unwrap() else { return };
            self.taken.push((number, batch));
        }
    }

    fn commit(&mut self, count: usize, crashes: bool) {
        if count == 0 {
            return;
        }
        let mut to = self.channel().cursor();
        for (number, batch) in self.taken.drain(..count) {
            assert_eq!(number, to.record, "numbers go on without a gap");
            to.record += 1;
            to.positions.advance(batch.after);
            self.delivered.extend(batch.events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()));
        }
        to = Cursor { epoch: to.epoch + 1, follows: None, ..to };
        self.manifest = Some(to.clone());
        if crashes {
            self.was_killed = true;
            self.reopen();
        } else {
            self.channel().commit(to).unwrap();
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Put { is_log: true } => {
                self.next_of_log += u64::from(self.channel().offer(of("log", self.next_of_log)).unwrap());
            }
            Act::Put { is_log: false } => {
                self.next_of_net += u64::from(self.channel().offer(of("net", self.next_of_net)).unwrap());
            }
            Act::Take(most) => self.take(*most),
            Act::Rewind => {
                self.channel().rewind();
                self.taken.clear();
            }
            Act::Commit { part, crashes } => self.commit(part.index(self.taken.len() + 1), *crashes),
            Act::Stop => {
                self.channel().close();
                self.channel().keep().unwrap();
                self.reopen();
            }
            Act::Kill => {
                self.was_killed = true;
                self.reopen();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn order_and_each_event_once(acts in acts(), is_sealed in any::<bool>()) {
        let mut world = World {
            dir: tempfile::tempdir().unwrap(),
            keys: ring(is_sealed),
            channel: None,
            manifest: None,
            taken: Vec::new(),
            delivered: Vec::new(),
            next_of_log: 0,
            next_of_net: 0,
            was_killed: false,
        };
        world.reopen();
        let mut most_of_log = 0;
        for act in &acts {
            world.act(act);
            most_of_log = most_of_log.max(world.next_of_log);
        }
        // The log is read to where it was at most, and all is drained.
        loop {
            while world.next_of_log < most_of_log && world.channel().offer(of("log", world.next_of_log)).unwrap() {
                world.next_of_log += 1;
            }
            world.take(usize::MAX);
            if world.taken.is_empty() {
                break;
            }
            world.commit(world.taken.len(), false);
        }
        let of = |source: &str| -> Vec<u64> {
            let own = world.delivered.iter().filter_map(|text| text.strip_prefix(source));
            own.map(|number| number.trim().parse().unwrap()).collect()
        };
        prop_assert_eq!(of("log"), (0..most_of_log).collect::<Vec<_>>());
        let net = of("net");
        prop_assert!(net.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", net);
        prop_assert!(world.was_killed || net.len() as u64 == world.next_of_net, "{:?}", net);
        prop_assert_eq!(segment_count(world.dir.path()), 0, "nothing is left of what was spilled");
    }
}
