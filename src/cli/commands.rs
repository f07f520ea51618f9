//! What each command does.

use std::path::Path;

use super::args::{Command, EvalCommand, ListCommand, Listed, LookupCommand};
use super::output::{Output, Report, pretty, print};
use super::{pages, sql, steps};
use crate::error::{self, Result};
use crate::hbase::TableSchema;
use crate::lookup;
use crate::mysql::MySqlClient;
use crate::pipeline::StepKind;
use crate::shutdown::Stop;

/// Runs one command, queries, saved jobs and Sqoop's arguments excepted; the report has the steps that were run.
///
/// # Errors
/// Those of the command.
pub(super) async fn run(command: Command, report: &mut Report, stop: &Stop) -> Result<()> {
    match command {
        Command::Run(args) => steps::run_file(args, report, stop).await,
        Command::Check(command) => steps::check(&command, report),
        Command::Doctor(command) => super::doctor::run(*command, report, stop).await,
        Command::Import(command) => steps::run(*command, report, stop).await,
        Command::ImportAll(command) => steps::run(*command, report, stop).await,
        Command::Export(command) => steps::run(*command, report, stop).await,
        Command::Merge(command) => steps::run(*command, report, stop).await,
        Command::Verify(command) => steps::run(*command, report, stop).await,
        Command::Reconcile(command) => steps::run(*command, report, stop).await,
        Command::Agent(command) => super::agent::run(*command, report, stop).await,
        Command::Scd2(command) => super::scd2::run(*command, report, stop).await,
        Command::Lookup(command) => lookup(*command, report, stop).await,
        Command::Trigger(command) => steps::run(*command, report, stop).await,
        Command::Eval(command) => eval(command, stop).await,
        Command::List(command) => list(command, stop).await,
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { directory } => pages::manual(&directory),
        Command::Query(_) | Command::Job(_) | Command::Sqoop(_) | Command::FlumeNg(_) => {
            Err(error::bug("a command went past the one that runs it"))
        }
    }
}

async fn eval(command: EvalCommand, stop: &Stop) -> Result<()> {
    let client = MySqlClient::of_server(&command.database.options(), Path::new(""))?;
    let answer = stop.or(sql::eval(&client, &command.query)).await?;
    print(&match command.output {
        Output::Table => answer.to_table(),
        Output::Json => answer.to_json(),
    })
}

async fn list(command: ListCommand, stop: &Stop) -> Result<()> {
    let options = command.database.options();
    let names = match command.what {
        Listed::Databases => stop.or(sql::databases(&MySqlClient::of_server(&options, Path::new(""))?)).await?,
        Listed::Tables => stop.or(sql::tables(&MySqlClient::new(&options, Path::new(""))?)).await?,
    };
    match command.output {
        Output::Table if names.is_empty() => Ok(()),
        Output::Table => print(&names.join("\n")),
        Output::Json => print(&pretty(&names.into())),
    }
}

async fn lookup(command: LookupCommand, report: &mut Report, stop: &Stop) -> Result<()> {
    let LookupCommand { step, key } = command;
    let Some(key) = key else { return steps::run(step, report, stop).await };
    if step.dry_run || step.explain {
        return Err(
            error::usage("--key reads a row, which --dry-run and --explain do not").hint("leave one of them out")
        );
    }
    let pipeline = steps::pipeline(step)?;
    let hbase = pipeline.hbase()?;
    for step in &pipeline.steps {
        if let (StepKind::Lookup(args), Some(hbase)) = (&step.kind, &hbase) {
            let schema = TableSchema::read(&pipeline.base.join(&args.schema))?;
            let found = stop.or(lookup::get(hbase, &schema, &key)).await?;
            print(&match report.output {
                Output::Table => found.to_table(),
                Output::Json => found.to_json(),
            })?;
        }
    }
    Ok(())
}
