//! Files, followed: new lines of every file that matches a pattern, wherever it is renamed to.
//!
//! A round looks at the files once and reads each to the length it had then, oldest change first. A file is known by
//! what it holds ([`position`](super::position)): renamed, it is read on; truncated or replaced, from its start;
//! the copy that `copytruncate` makes is read on where the log was left. A file that left the pattern is read on while
//! it is still written to; use a pattern that matches rotated names, as only those are found again by an agent that was
//! stopped meanwhile.
//!
//! A file that cannot be read, or a directory that is not there, keeps nobody waiting: it is named, and tried again in
//! every round. Compressed files are skipped with a note ([`compressed`](super::compressed)), or read on request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::beginning::Start;
use super::compressed::{CompressedFiles, Skipped};
use super::content::{Codec, Content, read_plain};
use super::followed::{Followed, Progress};
use super::lines::{LogLine, ReadLimits};
use super::look::{Look, file_id};
use super::noted::Noting;
use super::pattern::Pattern;
use super::position::{Candidate, FileId, FilePosition, Gone, Likeness, Moved, Positions};
use super::rotation::is_rotated_name;
use super::troubles::Troubles;
use crate::agent::disk;
use crate::error::{Error, Result};

/// Lines of a batch: each batch costs one sync of the channel's disk.
const BATCH_LINES: usize = 5000;
/// Bytes of a batch.
const BATCH_BYTES: usize = 1 << 20;
/// How often it is noted which files are gone.
const NOTE_GONE: Duration = Duration::from_secs(3600);

/// Lines of one file that follow each other, and where reading goes on after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileBatch {
    /// The lines, in the file's order.
    pub lines: Vec<LogLine>,
    /// The file, and the offset of the first byte that is not in `lines`.
    pub after: FilePosition,
    /// What is known of files behind these lines and was not before.
    pub moved: Vec<Moved>,
}

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct TaildirOptions {
    /// Which files are followed.
    pub patterns: Vec<Pattern>,
    /// Bytes of a line that are kept.
    pub max_line_bytes: usize,
    /// What is done with compressed files.
    pub compressed: CompressedFiles,
    /// How long positions of files that are gone are kept.
    pub forget_after: Duration,
    /// Flume's position file, which says where files begin that no channel knows.
    pub position_file: Option<PathBuf>,
    /// Where it is kept up to date, if it is.
    pub noting: Option<Noting>,
    /// Where files begin of which it says nothing, at the first start.
    pub start: Start,
}

/// Follows the files that match patterns.
#[derive(Debug)]
pub(crate) struct Taildir {
    options: TaildirOptions,
    limits: ReadLimits,
    positions: Positions,
    open: BTreeMap<FileId, Followed>,
    /// Files that were read to their end and closed, as they looked then.
    idle: BTreeMap<FileId, Look>,
    /// The files still to be read in this round.
    turn: VecDeque<Look>,
    /// The files of this round.
    present: BTreeSet<FileId>,
    troubles: Troubles,
    skipped: Skipped,
    /// Copies that are still being made.
    under_way: BTreeSet<FileId>,
    /// The path of each file whose last line has no end, and the bytes of that line.
    unfinished: BTreeMap<FileId, (PathBuf, u64)>,
    hole_bytes: u64,
    noted: Option<Instant>,
}

impl Taildir {
    /// Follows the files of the patterns, from `positions` where they were read before.
    pub(crate) fn new(options: TaildirOptions, positions: Positions) -> Self {
        let max_line_bytes = options.max_line_bytes;
        Self {
            options,
            limits: ReadLimits { max_lines: BATCH_LINES, max_bytes: BATCH_BYTES, max_line_bytes },
            positions,
            open: BTreeMap::new(),
            idle: BTreeMap::new(),
            turn: VecDeque::new(),
            present: BTreeSet::new(),
            troubles: Troubles::default(),
            skipped: Skipped::default(),
            under_way: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            hole_bytes: 0,
            noted: None,
        }
    }

    /// Begins a round: looks which files there are, and how long they are now. Gives the number of files.
    pub(crate) fn look(&mut self) -> usize {
        self.troubles.begin();
        let mut looks: BTreeMap<FileId, Look> = BTreeMap::new();
        for pattern in &self.options.patterns {
            for (path, metadata) in pattern.files(&mut self.troubles) {
                looks.insert(file_id(&metadata), Look::new(path, &metadata));
            }
        }
        let files = looks.len();
        self.look_at_strays(&mut looks);
        self.present = looks.keys().copied().collect();
        self.under_way.clear();
        self.idle.retain(|id, _| looks.contains_key(id));
        self.unfinished.retain(|id, _| looks.contains_key(id));
        let mut turn: Vec<Look> = looks.into_values().filter(|look| self.idle.get(&look.id) != Some(look)).collect();
        turn.sort_by(|a, b| (a.changed, &a.path).cmp(&(b.changed, &b.path)));
        self.turn = turn.into();
        files
    }

