//! What a channel directory holds when it is opened, and the segment that is written to.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::head::{self, Form};
use super::index::{Index, RecordSize};
use super::record::Version;
use super::seal::Keyring;
use super::segment::{self, Next, SegmentReader};
use crate::agent::disk;
use crate::agent::position::Positions;
use crate::error::Result;
use crate::private;

/// Where a record lies.
#[derive(Clone, Debug)]
pub(super) struct RecordLocation {
    pub segment: u64,
    pub at: u64,
    pub size: RecordSize,
    pub form: Form,
}

/// Whether records may be missing between others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gaps {
    Refused,
    /// They were in memory, and what is known of such a gap already.
    Known(Option<Gap>),
}

/// Records that were in memory and are lost, and those that follow them on the disk: their sources may be read again from
/// before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Gap {
    /// The first record that is missing.
    pub from: u64,
    /// The first that was put after that was found out.
    pub until: u64,
}

impl Gap {
    fn holds(&self, number: u64) -> bool {
        (self.from..self.until).contains(&number)
    }
}

/// What the segments of a channel hold from its cursor on.
pub(super) struct Scan {
    /// Records with their numbers.
    pub waiting: VecDeque<(u64, RecordLocation)>,
    /// How far the sources behind all records were read, but for those of the gap.
    pub positions: Positions,
    pub gap: Option<Gap>,
    last: Option<LastSegment>,
    /// The number of the next record.
    pub next: u64,
    pub torn_bytes: u64,
}

/// The last segment: its first record, where its whole records end, and what its index will hold.
struct LastSegment {
    first: u64,
    end: u64,
    form: Form,
    sizes: Vec<RecordSize>,
}

impl Scan {
    /// Reads the segments from the cursor on: of those that are complete only the index.
    ///
    /// # Errors
    /// Data: it is corrupt. Config: a key of it is missing, or another one.
    pub(super) fn new(dir: &Path, cursor: &Cursor, keys: &Keyring, gaps: Gaps) -> Result<Self> {
        let known = if let Gaps::Known(known) = gaps { known } else { None };
        let mut found = Self {
            waiting: VecDeque::new(),
            positions: cursor.positions.clone(),
            gap: known.filter(|gap| gap.until > cursor.record),
            last: None,
            next: cursor.record,
            torn_bytes: 0,
        };
        let segments = segment::list(dir)?;
        // The last segment that begins at or before the cursor holds it, those before are done with.
        let start = segments.iter().rposition(|(first, _)| *first <= cursor.record);
        let segments = segments.get(start.unwrap_or(0)..).unwrap_or_default();
        for (i, (first, path)) in segments.iter().enumerate() {
            let expected = if i == 0 { (*first).min(cursor.record) } else { found.next };
            if *first > expected && gaps != Gaps::Refused {
                let lost = expected.max(cursor.record);
                if lost < *first && !found.is_of_gap(lost) {
                    found.gap = Some(Gap { from: lost, until: u64::MAX });
                }
            } else if *first != expected {
                return Err(segment::corrupt(path, 0, &format!("is record {first}, but record {expected} is missing")));
            }
            let following = segments.get(i + 1).map(|(first, _)| *first);
            match (Index::read(path)?, head::of_file(path, *first, keys)?) {
                (Some(index), Some(form)) if following.is_some() => {
                    found.add_complete(*first, index, cursor.record, &form);
                }
                _ => found.scan_segment(*first, path, cursor.record, following, keys)?,
            }
        }
        if found.next < cursor.record {
            // The target has more of this channel than its directory: a copy was restored. Begin behind it.
            found.last = None;
            found.next = cursor.record;
        }
        if let Some(gap) = &mut found.gap {
            gap.until = gap.until.min(found.next);
        }
        Ok(found)
    }

    /// Whether a record follows what is lost, and was put before that was known.
    pub(super) fn is_of_gap(&self, number: u64) -> bool {
        self.gap.is_some_and(|gap| gap.holds(number))
    }

