//! The agent: events from their sources into the cluster, each exactly once.
//!
//! ```text
//! source    events, and the source's position behind them                            sources
//! outlet    interceptors, the selector of the source's channels                      outlet, interceptors, selector
//! channel   events and position, one durable record                                  channels
//! drain     records up to a bound are an epoch, sorted into rows by a parser         drain, sorter, parsers, rows
//! sink      an epoch all at once; its checkpoint is the channel's cursor             sinks
//! ```
//!
//! [`graph`] puts them together and runs them; [`supervisor`] runs those of an agent's own file and reads it again;
//! [`monitor`] is where they are watched; [`trial`] runs the tests of the file; [`replay`] sends what was
//! put aside once more; [`mod@compact`] makes few files of many. [`flume`] makes a configuration of ours of one of Flume's.
//!
//! What it promises, also when it is killed at any moment and run again, and when its channel directory is lost:
//!
//! - Every complete line that was in a file is in the target or in the reject directory, once.
//! - A line that cannot be parsed is never dropped: it is put aside with file, offset and reason.
//! - Memory is bounded by some chunks of rows, disk by the channel's limit; a full channel holds the source back.
//! - A partition is registered only when its files are visible.
//!
//! It refuses a second agent on its channel (Busy) or on its target (Config), a target that somebody else filled, and a
//! corrupt channel. A file that cannot be read, or a line that does not have exactly the fields of its format, stops
//! nothing: the one is named and tried again, the other put aside.

mod channels;
mod compact;
mod config;
mod disk;
mod drain;
mod event;
mod examine;
pub(crate) mod flume;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod graph;
mod host;
mod in_flight;
mod interceptors;
mod monitor;
mod outlet;
mod parsers;
mod position;
mod reach;
mod rejects;
mod replay;
mod report;
mod roll;
mod routes;
mod rows;
mod rpc;
mod selector;
mod send;
mod servers;
mod sinks;
mod sorter;
mod sources;
mod supervisor;
#[cfg(test)]
mod tests;
mod trial;
mod veil;
mod watermark;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinError;

pub(crate) use self::compact::{CompactArgs, compact};
pub(crate) use self::config::{AgentArgs, AgentFile, TABLES};
use self::config::{AgentPlan, Wrongs};
pub(crate) use self::examine::{examine_file, examine_step};
use self::graph::Ended;
use self::monitor::{Monitor, MonitorOptions};
use self::reach::{Start, Surroundings};
pub(crate) use self::replay::{Held, ReplayArgs, look, replay};
pub(crate) use self::send::{SendOptions, send_directory, send_lines};
pub(crate) use self::servers::Servers;
use self::supervisor::Left;
pub(crate) use self::supervisor::{Version, Versions};
pub(crate) use self::trial::Verdict;
use crate::error::{self, Effect, Error, Result};
use crate::load::Cluster;
use crate::memory;
use crate::retry::Retry;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// How long an agent that drains waits for a cluster that is away.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);

/// What makes no sense, before anything is asked of a server or a file: values out of their range, directories inside each
/// other. Each comes with its key.
pub(crate) fn check(args: &AgentArgs, base: &Path) -> Vec<(&'static str, Error)> {
    AgentPlan::new(args, base).err().into_iter().flatten().collect()
}

/// What an agent would do, in words; nothing is read or changed.
///
/// # Errors
/// The first of [`check`].
pub(crate) fn plan(args: &AgentArgs, base: &Path) -> Result<String> {
    AgentPlan::new(args, base).map(|plan| plan.to_string()).map_err(Wrongs::first)
}

/// How long an agent waits for a cluster that is away, at its start as later.
pub(crate) fn patience(args: &AgentArgs) -> Retry {
    Retry::for_time(if args.drain { DRAIN_PATIENCE } else { Duration::MAX })
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
    run_patiently(args, base, cluster, run_id, stop, patience(args)).await
}

