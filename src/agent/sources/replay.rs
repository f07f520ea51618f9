//! Events that were put aside, once more: the source of `agent replay`.
//!
//! A file of rejects is read wholly before its first event is put, so that one that is broken changes nothing. Its events
//! are put with how far it was read, and once all of them are in the channel it is renamed: a run that was killed goes on
//! where that one was, and each event is put once. What is put aside meanwhile is left for the next run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Source, SourceReport};
use crate::agent::event::Event;
use crate::agent::outlet::Outlet;
use crate::agent::position::{PositionForm, SourcePosition};
use crate::agent::rejects::Rejected;
use crate::error::{self, Kind, Result};
use crate::storage::{FileReader, Filesystem, RenameOptions};
use crate::telemetry::summary::counted;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("replay"), version: 1 };

/// What the source is called in channels.
pub(in crate::agent) const NAME: &str = "sakia.replay";

/// How the name of a file ends that was replayed.
pub(in crate::agent) const REPLAYED: &str = ".replayed";

/// Bytes that are read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A longer line is not that of a reject.
const LONGEST_LINE: usize = 2 << 30;

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct ReplayOptions {
    /// Where the files are.
    pub fs: Arc<dyn Filesystem>,
    /// Files, and directories whose files are meant.
    pub paths: Vec<String>,
}

/// A file of rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Found {
    pub path: String,
    pub len_bytes: u64,
}

impl ReplayOptions {
    /// The files, in the order of their names, without those that were replayed.
    ///
    /// # Errors
    /// NotFound: a path is not there. Those of the filesystem.
    pub(in crate::agent) async fn files(&self) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        for path in &self.paths {
            let path = path.trim_end_matches('/');
            let found = self.fs.stat(path).await?.ok_or_else(|| {
                error::not_found(format!("there are no rejects in {path}"))
                    .hint("name a directory or a file of rejects")
            })?;
            if !found.is_dir {
                all.push(Found { path: path.to_owned(), len_bytes: found.len_bytes });
                continue;
            }
            let is_meant = |name: &str| name.ends_with(".json") && !name.starts_with(['.', '_']);
            let listed = self.fs.list(path).await?.into_iter().filter(|file| !file.is_dir && is_meant(file.name()));
            all.extend(listed.map(|file| Found { path: file.path, len_bytes: file.len_bytes }));
        }
        if let Some(done) = all.iter().find(|file| file.path.ends_with(REPLAYED)) {
            return Err(error::config(format!("{} was replayed already", done.path))
                .hint(format!("take {REPLAYED} off its name to replay it once more")));
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all.dedup();
        Ok(all)
    }

    /// Gives each event of a file from a place on to `take`, with where the next one begins; `take` says whether to go on.
    ///
    /// # Errors
    /// Data: a line is not that of a reject. Those of the filesystem.
    pub(in crate::agent) async fn read(
        &self,
        file: &Found,
        from: u64,
        take: &mut dyn FnMut(Rejected, u64) -> Result<bool>,
    ) -> Result<()> {
        let mut lines = Lines { reader: self.fs.open(&file.path).await?, at: from, waiting: Vec::new() };
        let mut next = from;
        while let Some(line) = lines.next().await? {
            let begins = next;
            next += line.len() as u64;
            let wrong = |why: String| {
                error::data(format!("{} does not hold a reject at byte {begins}: {why}", file.path))
                    .hint("correct or remove the line; nothing of the file was sent yet")
            };
            let text = line.trim_ascii_end();
            if text.is_empty() {
                continue;
            }
            if !take(Rejected::read(text).map_err(wrong)?, next)? {
                break;
            }
        }
        Ok(())
    }
}

/// The lines of a file, each with its end.
struct Lines {
    reader: Box<dyn FileReader>,
    /// How far the file was read.
    at: u64,
    waiting: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.waiting[looked..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.waiting.drain(..=looked + end).collect()));
            }
            looked = self.waiting.len();
            if looked > LONGEST_LINE {
                return Err(error::data("a line is longer than a reject can be").hint("name files of rejects alone"));
            }
            let piece: Bytes = self.reader.read_at(self.at, PIECE_BYTES).await?;
            if piece.is_empty() {
                return Ok(Some(std::mem::take(&mut self.waiting)).filter(|line| !line.is_empty()));
            }
            self.at += piece.len() as u64;
            self.waiting.extend_from_slice(&piece);
        }
    }
}

