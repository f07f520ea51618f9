//! What an agent is told: the step's keys in the pipeline file, and what they mean once checked.

mod checks;
mod compact;
mod complete;
mod components;
mod encryption;
mod file;
mod groups;
mod hbase;
mod hdfs;
mod http;
mod kafka;
mod monitor;
mod parsers;
mod rpc;
mod sources;
mod tls;
mod trials;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::file::{AgentFile, TABLES};

pub(super) use self::checks::Wrongs;
use self::checks::{absolute, at, check_range};
use self::complete::CompleteArgs;
use self::components::{FileChannelArgs, TableArgs};
use self::parsers::ParserArgs;
pub(super) use self::rpc::ClientTlsArgs;
use self::sources::TaildirArgs;
use super::channels::damage::Damaged;
use super::channels::{self, ChannelLimits, MIN_FREE_BYTES};
use super::graph::{ChannelPlan, Graph, SinkPlan, SourcePlan, Storage};
use super::parsers::weblog::LogFormat;
use super::position::ONLY_SOURCE;
use super::roll::{Roll, TimePartition};
use super::routes::{ColumnArgs, RouteArgs};
use super::selector::SelectorArgs;
use super::sinks::SinkKind;
use super::sinks::table::TableOptions;
use super::sources::SourceKind;
use super::sources::taildir::{CompressedFiles, Pattern, Start, TaildirOptions};
use crate::config::{self, Timespan};
use crate::error::{self, Error, Result};

/// What an agent is asked for: log files into partitions of HDFS and Hive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgentArgs {
    /// Log files to follow, by pattern: * and ? match within a component
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    #[serde(deserialize_with = "patterns", serialize_with = "config::write_one_or_more")]
    pub files: Vec<String>,
    /// Local directory of the durable channel; belongs to this agent alone
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true, value_parser = config::path)]
    pub channel_dir: PathBuf,
    /// Directory of the events in the cluster; belongs to this agent alone
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub target_dir: String,
    /// Directory in the cluster for malformed lines, as JSON lines with file, offset, reason and text
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub reject_dir: String,
    /// Hive database of the table, made if missing
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub hive_database: Option<String>,
    /// External Hive table over the events [default: none is registered]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub hive_table: Option<String>,
    /// Format of the lines: common, combined, vhost_combined, nginx's main, or the text of the server's LogFormat or
    /// log_format
    #[arg(long, value_name = "FORMAT", default_value_t)]
    #[serde(default)]
    pub format: FormatText,
    /// Columns of the site's own, which the routes fill.
    #[arg(skip)]
    #[serde(default, rename = "column", skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnArgs>,
    /// What the site's paths mean.
    #[arg(skip)]
    #[serde(default, rename = "route", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteArgs>,
    /// What is done with compressed files that match
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub compressed: CompressedFiles,
    /// How the events are partitioned, by their time in UTC
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub partition: TimePartition,
    /// When partitions are complete, and what says so.
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<CompleteArgs>,
    /// When an epoch is complete and is written.
    #[command(flatten)]
    #[serde(default)]
    pub roll: RollArgs,
    /// Most bytes that may wait in the channel; the source waits while it is full
    #[arg(long, value_name = "BYTES", default_value_t = channel_max_bytes())]
    #[serde(default = "channel_max_bytes")]
    pub channel_max_bytes: u64,
    /// Longest line in bytes; longer ones are rejected
    #[arg(long, value_name = "BYTES", default_value_t = max_line_bytes())]
    #[serde(default = "max_line_bytes")]
    pub max_line_bytes: u64,
    /// Time after which the positions of files that are gone are forgotten
    #[arg(long, value_name = "TIME", default_value_t = forget_after())]
    #[serde(default = "forget_after")]
    pub forget_after: Timespan,
    /// Stop when each file was read to the length it has now; a last line without its end is left for the next time
    #[arg(long)]
    #[serde(default)]
    pub drain: bool,
    /// Share of its lines above which rejects make a drain fail, once all is written [default: they never do]
    #[arg(long, value_name = "PERCENT")]
    #[serde(default)]
    pub max_reject_percent: Option<u8>,
}

fn patterns<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, |pattern| Ok(pattern.to_owned()))
}

fn channel_max_bytes() -> u64 {
    1 << 30
}

fn min_free_bytes() -> u64 {
    MIN_FREE_BYTES
}

fn max_line_bytes() -> u64 {
    64 << 10
}

/// Longer than logrotate keeps daily logs where nobody tells it otherwise.
fn forget_after() -> Timespan {
    Timespan::from_secs(30 * 86_400)
}

/// The name or the text of a log format that is known to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormatText(String);

impl Default for FormatText {
    fn default() -> Self {
        Self("combined".to_owned())
    }
}

impl FromStr for FormatText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        LogFormat::new(text).map(|_| Self(text.to_owned()))
    }
}

