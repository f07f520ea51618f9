//! The types of channels and sinks in an agent's file, and the keys of each; those of sources are [`sources`](super::sources).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::checks::{Wrongs, at, check_range};
use super::compact::CompactArgs;
use super::complete::CompleteArgs;
use super::encryption::EncryptionArgs;
use super::hbase::{self, HBaseSinkArgs};
use super::hdfs::HdfsArgs;
use super::http::{self, HttpSinkArgs};
use super::kafka::{self, KafkaSinkArgs};
use super::parsers::{self, ParserArgs, ProtectArgs};
use super::rpc::{AvroSinkArgs, ThriftSinkArgs};
use super::{RollArgs, channel_max_bytes, min_free_bytes};
use crate::agent::channels::ChannelLimits;
use crate::agent::channels::damage::Damaged;
use crate::agent::channels::spill::Overflow;
use crate::agent::graph::{ChannelPlan, Storage};
use crate::agent::roll::TimePartition;
use crate::agent::sinks::file_roll::{FileRollOptions, Form, Names};
use crate::agent::sinks::table::TableOptions;
use crate::agent::sinks::{LoggerOptions, SinkKind};
use crate::agent::sorter::Sorting;
use crate::config::{self, Part, Timespan};
use crate::error::{self, Error, Result};
use crate::load::check_target;

/// A channel by its `type`.
#[derive(Debug)]
pub(super) enum ChannelArgs {
    File(FileChannelArgs),
    Memory(MemoryChannelArgs),
}

/// A sink by its `type`.
#[derive(Debug)]
pub(super) enum SinkArgs {
    Table(Box<TableArgs>),
    Hdfs(Box<HdfsArgs>),
    FileRoll(FileRollArgs),
    Avro(Box<AvroSinkArgs>),
    Thrift(Box<ThriftSinkArgs>),
    Kafka(Box<KafkaSinkArgs>),
    HBase(Box<HBaseSinkArgs>),
    Http(Box<HttpSinkArgs>),
    Logger(LoggerOptions),
    Null(NoArgs),
}

/// A component that is told nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArgs {}

/// A channel on the local disk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileChannelArgs {
    pub directory: PathBuf,
    #[serde(default = "channel_max_bytes")]
    pub max_bytes: u64,
    #[serde(default = "u64_max")]
    pub max_events: u64,
    /// Bytes that stay free on its disk.
    #[serde(default = "min_free_bytes")]
    pub min_free_bytes: u64,
    #[serde(default)]
    pub damaged: Damaged,
    #[serde(default)]
    pub encryption: Option<EncryptionArgs>,
}

/// A channel in memory.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MemoryChannelArgs {
    #[serde(default = "memory_max_bytes")]
    max_bytes: u64,
    #[serde(default = "u64_max")]
    max_events: u64,
    /// Where what does not fit goes.
    #[serde(default)]
    overflow: Option<OverflowArgs>,
}

/// The disk behind a channel in memory: a channel on the disk, and when it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct OverflowArgs {
    directory: PathBuf,
    #[serde(default = "channel_max_bytes")]
    max_bytes: u64,
    #[serde(default = "u64_max")]
    max_events: u64,
    #[serde(default = "min_free_bytes")]
    min_free_bytes: u64,
    #[serde(default)]
    damaged: Damaged,
    #[serde(default)]
    encryption: Option<EncryptionArgs>,
    /// How long a put waits for room in memory first.
    #[serde(default)]
    after: Option<Timespan>,
}

/// Files of a table in HDFS, registered with Hive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TableArgs {
    pub target_dir: String,
    pub reject_dir: String,
    #[serde(default)]
    pub hive_database: Option<String>,
    #[serde(default)]
    pub hive_table: Option<String>,
    #[serde(default)]
    pub partition: TimePartition,
    pub parser: ParserArgs,
    /// How values are hidden before they are stored.
    #[serde(default)]
    pub protect: Vec<ProtectArgs>,
    /// When partitions are complete, and what says so.
    #[serde(default)]
    pub complete: Option<CompleteArgs>,
    /// How the files of closed partitions are rewritten into fewer, while the agent runs.
    #[serde(default)]
    pub compact: Option<CompactArgs>,
}

/// Files of events on the local disk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileRollArgs {
    directory: PathBuf,
    reject_dir: PathBuf,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    extension: String,
    #[serde(default)]
    names: Names,
    #[serde(default)]
    serializer: Form,
    #[serde(default = "yes")]
    append_newline: bool,
}

fn yes() -> bool {
    true
}

fn u64_max() -> u64 {
    u64::MAX
}

fn memory_max_bytes() -> u64 {
    64 << 20
}

/// Reads a channel.
pub(super) fn channel(part: &mut Part<'_>) -> Result<ChannelArgs, Vec<Error>> {
    match part.text("type").map_err(|e| vec![e])?.as_str() {
        "file" => part.read().map(ChannelArgs::File),
        "memory" => part.read().map(ChannelArgs::Memory),
        other => Err(unknown(part, other, &["file", "memory"])),
    }
}

