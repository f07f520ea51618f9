//! A source with several channels, and what a crash between them leaves.

use bytes::Bytes;

use super::*;
use crate::agent::channels::file::FileChannel;
use crate::agent::channels::lock::ChannelLock;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{ChannelLimits, Take};
use crate::agent::position::FILES;
use crate::agent::selector::SelectorArgs;

fn channel(max_events: u64) -> Arc<dyn Channel> {
    Arc::new(MemoryChannel::new(
        ChannelLimits { max_bytes: 1 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 },
        None,
    ))
}

fn outlet(channels: &[Arc<dyn Channel>], selector: &str) -> Outlet {
    let args: SelectorArgs = toml::from_str(selector).unwrap();
    let names: Vec<String> = (0..channels.len()).map(|n| format!("c{n}")).collect();
    let selector = Selector::new(&args, &names).unwrap();
    let feed = |channel: &Arc<dyn Channel>| Feed { channel: channel.clone(), feeders: Arc::default() };
    Outlet::new("logs", FILES, channels.iter().map(feed).collect(), selector, Interceptors::default())
}

fn event(offset: u64) -> Event {
    Event { body: Bytes::from(offset.to_string()), ..Event::default() }
}

/// A batch of a file: the events at these offsets, and where the next one begins.
fn put(outlet: &Outlet, file: &str, offsets: &[u64], next: u64) -> bool {
    let entries = [(file.to_owned(), serde_json::json!({ "offset": next }))].into();
    let origin = Origin { key: file.to_owned(), offsets: offsets.to_vec() };
    outlet.put(offsets.iter().copied().map(event).collect(), entries, Some(origin)).unwrap()
}

fn bodies(channel: &Arc<dyn Channel>) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() {
        bodies.extend(batch.events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()));
    }
    bodies
}

#[test]
fn each_channel_gets_its_events_and_every_position() {
    let channels = [channel(100), channel(100)];
    let outlet = outlet(&channels, "type = 'load-balancing'");
    assert!(outlet.position(|| Ok(None)).unwrap().is_none_or(|position| position.entries.is_empty()));
    let offsets: Vec<u64> = (0..40).collect();
    assert!(put(&outlet, "a", &offsets, 40));
    let (first, second) = (bodies(&channels[0]), bodies(&channels[1]));
    assert!(first.len() > 5 && second.len() > 5 && first.len() + second.len() == 40, "{first:?} {second:?}");
    for channel in &channels {
        let positions = channel.positions();
        assert_eq!(positions.of("logs", "taildir", 1).unwrap().unwrap().entries["a"]["offset"], 40);
    }
    drop(outlet);
    assert!(matches!(channels[0].take(Duration::from_secs(9)).unwrap(), Take::End), "its last source has ended");
}

#[test]
fn a_channel_that_a_crash_left_ahead_gets_nothing_twice() {
    let channels = [channel(100), channel(100)];
    let first = outlet(&channels, "type = 'replicating'");
    first.position(|| Ok(None)).unwrap();
    put(&first, "a", &[0, 10], 20);
    // As if the process had died between the two: the first channel alone has the next batches.
    let alone = outlet(&channels[..1], "type = 'replicating'");
    put(&alone, "a", &[20, 30], 40);
    put(&alone, "b", &[0], 5);
    let again = outlet(&channels, "type = 'replicating'");
    let position = again.position(|| Ok(None)).unwrap().unwrap();
    assert_eq!(position.entries.len(), 1, "of the file that one channel does not know all is read again");
    assert_eq!(position.entries["a"]["offset"], 20);
    put(&again, "b", &[0, 5], 9);
    put(&again, "a", &[20, 30, 40], 50);
    assert_eq!(bodies(&channels[0]), ["0", "10", "20", "30", "0", "5", "40"]);
    assert_eq!(bodies(&channels[1]), ["0", "10", "0", "5", "20", "30", "40"]);
}

/// A channel on disk.
fn durable(dir: &std::path::Path) -> Arc<dyn Channel> {
    let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 100, segment_bytes: 1 << 20, min_free_bytes: 0 };
    Arc::new(FileChannel::open(ChannelLock::take(dir).unwrap(), limits, None).unwrap())
}

#[test]
fn a_durable_channel_that_is_new_begins_where_the_others_are() {
    let dir = tempfile::tempdir().unwrap();
    let channels = [durable(&dir.path().join("a")), durable(&dir.path().join("b"))];
    let alone = outlet(&channels[..1], "type = 'replicating'");
    put(&alone, "a", &[0], 10);
    let both = outlet(&channels, "type = 'replicating'");
    assert_eq!(both.position(|| Ok(None)).unwrap().unwrap().entries["a"]["offset"], 10);
    put(&both, "a", &[10], 20);
    assert_eq!(bodies(&channels[1]), ["10"]);
}

