//! The commands and options as typed.

mod agent;
mod job;
mod query;
mod renamed;
mod scd2;
mod step;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(super) use self::agent::{
    AgentAct, AgentCommand, AgentCompact, AgentReplay, AgentSource, AgentTap, AgentTest, FlumeArgs,
};
pub(super) use self::job::{JobAct, JobCommand};
pub(super) use self::query::{BeelineOutput, QueryCommand, QueryOutput, QueryServer};
pub(super) use self::renamed::renamed;
pub(super) use self::scd2::{Scd2Act, Scd2Command};
use self::step::{ConnectionArgs, HEADINGS, tables_of};
pub(super) use self::step::{StepArgs, StepCommand};
use super::keys;
use super::output::Output;
use crate::agent::AgentArgs;
use crate::config::Timespan;
use crate::error::EXIT_CODES;
use crate::lookup::LookupArgs;
use crate::mysql::MySqlOptions;
use crate::scd2::Scd2Args;
use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, ReconcileArgs, VerifyArgs};
use crate::trigger::TriggerArgs;

/// Moves MySQL tables and click logs into HDFS, Hive and HBase
///
/// Everything lands by one transaction: staged under a hidden name, recorded, published, registered with the
/// metastore. A command that failed or was killed is run again as it is and goes on from there.
#[derive(Debug, Parser)]
#[command(name = "sakia", version, arg_required_else_help = true, after_help = exit_codes())]
pub struct Cli {
    /// Say more in the log on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  SAKIA_LOG         what to log, such as `info` or `sakia=debug`
  HADOOP_CONF_DIR   directory of core-site.xml and hdfs-site.xml, for want of other addresses of HDFS
  HADOOP_USER_NAME  the user on a cluster without Kerberos
  SAKIA_JOB_DIR     directory of saved jobs (~/.sakia/jobs)";

fn exit_codes() -> String {
    let codes = EXIT_CODES.map(|(code, meaning)| format!("\n  {code:<4}{meaning}"));
    format!("Exit codes:{}\n\n{ENVIRONMENT}", codes.concat())
}

/// The command line, where each command shows the flags of the servers it may speak to.
pub(super) fn command() -> clap::Command {
    let names: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.iter().fold(Cli::command(), |all, name| {
        let shown = tables_of(name);
        if shown.is_empty() {
            return all;
        }
        all.mut_subcommand(name, |command| {
            let groups = headings(name);
            let grouped = |flag: clap::Arg| {
                if let Some(heading) = groups.get(flag.get_id().as_str()) {
                    return flag.help_heading(*heading);
                }
                let of = |heading| HEADINGS.iter().find(|(_, title)| *title == heading);
                let hidden = flag.get_help_heading().and_then(of).is_some_and(|(table, _)| !shown.contains(table));
                if hidden { flag.hide(true) } else { flag }
            };
            command.mut_args(grouped).mut_subcommands(|act| act.mut_args(grouped))
        })
    })
}

/// Headings of the flags of a type of step, by id.
fn headings(kind: &str) -> BTreeMap<String, &'static str> {
    match kind {
        "import" => keys::headings::<ImportArgs>(),
        "import-all" => keys::headings::<ImportAllArgs>(),
        "export" => keys::headings::<ExportArgs>(),
        "merge" => keys::headings::<MergeArgs>(),
        "verify" => keys::headings::<VerifyArgs>(),
        "agent" => keys::headings::<AgentArgs>(),
        "scd2" => keys::headings::<Scd2Args>(),
        _ => BTreeMap::new(),
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the steps of a pipeline file in order
    Run(RunArgs),
    /// Check a pipeline file: everything that can be found without a server
    Check(CheckCommand),
    /// Examine every server that a pipeline file, an agent's file, the site files or flags name, and say what is wrong
    #[command(args_override_self = true)]
    Doctor(Box<DoctorCommand>),
    /// Import a MySQL table or query into HDFS, Hive or HBase, or run the import steps of a pipeline file
    #[command(after_long_help = keys::of::<ImportArgs>("import"), args_override_self = true)]
    Import(Box<StepCommand<ImportArgs>>),
    /// Import every table of a database, or run the import-all steps of a pipeline file
    #[command(after_long_help = keys::of::<ImportAllArgs>("import-all"), args_override_self = true)]
    ImportAll(Box<StepCommand<ImportAllArgs>>),
    /// Export files or a Hive table into a MySQL table, or run the export steps of a pipeline file
    #[command(after_long_help = keys::of::<ExportArgs>("export"), args_override_self = true)]
    Export(Box<StepCommand<ExportArgs>>),
    /// Merge newer records over older ones by key, or run the merge steps of a pipeline file
    #[command(after_long_help = keys::of::<MergeArgs>("merge"), args_override_self = true)]
    Merge(Box<StepCommand<MergeArgs>>),
    /// Compare a MySQL table with files or a Hive table, or run the verify steps of a pipeline file
    #[command(after_long_help = keys::of::<VerifyArgs>("verify"), args_override_self = true)]
    Verify(Box<StepCommand<VerifyArgs>>),
    /// Count the same rows in several places by day and list what differs: the reconcile steps of a pipeline file
    #[command(after_long_help = keys::of::<ReconcileArgs>("reconcile"), args_override_self = true)]
    Reconcile(Box<StepCommand<ReconcileArgs>>),
    /// Follow log files into HDFS and Hive, or run the agent steps of a pipeline file
    #[command(after_long_help = keys::of::<AgentArgs>("agent"), args_override_self = true)]
    Agent(Box<AgentCommand>),
    /// Apply a change log to a table of versions, or run the SCD-2 steps of a pipeline file
    #[command(after_long_help = keys::of::<Scd2Args>("scd2"), args_override_self = true)]
    Scd2(Box<Scd2Command>),
    /// Fill HBase rows from a Hive query, or read one row back, or run the lookup steps of a pipeline file
    #[command(after_long_help = keys::of::<LookupArgs>("lookup"), args_override_self = true)]
    Lookup(Box<LookupCommand>),
    /// Make events of the rows of a Hive query and hand each over once, or run the trigger steps of a pipeline file
    #[command(after_long_help = keys::of::<TriggerArgs>("trigger"), args_override_self = true)]
    Trigger(Box<StepCommand<TriggerArgs>>),
    /// Run HiveQL on HiveServer2 and write the rows: a client for people and scripts that takes beeline's options
    #[command(args_override_self = true)]
    Query(Box<QueryCommand>),
    /// Work with saved jobs
    Job(JobCommand),
    /// Run one SQL statement and print what comes back
    #[command(args_override_self = true)]
    Eval(EvalCommand),
    /// List the databases of a server or the tables of a database
    List(ListCommand),
    /// Take Sqoop's arguments: sakia sqoop import --connect ...; --explain prints the pipeline file that does the same
    #[command(disable_help_flag = true)]
    Sqoop(SqoopCommand),
    /// Take flume-ng's arguments: sakia flume-ng agent -n a1 -f flume.conf; -d prints the agent's file that does the same
    #[command(disable_help_flag = true)]
    FlumeNg(FlumeNgCommand),
    /// Print what a shell needs to complete commands and flags
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one a command
    Man {
        /// Directory of the pages; made if missing
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

impl Command {
    /// How the command prints what it has to say.
    pub fn output(&self) -> Output {
        match self {
            Self::Run(command) => command.output,
            Self::Check(command) => command.output,
            Self::Doctor(command) => command.output,
            Self::Import(command) => command.output,
            Self::ImportAll(command) => command.output,
            Self::Export(command) => command.output,
            Self::Merge(command) => command.output,
            Self::Verify(command) => command.output,
            Self::Reconcile(command) => command.output,
            Self::Agent(command) => command.output(),
            Self::Scd2(command) => command.output(),
            Self::Lookup(command) => command.step.output,
            Self::Trigger(command) => command.output,
            Self::Eval(command) => command.output,
            Self::List(command) => command.output,
            Self::Query(_)
            | Self::Job(_)
            | Self::Sqoop(_)
            | Self::FlumeNg(_)
            | Self::Completions { .. }
            | Self::Man { .. } => Output::Table,
        }
    }
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorCommand {
    /// Pipeline file, or an agent's own, whose servers are examined; without one those of the flags and of the site files
    pub pipeline: Option<PathBuf>,
    /// Fail where something was warned of, too
    #[arg(long)]
    pub strict: bool,
    /// How the answers are printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The servers.
    #[command(flatten)]
    pub connections: ConnectionArgs,
}

/// A database to ask, beside any step.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// How long the server has to accept a connection and let us in [default: 20s]
    #[arg(long, value_name = "TIME")]
    connect_timeout: Option<Timespan>,
    /// The database.
    #[command(flatten)]
    mysql: MySqlOptions,
}

impl DatabaseArgs {
    /// The server and the login.
    pub fn options(self) -> MySqlOptions {
        MySqlOptions { connect_timeout: self.connect_timeout, ..self.mysql }
    }
}

/// Options of `eval`.
#[derive(Debug, Args)]
pub struct EvalCommand {
    /// The statement
    #[arg(long, short = 'e', value_name = "SQL")]
    pub query: String,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct ListCommand {
    /// What to list
    #[arg(value_enum)]
    pub what: Listed,
    /// How the names are printed: one a line, or as a JSON list
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Listed {
    /// The databases of the server
    Databases,
    /// The tables and views of the database
    Tables,
}

/// Sqoop's arguments; they are read before this is reached, and are here for the help.
#[derive(Debug, Args)]
pub struct SqoopCommand {
    /// Tool and arguments, as Sqoop 1.4.7 takes them; sakia sqoop help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "TOOL")]
    pub arguments: Vec<std::ffi::OsString>,
}

/// Flume's arguments; they are read before this is reached, and are here for the help.
#[derive(Debug, Args)]
pub struct FlumeNgCommand {
    /// Command and options, as flume-ng 1.11 takes them; sakia flume-ng help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub arguments: Vec<std::ffi::OsString>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The pipeline file (TOML)
    #[arg(value_name = "PIPELINE")]
    pub pipeline: PathBuf,
    /// Run only this step; may be given several times
    #[arg(long = "step", value_name = "NAME")]
    pub steps: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the file as it is understood, with today's names of keys, and do nothing
    #[arg(long)]
    pub explain: bool,
    /// How the closing summary, or the plan, is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckCommand {
    /// The pipeline file (TOML)
    #[arg(value_name = "PIPELINE")]
    pub pipeline: PathBuf,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `lookup`.
#[derive(Debug, Args)]
pub struct LookupCommand {
    /// Those of every command of a type of step.
    #[command(flatten)]
    pub step: StepCommand<LookupArgs>,
    /// Read the row of this key back from HBase and print it, instead of filling the table
    #[arg(long, value_name = "KEY", help_heading = None::<&'static str>)]
    pub key: Option<String>,
}
