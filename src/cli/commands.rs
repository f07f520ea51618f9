//! What each command does: read the pipeline, pick its steps, run them, print the summary.

use uuid::Uuid;

use crate::error::{self, Result};
use crate::hbase::TableSchema;
use crate::lookup;
use crate::pipeline::{self, Pipeline, StepKind};
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;

use super::args::{AgentCommand, Command, LookupCommand, Output, RunArgs, Scd2Command};
use super::print;

/// Runs one command.
///
/// # Errors
/// Those of the pipeline and its steps.
pub async fn run(command: Command, stop: &Stop) -> Result<()> {
    match command {
        Command::Run(args) => run_steps(read(&args)?, args.output, stop).await,
        Command::Import(args) => run_steps(read_kind(&args, "import")?, args.output, stop).await,
        Command::Agent(args) => run_steps(read_agent(&args)?, args.run.output, stop).await,
        Command::Scd2(args) => run_steps(read_scd2(&args)?, args.run.output, stop).await,
        Command::Lookup(args) => match &args.key {
            None => run_steps(read_kind(&args.run, "lookup")?, args.run.output, stop).await,
            Some(key) => print_row(&args, key).await,
        },
    }
}

fn read(args: &RunArgs) -> Result<Pipeline> {
    Pipeline::read(&args.pipeline)?.select(&args.steps)
}

/// Reads the pipeline and keeps its steps of one type.
fn read_kind(args: &RunArgs, kind: &str) -> Result<Pipeline> {
    let mut pipeline = read(args)?;
    pipeline.steps.retain(|step| step.kind.as_str() == kind);
    if pipeline.steps.is_empty() {
        let what = format!("{} has no such step of type `{kind}`", args.pipeline.display());
        return Err(error::usage(what).hint("check --step and the step's type"));
    }
    Ok(pipeline)
}

fn read_agent(args: &AgentCommand) -> Result<Pipeline> {
    let mut pipeline = read_kind(&args.run, "agent")?;
    for step in &mut pipeline.steps {
        if let StepKind::Agent(agent) = &mut step.kind {
            agent.drain |= args.drain;
        }
    }
    Ok(pipeline)
}

fn read_scd2(args: &Scd2Command) -> Result<Pipeline> {
    let mut pipeline = read_kind(&args.run, "scd2")?;
    for step in &mut pipeline.steps {
        if let StepKind::Scd2(scd2) = &mut step.kind {
            scd2.reapply_last |= args.reapply_last;
        }
    }
    Ok(pipeline)
}

/// Runs the steps; the summary of those that ended is printed even when a later one failed.
async fn run_steps(pipeline: Pipeline, output: Output, stop: &Stop) -> Result<()> {
    let mut summary = Summary { run_id: Uuid::now_v7().to_string(), steps: Vec::new() };
    let done = pipeline::run(&pipeline, &mut summary, stop).await;
    if done.is_ok() || !summary.steps.is_empty() {
        print(&match output {
            Output::Table => summary.to_table(),
            Output::Json => summary.to_json(),
        })?;
    }
    done
}

async fn print_row(args: &LookupCommand, key: &str) -> Result<()> {
    let pipeline = read_kind(&args.run, "lookup")?;
    for step in &pipeline.steps {
        if let (StepKind::Lookup(lookup_args), Some(hbase)) = (&step.kind, &pipeline.servers.hbase) {
            let schema = TableSchema::read(&pipeline.base.join(&lookup_args.schema))?;
            print(&lookup::get(hbase, &schema, key).await?.to_table())?;
        }
    }
    Ok(())
}
