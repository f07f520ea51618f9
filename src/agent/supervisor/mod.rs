//! Runs the units of an agent, and reads its file again when it is asked to.
//!
//! ```text
//! units     what is connected, and what tells it from another version of itself
//! asked     SIGHUP, a file that changed
//! change    from one version to the next
//! ```
//!
//! What did not change runs on. A unit that changed is ended, its epochs with it, and begun anew: its sources go on where
//! their channels are, its channels hold what they held, unless they are in memory, where a source that can be read again
//! gives the rest once more. A file that is wrong changes nothing; one that is right and cannot be run (a port that is
//! taken, a target that belongs to another) is given up for the one before it.

mod asked;
mod change;
mod units;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

use self::asked::Asked;
use self::units::{Unit, split};
use super::config::AgentFile;
use super::graph::Ended;
use super::monitor::{Monitor, MonitorOptions, Server, SinkMeter};
use super::reach::{Start, Surroundings};
use super::report::Report;
use super::servers::{Servers, Supply};
use super::sources::SourceReport;
use super::{DRAIN_PATIENCE, RunArgs};
use crate::error::{Error, Result};
use crate::retry::Retry;
use crate::shutdown::Stop;
use crate::telemetry::summary::StepSummary;

/// How long the targets of an agent that begins are waited for before its sources go on without them.
const GRACE: Duration = Duration::from_secs(2);

/// One version of an agent; it can be begun as often as need be.
#[async_trait(?Send)]
pub(crate) trait Version {
    /// What its file says; the same each time.
    ///
    /// # Errors
    /// Config: what is wrong with it now, such as a secret that is gone.
    fn file(&self) -> Result<AgentFile>;

    /// What its sinks write to; the cluster is connected when it is first asked for, and left out where it is not wanted.
    ///
    /// # Errors
    /// Those of the servers. It may be asked again.
    async fn open(&self, with_cluster: bool, stop: &Stop) -> Result<Servers>;

    /// Another number where the servers are others.
    fn servers(&self) -> u64;
}

/// The servers of a version, which are asked for until they are there.
struct OfVersion {
    version: Rc<dyn Version>,
    stop: Stop,
}

#[async_trait(?Send)]
impl Supply for OfVersion {
    async fn servers(&self, with_cluster: bool) -> Result<Servers> {
        self.version.open(with_cluster, &self.stop).await
    }
}

/// Where versions come from.
pub(crate) trait Versions {
    /// The version that the file is now.
    ///
    /// # Errors
    /// Config: all that is wrong with it.
    fn read(&mut self) -> Result<Rc<dyn Version>, Vec<Error>>;

    /// What the file is now, as a number that is another when the file is; `None` while it cannot be read.
    fn stamp(&self) -> Option<u64>;
}

/// A unit that runs, or that has ended by itself.
struct Running {
    definition: String,
    /// Ends it alone.
    stop: Stop,
    /// Its channels and sinks.
    sinks: Vec<(String, String)>,
    /// It is being ended, so that another can take its place.
    is_leaving: bool,
    has_ended: bool,
}

/// A sink that ever ran.
struct Known {
    /// The channel that it emptied last.
    channel: String,
    meter: Arc<SinkMeter>,
    /// What it said when it ended last.
    last: Option<(StepSummary, Report)>,
}

/// How a unit ended, and which one it is.
type End = (usize, Result<Ended>);

/// What a run of an agent leaves.
#[derive(Default)]
pub(super) struct Left {
    pub sinks: Vec<(StepSummary, Report)>,
    pub sources: Vec<SourceReport>,
}

struct Supervisor<'a> {
    how: &'a RunArgs,
    run_id: &'a str,
    stop: &'a Stop,
    monitor: Monitor,
    server: Option<(MonitorOptions, Server)>,
    version: Rc<dyn Version>,
    units: Vec<Running>,
    running: FuturesUnordered<LocalBoxFuture<'static, End>>,
    /// The sinks that ever ran, by name.
    sinks: BTreeMap<String, Known>,
    sources: Vec<SourceReport>,
    failure: Option<Error>,
}

