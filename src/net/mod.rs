//! The first seconds with a server: finding it, connecting, and its first answer, under one limit and with one sentence
//! for each way in which it fails. All clients of a cluster begin here: TCP, TLS over it (`tls`), what we are let in by
//! (`login`, `sasl`), HTTP with a login (`http`), and Thrift over all of these (`thrift`).

mod answer;
pub(crate) mod examine;
pub(crate) mod http;
pub(crate) mod login;
pub(crate) mod sasl;
pub(crate) mod thrift;
pub(crate) mod tls;
pub(crate) mod zookeeper;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

pub(crate) use self::answer::Said;
use crate::error::{self, Error, Result};

/// A server that is to be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// What ought to answer, such as `a hive metastore`.
    pub what: &'static str,
    /// `host:port`, or a URL where the library below wants one.
    pub address: String,
    /// Time to accept the connection and to give the first answer.
    pub limit: Duration,
    /// Where it is said how it is spoken to.
    said: &'static Said,
}

impl Server {
    pub(crate) fn new(what: &'static str, address: impl Into<String>, limit: Duration) -> Self {
        Self { what, address: address.into(), limit, said: &answer::SOMEHOW }
    }

    /// The same, whose errors name the settings by which it is spoken to.
    #[must_use]
    pub(crate) fn said(self, said: &'static Said) -> Self {
        Self { said, ..self }
    }

    /// The host's name, as it was given.
    pub(crate) fn host(&self) -> &str {
        let authority = self.address_only();
        let host =
            authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// `host:port`, without the rest of a URL.
    pub(crate) fn address_only(&self) -> &str {
        let authority = self.address.split_once("://").map_or(self.address.as_str(), |(_, rest)| rest);
        authority.split('/').next().unwrap_or_default()
    }

    /// Connects to the first address of the host that accepts. Reading and writing have the limit as well, until
    /// [`set_limit`] gives them another one.
    ///
    /// # Errors
    /// Unreachable: the name has no address, or none of them accepts.
    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let began = Instant::now();
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        let addresses = self.address.to_socket_addrs().map_err(|e| self.unreachable(e))?;
        for address in ipv4_first(addresses) {
            let left = self.limit.saturating_sub(began.elapsed());
            match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(|e| self.unreachable(e))?;
                    set_limit(&stream, self.limit).map_err(|e| self.unreachable(e))?;
                    return Ok(stream);
                }
                Err(e) => last = e,
            }
        }
        Err(self.unreachable(last))
    }

    /// Waits for the first answer.
    ///
    /// # Errors
    /// Those of the answer. Unreachable: it does not come within the limit.
    pub(crate) async fn first_answer<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.limit, answer).await.unwrap_or_else(|_| Err(self.silent()))
    }

    /// The error of a server that cannot be connected to, or whose connection broke.
    pub(crate) fn unreachable(&self, error: io::Error) -> Error {
        if is_ended(&error) {
            return self
                .ended("check that it is its address, and whether it wants TLS or Kerberos; its log may say why");
        }
        let what = match is_timeout(&error) {
            true => format!("cannot reach {self} within {}", Seconds(self.limit)),
            false => format!("cannot reach {self}"),
        };
        let failed = error::unreachable(what).hint("check the address, and that the server runs there");
        if is_timeout(&error) { failed } else { failed.source(error) }
    }

    /// What to look at where it does not answer in HTTP, by the settings of its room.
    fn not_by_http(&self) -> Option<String> {
        let Said { tls, no_http, .. } = self.said;
        (self.said != &answer::SOMEHOW).then(|| format!("check host and port; if they are right: {tls}; {no_http}"))
    }

    /// The error of a server that takes the connection and ends it in place of an answer, or in the middle of one.
    pub(crate) fn ended(&self, hint: impl Into<String>) -> Error {
        error::unreachable(format!("{self} ended the connection before it had answered")).hint(hint)
    }

    /// The error of a server that takes the connection and says nothing.
    pub(crate) fn silent(&self) -> Error {
        let Self { what, address, limit, .. } = self;
        error::unreachable(format!(
            "{address} accepts connections but did not answer as {what} within {}",
            Seconds(*limit)
        ))
        .hint(format!("check that it is the address of {what}, and whether it wants TLS; a slow one needs a longer connect-timeout"))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.what, self.address)
    }
}

fn ipv4_first(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = addresses.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses
}

/// Gives reading and writing another limit, once the server has answered.
pub(crate) fn set_limit(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))
}

/// A socket that waited in vain fails with `WouldBlock` on Unix.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// Whether the other side ended the connection.
pub(crate) fn is_ended(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

/// What is said of a connection that ends where an answer was waited for.
pub(crate) const ENDED: &str = "it ended the connection";

/// A limit in words.
pub(crate) struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{} s", self.0.as_secs()),
            _ => write!(f, "{} ms", self.0.as_millis()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::error::Kind;

    /// An address that takes connections and says nothing, as long as the listener lives.
    pub(crate) fn silent_port() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (listener, address)
    }

    /// An address where nobody listens.
    pub(crate) fn closed_port() -> String {
        silent_port().1
    }

    /// Fails unless an error says that a server was silent for a second, what was expected there, and no more.
    pub(crate) fn assert_silent(error: &Error, address: &str, what: &str, began: Instant) {
        let said = error.to_string();
        assert_eq!(error.kind(), Kind::Unreachable, "{said}");
        let expected = format!("{address} accepts connections but did not answer as {what} within 1 s");
        assert!(said.contains(&expected), "{said}");
        assert!(error.remedy().is_some_and(|hint| hint.contains("connect-timeout")), "{said}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn a_closed_port_and_a_silent_one_are_told_apart() {
        let closed = closed_port();
        let error = Server::new("a hive metastore", closed.as_str(), Duration::from_secs(1)).connect().unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().starts_with(&format!("cannot reach a hive metastore at {closed}: ")), "{error}");

        let (_listener, address) = silent_port();
        let server = Server::new("a hive metastore", address.as_str(), Duration::from_secs(1));
        let began = Instant::now();
        let mut stream = server.connect().unwrap();
        let error = io::Read::read(&mut stream, &mut [0]).unwrap_err();
        assert!(is_timeout(&error), "{error}");
        assert_silent(&server.silent(), &address, "a hive metastore", began);
    }

    #[test]
    fn the_host_is_found_in_every_form_of_address() {
        for (address, host) in
            [("nn:8020", "nn"), ("[::1]:80", "::1"), ("http://nn:9870", "nn"), ("https://nn/a:b", "nn")]
        {
            assert_eq!(Server::new("x", address, Duration::ZERO).host(), host, "{address}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_is_named() {
        let server = Server::new("an hbase thrift gateway", "no.such.host.invalid:9090", Duration::from_secs(1));
        let error = server.connect().unwrap_err();
        assert!(error.to_string().contains("an hbase thrift gateway at no.such.host.invalid:9090"), "{error}");
    }
}
