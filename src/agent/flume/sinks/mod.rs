//! Flume's sinks. A new one is a file, and a line in [`ALL`].

mod file_roll;
mod hbase;
mod hdfs;
mod http;
mod kafka;
mod plain;
mod rpc;

use super::options::Component;
use super::output::Table;

/// What became of a sink.
#[derive(Debug, Default)]
pub(super) struct SinkDraft {
    pub table: Table,
    /// When an epoch is complete.
    pub roll: Table,
    /// Events that Flume takes from a channel at once, if its type tells Flume.
    pub batch: Option<i64>,
    pub servers: Servers,
}

/// What sinks say of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Servers {
    /// Whether HDFS is written to.
    pub hdfs: bool,
    /// The gateways of HBase, with commas, where it is written to.
    pub hbase: Option<String>,
    /// The address of HDFS, if the path says it.
    pub url: Option<String>,
    pub principal: Option<String>,
    pub keytab: Option<String>,
    pub proxy_user: Option<String>,
}

/// Those that are here.
pub(super) const ALL: &[&Component<SinkDraft>] = &[
    &hdfs::HDFS,
    &hbase::HBASE,
    &file_roll::FILE_ROLL,
    &kafka::KAFKA,
    &rpc::AVRO,
    &rpc::THRIFT,
    &http::HTTP,
    &plain::LOGGER,
    &plain::NULL,
];
