//! The types of sources in an agent's file, and the keys of each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::checks::{Wrong, Wrongs, at, check_bind, check_listener, check_range};
use super::components::unknown;
use super::kafka::KafkaSourceArgs;
use super::rpc::{AvroSourceArgs, ThriftSourceArgs, in_flight, max_bytes_in_flight};
use super::tls::ServerTlsArgs;
use super::{forget_after, max_line_bytes, patterns};
use crate::agent::rpc::Entrance;
use crate::agent::sources::exec::ExecOptions;
use crate::agent::sources::http::{Cors, Handler, HttpOptions};
use crate::agent::sources::netcat::NetcatOptions;
use crate::agent::sources::netcat_udp::NetcatUdpOptions;
use crate::agent::sources::sequence::SequenceOptions;
use crate::agent::sources::spooldir::{
    Charset, Completed, DecodeErrors, Deserializer, Order, SpooldirOptions, whole_name,
};
use crate::agent::sources::syslog::{Dialect, Field, Framing, Rules, SyslogOptions, Transport};
use crate::agent::sources::taildir::{CompressedFiles, Noting, Pattern, Start, TaildirOptions};
use crate::agent::sources::{SourceKind, loopback};
use crate::config::{Part, Timespan};
use crate::error::{self, Error, Result};
use crate::secret::SecretSource;

/// A source by its `type`.
#[derive(Debug)]
pub(super) enum SourceArgs {
    Taildir(TaildirArgs),
    Sequence(SequenceOptions),
    Netcat(NetcatOptions),
    NetcatUdp(NetcatUdpOptions),
    Http(HttpArgs),
    Syslog(Box<SyslogArgs>),
    Exec(ExecOptions),
    Spooldir(Box<SpooldirArgs>),
    Avro(Box<AvroSourceArgs>),
    Thrift(Box<ThriftSourceArgs>),
    Kafka(Box<KafkaSourceArgs>),
}

/// Log files that are followed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TaildirArgs {
    #[serde(default, deserialize_with = "patterns")]
    pub files: Vec<String>,
    /// Directories, each with a regular expression for the names in it.
    #[serde(default)]
    pub file_regexes: Vec<String>,
    #[serde(default)]
    pub compressed: CompressedFiles,
    #[serde(default = "max_line_bytes")]
    pub max_line_bytes: u64,
    #[serde(default = "forget_after")]
    pub forget_after: Timespan,
    #[serde(default)]
    pub drain: bool,
    /// Flume's position file, read at the first start.
    #[serde(default)]
    pub position_file: Option<PathBuf>,
    /// How often that is written, if it is.
    #[serde(default)]
    pub position_file_interval: Option<Timespan>,
    #[serde(default)]
    pub start: Start,
}

/// A port for events by HTTP.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HttpArgs {
    #[serde(default = "loopback")]
    bind: String,
    port: u16,
    #[serde(default)]
    handler: Handler,
    #[serde(default = "max_body_bytes")]
    max_body_bytes: usize,
    #[serde(default = "max_bytes_in_flight")]
    max_bytes_in_flight: u64,
    #[serde(default)]
    token_file: Option<PathBuf>,
    #[serde(default)]
    token_env: Option<String>,
    #[serde(default)]
    tls: Option<ServerTlsArgs>,
    /// The origins whose pages may post.
    #[serde(default)]
    cors: Vec<String>,
    /// Requests a second.
    #[serde(default)]
    rate: Option<u32>,
    /// Headers of requests that events get, too.
    #[serde(default)]
    request_headers: Vec<String>,
    #[serde(default)]
    client_ip_header: Option<String>,
}

fn max_body_bytes() -> usize {
    16 << 20
}

/// Ports for messages of syslog.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SyslogArgs {
    #[serde(default = "loopback")]
    bind: String,
    ports: Vec<u16>,
    #[serde(default)]
    transport: Transport,
    #[serde(default)]
    dialect: Dialect,
    /// Bytes of a message; the rest of a longer one is the next.
    #[serde(default = "max_message_bytes")]
    max_message_bytes: u64,
    /// Where messages of a connection end; with TLS as each of them begins.
    #[serde(default)]
    framing: Option<Framing>,
    #[serde(default)]
    tls: Option<ServerTlsArgs>,
    #[serde(default)]
    keep_fields: Vec<Field>,
    /// The zone of times that name none.
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    port_header: Option<String>,
    #[serde(default)]
    client_ip_header: Option<String>,
}

