//! Messages of syslog over TCP, in lines or with their lengths before them, within TLS where it is asked for, or in datagrams, as Flume's sources `syslogtcp`, `multiport_syslogtcp` and
//! `syslogudp` take them.
//!
//! Syslog has no answers: a sender does not know what became of a message. Over TCP one is taken from the connection only
//! when there is room for it, so a full channel holds the senders back; what was sent and not yet put is lost when the
//! agent is killed. What cannot be taken apart is kept as it came, with a header that says so.

mod framing;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
mod message;
mod time;

use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use self::framing::Framer;
pub(crate) use self::framing::Framing;
pub(crate) use self::message::{Dialect, Field, Rules};
use super::intake::{self, Intake, Put};
use super::{Source, SourceReport, datagrams};
use crate::agent::event::Event;
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::agent::rpc::Entrance;
use crate::error::Result;
use crate::telemetry::summary::counted;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("syslog"), version: 1 };

/// Connections that are served at once.
const CONNECTIONS: usize = 1_000;
/// Bytes that are taken from a connection at once.
const READ_BYTES: usize = 64 << 10;

/// How messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    /// Lines of a connection.
    #[default]
    Tcp,
    /// A datagram each.
    Udp,
}

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct SyslogOptions {
    pub bind: String,
    /// One for datagrams.
    pub ports: Vec<u16>,
    pub transport: Transport,
    pub rules: Rules,
    /// What lies between a connection and its messages.
    pub entrance: Entrance,
    pub framing: Framing,
    /// Bytes of a message over TCP; the rest of a longer one is the next.
    pub max_message_bytes: usize,
    /// Headers that get the port that a message came to, and the address that it came from.
    pub port_header: Option<String>,
    pub client_ip_header: Option<String>,
}

/// Listens for messages.
#[derive(Debug)]
pub(in crate::agent) struct SyslogSource {
    options: SyslogOptions,
    listening: Listening,
}

#[derive(Debug)]
enum Listening {
    Tcp(Vec<TcpListener>),
    Udp(UdpSocket),
}

impl SyslogSource {
    /// # Errors
    /// Those of [`intake::bind`].
    pub(in crate::agent) fn bind(options: SyslogOptions) -> Result<Self> {
        let SyslogOptions { bind, ports, transport, .. } = &options;
        let listening = match (transport, &ports[..]) {
            (Transport::Udp, [port, ..]) => Listening::Udp(datagrams::bind(bind, *port)?),
            _ => Listening::Tcp(ports.iter().map(|port| intake::bind(bind, *port)).collect::<Result<_>>()?),
        };
        Ok(Self { options, listening })
    }
}

impl Source for SyslogSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let options = Arc::new(self.options);
        let listeners = match self.listening {
            Listening::Tcp(listeners) => listeners,
            Listening::Udp(socket) => {
                let port = socket.local_addr().map_or(0, |address| address.port());
                return datagrams::serve(&socket, &outlet, |bytes, from, out| {
                    out.extend(options.datagram(bytes, port, from, Timestamp::now()));
                });
            }
        };
        tracing::info!(
            "syslog has no answers: what senders have sent and is not in the channel when the agent is killed is lost"
        );
        intake::serve(listeners, &outlet, CONNECTIONS, |stream, peer, intake| {
            let options = options.clone();
            async move {
                let ended = intake.clone();
                tokio::select! {
                    done = converse(stream, peer, intake.clone(), &options) => if let Err(e) = done {
                        if e.kind() == io::ErrorKind::InvalidData {
                            intake.malformed();
                        }
                        tracing::warn!("the connection of {peer} ended: {e}");
                    },
                    () = ended.ended() => {}
                }
            }
        })?;
        Ok(SourceReport::default())
    }
}

impl SyslogOptions {
    /// The event of a datagram, if there is anything in it.
    fn datagram(&self, bytes: &[u8], port: u16, from: SocketAddr, now: Timestamp) -> Option<Event> {
        let message = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        (!message.is_empty()).then(|| self.event(Bytes::copy_from_slice(message), false, port, from, now))
    }

    fn event(&self, message: Bytes, is_cut: bool, port: u16, from: SocketAddr, now: Timestamp) -> Event {
        let mut event = self.rules.event(message, is_cut, now);
        if let Some(name) = &self.port_header {
            event.headers.set(name.as_str(), port.to_string());
        }
        if let Some(name) = &self.client_ip_header {
            event.headers.set(name.as_str(), from.ip().to_canonical().to_string());
        }
        event
    }
}

/// Takes the messages of one connection.
async fn converse(socket: TcpStream, peer: SocketAddr, intake: Intake, options: &SyslogOptions) -> io::Result<()> {
    let port = socket.local_addr()?.port();
    let mut stream = options.entrance.admit(socket).await?;
    let mut framer = Framer::new(options.framing, options.max_message_bytes);
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_BYTES);
        let has_ended = match stream.read_buf(&mut buffer).await {
            Ok(count) => count == 0,
            // TLS that was not ended in its own way.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(e) => return Err(e),
        };
        let mut messages = framer.take(&mut buffer)?;
        if has_ended && !buffer.is_empty() {
            // Its end did not come: Flume does without it.
            messages.push((buffer.split().freeze(), true));
        }
        let now = Timestamp::now();
        let events = messages.into_iter().map(|(message, is_cut)| options.event(message, is_cut, port, peer, now));
        let events: Vec<Event> = events.collect();
        let count = events.len() as u64;
        if count > 0 && intake.put(events).await != Put::Done {
            tracing::warn!(
                "{} of {peer} that had come when the agent ended are lost",
                counted(count, "message", "messages")
            );
            return Ok(());
        }
        if has_ended {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
