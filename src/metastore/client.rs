//! The connection to the metastore: addresses tried in order, time limits, one place that makes calls.
//!
//! Only plain connections; a server that wants SASL or TLS does not answer, and the error says so.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use hive_metastore::{ThriftHiveMetastoreClient, ThriftHiveMetastoreClientBuilder};
use tokio::sync::{Mutex, Semaphore};
use volo_thrift::codec::DefaultMakeCodec;
use volo_thrift::{ClientError, MaybeException};

use super::fault::{Fault, broken, declared};
use super::options::{MetastoreOptions, host_and_port};
use super::version::{self, Version};
use crate::error::{self, Error, Result};
use crate::net::Server;

/// What ought to answer.
const WHAT: &str = "a hive metastore";

/// Long, because a metastore may scan directories while it answers.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Calls under way at once. Behind a metastore stand few connections to its database, and more callers than it can
/// serve make it slower for all of them.
const CALLS_AT_ONCE: usize = 16;

/// One address of a metastore and the pooled connections to it.
#[derive(Clone)]
pub(super) struct Remote {
    pub uri: String,
    client: ThriftHiveMetastoreClient,
}

/// A metastore; may be used from many tasks at once.
pub struct MetastoreClient {
    pub(super) remotes: Vec<Remote>,
    /// The one that answered last.
    pub(super) active: AtomicUsize,
    /// User that new objects belong to.
    pub(super) user: String,
    /// Databases that were made or seen: hundreds of tables at once ask for theirs.
    pub(super) databases: Mutex<HashSet<String>>,
    version: Option<Version>,
    /// Tables that were looked for and not found, and where they are going to lie: they are made without a second look.
    pub(super) absent: std::sync::Mutex<HashMap<String, String>>,
    permits: Semaphore,
}

impl std::fmt::Debug for MetastoreClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uris: Vec<&str> = self.remotes.iter().map(|r| r.uri.as_str()).collect();
        f.debug_struct("MetastoreClient").field("uris", &uris).field("user", &self.user).finish()
    }
}

impl MetastoreClient {
    /// Connects, and asks for the version, so that a wrong address is found now.
    ///
    /// # Errors
    /// Config: no or malformed addresses. Unreachable: none of them answers as a metastore in time.
    pub async fn connect(options: &MetastoreOptions) -> Result<Self> {
        let (mut remotes, mut greeted, mut last) = (Vec::new(), None, None);
        for uri in options.checked_urls()? {
            let server = Server::new(WHAT, host_and_port(uri)?, options.connect_timeout());
            for address in server.addresses().await.unwrap_or_else(|e| {
                last = Some(e);
                Vec::new()
            }) {
                if greeted.is_none() {
                    match version::greet(&server, address).await {
                        Ok(version) => greeted = Some((remotes.len(), version)),
                        Err(e) => last = Some(e),
                    }
                }
                remotes.push(Remote { uri: uri.clone(), client: client(address, server.limit) });
            }
        }
        let Some((active, version)) = greeted else {
            return Err(last.unwrap_or_else(|| error::config("the metastore has no address")));
        };
        Ok(Self {
            remotes,
            active: AtomicUsize::new(active),
            user: options.user(),
            databases: Mutex::default(),
            version,
            absent: std::sync::Mutex::default(),
            permits: Semaphore::new(CALLS_AT_ONCE),
        })
    }

    /// The version of the Hive around the metastore.
    ///
    /// # Errors
    /// Refused: it does not tell.
    pub fn version(&self) -> Result<&Version> {
        self.version.as_ref().ok_or_else(|| error::refused("the metastore does not tell its version"))
    }

    /// Makes a call on the first address that answers, beginning with the one that did so last.
    ///
    /// Every address gets a second try, because a pooled connection may have died unnoticed; so `call` must be safe
    /// to repeat.
    pub(super) async fn call<T, X, F, A>(&self, what: &str, call: F) -> Result<T>
    where
        X: Fault,
        F: Fn(ThriftHiveMetastoreClient) -> A,
        A: Future<Output = Result<MaybeException<T, X>, ClientError>> + Send,
    {
        let _permit = self.permits.acquire().await;
        let (first, count) = (self.active.load(Ordering::Relaxed), self.remotes.len());
        let mut last: Option<Error> = None;
        for attempt in 0..2 * count {
            let index = (first + attempt) % count;
            let remote = &self.remotes[index];
            let started = Instant::now();
            // Boxed: the layers of the library below would show in the type of every future above.
            let answer = call(remote.client.clone()).boxed().await;
            tracing::trace!(elapsed = ?started.elapsed(), "{what}");
            match answer {
                Ok(MaybeException::Ok(answer)) => {
                    self.active.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(MaybeException::Exception(fault)) => return Err(declared(what, fault)),
                Err(e @ ClientError::Application(_)) => return Err(broken(what, &remote.uri, e)),
                Err(e) => last = Some(broken(what, &remote.uri, e)),
            }
        }
        Err(last.unwrap_or_else(|| error::config("the metastore has no address")))
    }
}

fn client(address: SocketAddr, connect_limit: Duration) -> ThriftHiveMetastoreClient {
    ThriftHiveMetastoreClientBuilder::new("hive-metastore")
        .address(address)
        .make_codec(DefaultMakeCodec::buffered())
        .connect_timeout(Some(connect_limit))
        .rpc_timeout(Some(CALL_TIMEOUT))
        .read_write_timeout(Some(CALL_TIMEOUT))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_unreachable_and_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = MetastoreOptions::new(format!("thrift://{free}"));
        let error = MetastoreClient::connect(&options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&free.to_string()), "{error}");
    }
}
