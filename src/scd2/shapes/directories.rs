//! Where the files of a dimension in the shape `parquet` lie, and which of them nobody needs any more.
//!
//! ```text
//! <table>/_versions/<id>/bucket=07/      the files of a bucket, as one batch wrote them; Hive knows them by the location
//!                                        of the partition
//! <table>/_versions/unused.json          what is not the location of any partition, and since when that is known
//! ```
//!
//! What was replaced, and what a killed run left, is the same: a directory that no partition is in. It is deleted once it
//! has been known as such for the grace time. So whoever began to read it goes on, and a call to the metastore that is
//! answered after its caller died finds its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{self, Kind, Result};
use crate::lease::Lease;
use crate::storage::{self, DeleteOptions, FileStatus, Filesystem};

/// Hidden from Hadoop's readers and from `MSCK REPAIR TABLE`.
const ROOT: &str = "_versions";
const FILE: &str = "unused.json";
const VERSION: u32 = 1;

/// What is not the location of any partition.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Unused {
    version: u32,
    /// When that was seen first, in milliseconds since 1970, by path below the root.
    since_ms: BTreeMap<String, u64>,
}

/// The directories of a table.
#[derive(Clone, Debug)]
pub(super) struct Directories {
    fs: Arc<dyn Filesystem>,
    /// Path of the root, without the filesystem.
    root: String,
}

impl Directories {
    /// Those of the table at `location`.
    ///
    /// # Errors
    /// Config: it lies on another filesystem.
    pub(super) fn new(fs: Arc<dyn Filesystem>, location: &str) -> Result<Self> {
        let path = path_of(fs.as_ref(), location)?;
        let root = format!("{}/{ROOT}", path.trim_end_matches('/'));
        Ok(Self { fs, root })
    }

    /// Full location of the directory of one batch.
    pub(super) fn location(&self, id: &str) -> String {
        format!("{}{}/{id}", self.fs.uri(), self.root)
    }

    /// Files and bytes of a bucket at a location.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn size(&self, location: &str) -> Result<(u64, u64)> {
        let files = list(self.fs.as_ref(), path_of(self.fs.as_ref(), location)?).await?;
        let data = files.iter().filter(|file| !file.is_dir && !file.name().starts_with(['.', '_']));
        Ok(data.fold((0, 0), |(files, bytes), file| (files + 1, bytes + file.len_bytes)))
    }

    /// Deletes what no partition is in, of which `used` are all locations, once that is known for the grace time. Gives how
    /// many directories it deleted.
    ///
    /// # Errors
    /// Config: a partition is elsewhere, so that what is used is not known. Data: what was noted cannot be read. Those of the
    /// filesystem and of the lease.
    pub(super) async fn tidy(&self, used: &[String], grace: Duration, now_ms: u64, lease: &Lease) -> Result<usize> {
        let fs = self.fs.as_ref();
        let below = format!("{}/", self.root);
        if let Some(elsewhere) = used.iter().find(|location| !plain(location).starts_with(&below)) {
            return Err(error::config(format!("a partition lies at {elsewhere}, outside of {}", self.root))
                .hint("only sakia moves the partitions of a dimension; drop the table to have it built anew"));
        }
        let used: BTreeSet<&str> = used.iter().map(|location| plain(location)).collect();
        let (noted, mut unused) = (self.read().await?, Unused { version: VERSION, since_ms: BTreeMap::new() });
        let mut expired = Vec::new();
        for id in list(fs, &self.root).await?.iter().filter(|entry| entry.is_dir) {
            for entry in list(fs, &id.path).await? {
                if used.contains(entry.path.as_str()) {
                    continue;
                }
                let key = format!("{}/{}", id.name(), entry.name());
                let since = noted.since_ms.get(&key).copied().unwrap_or(now_ms);
                if since.saturating_add(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)) <= now_ms {
                    expired.push(entry.path);
                } else {
                    unused.since_ms.insert(key, since);
                }
            }
        }
        if !expired.is_empty() {
            lease.check().await?;
        }
        for path in &expired {
            fs.delete(path, DeleteOptions { recursive: true }).await?;
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if list(fs, parent).await?.is_empty() {
                fs.delete(parent, DeleteOptions::default()).await?;
            }
        }
        if unused.since_ms != noted.since_ms {
            self.write(&unused).await?;
        }
        Ok(expired.len())
    }

    async fn read(&self) -> Result<Unused> {
        let path = format!("{}/{FILE}", self.root);
        let bytes = match self.fs.read(&path).await {
            Err(e) if e.kind() == Kind::NotFound => return Ok(Unused::default()),
            read => read?,
        };
        let unused = serde_json::from_slice::<Unused>(&bytes);
        let damaged = || error::data(format!("{path} does not say which directories are unused, and since when"));
        let remedy = "delete it: the grace time of what is unused begins anew";
        let unused = unused.map_err(|e| damaged().source(e).hint(remedy))?;
        if unused.version == VERSION { Ok(unused) } else { Err(damaged().hint("a newer version of sakia wrote it")) }
    }

    async fn write(&self, unused: &Unused) -> Result<()> {
        let json = serde_json::to_vec_pretty(unused).map_err(|e| error::bug("cannot write JSON").source(e))?;
        storage::replace_whole(self.fs.as_ref(), &format!("{}/{FILE}", self.root), &json).await
    }
}

