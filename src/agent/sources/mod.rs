//! Where events come from.
//!
//! | source | what | after a crash |
//! |---|---|---|
//! | [`taildir`] | the lines of the files that match a pattern, followed as they grow and are rotated | each once |
//! | [`spooldir`] | the lines of files that are complete when they come into a directory, or the files | each once |
//! | [`kafka`] | the records of Kafka's topics, as a member of a consumer group | each once; between several agents of a group at least once |
//! | [`exec`] | lines that a command prints | none is promised |
//! | [`rpc`] | events that other agents send by Flume's calls, in Avro or Thrift | each that was answered at least once |
//! | [`http`] | events that clients post | each that was answered at least once |
//! | [`netcat`] | lines that anybody sends to a TCP port | each that was answered at least once |
//! | [`netcat_udp`] | lines in datagrams | none is promised |
//! | [`syslog`] | messages of syslog, over TCP or in datagrams | none is promised |
//! | [`replay`] | events that were put aside, for `agent replay` alone | each once |
//! | [`sequence`] | numbers, or bodies of one size, for tests and measurements | each once |

mod datagrams;
pub(super) mod exec;
pub(super) mod http;
mod intake;
pub(super) mod kafka;
pub(super) mod netcat;
pub(super) mod netcat_udp;
pub(super) mod replay;
pub(super) mod rpc;
pub(super) mod sequence;
pub(super) mod spooldir;
pub(super) mod syslog;
pub(super) mod taildir;

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use self::exec::{ExecOptions, ExecSource};
use self::http::{HttpOptions, HttpSource};
use self::kafka::{KafkaOptions, KafkaSource};
use self::netcat::{NetcatOptions, NetcatSource};
use self::netcat_udp::{NetcatUdpOptions, NetcatUdpSource};
use self::replay::{ReplayOptions, ReplaySource};
use self::rpc::{RpcOptions, RpcSource};
use self::sequence::{SequenceOptions, SequenceSource};
use self::spooldir::{SpooldirOptions, SpooldirSource};
use self::syslog::{SyslogOptions, SyslogSource, Transport};
use self::taildir::{TaildirOptions, TaildirSource};
use super::channels;
use super::outlet::Outlet;
use super::position::{PositionForm, SourcePosition};
use crate::error::{Error, Result};

/// Gives events to the agent. A source runs on a thread of its own and may block.
pub(super) trait Source: Send {
    /// Gives events until the outlet takes no more, or, where the source drains, until there are no more.
    ///
    /// # Errors
    /// What keeps the source from going on at all. What will pass, and what concerns some of its events only, is told
    /// in the report.
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport>;
}

/// What a source has to say at its end.
#[derive(Debug, Default)]
pub(super) struct SourceReport {
    /// What was left or skipped, in words.
    pub notes: Vec<String>,
    /// How many of its files or directories could not be read at last.
    pub unread: usize,
    /// Why the first of them could not.
    pub trouble: Option<Error>,
}

/// Where a port is listened on unless another address is named: whoever reaches that one can send.
pub(super) fn loopback() -> String {
    "127.0.0.1".to_owned()
}

/// A port that a source listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port<'a> {
    pub transport: Transport,
    pub bind: &'a str,
    pub port: u16,
}

impl Port<'_> {
    /// Whether two cannot be listened on at once.
    pub(super) fn meets(&self, other: &Port<'_>) -> bool {
        let is_any = |bind: &str| bind.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        (self.transport, self.port) == (other.transport, other.port)
            && (self.bind.eq_ignore_ascii_case(other.bind) || is_any(self.bind) || is_any(other.bind))
    }

    /// Takes it and gives it back.
    ///
    /// # Errors
    /// Config: the address makes no sense. Refused, Auth: the port cannot be had.
    pub(super) fn try_it(self) -> Result<()> {
        match self.transport {
            Transport::Tcp => intake::bind(self.bind, self.port).map(drop),
            Transport::Udp => datagrams::bind(self.bind, self.port).map(drop),
        }
    }
}

/// Takes a port, for others of the agent who serve one.
///
/// # Errors
/// Those of [`Port::try_it`].
pub(super) fn listen(bind: &str, port: u16) -> Result<TcpListener> {
    intake::bind(bind, port)
}

/// The sources, and what each is told.
#[derive(Debug)]
pub(super) enum SourceKind {
    Taildir { options: TaildirOptions, drain: bool },
    Sequence(SequenceOptions),
    Netcat(NetcatOptions),
    NetcatUdp(NetcatUdpOptions),
    Http(Box<HttpOptions>),
    Rpc(Box<RpcOptions>),
    Syslog(Box<SyslogOptions>),
    Exec(ExecOptions),
    Spooldir { options: Box<SpooldirOptions>, drain: bool },
    Kafka { options: Box<KafkaOptions>, drain: bool },
    Replay(ReplayOptions),
}

