//! Flume's sources. A new one is a file, and a line in [`ALL`].

mod exec;
mod http;
mod kafka;
mod netcat;
mod netcat_udp;
mod rpc;
mod sequence;
mod spooldir;
mod syslog;
mod taildir;

pub(super) use self::netcat::is_utf8;
pub(super) use self::rpc::{TLS, protocol};

use toml::Value;

use super::options::Component;
use super::output::Table;

/// What became of a source.
#[derive(Debug, Default)]
pub(super) struct SourceDraft {
    /// One source of ours, or several.
    pub parts: Vec<SourcePart>,
    /// Events that Flume puts into a channel at once, if its type tells Flume.
    pub batch: Option<i64>,
}

/// A source of ours.
#[derive(Debug, Default)]
pub(super) struct SourcePart {
    /// What is added to the name, where there are several.
    pub suffix: Option<String>,
    pub table: Table,
    /// What is done to its events before anything else.
    pub first: Vec<Value>,
}

impl SourceDraft {
    fn one(table: Table, batch: Option<i64>) -> Self {
        Self { parts: vec![SourcePart { table, ..SourcePart::default() }], batch }
    }
}

/// What datagrams promise.
const DATAGRAMS: &str =
    "datagrams that come while the agent does not run, or the channel is full, are lost, as with Flume";

/// Those that are here.
pub(super) const ALL: &[&Component<SourceDraft>] = &[
    &taildir::TAILDIR,
    &spooldir::SPOOLDIR,
    &rpc::AVRO,
    &rpc::THRIFT,
    &kafka::KAFKA,
    &http::HTTP,
    &netcat::NETCAT,
    &netcat_udp::NETCAT_UDP,
    &syslog::SYSLOG_TCP,
    &syslog::MULTIPORT,
    &syslog::SYSLOG_UDP,
    &exec::EXEC,
    &sequence::SEQ,
    &sequence::STRESS,
];