/// Reads a sink.
pub(super) fn sink(part: &mut Part<'_>) -> Result<SinkArgs, Vec<Error>> {
    match part.text("type").map_err(|e| vec![e])?.as_str() {
        "table" => part.read().map(SinkArgs::Table),
        "hdfs" => part.read().map(SinkArgs::Hdfs),
        "file-roll" => part.read().map(SinkArgs::FileRoll),
        "avro" => part.read().map(SinkArgs::Avro),
        "thrift" => part.read().map(SinkArgs::Thrift),
        "kafka" => part.read().map(SinkArgs::Kafka),
        "hbase" => part.read().map(SinkArgs::HBase),
        "http" => part.read().map(SinkArgs::Http),
        "logger" => part.read().map(SinkArgs::Logger),
        "null" => part.read().map(SinkArgs::Null),
        other => {
            let known = ["table", "hdfs", "hbase", "file-roll", "kafka", "avro", "thrift", "http", "logger", "null"];
            Err(unknown(part, other, &known))
        }
    }
}

pub(super) fn unknown(part: &Part<'_>, name: &str, known: &[&str]) -> Vec<Error> {
    let hint = match config::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known types: {}", known.join(", ")),
    };
    vec![part.wrong("type", error::config(format!("unknown type `{name}`")).hint(hint))]
}

impl FileChannelArgs {
    /// Where it is, and its limits.
    ///
    /// # Errors
    /// Config: it has no room.
    pub(super) fn place(&self, base: &Path) -> Result<(PathBuf, ChannelLimits), Wrongs> {
        let limits = limits(self.max_bytes, self.max_events)?;
        Ok((base.join(&self.directory), ChannelLimits { min_free_bytes: self.min_free_bytes, ..limits }))
    }
}

/// A channel file is begun anew after this many bytes, or a quarter of what the channel may hold.
const SEGMENT_BYTES: u64 = 32 << 20;

fn limits(max_bytes: u64, max_events: u64) -> Result<ChannelLimits, Wrongs> {
    let mut wrong = Wrongs::default();
    wrong.note(check_range("max-bytes", max_bytes, 1 << 20, u64::MAX));
    wrong.note(check_range("max-events", max_events, 1, u64::MAX));
    wrong.end()?;
    Ok(ChannelLimits { max_bytes, max_events, segment_bytes: SEGMENT_BYTES.min(max_bytes / 4), min_free_bytes: 0 })
}

impl ChannelArgs {
    /// The channel of this name; relative paths begin at `base`.
    ///
    /// # Errors
    /// Config: it has no room, or a key of it cannot be had.
    pub(super) fn plan(self, name: String, base: &Path) -> Result<ChannelPlan, Wrongs> {
        let mut wrong = Wrongs::default();
        match self {
            Self::File(args) => {
                let place = wrong.note(args.place(base));
                let keys = args.encryption.map(|keys| keys.plan(base)).transpose().map_err(at("encryption"));
                let (Some((directory, limits)), Some(keys)) = (place, wrong.note(keys)) else { return Err(wrong) };
                let storage = Storage { keys: keys.unwrap_or_default(), overflow: None };
                Ok(ChannelPlan { name, directory: Some(directory), limits, damaged: args.damaged, storage })
            }
            Self::Memory(args) => {
                let limits = wrong.note(limits(args.max_bytes, args.max_events));
                let spills = args.overflow.map(|overflow| overflow.plan(name.clone(), base)).transpose();
                let (Some(limits), Some(spills)) = (limits, wrong.note(spills)) else { return Err(wrong) };
                if let Some(spills) = spills {
                    return Ok(ChannelPlan { limits, ..spills });
                }
                let (damaged, storage) = (Damaged::Stop, Storage::default());
                Ok(ChannelPlan { name, directory: None, limits, damaged, storage })
            }
        }
    }
}

impl OverflowArgs {
    /// A channel that spills there, whose own limits are those of another place.
    fn plan(self, name: String, base: &Path) -> Result<ChannelPlan, Wrongs> {
        let Self { directory, max_bytes, max_events, min_free_bytes, damaged, encryption, after } = self;
        let args = FileChannelArgs { directory, max_bytes, max_events, min_free_bytes, damaged, encryption };
        let mut wrong = Wrongs::default();
        match ChannelArgs::File(args).plan(name, base) {
            Ok(plan) => {
                let overflow = Overflow { limits: plan.limits, after: after.map_or(Duration::ZERO, Timespan::get) };
                Ok(ChannelPlan { storage: Storage { overflow: Some(overflow), ..plan.storage }, ..plan })
            }
            Err(all) => {
                all.into_iter().for_each(|(key, e)| wrong.add("overflow", e.context(format!("{key} of the overflow"))));
                Err(wrong)
            }
        }
    }
}

impl SinkArgs {
    /// The epochs where nobody says which: short ones where events are passed on, as nobody waits for files there.
    pub(super) fn roll(&self) -> RollArgs {
        match self {
            Self::Avro(_) | Self::Thrift(_) => {
                RollArgs { rows: 10_000, bytes: 8 << 20, age: Timespan::from_secs(1), idle: None }
            }
            // Who reads a topic waits for its records; nobody waits for a file.
            Self::Kafka(_) => kafka::ROLL,
            Self::HBase(_) => hbase::ROLL,
            Self::Http(_) => http::ROLL,
            _ => RollArgs::default(),
        }
    }

