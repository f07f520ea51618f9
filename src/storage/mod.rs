//! Files of the cluster and of this machine behind one trait: HDFS, the local disk, and in tests a wrapper that fails.
//!
//! Paths are absolute, `/`-separated and without a scheme; [`Filesystem::uri`] gives what goes in front of one when a
//! server such as the metastore needs a full location. Errors name conditions: NotFound, Exists, Auth (permission),
//! Busy (safe mode), Lost (a file being written died with a datanode: write it again), Full (a disk or a quota), Unreachable;
//! never text to be parsed.

#[doc(hidden)]
pub mod conformance;
mod fault;
#[doc(hidden)]
pub mod faulty;
pub mod hdfs;
mod lease;
pub mod local;
mod view;
mod writer;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::hdfs::Address;
pub use self::lease::DirectoryLease;
use crate::error::{Kind, Result};

/// How a file is created.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    /// Replace a file of that name; otherwise an existing one is an error of kind Exists.
    pub overwrite: bool,
    /// Copies of each block; the filesystem's default where absent.
    pub replication: Option<u32>,
}

/// How a path is renamed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenameOptions {
    /// Replace a file at the destination in the same atomic step; never a directory that holds something.
    pub overwrite: bool,
}

/// How a path is deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteOptions {
    /// Delete a directory with all it holds; otherwise a directory that is not empty is an error of kind Refused.
    pub recursive: bool,
}

/// What a filesystem says about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Absolute path without a scheme.
    pub path: String,
    /// Length in bytes; 0 for a directory.
    pub len_bytes: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Last change, milliseconds since the epoch.
    pub modified_ms: u64,
}

impl FileStatus {
    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Connects to HDFS, or to this machine's disk where the address is `file:///`.
///
/// # Errors
/// Those of [`hdfs::connect`].
pub async fn connect(options: &hdfs::HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    match hdfs::address_of(options)? {
        Address::Local => Ok(Arc::new(local::LocalFilesystem::new("/"))),
        Address::View(table) => Ok(Arc::new(view::ViewFilesystem::new(table, options))),
        Address::Hdfs(_) => hdfs::connect(options).await,
    }
}

/// Whether an address is one that files can be written to, before anything else is done.
///
/// # Errors
/// Config: it is not; says what it is, and what to give.
pub(crate) fn check_address(options: &hdfs::HdfsOptions) -> Result<()> {
    hdfs::address_of(options).map(drop)
}

/// A filesystem that a load can stage, record and publish on.
#[async_trait]
pub trait Filesystem: Send + Sync + Debug {
    /// Scheme and authority that make a path a full location, such as `hdfs://localhost:8020` or `file://`.
    fn uri(&self) -> String;

    /// Opens a file for reading at any place, from many tasks at once.
    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>>;

    /// Creates a file and the directories above it.
    ///
    /// Where the writer, or this call, fails with an error of kind Lost, the file has to be created again with
    /// `overwrite` and written from its beginning; the filesystem then takes another way to the cluster if it has one.
    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>>;

    /// Reads a whole file; for manifests and other small files.
    async fn read(&self, path: &str) -> Result<Bytes>;

    /// Looks at a path; `None` where there is nothing.
    async fn stat(&self, path: &str) -> Result<Option<FileStatus>>;

    /// Lists a directory, sorted by path, not descending; NotFound where there is none.
    async fn list(&self, path: &str) -> Result<Vec<FileStatus>>;

    /// Creates a directory and those above it; an existing directory is fine.
    async fn mkdirs(&self, path: &str) -> Result<()>;

    /// Renames a file or directory atomically; the parent of `to` must exist.
    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()>;

    /// Deletes a path; says whether there was one.
    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool>;

    /// Gives a directory of ours the rights, the group and the ACL of another, so that what is made in it is as if it had been
    /// made in the other. Nothing happens where that one is not there, or where there are no such things; a group that we
    /// may not give stays.
    async fn take_after(&self, _model: &str, _directory: &str) -> Result<()> {
        Ok(())
    }

    /// The encryption zone that a path is in, or will be in once it is there; files cannot be renamed into or out of one.
    async fn zone(&self, _path: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// The directory that is to take what lies at a path in place of its deletion, made if it is missing; `None` where
    /// what is deleted is gone.
    async fn trash(&self, _path: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// A file that is read at any place.
#[async_trait]
pub trait FileReader: Send + Sync {
    /// Length in bytes when it was opened.
    fn len_bytes(&self) -> u64;

    /// The `len` bytes from `offset` on; fewer only where the file ends, none behind its end.
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes>;
}

/// A file being written from front to back.
///
/// Dropping a writer without [`FileWriter::close`] leaves a file of unspecified length; a load deletes it.
#[async_trait]
pub trait FileWriter: Send {
    /// Appends bytes. A cancelled call leaves the file fit only for deletion.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Makes everything written so far durable, completes the file and gives its length in bytes.
    async fn close(self: Box<Self>) -> Result<u64>;
}

/// Times a file is written from its beginning before its loss is given back.
pub const TRIES: u32 = 4;

/// Pauses before a lost file is written again. The first is for another datanode, or the way over the web, to take it; the
/// others together are as long as a datanode needs to start.
const PAUSES_AFTER_LOSS: [Duration; TRIES as usize - 1] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Waits before a file that was lost `losses` times is written again; not at all where it was not.
pub async fn pause_after_loss(losses: u32) {
    if let Some(pause) = losses.checked_sub(1).and_then(|n| PAUSES_AFTER_LOSS.get(n as usize)) {
        tokio::time::sleep(*pause).await;
    }
}

/// Puts a small file in the place of what was there, in one step: readers see all of the old bytes or all of the new.
///
/// # Errors
/// Those of the filesystem.
pub async fn replace_whole(fs: &dyn Filesystem, path: &str, bytes: &[u8]) -> Result<()> {
    let next = format!("{path}.next");
    write_whole(fs, &next, bytes, CreateOptions { overwrite: true, replication: None }).await?;
    fs.rename(&next, path, RenameOptions { overwrite: true }).await
}

/// Writes a small file from bytes at hand; again, where it is lost.
///
/// # Errors
/// Those of the filesystem. A file that is there already is an error only if it is there before the first try.
pub async fn write_whole(fs: &dyn Filesystem, path: &str, bytes: &[u8], options: CreateOptions) -> Result<()> {
    let mut options = options;
    let mut tries = 1;
    loop {
        let written = async {
            let mut file = fs.create(path, options).await?;
            if !bytes.is_empty() {
                file.write(Bytes::copy_from_slice(bytes)).await?;
            }
            file.close().await
        };
        match written.await {
            Err(e) if e.kind() == Kind::Lost && tries < TRIES => {
                tracing::warn!(error = %e, path, "writing the file again");
                pause_after_loss(tries).await;
                (tries, options.overwrite) = (tries + 1, true);
            }
            done => return done.map(drop),
        }
    }
}

/// The end of a range that begins at `offset`, within a file of `file_len` bytes; `None` where nothing is to be read.
fn range(file_len: u64, offset: u64, len: usize) -> Option<(u64, usize)> {
    let left = file_len.checked_sub(offset).filter(|left| *left > 0)?;
    let len = usize::try_from(left).map_or(len, |left| left.min(len));
    (len > 0).then_some((offset, len))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lost_file_is_written_again_at_once_and_later_after_pauses() {
        let mut waited = Vec::new();
        for losses in 0..=TRIES {
            let began = Instant::now();
            pause_after_loss(losses).await;
            waited.push(began.elapsed().as_secs());
        }
        assert_eq!(waited, [0, 0, 2, 10, 0]);
    }
}
