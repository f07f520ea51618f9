//! The commands that move rows: each takes a pipeline file and runs its steps of that type, or says one step by flags.

use std::path::PathBuf;

use clap::{Args, Command};
use uuid::Uuid;

use super::args::{Output, RunArgs};
use super::{commands, print};
use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::pipeline::{self, Pipeline, Servers, Step, StepKind};
use crate::shutdown::Stop;
use crate::storage::hdfs::HdfsOptions;
use crate::telemetry::summary::Summary;
use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, VerifyArgs};

/// A command that moves rows.
#[derive(Clone, Debug, Args)]
pub struct TransferCommand<T: Args> {
    /// A pipeline file (TOML), instead of flags
    #[arg(value_name = "PIPELINE")]
    pub pipeline: Option<PathBuf>,
    /// Run only this step of the file; may be given several times
    #[arg(long = "step", value_name = "NAME")]
    pub steps: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the pipeline file that says the same as the flags, and do nothing
    #[arg(long)]
    pub explain: bool,
    /// How the closing summary, or the plan, is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// What is done.
    #[command(flatten)]
    pub args: T,
    /// Where the servers are.
    #[command(flatten)]
    pub connections: ConnectionArgs,
}

/// Where the servers are.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionArgs {
    /// The database.
    #[command(flatten)]
    pub mysql: MySqlOptions,
    /// The cluster's filesystem.
    #[command(flatten)]
    pub hdfs: HdfsOptions,
    /// The Hive metastore.
    #[command(flatten)]
    pub metastore: MetastoreOptions,
    /// HiveServer2.
    #[command(flatten)]
    pub hiveserver2: HiveServer2Options,
    /// The HBase Thrift gateway.
    #[command(flatten)]
    pub hbase: HBaseOptions,
}

impl ConnectionArgs {
    /// The servers that were named, and those that need no name.
    fn servers(self, kind: &StepKind) -> Servers {
        let no_database = matches!(kind, StepKind::Merge(_));
        let to_hbase = matches!(kind, StepKind::Import(args) if args.hbase.table.is_some());
        Servers {
            mysql: Some(self.mysql).filter(|_| !no_database),
            hdfs: Some(self.hdfs),
            metastore: Some(self.metastore).filter(|m| !m.uris.is_empty()),
            hiveserver2: Some(self.hiveserver2).filter(|h| !h.endpoints.is_empty()),
            hbase: Some(self.hbase).filter(|_| to_hbase),
        }
    }
}

/// What the flags of a command stand for where none is typed.
fn untyped<T: Args>() -> Option<T> {
    let command = T::augment_args(Command::new("sakia"));
    T::from_arg_matches(&command.try_get_matches_from(["sakia"]).ok()?).ok()
}

/// An import as a step.
pub fn import(args: ImportArgs) -> Step {
    let name = args.table.clone().unwrap_or_else(|| "query".to_owned());
    Step { name, kind: StepKind::Import(Box::new(args)) }
}

/// An import of all tables as a step.
pub fn import_all(args: ImportAllArgs) -> Step {
    Step { name: "all".to_owned(), kind: StepKind::ImportAll(Box::new(args)) }
}

/// An export as a step.
pub fn export(args: ExportArgs) -> Step {
    let name = args.table.clone().or_else(|| args.call.clone()).unwrap_or_else(|| "export".to_owned());
    Step { name, kind: StepKind::Export(Box::new(args)) }
}

/// A merge as a step.
pub fn merge(args: MergeArgs) -> Step {
    Step { name: "merge".to_owned(), kind: StepKind::Merge(Box::new(args)) }
}

/// A comparison as a step.
pub fn verify(args: VerifyArgs) -> Step {
    Step { name: args.table.clone(), kind: StepKind::Verify(Box::new(args)) }
}

/// Runs one of these commands; gives the summary where something was run.
///
/// # Errors
/// Usage: a file and flags at once, or neither; those of the pipeline and its steps.
pub async fn run<T: Args + PartialEq>(
    command: TransferCommand<T>,
    kind: &str,
    step: fn(T) -> Step,
    stop: &Stop,
) -> Result<Option<Summary>> {
    let TransferCommand { pipeline, steps, dry_run, explain, output, args, connections } = command;
    let no_flags = untyped::<T>().as_ref() == Some(&args) && untyped().as_ref() == Some(&connections);
    let pipeline = match pipeline {
        Some(file) if no_flags => commands::read_kind(&RunArgs { pipeline: file, steps, output }, kind)?,
        Some(file) => {
            return Err(error::usage(format!("{} is given, and flags beside it", file.display()))
                .hint("put the flags into the file, or leave the file out"));
        }
        None if no_flags => {
            return Err(error::usage(format!("sakia {kind} is told nothing"))
                .hint(format!("name a pipeline file, or give flags: sakia {kind} --help")));
        }
        None if !steps.is_empty() => {
            return Err(error::usage("--step is given without a pipeline file").hint("name the file"));
        }
        None => {
            let step = step(args);
            let servers = connections.servers(&step.kind);
            Pipeline::of_step(servers, step)?
        }
    };
    if explain {
        return print(pipeline.to_toml()?.trim_end()).map(|()| None);
    }
    if dry_run {
        return print_plans(&pipeline, output, stop).await.map(|()| None);
    }
    commands::run_steps(pipeline, output, stop).await.map(Some)
}

async fn print_plans(pipeline: &Pipeline, output: Output, stop: &Stop) -> Result<()> {
    let plans = pipeline::plan(pipeline, &Uuid::now_v7().to_string(), stop).await?;
    let text = match output {
        Output::Table => plans.iter().map(|(step, plan)| format!("{step}\n{plan}")).collect::<Vec<_>>().join("\n\n"),
        Output::Json => {
            let steps: Vec<_> =
                plans.iter().map(|(step, plan)| serde_json::json!({ "step": step, "plan": plan })).collect();
            // An object of strings always serialises.
            serde_json::to_string_pretty(&serde_json::json!({ "steps": steps })).unwrap_or_default()
        }
    };
    print(&text)
}
