//! The local disk as a filesystem: for tests, for a single machine, and for looking at what a load leaves behind.
//!
//! Paths are taken below a root directory. Closing a file syncs it; directories are not synced.

use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::fs;

use super::writer::{Sink, TaskWriter};
use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions, fault};
use crate::error::{self, Result};

/// A file is synced each time so many bytes were written, so that there is little left to sync when it is closed.
const SYNC_BYTES: usize = 32 << 20;

/// A directory of this machine.
#[derive(Clone, Debug)]
pub struct LocalFilesystem {
    root: PathBuf,
    trash: Option<String>,
}

impl LocalFilesystem {
    /// Takes all paths below `root`, an absolute path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), trash: None }
    }

    /// Keeps what is deleted in a directory, as some clusters do; for tests of that.
    #[doc(hidden)]
    pub fn keeping(root: impl Into<PathBuf>, trash: &str) -> Self {
        Self { root: root.into(), trash: Some(trash.to_owned()) }
    }

    fn real(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    async fn make_parents(&self, path: &str) -> Result<()> {
        match self.real(path).parent() {
            Some(parent) => fs::create_dir_all(parent)
                .await
                .map_err(|e| fault::local(&format!("making the directories above {path}"), e)),
            None => Ok(()),
        }
    }
}

/// Gives a file another name. A second name is never put over an existing one, a rename always. What a killed process
/// left between the two steps, one file of two names, is finished.
fn move_without_replacing(source: &Path, destination: &Path) -> io::Result<()> {
    let inode = |path: &Path| std::fs::metadata(path).map(|m| (m.dev(), m.ino()));
    match std::fs::hard_link(source, destination) {
        // The other file may be gone by now: it was there when it mattered.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match inode(destination) {
            Ok(there) if there == inode(source)? => {}
            _ => return Err(e),
        },
        linked => linked?,
    }
    std::fs::remove_file(source)
}

