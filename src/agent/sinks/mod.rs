//! Where events go to.
//!
//! | sink | what |
//! |---|---|
//! | [`table::TableSink`] | Parquet files in HDFS, registered as partitions of a Hive table |
//! | [`hdfs::HdfsSink`] | files in HDFS of events as they are, in directories by headers and time |
//! | [`file_roll::FileRollSink`] | files of events on the local disk |
//! | [`rpc::RpcSink`] | another agent, by Flume's calls in Avro or Thrift |
//! | [`kafka::KafkaSink`] | records in Kafka's topics, at least once |
//! | [`hbase::HBaseSink`] | rows of a table of HBase |
//! | [`http::HttpSink`] | requests to a server of HTTP, at least once |
//! | [`group::GroupSink`] | several sinks that empty one channel together, an epoch each |
//! | [`null::NullSink`] | nothing, for tests and measurements |
//! | [`logger::LoggerSink`] | the agent's own log, to look at events |
//!
//! A sink takes epochs: the events between two cursors, all of them or none. One that keeps the cursor in its target, by
//! the same step that makes the events visible, has each event once whatever happens.

mod aside;
mod events;
pub(super) mod file_roll;
pub(super) mod group;
pub(super) mod hbase;
pub(super) mod hdfs;
pub(super) mod http;
pub(super) mod kafka;
mod logger;
mod null;
mod place;
pub(super) mod rpc;
pub(super) mod table;
mod text;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

pub(super) use self::events::{Events, Place};
use self::file_roll::{FileRollOptions, FileRollSink};
use self::group::{GroupOptions, GroupSink, Member};
use self::hbase::{HBaseSink, HBaseSinkOptions};
use self::hdfs::{HdfsOptions, HdfsSink};
use self::http::{HttpSink, HttpSinkOptions};
use self::kafka::{KafkaSink, KafkaSinkOptions};
pub(crate) use self::logger::LoggerOptions;
use self::logger::LoggerSink;
use self::null::NullSink;
use self::rpc::{RpcOptions, RpcSink};
use self::table::{TableOptions, TableSink};
use super::channels::cursor::Cursor;
use super::rejects::Rejects;
use super::rpc::ClientOptions;
use super::servers::Servers;
use super::sorter::{Sorted, Sorter};
use crate::error::{self, Error, Result};
use crate::load::{Load, SideWriter, StagedPart};

/// The sinks, and what each is told.
#[derive(Debug)]
pub(super) enum SinkKind {
    Table(Box<TableOptions>),
    Hdfs(Box<HdfsOptions>),
    FileRoll(Box<FileRollOptions>),
    Rpc(Box<RpcOptions>),
    Kafka(Box<KafkaSinkOptions>),
    HBase(Box<HBaseSinkOptions>),
    Http(Box<HttpSinkOptions>),
    Null,
    Logger(LoggerOptions),
    Group(GroupOptions),
}

impl SinkKind {
    /// The sinks that it consists of: itself, or those of a group.
    fn all(&self) -> Vec<&Self> {
        match self {
            Self::Group(options) => options.members.iter().map(|member| &member.kind).collect(),
            kind => vec![kind],
        }
    }

    /// Whether it writes into the cluster.
    pub(super) fn needs_cluster(&self) -> bool {
        self.all().into_iter().any(|kind| matches!(kind, Self::Table(_) | Self::Hdfs(_)))
    }

    /// Whether it writes to HBase.
    pub(super) fn needs_hbase(&self) -> bool {
        !self.hbase_tables().is_empty()
    }

    /// The tables of HBase that it writes to.
    pub(super) fn hbase_tables(&self) -> Vec<&str> {
        self.all().into_iter().filter_map(Self::hbase_table).collect()
    }

    fn hbase_table(&self) -> Option<&str> {
        match self {
            Self::HBase(options) => Some(&options.table),
            _ => None,
        }
    }

    /// Whether it registers what it writes with the metastore.
    pub(super) fn needs_metastore(&self) -> bool {
        matches!(self, Self::Table(options) if options.table.is_some())
    }

