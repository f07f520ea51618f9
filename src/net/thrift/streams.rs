//! The bytes below a wire: a socket, or TLS over one, as one stream and then as its two directions.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::Server;
use super::super::answer::{FIRST_BYTES, SASL, Speech, speech, unexpected};
use super::super::is_timeout as is_late;
use super::super::sasl::{Header, start_of_sasl};
use super::super::tls::{Tls, TlsStream, cause, explained};
use super::is_timeout;
use crate::error::{self, Error, Result};

/// As much of a message of SASL tells that it is one.
const FIRST_OF_SASL: usize = Header::BYTES;

pub(super) type Reading = Box<dyn Read + Send>;
pub(super) type Writing = Box<dyn Write + Send>;

/// What stays of a connection beside its protocols: its time limit, and the error that Thrift kept only the text of.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    limit: Limit,
    error: Arc<Mutex<Option<Error>>>,
    /// What the server said first.
    first: Arc<Mutex<Vec<u8>>>,
}

/// The time that one call may take.
#[derive(Clone, Debug)]
enum Limit {
    /// The socket's own.
    Socket(Arc<TcpStream>),
    /// Milliseconds, for who asks before each request.
    Requests(Arc<AtomicU64>),
}

impl Link {
    fn of_socket(socket: TcpStream) -> Self {
        Self { limit: Limit::Socket(Arc::new(socket)), error: Arc::default(), first: Arc::default() }
    }

    pub(super) fn of_requests(limit: Duration) -> Self {
        let limit = Limit::Requests(Arc::new(AtomicU64::new(millis(limit))));
        Self { limit, error: Arc::default(), first: Arc::default() }
    }