    pub(super) fn plan(self, base: &Path) -> Result<SinkKind, Wrongs> {
        Ok(match self {
            Self::Table(args) => SinkKind::Table(Box::new(args.plan(base)?)),
            Self::FileRoll(args) => SinkKind::FileRoll(Box::new(args.plan(base)?)),
            Self::Kafka(args) => SinkKind::Kafka(Box::new(args.plan(base)?)),
            Self::HBase(args) => SinkKind::HBase(Box::new(args.plan(base)?)),
            Self::Http(args) => SinkKind::Http(Box::new(args.plan(base)?)),
            Self::Hdfs(args) => SinkKind::Hdfs(Box::new(args.plan()?)),
            Self::Avro(args) => SinkKind::Rpc(Box::new(args.plan(base)?)),
            Self::Thrift(args) => SinkKind::Rpc(Box::new(args.plan(base)?)),
            Self::Logger(options) => SinkKind::Logger(options),
            Self::Null(NoArgs {}) => SinkKind::Null,
        })
    }
}

impl TableArgs {
    /// # Errors
    /// Config: its directories, its table or its parser make no sense.
    pub(super) fn plan(self, base: &Path) -> Result<TableOptions, Wrongs> {
        let Self { target_dir, reject_dir, hive_database, hive_table, partition, parser, protect, complete, compact } =
            self;
        let mut wrong = Wrongs::default();
        if Path::new(&reject_dir).starts_with(&target_dir) {
            let what = format!("reject-dir {reject_dir} lies in target-dir {target_dir}, where Hive would read it");
            wrong.add("reject-dir", error::config(what).hint("give rejects a directory of their own"));
        }
        // One half of the table's name alone is a mistake of its own.
        let (has_table, completes) = (hive_database.is_some() || hive_table.is_some(), complete.is_some());
        let table = match (hive_database, hive_table) {
            (Some(database), Some(table)) => Some((database, table)),
            (None, None) => None,
            (Some(_), None) => {
                let e = error::config("hive-database is given without hive-table").hint("give both");
                wrong.add("hive-database", e);
                None
            }
            (None, Some(_)) => {
                let e = error::config("hive-table is given without hive-database").hint("give both");
                wrong.add("hive-table", e);
                None
            }
        };
        let parser = wrong.note(parser.plan().map_err(at("parser")));
        let parser = parser.and_then(|of| wrong.note(parsers::protected(of, protect, base).map_err(at("protect"))));
        let complete = wrong.note(complete.map(|args| args.plan(has_table)).transpose());
        let compact = wrong.note(compact.map(|args| args.plan(has_table, completes)).transpose());
        let (Some(parser), Some(complete), Some(compact), true) = (parser, complete, compact, wrong.is_empty()) else {
            return Err(wrong);
        };
        let sorting = Sorting::new(parser, partition);
        Ok(TableOptions { target: target_dir, reject_dir, table, sorting, complete, compact })
    }
}

impl FileRollArgs {
    /// # Errors
    /// Config: a directory or a part of a name makes no sense.
    fn plan(self, base: &Path) -> Result<FileRollOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let Self { directory, reject_dir, prefix, extension, names, serializer, append_newline } = self;
        let absolute = |key: &'static str, path: &Path| {
            let path = base.join(path);
            let text = path.to_str().map(str::to_owned).filter(|text| check_target(text).is_ok());
            text.ok_or_else(|| {
                let e = error::config(format!("{key} {} cannot be a directory of events", path.display()));
                (key, e.hint("name one whose components are neither hidden nor . or .., such as /var/lib/shop/events"))
            })
        };
        let directory = wrong.note(absolute("directory", &directory));
        let reject_dir = wrong.note(absolute("reject-dir", &reject_dir));
        if let (Some(reject_dir), Some(directory)) = (&reject_dir, &directory)
            && Path::new(reject_dir).starts_with(directory)
        {
            let what = format!("reject-dir {reject_dir} lies in {directory}, among the events");
            wrong.add("reject-dir", error::config(what).hint("give rejects a directory of their own"));
        }
        for (key, text) in [("prefix", &prefix), ("extension", &extension)] {
            if text.contains('/') || text.starts_with(['.', '_']) {
                let e = error::config(format!("{key} {text:?} cannot be part of a file's name"));
                wrong.add(key, e.hint("leave out /, and do not begin with a point or an underscore"));
            }
        }
        let (Some(directory), Some(reject_dir), true) = (directory, reject_dir, wrong.is_empty()) else {
            return Err(wrong);
        };
        let extension = if extension.is_empty() { extension } else { format!(".{extension}") };
        Ok(FileRollOptions {
            directory,
            reject_dir,
            sink: String::new(),
            prefix,
            extension,
            names,
            form: serializer,
            newline: append_newline,
        })
    }
}
