//! The source that follows files.
//!
//! ```text
//! beginning where files begin that no channel knows, by Flume's position file as well
//! reader    rounds over the files that match, each read on from where it was left
//! position  how far each file was read, and how it is known again
//! noted     the same for Flume, in its own position file
//! ```

mod beginning;
mod compressed;
mod content;
mod fingerprint;
mod followed;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
mod lines;
mod look;
mod noted;
mod pattern;
mod position;
mod reader;
mod rotation;
#[cfg(test)]
mod tests;
mod troubles;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use serde_json::Value;

pub(in crate::agent) use self::beginning::PositionFile;
pub(crate) use self::beginning::Start;
pub(crate) use self::compressed::CompressedFiles;
use self::lines::LogLine;
use self::noted::Noter;
pub(in crate::agent) use self::noted::Noting;
pub(in crate::agent) use self::pattern::Pattern;
use self::position::{FileId, FilePosition, Moved};
pub(in crate::agent) use self::reader::TaildirOptions;
use self::reader::{FileBatch, Taildir};
use super::{Source, SourceReport};
use crate::agent::event::{Event, Header, Headers, names};
use crate::agent::outlet::{Origin, Outlet};
use crate::agent::position::{FILES, PositionForm, SourcePosition, file_key};
use crate::error::{self, Result};

pub(in crate::agent) const FORM: PositionForm = FILES;

/// Pause between two rounds.
const ROUND: Duration = Duration::from_millis(500);
/// How many more rounds a source that drains makes for the sake of files that it could not read.
const DRAIN_ROUNDS: u32 = 3;

/// Follows files.
#[derive(Debug)]
pub(in crate::agent) struct TaildirSource {
    files: Taildir,
    drain: bool,
    /// The headers of the file that was read last.
    shared: Option<Arc<[Header]>>,
    noter: Option<Noter>,
}

impl TaildirSource {
    /// Follows the files from the position where they were read before.
    ///
    /// # Errors
    /// Data: the position is not one of files.
    pub(in crate::agent) fn new(
        options: TaildirOptions,
        drain: bool,
        position: Option<&SourcePosition>,
    ) -> Result<Self> {
        let entries = position.iter().flat_map(|position| position.entries.values());
        let files: Vec<FilePosition> = entries
            .map(|entry| serde_json::from_value(entry.clone()))
            .collect::<Result<_, _>>()
            .map_err(|e| error::data("the channel holds a position that is not one of a file").source(e))?;
        let noter = options.noting.clone().map(Noter::new);
        Ok(Self { files: Taildir::new(options, files.into()), drain, shared: None, noter })
    }

    /// Notes how far files were read, if it is time to; everything that was read is in the channels.
    fn note(&mut self, is_last: bool) {
        if let Some(noter) = self.noter.as_mut().filter(|noter| is_last || noter.is_due()) {
            noter.note(self.files.positions());
        }
    }

    /// Reads what there is; says whether the outlet still takes.
    fn round(&mut self, outlet: &Outlet) -> Result<bool> {
        while let Some(batch) = self.files.read() {
            if !self.put(batch, outlet)? {
                return Ok(false);
            }
        }
        let gone = self.files.gone();
        Ok(gone.is_empty() || outlet.put(Vec::new(), entries(gone)?, None)?)
    }

    fn put(&mut self, batch: FileBatch, outlet: &Outlet) -> Result<bool> {
        let path = &batch.after.path;
        let shared = match self.shared.take().filter(|shared| shared.iter().any(|(_, file)| *file == **path)) {
            Some(shared) => shared,
            None => Arc::new([(ByteString::from_static(names::FILE), ByteString::from(path.as_str()))]),
        };
        let origin = outlet.wants_origin().then(|| Origin {
            key: key(batch.after.id(), batch.after.generation),
            offsets: batch.lines.iter().map(|line| line.offset).collect(),
        });
        let events = batch.lines.into_iter().map(|line| event(line, &shared)).collect();
        self.shared = Some(shared);
        outlet.put(events, entries(batch.moved)?, origin)
    }
}

impl Source for TaildirSource {
    fn run(mut self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let mut more_rounds = DRAIN_ROUNDS;
        loop {
            let files = self.files.look();
            if !self.round(&outlet)? {
                // The last batch was not taken.
                self.noter = None;
                break;
            }
            self.note(false);
            if files == 0 && self.drain && self.files.troubles() == 0 {
                return Err(error::not_found("no log file matches files")
                    .hint("check the pattern; it is relative to the directory of the pipeline file"));
            }
            if self.drain && self.files.is_settled() {
                break;
            }
            if self.drain && !self.files.waits_for_copy() {
                match more_rounds.checked_sub(1) {
                    Some(left) => more_rounds = left,
                    None => break,
                }
            }
            if !outlet.pause(ROUND) {
                break;
            }
        }
        self.note(true);
        let (notes, unread) = (self.files.notes(), self.files.troubles());
        Ok(SourceReport { notes, unread, trouble: self.files.into_trouble() })
    }
}

/// The entries of the position that a source begins with of which no channel knows anything, where it was told any.
///
/// # Errors
/// Those of [`beginning::positions`].
pub(in crate::agent) fn beginning(options: &TaildirOptions) -> Result<Option<BTreeMap<String, Value>>> {
    let Some(files) = beginning::positions(options)? else { return Ok(None) };
    entries(files.into_iter().map(Moved::To).collect()).map(Some)
}

/// A line as an event.
fn event(line: LogLine, shared: &Arc<[Header]>) -> Event {
    let mut own = vec![(ByteString::from_static(names::BYTE_OFFSET), ByteString::from(line.offset.to_string()))];
    if line.is_cut() {
        own.push((ByteString::from_static(names::CUT), ByteString::from(line.line_bytes.to_string())));
    }
    if line.torn {
        own.push((ByteString::from_static(names::TORN), ByteString::from_static("true")));
    }
    Event { headers: Headers::new(Some(shared.clone()), own), body: line.body }
}

fn key(id: FileId, generation: u32) -> String {
    file_key(id.device, id.inode, u64::from(generation))
}

/// The entries of the positions that changed; those that are forgotten are `null`.
fn entries(moved: Vec<Moved>) -> Result<BTreeMap<String, Value>> {
    let entry = |moved| match moved {
        Moved::Forgotten(id, generation) => Ok((key(id, generation), Value::Null)),
        Moved::To(position) => serde_json::to_value(&position)
            .map(|value| (key(position.id(), position.generation), value))
            .map_err(|e| error::bug("cannot write a position as JSON").source(e)),
    };
    moved.into_iter().map(entry).collect()
}