fn max_message_bytes() -> u64 {
    64 << 10
}

/// A directory of files that are complete.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SpooldirArgs {
    directory: PathBuf,
    /// What becomes of a file that was read.
    #[serde(default)]
    completed: Completed,
    /// How the names of files that were read end.
    #[serde(default = "completed_suffix")]
    completed_suffix: String,
    #[serde(default = "tracker_dir")]
    tracker_dir: PathBuf,
    #[serde(default)]
    include: Option<String>,
    #[serde(default)]
    ignore: Option<String>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    poll: Option<Timespan>,
    /// The header of the file's path, and that of its name.
    #[serde(default)]
    file_header: Option<String>,
    #[serde(default)]
    basename_header: Option<String>,
    #[serde(default)]
    deserializer: Deserializer,
    #[serde(default = "max_line_chars")]
    max_line_chars: u64,
    #[serde(default = "max_blob_bytes")]
    max_blob_bytes: u64,
    #[serde(default)]
    charset: Charset,
    #[serde(default)]
    decode_errors: DecodeErrors,
    #[serde(default)]
    pub drain: bool,
}

/// How often a directory is looked into, where nobody says otherwise.
const POLL: Duration = Duration::from_millis(500);

fn completed_suffix() -> String {
    ".COMPLETED".to_owned()
}

fn tracker_dir() -> PathBuf {
    PathBuf::from(".spooled")
}

fn max_line_chars() -> u64 {
    64 << 10
}

fn max_blob_bytes() -> u64 {
    100_000_000
}

/// The types of sources.
const TYPES: [&str; 11] =
    ["taildir", "spooldir", "kafka", "avro", "thrift", "http", "netcat", "netcat-udp", "syslog", "exec", "sequence"];

/// Reads a source.
pub(super) fn source(part: &mut Part<'_>) -> Result<SourceArgs, Vec<Error>> {
    match part.text("type").map_err(|e| vec![e])?.as_str() {
        "taildir" => part.read().map(SourceArgs::Taildir),
        "sequence" => part.read().map(SourceArgs::Sequence),
        "netcat" => part.read().map(SourceArgs::Netcat),
        "netcat-udp" => part.read().map(SourceArgs::NetcatUdp),
        "http" => part.read().map(SourceArgs::Http),
        "syslog" => part.read().map(SourceArgs::Syslog),
        "exec" => part.read().map(SourceArgs::Exec),
        "spooldir" => part.read().map(SourceArgs::Spooldir),
        "avro" => part.read().map(SourceArgs::Avro),
        "thrift" => part.read().map(SourceArgs::Thrift),
        "kafka" => part.read().map(SourceArgs::Kafka),
        other => Err(unknown(part, other, &TYPES)),
    }
}

/// Events of a batch at most.
const MOST_OF_A_BATCH: u64 = 1 << 20;

impl SourceArgs {
    pub(super) fn plan(self, base: &Path) -> Result<SourceKind, Wrongs> {
        let mut wrong = Wrongs::default();
        match &self {
            Self::Netcat(NetcatOptions { bind, port, max_line_bytes, .. }) => {
                wrong.note(check_listener(bind, *port));
                wrong.note(check_range("max-line-bytes", *max_line_bytes as u64, 1, 16 << 20));
            }
            Self::Exec(ExecOptions { command, batch_size, .. }) => {
                wrong.note(check_range("batch-size", *batch_size as u64, 1, MOST_OF_A_BATCH));
                if command.trim().is_empty() {
                    wrong.add("command", error::config("command is empty").hint("name the program to run"));
                }
            }
            Self::Sequence(SequenceOptions { batch_size, .. }) => {
                wrong.note(check_range("batch-size", *batch_size, 1, MOST_OF_A_BATCH));
            }
            Self::NetcatUdp(NetcatUdpOptions { bind, port, .. }) => {
                wrong.note(check_listener(bind, *port));
            }
            Self::Taildir(_)
            | Self::Http(_)
            | Self::Syslog(_)
            | Self::Spooldir(_)
            | Self::Avro(_)
            | Self::Thrift(_)
            | Self::Kafka(_) => {}
        }
        wrong.end()?;
        Ok(match self {
            Self::Taildir(args) => SourceKind::Taildir { drain: args.drain, options: args.plan(base)? },
            Self::Sequence(options) => SourceKind::Sequence(options),
            Self::Netcat(options) => SourceKind::Netcat(options),
            Self::NetcatUdp(options) => SourceKind::NetcatUdp(options),
            Self::Exec(options) => SourceKind::Exec(options),
            Self::Syslog(args) => SourceKind::Syslog(Box::new(args.plan(base)?)),
            Self::Spooldir(args) => SourceKind::Spooldir { drain: args.drain, options: Box::new(args.plan(base)?) },
            Self::Kafka(args) => SourceKind::Kafka { drain: args.drain, options: Box::new(args.plan(base)?) },
            Self::Http(args) => SourceKind::Http(Box::new(args.plan(base)?)),
            Self::Avro(args) => SourceKind::Rpc(Box::new(args.plan(base)?)),
            Self::Thrift(args) => SourceKind::Rpc(Box::new(args.plan(base)?)),
        })
    }
}