    /// Whether it takes rows, and not events as they are.
    pub(super) fn takes_rows(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// The table of Hive that it fills, with its database.
    pub(super) fn table(&self) -> Option<(&str, &str)> {
        match self {
            Self::Table(options) => options.table.as_ref().map(|(database, table)| (database.as_str(), table.as_str())),
            Self::Hdfs(_)
            | Self::FileRoll(_)
            | Self::Kafka(_)
            | Self::HBase(_)
            | Self::Http(_)
            | Self::Rpc(_)
            | Self::Null
            | Self::Logger(_)
            | Self::Group(_) => None,
        }
    }

    /// Tells it what it is called, for what it puts aside.
    pub(super) fn call(&mut self, name: &str) {
        match self {
            Self::Table(options) => options.sorting.sink = name.to_owned(),
            Self::Hdfs(options) => options.sink = name.to_owned(),
            Self::FileRoll(options) => options.sink = name.to_owned(),
            Self::HBase(options) => options.sink = name.to_owned(),
            Self::Http(options) => options.sink = name.to_owned(),
            Self::Kafka(_) | Self::Rpc(_) | Self::Null | Self::Logger(_) | Self::Group(_) => {}
        }
    }

    /// Where it puts events aside; those of a group each where it does.
    pub(super) fn reject_dirs(&self) -> Vec<&str> {
        self.all().into_iter().filter_map(Self::reject_dir).collect()
    }

    fn reject_dir(&self) -> Option<&str> {
        match self {
            Self::Table(options) => Some(&options.reject_dir),
            Self::Hdfs(options) => Some(&options.reject_dir),
            Self::FileRoll(options) => Some(&options.reject_dir),
            Self::HBase(options) => Some(&options.reject_dir),
            Self::Http(options) => Some(&options.reject_dir),
            Self::Kafka(_) | Self::Rpc(_) | Self::Null | Self::Logger(_) | Self::Group(_) => None,
        }
    }

    /// The directories in the cluster that belong to it alone.
    pub(super) fn targets(&self) -> Vec<&str> {
        self.all().into_iter().filter_map(Self::target).collect()
    }

    fn target(&self) -> Option<&str> {
        match self {
            Self::Table(options) => Some(&options.target),
            Self::Hdfs(options) => Some(options.root()),
            Self::FileRoll(_)
            | Self::Kafka(_)
            | Self::HBase(_)
            | Self::Http(_)
            | Self::Rpc(_)
            | Self::Null
            | Self::Logger(_)
            | Self::Group(_) => None,
        }
    }

    /// The directories of this host that belong to it alone.
    pub(super) fn directories(&self) -> Vec<&str> {
        self.all().into_iter().filter_map(Self::directory).collect()
    }

    fn directory(&self) -> Option<&str> {
        match self {
            Self::FileRoll(options) => Some(&options.directory),
            _ => None,
        }
    }

    /// The agents that it sends to.
    pub(super) fn clients(&self) -> Vec<&ClientOptions> {
        self.all().into_iter().filter_map(Self::client).collect()
    }

    fn client(&self) -> Option<&ClientOptions> {
        match self {
            Self::Rpc(options) => Some(&options.client),
            _ => None,
        }
    }

    /// The servers that it posts to.
    pub(super) fn http(&self) -> Vec<&HttpSinkOptions> {
        self.all().into_iter().filter_map(Self::own_http).collect()
    }

    fn own_http(&self) -> Option<&HttpSinkOptions> {
        match self {
            Self::Http(options) => Some(options),
            _ => None,
        }
    }

    /// What it is told of Kafka, where it writes there.
    pub(super) fn kafka(&self) -> Vec<&KafkaSinkOptions> {
        self.all().into_iter().filter_map(Self::own_kafka).collect()
    }

    fn own_kafka(&self) -> Option<&KafkaSinkOptions> {
        match self {
            Self::Kafka(options) => Some(options),
            _ => None,
        }
    }

    /// The sink of a run; `shares` says that others empty its channel, too.
    ///
    /// # Errors
    /// Bug: it needs a cluster, or HBase, and was given none.
    pub(super) fn open(self, servers: &Servers, run_id: &str, shares: bool) -> Result<Box<dyn Sink>> {
        let cluster = || servers.cluster.clone().ok_or_else(|| error::bug("a sink needs a cluster and has none"));
        let run = || run_id.to_owned();
        Ok(match self {
            Self::Table(options) => Box::new(TableSink::new(cluster()?, *options, run())),
            Self::Hdfs(options) => Box::new(HdfsSink { cluster: cluster()?, options: *options, run_id: run(), shares }),
            Self::FileRoll(options) => Box::new(FileRollSink::new(*options, run(), shares)),
            Self::Rpc(options) => Box::new(RpcSink::new(*options)),
            Self::Kafka(options) => Box::new(KafkaSink::new(*options)?),
            Self::Http(options) => Box::new(HttpSink::new(*options, shares)?),
            Self::HBase(options) => {
                let server = servers.hbase.clone().ok_or_else(|| error::bug("a sink needs hbase and has none"))?;
                Box::new(HBaseSink::new(*options, server))
            }
            Self::Null => Box::new(NullSink),
            Self::Logger(options) => Box::new(LoggerSink::new(options)),
            Self::Group(GroupOptions { name, members, processor }) => {
                let open = |Member { name, priority, kind }: Member<Self>| {
                    Ok(Member { name, priority, kind: kind.open(servers, run_id, true)? })
                };
                let members = members.into_iter().map(open).collect::<Result<_>>()?;
                Box::new(GroupSink::new(name, members, processor))
            }
        })
    }
}

/// Takes epochs.
#[async_trait(?Send)]
pub(super) trait Sink {
    /// What the summary calls it.
    fn name(&self) -> String;

