//! Flume's position file, kept up to date for whoever goes back to Flume, or watches it: a JSON array of
//! `{"inode", "pos", "file"}`, replaced as a whole.
//!
//! It says how far the channels have what was read. Where a file is read on is never taken from it once the channels know
//! it, so a write that fails is told and stops nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::position::{FileId, FilePosition};
use crate::agent::disk;

/// The file, and how often it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Noting {
    pub path: PathBuf,
    pub interval: Duration,
}

/// Writes the file when it is time to and something changed.
#[derive(Debug)]
pub(super) struct Noter {
    noting: Noting,
    looked: Option<Instant>,
    written: Vec<u8>,
    has_failed: bool,
}

impl Noter {
    pub(super) fn new(noting: Noting) -> Self {
        Self { noting, looked: None, written: Vec::new(), has_failed: false }
    }

    /// Whether the time between two writes is over.
    pub(super) fn is_due(&self) -> bool {
        self.looked.is_none_or(|looked| looked.elapsed() >= self.noting.interval)
    }

    /// Notes positions, of the files that are there.
    pub(super) fn note<'a>(&mut self, positions: impl Iterator<Item = &'a FilePosition>) {
        self.looked = Some(Instant::now());
        // Of the files that an inode held one after the other the last one is there.
        let last: BTreeMap<FileId, &FilePosition> = positions.map(|position| (position.id(), position)).collect();
        let there = last.values().filter(|position| position.gone_s.is_none());
        let files: Vec<_> = there.map(|of| json!({"inode": of.inode, "pos": of.offset, "file": of.path})).collect();
        let bytes = serde_json::Value::from(files).to_string().into_bytes();
        if bytes == self.written {
            return;
        }
        let path = &self.noting.path;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("positions.json");
        let dir = path.parent().unwrap_or(path);
        let done = std::fs::create_dir_all(dir).map_err(disk::failed("create", dir));
        match done.and_then(|()| disk::replace(dir, name, &bytes)) {
            Ok(()) => (self.written, self.has_failed) = (bytes, false),
            // Once, not every few seconds.
            Err(e) if !std::mem::replace(&mut self.has_failed, true) => {
                tracing::warn!("position file {} is not up to date: {e}", path.display());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::Fingerprint;
    use super::*;

    fn position(path: &str, inode: u64, generation: u32, offset: u64, gone_s: Option<i64>) -> FilePosition {
        let head = Fingerprint::new(b"", 0);
        FilePosition { path: path.to_owned(), device: 1, inode, generation, head, tail: None, offset, gone_s }
    }

    #[test]
    fn flume_reads_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("not/there/positions.json");
        let mut noter = Noter::new(Noting { path: path.clone(), interval: Duration::ZERO });
        let mut files = [
            position("/log/a", 7, 0, 900, None),
            position("/log/a", 7, 1, 12, None),
            position("/log/b", 8, 0, 3, Some(1)),
            position("/log/c", 9, 0, 5, None),
        ];
        noter.note(files.iter());
        let read = || serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path).unwrap()).unwrap();
        let expected = json!([{"inode": 7, "pos": 12, "file": "/log/a"}, {"inode": 9, "pos": 5, "file": "/log/c"}]);
        assert_eq!(read(), expected);

        // What did not change is not written.
        std::fs::remove_file(&path).unwrap();
        noter.note(files.iter());
        assert!(!path.exists());
        files[3].offset = 6;
        noter.note(files.iter());
        assert_eq!(read()[1]["pos"], 6);
        assert_eq!(super::super::PositionFile::read(&path).unwrap().unwrap().count(), 2);
    }
}