impl TaildirArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<TaildirOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        if self.files.is_empty() && self.file_regexes.is_empty() {
            let e =
                error::config("files does not name any file").hint("name the log, such as /var/log/shop/access.log*");
            wrong.add("files", e);
        }
        wrong.note(check_range("max-line-bytes", self.max_line_bytes, 1 << 10, 16 << 20));
        if self.compressed == CompressedFiles::Read && (self.position_file.is_some() || self.start == Start::End) {
            let e = error::config("where compressed files begin is not known before they are read")
                .hint("leave out compressed = \"read\", position-file and start = \"end\" do not go with it");
            wrong.add("compressed", e);
        }
        let position_file = self.position_file.map(|path| base.join(path));
        let noting = match (self.position_file_interval, &position_file) {
            (Some(interval), Some(path)) => Some(Noting { path: path.clone(), interval: interval.get() }),
            (None, _) => None,
            (Some(_), None) => {
                let e = error::config("there is no position file to write").hint("name it: position-file = \"..\"");
                wrong.add("position-file-interval", e);
                None
            }
        };
        let wild = self.files.iter().map(|text| Pattern::new(text, base).map_err(at("files")));
        let by_regex = self.file_regexes.iter().map(|text| Pattern::of_regex(text, base).map_err(at("file-regexes")));
        let patterns = wild.chain(by_regex).filter_map(|pattern: Result<Pattern, Wrong>| wrong.note(pattern)).collect();
        wrong.end()?;
        Ok(TaildirOptions {
            patterns,
            max_line_bytes: usize::try_from(self.max_line_bytes).unwrap_or(usize::MAX),
            compressed: self.compressed,
            forget_after: self.forget_after.get(),
            position_file,
            noting,
            start: self.start,
        })
    }
}

impl HttpArgs {
    /// # Errors
    /// Config: the token cannot be had.
    fn plan(self, base: &Path) -> Result<HttpOptions, Wrongs> {
        let Self { bind, port, handler, max_body_bytes, token_file, token_env, tls, cors, rate, .. } = self;
        let mut wrong = Wrongs::default();
        wrong.note(check_listener(&bind, port));
        let key = if token_file.is_some() { "token-file" } else { "token-env" };
        let source = SecretSource { password_file: token_file, password_env: token_env, ..SecretSource::default() };
        let token = wrong.note(source.read(base).map_err(|e| (key, e.context("the token"))));
        wrong.note(check_range("max-body-bytes", max_body_bytes as u64, 1, 1 << 30));
        let in_flight = wrong.note(in_flight(self.max_bytes_in_flight));
        wrong.note(check_range("rate", rate.unwrap_or(1).into(), 1, u32::MAX.into()));
        if let Some(origin) = cors.iter().find(|origin| !is_origin(origin)) {
            let e = error::config(format!("cors names {origin:?}, which is not an origin of pages"));
            wrong.add("cors", e.hint("write scheme and host as browsers do, such as https://shop.example, or *"));
        }
        let tls = wrong.note(tls.map(|tls| tls.http(base)).transpose().map_err(at("tls")));
        let (Some(token), Some(in_flight), Some(tls), true) = (token, in_flight, tls, wrong.is_empty()) else {
            return Err(wrong);
        };
        let request_headers = self.request_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(HttpOptions {
            bind,
            port,
            handler,
            max_body_bytes,
            in_flight,
            token,
            tls,
            cors: Cors(cors),
            rate,
            request_headers,
            client_ip_header: self.client_ip_header,
        })
    }
}

/// Whether browsers write the origin of a page so; any is `*`.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(scheme, host)| (scheme.to_ascii_lowercase(), host));
    text == "*"
        || host.is_some_and(|(scheme, host)| {
            let is_plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ']);
            is_plain && text.starts_with(&scheme) && !host.bytes().any(|b| b.is_ascii_uppercase())
        })
}

