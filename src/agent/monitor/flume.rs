//! The JSON of Flume's own monitoring (Flume 1.11, `HTTPMetricsServer`): an object a component, every value a text.
//!
//! A counter of Flume's that has no meaning here is left out. An epoch is what a batch of a sink is there, and a file what a
//! connection of the HDFS sink is.

use serde_json::{Map, Value, json};

use super::Monitor;
use super::meters::{ChannelMeter, SinkMeter, SourceMeter, Standing};

/// The type that Flume's server answers with.
pub(super) const CONTENT_TYPE: &str = "application/json;charset=utf-8";

/// All that there is to tell.
pub(super) fn json(monitor: &Monitor) -> String {
    let parts = monitor.parts().clone();
    let sources = parts.sources.iter().map(|(name, meter)| (format!("SOURCE.{name}"), source(meter)));
    let channels = parts.channels.iter().map(|(name, meter)| (format!("CHANNEL.{name}"), channel(meter)));
    let sinks = parts.sinks.iter().map(|(name, meter)| (format!("SINK.{name}"), sink(meter)));
    Value::Object(sources.chain(channels).chain(sinks).collect()).to_string()
}

/// A component: what it is, when it began, and its counters.
fn component(kind: &str, standing: &Standing, counters: Vec<(&str, String)>) -> Value {
    // A component that is not up has not begun.
    let began = standing.since().filter(|_| standing.is_up()).unwrap_or(0);
    let head = [("Type", kind.to_owned()), ("StartTime", began.to_string()), ("StopTime", "0".to_owned())];
    let all: Map<String, Value> =
        head.into_iter().chain(counters).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Value::Object(all)
}

fn source(meter: &SourceMeter) -> Value {
    let SourceMeter { received, accepted, rejected, malformed, opened, closed, standing, .. } = meter;
    let counters = vec![
        ("EventReceivedCount", received.events.get().to_string()),
        ("EventAcceptedCount", accepted.events.get().to_string()),
        ("AppendBatchReceivedCount", received.batches.get().to_string()),
        ("AppendBatchAcceptedCount", accepted.batches.get().to_string()),
        ("OpenConnectionCount", opened.get().saturating_sub(closed.get()).to_string()),
        ("EventReadFail", malformed.get().to_string()),
        ("ChannelWriteFail", rejected.batches.get().to_string()),
    ];
    component("SOURCE", standing, counters)
}

fn channel(meter: &ChannelMeter) -> Value {
    let mut counters = Vec::new();
    let level = meter.level();
    if let Some((level, _)) = &level {
        counters.extend([
            ("ChannelSize", level.events.to_string()),
            ("ChannelFillPercentage", format!("{:?}", level.fill() * 100.0)),
            ("EventPutAttemptCount", level.put.to_string()),
            ("EventPutSuccessCount", level.put.to_string()),
            ("EventTakeAttemptCount", level.taken.to_string()),
            ("EventTakeSuccessCount", level.committed.to_string()),
        ]);
        if level.limits.max_events != u64::MAX {
            counters.push(("ChannelCapacity", level.limits.max_events.to_string()));
        }
    }
    if level.is_some_and(|(_, is_durable)| is_durable) {
        let open = [("Open", "true"), ("Closed", "0"), ("Unhealthy", "0")];
        counters.extend(open.map(|(name, value)| (name, value.to_owned())));
    }
    component("CHANNEL", &meter.standing, counters)
}

fn sink(meter: &SinkMeter) -> Value {
    let counters = vec![
        ("EventDrainAttemptCount", meter.taken.get().to_string()),
        ("EventDrainSuccessCount", meter.events.get().to_string()),
        ("BatchCompleteCount", meter.epochs.get().to_string()),
        ("ConnectionCreatedCount", meter.files.get().to_string()),
        ("ConnectionClosedCount", meter.files.get().to_string()),
        ("EventWriteFail", meter.failures.get().to_string()),
    ];
    component("SINK", &meter.standing, counters)
}
