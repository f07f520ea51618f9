//! An agent as it is put together: sources into channels, channels into sinks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use tokio::task::{JoinHandle, spawn_blocking};

use super::channels::damage::{self, Damaged};
use super::channels::file::FileChannel;
use super::channels::lock::ChannelLock;
use super::channels::memory::MemoryChannel;
use super::channels::seal::Keyring;
use super::channels::spill::{Overflow, SpillChannel};
use super::channels::{Channel, ChannelLimits};
use super::drain::Drain;
use super::interceptors::{InterceptorArgs, Interceptors};
use super::joined;
use super::monitor::Monitor;
use super::outlet::{Feed, Outlet};
use super::report::Report;
use super::roll::Roll;
use super::selector::{Selector, SelectorArgs};
use super::sinks::{Kept, Sink, SinkKind};
use super::sources::{Source, SourceKind, SourceReport};
use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::load::Cluster;
use crate::retry::Retry;
use crate::shutdown::Stop;
use crate::telemetry::summary::StepSummary;

/// All of an agent, checked.
#[derive(Debug)]
pub(super) struct Graph {
    pub sources: Vec<SourcePlan>,
    pub channels: Vec<ChannelPlan>,
    pub sinks: Vec<SinkPlan>,
}

#[derive(Debug)]
pub(super) struct SourcePlan {
    pub name: String,
    pub kind: SourceKind,
    /// The channels it fills, by name.
    pub channels: Vec<String>,
    pub selector: SelectorArgs,
    pub interceptors: Vec<InterceptorArgs>,
}

#[derive(Debug)]
pub(super) struct ChannelPlan {
    pub name: String,
    /// Where it is kept; in memory where there is none.
    pub directory: Option<PathBuf>,
    pub limits: ChannelLimits,
    pub damaged: Damaged,
    pub storage: Storage,
}

/// What a channel does on the disk beside keeping what is put.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    /// What it is encrypted with.
    pub keys: Keyring,
    /// Of a channel in memory: where what does not fit goes.
    pub overflow: Option<Overflow>,
}

#[derive(Debug)]
pub(super) struct SinkPlan {
    pub name: String,
    /// The channel it empties, by name.
    pub channel: String,
    pub roll: Roll,
    pub kind: SinkKind,
}

/// What an agent needs of its surroundings.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// `None` where no sink needs it.
    pub cluster: Option<&'a Cluster>,
    /// HBase's gateways, where a sink needs them.
    pub hbase: Option<&'a HBaseOptions>,
    pub run_id: &'a str,
    pub retry: Retry,
}

/// How an agent ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Of each sink, in the order of the plan.
    pub sinks: Vec<(StepSummary, Report)>,
    /// Of each source.
    pub sources: Vec<SourceReport>,
}

/// A channel that is open, and the sink that empties it.
struct Line {
    /// The name of the sink.
    name: String,
    feed: Feed,
    sink: Box<dyn Sink>,
    roll: Roll,
    torn_bytes: u64,
}

impl Graph {
    /// Lets every source that can end when it has read what there is.
    pub(super) fn drain(&mut self) {
        self.sources.iter_mut().for_each(|source| source.kind.drain());
    }

    /// As [`Graph::run_watched`], where nobody watches.
    ///
    /// # Errors
    /// As there.
    #[cfg(test)]
    pub(super) async fn run(self, around: &Surroundings<'_>, stop: &Stop) -> Result<Ended> {
        self.run_watched(around, &Monitor::default(), stop).await
    }

    /// Runs the agent until a stop, or until its sources have ended and its channels are empty; the monitor sees its parts.
    ///
    /// # Errors
    /// Of the first part that fails; the others are ended then.
    pub(super) async fn run_watched(self, around: &Surroundings<'_>, monitor: &Monitor, stop: &Stop) -> Result<Ended> {
        let started = Instant::now();
        monitor.expect(&self);
        let mut locks = BTreeMap::new();
        for channel in &self.channels {
            if let Some(directory) = &channel.directory {
                let lock = ChannelLock::take(directory)?.with_keys(channel.storage.keys.clone());
                locks.insert(channel.name.clone(), lock);
            }
        }
        let mut lines = BTreeMap::new();
        for plan in self.sinks {
            let channel = self.channels.iter().find(|channel| channel.name == plan.channel);
            let channel = channel.ok_or_else(|| error::bug(format!("sink {} has no channel", plan.name)))?;
            let mut sink = plan.kind.open(around, false)?;
            let kept = stop.or(sink.recover()).await?;
            monitor.sink(&plan.name).standing.up();
            let (open, torn_bytes) = channel.open(locks.remove(&channel.name), &kept)?;
            monitor.channel(&channel.name).opened(&open);
            let feed = Feed { channel: open, feeders: Arc::default() };
            let line = Line { name: plan.name, feed, sink, roll: plan.roll, torn_bytes };
            lines.insert(channel.name.clone(), line);
        }
        let open = CloseOnDrop(lines.values().map(|line| line.feed.channel.clone()).collect());
        let feeding = self.sources.into_iter().map(|plan| plan.open(&lines, monitor)).collect::<Result<Vec<_>>>()?;
        monitor.opened().cancel();
        let feeding = feeding.into_iter().map(|(source, outlet)| feed(source, outlet, open.0.clone()));
        let feeding: Vec<_> = feeding.collect();
        let drains = lines.into_values().map(|line| async {
            let done = line.drain(around.retry, monitor, stop).await;
            // One that fails ends the others: what they hold stays in their channels.
            if done.is_err() {
                open.close();
            }
            done
        });
        let drained: Vec<Result<(StepSummary, Report)>> = join_all(drains).await;
        let channels = open.0.clone();
        drop(open);
        let fed = join_all(feeding).await;
        // Each of them, also where one cannot.
        let keep = move || channels.iter().map(|channel| channel.keep()).fold(Ok(()), Result::and);
        joined(spawn_blocking(keep).await)?;
        let mut sinks = drained.into_iter().collect::<Result<Vec<_>>>()?;
        let sources = fed.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
        sinks.iter_mut().for_each(|(summary, _)| summary.elapsed = started.elapsed());
        Ok(Ended { sinks, sources })
    }
}

