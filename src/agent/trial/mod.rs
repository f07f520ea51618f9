//! Tests that an agent's file holds: events of a source, and what is to become of them on their way. No server is asked
//! and nothing is written.
//!
//! ```text
//! source -> interceptors -> selector -> channels     as the agent does it, with channels in memory
//! channel -> sink                                    where the sink would put each event, or why it would put it aside
//! outcome    what one event became, and in what it is another than was expected
//! ```
//!
//! What a test names is compared wholly: each event that reached that channel or sink is expected, in its order. What it does
//! not name is left alone. How a source makes events of what it reads is not part of it: a test begins with the events.

mod outcome;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use self::outcome::Expected;
use self::outcome::Outcome;
use super::channels::memory::MemoryChannel;
use super::channels::{Channel, ChannelLimits, Take};
use super::event::Event;
use super::graph::{Graph, SinkPlan, SourcePlan};
use super::interceptors::Interceptors;
use super::outlet::{Feed, Outlet};
use super::selector::Selector;
use super::sinks::hbase::key::Origin;
use super::sinks::{self, SinkKind};
use crate::error::{self, Result};

/// A channel in memory that holds whatever a test has.
const ROOMY: ChannelLimits =
    ChannelLimits { max_bytes: u64::MAX, max_events: u64::MAX, segment_bytes: 0, min_free_bytes: 0 };

/// A test.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Trial {
    pub name: String,
    /// The source that gives the events.
    pub source: String,
    pub events: Vec<Event>,
    /// What time it is; the time of the test where none is said.
    pub now: Option<Timestamp>,
    /// What becomes of them, by where.
    pub expected: Vec<(Place, Vec<Expected>)>,
}

/// Where something is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Place {
    Channel(String),
    Sink(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Channel(name) => write!(f, "channel {name}"),
            Self::Sink(name) => write!(f, "sink {name}"),
        }
    }
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Verdict {
    pub name: String,
    /// In what it is another than was expected; none where it passed.
    pub differences: Vec<String>,
}

/// Runs a test.
///
/// # Errors
/// Bug: rows do not fit their columns. What is wrong with the graph, which was checked.
pub(super) fn run(graph: &Graph, trial: &Trial) -> Result<Verdict> {
    let now = trial.now.unwrap_or_else(Timestamp::now);
    let source = graph.sources.iter().find(|source| source.name == trial.source);
    let source = source.ok_or_else(|| error::bug(format!("there is no source {}", trial.source)))?;
    let reached = reached(source, trial.events.clone(), now)?;
    let mut differences = Vec::new();
    for (place, expected) in &trial.expected {
        let events = |channel: &str| reached.get(channel).cloned().unwrap_or_default();
        let outcomes = match place {
            Place::Channel(name) => events(name).into_iter().map(Outcome::Event).collect(),
            Place::Sink(name) => {
                let sink = graph.sinks.iter().find(|sink| sink.name == *name);
                let sink = sink.ok_or_else(|| error::bug(format!("there is no sink {name}")))?;
                landed(sink, events(&sink.channel), now)?
            }
        };
        differences.extend(outcome::compare(expected, &outcomes).into_iter().map(|what| format!("{place}: {what}")));
    }
    Ok(Verdict { name: trial.name.clone(), differences })
}

/// The events that reach each channel of a source.
fn reached(source: &SourcePlan, events: Vec<Event>, now: Timestamp) -> Result<BTreeMap<String, Vec<Event>>> {
    let open = |name: &String| {
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(ROOMY, None));
        (name.clone(), channel)
    };
    let channels: Vec<(String, Arc<dyn Channel>)> = source.channels.iter().map(open).collect();
    let feed = |(_, channel): &(String, Arc<dyn Channel>)| Feed { channel: channel.clone(), feeders: Arc::default() };
    let selector = Selector::new(&source.selector, &source.channels)?;
    let interceptors = Interceptors::new(&source.interceptors)?.at(now);
    let feeds = channels.iter().map(feed).collect();
    let outlet = Outlet::new(&source.name, source.kind.form(), feeds, selector, interceptors);
    // One by one, as the channels keep no order between batches of a source that has several.
    for event in events {
        outlet.put(vec![event], BTreeMap::new(), None)?;
    }
    let taken = |(name, channel): (String, Arc<dyn Channel>)| {
        let mut events = Vec::new();
        while let Take::Record { batch, .. } = channel.take(Duration::ZERO)? {
            events.extend(batch.events);
        }
        Ok((name, events))
    };
    channels.into_iter().map(taken).collect()
}

/// What a sink makes of events, each by itself.
fn landed(sink: &SinkPlan, events: Vec<Event>, now: Timestamp) -> Result<Vec<Outcome>> {
    match &sink.kind {
        SinkKind::Table(options) => {
            let mut sorter = options.sorting.sorter();
            let mut outcomes = Vec::new();
            for event in events {
                sorter.add(&event)?;
                let sorted = sorter.take()?;
                for (partition, batch) in &sorted.parts {
                    let row = |columns| Outcome::Row { partition: partition.path(), columns };
                    outcomes.extend(rows::rows(batch).into_iter().map(row));
                }
                outcomes.extend(sorted.rejects.first_reason.map(|reason| Outcome::Reject { reason, event }));
            }
            Ok(outcomes)
        }
        SinkKind::Hdfs(options) => {
            let one = |event: Event| match options.place(&event, now) {
                Ok((path, prefix)) => Outcome::File { path, prefix, event },
                Err(reason) => Outcome::Reject { reason, event },
            };
            Ok(events.into_iter().map(one).collect())
        }
        SinkKind::HBase(options) => {
            let mut mapping = options.mapping.clone();
            let mut outcomes = Vec::new();
            for (record, event) in (0..).zip(events) {
                let origin = Origin { channel: "test", place: sinks::Place { record, index: 0 }, row: 0 };
                match mapping.rows(&event, origin) {
                    Ok(made) => outcomes.extend(made.iter().map(rows::of_hbase)),
                    Err(reason) => outcomes.push(Outcome::Reject { reason, event }),
                }
            }
            Ok(outcomes)
        }
        _ => Ok(events.into_iter().map(Outcome::Event).collect()),
    }
}
