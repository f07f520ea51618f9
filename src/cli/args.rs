//! The commands and options as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::job::JobCommand;
use super::keys;
use super::transfer::TransferCommand;
use crate::mysql::MySqlOptions;
use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, VerifyArgs};

/// Moves MySQL tables and click logs into HDFS, Hive and HBase
///
/// Everything lands by one transaction: staged under a hidden name, recorded, published, registered with the
/// metastore. A command that failed or was killed is run again as it is and goes on from there.
#[derive(Debug, Parser)]
#[command(name = "sakia", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Say more in the log on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0        done, or nothing to do
  1        failed; nothing half-visible was left, run it again once the cause is gone
  2        the command line or the configuration is wrong
  3        failed with a visible partial effect, which the error names
  4        the data is visible, its registration is pending; run it again
  75       somebody else holds the target, or the server asks to come back later
  130 143  stopped by Ctrl-C or SIGTERM

Environment:
  SAKIA_LOG         what to log, such as `info` or `sakia=debug`
  HADOOP_CONF_DIR   directory of core-site.xml and hdfs-site.xml, where nothing else says where HDFS is
  HADOOP_USER_NAME  the user on a cluster without Kerberos
  SAKIA_JOB_DIR     directory of saved jobs (~/.sakia/jobs)";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the steps of a pipeline file in order
    Run(RunArgs),
    /// Import a MySQL table or query into HDFS, Hive or HBase, or run the import steps of a pipeline file
    #[command(after_help = keys::IMPORT, args_override_self = true)]
    Import(Box<TransferCommand<ImportArgs>>),
    /// Import every table of a database, or run the import-all steps of a pipeline file
    #[command(after_help = keys::IMPORT_ALL, args_override_self = true)]
    ImportAll(Box<TransferCommand<ImportAllArgs>>),
    /// Export files or a Hive table into a MySQL table, or run the export steps of a pipeline file
    #[command(after_help = keys::EXPORT, args_override_self = true)]
    Export(Box<TransferCommand<ExportArgs>>),
    /// Merge newer records over older ones by key, or run the merge steps of a pipeline file
    #[command(after_help = keys::MERGE, args_override_self = true)]
    Merge(Box<TransferCommand<MergeArgs>>),
    /// Compare a MySQL table with files or a Hive table, or run the verify steps of a pipeline file
    #[command(after_help = keys::VERIFY, args_override_self = true)]
    Verify(Box<TransferCommand<VerifyArgs>>),
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
    /// Run the agent steps of a pipeline file: log files to HDFS and Hive
    #[command(after_help = keys::AGENT)]
    Agent(AgentCommand),
    /// Run the SCD-2 steps of a pipeline file: a change log to a table of versions
    #[command(after_help = keys::SCD2)]
    Scd2(Scd2Command),
    /// Run the lookup steps of a pipeline file, or read one row: Hive tables to HBase rows
    #[command(after_help = keys::LOOKUP)]
    Lookup(LookupCommand),
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
    pub mysql: MySqlOptions,
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
    pub mysql: MySqlOptions,
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

/// Options of every command that runs steps.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The pipeline file (TOML)
    #[arg(value_name = "PIPELINE")]
    pub pipeline: PathBuf,
    /// Run only this step; may be given several times
    #[arg(long = "step", value_name = "NAME")]
    pub steps: Vec<String>,
    /// How the closing summary is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent`.
#[derive(Debug, Args)]
pub struct AgentCommand {
    /// The options of every command that runs steps
    #[command(flatten)]
    pub run: RunArgs,
    /// Stop when every file is read to its end, whatever the pipeline says
    #[arg(long)]
    pub drain: bool,
}

/// Options of `scd2`.
#[derive(Debug, Args)]
pub struct Scd2Command {
    /// The options of every command that runs steps
    #[command(flatten)]
    pub run: RunArgs,
    /// Apply the last batch once more, as a check: it changes nothing
    #[arg(long)]
    pub reapply_last: bool,
}

/// Options of `lookup`.
#[derive(Debug, Args)]
pub struct LookupCommand {
    /// The options of every command that runs steps
    #[command(flatten)]
    pub run: RunArgs,
    /// Read the row of this key back from HBase and print it, instead of filling the table
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// How a summary is printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Output {
    /// A table for people
    #[default]
    Table,
    /// One JSON object; its keys are stable
    Json,
}
