//! A lease as a directory beside what it protects, put into place complete and never over another.
//!
//! Its one entry, an empty directory, says by its name who holds it and until when. So a lease is of names alone: it
//! asks nothing of DataNodes. Taking it is two calls of the NameNode; renewing it, taking it over and looking at it are
//! one each.

use std::sync::Arc;

use async_trait::async_trait;

use super::{DeleteOptions, FileStatus, Filesystem, RenameOptions};
use crate::error::{self, Kind, Result};
use crate::lease::{Holder, LeaseStore};

/// How often a directory is listed that shows two leases, before it counts as damaged.
const MAX_LOOKS: u32 = 5;

/// The directory of one lease.
#[derive(Clone, Debug)]
pub struct DirectoryLease {
    fs: Arc<dyn Filesystem>,
    path: String,
    target: String,
}

impl DirectoryLease {
    /// The lease at `path`, whose parent may be missing.
    pub fn new(fs: Arc<dyn Filesystem>, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { fs, target: path.clone(), path }
    }

    /// Names what the lease is for; its path otherwise.
    #[must_use]
    pub fn of(self, target: impl Into<String>) -> Self {
        Self { target: target.into(), ..self }
    }

    fn entry(&self, holder: &Holder) -> String {
        format!("{}/{}", self.path, holder.name())
    }
}

#[async_trait]
impl LeaseStore for DirectoryLease {
    fn target(&self) -> &str {
        &self.target
    }

    async fn create(&self, holder: &Holder) -> Result<bool> {
        let candidate = format!("{}.{}", self.path, holder.token);
        self.fs.mkdirs(&format!("{candidate}/{}", holder.name())).await?;
        match self.fs.rename(&candidate, &self.path, RenameOptions::default()).await {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == Kind::Exists => {
                self.fs.delete(&candidate, DeleteOptions { recursive: true }).await?;
                Ok(false)
            }
            // The holder tidies up around its lease.
            Err(e) if e.kind() == Kind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// HDFS lists a directory at one moment. The local disk does not: while a lease is renewed or taken over it may show
    /// both names of the entry, or none, and while one is removed an empty directory.
    async fn read(&self) -> Result<Option<Holder>> {
        let path = &self.path;
        let damaged = || {
            error::data(format!("the lease {path} is damaged"))
                .hint("make sure that nothing is loading there, then delete it")
        };
        let mut looks = 0;
        loop {
            looks += 1;
            let found = match self.fs.list(path).await {
                Ok(found) => found,
                Err(e) if e.kind() == Kind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            let of_entry = |entry: &FileStatus| Holder::of_name(entry.name());
            let holders: Vec<Holder> = found.iter().map(of_entry).collect::<Option<_>>().ok_or_else(damaged)?;
            if holders.windows(2).any(|pair| pair[0].token != pair[1].token) {
                if looks < MAX_LOOKS {
                    continue;
                }
                return Err(damaged());
            }
            if let Some(holder) = holders.into_iter().max_by_key(|holder| holder.expires_ms) {
                return Ok(Some(holder));
            }
            match self.fs.delete(path, DeleteOptions::default()).await {
                Ok(_) => return Ok(None),
                // Not empty after all: somebody renewed it, or took it.
                Err(e) if e.kind() == Kind::Refused => {}
                Err(e) => return Err(e),
            }
        }
    }

    async fn replace(&self, from: &Holder, to: &Holder) -> Result<bool> {
        // The name that goes away bears the token of `from`, so nobody else's lease is touched.
        match self.fs.rename(&self.entry(from), &self.entry(to), RenameOptions::default()).await {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == Kind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn remove(&self, holder: &Holder) -> Result<()> {
        // A live lease with time left is nobody else's. A dead one may have been taken over: only the own entry goes.
        let all = holder.is_alive() && holder.has_time_left();
        if !all {
            self.fs.delete(&self.entry(holder), DeleteOptions::default()).await?;
        }
        match self.fs.delete(&self.path, DeleteOptions { recursive: all }).await {
            Ok(_) => Ok(()),
            // On the local disk a removal takes two steps; another lease may come into the place of the emptied one.
            Err(e) if e.kind() == Kind::Refused => Ok(()),
            Err(e) => Err(e),
        }
    }
}

#[cfg(test)]
mod tests;
