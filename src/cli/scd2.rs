//! Runs the steps of dimensions, or asks something of them.

use serde_json::json;
use uuid::Uuid;

use super::args::{Scd2Act, Scd2Command, StepCommand};
use super::output::{Output, Report, pretty, print};
use super::steps;
use crate::error::{self, Result};
use crate::pipeline::{self, Pipeline};
use crate::scd2::Scd2Args;
use crate::shutdown::Stop;

/// Runs a command of dimensions.
///
/// # Errors
/// Those of the file, of the servers and of the step.
pub(super) async fn run(command: Scd2Command, report: &mut Report, stop: &Stop) -> Result<()> {
    match command.act {
        None => steps::run(command.step, report, stop).await,
        Some(Scd2Act::Apply(step)) => steps::run(*step, report, stop).await,
        Some(Scd2Act::Init(step)) => {
            let pipeline = steps::pipeline(now("init", *step)?)?;
            report.summary.run_id = Uuid::now_v7().to_string();
            pipeline::init_dimensions(&pipeline, &mut report.summary, stop).await
        }
        Some(Scd2Act::Rebuild(step)) => {
            let pipeline = steps::pipeline(now("rebuild", *step)?)?;
            report.summary.run_id = Uuid::now_v7().to_string();
            pipeline::rebuild_dimensions(&pipeline, &mut report.summary, stop).await
        }
        Some(Scd2Act::Plan(step)) => {
            steps::run(StepCommand { dry_run: true, ..asked("plan", *step)? }, report, stop).await
        }
        Some(Scd2Act::Verify(step)) => {
            let pipeline = steps::pipeline(asked("verify", *step)?)?;
            report.summary.run_id = Uuid::now_v7().to_string();
            pipeline::verify_dimensions(&pipeline, &mut report.summary, stop).await
        }
        Some(Scd2Act::Status(step)) => {
            let pipeline = steps::pipeline(asked("status", *step)?)?;
            print_status(&pipeline, report.output, stop).await
        }
    }
}

/// Refuses what would leave undone what is asked for.
fn now(act: &str, step: StepCommand<Scd2Args>) -> Result<StepCommand<Scd2Args>> {
    if step.explain || step.dry_run {
        let what = format!("scd2 {act} knows no --dry-run and no --explain");
        return Err(error::usage(what).hint("leave them out; sakia scd2 plan says what would be applied"));
    }
    Ok(step)
}

/// Refuses what has no meaning beside a question.
fn asked(act: &str, step: StepCommand<Scd2Args>) -> Result<StepCommand<Scd2Args>> {
    if step.explain || (step.dry_run && act != "plan") {
        let what = format!("scd2 {act} changes nothing, so --dry-run and --explain say nothing beside it");
        return Err(error::usage(what).hint("leave them out"));
    }
    Ok(step)
}

async fn print_status(pipeline: &Pipeline, output: Output, stop: &Stop) -> Result<()> {
    let all = pipeline::status_of_dimensions(pipeline, stop).await?;
    print(&match output {
        Output::Table => all.iter().map(|(step, said)| format!("{step}\n{said}")).collect::<Vec<_>>().join("\n\n"),
        Output::Json => {
            let steps: Vec<_> = all.iter().map(|(step, said)| json!({ "step": step, "status": said })).collect();
            pretty(&json!({ "steps": steps }))
        }
    })
}
