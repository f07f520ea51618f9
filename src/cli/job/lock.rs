//! The lock of a saved job: a file beside it that says who runs it, so that two runs cannot interleave.
//!
//! The file is renewed while the run lives and expires when it does not. A lock of this machine whose process is gone
//! is dead at once. Every look at the file that may change it happens under a lock of the operating system on the
//! directory's `.mutex`, so that a dead lock has one heir.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use super::store::JobStore;
use crate::error::{self, Error, Result};

/// How long a lock lives without being renewed.
const LIFE: Duration = Duration::from_secs(180);

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(45);

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Holder {
    /// The run.
    run_id: String,
    /// The user.
    owner: String,
    /// The machine.
    host: String,
    /// The process there.
    pid: u32,
    /// When the lock expires, seconds since the epoch.
    expires_s: u64,
}

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub struct JobLock {
    file: PathBuf,
    holder: Holder,
    _renewal: AbortOnDropHandle<()>,
}

impl JobLock {
    /// Takes the lock of a job; needs a running tokio runtime.
    ///
    /// # Errors
    /// Busy: somebody holds it. Config: the directory cannot be written.
    pub fn take(store: &JobStore, name: &str, run_id: &str) -> Result<Self> {
        let file = store.dir().join(format!(".{name}.lock"));
        let holder = Holder {
            run_id: run_id.to_owned(),
            owner: variable(&["USER", "LOGNAME"]),
            host: host(),
            pid: std::process::id(),
            expires_s: now_s() + LIFE.as_secs(),
        };
        {
            let _mutex = mutex(store.dir())?;
            if let Some(other) = read(&file).filter(Holder::lives) {
                return Err(held(name, &other));
            }
            write(&file, &holder)?;
        }
        let (renewed, dir, mut mine) = (file.clone(), store.dir().to_owned(), holder.clone());
        let renewal = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                mine.expires_s = now_s() + LIFE.as_secs();
                let renew = || -> Result<bool> {
                    let _mutex = mutex(&dir)?;
                    let still_mine = read(&renewed).is_some_and(|holder| holder.run_id == mine.run_id);
                    if still_mine { write(&renewed, &mine).map(|()| true) } else { Ok(false) }
                };
                match renew() {
                    Ok(true) => {}
                    Ok(false) => tracing::warn!("the lock of the job was taken by somebody else"),
                    Err(error) => tracing::warn!("cannot renew the lock of the job: {error}"),
                }
            }
        }));
        Ok(Self { file, holder, _renewal: renewal })
    }
}

impl Drop for JobLock {
    fn drop(&mut self) {
        let Some(dir) = self.file.parent() else { return };
        let Ok(_mutex) = mutex(dir) else { return };
        if read(&self.file).is_some_and(|holder| holder.run_id == self.holder.run_id) {
            // A lock that cannot be removed expires, and dies with this process before that.
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

impl Holder {
    fn lives(&self) -> bool {
        let gone = self.host == host() && !Path::new(&format!("/proc/{}", self.pid)).exists();
        !gone && self.expires_s > now_s()
    }
}

fn held(name: &str, by: &Holder) -> Error {
    let Holder { owner, host, pid, .. } = by;
    error::busy(format!("job {name} is being run by {owner} on {host}, process {pid}"))
        .hint("wait until that run has ended; a lock whose process is gone expires by itself within three minutes")
}

fn mutex(dir: &Path) -> Result<File> {
    let path = dir.join(".mutex");
    let cannot = |e| error::config(format!("cannot lock {}", path.display())).hint("check its rights").source(e);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
    file.lock().map_err(cannot)?;
    Ok(file)
}

/// A lock file that cannot be read is nobody's.
fn read(file: &Path) -> Option<Holder> {
    toml::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

fn write(file: &Path, holder: &Holder) -> Result<()> {
    let text = toml::to_string(holder).map_err(|e| error::bug("cannot write a lock as toml").source(e))?;
    let staged = file.with_extension("lock.new");
    let written = std::fs::write(&staged, text).and_then(|()| std::fs::rename(&staged, file));
    written.map_err(|e| error::config(format!("cannot write {}", file.display())).hint("check its rights").source(e))
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

fn variable(names: &[&str]) -> String {
    names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "unknown".to_owned())
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn holder(pid: u32, host: &str, expires_s: u64) -> Holder {
        Holder { run_id: "other".into(), owner: "u".into(), host: host.into(), pid, expires_s }
    }

    #[tokio::test]
    async fn one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path());
        let lock = JobLock::take(&store, "j", "first").unwrap();
        let error = JobLock::take(&store, "j", "second").unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75));
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert!(JobLock::take(&store, "k", "third").is_ok(), "another job");
        drop(lock);
        assert!(JobLock::take(&store, "j", "second").is_ok());
    }

    #[tokio::test]
    async fn a_dead_lock_has_an_heir() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path());
        let file = dir.path().join(".j.lock");
        for dead in [holder(u32::MAX, &host(), now_s() + 99), holder(1, "elsewhere", now_s() - 1)] {
            write(&file, &dead).unwrap();
            assert!(JobLock::take(&store, "j", "mine").is_ok());
        }
        for alive in [holder(std::process::id(), &host(), now_s() + 99), holder(1, "elsewhere", now_s() + 99)] {
            write(&file, &alive).unwrap();
            assert!(JobLock::take(&store, "j", "mine").is_err());
            std::fs::remove_file(&file).unwrap();
        }
    }

    #[tokio::test]
    async fn a_lock_that_was_taken_over_is_not_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path());
        let lock = JobLock::take(&store, "j", "mine").unwrap();
        write(&dir.path().join(".j.lock"), &holder(1, "elsewhere", now_s() + 99)).unwrap();
        drop(lock);
        assert!(JobLock::take(&store, "j", "next").is_err());
    }
}
