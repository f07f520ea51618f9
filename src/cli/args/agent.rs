//! The commands of agents.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::output::Output;
use super::StepCommand;
use crate::agent::AgentArgs;
use crate::config::Timespan;

/// Options of `agent`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct AgentCommand {
    /// What is done with an agent's own file.
    #[command(subcommand)]
    pub act: Option<AgentAct>,
    /// An agent of one source and one table.
    #[command(flatten)]
    pub step: StepCommand<AgentArgs>,
}

/// What is done with an agent's own file.
#[derive(Debug, Subcommand)]
pub enum AgentAct {
    /// Run an agent of any sources, channels and sinks, as its own file says (a pipeline file called `run` is ./run)
    Run(AgentRun),
    /// Check an agent's own file: everything that can be found without a server
    Check(AgentCheck),
    /// Run the tests that an agent's own file holds ([[test]] tables): no server is asked, and nothing is written
    Test(AgentTest),
    /// Show events of a running agent as they pass a source, a channel or a sink, one line of JSON each
    Tap(AgentTap),
    /// Send what a sink put aside through its channel once more, each event once; the agent has to be stopped meanwhile
    Replay(AgentReplay),
    /// Rewrite the many small files of a table's closed partitions into few, while the agent runs or not
    Compact(AgentCompact),
    /// Print Flume's configuration of an agent as an agent's own file, with what is another way here
    Convert(AgentConvert),
}

/// Where an agent's configuration is.
#[derive(Debug, Args)]
pub struct AgentSource {
    /// The agent's file (TOML)
    #[arg(value_name = "AGENT", required_unless_present = "flume_conf", conflicts_with = "flume_conf")]
    pub file: Option<PathBuf>,
    /// Flume's file of properties, in place of an agent's file; of several the later ones win
    #[arg(long, value_name = "FILE", requires = "name")]
    pub flume_conf: Vec<PathBuf>,
    /// The agent in Flume's files.
    #[command(flatten)]
    pub flume: FlumeArgs,
}

/// How Flume's files are read.
#[derive(Debug, Args)]
pub struct FlumeArgs {
    /// Name of the agent in Flume's files
    #[arg(long, short = 'n', value_name = "NAME")]
    pub name: Option<String>,
    /// Leave out components that are wrong, with a warning, as Flume does
    #[arg(long)]
    pub flume_lenient: bool,
    /// Flume's configuration directory, for core-site.xml and hdfs-site.xml [default: HADOOP_CONF_DIR]
    #[arg(long, value_name = "DIR")]
    pub flume_conf_dir: Option<PathBuf>,
    /// A property that ${sys:KEY} in Flume's files names
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
}

/// Options of `agent run`.
#[derive(Debug, Args)]
pub struct AgentRun {
    /// Where its configuration is.
    #[command(flatten)]
    pub source: AgentSource,
    /// Stop when the sources have no more for now, and the channels are empty
    #[arg(long)]
    pub drain: bool,
    /// Serve /metrics, /healthz and /readyz on this port; 0 for any that is free [default: that of the file's [monitor]]
    #[arg(long, value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// Address of that port: whoever reaches it can read the metrics [default: that of the file, 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_bind: Option<String>,
    /// Read the file again when it changes; SIGHUP asks for it at any time
    #[arg(long, conflicts_with = "drain")]
    pub watch: bool,
    /// How the closing summary is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent check`.
#[derive(Debug, Args)]
pub struct AgentCheck {
    /// Where its configuration is.
    #[command(flatten)]
    pub source: AgentSource,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent test`.
#[derive(Debug, Args)]
pub struct AgentTest {
    /// The agent's file (TOML)
    #[arg(value_name = "AGENT")]
    pub file: PathBuf,
    /// Run only this test; may be given several times
    #[arg(long = "test", value_name = "NAME")]
    pub tests: Vec<String>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent tap`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("part").required(true))]
pub struct AgentTap {
    /// The agent's file (TOML), whose [monitor] says where it is watched
    #[arg(value_name = "AGENT", required_unless_present = "url", conflicts_with = "url")]
    pub file: Option<PathBuf>,
    /// Where the agent is watched, such as http://127.0.0.1:9415
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// File with the token that the agent wants [default: that of [monitor]]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<PathBuf>,
    /// What this source gives, before its interceptors
    #[arg(long, value_name = "NAME", group = "part")]
    pub source: Option<String>,
    /// What is put into this channel
    #[arg(long, value_name = "NAME", group = "part")]
    pub channel: Option<String>,
    /// What this sink takes
    #[arg(long, value_name = "NAME", group = "part")]
    pub sink: Option<String>,
    /// Stop after so many events
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub count: u64,
    /// Stop after this time
    #[arg(long = "for", value_name = "TIME", default_value = "60s")]
    pub time: Timespan,
}

/// Options of `agent replay`.
#[derive(Debug, Args)]
pub struct AgentReplay {
    /// The agent's file (TOML)
    #[arg(value_name = "AGENT")]
    pub file: PathBuf,
    /// Directories and files of rejects; files that were replayed are renamed [default: the sink's reject-dir]
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Sink whose rejects are replayed; needed where the agent has several
    #[arg(long, value_name = "NAME", conflicts_with = "channel")]
    pub sink: Option<String>,
    /// The same, by the channel that the sink empties
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// The paths are of this host, whatever the sink writes to
    #[arg(long, requires = "paths")]
    pub local: bool,
    /// Count the events of each file by their reasons, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent compact`.
#[derive(Debug, Args)]
pub struct AgentCompact {
    /// The agent's file (TOML)
    #[arg(value_name = "AGENT")]
    pub file: PathBuf,
    /// Sink whose table is compacted [default: all that have a hive-table]
    #[arg(long, value_name = "NAME")]
    pub sink: Option<String>,
    /// Only this partition, such as dt=2024-05-01, closed or not; may be given several times
    #[arg(long = "partition", value_name = "NAME", requires = "sink")]
    pub partitions: Vec<String>,
    /// Partitions whose end is so long ago [default: as the sink's compact says, or those that are complete]
    #[arg(long, value_name = "TIME")]
    pub older_than: Option<Timespan>,
    /// Bytes after which another file is begun [default: as the sink's compact says, or 134217728]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub file_bytes: Option<u64>,
    /// Leave partitions alone where less than so many files would be saved [default: as the sink's compact says, or 4]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub min_files: Option<u32>,
    /// How long old files stay for those who read them; a later run deletes them [default: as the sink's compact says, or
    /// 24h]
    #[arg(long, value_name = "TIME")]
    pub grace: Option<Timespan>,
    /// How long the agent, or another run, may hold the table before this gives up
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub wait: Timespan,
    /// Count the files that would be rewritten, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `agent convert`.
#[derive(Debug, Args)]
pub struct AgentConvert {
    /// Flume's files of properties; of several the later ones win
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The agent in them.
    #[command(flatten)]
    pub flume: FlumeArgs,
}

impl AgentCommand {
    /// How the command prints what it has to say.
    pub fn output(&self) -> Output {
        match &self.act {
            Some(AgentAct::Run(args)) => args.output,
            Some(AgentAct::Check(args)) => args.output,
            Some(AgentAct::Test(args)) => args.output,
            Some(AgentAct::Replay(args)) => args.output,
            Some(AgentAct::Compact(args)) => args.output,
            Some(AgentAct::Convert(_) | AgentAct::Tap(_)) => Output::Table,
            None => self.step.output,
        }
    }
}