#[test]
fn an_optional_channel_does_without_rather_than_hold_up() {
    let channels = [channel(100), channel(1)];
    let outlet = outlet(&channels, "type = 'replicating'\noptional = ['c1']");
    assert!(put(&outlet, "a", &[0], 10) && put(&outlet, "a", &[10, 20], 30));
    assert_eq!(bodies(&channels[0]), ["0", "10", "20"]);
    assert_eq!(bodies(&channels[1]), ["0"]);
    assert_eq!(outlet.missed().as_deref(), Some("2 events did not fit into optional channels"));
}

#[test]
fn balanced_events_go_to_the_same_channel_after_a_crash() {
    let channels = [channel(100), channel(100)];
    let first = outlet(&channels, "type = 'load-balancing'");
    first.position(|| Ok(None)).unwrap();
    put(&first, "a", &[0], 1);
    // As if the process had died between the two: the first channel alone has its share of the batch.
    let offsets: Vec<u64> = (1..40).collect();
    let share: Vec<u64> = {
        let probe = [channel(100), channel(100)];
        put(&outlet(&probe, "type = 'load-balancing'"), "a", &offsets, 40);
        bodies(&probe[0]).iter().map(|body| body.parse().unwrap()).collect()
    };
    let alone = outlet(&channels[..1], "type = 'replicating'");
    put(&alone, "a", &share, 40);
    let again = outlet(&channels, "type = 'load-balancing'");
    assert_eq!(again.position(|| Ok(None)).unwrap().unwrap().entries["a"]["offset"], 1);
    put(&again, "a", &offsets, 40);
    let mut all: Vec<u64> = channels.iter().flat_map(bodies).map(|body| body.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<u64>>());
}

#[test]
fn another_file_under_the_key_of_one_that_was_forgotten_is_read_whole() {
    let channels = [channel(100), channel(100)];
    let first = outlet(&channels, "type = 'replicating'");
    first.position(|| Ok(None)).unwrap();
    put(&first, "a", &[0, 10], 20);
    let alone = outlet(&channels[..1], "type = 'replicating'");
    put(&alone, "a", &[20], 30);
    let again = outlet(&channels, "type = 'replicating'");
    again.position(|| Ok(None)).unwrap();
    put(&again, "a", &[20], 30);
    put(&again, "a", &[0, 10], 20);
    assert_eq!(bodies(&channels[0]), ["0", "10", "20", "0", "10"]);
    assert_eq!(bodies(&channels[1]), ["0", "10", "20", "0", "10"]);
}

#[test]
fn a_channel_in_memory_that_never_passed_anything_on_gets_all_again() {
    let dir = tempfile::tempdir().unwrap();
    let channels = [durable(dir.path()), channel(100)];
    let first = outlet(&channels, "type = 'replicating'");
    first.position(|| Ok(None)).unwrap();
    put(&first, "a", &[0, 10], 20);
    drop((first, channels));
    let channels = [durable(dir.path()), channel(100)];
    let again = outlet(&channels, "type = 'replicating'");
    assert!(again.position(|| Ok(None)).unwrap().unwrap().entries.is_empty());
    put(&again, "a", &[0, 10, 20], 30);
    assert_eq!(bodies(&channels[0]), ["0", "10", "20"]);
    assert_eq!(bodies(&channels[1]), ["0", "10", "20"]);
}

#[test]
fn a_selector_chooses_also_where_there_is_one_channel() {
    let channels = [channel(100)];
    let outlet = outlet(&channels, "type = 'multiplexing'\nheader = 'h'\nmapping = { x = ['c0'] }");
    put(&outlet, "a", &[0], 10);
    assert!(bodies(&channels[0]).is_empty());
    let mut event = event(10);
    event.headers.set("h", "x");
    outlet.put(vec![event], BTreeMap::new(), None).unwrap();
    assert_eq!(bodies(&channels[0]), ["10"]);
}

#[test]
fn a_new_source_begins_where_it_was_told_and_an_old_one_does_not() {
    let told = || Ok(Some(BTreeMap::from([("a".to_owned(), serde_json::json!({ "offset": 20 }))])));
    let channels = [channel(100), channel(100)];
    let first = outlet(&channels, "type = 'replicating'");
    // As if the process had died before the second channel was told.
    let alone = outlet(&channels[..1], "type = 'replicating'");
    assert_eq!(alone.position(told).unwrap().unwrap().entries["a"]["offset"], 20);
    assert_eq!(channels[0].positions().of("logs", "taildir", 1).unwrap().unwrap().entries["a"]["offset"], 20);
    put(&alone, "a", &[20], 30);
    assert_eq!(
        first.position(told).unwrap().unwrap().entries["a"]["offset"],
        20,
        "a channel that forgets begins there"
    );
    put(&first, "a", &[20, 30], 40);
    assert_eq!(
        (bodies(&channels[0]), bodies(&channels[1])),
        (vec!["20".into(), "30".into()], vec!["20".into(), "30".into()])
    );
    let again = outlet(&channels, "type = 'replicating'");
    let position = again.position(|| panic!("it is not asked again")).unwrap().unwrap();
    assert_eq!(position.entries["a"]["offset"], 40);
}