/// Whether an outcome only says that there is nothing.
fn absent<T>(outcome: &io::Result<T>) -> bool {
    matches!(outcome, Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

fn status(path: &str, metadata: &std::fs::Metadata) -> FileStatus {
    let modified = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    FileStatus {
        path: path.to_owned(),
        len_bytes: if metadata.is_dir() { 0 } else { metadata.len() },
        is_dir: metadata.is_dir(),
        modified_ms: modified.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
    }
}

#[async_trait]
impl Filesystem for LocalFilesystem {
    fn uri(&self) -> String {
        format!("file://{}", self.root.display().to_string().trim_end_matches('/'))
    }

    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>> {
        let what = format!("reading {path}");
        let real = self.real(path);
        let opening = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(real)?;
            let metadata = file.metadata()?;
            // A directory can be opened, but not read.
            let is_dir = metadata.is_dir();
            if is_dir { Err(io::ErrorKind::IsADirectory.into()) } else { Ok((file, metadata.len())) }
        });
        let opened = opening.await.map_err(|e| error::bug(what.clone()).source(e))?;
        let (file, len_bytes) = opened.map_err(|e| fault::local(&what, e))?;
        Ok(Box::new(LocalReader { file: Arc::new(file), what, len_bytes }))
    }

    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>> {
        self.make_parents(path).await?;
        let mut open = fs::OpenOptions::new();
        open.write(true).truncate(options.overwrite).create(options.overwrite).create_new(!options.overwrite);
        let what = format!("creating {path}");
        let file = open.open(self.real(path)).await.map_err(|e| fault::local(&what, e))?;
        let file = Arc::new(file.into_std().await);
        Ok(Box::new(TaskWriter::spawn(path, LocalSink { file, what: format!("writing {path}"), unsynced_bytes: 0 })))
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let bytes = fs::read(self.real(path)).await.map_err(|e| fault::local(&format!("reading {path}"), e))?;
        Ok(bytes.into())
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        let found = fs::metadata(self.real(path)).await;
        if absent(&found) {
            return Ok(None);
        }
        let metadata = found.map_err(|e| fault::local(&format!("looking at {path}"), e))?;
        Ok(Some(status(path, &metadata)))
    }

    async fn list(&self, path: &str) -> Result<Vec<FileStatus>> {
        let listing = |e| fault::local(&format!("listing {path}"), e);
        let mut found = Vec::new();
        let mut entries = fs::read_dir(self.real(path)).await.map_err(listing)?;
        while let Some(entry) = entries.next_entry().await.map_err(listing)? {
            let metadata = entry.metadata().await;
            if absent(&metadata) {
                continue; // It went while we looked.
            }
            let (metadata, name) = (metadata.map_err(listing)?, entry.file_name());
            found.push(status(&format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy()), &metadata));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        fs::create_dir_all(self.real(path)).await.map_err(|e| fault::local(&format!("making directory {path}"), e))
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        let what = format!("renaming {from} to {to}");
        let (source, destination) = (self.real(from), self.real(to));
        let is_dir = fs::metadata(&source).await.map_err(|e| fault::local(&what, e))?.is_dir();
        let renamed = if options.overwrite {
            fs::rename(&source, &destination).await
        } else if is_dir {
            // A rename puts a directory over an empty one, and over no other. Looking first is not atomic: of two that
            // compete for a place that is free, one takes it if what they bring is not empty.
            match self.stat(to).await? {
                Some(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
                None => fs::rename(&source, &destination).await.map_err(|e| match e.kind() {
                    io::ErrorKind::DirectoryNotEmpty => io::ErrorKind::AlreadyExists.into(),
                    _ => e,
                }),
            }
        } else {
            let moving = tokio::task::spawn_blocking(move || move_without_replacing(&source, &destination));
            moving.await.unwrap_or_else(|e| Err(io::Error::other(e)))
        };
        renamed.map_err(|e| fault::local(&what, e))
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        let what = format!("deleting {path}");
        let real = self.real(path);
        let Some(found) = self.stat(path).await? else { return Ok(false) };
        let deleted = match (found.is_dir, options.recursive) {
            (true, true) => fs::remove_dir_all(&real).await,
            (true, false) => fs::remove_dir(&real).await,
            (false, _) => fs::remove_file(&real).await,
        };
        if absent(&deleted) {
            return Ok(false);
        }
        deleted.map_err(|e| fault::local(&what, e))?;
        Ok(true)
    }

    async fn trash(&self, _path: &str) -> Result<Option<String>> {
        match &self.trash {
            Some(trash) => self.mkdirs(trash).await.map(|()| Some(trash.clone())),
            None => Ok(None),
        }
    }
}

struct LocalReader {
    file: Arc<std::fs::File>,
    what: String,
    len_bytes: u64,
}

#[async_trait]
impl FileReader for LocalReader {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let Some((offset, len)) = super::range(self.len_bytes, offset, len) else { return Ok(Bytes::new()) };
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; len];
            file.read_exact_at(&mut bytes, offset).map(|()| Bytes::from(bytes))
        });
        let read = read.await.map_err(|e| error::bug(self.what.clone()).source(e))?;
        read.map_err(|e| fault::local(&self.what, e))
    }
}

struct LocalSink {
    file: Arc<std::fs::File>,
    what: String,
    unsynced_bytes: usize,
}

impl LocalSink {
    /// Does something with the file on a thread that may wait.
    async fn work(&self, work: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + 'static) -> Result<()> {
        let file = self.file.clone();
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        done.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| fault::local(&self.what, e))
    }
}

#[async_trait]
impl Sink for LocalSink {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.unsynced_bytes += bytes.len();
        let sync = self.unsynced_bytes >= SYNC_BYTES;
        if sync {
            self.unsynced_bytes = 0;
        }
        let write = move |mut file: &std::fs::File| {
            file.write_all(&bytes)?;
            if sync { file.sync_data() } else { Ok(()) }
        };
        self.work(write).await
    }

    async fn close(&mut self) -> Result<()> {
        self.work(std::fs::File::sync_all).await.map_err(|e| error::Error::context(e, "closing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_local_disk_is_a_filesystem() {
        let root = tempfile::tempdir().unwrap();
        let fs = LocalFilesystem::new(root.path());
        assert_eq!(fs.uri(), format!("file://{}", root.path().display()));
        crate::storage::conformance::check(Arc::new(fs), "/suite").await;
    }
}
