//! Files that are complete when they come into a directory, as Flume's `spooldir` source takes them: each is read from its
//! first byte to its last, then renamed, marked or deleted.
//!
//! How far the file at hand was read travels with its events, so each is in the channel once, whatever is killed. A file
//! is completed once all of it is in the channel and before its position is forgotten, and completing it is repeated
//! after a crash. A channel in memory loses what it holds of files that are completed already.
//!
//! A file that changes while it is read stops the source with its name, as with Flume: whoever writes it is to write
//! elsewhere and rename it into the directory.

mod content;
mod files;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::content::Reader;
pub(crate) use self::content::{Charset, DecodeErrors, Deserializer};
use self::files::{Found, Seen};
pub(in crate::agent) use self::walk::Walk;
use super::{Source, SourceReport};
use crate::agent::event::{Event, Header, Headers};
use crate::agent::outlet::{Origin, Outlet};
use crate::agent::position::{PositionForm, SourcePosition};
use crate::error::{self, Result};

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("spooldir"), version: 1 };

/// What becomes of a file that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Completed {
    /// Its name gets an end.
    #[default]
    Rename,
    Delete,
    /// It stays as it is, and an empty file in another directory says that it was read.
    Track,
}

/// Which file is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// That with the oldest change; of several the first by name.
    #[default]
    Oldest,
    Youngest,
    /// As the directory gives them.
    Random,
}

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct SpooldirOptions {
    pub directory: PathBuf,
    pub completed: Completed,
    /// How the names of files that were read end.
    pub completed_suffix: String,
    /// Where the marks of files that were read are.
    pub tracker_dir: PathBuf,
    /// The names of files that are read; all where it is left out.
    pub include: Option<Regex>,
    /// The names of files and directories that are not.
    pub ignore: Option<Regex>,
    pub order: Order,
    /// Look into directories below as well.
    pub recursive: bool,
    /// How often it is looked for files where there was none.
    pub poll: Duration,
    /// Headers that get the path of the file, and its name.
    pub file_header: Option<String>,
    pub basename_header: Option<String>,
    pub deserializer: Deserializer,
    /// Characters of a line, as UTF-16 counts them; the rest of a longer one is the next event.
    pub max_line_chars: usize,
    /// Bytes of an event, where a file is one.
    pub max_blob_bytes: usize,
    pub charset: Charset,
    pub decode_errors: DecodeErrors,
}

/// A regular expression for whole names.
///
/// # Errors
/// Config: it is not one.
pub(in crate::agent) fn whole_name(text: &str) -> Result<Regex> {
    Regex::new(&format!("^(?:{text})$")).map_err(|e| {
        let why = e.to_string();
        let last = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        error::config(format!("{text} is not a regular expression: {last}"))
            .hint("look-around and back-references are not supported; write it without them")
    })
}

/// How far a file was read, as the channel keeps it by the file's path below the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FilePosition {
    /// The first byte that was not read; one more than the file has once all of it was.
    offset: u64,
    #[serde(flatten)]
    seen: Seen,
}

impl FilePosition {
    fn is_done(&self) -> bool {
        self.offset > self.seen.size
    }
}

/// Reads files of a directory.
#[derive(Debug)]
pub(in crate::agent) struct SpooldirSource {
    options: SpooldirOptions,
    drain: bool,
    /// Files that an earlier run has not finished, by their paths below the directory.
    begun: BTreeMap<String, FilePosition>,
    /// Files that are there to be read, and when that was looked for.
    queue: VecDeque<Found>,
    listed: Option<Instant>,
    /// Entries of the position that the next batch takes along.
    moved: BTreeMap<String, Value>,
    notes: Vec<String>,
}

