//! A connection to another agent, on which one call is made at a time.
//!
//! A call that got no answer may have been taken: its events are sent again, so that each arrives at least once. After an
//! error the connection is not used any more.

use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::avro::{self, Answer};
use super::deflate::Deflate;
use super::frames::{Limits, Message};
use super::handshake::Agreement;
use super::layers::Stream;
use super::{Malformed, Speech, Status, thrift};
use crate::agent::event::Event;
use crate::error::{self, Error, Result};
use crate::net::tls::Tls;
use crate::net::{Seconds, Server, is_ended};

/// Bytes of an answer.
const ANSWER_BYTES: usize = 1 << 20;

/// How many bytes are compressed, and on which side of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deflation {
    pub level: u32,
    /// TLS lies inside what is compressed, as Flume 1.11 has it.
    pub around_tls: bool,
}

/// Where events are sent to.
#[derive(Clone, Debug)]
pub(crate) struct ClientOptions {
    pub host: String,
    pub port: u16,
    pub speech: Speech,
    pub tls: Option<Tls>,
    pub deflation: Option<Deflation>,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
}

impl ClientOptions {
    /// The agent at the other end, for errors.
    pub(crate) fn server(&self) -> Server {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let what = match self.speech {
            Speech::Avro => "an avro source",
            Speech::Thrift(_) => "a thrift source",
        };
        Server::new(what, format!("{host}:{}", self.port), self.connect_timeout)
    }
}

/// An open connection.
pub(in crate::agent) struct Client {
    options: ClientOptions,
    server: Server,
    stream: Stream,
    agreement: Agreement,
    /// The number of the last call.
    serial: u32,
    since: Instant,
}

impl Client {
    /// Connects. Dropped, it leaves nothing.
    ///
    /// # Errors
    /// Unreachable: no connection, or no TLS. Auth: a certificate that is not good.
    pub(in crate::agent) async fn connect(options: &ClientOptions) -> Result<Self> {
        let server = options.server();
        let to = server.clone();
        let connected = tokio::task::spawn_blocking(move || to.connect()).await;
        let socket = connected.map_err(|e| error::bug("the thread of a connection ended early").source(e))??;
        let socket = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket));
        let socket = socket.map_err(|e| server.unreachable(e))?;
        let stream = server.first_answer(layered(options, &server, socket)).await?;
        let (options, since) = (options.clone(), Instant::now());
        Ok(Self { options, server, stream, agreement: Agreement::Guessed, serial: 0, since })
    }

    /// How long it has been open.
    pub(in crate::agent) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Sends events as one call, and waits for its answer.
    ///
    /// # Errors
    /// Unreachable: the connection broke, or no answer came in time. Busy: the other side could not take them now. Refused:
    /// it speaks another protocol.
    pub(in crate::agent) async fn append(&mut self, events: &[Event]) -> Result<()> {
        let limit = self.options.request_timeout;
        let status = match timeout(limit, self.call(events)).await {
            Ok(status) => status?,
            Err(_) => {
                let what = format!("{} did not answer a call within {}", self.server, Seconds(limit));
                return Err(error::unreachable(what)
                    .hint("its channel may be slow; raise request-timeout, or send smaller batches (batch-size)"));
            }
        };
        match status {
            Ok(Status::Ok) => Ok(()),
            Ok(status) => Err(error::busy(format!("{} answered {status} to a batch", self.server))
                .hint("its channel may be full, which its log says; the batch is sent again")),
            Err(why) => Err(error::busy(format!("{} declined a batch", self.server))
                .source(why)
                .hint("look at its log; the batch is sent again")),
        }
    }

    async fn call(&mut self, events: &[Event]) -> Result<Result<Status, String>> {
        loop {
            self.serial = self.serial.wrapping_add(1);
            let (speech, number) = (self.options.speech, (self.serial & 0x7fff_ffff).cast_signed());
            let bytes = match speech {
                Speech::Avro => avro::call(&self.agreement, events),
                Speech::Thrift(encoding) => thrift::call(encoding, number, events).map_err(|e| self.unwritable(&e))?,
            };
            let message = Message { serial: self.serial, bytes };
            message.write(&mut self.stream, speech).await.map_err(|e| self.broken(e))?;
            let limits = Limits { message_bytes: ANSWER_BYTES };
            let answer = Message::read(&mut self.stream, speech, limits).await.map_err(|e| self.broken(e))?;
            let answer = answer.ok_or_else(|| self.broken(io::ErrorKind::UnexpectedEof.into()))?;
            match speech {
                Speech::Avro if answer.serial != self.serial => {
                    return Err(self.foreign(&Malformed("it answers another call".to_owned())));
                }
                Speech::Avro => match avro::answered(&mut self.agreement, &answer.bytes) {
                    Ok(Answer::Status(status)) => return Ok(Ok(status)),
                    Ok(Answer::Declined(why)) => return Ok(Err(why)),
                    Ok(Answer::Again) => {}
                    Err(e) => return Err(self.foreign(&e)),
                },
                Speech::Thrift(encoding) => {
                    return thrift::answered(encoding, number, &answer.bytes).map_err(|e| self.foreign(&e));
                }
            }
        }
    }

    fn broken(&self, e: io::Error) -> Error {
        if is_ended(&e) {
            return self.server.ended(
                "check host and port, and that both sides have the same compression, protocol and TLS; its log may say \
                 why",
            );
        }
        if e.kind() == io::ErrorKind::InvalidData {
            return self.foreign(&Malformed(e.to_string()));
        }
        error::unreachable(format!("the connection to {} broke", self.server)).source(e)
    }

    fn foreign(&self, why: &Malformed) -> Error {
        error::refused(format!("{} does not answer as Flume does", self.server))
            .source(why.0.clone())
            .hint("check the port, and that both sides have the same compression, protocol and TLS")
    }

    fn unwritable(&self, why: &Malformed) -> Error {
        error::data(format!("a batch cannot be sent to {}", self.server)).source(why.0.clone()).hint("lower batch-size")
    }
}

/// Puts TLS and deflate above a socket.
async fn layered(options: &ClientOptions, server: &Server, socket: TcpStream) -> Result<Stream> {
    let stream: Stream = match (&options.tls, options.deflation) {
        (None, None) => Box::new(socket),
        (None, Some(Deflation { level, .. })) => Box::new(Deflate::new(socket, level)),
        (Some(tls), None) => Box::new(tls.wrap(server, socket).await?),
        (Some(tls), Some(Deflation { level, around_tls: false })) => {
            Box::new(Deflate::new(tls.wrap(server, socket).await?, level))
        }
        (Some(tls), Some(Deflation { level, around_tls: true })) => {
            Box::new(tls.wrap(server, Deflate::new(socket, level)).await?)
        }
    };
    Ok(stream)
}
