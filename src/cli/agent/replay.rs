//! `agent replay`: sends what a sink put aside through its channel once more, or says what that would be.

use serde_json::json;
use uuid::Uuid;

use crate::agent::{Held, ReplayArgs};
use crate::cli::args::AgentReplay;
use crate::cli::output::{Output, Report, print};
use crate::cli::steps;
use crate::error::Result;
use crate::pipeline::AgentPipeline;
use crate::shutdown::Stop;

/// Replays rejects.
///
/// # Errors
/// Config: what is wrong with the file. Those of [`AgentPipeline::replay`].
pub(super) async fn run(args: AgentReplay, report: &mut Report, stop: &Stop) -> Result<()> {
    let agent = AgentPipeline::check_file(&args.file);
    let agent = agent.map_err(|mistakes| steps::of_all(mistakes, &args.file, "sakia agent run", report))?;
    let what = ReplayArgs { sink: args.sink, channel: args.channel, paths: args.paths, local: args.local };
    if !args.dry_run {
        report.summary.run_id = Uuid::now_v7().to_string();
        return agent.replay(&what, &mut report.summary, stop).await;
    }
    let all = agent.rejects(&what, stop).await?;
    match args.output {
        Output::Table => print(&table(&all)),
        Output::Json => {
            report.more.insert("events".to_owned(), all.iter().map(|held| held.events).sum::<u64>().into());
            report.more.insert("files".to_owned(), json!(all));
            Ok(())
        }
    }
}

/// One line a file, and its reasons below it.
fn table(all: &[Held]) -> String {
    let mut lines = Vec::new();
    for Held { file, events, reasons } in all {
        lines.push(format!("{events:>8}  {file}"));
        lines.extend(reasons.iter().map(|(reason, count)| format!("{count:>16}  {reason}")));
    }
    let events: u64 = all.iter().map(|held| held.events).sum();
    lines.push(format!("{events:>8}  in all, in {} files; nothing was sent", all.len()));
    lines.join("\n")
}
