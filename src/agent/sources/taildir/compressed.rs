//! Compressed files beside the logs, as logrotate leaves them.
//!
//! They are skipped, each with a note that says what is known of its lines: by its beginning a file is the log that it
//! was before. On request they are read, from where that log was left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::content::{Codec, Content, gzip_length};
use super::followed::Followed;
use super::look::Look;
use super::position::{Candidate, FileId, FilePosition, Positions};
use crate::telemetry::summary::counted;

/// What is done with compressed files that match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CompressedFiles {
    /// They are skipped with a note
    #[default]
    Skip,
    /// They are read, from where they were left before they were compressed: gzip, zstd, bzip2, xz
    Read,
}

/// The compressed files that were skipped.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    files: BTreeMap<PathBuf, Rest>,
    /// The logs that they were.
    logs: BTreeSet<FileId>,
}

/// What a compressed file holds that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// The log was read up to this byte; how long it was is not known.
    Behind(u64),
    Bytes(u64),
    Everything,
}

impl Skipped {
    /// Notes a file; the log says so once.
    pub(super) fn add(&mut self, look: &Look, file: File, codec: Codec, positions: &Positions) {
        // A file that cannot be decompressed is one of which nothing is known.
        let known = known(look, &file, codec, positions).ok().flatten();
        let rest = match &known {
            None => Rest::Everything,
            Some(position) if codec == Codec::Gzip => match gzip_length(&file) {
                // The length is counted modulo 4 GiB.
                Ok(length) => match length.wrapping_sub(position.offset) & u64::from(u32::MAX) {
                    0 => Rest::Nothing,
                    bytes => Rest::Bytes(bytes),
                },
                Err(_) => Rest::Behind(position.offset),
            },
            Some(position) => Rest::Behind(position.offset),
        };
        self.logs.extend(known.map(|position| position.id()));
        if self.files.insert(look.path.clone(), rest) != Some(rest) {
            let path = look.path.display();
            match rest {
                Rest::Nothing => tracing::debug!("{path} is skipped: it was read before it was compressed"),
                Rest::Behind(at) => {
                    tracing::info!("{path} is compressed and skipped: it was read up to byte {at} before; {REMEDY}")
                }
                Rest::Bytes(bytes) => tracing::warn!(
                    "{path} is compressed and skipped: {bytes} bytes of it were not read before; {REMEDY}"
                ),
                Rest::Everything => {
                    tracing::warn!("{path} is compressed and skipped: nothing of it was read before; {REMEDY}");
                }
            }
        }
    }

    /// Whether the position of a file that is gone says what was read of one that was skipped.
    pub(super) fn keeps(&self, id: &FileId) -> bool {
        self.logs.contains(id)
    }

    /// What was skipped, in words.
    pub(super) fn note(&self) -> Option<String> {
        let unread = self.files.values().filter(|rest| !matches!(rest, Rest::Nothing | Rest::Behind(_))).count();
        match (self.files.len(), unread) {
            (0, _) => None,
            (files, 0) => Some(format!("{} skipped", skipped(files))),
            (files, unread) => Some(format!("{} skipped, {unread} of them not wholly read before", skipped(files))),
        }
    }
}

const REMEDY: &str = "compressed = \"read\" reads what is left";

/// The position of the log that a compressed file was.
fn known(look: &Look, file: &File, codec: Codec, positions: &Positions) -> io::Result<Option<FilePosition>> {
    let content = Content::compressed(file.try_clone()?, codec)?;
    let Some((mut followed, head)) = Followed::new(content, u64::MAX)? else { return Ok(None) };
    let path = look.path.to_string_lossy();
    let found = Candidate { path: &path, id: look.id, size: u64::MAX, start: followed.start(), head: &head };
    let known = positions.find(&found, |_| true, |tail| followed.has(tail).unwrap_or(false));
    Ok(known.map(|(_, position)| position.clone()))
}
fn skipped(files: usize) -> String {
    counted(files as u64, "compressed file", "compressed files")
}