impl TryFrom<String> for FormatText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|e: Error| match e.remedy() {
            Some(remedy) => format!("{e}; {remedy}"),
            None => e.to_string(),
        })
    }
}

impl From<FormatText> for String {
    fn from(format: FormatText) -> Self {
        format.0
    }
}

impl fmt::Display for FormatText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bounds of an epoch; the first one reached completes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RollArgs {
    /// Lines after which an epoch is written
    #[arg(id = "roll_rows", long = "roll-rows", value_name = "COUNT", default_value_t = Self::default().rows)]
    pub rows: u64,
    /// Bytes of lines after which an epoch is written; an agent needs about five times as much memory
    #[arg(id = "roll_bytes", long = "roll-bytes", value_name = "BYTES", default_value_t = Self::default().bytes)]
    pub bytes: u64,
    /// Time since its first line after which an epoch is written
    #[arg(id = "roll_age", long = "roll-age", value_name = "TIME", default_value_t = Self::default().age)]
    pub age: Timespan,
    /// Time without a line after which an epoch is written, too
    #[arg(id = "roll_idle", long = "roll-idle", value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Timespan>,
}

impl Default for RollArgs {
    fn default() -> Self {
        Self { rows: 250_000, bytes: 64 << 20, age: Timespan::from_secs(60), idle: None }
    }
}

/// What an agent is told, checked.
#[derive(Debug)]
pub(super) struct AgentPlan {
    pub graph: Graph,
    pub reject_dir: String,
    pub drain: bool,
    pub max_reject_percent: Option<u8>,
    /// All of it in words.
    words: String,
}

/// Longest time that events may wait for their epoch.
const LONGEST_EPOCH: Duration = Duration::from_secs(86_400);

impl RollArgs {
    /// # Errors
    /// Config: a bound is out of its range.
    fn plan(self) -> Result<Roll, Wrongs> {
        let mut wrong = Wrongs::default();
        wrong.note(check_range("roll.rows", self.rows, 1, u64::MAX));
        wrong.note(check_range("roll.bytes", self.bytes, 1, 1 << 30));
        if self.age.get() > LONGEST_EPOCH {
            wrong.add("roll.age", error::config(format!("roll.age is {}", self.age)).hint("give at most 24h"));
        }
        wrong.end()?;
        Ok(Roll { rows: self.rows, bytes: self.bytes, age: self.age.get(), idle: self.idle.map(Timespan::get) })
    }
}

impl AgentPlan {
    /// Checks `args`; relative local paths begin at `base`.
    ///
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn new(args: &AgentArgs, base: &Path) -> Result<Self, Wrongs> {
        let AgentArgs { files, channel_dir, target_dir, reject_dir, hive_database, hive_table, format, .. } = args;
        let AgentArgs { compressed, partition, roll, channel_max_bytes, max_line_bytes, .. } = *args;
        let AgentArgs { forget_after, drain, max_reject_percent, .. } = *args;
        let mut wrong = Wrongs::default();
        wrong.note(check_range("max-reject-percent", max_reject_percent.unwrap_or(0).into(), 0, 100));
        let base = absolute(base).map_err(at(""))?;
        let source = TaildirArgs {
            files: files.clone(),
            file_regexes: Vec::new(),
            compressed,
            max_line_bytes,
            forget_after,
            drain,
            position_file: None,
            position_file_interval: None,
            start: Start::Beginning,
        };
        let source = wrong.note(source.plan(&base));
        let channel = FileChannelArgs {
            directory: channel_dir.clone(),
            max_bytes: channel_max_bytes,
            max_events: u64::MAX,
            min_free_bytes: MIN_FREE_BYTES,
            damaged: Damaged::Stop,
            encryption: None,
        };
        let place = channel.place(&base).map_err(|all| ("channel-max-bytes", all.first().context("channel")));
        let place = wrong.note(place);
        if let (Some(source), Some((directory, _))) = (&source, &place) {
            let of_channel = channels::names().map(|name| directory.join(name));
            let mut patterns = source.patterns.iter();
            if let Some(pattern) = patterns.find(|pattern| of_channel.iter().any(|file| pattern.accepts(file))) {
                let what = format!("{pattern} matches the files of the channel in {}", directory.display());
                wrong.add("channel-dir", error::config(what).hint("give the channel a directory of its own"));
            }
        }
        let parser = ParserArgs::Weblog {
            format: format.0.clone(),
            columns: args.columns.clone(),
            routes: args.routes.clone(),
            user_agents: false,
        };
        let sink = TableArgs {
            target_dir: target_dir.clone(),
            reject_dir: reject_dir.clone(),
            hive_database: hive_database.clone(),
            hive_table: hive_table.clone(),
            partition,
            parser,
            protect: Vec::new(),
            complete: args.complete.clone(),
            compact: None,
        };
        let sink = wrong.note(sink.plan(&base));
        let roll = wrong.note(roll.plan());
        let (Some(source), Some((directory, limits)), Some(sink), Some(roll), true) =
            (source, place, sink, roll, wrong.is_empty())
        else {
            return Err(wrong);
        };
        let words = words(args, &source, &directory, &sink);
        let graph = one_line(source, drain, directory, limits, sink, roll);
        Ok(Self { graph, reject_dir: reject_dir.clone(), drain, max_reject_percent, words })
    }
}