/// Runs a version of an agent, and those that come after it, until a stop or until all units have ended.
///
/// # Errors
/// Of the first unit that fails; the others are ended then.
pub(super) async fn run(
    first: Rc<dyn Version>,
    versions: &mut dyn Versions,
    how: &RunArgs,
    run_id: &str,
    stop: &Stop,
) -> Result<Left> {
    let file = first.file()?;
    let monitor = Monitor::default();
    monitor.expect(&file.graph);
    let server = how.monitored(file.monitor.as_ref())?;
    let server = server.map(|options| Server::start(options.clone(), &monitor).map(|server| (options, server)));
    let mut supervisor = Supervisor {
        how,
        run_id,
        stop,
        monitor,
        server: server.transpose()?,
        version: first.clone(),
        units: Vec::new(),
        running: FuturesUnordered::new(),
        sinks: BTreeMap::new(),
        sources: Vec::new(),
        failure: None,
    };
    let mut asked = match how.drain {
        true => Asked::never(),
        false => Asked::by_signal(how.watch, versions.stamp())?,
    };
    let start = if how.drain { Start::Waiting } else { Start::Meanwhile(GRACE) };
    for unit in supervisor.units_of(&*first, file) {
        supervisor.begin(unit, OfVersion { version: first.clone(), stop: stop.clone() }, start);
    }
    while !supervisor.running.is_empty() {
        tokio::select! {
            Some(end) = supervisor.running.next() => supervisor.ended(end),
            why = asked.next(|| versions.stamp()), if supervisor.is_steady() => {
                asked.read(versions.stamp());
                supervisor.reload(versions, why).await;
            }
        }
    }
    supervisor.left()
}

impl Supervisor<'_> {
    /// Whether the agent is to run on as it is.
    fn is_steady(&self) -> bool {
        self.failure.is_none() && !self.stop.is_requested()
    }

    fn units_of(&self, version: &dyn Version, file: AgentFile) -> Vec<Unit> {
        let mut graph = file.graph;
        if self.how.drain {
            graph.drain();
        }
        split(graph, version.servers())
    }

    /// Begins a unit; gives what says that all of it is open.
    fn begin(&mut self, unit: Unit, supply: impl Supply + 'static, start: Start) -> CancellationToken {
        let Unit { definition, graph } = unit;
        let (number, stop, monitor) = (self.units.len(), self.stop.child(), self.monitor.of_unit());
        let sinks: Vec<_> = graph.sinks.iter().map(|sink| (sink.channel.clone(), sink.name.clone())).collect();
        for (channel, sink) in &sinks {
            let new = || Known { channel: String::new(), meter: monitor.sink(sink), last: None };
            self.sinks.entry(sink.clone()).or_insert_with(new).channel.clone_from(channel);
        }
        let opened = monitor.opened().clone();
        let retry = Retry::for_time(if self.how.drain { DRAIN_PATIENCE } else { Duration::MAX });
        let (run_id, own) = (self.run_id.to_owned(), stop.clone());
        let work = async move {
            let around = Surroundings { supply: &supply, run_id: &run_id, retry, start };
            (number, graph.run_watched(&around, &monitor, &own).await)
        };
        self.running.push(work.boxed_local());
        self.units.push(Running { definition, stop, sinks, is_leaving: false, has_ended: false });
        opened
    }

    /// Notes how a unit ended. One that fails ends the others.
    fn ended(&mut self, (number, done): End) {
        let Some(unit) = self.units.get_mut(number) else { return };
        unit.has_ended = true;
        match done {
            Ok(Ended { sinks, sources }) => {
                for (summary, report) in sinks {
                    let name = summary.step.strip_prefix("sink ").unwrap_or_default();
                    if let Some(Known { last, .. }) = self.sinks.get_mut(name) {
                        let report = match last.take() {
                            Some((_, before)) => report.and(before),
                            None => report,
                        };
                        *last = Some((summary, report));
                    }
                }
                // What takes its place goes on with what it left.
                match unit.is_leaving {
                    true => {
                        sources.iter().flat_map(|source| &source.notes).for_each(|note| tracing::info!("{note}"));
                    }
                    false => self.sources.extend(sources),
                }
            }
            // What it held stays in its channels.
            Err(_) if unit.is_leaving => {}
            Err(e) => {
                self.failure.get_or_insert(e);
                self.units.iter().for_each(|unit| unit.stop.end());
            }
        }
    }

    /// What all units left.
    ///
    /// # Errors
    /// Of the first that failed.
    fn left(self) -> Result<Left> {
        if let Some(e) = self.failure {
            return Err(e);
        }
        let mut sinks: Vec<(String, Known)> = self.sinks.into_iter().collect();
        sinks.sort_by(|(_, one), (_, other)| one.channel.cmp(&other.channel));
        let sink = |(name, Known { meter, last, .. }): (String, Known)| {
            // One that was ended in the middle of an epoch had no time to say it.
            let (mut summary, mut report) =
                last.unwrap_or_else(|| (StepSummary::new(format!("sink {name}")), Report::default()));
            meter.fill(&mut summary);
            report.epochs = meter.epochs.get();
            (summary, report)
        };
        Ok(Left { sinks: sinks.into_iter().map(sink).collect(), sources: self.sources })
    }
}
