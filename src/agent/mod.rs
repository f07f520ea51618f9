//! The agent: follows log files and lands their lines in the cluster, each exactly once.
//!
//! ```text
//! source    complete lines of the files that match, followed through rotation        sources::taildir
//! channel   lines and the position behind them, one durable record                   channels::file
//! epoch     records up to a bound, parsed, sorted by partition                       epoch
//! sink      one appending load an epoch; its checkpoint is the channel's cursor      sink
//! ```
//!
//! What it promises, also when it is killed at any moment and run again, and when its channel directory is lost:
//!
//! - Every complete line that was in a file is in the target or in the reject directory, once.
//! - A line that cannot be parsed is never dropped: it is put aside with file, offset and reason.
//! - Memory is bounded by two epochs, disk by the channel's limit; a full channel holds the source back.
//! - A partition is registered only when its files are visible.
//!
//! It refuses a second agent on its channel (Busy) or on its target (Config), a target that somebody else filled, and a
//! corrupt channel. A file that cannot be read, or a line that does not have exactly the fields of its format, stops
//! nothing: the one is named and tried again, the other put aside.

mod bots;
mod channels;
mod click;
mod config;
mod disk;
mod epoch;
mod fingerprint;
mod line;
mod parsers;
mod position;
mod rejects;
mod report;
mod roll;
mod rotation;
mod shop;
mod sink;
mod sources;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

pub(crate) use self::config::AgentArgs;

use self::channels::cursor::Cursor;
use self::channels::file::FileChannel;
use self::channels::lock::ChannelLock;
use self::config::AgentPlan;
use self::epoch::Epoch;
use self::report::Report;
use self::roll::Roll;
use self::sink::Sink;
use self::sources::taildir::Taildir;
use crate::error::{self, Result};
use crate::load::{Cluster, StagedPart};
use crate::retry::Retry;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// Pause between two rounds of the source.
const ROUND: Duration = Duration::from_millis(500);
/// How long an epoch being written may go on after a stop.
const GRACE: Duration = Duration::from_secs(3);
/// How long an agent that drains waits for a cluster that is away.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// How many more rounds an agent that drains makes for the sake of files that it could not read.
const DRAIN_ROUNDS: u32 = 3;

/// Refuses what makes no sense, before anything is asked of a server or a file.
///
/// # Errors
/// Config: a value out of its range, directories inside each other.
pub(crate) fn check(args: &AgentArgs, base: &Path) -> Result<()> {
    AgentPlan::new(args, base).map(drop)
}

/// What an agent would do, in words; nothing is read or changed.
///
/// # Errors
/// Those of [`check`].
pub(crate) fn plan(args: &AgentArgs, base: &Path) -> Result<String> {
    AgentPlan::new(args, base).map(|plan| plan.to_string())
}

/// Runs an agent until a stop, or with `drain` until each file was read to the length it had.
///
/// Relative local paths begin at `base`. A stop is the ordinary end of an agent that does not drain; one that drains
/// fails with it. What is in the channel then is written by the next run.
///
/// # Errors
/// Config: a value makes no sense, or channel and target do not belong together. Busy: the channel or the target is in
/// use. Exists: the target is not ours. NotFound: no file to drain. Data: the channel is corrupt, or a drain rejected
/// more lines than it was allowed. Of the first file that a drain could not read, once the others are written.
/// Those of [`Load`](crate::load::Load).
pub(crate) async fn run(
    args: &AgentArgs,
    base: &Path,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let patience = if args.drain { DRAIN_PATIENCE } else { Duration::MAX };
    run_patiently(args, base, cluster, run_id, stop, Retry::for_time(patience)).await
}

async fn run_patiently(
    args: &AgentArgs,
    base: &Path,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
    retry: Retry,
) -> Result<StepSummary> {
    let started = Instant::now();
    let plan = AgentPlan::new(args, base)?;
    let lock = ChannelLock::take(&plan.channel_dir)?;
    let sink = Sink {
        cluster: cluster.clone(),
        target: plan.target,
        reject_dir: plan.reject_dir,
        table: plan.table,
        sorting: plan.sorting,
        run_id: run_id.to_owned(),
    };
    let name = sink.name();
    let manifest = stop.or(sink.recover()).await?;
    let channel = Arc::new(FileChannel::open(lock, plan.channel, manifest.as_ref())?);
    let open = CloseOnDrop(channel.clone());

    let source = Taildir::new(plan.source, channel.positions());
    let (fed, drain) = (channel.clone(), plan.drain);
    let feeding = spawn_blocking(move || feed(source, &fed, drain));
    let report = Report { torn_bytes: channel.torn_bytes(), ..Report::default() };
    let mut agent = Agent { channel, sink, roll: plan.roll, retry, summary: StepSummary::new(name), report };
    let emptied = agent.empty(stop).await;
    drop(open);
    let source = joined(feeding.await);
    emptied?;
    let source = source?;
    let Agent { sink, mut summary, report, .. } = agent;
    summary.detail = report.detail(&summary, &sink.reject_dir, &source);
    summary.elapsed = started.elapsed();
    report.warn(&summary);
    if drain {
        stop.check()?;
        report.verdict(&summary, source, plan.max_reject_percent)?;
    }
    Ok(summary)
}

