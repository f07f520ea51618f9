//! `agent compact`: few files in place of many, in the partitions of an agent's tables.

use uuid::Uuid;

use crate::agent::CompactArgs;
use crate::cli::args::AgentCompact;
use crate::cli::output::Report;
use crate::cli::steps;
use crate::config::Timespan;
use crate::error::Result;
use crate::pipeline::AgentPipeline;
use crate::shutdown::Stop;

/// Compacts tables.
///
/// # Errors
/// Config: what is wrong with the file. Those of [`AgentPipeline::compact`].
pub(super) async fn run(args: AgentCompact, report: &mut Report, stop: &Stop) -> Result<()> {
    let agent = AgentPipeline::check_file(&args.file);
    let agent = agent.map_err(|mistakes| steps::of_all(mistakes, &args.file, "sakia agent run", report))?;
    let what = CompactArgs {
        sink: args.sink,
        partitions: args.partitions,
        older_than: args.older_than.map(Timespan::get),
        file_bytes: args.file_bytes,
        min_files: args.min_files.map(|files| files as usize),
        grace: args.grace.map(Timespan::get),
        wait: args.wait.get(),
        dry_run: args.dry_run,
    };
    report.summary.run_id = Uuid::now_v7().to_string();
    agent.compact(&what, &mut report.summary, stop).await
}