    /// Adds the open files that no longer match; lets go of those that nobody writes to any more.
    fn look_at_strays(&mut self, looks: &mut BTreeMap<FileId, Look>) {
        let strays: Vec<FileId> = self.open.keys().filter(|id| !looks.contains_key(id)).copied().collect();
        for id in strays {
            let known = self.open.get(&id).zip(self.positions.last(id));
            let look = known.and_then(|(followed, position)| {
                let look = Look::new(PathBuf::from(&position.path), &followed.file()?.metadata().ok()?);
                (!look.is_idle() || look.size > followed.offset).then_some(look)
            });
            match look {
                Some(look) => {
                    looks.insert(id, look);
                }
                None => {
                    self.open.remove(&id);
                }
            }
        }
    }

    /// Reads the next batch of this round; `None` when each file was read to the length it had.
    pub(crate) fn read(&mut self) -> Option<FileBatch> {
        while let Some(look) = self.turn.front().cloned() {
            match self.read_file(&look) {
                Ok(Some((lines, after))) => {
                    let moved = self.positions.put(after.clone());
                    return Some(FileBatch { lines, after, moved });
                }
                Ok(None) => {}
                Err(error) => {
                    self.open.remove(&look.id);
                    self.troubles.add(&look.path, error);
                    self.turn.pop_front();
                    continue;
                }
            }
            self.turn.pop_front();
            self.note_unfinished(&look);
            if look.is_idle() {
                self.open.remove(&look.id);
                self.idle.insert(look.id, look);
            }
        }
        self.troubles.end();
        None
    }

    fn note_unfinished(&mut self, look: &Look) {
        let followed = self.open.get(&look.id).filter(|followed| followed.file().is_some());
        match followed.and_then(|followed| look.size.checked_sub(followed.offset)) {
            Some(bytes) if bytes > 0 => self.unfinished.insert(look.id, (look.path.clone(), bytes)),
            _ => self.unfinished.remove(&look.id),
        };
    }

    fn read_file(&mut self, look: &Look) -> Result<Option<(Vec<LogLine>, FilePosition)>> {
        let failed = |e| disk::failed("read", &look.path)(e);
        let path = look.path()?;
        let Some(mut followed) = self.follow(look)? else { return Ok(None) };
        let lines = loop {
            match followed.read(look.size, self.limits, &mut self.hole_bytes).map_err(failed)? {
                Progress::Lines(lines) => break Some(lines),
                Progress::Nothing => break None,
                Progress::Replaced => match self.begin(look, followed.into_content())? {
                    Some(anew) => followed = anew,
                    None => return Ok(None),
                },
            }
        };
        let batch = lines.map(|lines| (lines, followed.position(look, path)));
        self.open.insert(look.id, followed);
        Ok(batch)
    }

