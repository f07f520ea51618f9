//! An open log file, and how far it was read.

use std::fs::File;
use std::io;

use super::content::Content;
use super::fingerprint::{Fingerprint, HEAD_BYTES, TAIL_BYTES};
use super::lines::{self, LogLine, ReadLimits};
use super::look::Look;
use super::position::FilePosition;

/// Bytes that are read at once on the way back from the end of a file.
const BACK_BYTES: u64 = 64 << 10;

/// A file that is open.
#[derive(Debug)]
pub(super) struct Followed {
    content: Content,
    /// Where its data begins: behind the hole that a truncated file may begin with.
    start: u64,
    pub offset: u64,
    /// Which file of its inode it is.
    generation: u32,
    /// It was known by another inode or device; its position is put under its own, even if there are no new lines.
    adopted: bool,
    /// What the file begins with as long as it is this file.
    head: Fingerprint,
    /// What stands before the offset.
    tail: Option<Fingerprint>,
    /// How far the end of an endless line was looked for.
    searched: u64,
}

/// What came of reading a file on.
#[derive(Debug)]
pub(super) enum Progress {
    /// These lines, which may be none where only the position moved.
    Lines(Vec<LogLine>),
    /// Nothing new is complete.
    Nothing,
    /// It is another file now: truncated, or written anew.
    Replaced,
}

impl Followed {
    /// A file of which nothing was read, and its first bytes; `None` while it holds nothing but NUL bytes.
    pub(super) fn new(mut content: Content, size: u64) -> io::Result<Option<(Self, Vec<u8>)>> {
        let Some(start) = content.first_data(0, size)? else { return Ok(None) };
        let head = content.read_at(start, HEAD_BYTES)?;
        let followed = Self {
            content,
            start,
            offset: start,
            generation: 0,
            adopted: false,
            head: Fingerprint::head(&[], start, start),
            tail: None,
            searched: 0,
        };
        Ok(Some((followed, head)))
    }

    /// The open file, to be begun anew.
    pub(super) fn into_content(self) -> Content {
        self.content
    }

    /// Counts the file as the next one of its inode.
    pub(super) fn begin(&mut self, generation: u32) {
        self.generation = generation;
    }

    /// Goes on where a position says, under the generation that the file has now.
    pub(super) fn go_on(&mut self, position: &FilePosition, generation: u32, adopted: bool) {
        (self.offset, self.generation, self.adopted) = (position.offset, generation, adopted);
        (self.head, self.tail) = (position.head.clone(), position.tail.clone());
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Goes on at an offset up to which others read the file.
    pub(super) fn stand_at(&mut self, offset: u64) -> io::Result<()> {
        let head = self.content.read_at(self.start, HEAD_BYTES)?;
        self.tail = self.tail_before(offset)?;
        self.head = Fingerprint::head(&head, self.start, offset);
        self.offset = offset;
        Ok(())
    }

    /// Where the last complete line before `size` ends.
    pub(super) fn end_of_lines(&mut self, size: u64) -> io::Result<u64> {
        let mut end = size;
        while end > self.start {
            let from = end.saturating_sub(BACK_BYTES).max(self.start);
            let piece = self.content.read_at(from, usize::try_from(end - from).unwrap_or(usize::MAX))?;
            if let Some(at) = memchr::memrchr(b'\n', &piece) {
                return Ok(from + at as u64 + 1);
            }
            end = from;
        }
        Ok(self.start)
    }

    /// Whether the file has these bytes.
    pub(super) fn has(&mut self, fingerprint: &Fingerprint) -> io::Result<bool> {
        Ok(fingerprint.matches(&self.content.read_at(fingerprint.at, fingerprint.len)?))
    }

    /// Whether anything of it was read.
    pub(super) fn is_begun(&self) -> bool {
        self.offset > self.start || self.adopted
    }

    /// Whether it is still the file it was when it was read, by its length now and its first bytes.
    pub(super) fn is_still(&mut self, size: u64) -> io::Result<bool> {
        if self.content.is_compressed() {
            // Its length says nothing about that of the log, and nobody writes to it.
            return Ok(true);
        }
        if size < self.offset {
            return Ok(false);
        }
        Ok(size == self.offset || self.head.matches(&self.content.read_at(self.start, HEAD_BYTES)?))
    }

    /// Reads on, not beyond `size`; counts the NUL bytes skipped.
    pub(super) fn read(&mut self, size: u64, limits: ReadLimits, hole_bytes: &mut u64) -> io::Result<Progress> {
        let size = if self.content.is_compressed() { u64::MAX } else { size };
        loop {
            if std::mem::take(&mut self.adopted) {
                return Ok(Progress::Lines(Vec::new()));
            }
            if self.offset.max(self.searched) >= size {
                return Ok(Progress::Nothing);
            }
            let found = lines::read(&mut self.content, self.offset, size, &mut self.searched, limits)?;
            let tail = self.tail_before(found.after)?;
            // Looked at last: had the file been truncated while it was read, its beginning would be another.
            let head = self.content.read_at(self.start, HEAD_BYTES)?;
            if !self.head.matches(&head) {
                return Ok(Progress::Replaced);
            }
            if found.after == self.offset {
                return Ok(Progress::Nothing);
            }
            (self.offset, self.tail) = (found.after, tail);
            self.head = Fingerprint::head(&head, self.start, self.offset);
            *hole_bytes += found.hole_bytes;
            if !found.lines.is_empty() {
                return Ok(Progress::Lines(found.lines));
            }
        }
    }

    /// The fingerprint of the bytes before an offset, where the head does not cover them.
    fn tail_before(&mut self, offset: u64) -> io::Result<Option<Fingerprint>> {
        if offset - self.start <= HEAD_BYTES as u64 {
            return Ok(None);
        }
        let at = offset - TAIL_BYTES as u64;
        Ok(Some(Fingerprint::new(&self.content.read_at(at, TAIL_BYTES)?, at)))
    }

    /// Where reading goes on.
    pub(super) fn position(&self, look: &Look, path: &str) -> FilePosition {
        FilePosition {
            path: path.to_owned(),
            device: look.id.device,
            inode: look.id.inode,
            generation: self.generation,
            head: self.head.clone(),
            tail: self.tail.clone(),
            offset: self.offset,
            gone_s: None,
        }
    }

    /// The file itself, where it is not compressed.
    pub(super) fn file(&self) -> Option<&File> {
        match &self.content {
            Content::Plain(file) => Some(file),
            Content::Compressed(_) => None,
        }
    }
}