/// What is in a directory; nothing where there is none.
async fn list(fs: &dyn Filesystem, path: &str) -> Result<Vec<FileStatus>> {
    match fs.list(path).await {
        Err(e) if e.kind() == Kind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// The path of a location on the filesystem.
fn path_of<'a>(fs: &dyn Filesystem, location: &'a str) -> Result<&'a str> {
    let uri = fs.uri();
    location.strip_prefix(&uri).filter(|path| path.starts_with('/')).ok_or_else(|| {
        error::config(format!("the dimension lies at {location}, outside of {uri}"))
            .hint("connect to the filesystem that holds it")
    })
}

/// The path of a location, whatever the name of its filesystem: what is in use is known by it.
fn plain(location: &str) -> &str {
    let path =
        location.split_once("://").map_or(location, |(_, rest)| rest.find('/').map_or("", |slash| &rest[slash..]));
    path.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::local::LocalFilesystem;
    use crate::storage::{CreateOptions, DirectoryLease};

    const HOUR: Duration = Duration::from_secs(3600);

    async fn put(fs: &dyn Filesystem, path: &str) {
        storage::write_whole(fs, path, b"x", CreateOptions::default()).await.unwrap();
    }

    #[tokio::test]
    async fn what_no_partition_is_in_is_deleted_once_it_is_known_for_long_enough() {
        let dir = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Filesystem> = Arc::new(LocalFilesystem::new(dir.path()));
        let lease =
            Lease::acquire(Arc::new(DirectoryLease::new(fs.clone(), "/lock".to_owned())), "test").await.unwrap();
        let directories = Directories::new(fs.clone(), &format!("{}/dim/", fs.uri())).unwrap();
        for path in ["a/bucket=0/f", "a/bucket=1/f", "b/bucket=0/f", "b/.hive-staging/f"] {
            put(fs.as_ref(), &format!("/dim/_versions/{path}")).await;
        }
        assert_eq!(directories.size(&format!("{}/bucket=0", directories.location("b"))).await.unwrap(), (1, 1));
        // Whatever its filesystem is called, what is in use stays.
        let used = ["hdfs://other:8020/dim/_versions/b/bucket=0/", "/dim/_versions/a/bucket=1"].map(str::to_owned);
        assert_eq!(directories.tidy(&used, HOUR, 1000, &lease).await.unwrap(), 0);
        assert_eq!(directories.tidy(&used, HOUR, 1000 + 3_599_999, &lease).await.unwrap(), 0);
        assert_eq!(directories.tidy(&used, HOUR, 1000 + 3_600_000, &lease).await.unwrap(), 2);
        let left = |path: &'static str| list(fs.as_ref(), path);
        assert_eq!(left("/dim/_versions/a").await.unwrap().len(), 1);
        assert_eq!(left("/dim/_versions/b").await.unwrap().len(), 1);
        assert_eq!(directories.read().await.unwrap().since_ms, BTreeMap::new());
        // What was in use until now has its grace time before it.
        assert_eq!(directories.tidy(&used[..1], HOUR, 9_000_000, &lease).await.unwrap(), 0);
        assert_eq!(directories.tidy(&used[..1], HOUR, 9_000_000 + 3_600_000, &lease).await.unwrap(), 1);
        assert!(fs.stat("/dim/_versions/a").await.unwrap().is_none(), "nothing is left of it");
        let elsewhere = ["/other/_versions/a/bucket=1".to_owned()];
        assert_eq!(directories.tidy(&elsewhere, HOUR, 1, &lease).await.unwrap_err().kind(), Kind::Config);
        put(fs.as_ref(), "/dim/_versions/c/bucket=0/f").await;
        fs.delete("/dim/_versions/unused.json", DeleteOptions::default()).await.unwrap();
        put(fs.as_ref(), "/dim/_versions/unused.json").await;
        assert_eq!(directories.tidy(&used, HOUR, 1, &lease).await.unwrap_err().kind(), Kind::Data);
    }

    #[test]
    fn a_dimension_elsewhere_is_refused() {
        let fs: Arc<dyn Filesystem> = Arc::new(LocalFilesystem::new("/"));
        assert_eq!(Directories::new(fs, "s3://bucket/dim").unwrap_err().kind(), Kind::Config);
    }
}
