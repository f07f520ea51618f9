//! A channel of an agent and the sink that empties it, from their opening to their end.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{FutureExt, LocalBoxFuture};
use tokio_util::sync::CancellationToken;

use super::{ChannelPlan, SinkPlan};
use crate::agent::channels::Channel;
use crate::agent::channels::damage::{self, Damaged};
use crate::agent::channels::file::FileChannel;
use crate::agent::channels::lock::ChannelLock;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::spill::SpillChannel;
use crate::agent::drain::Drain;
use crate::agent::monitor::Monitor;
use crate::agent::outlet::Feed;
use crate::agent::reach::{Reached, Start, Surroundings, greet, reach};
use crate::agent::report::Report;
use crate::agent::roll::Roll;
use crate::agent::sinks::{Kept, Sink};
use crate::error::{self, Result};
use crate::retry::{Retry, Sayer};
use crate::shutdown::Stop;
use crate::telemetry::summary::StepSummary;

/// A channel that is open, and the sink that empties it.
pub(super) struct Line<'a> {
    /// The name of the sink.
    name: String,
    pub feed: Feed,
    sink: Way<'a>,
    roll: Roll,
    torn_bytes: u64,
    /// The channel knows where its sources go on.
    pub told: CancellationToken,
}

/// Where a sink is.
enum Way<'a> {
    There(Box<dyn Sink>),
    /// Its target has not been reached yet.
    Away(LocalBoxFuture<'a, Result<Reached>>),
}

/// Opens the channels, each once the target of its sink was asked; or without that, where it is away for too long.
pub(super) async fn open_lines<'a>(
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
    pub(super) async fn drain(
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
        let mut drain =
            Drain { channel: feed.channel, sink, roll, retry, report, meter: meter.clone(), sayer: Sayer::default() };
        drain.run(stop).await?;
        meter.fill(&mut summary);
        Ok((summary, Report { damaged: channel.level().damaged, ..drain.report }))
    }
}
