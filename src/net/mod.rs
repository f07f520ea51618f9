//! The first seconds with a server: finding it, connecting, and its first answer, under one limit and with one sentence
//! for each way in which it fails. All clients of a cluster begin here. Plain TCP.

pub(crate) mod thrift;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

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
}

impl Server {
    pub(crate) fn new(what: &'static str, address: impl Into<String>, limit: Duration) -> Self {
        Self { what, address: address.into(), limit }
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

    /// The addresses of the host, IPv4 first.
    ///
    /// # Errors
    /// Unreachable: the name is not known.
    pub(crate) async fn addresses(&self) -> Result<Vec<SocketAddr>> {
        tokio::net::lookup_host(&self.address).await.map(ipv4_first).map_err(|e| self.unreachable(e))
    }

    /// Connects to one of the [`addresses`](Self::addresses), for a client that does not block.
    ///
    /// # Errors
    /// Unreachable: it does not accept.
    pub(crate) async fn open(&self, address: SocketAddr) -> Result<tokio::net::TcpStream> {
        let connected = tokio::time::timeout(self.limit, tokio::net::TcpStream::connect(address)).await;
        connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())).map_err(|e| self.unreachable(e))
    }

    /// Waits for the first answer.
    ///
    /// # Errors
    /// Those of the answer. Unreachable: it does not come within the limit.
    pub(crate) async fn first_answer<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.limit, answer).await.unwrap_or_else(|_| Err(self.silent()))
    }

    /// The error of a server that cannot be connected to.
    pub(crate) fn unreachable(&self, error: io::Error) -> Error {
        let what = match is_timeout(&error) {
            true => format!("cannot reach {self} within {}", Seconds(self.limit)),
            false => format!("cannot reach {self}"),
        };
        let failed = error::unreachable(what).hint("check the address, and that the server runs there");
        if is_timeout(&error) { failed } else { failed.source(error) }
    }

    /// The error of a server that takes the connection and says nothing.
    pub(crate) fn silent(&self) -> Error {
        let Self { what, address, limit } = self;
        error::unreachable(format!(
            "{address} accepts connections but did not answer as {what} within {}",
            Seconds(*limit)
        ))
        .hint(format!("check that it is the address of {what}, without TLS; a slow one needs a longer connect-timeout"))
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
    fn a_name_that_is_not_known_is_named() {
        let server = Server::new("an hbase thrift gateway", "no.such.host.invalid:9090", Duration::from_secs(1));
        let error = server.connect().unwrap_err();
        assert!(error.to_string().contains("an hbase thrift gateway at no.such.host.invalid:9090"), "{error}");
    }
}
