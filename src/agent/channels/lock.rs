//! The channel directory, taken by one agent at a time; the lock goes with the process, however it ends.
//!
//! What is in it are customers' data: the directory and its files are readable by their owner alone.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cursor;
use super::gap;
use super::seal::Keyring;
use super::segment;
use super::untold;
use crate::agent::disk;
use crate::error::{self, Result};
use crate::private;

pub(super) const FILE: &str = "lock";

/// How often a directory that is taken is tried again, and how long each time is.
const MOMENTS: u32 = 25;
const MOMENT: Duration = Duration::from_millis(10);

/// A channel directory that is ours until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct ChannelLock {
    pub(super) dir: PathBuf,
    /// What its files are encrypted with.
    pub(super) keys: Keyring,
    _file: File,
}

impl ChannelLock {
    /// Takes the channel directory `dir`, making it where it does not exist.
    ///
    /// # Errors
    /// Busy: another process has it.
    pub(crate) fn take(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            private::create_dir_all(dir).map_err(disk::failed("create channel directory", dir))?;
        }
        let path = dir.join(FILE);
        let file = private::open(&path).map_err(disk::failed("open", &path))?;
        match patiently(&file) {
            Ok(()) => {
                keep_private(dir)?;
                Ok(Self { dir: dir.to_owned(), keys: Keyring::default(), _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(error::busy(format!("channel directory {} is used by another agent", dir.display()))
                    .hint("wait until it has ended, or give this agent a channel directory of its own"))
            }
            Err(TryLockError::Error(e)) => Err(disk::failed("lock", &path)(e)),
        }
    }
}

impl ChannelLock {
    /// The same directory, whose files are encrypted with these keys.
    pub(in crate::agent) fn with_keys(self, keys: Keyring) -> Self {
        Self { keys, ..self }
    }
}

/// Locks a file, and tries again for a moment: a process that is being started by this one, or by an agent that has just
/// ended, has all its files until it becomes another program.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..MOMENTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(MOMENT),
            done => return done,
        }
    }
    file.try_lock()
}

/// Narrows the rights to a channel's files, which an earlier version may have left, and to the directory if it holds
/// nothing else.
fn keep_private(dir: &Path) -> Result<()> {
    let mut is_ours = true;
    for entry in fs::read_dir(dir).map_err(disk::failed("list", dir))? {
        let entry = entry.map_err(disk::failed("list", dir))?;
        if is_channel_file(&entry.file_name()) {
            private::narrow(&entry.path()).map_err(disk::failed("make private", &entry.path()))?;
        } else {
            is_ours = false;
        }
    }
    // A directory that holds other things, such as a home, belongs to others as well: its files decide for themselves.
    if is_ours { private::narrow(dir).map_err(disk::failed("make private", dir)) } else { Ok(()) }
}

fn is_channel_file(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let name = name.strip_suffix(".new").unwrap_or(&name);
    [FILE, cursor::FILE, gap::FILE, untold::FILE].contains(&name) || segment::number(name).is_some()
}
