//! What an agent is told: the step's keys in the pipeline file, and what they mean once checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::channels::file::ChannelLimits;
use super::epoch::Roll;
use super::sources::Pattern;
use crate::error::{self, Result};

/// The keys of an agent; unknown ones are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgentArgs {
    /// Log files to follow: one pattern or a list; `*` and `?` match within a component. Relative to the file they
    /// stand in.
    pub files: OneOrMore,
    /// Local directory of the durable channel; belongs to this agent alone. Relative to the file it stands in.
    pub channel_dir: PathBuf,
    /// Directory of the clicks in the cluster; belongs to this agent alone.
    pub target_dir: String,
    /// Directory for malformed lines in the cluster, as JSON lines with file, offset, reason and text.
    pub reject_dir: String,
    /// Hive database of the table; made where it is missing.
    #[serde(default)]
    pub hive_database: Option<String>,
    /// Hive table over the clicks; none is registered where it is missing.
    #[serde(default)]
    pub hive_table: Option<String>,
    /// Format of the lines.
    #[serde(default)]
    pub format: LogFormat,
    /// How the clicks are partitioned.
    #[serde(default)]
    pub partition: PartitionBy,
    /// When an epoch is complete and is written.
    #[serde(default)]
    pub roll: RollArgs,
    /// Bytes that may wait in the channel; the source waits while it is full.
    #[serde(default = "channel_max_bytes")]
    pub channel_max_bytes: u64,
    /// Bytes of a line above which it is rejected.
    #[serde(default = "max_line_bytes")]
    pub max_line_bytes: usize,
    /// Stop when each file was read to the length it has now; a last line without its end is left for the next time.
    #[serde(default)]
    pub drain: bool,
}

fn channel_max_bytes() -> u64 {
    1 << 30
}

fn max_line_bytes() -> usize {
    64 << 10
}

/// One text or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a file pattern or a list of them")]
pub enum OneOrMore {
    /// `"a"`
    One(String),
    /// `["a", "b"]`
    More(Vec<String>),
}

impl OneOrMore {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

/// The formats a line may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// The combined log format of Apache and nginx, with `rt=`, `sid=` and `vid=` behind it where they are known.
    #[default]
    Combined,
}

/// How clicks are partitioned, by the time of the request in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionBy {
    /// `dt=YYYY-MM-DD`
    #[default]
    Day,
    /// `dt=YYYY-MM-DD/hr=HH`
    Hour,
}

impl PartitionBy {
    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }
}

/// The bounds of an epoch; the first one reached completes it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RollArgs {
    /// Lines.
    pub rows: u64,
    /// Bytes of lines; bounds the memory, of which an agent needs about five times as much.
    pub bytes: u64,
    /// Seconds since its first line.
    pub seconds: u64,
}

impl Default for RollArgs {
    fn default() -> Self {
        Self { rows: 250_000, bytes: 64 << 20, seconds: 60 }
    }
}

/// What an agent is told, checked.
#[derive(Debug)]
pub(super) struct AgentPlan {
    pub patterns: Vec<Pattern>,
    pub channel_dir: PathBuf,
    pub channel: ChannelLimits,
    pub max_line_bytes: usize,
    pub roll: Roll,
    pub target: String,
    pub reject_dir: String,
    /// Database and name.
    pub table: Option<(String, String)>,
    pub partition: PartitionBy,
    pub drain: bool,
}

/// A channel file is begun anew after this many bytes, or a quarter of what the channel may hold.
const SEGMENT_BYTES: u64 = 32 << 20;

impl AgentPlan {
    /// Checks `args`; relative local paths begin at `base`.
    ///
    /// # Errors
    /// Config: a value makes no sense.
    pub fn new(args: &AgentArgs, base: &Path) -> Result<Self> {
        let AgentArgs { files, channel_dir, target_dir, reject_dir, hive_database, hive_table, .. } = args;
        let AgentArgs {
            format: LogFormat::Combined, partition, roll, channel_max_bytes, max_line_bytes, drain, ..
        } = *args;
        // A file given by its bare name has an empty path in front of it.
        let base = std::path::absolute(Path::new(".").join(base))
            .map_err(|e| error::config(format!("{} is no directory", base.display())).source(e))?;
        let patterns = files.as_slice();
        if patterns.is_empty() {
            return Err(error::config("files names no file").hint("name the log, such as /var/log/shop/access.log*"));
        }
        let numbers = [
            ("roll.rows", roll.rows, 1, u64::MAX),
            ("roll.bytes", roll.bytes, 1, 1 << 30),
            ("roll.seconds", roll.seconds, 1, 86_400),
            ("channel-max-bytes", channel_max_bytes, 1 << 20, u64::MAX),
            ("max-line-bytes", max_line_bytes as u64, 1 << 10, 16 << 20),
        ];
        for (key, value, least, most) in numbers {
            if value < least || value > most {
                let hint = format!("give at least {least}, at most {most}");
                return Err(error::config(format!("{key} is {value}")).hint(hint));
            }
        }
        if Path::new(reject_dir).starts_with(target_dir) {
            let what = format!("reject-dir {reject_dir} lies in target-dir {target_dir}, where Hive would read it");
            return Err(error::config(what).hint("give rejects a directory of their own"));
        }
        Ok(Self {
            patterns: patterns.iter().map(|text| Pattern::new(text, &base)).collect::<Result<_>>()?,
            channel_dir: base.join(channel_dir),
            channel: ChannelLimits {
                max_bytes: channel_max_bytes,
                segment_bytes: SEGMENT_BYTES.min(channel_max_bytes / 4),
            },
            max_line_bytes,
            roll: Roll { rows: roll.rows, bytes: roll.bytes, age: Duration::from_secs(roll.seconds) },
            target: target_dir.clone(),
            reject_dir: reject_dir.clone(),
            table: table(hive_database.as_ref(), hive_table.as_ref())?,
            partition,
            drain,
        })
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
        assert_eq!(plan.patterns, [Pattern::new("/base/access.log*", Path::new("/")).unwrap()]);
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
        for more in ["hive-table = \"clicks\"", "max-line-bytes = 10", "[roll]\nrows = 0", "channel-max-bytes = 1"] {
            assert_eq!(plan(more).unwrap_err().kind(), Kind::Config, "{more}");
        }
        for more in ["chanel-dir = \"x\"", "partition = \"week\"", "[roll]\ncount = 5"] {
            assert!(toml::from_str::<AgentArgs>(&format!("{REQUIRED}{more}")).is_err(), "{more}");
        }
    }
}