impl SpooldirSource {
    /// Goes on where the position says.
    ///
    /// # Errors
    /// Data: the position is not one of files. NotFound, Auth, Refused: the directories.
    pub(in crate::agent) fn new(
        options: SpooldirOptions,
        drain: bool,
        position: Option<&SourcePosition>,
    ) -> Result<Self> {
        options.prepare()?;
        let entries = position.iter().flat_map(|position| &position.entries);
        let begun = entries
            .map(|(path, entry)| Ok((path.clone(), serde_json::from_value(entry.clone())?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|e| error::data("the channel holds a position that is not one of a spooled file").source(e))?;
        let (queue, listed) = (VecDeque::new(), None);
        Ok(Self { options, drain, begun, queue, listed, moved: BTreeMap::new(), notes: Vec::new() })
    }

    /// Finishes what an earlier run began; says whether the outlet still takes.
    fn finish_begun(&mut self, outlet: &Outlet) -> Result<bool> {
        for (path, position) in std::mem::take(&mut self.begun) {
            let Some(file) = self.options.find(&path)? else {
                if !position.is_done() {
                    let (directory, offset) = (self.options.directory.display(), position.offset);
                    let what = format!("{directory}/{path}, which was read up to byte {offset}, is gone");
                    tracing::warn!("{what}; the rest of it is not read");
                    self.notes.push(what);
                }
                self.moved.insert(path, Value::Null);
                continue;
            };
            if file.seen == position.seen {
                if !self.read(&file, &position, outlet)? {
                    return Ok(false);
                }
            } else if position.is_done() && self.options.was_completed(&file, &position.seen)? {
                // Another file, which came under the name since.
                self.moved.insert(path, Value::Null);
            } else {
                return Err(files::changed(&file.path));
            }
        }
        Ok(true)
    }

    /// Reads a file to its end, from a position on, and completes it; says whether the outlet still takes.
    fn read(&mut self, file: &Found, from: &FilePosition, outlet: &Outlet) -> Result<bool> {
        let mut at = from.offset;
        if !from.is_done() {
            let shared = self.shared(file);
            let mut reader = Reader::open(&self.options, file, at)?;
            while let Some(batch) = reader.batch()? {
                // Looked at last: what changed meanwhile is not put.
                file.unchanged()?;
                at = if batch.is_last { file.seen.size + 1 } else { batch.after };
                let position = FilePosition { offset: at, seen: file.seen };
                let entry = serde_json::to_value(position)
                    .map_err(|e| error::bug("cannot write a position as JSON").source(e))?;
                let mut moved = std::mem::take(&mut self.moved);
                moved.insert(file.name.clone(), entry);
                let offsets = batch.events.iter().map(|(offset, _)| *offset).collect();
                let event = |(_, body)| Event { headers: Headers::new(Some(shared.clone()), Vec::new()), body };
                let events = batch.events.into_iter().map(event).collect();
                let origin = outlet.wants_origin().then(|| Origin { key: file.name.clone(), offsets });
                if !outlet.put(events, moved, origin)? {
                    return Ok(false);
                }
            }
        }
        self.options.complete(file)?;
        self.moved.insert(file.name.clone(), Value::Null);
        Ok(true)
    }

    /// The next file. It is looked for anew where that was not done just now: there may be many.
    fn next(&mut self) -> Result<Option<Found>> {
        if self.queue.is_empty() || self.listed.is_none_or(|listed| listed.elapsed() > self.options.poll) {
            (self.queue, self.listed) = (self.options.waiting()?.into(), Some(Instant::now()));
        }
        while let Some(file) = self.queue.pop_front() {
            // As it is now: until it is begun it may change, or go.
            if let Some(found) = self.options.find(&file.name)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Waits for files; says whether the source goes on.
    fn wait(&mut self, outlet: &Outlet) -> Result<bool> {
        let moved = std::mem::take(&mut self.moved);
        if !moved.is_empty() && !outlet.put(Vec::new(), moved, None)? {
            return Ok(false);
        }
        Ok(!self.drain && outlet.pause(self.options.poll))
    }

    /// The headers of a file's events.
    fn shared(&self, file: &Found) -> Arc<[Header]> {
        let SpooldirOptions { file_header, basename_header, .. } = &self.options;
        let path = file.path.to_string_lossy();
        let name = path.rsplit('/').next().unwrap_or_default();
        let header = |key: &String, value: &str| (ByteString::from(key.as_str()), ByteString::from(value));
        let path = file_header.iter().map(|key| header(key, &path));
        path.chain(basename_header.iter().map(|key| header(key, name))).collect()
    }
}

impl Source for SpooldirSource {
    fn run(mut self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let mut goes_on = self.finish_begun(&outlet)?;
        while goes_on {
            goes_on = match self.next()? {
                Some(file) => self.read(&file, &FilePosition { offset: 0, seen: file.seen }, &outlet)?,
                None => self.wait(&outlet)?,
            };
        }
        Ok(SourceReport { notes: self.notes, ..SourceReport::default() })
    }
}