/// Runs a source on a thread of its own. One that fails ends the agent, once its channels are empty.
fn feed(source: Box<dyn Source>, outlet: Outlet, all: Arc<[Arc<dyn Channel>]>) -> JoinHandle<Result<SourceReport>> {
    spawn_blocking(move || {
        let outlet = Arc::new(outlet);
        let mut done = source.run(outlet.clone());
        match &mut done {
            Ok(report) => report.notes.extend(outlet.missed()),
            Err(e) => {
                outlet.meter().standing.failed(e);
                all.iter().for_each(|channel| channel.end());
            }
        }
        done
    })
}

impl SourcePlan {
    fn open(self, lines: &BTreeMap<String, Line>, monitor: &Monitor) -> Result<(Box<dyn Source>, Outlet)> {
        let feeds = self.channels.iter().filter_map(|name| Some(lines.get(name)?.feed.clone())).collect();
        let selector = Selector::new(&self.selector, &self.channels)?;
        let interceptors = Interceptors::new(&self.interceptors)?;
        let meters = self.channels.iter().map(|channel| monitor.channel(channel)).collect();
        let outlet = Outlet::new(&self.name, self.kind.form(), feeds, selector, interceptors);
        let outlet = outlet.watched(monitor.source(&self.name), meters);
        let position = outlet.position(|| self.kind.beginning())?;
        let source = self.kind.open(position.as_ref())?;
        outlet.meter().standing.up();
        Ok((source, outlet))
    }
}

impl ChannelPlan {
    /// The channel, and how many bytes of a torn record were cut off it.
    fn open(&self, lock: Option<ChannelLock>, kept: &Kept) -> Result<(Arc<dyn Channel>, u64)> {
        let mut set_aside = 0;
        if let (Some(directory), Damaged::SetAside) = (&self.directory, self.damaged) {
            set_aside = damage::set_all_aside(directory, &self.storage.keys)?;
        }
        let channel = match (lock, kept) {
            (Some(lock), kept) if let Some(overflow) = &self.storage.overflow => {
                let channel = SpillChannel::open(lock, self.limits, overflow.clone(), kept)?;
                let torn_bytes = channel.torn_bytes();
                return Ok((Arc::new(channel.with(self.damaged, set_aside)), torn_bytes));
            }
            (None, Kept::Channel) => return Ok((Arc::new(MemoryChannel::new(self.limits, None)), 0)),
            (None, Kept::Target(cursor) | Kept::SomeTargets(cursor)) => {
                return Ok((Arc::new(MemoryChannel::new(self.limits, cursor.as_ref())), 0));
            }
            (Some(lock), Kept::Channel) => FileChannel::open_alone(lock, self.limits)?,
            (Some(lock), Kept::Target(cursor)) => FileChannel::open(lock, self.limits, cursor.as_ref())?,
            (Some(lock), Kept::SomeTargets(cursor)) => FileChannel::open_ahead(lock, self.limits, cursor.as_ref())?,
        };
        let torn_bytes = channel.torn_bytes();
        Ok((Arc::new(channel.with(self.damaged, set_aside)), torn_bytes))
    }
}

impl Line {
    async fn drain(self, retry: Retry, monitor: &Monitor, stop: &Stop) -> Result<(StepSummary, Report)> {
        let Self { name, feed, sink, roll, torn_bytes } = self;
        let mut summary = StepSummary { step: format!("sink {name}"), ..StepSummary::new(sink.name()) };
        let report = Report { torn_bytes, ..Report::default() };
        let meter = monitor.sink(&name);
        let channel = feed.channel.clone();
        let mut drain = Drain { channel: feed.channel, sink, roll, retry, report, meter: meter.clone() };
        drain.run(stop).await?;
        meter.fill(&mut summary);
        Ok((summary, Report { damaged: channel.level().damaged, ..drain.report }))
    }
}

/// Ends the threads of the sources and of the collectors, however [`Graph::run`] ends.
struct CloseOnDrop(Arc<[Arc<dyn Channel>]>);

impl CloseOnDrop {
    fn close(&self) {
        self.0.iter().for_each(|channel| channel.close());
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.close();
    }
}