/// Ends the threads of the source and of the collector, however [`run`] ends.
struct CloseOnDrop(Arc<FileChannel>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Moves lines from the files to the channel until it is closed, or all are read and `drain` is wanted.
fn feed(mut source: Taildir, channel: &FileChannel, drain: bool) -> Result<Taildir> {
    let mut rounds = || -> Result<()> {
        let mut more_rounds = DRAIN_ROUNDS;
        loop {
            let files = source.look();
            while let Some(batch) = source.read() {
                if !channel.put(&batch)? {
                    return Ok(());
                }
            }
            if files == 0 && drain && source.troubles() == 0 {
                return Err(error::not_found("no log file matches files")
                    .hint("check the pattern; it is relative to the directory of the pipeline file"));
            }
            if let Some(gone) = source.gone() {
                channel.note(gone);
            }
            if drain && source.is_settled() {
                return Ok(());
            }
            if drain && !source.waits_for_copy() {
                match more_rounds.checked_sub(1) {
                    Some(left) => more_rounds = left,
                    None => return Ok(()),
                }
            }
            if !channel.pause(ROUND) {
                return Ok(());
            }
        }
    };
    let done = rounds();
    channel.end();
    done.map(|()| source)
}

/// The result of a thread that was waited for.
fn joined<T>(result: Result<Result<T>, JoinError>) -> Result<T> {
    result.map_err(|e| error::bug("a thread of the agent panicked").source(e))?
}

/// The half of the agent between channel and cluster.
struct Agent {
    channel: Arc<FileChannel>,
    sink: Sink,
    roll: Roll,
    retry: Retry,
    summary: StepSummary,
    report: Report,
}

impl Agent {
    /// Writes epochs until the source has ended and the channel is empty, or a stop. The next epoch is collected while
    /// one is written.
    async fn empty(&mut self, stop: &Stop) -> Result<()> {
        let mut collecting = self.collect(self.channel.cursor());
        loop {
            let epoch = tokio::select! {
                epoch = &mut collecting => joined(epoch)?,
                () = stop.requested() => {
                    self.channel.close();
                    joined(collecting.await)?;
                    return Ok(());
                }
            };
            let Some(epoch) = epoch else { return Ok(()) };
            collecting = self.collect(epoch.to.clone());
            let written = self.write(&epoch, stop).await;
            if written.is_err() || stop.is_requested() {
                self.channel.close();
                joined(collecting.await)?;
                return written;
            }
        }
    }

    fn collect(&self, from: Cursor) -> JoinHandle<Result<Option<Epoch>>> {
        let (channel, roll, sorting) = (self.channel.clone(), self.roll, self.sink.sorting.clone());
        spawn_blocking(move || epoch::collect(&channel, from, roll, &sorting))
    }

    /// Writes one epoch and lets the channel go on behind it. A cluster that is away is waited for.
    async fn write(&mut self, epoch: &Epoch, stop: &Stop) -> Result<()> {
        // A stop does not break into an epoch at once: letting it end leaves less for the next run.
        let unhurried = Stop::new();
        let late = async {
            stop.requested().await;
            tokio::time::sleep(GRACE).await;
        };
        let parts = tokio::select! {
            parts = self.retry.run(&unhurried, || self.sink.write(epoch)) => parts?,
            () = late => return Err(stop.error()),
        };
        self.channel.commit(epoch.to.clone())?;
        self.count(epoch, &parts);
        Ok(())
    }

    fn count(&mut self, epoch: &Epoch, parts: &[StagedPart]) {
        let summary = &mut self.summary;
        summary.outcome = Outcome::Done;
        summary.rows_in += epoch.rows;
        summary.rejects += epoch.rejects.rows;
        summary.rows_out += parts.iter().filter(|p| p.directory.is_none()).map(|p| p.rows).sum::<u64>();
        summary.bytes += parts.iter().map(|p| p.bytes).sum::<u64>();
        summary.files += parts.len() as u64;
        self.report.epochs += 1;
        if self.report.first_reject.is_none() {
            self.report.first_reject.clone_from(&epoch.rejects.first_reason);
        }
    }
}
