//! The files of the directory: which is next, whether it is still the same, and what becomes of it.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::{Completed, Order, SpooldirOptions};
use crate::agent::disk;
use crate::error::{self, Error, Result};

/// How a file looked when it was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Seen {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// When it was written to last, in nanoseconds since 1970.
    pub changed_ns: i64,
    /// When it was made, where the disk knows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_ns: Option<i64>,
}

impl Seen {
    fn new(metadata: &Metadata) -> Self {
        let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            changed_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
            made_ns: made.and_then(|made| i64::try_from(made.as_nanos()).ok()),
        }
    }
}

/// A file that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub path: PathBuf,
    /// The path below the directory.
    pub name: String,
    pub seen: Seen,
}

impl Found {
    /// # Errors
    /// Data: it is not what it was.
    pub(super) fn unchanged(&self) -> Result<()> {
        match fs::metadata(&self.path) {
            Ok(metadata) if Seen::new(&metadata) == self.seen => Ok(()),
            Ok(_) => Err(changed(&self.path)),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(changed(&self.path)),
            Err(e) => Err(disk::failed("look at", &self.path)(e)),
        }
    }
}

/// The error of a file that changed once it was there.
pub(super) fn changed(path: &Path) -> Error {
    error::data(format!("{} changed while it was read, or since", path.display())).hint(
        "let its writer make it elsewhere and rename it into the directory when it is complete; take it out of there, and \
         run again",
    )
}

impl SpooldirOptions {
    /// Looks whether the directories are there and can be used.
    ///
    /// # Errors
    /// NotFound, Auth, Refused: they cannot.
    pub(super) fn prepare(&self) -> Result<()> {
        fs::read_dir(&self.directory).map_err(disk::failed("list", &self.directory))?;
        if self.completed == Completed::Track {
            fs::create_dir_all(&self.tracker_dir).map_err(disk::failed("create", &self.tracker_dir))?;
            return Ok(());
        }
        self.writable()
    }

    /// Whether files of the directory can be renamed and deleted: one is made in it and goes again.
    ///
    /// # Errors
    /// Auth, Refused: they cannot.
    pub(in crate::agent) fn writable(&self) -> Result<()> {
        let probe = self.directory.join(format!(".sakia-probe-{}", uuid::Uuid::now_v7().simple()));
        fs::write(&probe, b"?").and_then(|()| fs::remove_file(&probe)).map_err(|e| {
            let what = "let this user write to the directory, or leave its files as they are: completed = \"track\"";
            disk::failed("make and remove files in", &self.directory)(e).hint(what)
        })
    }