/// Gives the events of files of rejects.
#[derive(Debug)]
pub(in crate::agent) struct ReplaySource {
    options: ReplayOptions,
    /// How far files were read by a run that was killed, by their paths.
    begun: BTreeMap<String, Value>,
}

impl ReplaySource {
    pub(in crate::agent) fn new(options: ReplayOptions, position: Option<&SourcePosition>) -> Self {
        Self { options, begun: position.map(|position| position.entries.clone()).unwrap_or_default() }
    }

    /// Where to go on in a file.
    fn beginning(&self, file: &Found) -> Result<u64> {
        let Some(entry) = self.begun.get(&file.path) else { return Ok(0) };
        let number = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or(0);
        if number("len") != file.len_bytes {
            let what = format!("{} was changed after a part of it was replayed", file.path);
            return Err(error::data(what).hint("put it back as it was, or give what is left of it another name"));
        }
        Ok(number("offset"))
    }

    /// Puts the events of a file; says whether the channel took all of them, and how many there were.
    fn send(&self, file: &Found, outlet: &Outlet) -> Result<(bool, u64)> {
        let (from, handle) = (self.beginning(file)?, Handle::current());
        handle.block_on(self.options.read(file, from, &mut |_, _| Ok(true)))?;
        let (mut batch, mut bytes, mut sent, mut is_open) = (Vec::<Event>::new(), 0, 0, true);
        let entry = |offset: u64| json!({ "len": file.len_bytes, "offset": offset });
        let mut put = |batch: &mut Vec<Event>, offset: u64| {
            sent += batch.len() as u64;
            is_open = outlet.put(std::mem::take(batch), [(file.path.clone(), entry(offset))].into(), None)?;
            Ok::<_, error::Error>(is_open)
        };
        let mut last = from;
        handle.block_on(self.options.read(file, from, &mut |rejected, next| {
            bytes += rejected.event.size();
            batch.push(rejected.event);
            last = next;
            if bytes < PIECE_BYTES {
                return Ok(true);
            }
            bytes = 0;
            put(&mut batch, next)
        }))?;
        if !batch.is_empty() {
            put(&mut batch, last)?;
        }
        Ok((is_open, sent))
    }

    /// Forgets files that are gone: they were renamed, and the channel was not told.
    fn forget_gone(&self, files: &[Found], outlet: &Outlet) -> Result<()> {
        let gone = self.begun.keys().filter(|path| !files.iter().any(|file| file.path == **path));
        let handle = Handle::current();
        let mut entries = BTreeMap::new();
        for path in gone {
            if handle.block_on(self.options.fs.stat(path))?.is_none() {
                entries.insert(path.clone(), Value::Null);
            }
        }
        if !entries.is_empty() {
            outlet.put(Vec::new(), entries, None)?;
        }
        Ok(())
    }
}

impl Source for ReplaySource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let handle = Handle::current();
        let files = handle.block_on(self.options.files())?;
        self.forget_gone(&files, &outlet)?;
        let (mut events, mut done) = (0, 0_u64);
        for file in &files {
            let (is_whole, sent) = self.send(file, &outlet)?;
            events += sent;
            if !is_whole {
                break;
            }
            let replayed = format!("{}{REPLAYED}", file.path);
            let renamed = handle.block_on(self.options.fs.rename(&file.path, &replayed, RenameOptions::default()));
            match renamed {
                Err(e) if e.kind() == Kind::Exists => return Err(e.hint("move that one away: it was replayed before")),
                renamed => renamed?,
            }
            done += 1;
            outlet.put(Vec::new(), [(file.path.clone(), Value::Null)].into(), None)?;
        }
        let note = format!("{} of {} replayed", counted(events, "event", "events"), counted(done, "file", "files"));
        Ok(SourceReport { notes: vec![note], ..SourceReport::default() })
    }
}
