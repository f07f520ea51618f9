//! The connection to the metastore: addresses tried in order, time limits, one place that makes calls.
//!
//! Only plain connections; SASL and TLS are refused by the server's silence and reported as such.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hive_metastore::{ThriftHiveMetastoreClient, ThriftHiveMetastoreClientBuilder};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OnceCell, Semaphore};
use volo_thrift::codec::DefaultMakeCodec;
use volo_thrift::{ClientError, MaybeException};

use super::fault::{Fault, broken, declared};
use super::version::Version;
use crate::config::{self, Timespan};
use crate::error::{self, Error, Result};

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Long, because a metastore may scan directories while it answers.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_PORT: u16 = 9083;

/// Calls under way at once. Behind a metastore stand few connections to its database, and more callers than it can
/// serve make it slower for all of them.
const CALLS_AT_ONCE: usize = 16;

/// How to reach the metastore.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MetastoreOptions {
    /// Address such as thrift://localhost:9083; several are tried in order
    #[arg(id = "metastore_url", long = "metastore-url", value_name = "URL", value_delimiter = ',')]
    #[arg(value_parser = checked)]
    #[serde(rename = "url", deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
    pub urls: Vec<String>,
    /// User that new databases and tables belong to [default: the HDFS user]
    #[arg(id = "metastore_user", long = "metastore-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
    /// How long the metastore has to accept a connection and give its first answer; that of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    #[serde(default)]
    pub connect_timeout: Option<Timespan>,
}

fn urls<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, checked)
}

fn checked(url: &str) -> Result<String> {
    host_and_port(url).map(|_| url.trim().to_owned())
}

impl MetastoreOptions {
    /// Options for one metastore.
    pub fn new(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], ..Self::default() }
    }
}

/// One address of a metastore and the pooled connections to it.
#[derive(Clone)]
pub(super) struct Remote {
    pub uri: String,
    pub address: SocketAddr,
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
    pub(super) version: OnceCell<Version>,
    /// Tables that were looked for and not found: they are made without a second look.
    pub(super) absent: std::sync::Mutex<HashSet<String>>,
    permits: Semaphore,
}

impl std::fmt::Debug for MetastoreClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uris: Vec<&str> = self.remotes.iter().map(|r| r.uri.as_str()).collect();
        f.debug_struct("MetastoreClient").field("uris", &uris).field("user", &self.user).finish()
    }
}

impl MetastoreClient {
    /// Connects and asks for the list of databases, so that a wrong address is found now.
    ///
    /// # Errors
    /// Config: no or malformed addresses. Unreachable: none of them answers.
    pub async fn connect(options: &MetastoreOptions) -> Result<Self> {
        if options.urls.is_empty() {
            return Err(
                error::config("the metastore has no address").hint("give its url, such as thrift://localhost:9083")
            );
        }
        let mut remotes = Vec::new();
        for uri in &options.urls {
            for address in resolve(uri).await? {
                remotes.push(Remote { uri: uri.clone(), address, client: client(address) });
            }
        }
        let user = options.user.clone().unwrap_or_else(current_user);
        let this = Self {
            remotes,
            active: AtomicUsize::new(0),
            user,
            databases: Mutex::default(),
            version: OnceCell::new(),
            absent: std::sync::Mutex::default(),
            permits: Semaphore::new(CALLS_AT_ONCE),
        };
        this.call("asking for the databases", |c| async move { c.get_all_databases().await }).await?;
        Ok(this)
    }

    /// Makes a call on the first address that answers, beginning with the one that did so last.
    ///
    /// Every address gets a second try, because a pooled connection may have died unnoticed; so `call` must be safe
    /// to repeat.
    pub(super) async fn call<T, X, F, A>(&self, what: &str, call: F) -> Result<T>
    where
        X: Fault,
        F: Fn(ThriftHiveMetastoreClient) -> A,
        A: Future<Output = Result<MaybeException<T, X>, ClientError>>,
    {
        let _permit = self.permits.acquire().await;
        let (first, count) = (self.active.load(Ordering::Relaxed), self.remotes.len());
        let mut last: Option<Error> = None;
        for attempt in 0..2 * count {
            let index = (first + attempt) % count;
            let remote = &self.remotes[index];
            let started = Instant::now();
            let answer = call(remote.client.clone()).await;
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

fn client(address: SocketAddr) -> ThriftHiveMetastoreClient {
    ThriftHiveMetastoreClientBuilder::new("hive-metastore")
        .address(address)
        .make_codec(DefaultMakeCodec::buffered())
        .connect_timeout(Some(CONNECT_TIMEOUT))
        .rpc_timeout(Some(CALL_TIMEOUT))
        .read_write_timeout(Some(CALL_TIMEOUT))
        .build()
}

/// The addresses of `thrift://host[:port]`, IPv4 first.
async fn resolve(uri: &str) -> Result<Vec<SocketAddr>> {
    let (host, port) = host_and_port(uri)?;
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| {
        error::unreachable(format!("cannot find the metastore host {host}")).source(e).hint("check the name")
    })?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// The host and port of `thrift://host[:port]`.
fn host_and_port(url: &str) -> Result<(&str, u16)> {
    let malformed =
        || error::config(format!("{url:?} is not thrift://HOST:PORT")).hint("write it as thrift://host:9083");
    let authority = url.trim().strip_prefix("thrift://").ok_or_else(malformed)?.trim_end_matches('/');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| malformed())?),
        None => (authority, DEFAULT_PORT),
    };
    if host.is_empty() { Err(malformed()) } else { Ok((host, port)) }
}

/// The user Hadoop's own clients would act as on a cluster without Kerberos.
fn current_user() -> String {
    ["HADOOP_USER_NAME", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn addresses_are_checked_before_a_call() {
        assert_eq!(resolve("thrift://127.0.0.1").await.unwrap(), ["127.0.0.1:9083".parse().unwrap()]);
        assert_eq!(resolve(" thrift://127.0.0.1:9084/").await.unwrap(), ["127.0.0.1:9084".parse().unwrap()]);
        for uri in ["localhost:9083", "thrift://", "thrift://:1", "thrift://h:x"] {
            assert_eq!(resolve(uri).await.unwrap_err().kind(), Kind::Config, "{uri}");
        }
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_unreachable_and_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = MetastoreOptions::new(format!("thrift://{free}"));
        let error = MetastoreClient::connect(&options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&free.to_string()), "{error}");
    }
}
