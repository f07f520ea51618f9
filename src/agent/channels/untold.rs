//! What is kept of a channel that was opened before its target could be asked, in `untold.json` beside the segments: the first
//! record that was put since then.
//!
//! Of a channel that was never without its target every record that the target claims was taken from this directory. Here
//! that has to be looked at: a directory that was restored from an old copy would count on at a number that the target has
//! already, and what was put under it would be taken for written.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::segment::corrupt;
use crate::agent::disk;
use crate::error::{self, Result};

pub(super) const FILE: &str = "untold.json";

/// The first record that the target cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Untold {
    from: u64,
}

/// What is known of the channel directory `dir`; `None` where its target was asked when it was opened last.
///
/// # Errors
/// Data: the file holds something else. Refused, Auth: the disk.
pub(super) fn read(dir: &Path) -> Result<Option<Untold>> {
    let path = dir.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| corrupt(&path, 0, "does not say what the target was not told").source(e)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::failed("read", &path)(e)),
    }
}

/// Says that records from this one on are put before the target was asked; what was said before stays.
///
/// # Errors
/// Those of [`read`].
pub(super) fn begin(dir: &Path, from: u64) -> Result<()> {
    if read(dir)?.is_some() {
        return Ok(());
    }
    let json =
        serde_json::to_vec(&Untold { from }).map_err(|e| error::bug("cannot write a number as JSON").source(e))?;
    disk::replace(dir, FILE, &json)
}

/// Refuses a target that has records which were put before it was asked.
///
/// # Errors
/// Config: it does. Those of [`read`].
pub(super) fn check(dir: &Path, cursor: &Cursor) -> Result<()> {
    match read(dir)? {
        Some(Untold { from }) if cursor.record > from => Err(error::config(format!(
            "channel directory {} is an old copy: its target has {} records of it, and while the target was away others \
             were put from record {from} on",
            dir.display(),
            cursor.record
        ))
        .hint("keep the directory, which holds them, and give the agent one that is new; it goes on where the target is")),
        _ => Ok(()),
    }
}

/// The target was asked, and the cursor is kept.
///
/// # Errors
/// Refused, Auth: the disk.
pub(super) fn end(dir: &Path) -> Result<()> {
    let path = dir.join(FILE);
    match fs::remove_file(&path) {
        Ok(()) => disk::sync_dir(dir),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(disk::failed("delete", &path)(e)),
    }
}
