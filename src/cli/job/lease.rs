//! The lease of a saved job: one run of it at a time.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::store::JobStore;
use crate::error::{self, Result};
use crate::lease::Lease;
use crate::storage::local::LocalFilesystem;
use crate::storage::{DirectoryLease, Filesystem};

/// Takes the lease of a job, a directory beside its file: two runs of one job would interleave.
///
/// # Errors
/// Busy: the job is being run.
pub(crate) async fn lease(store: &JobStore, name: &str) -> Result<Lease> {
    respect_old_lock(&store.dir().join(format!(".{name}.lock")), name)?;
    let disk: Arc<dyn Filesystem> = Arc::new(LocalFilesystem::new(store.dir()));
    let place = DirectoryLease::new(disk, format!("/.{name}.lease")).of(format!("job {name}"));
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let owner = format!("run {} of {}", Uuid::now_v7(), user.as_deref().unwrap_or("somebody"));
    Lease::acquire(Arc::new(place), &owner).await
}

/// Earlier releases held a job by a file that its run renewed; one on another machine may still live.
fn respect_old_lock(file: &Path, name: &str) -> Result<()> {
    let Some(lock) = std::fs::read_to_string(file).ok().and_then(|text| text.parse::<toml::Table>().ok()) else {
        return Ok(());
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let expires_s = lock.get("expires-s").and_then(toml::Value::as_integer).and_then(|s| u64::try_from(s).ok());
    if expires_s.is_some_and(|expires_s| expires_s > now_s) {
        let said = |key: &str| lock.get(key).map_or_else(|| "unknown".to_owned(), |v| v.to_string().replace('"', ""));
        let (owner, host, pid) = (said("owner"), said("host"), said("pid"));
        return Err(error::busy(format!("job {name} is being run by {owner} on {host}, process {pid}"))
            .hint("wait until that run has ended; its lock expires by itself within three minutes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn one_run_of_a_job_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path());
        let held = lease(&store, "j").await.unwrap();
        let error = lease(&store, "j").await.unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75));
        let said = error.to_string();
        assert!(said.starts_with("job j is held by run ") && said.contains("process "), "{said}");
        lease(&store, "k").await.unwrap().release().await.unwrap();
        held.release().await.unwrap();
        lease(&store, "j").await.unwrap();
    }

    #[tokio::test]
    async fn the_lock_of_an_earlier_release_is_respected_until_it_expires() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path());
        let lock = |expires_s: u64| {
            let text = format!("run-id = 'r'\nowner = 'u'\nhost = 'elsewhere'\npid = 1\nexpires-s = {expires_s}\n");
            std::fs::write(dir.path().join(".j.lock"), text).unwrap();
        };
        lock(99_999_999_999);
        let error = lease(&store, "j").await.unwrap_err();
        assert_eq!(error.to_string(), "job j is being run by u on elsewhere, process 1");
        lock(1);
        lease(&store, "j").await.unwrap();
    }
}
