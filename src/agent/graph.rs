//! An agent as it is put together: sources into channels, channels into sinks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{FutureExt, LocalBoxFuture, join, join_all};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

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
use super::reach::{Reached, Start, Surroundings, greet, reach};
use super::report::Report;
use super::roll::Roll;
use super::selector::{Selector, SelectorArgs};
use super::sinks::{Kept, Sink, SinkKind};
use super::sources::{Source, SourceKind, SourceReport};
use crate::error::{self, Result};
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

/// How an agent ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Of each sink, in the order of the plan.
    pub sinks: Vec<(StepSummary, Report)>,
    /// Of each source.
    pub sources: Vec<SourceReport>,
}

/// A channel that is open, and the sink that empties it.
struct Line<'a> {
    /// The name of the sink.
    name: String,
    feed: Feed,
    sink: Way<'a>,
    roll: Roll,
    torn_bytes: u64,
    /// The channel knows where its sources go on.
    told: CancellationToken,
}

/// Where a sink is.
enum Way<'a> {
    There(Box<dyn Sink>),
    /// Its target has not been reached yet.
    Away(LocalBoxFuture<'a, Result<Reached>>),
}

/// A source that is connected to its channels, and not begun.
struct Connected {
    kind: SourceKind,
    outlet: Outlet,
    /// What its channels have to know before it begins.
    told: Vec<CancellationToken>,
}

/// Sources that run.
type Feeding = RefCell<Vec<JoinHandle<Result<SourceReport>>>>;

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
        let Self { sources, channels, sinks } = self;
        let lines = open_lines(channels, sinks, around, monitor, stop).await?;
        let open = CloseOnDrop(lines.values().map(|line| line.feed.channel.clone()).collect());
        let connected = sources.into_iter().map(|plan| plan.connect(&lines, monitor)).collect::<Result<Vec<_>>>()?;
        let (ready, late): (Vec<_>, Vec<_>) = connected.into_iter().partition(Connected::is_ready);
        let ready = ready.into_iter().map(Connected::open).collect::<Result<Vec<_>>>()?;
        if late.is_empty() {
            monitor.opened().cancel();
        }
        let begin = |(source, outlet)| feed(source, outlet, open.0.clone());
        let feeding = Feeding::new(ready.into_iter().map(begin).collect());
        // What waits for a target, or for a channel, does not do so any more.
        let over = CancellationToken::new();
        // One that fails ends the others: what they hold stays in their channels.
        let end = || {
            open.close();
            over.cancel();
        };
        let drains = join_all(lines.into_values().map(|line| async {
            let done = line.drain(around.retry, monitor, &over, stop).await;
            done.inspect_err(|_| end())
        }));
        let late = join_all(late.into_iter().map(|source| async {
            tokio::select! {
                biased;
                () = over.cancelled() => return Ok(()),
                () = stop.requested() => return Ok(()),
                () = source.is_told() => {}
            }
            let begun = source.open().map(begin).inspect_err(|_| end())?;
            feeding.borrow_mut().push(begun);
            Ok(())
        }));
        let begun = async {
            let begun: Result<()> = late.await.into_iter().collect();
            monitor.opened().cancel();
            begun
        };
        let (drained, begun): (Vec<Result<(StepSummary, Report)>>, _) = join(drains, begun).await;
        let channels = open.0.clone();
        drop(open);
        let fed = join_all(feeding.into_inner()).await;
        // Each of them, also where one cannot.
        let keep = move || channels.iter().map(|channel| channel.keep()).fold(Ok(()), Result::and);
        joined(spawn_blocking(keep).await)?;
        let mut sinks = drained.into_iter().collect::<Result<Vec<_>>>()?;
        begun?;
        let sources = fed.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
        sinks.iter_mut().for_each(|(summary, _)| summary.elapsed = started.elapsed());
        Ok(Ended { sinks, sources })
    }
}

/// Opens the channels, each once the target of its sink was asked; or without that, where it is away for too long.
async fn open_lines<'a>(
    channels: Vec<ChannelPlan>,
    sinks: Vec<SinkPlan>,
    around: &'a Surroundings<'_>,
    monitor: &Monitor,
    stop: &Stop,
) -> Result<BTreeMap<String, Line<'a>>> {
    let mut locks = BTreeMap::new();
    for channel in &channels {
        if let Some(directory) = &channel.directory {
            let lock = ChannelLock::take(directory)?.with_keys(channel.storage.keys.clone());
            locks.insert(channel.name.clone(), lock);
        }
    }
    let deadline = match around.start {
        Start::Meanwhile(time) => Some(tokio::time::Instant::now() + time),
        Start::AtOnce | Start::Waiting => None,
    };
    let mut lines = BTreeMap::new();
    for SinkPlan { name, channel, roll, kind } in sinks {
        let plan = channels.iter().find(|plan| plan.name == channel);
        let plan = plan.ok_or_else(|| error::bug(format!("sink {name} has no channel")))?;
        // What such a channel has on the disk is only understood together with its target.
        let deadline = deadline.filter(|_| plan.storage.overflow.is_none());
        let (sink, meter) = (name.clone(), monitor.sink(&name));
        let mut reaching = async move { reach(&sink, kind, around, &meter).await }.boxed_local();
        let too_late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let reached = tokio::select! {
            biased;
            reached = stop.or(&mut reaching) => Some(reached?),
            () = too_late => None,
        };
        let lock = locks.remove(&channel);
        let (sink, (open, torn_bytes, knows)) = match reached {
            Some((sink, kept)) => (Way::There(sink), plan.open(lock, &kept)?),
            None => {
                tracing::warn!("sink {name} waits for its target: channel {channel} takes events meanwhile");
                (Way::Away(reaching), plan.open_untold(lock)?)
            }
        };
        monitor.channel(&channel).opened(&open);
        let told = CancellationToken::new();
        if knows {
            told.cancel();
        }
        let feed = Feed { channel: open, feeders: Arc::default() };
        lines.insert(channel, Line { name, feed, sink, roll, torn_bytes, told });
    }
    Ok(lines)
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
    fn connect(self, lines: &BTreeMap<String, Line<'_>>, monitor: &Monitor) -> Result<Connected> {
        let Self { name, kind, channels, selector, interceptors } = self;
        let its: Vec<&Line<'_>> = channels.iter().filter_map(|name| lines.get(name)).collect();
        let feeds = its.iter().map(|line| line.feed.clone()).collect();
        let told = if kind.is_read_again() { its.iter().map(|line| line.told.clone()).collect() } else { Vec::new() };
        let (selector, interceptors) = (Selector::new(&selector, &channels)?, Interceptors::new(&interceptors)?);
        let meters = channels.iter().map(|channel| monitor.channel(channel)).collect();
        let outlet = Outlet::new(&name, kind.form(), feeds, selector, interceptors);
        Ok(Connected { kind, outlet: outlet.watched(monitor.source(&name), meters), told })
    }
}

