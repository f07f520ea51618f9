//! `agent compact`: the small files of closed partitions, rewritten into few, whether the agent runs or not.

use std::time::{Duration, Instant};

use super::config::AgentFile;
use super::graph::SinkPlan;
use super::sinks::SinkKind;
use super::sinks::table::{CompactOptions, Order, TableSink};
use crate::config::nearest;
use crate::error::{self, Error, Result};
use crate::load::Cluster;
use crate::shutdown::Stop;
use crate::telemetry::summary::StepSummary;

/// What is compacted; what is not said is as the sink's `compact` has it.
#[derive(Clone, Debug)]
pub(crate) struct CompactArgs {
    pub sink: Option<String>,
    /// By their names; if none is named, all that are closed.
    pub partitions: Vec<String>,
    pub older_than: Option<Duration>,
    pub file_bytes: Option<u64>,
    pub min_files: Option<usize>,
    pub grace: Option<Duration>,
    pub wait: Duration,
    pub dry_run: bool,
}

/// Compacts the tables of an agent's sinks, or of one; gives a summary for each.
///
/// # Errors
/// Usage: it is not said what, or a sink has no table. Those of [`TableSink::compact`].
pub(crate) async fn compact(
    file: AgentFile,
    args: &CompactArgs,
    cluster: Option<&Cluster>,
    run_id: &str,
    stop: &Stop,
) -> Result<Vec<StepSummary>> {
    let sinks = chosen(file.graph.sinks, args)?;
    let cluster = cluster.ok_or_else(|| error::bug("a table needs a cluster and has none"))?;
    let order = Order { partitions: args.partitions.clone(), dry_run: args.dry_run, wait: args.wait };
    let mut summaries = Vec::new();
    for SinkPlan { name, kind, .. } in sinks {
        let SinkKind::Table(table) = kind else { return Err(error::bug(format!("sink {name} is not a table"))) };
        let began = Instant::now();
        let options = options(args, table.compact.clone());
        if options.older_than.is_none() && table.complete.is_none() && args.partitions.is_empty() {
            return Err(error::usage(format!("nothing says which partitions of sink {name} are closed"))
                .hint("give --older-than, name them with --partition, or give the sink complete"));
        }
        let sink = TableSink::new(cluster.clone(), *table, run_id.to_owned());
        let summary = sink.compact(&options, &order, stop).await.map_err(|e| e.context(format!("sink {name}")))?;
        summaries.push(StepSummary { step: format!("compact {name}"), elapsed: began.elapsed(), ..summary });
    }
    Ok(summaries)
}

fn options(args: &CompactArgs, of_sink: Option<CompactOptions>) -> CompactOptions {
    let of_sink = of_sink.unwrap_or_default();
    CompactOptions {
        older_than: args.older_than.or(of_sink.older_than),
        file_bytes: args.file_bytes.unwrap_or(of_sink.file_bytes),
        min_files: args.min_files.unwrap_or(of_sink.min_files),
        grace: args.grace.unwrap_or(of_sink.grace),
        every: of_sink.every,
    }
}

/// The sinks that are meant.
fn chosen(sinks: Vec<SinkPlan>, args: &CompactArgs) -> Result<Vec<SinkPlan>> {
    let has_table = |sink: &SinkPlan| sink.kind.table().is_some();
    let Some(name) = &args.sink else {
        let tables: Vec<SinkPlan> = sinks.into_iter().filter(has_table).collect();
        return match tables.is_empty() {
            true => Err(no_table("no sink of the agent has a hive-table".to_owned())),
            false => Ok(tables),
        };
    };
    let names: Vec<String> = sinks.iter().map(|sink| sink.name.clone()).collect();
    match sinks.into_iter().find(|sink| sink.name == *name) {
        Some(sink) if has_table(&sink) => Ok(vec![sink]),
        Some(_) => Err(no_table(format!("sink {name} has no hive-table"))),
        None => {
            let hint = match nearest(name, &names.iter().map(String::as_str).collect::<Vec<_>>()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            Err(error::usage(format!("the agent has no sink `{name}`")).hint(hint))
        }
    }
}

fn no_table(what: String) -> Error {
    error::usage(what).hint(
        "only files of a table of Hive's are rewritten: the metastore sends all readers to the new ones at once, and \
         whoever reads a directory would see both, or neither",
    )
}