impl fmt::Display for AgentPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What an agent will do, in words.
fn words(args: &AgentArgs, source: &TaildirOptions, channel_dir: &Path, sink: &TableOptions) -> String {
    let patterns: Vec<String> = source.patterns.iter().map(Pattern::to_string).collect();
    let until = if args.drain { "until each file was read to its end" } else { "until it is stopped" };
    let RollArgs { rows, bytes, age, idle } = args.roll;
    let idle = idle.map(|idle| format!(", or after {} s without a line", idle.get().as_secs_f64())).unwrap_or_default();
    let registered = match &sink.table {
        Some((database, table)) => format!("external table {database}.{table}, its partitions"),
        None => "nothing".to_owned(),
    };
    [
        format!("read        {}", patterns.join(", ")),
        format!("format      {}", args.format),
        format!("channel     {}, at most {} bytes", channel_dir.display(), args.channel_max_bytes),
        format!("epochs      of {rows} lines, {bytes} bytes or {} s{idle}, {until}", age.get().as_secs()),
        format!("write       parquet files in {}, by {}", sink.target, args.partition.name()),
        format!("register    {registered}"),
        format!("rejects     in {}", sink.reject_dir),
    ]
    .join("\n")
}

/// An agent of one source, one channel and one sink.
fn one_line(
    source: TaildirOptions,
    drain: bool,
    channel_dir: PathBuf,
    limits: ChannelLimits,
    sink: TableOptions,
    roll: Roll,
) -> Graph {
    const CHANNEL: &str = "channel";
    Graph {
        sources: vec![SourcePlan {
            name: ONLY_SOURCE.to_owned(),
            kind: SourceKind::Taildir { options: source, drain },
            channels: vec![CHANNEL.to_owned()],
            selector: SelectorArgs::default(),
            interceptors: Vec::new(),
        }],
        channels: vec![ChannelPlan {
            name: CHANNEL.to_owned(),
            directory: Some(channel_dir),
            limits,
            damaged: Damaged::Stop,
            storage: Storage::default(),
        }],
        sinks: vec![SinkPlan {
            name: "sink".to_owned(),
            channel: CHANNEL.to_owned(),
            roll,
            kind: SinkKind::Table(Box::new(sink)),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const REQUIRED: &str = "files = \"access.log*\"\nchannel-dir = \"channel\"\ntarget-dir = \"/lake/clicks\"\nreject-dir = \"/lake/rejects\"\n";

    fn plan(more: &str) -> Result<AgentPlan> {
        let args: AgentArgs = toml::from_str(&format!("{REQUIRED}{more}")).unwrap();
        AgentPlan::new(&args, Path::new("/base")).map_err(Wrongs::first)
    }

    #[test]
    fn defaults_and_relative_paths() {
        let plan = plan("").unwrap();
        assert_eq!(plan.graph.channels[0].directory.as_deref(), Some(Path::new("/base/channel")));
        let words = plan.to_string();
        assert!(words.contains("/base/access.log*") && words.contains("register    nothing"), "{words}");
        let args: AgentArgs = toml::from_str(REQUIRED).unwrap();
        let here = std::env::current_dir().unwrap().join("channel");
        let plan = AgentPlan::new(&args, Path::new("")).unwrap();
        assert_eq!(plan.graph.channels[0].directory.as_deref(), Some(here.as_path()));
    }

    #[test]
    fn rejects_stay_out_of_the_table() {
        let mut args: AgentArgs = toml::from_str(REQUIRED).unwrap();
        for (reject_dir, is_fine) in [("/lake/clicks", false), ("/lake/clicks/bad", false), ("/lake/clicks_bad", true)]
        {
            args.reject_dir = reject_dir.to_owned();
            assert_eq!(AgentPlan::new(&args, Path::new("/")).is_ok(), is_fine, "{reject_dir}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for more in [
            "hive-table = \"clicks\"",
            "max-line-bytes = 10",
            "[roll]\nrows = 0",
            "channel-max-bytes = 1",
            "max-reject-percent = 101",
        ] {
            assert_eq!(plan(more).unwrap_err().kind(), Kind::Config, "{more}");
        }
        let unknown = ["chanel-dir = \"x\"", "partition = \"week\"", "format = \"combimed\"", "format = \"%h %r\""];
        for more in unknown.into_iter().chain(["[roll]\ncount = 5"]) {
            assert!(toml::from_str::<AgentArgs>(&format!("{REQUIRED}{more}")).is_err(), "{more}");
        }
    }
}