    /// The open file of `look`, at the place where reading goes on; `None` if there is nothing to read.
    fn follow(&mut self, look: &Look) -> Result<Option<Followed>> {
        let failed = |act| move |e| disk::failed(act, &look.path)(e);
        // A file of which nothing was read may be a copy that was not yet complete: it is looked at anew.
        if let Some(mut followed) = self.open.remove(&look.id).filter(Followed::is_begun) {
            if followed.is_still(look.size).map_err(failed("read"))? {
                return Ok(Some(followed));
            }
            return self.begin(look, followed.into_content());
        }
        let file = match File::open(&look.path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed("open")(e)),
        };
        if file_id(&file.metadata().map_err(failed("look at"))?) != look.id {
            return Ok(None);
        }
        match Codec::of(&read_plain(&file, 0, 8).map_err(failed("read"))?) {
            None => self.recognise(look, Content::Plain(file)),
            Some(_) if self.options.compressed == CompressedFiles::Read && look.may_be_under_way() => {
                self.under_way.insert(look.id);
                Ok(None)
            }
            Some(codec) if self.options.compressed == CompressedFiles::Read => {
                self.recognise(look, Content::compressed(file, codec).map_err(failed("read"))?)
            }
            Some(codec) => {
                self.skipped.add(look, file, codec, &self.positions);
                self.idle.insert(look.id, look.clone());
                Ok(None)
            }
        }
    }

    /// Begins a file that is another one than its inode held before.
    fn begin(&mut self, look: &Look, content: Content) -> Result<Option<Followed>> {
        let begun = Followed::new(content, look.size).map_err(disk::failed("read", &look.path))?;
        Ok(begun.map(|(mut followed, _)| {
            followed.begin(self.positions.next_generation(look.id));
            self.hole_bytes += followed.start();
            followed
        }))
    }

    /// Takes a file that was just opened for one that is known, or for a new one.
    fn recognise(&mut self, look: &Look, content: Content) -> Result<Option<Followed>> {
        let size = if content.is_compressed() { u64::MAX } else { look.size };
        let opened = Followed::new(content, size).map_err(disk::failed("read", &look.path))?;
        let Some((mut followed, head)) = opened else { return Ok(None) };
        let found = Candidate { path: look.path()?, id: look.id, size, start: followed.start(), head: &head };
        let is_there = |known: &FilePosition| self.present.contains(&known.id());
        let known = self.positions.find(&found, is_there, |tail| followed.has(tail).unwrap_or(false));
        let Some((likeness, position)) = known.map(|(likeness, position)| (likeness, position.clone())) else {
            if self.is_copy_under_way(look, &found) {
                self.under_way.insert(look.id);
                return Ok(None);
            }
            followed.begin(self.positions.next_generation(look.id));
            self.hole_bytes += followed.start();
            return Ok(Some(followed));
        };
        if likeness == Likeness::Copy {
            let (path, original, at) = (look.path.display(), &position.path, position.offset);
            tracing::info!("{path} holds what was read of {original} and is read on as its copy, from byte {at}");
        }
        let is_own = position.id() == look.id;
        let generation = if is_own { position.generation } else { self.positions.next_generation(look.id) };
        followed.go_on(&position, generation, !is_own);
        Ok(Some(followed))
    }

    /// Whether somebody may be copying a log into this file: it is called like its copy, it was written to just now,
    /// and all it holds is the beginning of a log that was read further.
    fn is_copy_under_way(&self, look: &Look, found: &Candidate<'_>) -> bool {
        look.may_be_under_way()
            && self.positions.iter().any(|known| {
                known.offset > found.size
                    && known.head.at == found.start
                    && is_rotated_name(&known.path, found.path)
                    && begins_with(known, found.head)
            })
    }

    /// Notes which files are gone, where it is time to; says what changed by it. Not while anything cannot be looked at.
    pub(crate) fn gone(&mut self) -> Vec<Moved> {
        if self.troubles.count() > 0 || self.noted.is_some_and(|noted| noted.elapsed() < NOTE_GONE) {
            return Vec::new();
        }
        self.noted = Some(Instant::now());
        let known = self.positions.iter().map(FilePosition::id);
        let is_there = |id: &FileId| self.present.contains(id) || self.open.contains_key(id) || self.skipped.keeps(id);
        let gone = Gone {
            files: known.filter(|id| !is_there(id)).collect(),
            now_s: jiff::Timestamp::now().as_second(),
            keep_s: i64::try_from(self.options.forget_after.as_secs()).unwrap_or(i64::MAX),
        };
        self.positions.note(&gone)
    }

    /// How far files were read, those that are gone included.
    pub(super) fn positions(&self) -> impl Iterator<Item = &FilePosition> {
        self.positions.iter()
    }

    /// Whether nothing of the last round has to be tried again: no file that cannot be read, no copy being made.
    pub(crate) fn is_settled(&self) -> bool {
        self.troubles.count() == 0 && self.under_way.is_empty()
    }

    /// Whether a copy is being made of which it cannot be told yet what it is.
    pub(crate) fn waits_for_copy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// How many files and directories could not be read in the last round.
    pub(crate) fn troubles(&self) -> usize {
        self.troubles.count()
    }

    /// Why the first file or directory could not be read in the last round.
    pub(crate) fn into_trouble(self) -> Option<Error> {
        self.troubles.into_first()
    }

    /// What was left or skipped, in words.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        if self.hole_bytes > 0 {
            notes.push(format!("{} NUL bytes of holes skipped", self.hole_bytes));
        }
        notes.extend(self.skipped.note());
        let unfinished = self.unfinished.values();
        notes.extend(
            unfinished
                .take(3)
                .map(|(path, bytes)| format!("{bytes} bytes of a last line without end in {}", path.display())),
        );
        if let Some(more) = self.unfinished.len().checked_sub(3).filter(|more| *more > 0) {
            notes.push(format!("{more} more files end without a newline"));
        }
        notes
    }
}

/// Whether the file of a position is still where it was and begins with these bytes.
fn begins_with(known: &FilePosition, head: &[u8]) -> bool {
    let check = || -> std::io::Result<bool> {
        let file = File::open(Path::new(&known.path))?;
        Ok(file_id(&file.metadata()?) == known.id() && read_plain(&file, known.head.at, head.len())? == head)
    };
    check().unwrap_or(false)
}