    /// Sorts events into rows, for a sink that takes rows; `None` for one that takes events as they are.
    fn sorter(&self) -> Option<Sorter>;

    /// Finishes what an earlier run left half done, and gives the cursor that the target keeps.
    ///
    /// # Errors
    /// Those of the target. Config: it holds something else than such events.
    async fn recover(&mut self) -> Result<Kept>;

    /// Reaches a target that [`Sink::recover`] does not ask, before there is an event for it.
    ///
    /// # Errors
    /// Those of the target. NotFound, Schema: it does not have what the sink writes to.
    async fn greet(&mut self) -> Result<()> {
        Ok(())
    }

    /// Begins the epoch at `from`.
    ///
    /// # Errors
    /// Those of the target. Config: another agent fills the target.
    async fn begin(&mut self, from: &Cursor) -> Result<Begun>;

    /// Does what is due while there is no event, and has not been for so long; called between epochs, again and again.
    ///
    /// # Errors
    /// Those of the target. What was done of it may be done again.
    async fn rest(&mut self, _quiet: Duration) -> Result<Written> {
        Ok(Written::default())
    }
}

/// What a target knows of the channel that fills it.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// The cursor of the last epoch; `None` if there was no epoch.
    Target(Option<Cursor>),
    /// Of several targets some keep cursors, of which this is the furthest; where the last epoch went to one of the others,
    /// the channel is ahead of it.
    SomeTargets(Option<Cursor>),
    /// It keeps none: what the channel knows is all. An epoch that was written and not noted comes again.
    Channel,
}

/// An epoch that was begun.
pub(super) enum Begun {
    /// It can be written.
    Epoch(Box<dyn EpochWriter>),
    /// The target has it already, up to this cursor.
    There(Cursor, Box<Written>),
}

/// Events on their way to a sink.
#[derive(Debug)]
pub(super) enum Chunk {
    Rows(Sorted),
    /// As they are, for a sink without a sorter.
    Events(Events),
}

/// Writes one epoch. Nothing is visible before it is committed; dropped, it leaves what the next run removes.
#[async_trait(?Send)]
pub(super) trait EpochWriter {
    /// Writes more of the epoch.
    ///
    /// # Errors
    /// Those of the target. The epoch cannot be gone on with.
    async fn write(&mut self, chunk: Chunk) -> Result<()>;

    /// Makes the epoch visible, and `to` the target's cursor, as one. Safe to repeat from [`Sink::begin`] on.
    ///
    /// # Errors
    /// Those of the target. The epoch may be there or not, which the next [`Sink::begin`] finds out.
    async fn commit(self: Box<Self>, to: &Cursor) -> Result<Written>;
}

/// What an epoch became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub rows: u64,
    pub bytes: u64,
    pub files: u64,
    /// Events that were put aside.
    pub rejects: u64,
    /// Why the first of them was.
    pub first_reject: Option<String>,
    /// Rows among them for partitions that were complete.
    pub late: u64,
    /// Partitions that are complete since then.
    pub complete: u64,
    /// The time up to which rows are taken to be there, where that is kept.
    pub watermark: Option<Timestamp>,
    /// Partitions whose files were rewritten, beside the epoch.
    pub compacted: u64,
    /// Attempts to do that which failed.
    pub compact_failures: u64,
}

impl Written {
    /// What the files of a load hold, of which those in `reject_dir` hold what was put aside.
    fn of(parts: &[StagedPart], reject_dir: &str) -> Self {
        let is_reject = |part: &&StagedPart| part.directory.as_deref() == Some(reject_dir.trim_end_matches('/'));
        Self {
            rows: parts.iter().filter(|part| !is_reject(part)).map(|part| part.rows).sum(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            files: parts.len() as u64,
            rejects: parts.iter().filter(is_reject).map(|part| part.rows).sum(),
            ..Self::default()
        }
    }
}

/// The error where the target is further than it can be.
fn overtaken(target: &str) -> Error {
    error::config(format!("another agent has added to {target} meanwhile")).hint("give each agent a target of its own")
}

/// The file of what an epoch puts aside, which is begun with the first event.
#[derive(Default)]
struct RejectFile {
    file: Option<SideWriter>,
    first_reason: Option<String>,
}

impl RejectFile {
    /// Puts events aside in a file of the load in `directory`.
    async fn add(&mut self, load: &Load, directory: &str, rejects: Rejects) -> Result<()> {
        if rejects.rows == 0 {
            return Ok(());
        }
        if self.first_reason.is_none() {
            self.first_reason = rejects.first_reason;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(load.side_part(directory, &format!("rejects-{}.json", load.id())).await?),
        };
        file.write(rejects.bytes, rejects.rows).await
    }

    /// Completes the file, if there is one.
    async fn finish(&mut self) -> Result<Option<StagedPart>> {
        match self.file.take() {
            Some(file) => file.finish().await.map(Some),
            None => Ok(None),
        }
    }
}
