//! The keys of the sources and sinks that speak Flume's calls: `avro` and `thrift`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::{Wrong, Wrongs, at, check_listener, check_range};
use super::tls::{self, ServerTlsArgs, of_store};
use crate::agent::in_flight::InFlight;
use crate::agent::rpc::{ClientOptions, Deflation, Encoding, Entrance, Limits, Speech};
use crate::agent::sinks::rpc::RpcOptions as SinkOptions;
use crate::agent::sources::loopback;
use crate::agent::sources::rpc::{RpcOptions as SourceOptions, Rule};
use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Error, Result};
use crate::net::tls::{Store, Tls, Trust};
use crate::secret::Secret;

/// A port for Flume's calls in Avro.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct AvroSourceArgs {
    #[serde(default = "loopback")]
    bind: String,
    port: u16,
    #[serde(default)]
    compression: Compression,
    #[serde(default)]
    tls: Option<ServerTlsArgs>,
    /// Rules for the addresses of clients, of which the first that matches counts.
    #[serde(default)]
    ip_filter: Vec<String>,
    #[serde(default = "max_call_bytes")]
    max_call_bytes: u64,
    #[serde(default = "max_bytes_in_flight")]
    max_bytes_in_flight: u64,
}

/// A port for Flume's calls in Thrift.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ThriftSourceArgs {
    #[serde(default = "loopback")]
    bind: String,
    port: u16,
    #[serde(default)]
    protocol: Encoding,
    #[serde(default)]
    tls: Option<ServerTlsArgs>,
    #[serde(default = "max_call_bytes")]
    max_call_bytes: u64,
    #[serde(default = "max_bytes_in_flight")]
    max_bytes_in_flight: u64,
}

/// Declares the keys of a sink that sends to another agent: those that all of them have join its own. Serde's `flatten`
/// would do that too, but it forgets the line of a mistake and cannot tell a misspelt key.
macro_rules! to_another_agent {
    ($(#[$attribute:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub(super) struct $name {
            host: String,
            port: u16,
            #[serde(default = "batch_size")]
            batch_size: u64,
            #[serde(default = "timeout")]
            connect_timeout: Timespan,
            #[serde(default = "timeout")]
            request_timeout: Timespan,
            #[serde(default)]
            reset_connection_interval: Option<Timespan>,
            #[serde(default)]
            tls: Option<ClientTlsArgs>,
            $($own)*
        }

        impl $name {
            /// The sink that speaks so.
            ///
            /// # Errors
            /// Config: a value makes no sense.
            fn speaking(
                self,
                speech: Speech,
                deflation: Result<Option<Deflation>, Wrongs>,
                base: &Path,
            ) -> Result<SinkOptions, Wrongs> {
                let mut wrong = Wrongs::default();
                let host = wrong.note(host(self.host));
                wrong.note(check_range("port", self.port.into(), 1, u16::MAX.into()));
                wrong.note(check_range("batch-size", self.batch_size, 1, MOST_OF_A_BATCH));
                let deflation = wrong.note(deflation);
                let tls = wrong.note(self.tls.map(|tls| tls.plan(base)).transpose().map_err(at("tls")));
                let (Some(host), Some(deflation), Some(tls), true) = (host, deflation, tls, wrong.is_empty()) else {
                    return Err(wrong);
                };
                let client = ClientOptions {
                    host,
                    port: self.port,
                    speech,
                    tls,
                    deflation,
                    connect_timeout: self.connect_timeout.get(),
                    request_timeout: self.request_timeout.get(),
                };
                let batch_size = usize::try_from(self.batch_size).unwrap_or(usize::MAX);
                let reset_interval = self.reset_connection_interval.map(Timespan::get);
                Ok(SinkOptions { client, batch_size, reset_interval })
            }
        }
    };
}

to_another_agent! {
    /// Another agent that speaks Avro.
    AvroSinkArgs {
        #[serde(default)]
        compression: Compression,
        #[serde(default = "compression_level")]
        compression_level: u32,
        /// Compress what TLS made, as Flume 1.11 does, and not what TLS is given.
        #[serde(default)]
        compress_around_tls: bool,
    }
}

