//! The text form of Prometheus (version 0.0.4), which every scraper of it reads.
//!
//! A family is told once, with its HELP and TYPE, and all its samples behind them. Counters count from the start of the
//! process; what a reload leaves in place counts on.

use std::fmt::{self, Display, Write};
use std::sync::atomic::Ordering;

use self::Kind::{Counter, Gauge};
use super::Monitor;
use super::meters::{SinkMeter, SourceMeter};
use super::process::Process;
use crate::agent::channels::Level;

/// The type that a scraper is told.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A number as it is told; whole ones exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Whole(u64),
    Real(f64),
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A family of samples of one kind of part.
struct Family<T> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// `None` where there is nothing to tell.
    number: fn(&T) -> Option<Number>,
}

const fn family<T>(name: &'static str, kind: Kind, help: &'static str, number: fn(&T) -> Option<Number>) -> Family<T> {
    Family { name, kind, help, number }
}

fn whole(number: u64) -> Option<Number> {
    Some(Number::Whole(number))
}

/// Milliseconds as seconds.
fn seconds(ms: Option<u64>) -> Option<Number> {
    ms.map(|ms| Number::Real(ms as f64 / 1000.0))
}

const SOURCES: &[Family<SourceMeter>] = &[
    family("sakia_source_received_events_total", Counter, "Events that a source gave.", |s| {
        whole(s.received.events.get())
    }),
    family("sakia_source_received_bytes_total", Counter, "Bytes of the bodies of events that a source gave.", |s| {
        whole(s.received.bytes.get())
    }),
    family(
        "sakia_source_accepted_events_total",
        Counter,
        "Events of a source that are in its channels or that an interceptor left out.",
        |s| whole(s.accepted.events.get()),
    ),
    family("sakia_source_accepted_bytes_total", Counter, "Bytes of the bodies of accepted events.", |s| {
        whole(s.accepted.bytes.get())
    }),
    family("sakia_source_accepted_batches_total", Counter, "Batches of accepted events, such as requests.", |s| {
        whole(s.accepted.batches.get())
    }),
    family(
        "sakia_source_rejected_events_total",
        Counter,
        "Events of a source for which there was no room in time, or that could not be kept; their sender has them still.",
        |s| whole(s.rejected.events.get()),
    ),
    family("sakia_source_rejected_bytes_total", Counter, "Bytes of the bodies of rejected events.", |s| {
        whole(s.rejected.bytes.get())
    }),
    family("sakia_source_filtered_events_total", Counter, "Events that an interceptor left out.", |s| {
        whole(s.filtered.get())
    }),
    family("sakia_source_duplicate_events_total", Counter, "Those of them whose id came before.", |s| {
        whole(s.duplicates.get())
    }),
    family("sakia_source_sampled_out_events_total", Counter, "Those of them that are not of a sample.", |s| {
        whole(s.sampled.get())
    }),
    family(
        "sakia_source_forgotten_ids_total",
        Counter,
        "Ids that were forgotten before the end of their window, as there were more than max-ids.",
        |s| whole(s.forgotten_ids.get()),
    ),
    family(
        "sakia_source_missed_events_total",
        Counter,
        "Events that an optional channel of the source had to do without.",
        |s| whole(s.missed.get()),
    ),
    family(
        "sakia_source_malformed_total",
        Counter,
        "Requests, lines or packets that a source refused as they hold no event.",
        |s| whole(s.malformed.get()),
    ),
    family(
        "sakia_source_lost_events_total",
        Counter,
        "Events that were gone before a source could read them, as Kafka deletes them by age.",
        |s| whole(s.lost.get()),
    ),
    family(
        "sakia_source_lag_events",
        Gauge,
        "Records that wait in Kafka to be read by a source; 0 of other sources.",
        |s| whole(s.lag.get()),
    ),
    family(
        "sakia_source_throttled_total",
        Counter,
        "Requests that a source refused as more came than are taken in a second.",
        |s| whole(s.throttled.get()),
    ),
    family("sakia_source_connections_total", Counter, "Connections that a source took.", |s| whole(s.opened.get())),
    family("sakia_source_connections", Gauge, "Connections of a source that are open.", |s| {
        whole(s.opened.get().saturating_sub(s.closed.get()))
    }),
    family("sakia_source_last_event_timestamp_seconds", Gauge, "When the last batch was accepted.", |s| {
        seconds(s.last_event.ms())
    }),
];