    /// Gives each call another limit from here on.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn set_limit(&self, limit: Duration) -> io::Result<()> {
        match &self.limit {
            Limit::Socket(socket) => super::super::set_limit(socket, limit),
            Limit::Requests(current) => {
                current.store(millis(limit), Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn limit(&self) -> io::Result<Duration> {
        match &self.limit {
            Limit::Socket(socket) => Ok(socket.read_timeout()?.unwrap_or(Duration::MAX)),
            Limit::Requests(millis) => Ok(Duration::from_millis(millis.load(Ordering::Relaxed))),
        }
    }

    /// The limit of the next request; a socket keeps its own.
    pub(super) fn request_limit(&self) -> Option<Duration> {
        match &self.limit {
            Limit::Socket(_) => None,
            Limit::Requests(millis) => Some(Duration::from_millis(millis.load(Ordering::Relaxed))),
        }
    }

    /// Puts an error aside and gives Thrift its text.
    pub(super) fn keep(&self, error: Error) -> io::Error {
        let text = error.to_string();
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        io::Error::other(text)
    }

    /// The error behind a call that failed on the way, once.
    pub(crate) fn take_error(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Why the first call got no good answer, in words of ours.
    pub(crate) fn first_failure(&self, server: &Server, error: thrift::Error) -> Error {
        match (self.take_error(), error) {
            (Some(known), _) => known,
            (None, thrift::Error::Transport(e)) if is_timeout(&e) => server.silent(),
            (None, thrift::Error::Transport(_) | thrift::Error::Protocol(_)) => {
                unexpected(server, &self.first.lock().unwrap_or_else(PoisonError::into_inner))
            }
            (None, thrift::Error::Application(e)) => {
                error::refused(format!("{server} declined the first call")).source(e.message)
            }
            (None, thrift::Error::User(e)) => {
                error::refused(format!("{server} declined the first call")).source(e.to_string())
            }
        }
    }

    /// The reader, whose first bytes are kept for [`first_failure`](Self::first_failure). Where nobody logged in, a server
    /// that is late with them, or ends the connection, is asked whether it waits for a login.
    pub(super) fn noting(&self, read: Reading, asked: Option<(Server, Option<Tls>)>) -> Reading {
        Box::new(Noting { read, link: self.clone(), asked, is_full: false })
    }
}

/// Time after which a server that says nothing is asked whether it waits for a login.
const EARLY: Duration = Duration::from_secs(2);

/// Keeps the first bytes that it reads.
struct Noting {
    read: Reading,
    link: Link,
    /// Until the first bytes came, where nobody logged in.
    asked: Option<(Server, Option<Tls>)>,
    is_full: bool,
}

impl Noting {
    /// The first bytes of a server that was shown nothing. One that waits for a login by SASL ends the connection (Hive
    /// 4.0), or waits on (HBase 2.4).
    fn first(&mut self, server: &Server, tls: Option<&Tls>, to: &mut [u8]) -> io::Result<usize> {
        let limit = self.link.limit()?;
        self.link.set_limit(limit.min(EARLY))?;
        let early = self.read.read(to);
        self.link.set_limit(limit)?;
        let is_over = match &early {
            Ok(count) => *count == 0,
            Err(e) if is_late(e) => false,
            Err(_) => true,
        };
        match early {
            Ok(1..) => early,
            _ if wants_login(server, tls) => Err(self.link.keep(unexpected(server, &SASL))),
            _ if is_over || limit <= EARLY => early,
            _ => self.read.read(to),
        }
    }
}

/// Whether a server negotiates by SASL: it declines a mechanism that there is not.
fn wants_login(server: &Server, tls: Option<&Tls>) -> bool {
    let brief = Server { limit: server.limit.min(EARLY), ..server.clone() };
    let ask = || -> io::Result<[u8; FIRST_OF_SASL]> {
        let mut stream = Stream::connect(&brief, tls).map_err(io::Error::other)?;
        stream.write_all(&start_of_sasl())?;
        stream.flush()?;
        let mut first = [0; FIRST_OF_SASL];
        stream.read_exact(&mut first)?;
        Ok(first)
    };
    ask().is_ok_and(|first| speech(&first) == Speech::Sasl)
}

impl Read for Noting {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = match self.asked.take() {
            Some((server, tls)) => self.first(&server, tls.as_ref(), to)?,
            None => self.read.read(to)?,
        };
        if !self.is_full {
            // Bytes are whole after every panic.
            let mut first = self.link.first.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = FIRST_BYTES - first.len();
            first.extend(&to[..count.min(rest)]);
            self.is_full = first.len() == FIRST_BYTES;
        }
        Ok(count)
    }
}

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

/// A connection to a server.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(super) fn connect(server: &Server, tls: Option<&Tls>) -> Result<Self> {
        let socket = server.connect()?;
        Ok(match tls {
            None => Self::Plain(socket),
            Some(tls) => Self::Tls(Box::new(tls.connect(server, socket)?)),
        })
    }

    /// Its two directions, not buffered, and its time limit.
    pub(super) fn split(self, server: &Server) -> Result<(Reading, Writing, Link)> {
        let failed = |e: io::Error| server.unreachable(e);
        match self {
            Self::Plain(socket) => {
                let (write, link) = (socket.try_clone().map_err(failed)?, socket.try_clone().map_err(failed)?);
                Ok((Box::new(socket), Box::new(write), Link::of_socket(link)))
            }
            Self::Tls(stream) => {
                let link = Link::of_socket(stream.sock.try_clone().map_err(failed)?);
                let shared =
                    Shared { stream: Arc::new(Mutex::new(*stream)), link: link.clone(), server: server.clone() };
                Ok((Box::new(shared.clone()), Box::new(shared), link))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(to),
            Self::Tls(stream) => stream.read(to),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(from),
            Self::Tls(stream) => stream.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// TLS has one state for both directions. Calls and answers take turns, so nobody waits for it.
#[derive(Clone)]
struct Shared {
    stream: Arc<Mutex<TlsStream>>,
    link: Link,
    server: Server,
}

impl Shared {
    /// What TLS calls an error is kept: a server may decline our certificate after its part of the handshake is over.
    fn on<T>(&self, act: impl FnOnce(&mut TlsStream) -> io::Result<T>) -> io::Result<T> {
        // After a panic the connection is dropped with its client.
        let done = act(&mut self.stream.lock().unwrap_or_else(PoisonError::into_inner));
        done.map_err(|e| match cause(&e) {
            Some(tls) => self.link.keep(explained(&self.server, tls)),
            None => e,
        })
    }
}

impl Read for Shared {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.on(|stream| stream.read(to))
    }
}

impl Write for Shared {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.on(|stream| stream.write(from))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.on(Write::flush)
    }
}
