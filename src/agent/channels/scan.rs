//! What a channel directory holds when it is opened, and the segment that is written to.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::cursor::Cursor;
use super::segment::{self, HEADER_BYTES, Next, SegmentReader};
use crate::agent::disk;
use crate::agent::position::Positions;
use crate::error::Result;
use crate::private;

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordLocation {
    pub segment: u64,
    pub at: u64,
    pub disk_bytes: u64,
}

/// What the segments of a channel hold from its cursor on.
pub(super) struct Scan {
    pub waiting: VecDeque<RecordLocation>,
    pub positions: Positions,
    /// The last segment and the end of its whole records.
    last: Option<(u64, u64)>,
    next: u64,
    pub torn_bytes: u64,
}

impl Scan {
    /// Reads the segments from the cursor on.
    pub(super) fn new(dir: &Path, cursor: &Cursor) -> Result<Self> {
        let mut found = Self {
            waiting: VecDeque::new(),
            positions: cursor.positions.clone(),
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
            if *first != expected {
                return Err(segment::corrupt(path, 0, &format!("is record {first}, but record {expected} is missing")));
            }
            found.scan_segment(*first, path, cursor.record, i + 1 == segments.len())?;
        }
        if found.next < cursor.record {
            // The target has more of this channel than its directory: a copy was restored. Begin behind it.
            found.last = None;
            found.next = cursor.record;
        }
        Ok(found)
    }

    fn scan_segment(&mut self, first: u64, path: &Path, cursor: u64, is_last: bool) -> Result<()> {
        let Some(mut reader) = SegmentReader::open(path, first)? else {
            return if is_last { Ok(()) } else { Err(segment::corrupt(path, 0, "is cut short")) };
        };
        let (mut at, mut number) = (HEADER_BYTES as u64, first);
        loop {
            match reader.next()? {
                Next::Record(record) => {
                    if record.number >= cursor {
                        let disk_bytes = record.disk_bytes;
                        self.waiting.push_back(RecordLocation { segment: first, at, disk_bytes });
                        self.positions.put(record.batch.after);
                    }
                    at += record.disk_bytes;
                    number += 1;
                }
                Next::Torn { bytes } if is_last => {
                    self.torn_bytes = bytes;
                    break;
                }
                Next::Torn { .. } => return Err(segment::corrupt(path, at, "does not check")),
                Next::End => break,
            }
        }
        self.last = Some((first, at));
        self.next = number;
        Ok(())
    }

    /// Cuts off what is torn and goes on behind the last record.
    pub(super) fn writer(&self, dir: &Path) -> Result<Writer> {
        match self.last {
            Some((segment, at)) => {
                let path = dir.join(segment::file_name(segment));
                let open = || -> std::io::Result<File> {
                    let mut file = OpenOptions::new().write(true).open(&path)?;
                    file.set_len(at)?;
                    file.sync_all()?;
                    file.seek(SeekFrom::Start(at))?;
                    Ok(file)
                };
                let file = open().map_err(disk::failed("open", &path))?;
                Ok(Writer { file, segment, at, next: self.next, broken: false })
            }
            None => Writer::create(dir, self.next),
        }
    }
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Writer {
    pub file: File,
    /// The number of its first record.
    pub segment: u64,
    /// Where the next record goes.
    pub at: u64,
    /// The number of the next record.
    pub next: u64,
    /// A write failed half-way, so that nothing can follow it.
    pub broken: bool,
}

impl Writer {
    /// Begins the segment whose first record is `first`.
    pub(super) fn create(dir: &Path, first: u64) -> Result<Self> {
        let path = dir.join(segment::file_name(first));
        let create = || -> std::io::Result<File> {
            let mut file = private::create(&path)?;
            file.write_all(&segment::header(first))?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(disk::failed("create", &path))?;
        disk::sync_dir(dir)?;
        Ok(Self { file, segment: first, at: HEADER_BYTES as u64, next: first, broken: false })
    }
}