const CHANNELS: &[Family<Level>] = &[
    family("sakia_channel_events", Gauge, "Events that a channel holds.", |level| whole(level.events)),
    family(
        "sakia_channel_damaged_records_total",
        Counter,
        "Records of a channel that were damaged on the disk and set aside.",
        |level| whole(level.damaged),
    ),
    family("sakia_channel_bytes", Gauge, "Bytes of the records that a channel holds.", |level| whole(level.bytes)),
    family(
        "sakia_channel_capacity_events",
        Gauge,
        "Events that a channel may hold, where they are bounded.",
        |level| whole(level.limits.max_events).filter(|most| *most != Number::Whole(u64::MAX)),
    ),
    family("sakia_channel_capacity_bytes", Gauge, "Bytes of records that a channel may hold.", |level| {
        whole(level.limits.max_bytes)
    }),
    family(
        "sakia_channel_fill_ratio",
        Gauge,
        "How full a channel is by the bound that is nearer: 1 holds its sources back.",
        |level| Some(Number::Real(level.fill())),
    ),
    family(
        "sakia_channel_oldest_event_age_seconds",
        Gauge,
        "How long the oldest event has been in a channel, at most since the channel was opened; 0 where there is none.",
        |level| Some(Number::Real(level.oldest.unwrap_or_default().as_secs_f64())),
    ),
    family("sakia_channel_put_events_total", Counter, "Events that were put since a channel was opened.", |level| {
        whole(level.put)
    }),
    family(
        "sakia_channel_taken_events_total",
        Counter,
        "Events that a sink took since a channel was opened; those of an epoch that failed count again.",
        |level| whole(level.taken),
    ),
    family(
        "sakia_channel_committed_events_total",
        Counter,
        "Events that left a channel for good since it was opened.",
        |level| whole(level.committed),
    ),
];

const SINKS: &[Family<SinkMeter>] = &[
    family("sakia_sink_epochs_total", Counter, "Epochs that are in the target of a sink.", |s| whole(s.epochs.get())),
    family("sakia_sink_events_total", Counter, "Events of those epochs.", |s| whole(s.events.get())),
    family("sakia_sink_rows_total", Counter, "Rows or events that were written to the target.", |s| {
        whole(s.rows.get())
    }),
    family("sakia_sink_rejected_events_total", Counter, "Events that were put aside with their reason.", |s| {
        whole(s.rejects.get())
    }),
    family("sakia_sink_bytes_total", Counter, "Bytes of the files that were written.", |s| whole(s.bytes.get())),
    family("sakia_sink_files_total", Counter, "Files that were written.", |s| whole(s.files.get())),
    family("sakia_sink_late_rows_total", Counter, "Rows for partitions that were complete.", |s| whole(s.late.get())),
    family("sakia_sink_complete_partitions_total", Counter, "Partitions that were completed.", |s| {
        whole(s.complete.get())
    }),
    family(
        "sakia_sink_watermark_timestamp_seconds",
        Gauge,
        "The time up to which rows are taken to be there, where the sink completes partitions.",
        |s| seconds(s.watermark.ms()),
    ),
    family(
        "sakia_sink_compacted_partitions_total",
        Counter,
        "Partitions whose files were rewritten into fewer.",
        |s| whole(s.compacted.get()),
    ),
    family("sakia_sink_compaction_failures_total", Counter, "Attempts to rewrite a partition that failed.", |s| {
        whole(s.compact_failures.get())
    }),
    family("sakia_sink_taken_events_total", Counter, "Events that a sink took from its channel, also again.", |s| {
        whole(s.taken.get())
    }),
    family("sakia_sink_failures_total", Counter, "Attempts to write that failed.", |s| whole(s.failures.get())),
    family("sakia_sink_failing", Gauge, "1 while the last attempt to write failed.", |s| {
        whole(u64::from(s.failing().is_some()))
    }),
    family("sakia_sink_last_commit_timestamp_seconds", Gauge, "When the last epoch came into the target.", |s| {
        seconds(s.last_commit.ms())
    }),
];

