//! One load a target at a time: a directory beside the manifest, renamed into place complete and never over another.
//!
//! Its one entry, an empty directory, says by its name who holds it and until when. So a lock is of names alone: it asks
//! nothing of DataNodes; taking it is two calls of the NameNode, prolonging and looking at it one each.
//!
//! A lock is dead, and is taken over, when its time has run out, or when it was made on this host by a process that
//! no longer lives, or by this process for a load that was dropped. The holder renews it; before the commit point it
//! looks whether the lock is still its own and has time left for the rename that follows, so that a holder that slept
//! does not commit beside its heir. No clock of the cluster is used: hosts must agree to within [`RENEWAL`].

mod holder;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use self::holder::{Holder, now_ms};
use crate::error::{self, Error, Kind, Result};
use crate::storage::{DeleteOptions, FileStatus, Filesystem, RenameOptions};

/// A lock that was not renewed for this long is dead, wherever its holder ran.
const LIFETIME: Duration = Duration::from_secs(300);

/// Pause between two renewals.
const RENEWAL: Duration = Duration::from_secs(60);

/// Tokens of the locks that this process holds.
static HELD: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn held() -> MutexGuard<'static, HashSet<String>> {
    // A set of strings is whole after every panic.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A held lock; dropping it makes it dead at once for this process, [`Lock::release`] removes the directory.
#[derive(Debug)]
pub(super) struct Lock {
    fs: Arc<dyn Filesystem>,
    path: String,
    token: String,
    renewal: Option<AbortOnDropHandle<()>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        held().remove(&self.token);
    }
}

impl Lock {
    /// Takes the lock for `owner`.
    ///
    /// # Errors
    /// Busy: somebody alive holds it; the message says who.
    pub async fn acquire(fs: &Arc<dyn Filesystem>, path: &str, owner: &str) -> Result<Self> {
        let holder = Holder::new(owner);
        let token = holder.token.clone();
        held().insert(token.clone());
        let renewal = tokio::spawn(renew(fs.clone(), path.to_owned(), holder.clone()));
        let renewal = AbortOnDropHandle::new(renewal);
        let lock = Self { fs: fs.clone(), path: path.to_owned(), token, renewal: Some(renewal) };

        let candidate = format!("{path}.{}", lock.token);
        put(fs.as_ref(), &candidate, &holder).await.map_err(|e| e.context(format!("locking {path}")))?;
        loop {
            match fs.rename(&candidate, path, RenameOptions::default()).await {
                Ok(()) => return Ok(lock),
                Err(e) if e.kind() == Kind::Exists => {}
                // The holder tidies up around its lock.
                Err(e) if e.kind() == Kind::NotFound => return Err(just_taken(path)),
                Err(e) => return Err(e.context(format!("locking {path}"))),
            }
            match take_over(fs.as_ref(), path, &candidate).await {
                Ok(true) => return Ok(lock),
                Ok(false) => {}
                Err(e) => {
                    remove(fs.as_ref(), &candidate).await?;
                    return Err(e);
                }
            }
        }
    }

    /// Fails if the lock was lost to somebody else, or soon may be.
    ///
    /// # Errors
    /// Busy.
    pub async fn check(&self) -> Result<()> {
        match read(self.fs.as_ref(), &self.path).await? {
            Some(holder) if holder.token == self.token => {
                if holder.expires_ms < now_ms() + RENEWAL.as_millis() as u64 {
                    let what = format!("{} could not be renewed for {} s", self.path, (LIFETIME - RENEWAL).as_secs());
                    return Err(error::busy(what).hint("run again: nothing of this load is visible"));
                }
                Ok(())
            }
            Some(holder) => Err(holder.busy(&self.path).context("the lock of this load was taken over")),
            None => Err(error::busy(format!("{} was removed during the load", self.path)).hint("run again")),
        }
    }

    /// Gives the lock back.
    pub async fn release(mut self) -> Result<()> {
        // Or it might be prolonged while it is being removed.
        self.renewal = None;
        remove(self.fs.as_ref(), &self.path).await
    }
}

