//! `agent replay`: what a sink put aside goes through its channel once more, each event once.
//!
//! A graph of the channel, its sink and a source of the files of rejects runs until the files are through. The agent itself
//! has to be stopped meanwhile: the channel belongs to one process. Interceptors were there before the events were put
//! aside, and are not applied again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::DRAIN_PATIENCE;
use super::config::AgentFile;
use super::graph::{Graph, SinkPlan, SourcePlan};
use super::monitor::Monitor;
use super::reach::{Start, Surroundings};
use super::selector::SelectorArgs;
use super::servers::Servers;
use super::sources::SourceKind;
use super::sources::replay::{NAME, ReplayOptions};
use crate::config::nearest;
use crate::error::{self, Result};
use crate::load::Cluster;
use crate::retry::Retry;
use crate::shutdown::Stop;
use crate::storage::local::LocalFilesystem;
use crate::telemetry::summary::StepSummary;

/// What is replayed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplayArgs {
    pub sink: Option<String>,
    pub channel: Option<String>,
    /// Directories and files; where there are none, the directory of the sink's rejects.
    pub paths: Vec<String>,
    /// They are of this host.
    pub local: bool,
}

/// What a file of rejects holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Held {
    pub file: String,
    pub events: u64,
    /// How often each reason is there.
    pub reasons: BTreeMap<String, u64>,
}

/// Where the files are, and what they go to.
struct Way {
    options: ReplayOptions,
    sink: SinkPlan,
    graph: Graph,
}

impl Way {
    fn new(file: AgentFile, args: &ReplayArgs, cluster: Option<&Cluster>) -> Result<Self> {
        let mut graph = file.graph;
        let number = chosen(&graph, args)?;
        let sink = graph.sinks.swap_remove(number);
        let is_local = args.local || !sink.kind.needs_cluster();
        let mut paths = args.paths.clone();
        if paths.is_empty() {
            paths = sink.kind.reject_dirs().into_iter().map(str::to_owned).collect();
        }
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return Err(error::usage(format!("sink {} puts nothing aside", sink.name)).hint("name the files to replay"));
        }
        let fs = match cluster {
            Some(cluster) if !is_local => cluster.fs.clone(),
            _ => Arc::new(LocalFilesystem::new("/")),
        };
        for path in &mut paths {
            *path = absolute(path, is_local)?;
        }
        Ok(Self { options: ReplayOptions { fs, paths }, sink, graph })
    }
}

/// The number of the sink that is meant.
fn chosen(graph: &Graph, args: &ReplayArgs) -> Result<usize> {
    let (what, name, names): (_, _, Vec<&str>) = match (&args.sink, &args.channel) {
        (Some(name), _) => ("sink", name, graph.sinks.iter().map(|sink| sink.name.as_str()).collect()),
        (None, Some(name)) => ("channel", name, graph.sinks.iter().map(|sink| sink.channel.as_str()).collect()),
        (None, None) if graph.sinks.len() == 1 => return Ok(0),
        (None, None) => {
            let names: Vec<&str> = graph.sinks.iter().map(|sink| sink.name.as_str()).collect();
            return Err(error::usage("the agent has several sinks, and none is named")
                .hint(format!("name the one whose rejects are replayed: --sink {}", names.join(" or "))));
        }
    };
    names.iter().position(|known| known == name).ok_or_else(|| {
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        error::usage(format!("the agent has no {what} `{name}`")).hint(hint)
    })
}

fn absolute(path: &str, is_local: bool) -> Result<String> {
    if !is_local {
        return match path.starts_with('/') {
            true => Ok(path.to_owned()),
            false => Err(error::usage(format!("{path} is not an absolute path of the cluster"))
                .hint("write it as /lake/rejects; files of this host are named with --local")),
        };
    }
    let whole = std::path::absolute(Path::new(path)).ok();
    let whole = whole.and_then(|path| path.to_str().map(str::to_owned));
    whole.ok_or_else(|| {
        error::usage(format!("{path} is not a path of files")).hint("name a directory or a file of rejects")
    })
}

/// What would be replayed; nothing is changed.
///
/// # Errors
/// Usage: it is not said what. NotFound: it is not there. Data: a file holds something else than rejects.
pub(crate) async fn look(file: AgentFile, args: &ReplayArgs, cluster: Option<&Cluster>) -> Result<Vec<Held>> {
    let Way { options, .. } = Way::new(file, args, cluster)?;
    let mut all = Vec::new();
    for found in options.files().await? {
        let mut held = Held { file: found.path.clone(), events: 0, reasons: BTreeMap::new() };
        let mut count = |rejected: super::rejects::Rejected, _: u64| {
            held.events += 1;
            *held.reasons.entry(rejected.reason).or_default() += 1;
            Ok(true)
        };
        options.read(&found, 0, &mut count).await?;
        all.push(held);
    }
    Ok(all)
}

/// Sends what was put aside through its channel, and waits until the sink has written it; the summary is that of the sink.
///
/// # Errors
/// Usage: it is not said what. Busy: the agent runs. Config: the channel is in memory. Those of the sink and of the files.
pub(crate) async fn replay(
    file: AgentFile,
    args: &ReplayArgs,
    servers: &Servers,
    run_id: &str,
    stop: &Stop,
) -> Result<Vec<StepSummary>> {
    let Way { options, sink, mut graph } = Way::new(file, args, servers.cluster.as_ref())?;
    graph.channels.retain(|channel| channel.name == sink.channel);
    if graph.channels.iter().any(|channel| channel.directory.is_none() || channel.storage.overflow.is_some()) {
        return Err(error::config(format!("channel {} is in memory, which a crash empties", sink.channel))
            .hint("replay through a channel of type = \"file\", so that no event is lost or sent twice"));
    }
    graph.sources = vec![SourcePlan {
        name: NAME.to_owned(),
        kind: SourceKind::Replay(options),
        channels: vec![sink.channel.clone()],
        selector: SelectorArgs::default(),
        interceptors: Vec::new(),
    }];
    graph.sinks = vec![sink];
    let around = Surroundings { supply: servers, run_id, retry: Retry::for_time(DRAIN_PATIENCE), start: Start::AtOnce };
    let ended = graph.run_watched(&around, &Monitor::default(), stop).await?;
    stop.check()?;
    let mut summaries: Vec<StepSummary> =
        ended.sinks.into_iter().map(|(summary, report)| report.of_sink(summary)).collect();
    let notes: Vec<String> = ended.sources.into_iter().flat_map(|source| source.notes).collect();
    if let Some(first) = summaries.first_mut() {
        first.detail = notes
            .into_iter()
            .chain(Some(first.detail.clone()).filter(|d| !d.is_empty()))
            .collect::<Vec<_>>()
            .join(", ");
    }
    Ok(summaries)
}

#[cfg(test)]
mod tests;