/// All that there is to tell.
pub(super) fn text(monitor: &Monitor) -> String {
    let mut text = Text::default();
    let parts = monitor.parts().clone();
    text.head("sakia_build_info", Gauge, "1, with the version of this binary.");
    text.sample("sakia_build_info", &[("version", env!("CARGO_PKG_VERSION"))], Number::Whole(1));
    let began = u64::try_from(monitor.state.began.as_millisecond()).ok();
    text.alone("sakia_agent_start_timestamp_seconds", Gauge, "When the agent began.", seconds(began));
    let (failed, awaited) = (monitor.failures().len(), monitor.awaited().len());
    text.alone("sakia_agent_failed_parts", Gauge, "Parts of the agent that failed.", whole(failed as u64));
    text.alone("sakia_agent_awaited_parts", Gauge, "Parts of the agent that are not up yet.", whole(awaited as u64));
    text.head(
        "sakia_agent_reloads_total",
        Counter,
        "Versions of the agent's file after the first, by what became of them.",
    );
    for (outcome, count) in [("done", &monitor.state.reloads), ("refused", &monitor.state.refusals)] {
        text.sample("sakia_agent_reloads_total", &[("outcome", outcome)], Number::Whole(count.get()));
    }
    let is_refused = monitor.state.is_refused.load(Ordering::Relaxed);
    let help = "0 while the last version of the agent's file is not in force.";
    text.alone("sakia_agent_last_reload_successful", Gauge, help, whole(u64::from(!is_refused)));
    let Process { resident_bytes, virtual_bytes, threads, open_files } = Process::now();
    for (name, help, number) in [
        ("process_resident_memory_bytes", "Resident memory size in bytes.", resident_bytes),
        ("process_virtual_memory_bytes", "Virtual memory size in bytes.", virtual_bytes),
        ("process_open_fds", "Number of open file descriptors.", open_files),
        ("process_threads", "Number of threads.", threads),
    ] {
        text.alone(name, Gauge, help, number.map(Number::Whole));
    }
    let sources: Vec<_> = parts.sources.iter().map(|(name, meter)| (name.as_str(), &**meter)).collect();
    text.families("source", SOURCES, &sources);
    let levels = parts.channels.iter().filter_map(|(name, meter)| Some((name.as_str(), meter.level()?.0)));
    let levels: Vec<_> = levels.collect();
    text.families("channel", CHANNELS, &levels.iter().map(|(name, level)| (*name, level)).collect::<Vec<_>>());
    let sinks: Vec<_> = parts.sinks.iter().map(|(name, meter)| (name.as_str(), &**meter)).collect();
    text.families("sink", SINKS, &sinks);
    text.0
}

/// The text as it is written; writing to it cannot fail.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn families<T>(&mut self, label: &str, families: &[Family<T>], parts: &[(&str, &T)]) {
        for Family { name, kind, help, number } in families {
            let samples: Vec<_> = parts.iter().filter_map(|(part, meter)| Some((*part, number(meter)?))).collect();
            if !samples.is_empty() {
                self.head(name, *kind, help);
            }
            for (part, number) in samples {
                self.sample(name, &[(label, part)], number);
            }
        }
    }

    /// A family of one sample without labels.
    fn alone(&mut self, name: &str, kind: Kind, help: &str, number: Option<Number>) {
        if let Some(number) = number {
            self.head(name, kind, help);
            self.sample(name, &[], number);
        }
    }

    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], number: Number) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.0, " {number}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_whole_numbers_are_exact() {
        let mut text = Text::default();
        text.head("m", Gauge, "back\\slash\nnew line \"quoted\"");
        text.sample("m", &[("source", "a\"b\\c\nd")], Number::Whole(u64::MAX));
        text.sample("m", &[], Number::Real(0.25));
        assert_eq!(
            text.0,
            "# HELP m back\\\\slash\\nnew line \"quoted\"\n# TYPE m gauge\n\
             m{source=\"a\\\"b\\\\c\\nd\"} 18446744073709551615\nm 0.25\n"
        );
    }
}