    /// The files that are to be read, in their order.
    ///
    /// # Errors
    /// Those of the directory. Data: a file has a name that is not UTF-8.
    pub(super) fn waiting(&self) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        self.list(&self.directory, &mut all)?;
        let age = |file: &Found| file.seen.changed_ns;
        let name = |file: &Found| file.path.file_name().map(OsStr::to_owned);
        match self.order {
            Order::Random => {}
            Order::Oldest => all.sort_by_cached_key(|file| (age(file), name(file))),
            Order::Youngest => all.sort_by_cached_key(|file| (Reverse(age(file)), name(file))),
        }
        Ok(all)
    }

    /// How many files are there to be read.
    ///
    /// # Errors
    /// As [`SpooldirOptions::waiting`].
    pub(in crate::agent) fn count(&self) -> Result<usize> {
        self.waiting().map(|files| files.len())
    }

    fn list(&self, directory: &Path, all: &mut Vec<Found>) -> Result<()> {
        let failed = || disk::failed("list", directory);
        for entry in fs::read_dir(directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let (path, name) = (entry.path(), entry.file_name());
            let is_like = |pattern: &Regex| pattern.is_match(name.as_bytes());
            if name.as_bytes().starts_with(b".")
                || self.ignore.as_ref().is_some_and(is_like)
                || path == self.tracker_dir
            {
                continue;
            }
            // A link to a directory may lead around in a circle.
            if entry.file_type().map_err(failed())?.is_dir() {
                if self.recursive {
                    self.list(&path, all)?;
                }
                continue;
            }
            let is_done = name.as_bytes().ends_with(self.completed_suffix.as_bytes());
            if is_done || !self.include.as_ref().is_none_or(is_like) {
                continue;
            }
            match path.metadata() {
                Ok(metadata) if metadata.is_file() => {
                    let found = self.found(path, &metadata)?;
                    if self.completed != Completed::Track || !self.mark(&found.name).exists() {
                        all.push(found);
                    }
                }
                Ok(_) => {}
                // It went while we looked, or is a link to nothing.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(disk::failed("look at", &path)(e)),
            }
        }
        Ok(())
    }

    fn found(&self, path: PathBuf, metadata: &Metadata) -> Result<Found> {
        let name = path.strip_prefix(&self.directory).ok().and_then(Path::to_str).map(str::to_owned);
        let name = name.ok_or_else(|| {
            error::data(format!("{} has a name that is not UTF-8", path.display())).hint("rename it, or ignore it")
        })?;
        Ok(Found { name, seen: Seen::new(metadata), path })
    }

    /// The file of this path below the directory, if there is one.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found>> {
        let path = self.directory.join(name);
        match fs::metadata(&path) {
            Ok(metadata) => self.found(path, &metadata).map(Some),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(disk::failed("look at", &path)(e)),
        }
    }

    /// The name of a file that was read.
    fn renamed(&self, path: &Path) -> PathBuf {
        let mut renamed = path.as_os_str().to_owned();
        renamed.push(&self.completed_suffix);
        renamed.into()
    }

    /// The mark of a file that was read.
    fn mark(&self, name: &str) -> PathBuf {
        self.tracker_dir.join(format!("{name}{}", self.completed_suffix))
    }

    /// Whether the file that was here before, all of which was read, was completed: what is here now is another one.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn was_completed(&self, file: &Found, before: &Seen) -> Result<bool> {
        Ok(match self.completed {
            Completed::Rename => {
                let path = self.renamed(&file.path);
                match fs::metadata(&path) {
                    Ok(metadata) => Seen::new(&metadata) == *before,
                    Err(e) if e.kind() == ErrorKind::NotFound => false,
                    Err(e) => return Err(disk::failed("look at", &path)(e)),
                }
            }
            Completed::Delete => {
                let same = |seen: &Seen| (seen.device, seen.inode, seen.made_ns);
                same(&file.seen) != same(before)
            }
            Completed::Track => self.mark(&file.name).exists(),
        })
    }

    /// Completes a file of which all is in the channel, durably. Safe to repeat.
    ///
    /// # Errors
    /// Data: it changed. Exists: a file that was completed before has the name that it is to get. Those of the disk.
    pub(super) fn complete(&self, file: &Found) -> Result<()> {
        if let (Completed::Track, true) = (self.completed, self.mark(&file.name).exists()) {
            return Ok(());
        }
        file.unchanged()?;
        match self.completed {
            Completed::Rename => {
                let to = self.renamed(&file.path);
                if to.symlink_metadata().is_ok() {
                    let what = format!("{} was read, and {} is there already", file.path.display(), to.display());
                    return Err(error::exists(what).hint("give each file a name of its own; move the other one away"));
                }
                fs::rename(&file.path, &to).map_err(disk::failed("rename", &file.path))?;
            }
            Completed::Delete => fs::remove_file(&file.path).map_err(disk::failed("delete", &file.path))?,
            Completed::Track => {
                let mark = self.mark(&file.name);
                let parent = mark.parent().unwrap_or(&self.tracker_dir);
                fs::create_dir_all(parent).map_err(disk::failed("create", parent))?;
                let made = OpenOptions::new().write(true).create_new(true).open(&mark);
                made.and_then(|made: File| made.sync_all()).map_err(disk::failed("create", &mark))?;
                return disk::sync_dir(parent);
            }
        }
        // Its position is forgotten next: were the file here again after a crash, it would be read again.
        disk::sync_dir(file.path.parent().unwrap_or(&self.directory))
    }
}
