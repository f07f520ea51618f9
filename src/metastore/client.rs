//! The async client: each call runs on a blocking thread, as many at once as a metastore can serve.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};

use super::options::MetastoreOptions;
use super::pool::{Pool, Thrift};
use super::version::Version;
use crate::error::{self, Result};
use crate::net::thrift::blocking;

/// Calls under way at once. Behind a metastore stand few connections to its database, and more callers than it can
/// serve make it slower for all of them.
const CALLS_AT_ONCE: usize = 16;

/// A metastore; may be used from many tasks at once.
///
/// # Cancel safety
/// A dropped call goes on in the background until the metastore answers.
#[derive(Debug)]
pub struct MetastoreClient {
    pool: Arc<Pool>,
    /// User that new objects belong to.
    pub(super) user: String,
    /// Databases that were made or seen: hundreds of tables at once ask for theirs.
    pub(super) databases: Mutex<HashSet<String>>,
    version: Option<Version>,
    /// Tables that were looked for and not found, and where they are going to lie: they are made without a second look.
    pub(super) absent: std::sync::Mutex<HashMap<String, String>>,
    permits: Semaphore,
}

impl MetastoreClient {
    /// Connects, and asks for the version, so that a wrong address is found now.
    ///
    /// # Errors
    /// Config: no or malformed addresses. Unreachable: none of them answers as a metastore in time.
    pub async fn connect(options: &MetastoreOptions) -> Result<Self> {
        let options = options.clone();
        let (pool, version, user) = blocking(move || {
            let (pool, version) = Pool::connect(&options)?;
            Ok((pool, version, options.user()))
        })
        .await?;
        Ok(Self {
            pool: Arc::new(pool),
            user,
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

    /// Makes a call that is safe to repeat; `what` says in an error what was attempted.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        what: String,
        call: impl FnMut(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.permits.acquire().await;
        let pool = Arc::clone(&self.pool);
        blocking(move || {
            let started = Instant::now();
            let answer = pool.call(&what, call);
            tracing::trace!(elapsed = ?started.elapsed(), "{what}");
            answer
        })
        .await
    }
}
