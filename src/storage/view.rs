//! ViewFS: one tree whose directories lie on several clusters, as the mount table in core-site.xml says. Each cluster is
//! connected to when a path on it is first used.
//!
//! It refuses what would have to move files between two clusters, and files above all mounts.
//!
//! Source: Hadoop 3.4 `ViewFileSystem`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::hdfs::{self, HdfsOptions, Mount, MountTable};
use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions};
use crate::error::{self, Error, Result};

type Cluster = Arc<OnceCell<Arc<dyn Filesystem>>>;

/// The tree.
#[derive(Debug)]
pub(super) struct ViewFilesystem {
    table: MountTable,
    options: HdfsOptions,
    /// By address.
    clusters: Mutex<BTreeMap<String, Cluster>>,
}

impl ViewFilesystem {
    /// Nothing is connected to yet.
    pub(super) fn new(table: MountTable, options: &HdfsOptions) -> Self {
        Self { table, options: options.clone(), clusters: Mutex::default() }
    }

    /// The filesystem that a path is on, how it is mounted, and the path there.
    async fn at(&self, path: &str) -> Result<(Arc<dyn Filesystem>, &Mount, String)> {
        let (mount, inside) = self.table.resolve(path).ok_or_else(|| self.above(path))?;
        let cluster = {
            // A map of cells is whole after every panic.
            let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
            clusters.entry(mount.url.clone()).or_default().clone()
        };
        let options = HdfsOptions { url: Some(mount.url.clone()), ..self.options.clone() };
        let fs = cluster.get_or_try_init(|| hdfs::connect(&options)).await?.clone();
        Ok((fs, mount, inside))
    }

    fn above(&self, path: &str) -> Error {
        error::config(format!("{path} is above the mounts of {}, where nothing can be written", self.uri()))
            .hint("choose a directory inside a mount: fs.viewfs.mounttable in core-site.xml lists them")
    }
}

fn directory(path: &str) -> FileStatus {
    FileStatus { path: path.to_owned(), len_bytes: 0, is_dir: true, modified_ms: 0 }
}

#[async_trait]
impl Filesystem for ViewFilesystem {
    fn uri(&self) -> String {
        format!("viewfs://{}", self.table.name)
    }

    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>> {
        let (fs, _, inside) = self.at(path).await?;
        fs.open(&inside).await
    }

    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>> {
        let (fs, _, inside) = self.at(path).await?;
        fs.create(&inside, options).await
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let (fs, _, inside) = self.at(path).await?;
        fs.read(&inside).await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        if self.table.resolve(path).is_none() {
            let is_there = !self.table.children(path).is_empty();
            return Ok(is_there.then(|| directory(path)));
        }
        let (fs, _, inside) = self.at(path).await?;
        Ok(fs.stat(&inside).await?.map(|found| FileStatus { path: path.to_owned(), ..found }))
    }

    async fn list(&self, path: &str) -> Result<Vec<FileStatus>> {
        let children = self.table.children(path);
        if self.table.resolve(path).is_none() && !children.is_empty() {
            let below = path.trim_end_matches('/');
            return Ok(children.into_iter().map(|name| directory(&format!("{below}/{name}"))).collect());
        }
        let (fs, mount, inside) = self.at(path).await?;
        let found = fs.list(&inside).await?;
        Ok(found.into_iter().map(|found| FileStatus { path: mount.seen(&found.path), ..found }).collect())
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        if self.table.resolve(path).is_none() && !self.table.children(path).is_empty() {
            return Ok(());
        }
        let (fs, _, inside) = self.at(path).await?;
        fs.mkdirs(&inside).await
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        let ((fs, here, old), (_, there, new)) = (self.at(from).await?, self.at(to).await?);
        if here.url != there.url {
            return Err(error::refused(format!("renaming {from} to {to}: they are on {} and {}", here.url, there.url))
                .hint("choose directories of one mount"));
        }
        fs.rename(&old, &new, options).await
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        let (fs, _, inside) = self.at(path).await?;
        fs.delete(&inside, options).await
    }

    async fn take_after(&self, model: &str, directory: &str) -> Result<()> {
        let ((fs, there, model), (_, here, directory)) = (self.at(model).await?, self.at(directory).await?);
        if there.url == here.url { fs.take_after(&model, &directory).await } else { Ok(()) }
    }

    /// With the address of its cluster.
    async fn zone(&self, path: &str) -> Result<Option<String>> {
        let (fs, mount, inside) = self.at(path).await?;
        Ok(fs.zone(&inside).await?.map(|zone| format!("{}{zone}", mount.url)))
    }

    /// The trash of the path's own cluster. Where no mount shows it, there is none to move to.
    async fn trash(&self, path: &str) -> Result<Option<String>> {
        let (fs, mount, inside) = self.at(path).await?;
        let Some(trash) = fs.trash(&inside).await? else { return Ok(None) };
        let seen = self.table.seen(&mount.url, &trash);
        if seen.is_none() {
            tracing::warn!(path, trash, "no mount shows the trash: what is replaced is deleted");
        }
        Ok(seen)
    }
}
