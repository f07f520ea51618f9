//! An agent as it is put together: sources into channels, channels into sinks.

mod line;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{join, join_all};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use self::line::{Line, open_lines};
use super::channels::damage::Damaged;
use super::channels::seal::Keyring;
use super::channels::spill::Overflow;
use super::channels::{Channel, ChannelLimits};
use super::interceptors::{InterceptorArgs, Interceptors};
use super::joined;
use super::monitor::Monitor;
use super::outlet::Outlet;
use super::reach::Surroundings;
use super::report::Report;
use super::roll::Roll;
use super::selector::{Selector, SelectorArgs};
use super::sinks::SinkKind;
use super::sources::{Source, SourceKind, SourceReport};
use crate::error::Result;
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
