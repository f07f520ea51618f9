//! A file as a round found it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::position::FileId;
use crate::error::{self, Result};

/// How long after its last change a file is kept open.
const IDLE: Duration = Duration::from_secs(120);
/// How long after its last change somebody may still be copying into a file, or compressing.
const UNDER_WAY: Duration = Duration::from_secs(10);

/// How a file looked when the round began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub path: PathBuf,
    pub id: FileId,
    pub size: u64,
    pub changed: SystemTime,
}

pub(super) fn file_id(metadata: &Metadata) -> FileId {
    FileId { device: metadata.dev(), inode: metadata.ino() }
}

impl Look {
    pub(super) fn new(path: PathBuf, metadata: &Metadata) -> Self {
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { path, id: file_id(metadata), size: metadata.len(), changed }
    }

    /// Whether nobody wrote for so long that nobody is expected to.
    pub(super) fn is_idle(&self) -> bool {
        self.changed.elapsed().is_ok_and(|age| age > IDLE)
    }

    /// Whether whoever makes this file may still be at it.
    pub(super) fn may_be_under_way(&self) -> bool {
        self.changed.elapsed().is_ok_and(|age| age < UNDER_WAY)
    }

    /// # Errors
    /// Config: the name is not UTF-8.
    pub(super) fn path(&self) -> Result<&str> {
        self.path.to_str().ok_or_else(|| {
            error::config(format!("log file {} has a name that is not UTF-8", self.path.display()))
                .hint("rename it, or narrow the pattern")
        })
    }
}