async fn run_patiently(
    args: &AgentArgs,
    base: &Path,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
    retry: Retry,
) -> Result<StepSummary> {
    let AgentPlan { graph, drain, reject_dir, max_reject_percent, .. } =
        AgentPlan::new(args, base).map_err(Wrongs::first)?;
    let servers = Servers { cluster: Some(cluster.clone()), hbase: None };
    let around = Surroundings { supply: &servers, run_id, retry, start: Start::Waiting };
    let ended = graph.run_watched(&around, &Monitor::default(), stop).await?;
    let one = |ended: Ended| Some((ended.sinks.into_iter().next()?, ended.sources.into_iter().next()?));
    let ((mut summary, report), source) = one(ended).ok_or_else(|| error::bug("an agent has no source or no sink"))?;
    summary.detail = report.detail(&summary, &reject_dir, &source);
    report.warn(&summary);
    if drain {
        stop.check()?;
        report.verdict(&summary, source, max_reject_percent)?;
    }
    Ok(summary)
}

/// How the agent of a file is run, beside what the file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunArgs {
    /// Until its sources have no more.
    pub drain: bool,
    /// The port of the metrics, over that of the file.
    pub metrics_port: Option<u16>,
    /// The address of the metrics, over that of the file.
    pub metrics_bind: Option<String>,
    /// How often it is looked whether the file has changed.
    pub watch: Option<Duration>,
}

impl RunArgs {
    /// Where the agent can be watched, if anywhere.
    ///
    /// # Errors
    /// Usage: an address is named, and no port.
    fn monitored(&self, file: Option<&MonitorOptions>) -> Result<Option<MonitorOptions>> {
        let mut options = match (file, self.metrics_port, &self.metrics_bind) {
            (Some(options), ..) => options.clone(),
            (None, Some(port), _) => MonitorOptions::on(port),
            (None, None, None) => return Ok(None),
            (None, None, Some(_)) => {
                return Err(error::usage("--metrics-bind names an address, and nothing names a port")
                    .hint("add --metrics-port, or [monitor] to the agent's file"));
            }
        };
        options.port = self.metrics_port.unwrap_or(options.port);
        options.bind = self.metrics_bind.clone().unwrap_or(options.bind);
        Ok(Some(options))
    }
}

/// Runs an agent by its file until a stop, or, where it drains, until its sources have no more; gives a summary for each
/// sink. It can be watched from before its cluster is waited for. Another version of it takes its place when `versions` has
/// one.
///
/// # Errors
/// Refused, Auth: the port of the metrics cannot be had. Of the cluster. Of the first part of the agent that fails. Of the
/// first file that a drain could not read, once the others are written.
pub(crate) async fn run_file(
    first: Rc<dyn Version>,
    versions: &mut dyn Versions,
    how: &RunArgs,
    run_id: &str,
    stop: &Stop,
) -> Result<Vec<StepSummary>> {
    memory::keep_little();
    let Left { sinks, sources } = supervisor::run(first, versions, how, run_id, stop).await?;
    let mut summaries: Vec<StepSummary> = sinks.into_iter().map(|(summary, report)| report.of_sink(summary)).collect();
    let notes: Vec<String> = sources.iter().flat_map(|source| source.notes.iter().cloned()).collect();
    if let (Some(first), false) = (summaries.first_mut(), notes.is_empty()) {
        first.detail = format!("{}, {}", first.detail, notes.join(", "));
    }
    if how.drain {
        stop.check()?;
        if let Some(trouble) = sources.into_iter().find_map(|source| source.trouble) {
            let wrote = summaries.iter().any(|summary| summary.outcome == Outcome::Done);
            return Err(trouble.effect(if wrote { Effect::Partial } else { Effect::None }));
        }
    }
    Ok(summaries)
}

/// Runs the tests that an agent's file holds; asks no server.
///
/// # Errors
/// Bug: what was checked cannot be run.
pub(crate) fn try_out(file: &AgentFile) -> Result<Vec<Verdict>> {
    file.tests.iter().map(|test| trial::run(&file.graph, test)).collect()
}

/// The result of a thread that was waited for.
fn joined<T>(result: Result<Result<T>, JoinError>) -> Result<T> {
    result.map_err(|e| error::bug("a thread of the agent panicked").source(e))?
}