    /// Adds a complete segment by its index.
    fn add_complete(&mut self, first: u64, index: Index, cursor: u64, form: &Form) {
        let (mut at, mut number) = (form.head_bytes() as u64, first);
        for size in index.sizes {
            if number >= cursor {
                self.waiting.push_back((number, RecordLocation { segment: first, at, size, form: form.clone() }));
            }
            at += u64::from(size.disk_bytes);
            number += 1;
        }
        if number > cursor && !self.is_of_gap(first) {
            self.positions = index.positions;
        }
        self.next = number;
        self.last = None;
    }

    /// Reads a segment; `following` is the first record of the one behind it.
    fn scan_segment(
        &mut self,
        first: u64,
        path: &Path,
        cursor: u64,
        following: Option<u64>,
        keys: &Keyring,
    ) -> Result<()> {
        let Some(mut reader) = SegmentReader::open(path, first, keys)? else {
            self.last = None;
            return match following {
                None => Ok(()),
                Some(_) => Err(segment::corrupt(path, 0, "is cut short")),
            };
        };
        let form = reader.form().clone();
        let mut last = LastSegment { first, end: form.head_bytes() as u64, form, sizes: Vec::new() };
        loop {
            match reader.next()? {
                Next::Record(record) => {
                    let size = record.size();
                    if record.number >= cursor {
                        let (at, form) = (last.end, last.form.clone());
                        self.waiting.push_back((record.number, RecordLocation { segment: first, at, size, form }));
                        if !self.is_of_gap(record.number) {
                            self.positions.advance(record.batch.after);
                        }
                    }
                    last.end += u64::from(size.disk_bytes);
                    last.sizes.push(size);
                }
                Next::Torn { bytes } if following.is_none() => {
                    self.torn_bytes = bytes;
                    break;
                }
                // No record is missing up to the next segment: what does not check is the index.
                Next::Torn { .. } if following == Some(first + last.sizes.len() as u64) => break,
                Next::Torn { .. } => return Err(segment::corrupt(path, last.end, "does not check")),
                Next::End => break,
            }
        }
        self.next = first + last.sizes.len() as u64;
        self.last = Some(last);
        Ok(())
    }

    /// Cuts off what is torn, and goes on behind the last record where that can be done.
    pub(super) fn resume(&mut self, dir: &Path, keys: &Keyring) -> Result<Option<Writer>> {
        let Some(LastSegment { first, end, form, sizes }) = self.last.take() else { return Ok(None) };
        let path = dir.join(segment::file_name(first));
        let cut = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(end)?;
            file.sync_all()?;
            file.seek(SeekFrom::Start(end))?;
            Ok(file)
        };
        let file = cut().map_err(disk::failed("open", &path))?;
        // A segment of an earlier version is not gone on with, nor one that is encrypted: of what was cut off somebody may
        // have a copy, and its number must not be a nonce again. One without a record makes room for its successor.
        if form.version == Version::Lines || form.seal.is_some() || keys.active().is_some() {
            return Ok(None);
        }
        Ok(Some(Writer { file, form, segment: first, at: end, next: self.next, sizes }))
    }
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Writer {
    pub file: File,
    pub form: Form,
    /// The number of its first record.
    pub segment: u64,
    /// Where the next record goes.
    pub at: u64,
    /// The number of the next record.
    pub next: u64,
    /// Its records.
    pub sizes: Vec<RecordSize>,
}

impl Writer {
    /// Begins the segment whose first record is `first`.
    pub(super) fn create(dir: &Path, first: u64, keys: &Keyring) -> Result<Self> {
        let path = dir.join(segment::file_name(first));
        let (head, form) = head::new(first, keys)?;
        let create = || -> std::io::Result<File> {
            let mut file = private::create(&path)?;
            file.write_all(&head)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(disk::failed("create", &path))?;
        disk::sync_dir(dir)?;
        Ok(Self { file, form, segment: first, at: head.len() as u64, next: first, sizes: Vec::new() })
    }

    /// Completes the segment with its index; what was written is durable afterwards.
    pub(super) fn complete(&mut self, dir: &Path, positions: &Positions) -> Result<()> {
        let path = dir.join(segment::file_name(self.segment));
        let index = Index { sizes: std::mem::take(&mut self.sizes), positions: positions.clone() };
        let bytes = index.encode(self.at)?;
        let write = |file: &mut File| file.write_all(&bytes).and_then(|()| file.sync_data());
        write(&mut self.file).map_err(disk::failed("write", &path))
    }
}
