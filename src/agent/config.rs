//! What an agent is told: the step's keys in the pipeline file, and what they mean once checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::channels;
use super::channels::file::ChannelLimits;
use super::epoch::Sorting;
use super::parsers::LogFormat;
use super::roll::{Roll, TimePartition};
use super::sources::taildir::TaildirOptions;
use super::sources::{CompressedFiles, Pattern};
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
    /// What is done with compressed files that match
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub compressed: CompressedFiles,
    /// How the events are partitioned, by their time in UTC
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub partition: TimePartition,
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
}

impl Default for RollArgs {
    fn default() -> Self {
        Self { rows: 250_000, bytes: 64 << 20, age: Timespan::from_secs(60) }
    }
}

/// What an agent is told, checked.
#[derive(Debug)]
pub(super) struct AgentPlan {
    pub source: TaildirOptions,
    pub format: FormatText,
    pub channel_dir: PathBuf,
    pub channel: ChannelLimits,
    pub sorting: Sorting,
    pub roll: Roll,
    pub target: String,
    pub reject_dir: String,
    /// Database and name.
    pub table: Option<(String, String)>,
    pub drain: bool,
    pub max_reject_percent: Option<u8>,
}

/// Longest time that lines may wait for their epoch.
const LONGEST_EPOCH: Duration = Duration::from_secs(86_400);

/// A channel file is begun anew after this many bytes, or a quarter of what the channel may hold.
const SEGMENT_BYTES: u64 = 32 << 20;

impl AgentPlan {
    /// Checks `args`; relative local paths begin at `base`.
    ///
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn new(args: &AgentArgs, base: &Path) -> Result<Self> {
        let AgentArgs { files, channel_dir, target_dir, reject_dir, hive_database, hive_table, format, .. } = args;
        let AgentArgs { compressed, partition, roll, channel_max_bytes, max_line_bytes, .. } = *args;
        let AgentArgs { forget_after, drain, max_reject_percent, .. } = *args;
        // A file given by its bare name has an empty path in front of it.
        let base = std::path::absolute(Path::new(".").join(base))
            .map_err(|e| error::config(format!("{} is not a directory", base.display())).source(e))?;
        if files.is_empty() {
            return Err(
                error::config("files does not name any file").hint("name the log, such as /var/log/shop/access.log*")
            );
        }
        let numbers = [
            ("roll.rows", roll.rows, 1, u64::MAX),
            ("roll.bytes", roll.bytes, 1, 1 << 30),
            ("channel-max-bytes", channel_max_bytes, 1 << 20, u64::MAX),
            ("max-line-bytes", max_line_bytes, 1 << 10, 16 << 20),
            ("max-reject-percent", max_reject_percent.unwrap_or(0).into(), 0, 100),
        ];
        for (key, value, least, most) in numbers {
            if value < least || value > most {
                let hint = format!("give at least {least}, at most {most}");
                return Err(error::config(format!("{key} is {value}")).hint(hint));
            }
        }
        if roll.age.get() > LONGEST_EPOCH {
            return Err(error::config(format!("roll.age is {}", roll.age)).hint("give at most 24h"));
        }
        let patterns: Vec<Pattern> = files.iter().map(|text| Pattern::new(text, &base)).collect::<Result<_>>()?;
        let channel_dir = base.join(channel_dir);
        let of_channel = channels::names().map(|name| channel_dir.join(name));
        if let Some(pattern) = patterns.iter().find(|pattern| of_channel.iter().any(|file| pattern.accepts(file))) {
            let what = format!("{pattern} matches the files of the channel in {}", channel_dir.display());
            return Err(error::config(what).hint("give the channel a directory of its own"));
        }
        if Path::new(reject_dir).starts_with(target_dir) {
            let what = format!("reject-dir {reject_dir} lies in target-dir {target_dir}, where Hive would read it");
            return Err(error::config(what).hint("give rejects a directory of their own"));
        }
        Ok(Self {
            source: TaildirOptions {
                patterns,
                max_line_bytes: usize::try_from(max_line_bytes).unwrap_or(usize::MAX),
                compressed,
                forget_after: forget_after.get(),
            },
            format: format.clone(),
            channel_dir,
            channel: ChannelLimits {
                max_bytes: channel_max_bytes,
                segment_bytes: SEGMENT_BYTES.min(channel_max_bytes / 4),
            },
            sorting: Sorting::new(LogFormat::new(&format.0)?, partition)?,
            roll: Roll { rows: roll.rows, bytes: roll.bytes, age: roll.age.get() },
            target: target_dir.clone(),
            reject_dir: reject_dir.clone(),
            table: table(hive_database.as_ref(), hive_table.as_ref())?,
            drain,
            max_reject_percent,
        })
    }
}

impl fmt::Display for AgentPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<String> = self.source.patterns.iter().map(Pattern::to_string).collect();
        writeln!(f, "read        {}", patterns.join(", "))?;
        writeln!(f, "format      {}", self.format)?;
        writeln!(f, "channel     {}, at most {} bytes", self.channel_dir.display(), self.channel.max_bytes)?;
        let until = if self.drain { "until each file was read to its end" } else { "until it is stopped" };
        let Roll { rows, bytes, age } = self.roll;
        writeln!(f, "epochs      of {rows} lines, {bytes} bytes or {} s, {until}", age.as_secs())?;
        writeln!(f, "write       parquet files in {}, by {}", self.target, self.sorting.partition.name())?;
        match &self.table {
            Some((database, table)) => writeln!(f, "register    external table {database}.{table}, its partitions")?,
            None => writeln!(f, "register    nothing")?,
        }
        write!(f, "rejects     in {}", self.reject_dir)
    }
}

fn table(database: Option<&String>, table: Option<&String>) -> Result<Option<(String, String)>> {
    match (database, table) {
        (Some(database), Some(table)) => Ok(Some((database.clone(), table.clone()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(error::config("hive-database is given without hive-table").hint("give both")),
        (None, Some(_)) => Err(error::config("hive-table is given without hive-database").hint("give both")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const REQUIRED: &str = "files = \"access.log*\"\nchannel-dir = \"channel\"\ntarget-dir = \"/lake/clicks\"\nreject-dir = \"/lake/rejects\"\n";

    fn plan(more: &str) -> Result<AgentPlan> {
        let args: AgentArgs = toml::from_str(&format!("{REQUIRED}{more}")).unwrap();
        AgentPlan::new(&args, Path::new("/base"))
    }

    #[test]
    fn defaults_and_relative_paths() {
        let plan = plan("").unwrap();
        assert_eq!(plan.channel_dir, Path::new("/base/channel"));
        assert_eq!(plan.source.patterns, [Pattern::new("/base/access.log*", Path::new("/")).unwrap()]);
        assert!(plan.table.is_none());
        let args: AgentArgs = toml::from_str(REQUIRED).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(AgentPlan::new(&args, Path::new("")).unwrap().channel_dir, here.join("channel"));
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
