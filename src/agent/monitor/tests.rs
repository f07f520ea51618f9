//! What is told of an agent whose parts have counted.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::*;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits};
use crate::agent::event::Event;
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::{Feed, Outlet};
use crate::agent::position::FILES;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::agent::sinks::Written;
use crate::error;

fn event(body: &'static str) -> Event {
    Event { body: Bytes::from_static(body.as_bytes()), ..Event::default() }
}

/// A source that gave five events, of which one was left out and two found no room, and a sink that has two of them.
fn monitor() -> (Monitor, Arc<dyn Channel>) {
    let monitor = Monitor::default();
    let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 4, segment_bytes: 0, min_free_bytes: 0 };
    let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
    monitor.channel("c1").opened(&channel);
    let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
    let selector = Selector::new(&SelectorArgs::default(), &["c1".to_owned()]).unwrap();
    let args =
        toml::from_str::<BTreeMap<String, Vec<_>>>("i = [{ type = 'regex-filter', regex = 'x', exclude = true }]");
    let interceptors = Interceptors::new(&args.unwrap()["i"]).unwrap();
    let outlet = Outlet::new("r1", FILES, vec![feed], selector, interceptors);
    let outlet = outlet.watched(monitor.source("r1"), vec![monitor.channel("c1")]);
    outlet.meter().standing.up();
    assert!(outlet.put(vec![event("one"), event("x"), event("three")], BTreeMap::new(), None).unwrap());
    let more = [event("four"), event("five"), event("seven")];
    assert!(!outlet.offer(&more).unwrap(), "there is room for two");
    outlet.meter().refuse(Size::of(&more[..2]));
    outlet.meter().malformed.add(1);
    let sink = monitor.sink("k1");
    sink.taken.add(2);
    sink.commit(2, &Written { rows: 1, bytes: 70, files: 3, rejects: 1, late: 1, complete: 2, ..Written::default() });
    sink.fail(&error::full("no room"));
    (monitor, channel)
}

#[test]
fn counters_in_the_text_form_of_prometheus() {
    let (monitor, _channel) = monitor();
    let text = prometheus::text(&monitor);
    for wanted in [
        "sakia_source_received_events_total{source=\"r1\"} 5",
        "sakia_source_received_bytes_total{source=\"r1\"} 17",
        "sakia_source_accepted_events_total{source=\"r1\"} 3",
        "sakia_source_accepted_batches_total{source=\"r1\"} 1",
        "sakia_source_rejected_events_total{source=\"r1\"} 2",
        "sakia_source_filtered_events_total{source=\"r1\"} 1",
        "sakia_source_malformed_total{source=\"r1\"} 1",
        "sakia_channel_events{channel=\"c1\"} 2",
        "sakia_channel_capacity_events{channel=\"c1\"} 4",
        "sakia_channel_fill_ratio{channel=\"c1\"} 0.5",
        "sakia_sink_epochs_total{sink=\"k1\"} 1",
        "sakia_sink_events_total{sink=\"k1\"} 2",
        "sakia_sink_rejected_events_total{sink=\"k1\"} 1",
        "sakia_sink_failing{sink=\"k1\"} 1",
        concat!("sakia_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|line| line == wanted), "{wanted} is not in:\n{text}");
    }
    let mut families = BTreeSet::new();
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(family) => assert!(families.insert(family.split(' ').next().unwrap().to_owned()), "twice: {line}"),
            None if line.starts_with('#') => assert!(line.starts_with("# HELP ")),
            None => {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(families.contains(name), "{line} stands behind its TYPE");
                line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
            }
        }
    }
    assert!(families.contains("process_resident_memory_bytes"));
}

#[test]
fn counters_in_the_json_of_flume() {
    let (monitor, channel) = monitor();
    let read = || serde_json::from_str::<serde_json::Value>(&flume::json(&monitor)).unwrap();
    let json = read();
    for (component, counter, wanted) in [
        ("SOURCE.r1", "Type", "SOURCE"),
        ("SOURCE.r1", "EventReceivedCount", "5"),
        ("SOURCE.r1", "EventAcceptedCount", "3"),
        ("SOURCE.r1", "EventReadFail", "1"),
        ("SOURCE.r1", "ChannelWriteFail", "1"),
        ("SOURCE.r1", "StopTime", "0"),
        ("CHANNEL.c1", "ChannelSize", "2"),
        ("CHANNEL.c1", "ChannelCapacity", "4"),
        ("CHANNEL.c1", "ChannelFillPercentage", "50.0"),
        ("CHANNEL.c1", "EventPutSuccessCount", "2"),
        ("SINK.k1", "EventDrainSuccessCount", "2"),
        ("SINK.k1", "BatchCompleteCount", "1"),
        ("SINK.k1", "EventWriteFail", "1"),
    ] {
        assert_eq!(json[component][counter], wanted, "{component} {counter}: {json}");
    }
    let values = json.as_object().unwrap().values().flat_map(|component| component.as_object().unwrap().values());
    assert!(values.into_iter().all(serde_json::Value::is_string), "{json}");
    assert!(json["CHANNEL.c1"].get("Open").is_none(), "a channel in memory has no files");
    drop(channel);
    assert!(read()["CHANNEL.c1"].get("ChannelSize").is_none(), "the monitor does not hold on to a channel");
}

#[test]
fn health_is_told_with_reasons() {
    let (monitor, _channel) = monitor();
    assert_eq!(monitor.awaited(), ["sink k1 has not reached its target yet: no room"]);
    assert!(monitor.retrying().is_empty());
    monitor.sink("k1").standing.up();
    assert!(monitor.awaited().is_empty() && monitor.failures().is_empty());
    assert_eq!(monitor.retrying(), ["sink k1 tries again: no room"]);
    monitor.sink("k1").reached();
    assert!(monitor.retrying().is_empty());
    monitor.source("r1").standing.failed(&error::refused("the port is lost"));
    monitor.source("r1").standing.failed(&error::refused("a second reason"));
    assert_eq!(monitor.failures(), ["source r1: the port is lost"]);
    monitor.source("r1").standing.down();
    assert_eq!((monitor.failures().len(), monitor.awaited().len()), (0, 1), "it is opened anew");
}