to_another_agent! {
    /// Another agent that speaks Thrift.
    ThriftSinkArgs {
        #[serde(default)]
        protocol: Encoding,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Compression {
    #[default]
    None,
    Deflate,
}

/// Whom a sink trusts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ClientTlsArgs {
    #[serde(default)]
    pub ca: Option<PathBuf>,
    #[serde(default)]
    pub trust_store: Option<PathBuf>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    pub password_env: Option<String>,
    /// In clear: what a configuration of Flume's says.
    #[serde(default, deserialize_with = "tls::secret")]
    pub password: Option<Secret>,
}

fn max_call_bytes() -> u64 {
    64 << 20
}

/// Bytes of all calls or requests of a source together.
pub(super) fn max_bytes_in_flight() -> u64 {
    256 << 20
}

fn batch_size() -> u64 {
    100
}

fn timeout() -> Timespan {
    Timespan::from_secs(CONNECT_TIMEOUT.as_secs())
}

fn compression_level() -> u32 {
    6
}

impl ClientTlsArgs {
    /// # Errors
    /// Config, Auth: what is trusted cannot be read.
    pub(crate) fn plan(self, base: &Path) -> Result<Tls> {
        let Self { ca, trust_store, password_file, password_env, password: said } = self;
        let password = tls::password(password_file, password_env, said, base)?;
        let trust = match (ca, trust_store) {
            (Some(_), Some(_)) => {
                return Err(error::config("ca and trust-store of tls are both given").hint("keep one of them"));
            }
            (Some(file), None) => Trust::Pem(base.join(file)),
            (None, Some(file)) => Trust::Store(Store::new(base.join(file), password)),
            (None, None) => Trust::System,
        };
        Tls::new(&trust, None).map_err(of_store)
    }
}

impl AvroSourceArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<SourceOptions, Wrongs> {
        let Self { bind, port, compression, tls, ip_filter, max_call_bytes, max_bytes_in_flight } = self;
        let mut wrong = Wrongs::default();
        wrong.note(check_listener(&bind, port));
        let rules = ip_filter.iter().map(|rule| rule.parse::<Rule>().map_err(at("ip-filter")));
        let rules = rules.filter_map(|rule| wrong.note(rule)).collect();
        let entrance = wrong.note(entrance(tls, compression == Compression::Deflate, base));
        let limits = wrong.note(limits(max_call_bytes));
        let in_flight = wrong.note(in_flight(max_bytes_in_flight));
        let (Some(entrance), Some(limits), Some(in_flight), true) = (entrance, limits, in_flight, wrong.is_empty())
        else {
            return Err(wrong);
        };
        Ok(SourceOptions { bind, port, speech: Speech::Avro, entrance, rules, limits, in_flight })
    }
}

impl ThriftSourceArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<SourceOptions, Wrongs> {
        let Self { bind, port, protocol, tls, max_call_bytes, max_bytes_in_flight } = self;
        let mut wrong = Wrongs::default();
        wrong.note(check_listener(&bind, port));
        let entrance = wrong.note(entrance(tls, false, base));
        let limits = wrong.note(limits(max_call_bytes));
        let in_flight = wrong.note(in_flight(max_bytes_in_flight));
        let (Some(entrance), Some(limits), Some(in_flight), true) = (entrance, limits, in_flight, wrong.is_empty())
        else {
            return Err(wrong);
        };
        let (speech, rules) = (Speech::Thrift(protocol), Vec::new());
        Ok(SourceOptions { bind, port, speech, entrance, rules, limits, in_flight })
    }
}

fn entrance(tls: Option<ServerTlsArgs>, deflates: bool, base: &Path) -> Result<Entrance, Wrong> {
    let tls = tls.map(|tls| tls.config(base)).transpose().map_err(at("tls"))?;
    Ok(Entrance { tls, deflates })
}

fn limits(max_call_bytes: u64) -> Result<Limits, Wrong> {
    check_range("max-call-bytes", max_call_bytes, 1 << 10, 1 << 30)?;
    Ok(Limits { message_bytes: usize::try_from(max_call_bytes).unwrap_or(usize::MAX) })
}

/// What all calls or requests of a source may hold together.
///
/// # Errors
/// Config: it is next to nothing.
pub(super) fn in_flight(max_bytes_in_flight: u64) -> Result<InFlight, Wrong> {
    check_range("max-bytes-in-flight", max_bytes_in_flight, 1 << 20, 1 << 40)?;
    Ok(InFlight::new(usize::try_from(max_bytes_in_flight).unwrap_or(usize::MAX)))
}

/// Events of a call at most.
const MOST_OF_A_BATCH: u64 = 1 << 20;

impl AvroSinkArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<SinkOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        wrong.note(check_range("compression-level", self.compression_level.into(), 0, 9));
        let deflation = match (self.compression, self.tls.is_some(), self.compress_around_tls) {
            (Compression::Deflate, true, around_tls) => Some(around_tls),
            (Compression::Deflate, false, false) => Some(false),
            (Compression::None, _, false) => None,
            (_, _, true) => {
                let e = error::config("compress-around-tls is given without compression and tls");
                wrong.add("compress-around-tls", e.hint("take it out, or give both"));
                None
            }
        };
        let level = self.compression_level;
        let deflation = wrong.end().map(|()| deflation.map(|around_tls| Deflation { level, around_tls }));
        self.speaking(Speech::Avro, deflation, base)
    }
}

impl ThriftSinkArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<SinkOptions, Wrongs> {
        let protocol = self.protocol;
        self.speaking(Speech::Thrift(protocol), Ok(None), base)
    }
}

fn host(host: String) -> Result<String, Wrong> {
    let is_one = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    let wrong = |host: &str| -> Error {
        error::config(format!("host is {host:?}"))
            .hint("name the host of the other agent, such as collector.example.com")
    };
    if is_one { Ok(host) } else { Err(("host", wrong(&host))) }
}