impl Connected {
    fn is_ready(&self) -> bool {
        self.told.iter().all(CancellationToken::is_cancelled)
    }

    /// Waits until its channels know where it goes on.
    async fn is_told(&self) {
        for told in &self.told {
            told.cancelled().await;
        }
    }

    fn open(self) -> Result<(Box<dyn Source>, Outlet)> {
        let Self { kind, outlet, .. } = self;
        let position = outlet.position(|| kind.beginning())?;
        let source = kind.open(position.as_ref())?;
        outlet.meter().standing.up();
        Ok((source, outlet))
    }
}

impl ChannelPlan {
    /// The channel, how many bytes of a torn record were cut off it, and that it knows where its sources go on.
    fn open(&self, lock: Option<ChannelLock>, kept: &Kept) -> Result<(Arc<dyn Channel>, u64, bool)> {
        let set_aside = self.set_aside()?;
        let channel = match (lock, kept) {
            (Some(lock), kept) if let Some(overflow) = &self.storage.overflow => {
                let channel = SpillChannel::open(lock, self.limits, overflow.clone(), kept)?;
                let torn_bytes = channel.torn_bytes();
                return Ok((Arc::new(channel.with(self.damaged, set_aside)), torn_bytes, true));
            }
            (None, Kept::Channel) => return Ok((Arc::new(MemoryChannel::new(self.limits, None)), 0, true)),
            (None, Kept::Target(cursor) | Kept::SomeTargets(cursor)) => {
                return Ok((Arc::new(MemoryChannel::new(self.limits, cursor.as_ref())), 0, true));
            }
            (Some(lock), Kept::Channel) => FileChannel::open_alone(lock, self.limits)?,
            (Some(lock), Kept::Target(cursor)) => FileChannel::open(lock, self.limits, cursor.as_ref())?,
            (Some(lock), Kept::SomeTargets(cursor)) => FileChannel::open_ahead(lock, self.limits, cursor.as_ref())?,
        };
        let torn_bytes = channel.torn_bytes();
        Ok((Arc::new(channel.with(self.damaged, set_aside)), torn_bytes, true))
    }

    /// The same, where the target cannot be asked yet.
    fn open_untold(&self, lock: Option<ChannelLock>) -> Result<(Arc<dyn Channel>, u64, bool)> {
        let Some(lock) = lock else { return Ok((Arc::new(MemoryChannel::new(self.limits, None)), 0, false)) };
        let set_aside = self.set_aside()?;
        let (channel, knows) = FileChannel::open_untold(lock, self.limits)?;
        let torn_bytes = channel.torn_bytes();
        Ok((Arc::new(channel.with(self.damaged, set_aside)), torn_bytes, knows))
    }

    /// Sets damaged records aside where that is asked for; says how many.
    fn set_aside(&self) -> Result<u64> {
        match (&self.directory, self.damaged) {
            (Some(directory), Damaged::SetAside) => damage::set_all_aside(directory, &self.storage.keys),
            _ => Ok(0),
        }
    }
}

impl Line<'_> {
    /// Empties the channel into its sink, once that has reached its target.
    async fn drain(
        self,
        retry: Retry,
        monitor: &Monitor,
        over: &CancellationToken,
        stop: &Stop,
    ) -> Result<(StepSummary, Report)> {
        let Self { name, feed, sink, roll, torn_bytes, told } = self;
        let (meter, channel) = (monitor.sink(&name), feed.channel.clone());
        let step = format!("sink {name}");
        let report = Report { torn_bytes, ..Report::default() };
        let there = async {
            let mut sink = match sink {
                Way::There(sink) => sink,
                Way::Away(reaching) => {
                    let (sink, kept) = reaching.await?;
                    channel.told(&kept)?;
                    told.cancel();
                    sink
                }
            };
            greet(&name, &mut *sink, retry, &meter).await?;
            Ok(sink)
        };
        let sink = tokio::select! {
            biased;
            there = there => there.inspect_err(|e| meter.standing.failed(e))?,
            () = over.cancelled() => return Ok((StepSummary::new(step), report)),
            // The next run has what the channel holds.
            () = stop.requested() => return Ok((StepSummary::new(step), report)),
        };
        let mut summary = StepSummary { step, ..StepSummary::new(sink.name()) };
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
