//! One load a target at a time: a lock file beside the manifest, renamed into place complete and never over another.
//!
//! A lock is dead, and is taken over, when its time has run out, or when it was made on this host by a process that
//! no longer lives, or by this process for a load that was dropped. The holder renews it; before the commit point it
//! looks whether the lock is still its own and has time left for the rename that follows, so that a holder that slept
//! does not commit beside its heir. No clock of the cluster is used: hosts must agree to within [`RENEWAL`].

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use crate::error::{self, Error, Kind, Result};
use crate::storage::{self, CreateOptions, DeleteOptions, Filesystem, RenameOptions};

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

/// What the lock file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Holder {
    token: String,
    owner: String,
    host: String,
    pid: u32,
    /// Tells a process from a later one with the same id.
    process_start: String,
    expires_ms: u64,
}

impl Holder {
    fn new(owner: &str) -> Self {
        Self {
            token: uuid::Uuid::now_v7().to_string(),
            owner: owner.to_owned(),
            host: read_trimmed("/proc/sys/kernel/hostname"),
            pid: std::process::id(),
            process_start: process_start(std::process::id()).unwrap_or_default(),
            expires_ms: now_ms() + LIFETIME.as_millis() as u64,
        }
    }

    fn is_alive(&self) -> bool {
        if self.expires_ms <= now_ms() {
            return false;
        }
        let me = Self::new("");
        if self.host != me.host {
            return true;
        }
        if self.pid == me.pid && self.process_start == me.process_start {
            return held().contains(&self.token);
        }
        process_start(self.pid).is_some_and(|start| start == self.process_start)
    }

    fn busy(&self, path: &str) -> Error {
        let seconds = self.expires_ms.saturating_sub(now_ms()) / 1000;
        let Self { owner, host, pid, .. } = self;
        error::busy(format!("{path} is held by {owner}, process {pid} on {host}"))
            .hint(format!("wait until it is done; if that process is dead the lock ends by itself in {seconds} s"))
    }
}

/// A held lock; dropping it makes it dead at once for this process, [`Lock::release`] removes the file.
#[derive(Debug)]
pub(super) struct Lock {
    fs: Arc<dyn Filesystem>,
    path: String,
    token: String,
    _renewal: AbortOnDropHandle<()>,
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
        let lock = Self { fs: fs.clone(), path: path.to_owned(), token, _renewal: renewal };

        let candidate = format!("{path}.{}", lock.token);
        write(fs.as_ref(), &candidate, &holder).await.map_err(|e| e.context(format!("locking {path}")))?;
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
                    fs.delete(&candidate, DeleteOptions::default()).await?;
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
    pub async fn release(self) -> Result<()> {
        self.fs.delete(&self.path, DeleteOptions::default()).await?;
        Ok(())
    }
}

/// Puts the candidate in the place of a dead lock; `false` if it has to be looked at again.
///
/// A dead lock may be removed only by its heir, of whom there is one: a file named after the lock's token, which the
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
        fs.delete(path, DeleteOptions::default()).await?;
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
        Some(_) => fs.delete(heir, DeleteOptions::default()).await?,
        None => false,
    };
    Ok(false)
}

fn just_taken(path: &str) -> Error {
    error::busy(format!("{path} was just taken by somebody else")).hint("run again shortly")
}

/// Prolongs the lock until aborted.
async fn renew(fs: Arc<dyn Filesystem>, path: String, mut holder: Holder) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        holder.expires_ms = now_ms() + LIFETIME.as_millis() as u64;
        let next = format!("{path}.{}.next", holder.token);
        let renewed = async {
            match read(fs.as_ref(), &path).await? {
                Some(now) if now.token == holder.token => {}
                _ => return Err(error::busy(format!("{path} is no longer ours"))),
            }
            write(fs.as_ref(), &next, &holder).await?;
            fs.rename(&next, &path, RenameOptions { overwrite: true }).await
        };
        // A failed renewal is tried again after the next pause; a lost lock is found by `check`.
        if let Err(error) = renewed.await {
            tracing::warn!(%error, lock = path, "cannot renew the lock");
        }
    }
}

async fn write(fs: &dyn Filesystem, path: &str, holder: &Holder) -> Result<()> {
    let json = serde_json::to_vec(holder).map_err(|e| error::bug("cannot write a lock as JSON").source(e))?;
    storage::write_whole(fs, path, &json, CreateOptions { overwrite: true, replication: None }).await
}

/// The holder of a lock; `None` where there is no lock.
async fn read(fs: &dyn Filesystem, path: &str) -> Result<Option<Holder>> {
    match fs.read(path).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let error = error::data(format!("the lock {path} is damaged")).source(e);
            error.hint("make sure that nothing is loading there, then delete it")
        }),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// Boot and start tick of a living process.
