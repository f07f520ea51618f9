//! Files of the cluster and of this machine behind one trait: HDFS, the local disk, and in tests a wrapper that fails.
//!
//! Paths are absolute, `/`-separated and without a scheme; [`Filesystem::uri`] gives what goes in front of one when a
//! server such as the metastore needs a full location. Errors name conditions: NotFound, Exists, Auth (permission),
//! Busy (safe mode), Lost (a file being written died with a datanode: write it again), Unreachable; never text to be
//! parsed.

#[doc(hidden)]
pub mod conformance;
mod fault;
#[doc(hidden)]
pub mod faulty;
pub mod hdfs;
mod lease;
pub mod local;
pub mod site;
mod writer;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

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
    match options.url.as_deref() {
        Some("file:///" | "file://" | "file:/") => Ok(Arc::new(local::LocalFilesystem::new("/"))),
        _ => hdfs::connect(options).await,
    }
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