impl SyslogArgs {
    /// # Errors
    /// Config: a value makes no sense.
    fn plan(self, base: &Path) -> Result<SyslogOptions, Wrongs> {
        let Self { bind, ports, transport, dialect, keep_fields, port_header, client_ip_header, .. } = self;
        let mut wrong = Wrongs::default();
        wrong.note(check_bind(&bind));
        if ports.is_empty() {
            wrong.add("ports", error::config("ports names none").hint("name one: ports = [5140]"));
        }
        if ports.contains(&0) {
            wrong.note(check_range("ports", 0, 1, u16::MAX.into()));
        }
        if ports.iter().collect::<BTreeSet<_>>().len() < ports.len() {
            wrong.add("ports", error::config("ports names one twice").hint("name each once"));
        }
        if transport == Transport::Udp && ports.len() > 1 {
            let e = error::config("a source of datagrams has one port").hint("give each port a source of its own");
            wrong.add("ports", e);
        }
        if transport == Transport::Udp && (self.tls.is_some() || self.framing.is_some()) {
            let key = if self.tls.is_some() { "tls" } else { "framing" };
            let e = error::config(format!("{key} does not go with datagrams"));
            wrong.add(key, e.hint("take it out, or say transport = \"tcp\""));
        }
        let framing = self.framing.unwrap_or(if self.tls.is_some() { Framing::Auto } else { Framing::Lines });
        let tls = wrong.note(self.tls.map(|tls| tls.config(base)).transpose().map_err(at("tls")));
        wrong.note(check_range("max-message-bytes", self.max_message_bytes, 10, 1 << 20));
        let zone = match &self.time_zone {
            None if dialect == Dialect::Multiport => Ok(TimeZone::UTC),
            None => Ok(TimeZone::system()),
            Some(name) => TimeZone::get(name).map_err(|_| {
                let e = error::config(format!("time-zone {name} is not known"));
                ("time-zone", e.hint("name one of the tz database, such as Europe/Berlin, or UTC"))
            }),
        };
        let (Some(tls), Some(zone), true) = (tls, wrong.note(zone), wrong.is_empty()) else { return Err(wrong) };
        let entrance = Entrance { tls, deflates: false };
        let rules = Rules { dialect, keep: keep_fields, zone };
        let max_message_bytes = usize::try_from(self.max_message_bytes).unwrap_or(usize::MAX);
        Ok(SyslogOptions {
            bind,
            ports,
            transport,
            rules,
            entrance,
            framing,
            max_message_bytes,
            port_header,
            client_ip_header,
        })
    }
}

impl SpooldirArgs {
    /// # Errors
    /// Config: a value makes no sense.
    fn plan(self, base: &Path) -> Result<SpooldirOptions, Wrongs> {
        let directory = base.join(&self.directory);
        let mut wrong = Wrongs::default();
        if self.directory.as_os_str().is_empty() {
            wrong.add("directory", error::config("directory is empty").hint("name the directory of the files"));
        }
        if self.completed_suffix.is_empty() || self.completed_suffix.contains('/') {
            let e = error::config(format!("completed-suffix is {:?}", self.completed_suffix));
            wrong.add("completed-suffix", e.hint("give the end of a name, such as .COMPLETED"));
        }
        wrong.note(check_range("max-line-chars", self.max_line_chars, 1, 16 << 20));
        wrong.note(check_range("max-blob-bytes", self.max_blob_bytes, 1, 1 << 30));
        let include = wrong.note(self.include.as_deref().map(whole_name).transpose().map_err(at("include")));
        let ignore = wrong.note(self.ignore.as_deref().map(whole_name).transpose().map_err(at("ignore")));
        let (Some(include), Some(ignore), true) = (include, ignore, wrong.is_empty()) else { return Err(wrong) };
        let bytes = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(SpooldirOptions {
            tracker_dir: directory.join(&self.tracker_dir),
            directory,
            completed: self.completed,
            completed_suffix: self.completed_suffix,
            include,
            ignore,
            order: self.order,
            recursive: self.recursive,
            poll: self.poll.map_or(POLL, Timespan::get),
            file_header: self.file_header,
            basename_header: self.basename_header,
            deserializer: self.deserializer,
            max_line_chars: bytes(self.max_line_chars),
            max_blob_bytes: bytes(self.max_blob_bytes),
            charset: self.charset,
            decode_errors: self.decode_errors,
        })
    }
}