/// Puts the candidate in the place of a dead lock; `false` if it has to be looked at again.
///
/// A dead lock may be removed only by its heir, of whom there is one: a directory named after the lock's token, which the
/// candidate becomes by a rename. So nobody who saw the dead lock can remove the living one that came after it.
async fn take_over(fs: &dyn Filesystem, path: &str, candidate: &str) -> Result<bool> {
    let Some(dead) = read(fs, path).await? else { return Ok(false) };
    if dead.is_alive() {
        return Err(dead.busy(path));
    }
    let heir = format!("{path}.{}.heir", dead.token);
    match fs.rename(candidate, &heir, RenameOptions::default()).await {
        Ok(()) => {}
        Err(e) if e.kind() == Kind::Exists => return wait_for_heir(fs, path, &heir).await,
        Err(e) if e.kind() == Kind::NotFound => return Err(just_taken(path)),
        Err(e) => return Err(e),
    }
    if read(fs, path).await?.is_some_and(|now| now.token == dead.token) {
        tracing::warn!(lock = path, owner = dead.owner, pid = dead.pid, "taking over the lock of a dead load");
        remove(fs, path).await?;
    }
    match fs.rename(&heir, path, RenameOptions::default()).await {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == Kind::Exists => {
            // A newcomer found the place empty.
            match fs.rename(&heir, candidate, RenameOptions::default()).await {
                Err(e) if e.kind() == Kind::NotFound => Err(just_taken(path)),
                back => back.map(|()| false),
            }
        }
        Err(e) if e.kind() == Kind::NotFound => Err(just_taken(path)),
        Err(e) => Err(e),
    }
}

/// Somebody else is taking the dead lock over: Busy while that one lives, else its traces are removed.
async fn wait_for_heir(fs: &dyn Filesystem, path: &str, heir: &str) -> Result<bool> {
    match read(fs, heir).await? {
        Some(other) if other.is_alive() => return Err(other.busy(path)),
        Some(_) => remove(fs, heir).await?,
        None => {}
    }
    Ok(false)
}

fn just_taken(path: &str) -> Error {
    error::busy(format!("{path} was just taken by somebody else")).hint("run again shortly")
}

/// Prolongs the lock until aborted.
async fn renew(fs: Arc<dyn Filesystem>, path: String, mut holder: Holder) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let before = holder.name();
        let next = Holder { expires_ms: now_ms() + LIFETIME.as_millis() as u64, ..holder.clone() };
        let (from, to) = (format!("{path}/{before}"), format!("{path}/{}", next.name()));
        // The name bears our token, so nobody else's lock is prolonged. A failed renewal is tried again after the next
        // pause; a lost lock is found by `check`.
        match fs.rename(&from, &to, RenameOptions::default()).await {
            Ok(()) => holder = next,
            Err(error) => tracing::warn!(%error, lock = path, "cannot renew the lock"),
        }
    }
}

async fn put(fs: &dyn Filesystem, path: &str, holder: &Holder) -> Result<()> {
    fs.mkdirs(&format!("{path}/{}", holder.name())).await
}

/// Removes a lock. On the local disk that takes two steps; another lock may come into the place of the emptied one.
async fn remove(fs: &dyn Filesystem, path: &str) -> Result<()> {
    match fs.delete(path, DeleteOptions { recursive: true }).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == Kind::Refused => {
            tracing::warn!(%error, lock = path, "somebody else's lock stays where one was removed");
            Ok(())
        }
        Err(e) => Err(e),
    }
}

/// The holder of a lock; `None` where there is no lock.
///
/// HDFS lists a directory at one moment. The local disk does not: while a lock is prolonged it may show both names of
/// the entry, or none, and while one is removed an empty directory.
async fn read(fs: &dyn Filesystem, path: &str) -> Result<Option<Holder>> {
    let damaged = || {
        error::data(format!("the lock {path} is damaged"))
            .hint("make sure that nothing is loading there, then delete it")
    };
    loop {
        let found = match fs.list(path).await {
            Ok(found) => found,
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let of_entry = |entry: &FileStatus| Holder::of_name(entry.path.rsplit('/').next().unwrap_or_default());
        let holders: Vec<Holder> = found.iter().map(of_entry).collect::<Option<_>>().ok_or_else(damaged)?;
        if holders.windows(2).any(|pair| pair[0].token != pair[1].token) {
            return Err(damaged());
        }
        if let Some(holder) = holders.into_iter().max_by_key(|holder| holder.expires_ms) {
            return Ok(Some(holder));
        }
        match fs.delete(path, DeleteOptions::default()).await {
            Ok(_) => return Ok(None),
            // Not empty after all: somebody prolonged it, or took it.
            Err(e) if e.kind() == Kind::Refused => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests;