impl SourceKind {
    /// The form of its position.
    pub(super) fn form(&self) -> PositionForm {
        match self {
            Self::Taildir { .. } => taildir::FORM,
            Self::Sequence(_) => sequence::FORM,
            Self::Netcat(_) => netcat::FORM,
            Self::NetcatUdp(_) => netcat_udp::FORM,
            Self::Http(_) => http::FORM,
            Self::Rpc(options) => options.form(),
            Self::Syslog(_) => syslog::FORM,
            Self::Exec(_) => exec::FORM,
            Self::Spooldir { .. } => spooldir::FORM,
            Self::Kafka { .. } => kafka::FORM,
            Self::Replay(_) => replay::FORM,
        }
    }

    /// Whether it can be read again from where its position says, so that it has to know that before it begins.
    pub(super) fn is_read_again(&self) -> bool {
        match self {
            Self::Taildir { .. } | Self::Spooldir { .. } | Self::Kafka { .. } | Self::Sequence(_) | Self::Replay(_) => {
                true
            }
            Self::Netcat(_) | Self::NetcatUdp(_) | Self::Http(_) | Self::Rpc(_) | Self::Syslog(_) | Self::Exec(_) => {
                false
            }
        }
    }

    /// Whether it would read the files of a channel in this directory.
    pub(super) fn reads(&self, directory: &Path) -> bool {
        let files = channels::names().map(|name| directory.join(name));
        matches!(self, Self::Taildir { options, .. }
            if options.patterns.iter().any(|pattern| files.iter().any(|file| pattern.accepts(file))))
    }

    /// The ports that it listens on.
    pub(super) fn listens(&self) -> Vec<Port<'_>> {
        let (transport, bind, ports) = match self {
            Self::Netcat(NetcatOptions { bind, port, .. }) => (Transport::Tcp, bind, std::slice::from_ref(port)),
            Self::NetcatUdp(NetcatUdpOptions { bind, port, .. }) => (Transport::Udp, bind, std::slice::from_ref(port)),
            Self::Http(options) => (Transport::Tcp, &options.bind, std::slice::from_ref(&options.port)),
            Self::Rpc(options) => (Transport::Tcp, &options.bind, std::slice::from_ref(&options.port)),
            Self::Syslog(options) => (options.transport, &options.bind, &options.ports[..]),
            Self::Taildir { .. }
            | Self::Sequence(_)
            | Self::Exec(_)
            | Self::Spooldir { .. }
            | Self::Kafka { .. }
            | Self::Replay(_) => {
                return Vec::new();
            }
        };
        ports.iter().map(|port| Port { transport, bind, port: *port }).collect()
    }

    /// Lets it end when it has read what there is, where there is such a point.
    pub(super) fn drain(&mut self) {
        if let Self::Taildir { drain, .. } | Self::Spooldir { drain, .. } | Self::Kafka { drain, .. } = self {
            *drain = true;
        }
    }

    /// The entries of its position that it begins with, where no channel knows anything of it and it was told where.
    ///
    /// # Errors
    /// Those of the files that say it.
    pub(super) fn beginning(&self) -> Result<Option<BTreeMap<String, Value>>> {
        match self {
            Self::Taildir { options, .. } => taildir::beginning(options),
            _ => Ok(None),
        }
    }

    /// The source, which goes on where its position says.
    ///
    /// # Errors
    /// Data: the position is not one of its own. Config, Refused, Auth: its port cannot be had, or its directory.
    pub(super) fn open(self, position: Option<&SourcePosition>) -> Result<Box<dyn Source>> {
        Ok(match self {
            Self::Taildir { options, drain } => Box::new(TaildirSource::new(options, drain, position)?),
            Self::Sequence(options) => Box::new(SequenceSource::new(options, position)),
            Self::Netcat(options) => Box::new(NetcatSource::bind(options)?),
            Self::NetcatUdp(options) => Box::new(NetcatUdpSource::bind(options)?),
            Self::Syslog(options) => Box::new(SyslogSource::bind(*options)?),
            Self::Spooldir { options, drain } => Box::new(SpooldirSource::new(*options, drain, position)?),
            Self::Kafka { options, drain } => Box::new(KafkaSource::new(*options, drain, position)?),
            Self::Http(options) => Box::new(HttpSource::bind(*options)?),
            Self::Rpc(options) => Box::new(RpcSource::bind(*options)?),
            Self::Exec(options) => Box::new(ExecSource(options)),
            Self::Replay(options) => Box::new(ReplaySource::new(options, position)),
        })
    }
}
