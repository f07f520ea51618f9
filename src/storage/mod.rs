//! Files of the cluster and of this machine behind one trait: HDFS, the local disk, and in tests a wrapper that fails.
//!
//! Paths are absolute, `/`-separated and without a scheme; [`Filesystem::uri`] gives what goes in front of one when a
//! server such as the metastore needs a full location. Errors name conditions: NotFound, Exists, Auth (permission),
//! Busy (safe mode), Unreachable; never text to be parsed.

#[doc(hidden)]
pub mod conformance;
mod fault;
#[doc(hidden)]
pub mod faulty;
pub mod hdfs;
pub mod local;
pub mod site;
mod writer;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

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

/// A filesystem that a load can stage, record and publish on.
#[async_trait]
pub trait Filesystem: Send + Sync + Debug {
    /// Scheme and authority that make a path a full location, such as `hdfs://localhost:8020` or `file://`.
    fn uri(&self) -> String;

    /// Creates a file and the directories above it.
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
