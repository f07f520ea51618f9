//! The commands and options as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::keys;

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
  HADOOP_USER_NAME  the user on a cluster without Kerberos";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the steps of a pipeline file in order
    Run(RunArgs),
    /// Run the import steps of a pipeline file: MySQL tables to HDFS and Hive
    #[command(after_help = keys::IMPORT)]
    Import(RunArgs),
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
