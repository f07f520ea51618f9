//! What is kept of records that were in memory when the agent was killed, in `gap.json` beside the segments: until those
//! behind them have gone, each start has to know which they are.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::scan::Gap;
use super::segment::corrupt;
use crate::agent::disk;
use crate::error::{self, Result};

pub(super) const FILE: &str = "gap.json";

/// The gap of the channel directory `dir`, if there is one.
///
/// # Errors
/// Data: the file holds something else. Refused, Auth: the disk.
pub(super) fn read(dir: &Path) -> Result<Option<Gap>> {
    let path = dir.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| corrupt(&path, 0, "is not a gap").source(e)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::failed("read", &path)(e)),
    }
}

/// Keeps a gap durably in the place of the one that is there, or of none.
///
/// # Errors
/// Refused, Auth: the disk.
pub(super) fn write(dir: &Path, gap: Option<Gap>, before: Option<Gap>) -> Result<()> {
    match gap {
        gap if gap == before => Ok(()),
        Some(gap) => {
            let json = serde_json::to_vec(&gap).map_err(|e| error::bug("cannot write a gap as JSON").source(e))?;
            disk::replace(dir, FILE, &json)
        }
        None => {
            let path = dir.join(FILE);
            fs::remove_file(&path).map_err(disk::failed("delete", &path))?;
            disk::sync_dir(dir)
        }
    }
}
