//! What each command does: read the pipeline, pick its steps, run them, print the summary.

use std::path::Path;

use uuid::Uuid;

use crate::error::{self, Result};
use crate::hbase::TableSchema;
use crate::lookup;
use crate::mysql::MySqlClient;
use crate::pipeline::{self, Pipeline, StepKind};
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;

use super::args::{
    AgentCommand, Command, EvalCommand, ListCommand, Listed, LookupCommand, Output, RunArgs, Scd2Command,
};
use super::{job, print, sql, transfer};

/// Runs one command.
///
/// # Errors
/// Those of the pipeline and its steps.
pub async fn run(command: Command, stop: &Stop) -> Result<()> {
    run_for_summary(command, stop).await.map(drop)
}

/// Runs one command; gives the summary where it ran steps.
///
/// # Errors
/// Those of the pipeline and its steps.
pub async fn run_for_summary(command: Command, stop: &Stop) -> Result<Option<Summary>> {
    match command {
        Command::Run(args) => run_steps(read(&args)?, args.output, stop).await.map(Some),
        Command::Import(command) => transfer::run(*command, "import", transfer::import, stop).await,
        Command::ImportAll(command) => transfer::run(*command, "import-all", transfer::import_all, stop).await,
        Command::Export(command) => transfer::run(*command, "export", transfer::export, stop).await,
        Command::Merge(command) => transfer::run(*command, "merge", transfer::merge, stop).await,
        Command::Verify(command) => transfer::run(*command, "verify", transfer::verify, stop).await,
        Command::Job(command) => Box::pin(job::run(command, stop)).await.map(|()| None),
        Command::Eval(command) => eval(command, stop).await.map(|()| None),
        Command::List(command) => list(command, stop).await.map(|()| None),
        Command::Sqoop(_) => Err(error::bug("Sqoop's arguments went past the front door")),
        Command::Agent(args) => run_steps(read_agent(&args)?, args.run.output, stop).await.map(Some),
        Command::Scd2(args) => run_steps(read_scd2(&args)?, args.run.output, stop).await.map(Some),
        Command::Lookup(args) => match &args.key {
            None => run_steps(read_kind(&args.run, "lookup")?, args.run.output, stop).await.map(Some),
            Some(key) => print_row(&args, key).await.map(|()| None),
        },
    }
}

async fn eval(command: EvalCommand, stop: &Stop) -> Result<()> {
    let client = MySqlClient::of_server(&command.mysql, Path::new(""))?;
    let answer = stop.or(sql::eval(&client, &command.query)).await?;
    print(&match command.output {
        Output::Table => answer.to_table(),
        Output::Json => answer.to_json(),
    })
}

async fn list(command: ListCommand, stop: &Stop) -> Result<()> {
    let names = match command.what {
        Listed::Databases => stop.or(sql::databases(&MySqlClient::of_server(&command.mysql, Path::new(""))?)).await?,
        Listed::Tables => stop.or(sql::tables(&MySqlClient::new(&command.mysql, Path::new(""))?)).await?,
    };
    match command.output {
        Output::Table if names.is_empty() => Ok(()),
        Output::Table => print(&names.join("\n")),
        // A list of strings always serialises.
        Output::Json => print(&serde_json::to_string_pretty(&names).unwrap_or_default()),
    }
}

fn read(args: &RunArgs) -> Result<Pipeline> {
    Pipeline::read(&args.pipeline)?.select(&args.steps)
}

/// Reads the pipeline and keeps its steps of one type.
///
/// # Errors
/// Those of the file; Usage: it has no such step.
pub fn read_kind(args: &RunArgs, kind: &str) -> Result<Pipeline> {
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
///
/// # Errors
/// That of the step that failed.
pub async fn run_steps(pipeline: Pipeline, output: Output, stop: &Stop) -> Result<Summary> {
    let mut summary = Summary { run_id: Uuid::now_v7().to_string(), steps: Vec::new() };
    let done = pipeline::run(&pipeline, &mut summary, stop).await;
    if done.is_ok() || !summary.steps.is_empty() {
        print(&match output {
            Output::Table => summary.to_table(),
            Output::Json => summary.to_json(),
        })?;
    }
    done.map(|()| summary)
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
