//! The blocking half: connections to the metastore's addresses, kept for the next call, and the one place that makes
//! calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thrift::ApplicationErrorKind;

use super::delegate::Delegate;
use super::hive_metastore::{TThriftHiveMetastoreSyncClient, ThriftHiveMetastoreSyncClient};
use super::options::Endpoint;
use super::version::Version;
use super::{MetastoreOptions, fault, security};
use crate::error::{self, Result};
use crate::net::Server;
use crate::net::thrift::{Input, Link, Output, Transport, Wire, is_lost_connection, spoils_connection};

/// Long, because a metastore may scan directories while it answers.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The generated client over our transport.
pub(super) type Thrift = ThriftHiveMetastoreSyncClient<Input, Output>;

/// The addresses of a metastore, and the connections that wait for a call.
#[derive(Debug)]
pub(super) struct Pool {
    /// Each, and how it is spoken to.
    servers: Vec<(Server, Transport)>,
    /// In whose name calls are made, where that is somebody else's than who logs in.
    delegate: Option<Delegate>,
    /// The one that answered last.
    active: AtomicUsize,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    thrift: Thrift,
    /// Knows the error that Thrift kept only the text of.
    link: Link,
    /// Index of its server.
    server: usize,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Pool {
    /// Connects to the first address that answers as a metastore, and gives its version: that of the Hive around it,
    /// where those before 4.0 all say `3.0`. `None` where it tells something else.
    ///
    /// # Errors
    /// Config: no or malformed addresses, or files of TLS that cannot be read. Unreachable, Refused: none of them answers
    /// as a metastore in time. Auth: not let in.
    pub(super) fn connect(options: &MetastoreOptions) -> Result<(Self, Option<Version>)> {
        let endpoints = options.endpoints()?;
        let one = |endpoint: &Endpoint| {
            let server = options.server(endpoint);
            Ok((server, security::transport(options, endpoint)?))
        };
        let servers = endpoints.iter().map(one).collect::<Result<Vec<_>>>()?;
        let delegate = servers.first().and_then(|(_, transport)| security::proxy_user(options, transport));
        let delegate = delegate.map(Delegate::new);
        let mut pool = Self { servers, delegate, active: AtomicUsize::new(0), idle: Mutex::default() };
        let mut last = error::config("the metastore has no address");
        for server in 0..pool.servers.len() {
            match pool.transport(server).and_then(|transport| greet(&pool.servers[server].0, &transport)) {
                Ok((thrift, link, version)) => {
                    pool.active = AtomicUsize::new(server);
                    pool.put_back(Connection { thrift, link, server });
                    return Ok((pool, version));
                }
                Err(e) => {
                    tracing::debug!(error = %e, "trying the next metastore");
                    last = e;
                }
            }
        }
        Err(last)
    }

    /// Makes a call on the first address that answers, beginning with the one that did so last. `call` must be safe to
    /// repeat: a connection that was kept may have died unnoticed.
    pub(super) fn call<T>(&self, what: &str, mut call: impl FnMut(&mut Thrift) -> thrift::Result<T>) -> Result<T> {
        let (first, count) = (self.active.load(Ordering::Relaxed), self.servers.len());
        let mut last = error::config("the metastore has no address");
        for index in (0..count).map(|step| (first + step) % count) {
            let (server, _) = &self.servers[index];
            match self.attempt(index, &mut call) {
                Ok(Ok(answer)) => {
                    self.active.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Err(e)) if spoils_connection(&e) => last = fault::of_call(what, server, e),
                Ok(Err(e)) => return Err(fault::of_call(what, server, e)),
                Err(e) => last = e.context(what),
            }
        }
        Err(last)
    }

    /// Makes a call on one server: on a connection that was kept, or on a new one if none was kept or it was lost.
    fn attempt<T>(
        &self,
        server: usize,
        call: &mut impl FnMut(&mut Thrift) -> thrift::Result<T>,
    ) -> Result<thrift::Result<T>> {
        while let Some(kept) = self.take(server) {
            match self.on(kept, call) {
                Err(e) if e.is_transient() => tracing::debug!(error = %e, "connection lost, connecting again"),
                Ok(Err(e)) if is_lost_connection(&e) => {
                    tracing::debug!(error = %e, "connection lost, connecting again");
                }
                done => return done,
            }
        }
        let (thrift, link) = open(&self.servers[server].0, &self.transport(server)?)?;
        set_call_limit(&self.servers[server].0, &link)?;
        self.on(Connection { thrift, link, server }, call)
    }

    /// Makes a call and keeps the connection for the next one, unless it is spoiled.
    fn on<T>(
        &self,
        mut connection: Connection,
        call: &mut impl FnMut(&mut Thrift) -> thrift::Result<T>,
    ) -> Result<thrift::Result<T>> {
        let done = call(&mut connection.thrift);
        if let Err(e) = &done
            && spoils_connection(e)
        {
            return connection.link.take_error().map_or(Ok(done), Err);
        }
        self.put_back(connection);
        Ok(done)
    }

    /// How a server is spoken to: with a token of the one in whose name it is done, got now if need be.
    fn transport(&self, server: usize) -> Result<Transport> {
        let (server, transport) = &self.servers[server];
        match &self.delegate {
            None => Ok(transport.clone()),
            Some(delegate) => delegate.login(transport, || open(server, transport).map(|(thrift, _)| thrift)),
        }
    }

    fn take(&self, server: usize) -> Option<Connection> {
        let mut idle = self.idle();
        let at = idle.iter().rposition(|kept| kept.server == server)?;
        Some(idle.swap_remove(at))
    }

    fn put_back(&self, connection: Connection) {
        self.idle().push(connection);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole after every panic: the one in use is not in it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects; the first answer has the limit of connecting.
fn open(server: &Server, transport: &Transport) -> Result<(Thrift, Link)> {
    let (input, output, link) = Wire::open(server, transport)?.into_protocols();
    Ok((Thrift::new(input, output), link))
}

/// Connects and asks for the version, so that a wrong address is found now.
fn greet(server: &Server, transport: &Transport) -> Result<(Thrift, Link, Option<Version>)> {
    let (mut thrift, link) = open(server, transport)?;
    let version = match thrift.get_version() {
        Ok(text) => Version::parse(text),
        Err(thrift::Error::Application(e)) if e.kind == ApplicationErrorKind::UnknownMethod => {
            let what = format!("{} is a thrift service, but not {}", server.address, server.what);
            return Err(error::refused(what).hint("check host and port"));
        }
        Err(e) => return Err(link.first_failure(server, e)),
    };
    set_call_limit(server, &link)?;
    Ok((thrift, link, version))
}

fn set_call_limit(server: &Server, link: &Link) -> Result<()> {
    link.set_limit(CALL_TIMEOUT).map_err(|e| server.unreachable(e))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;
    use crate::config::Timespan;
    use crate::error::Kind;
    use crate::net::tests::{assert_silent, closed_port, silent_port};

    fn options(address: &str, seconds: u64) -> MetastoreOptions {
        MetastoreOptions {
            connect_timeout: Some(Timespan::from_secs(seconds)),
            ..MetastoreOptions::new(format!("thrift://{address}"))
        }
    }

    #[test]
    fn an_address_where_nobody_listens_is_unreachable_and_named() {
        let free = closed_port();
        let error = Pool::connect(&options(&free, 1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&free), "{error}");
    }

    #[test]
    fn a_metastore_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let began = Instant::now();
        let error = Pool::connect(&options(&address, 1)).unwrap_err();
        assert_silent(&error, &address, "a hive metastore", began);
    }

    #[test]
    fn another_service_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let error = Pool::connect(&options(&address, 5)).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{address} does not answer as a hive metastore")), "{error}");
    }
}