fn process_start(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command in parentheses, may hold blanks; start time is field 22.
    let tick = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{}/{tick}", read_trimmed("/proc/sys/kernel/random/boot_id")))
}

fn read_trimmed(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::local::LocalFilesystem;

    const PATH: &str = "/lake/.sakia/orders/lock.json";

    fn disk() -> (tempfile::TempDir, Arc<dyn Filesystem>) {
        let root = tempfile::tempdir().unwrap();
        let fs = Arc::new(LocalFilesystem::new(root.path()));
        (root, fs)
    }

    async fn acquire_over(found: Holder) -> Result<Lock> {
        let (_root, fs) = disk();
        write(fs.as_ref(), PATH, &found).await.unwrap();
        let outcome = Lock::acquire(&fs, PATH, "second").await;
        let files: Vec<_> = fs.list("/lake/.sakia/orders").await.unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(files, [PATH], "nothing is left beside the lock");
        outcome
    }

    #[tokio::test]
    async fn another_host_is_waited_for_until_its_time_is_up() {
        let mut found = Holder { host: "elsewhere".into(), ..Holder::new("first") };
        let error = acquire_over(found.clone()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        assert!(error.to_string().contains("first") && error.to_string().contains("elsewhere"), "{error}");
        found.expires_ms = now_ms() - 1;
        acquire_over(found).await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_process_of_this_host_holds_nothing() {
        // No process has such an id. One made and ended here would, between its fork and its exec, hold open every
        // locked file of the tests that run beside this one.
        acquire_over(Holder { pid: u32::MAX, ..Holder::new("first") }).await.unwrap();
        // A living process that took the same id.
        let parent = std::os::unix::process::parent_id();
        acquire_over(Holder { pid: parent, process_start: "long ago".into(), ..Holder::new("first") }).await.unwrap();
        let alive = Holder { pid: parent, process_start: process_start(parent).unwrap(), ..Holder::new("first") };
        assert_eq!(acquire_over(alive).await.unwrap_err().kind(), Kind::Busy);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_of_many_contenders_gets_a_dead_lock() {
        for _ in 0..20 {
            let (_root, fs) = disk();
            write(fs.as_ref(), PATH, &Holder { expires_ms: 0, ..Holder::new("dead") }).await.unwrap();
            let contenders = (0..8).map(|n| {
                let fs = fs.clone();
                tokio::spawn(async move { Lock::acquire(&fs, PATH, &n.to_string()).await })
            });
            let outcomes = futures::future::join_all(contenders).await.into_iter().map(|o| o.unwrap());
            let (locks, errors): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
            assert_eq!(locks.len(), 1);
            for error in errors.into_iter().filter_map(Result::err) {
                assert_eq!(error.kind(), Kind::Busy, "{error}");
            }
            for lock in locks.into_iter().flatten() {
                lock.check().await.unwrap();
                lock.release().await.unwrap();
            }
            assert!(fs.list("/lake/.sakia/orders").await.unwrap().is_empty(), "nothing is left beside the lock");
            Lock::acquire(&fs, PATH, "next").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_dead_heir_does_not_keep_a_dead_lock() {
        let (_root, fs) = disk();
        let dead = Holder { expires_ms: 0, ..Holder::new("dead") };
        write(fs.as_ref(), PATH, &dead).await.unwrap();
        let heir = Holder { expires_ms: 0, ..Holder::new("killed while taking over") };
        write(fs.as_ref(), &format!("{PATH}.{}.heir", dead.token), &heir).await.unwrap();
        Lock::acquire(&fs, PATH, "next").await.unwrap().check().await.unwrap();
    }

    #[tokio::test]
    async fn a_holder_that_slept_does_not_go_on() {
        let (_root, fs) = disk();
        let lock = Lock::acquire(&fs, PATH, "sleeper").await.unwrap();
        lock.check().await.unwrap();
        let mut slept = read(fs.as_ref(), PATH).await.unwrap().unwrap();
        slept.expires_ms = now_ms() + 1000;
        write(fs.as_ref(), PATH, &slept).await.unwrap();
        assert_eq!(lock.check().await.unwrap_err().kind(), Kind::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_lock_is_renewed() {
        let (_root, fs) = disk();
        let lock = Lock::acquire(&fs, PATH, "long").await.unwrap();
        let first = read(fs.as_ref(), PATH).await.unwrap().unwrap();
        let renewed = async {
            loop {
                tokio::time::sleep(RENEWAL).await;
                let now = read(fs.as_ref(), PATH).await.unwrap().unwrap();
                if now.expires_ms > first.expires_ms {
                    return now;
                }
            }
        };
        let now = tokio::time::timeout(20 * RENEWAL, renewed).await.unwrap();
        assert_eq!(now.token, first.token);
        lock.check().await.unwrap();
    }
}
