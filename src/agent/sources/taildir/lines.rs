//! Complete lines out of a growing file, in bounded memory.
//!
//! A line ends with a newline; a carriage return before it is dropped. What has no newline yet is not a line and is
//! left where it is, also when the agent drains: its writer may be in the middle of it.
//!
//! NUL bytes are a hole, never text: a writer that goes on at its old place after `copytruncate` leaves one in front
//! of its next line, a machine that lost its power one in the middle. A hole is skipped and counted once something
//! follows it; what stands before it without an end is a torn line.

use std::io::{self, BufRead};

use bytes::Bytes;

use super::content::Content;

/// One line of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// Where the line begins in its file, in bytes.
    pub offset: u64,
    /// The line without its end; only the first part of it where the line was longer than the source allows.
    pub body: Bytes,
    /// The length of the line in its file, without its end; more than the body's says that the body was cut.
    pub line_bytes: u64,
    /// It has no end of its own: a hole of NUL bytes follows it, where a writer left off.
    pub torn: bool,
}

impl LogLine {
    /// Whether the line was too long and only its first part is here.
    pub(super) fn is_cut(&self) -> bool {
        self.line_bytes > self.body.len() as u64
    }
}

/// The bounds of one read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadLimits {
    /// Lines of a batch.
    pub max_lines: usize,
    /// Bytes of a batch; at least one line is read however long.
    pub max_bytes: usize,
    /// Bytes of a line that are kept; a longer one is cut.
    pub max_line_bytes: usize,
}

/// What one read found.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub lines: Vec<LogLine>,
    /// Where reading goes on: the offset, where nothing was found.
    pub after: u64,
    /// NUL bytes that were skipped.
    pub hole_bytes: u64,
}

/// Reads complete lines from `offset` on, not beyond `end`.
///
/// `searched` remembers how far the end of an endless line was looked for already.
pub(super) fn read(
    content: &mut Content,
    offset: u64,
    end: u64,
    searched: &mut u64,
    limits: ReadLimits,
) -> io::Result<Lines> {
    let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX);
    // One byte more than a line that is kept whole, and its end, so that a longer one is known.
    let chunk = Bytes::from(content.read_at(offset, wanted.min(limits.max_bytes.max(limits.max_line_bytes + 2)))?);
    let mut found = Lines { after: offset, ..Lines::default() };
    let mut rest = &chunk[..];
    let has_holes = rest.contains(&0);
    while found.lines.len() < limits.max_lines
        && let Some(length) = newline(rest)
    {
        let line = &rest[..length];
        if has_holes && line.contains(&0) {
            found.split_at_holes(&chunk, line, limits.max_line_bytes);
        } else {
            found.lines.push(whole(found.after, &chunk, line, length as u64, limits.max_line_bytes));
        }
        rest = &rest[length + 1..];
        found.after += length as u64 + 1;
    }
    if found.after == offset && !rest.is_empty() {
        found.read_long(content, &chunk, rest, end, searched, limits)?;
    }
    Ok(found)
}

impl Lines {
    /// Takes apart the bytes up to a newline, with holes among them: torn lines, and the one that the newline ends.
    fn split_at_holes(&mut self, chunk: &Bytes, bytes: &[u8], max_line_bytes: usize) {
        let mut at = 0;
        for piece in bytes.split(|byte| *byte == 0) {
            let is_last = at + piece.len() == bytes.len();
            if !piece.is_empty() {
                let mut line = whole(self.after + at as u64, chunk, piece, piece.len() as u64, max_line_bytes);
                line.torn = !is_last;
                self.lines.push(line);
            }
            at += piece.len() + 1;
        }
        self.hole_bytes += bytes.iter().filter(|byte| **byte == 0).count() as u64;
    }

    /// Reads where a piece as large as is read at once, `rest`, holds no newline: a hole, or a line that is too long.
    fn read_long(
        &mut self,
        content: &mut Content,
        chunk: &Bytes,
        rest: &[u8],
        end: u64,
        searched: &mut u64,
        limits: ReadLimits,
    ) -> io::Result<()> {
        let offset = self.after;
        if let Some(hole) = rest.iter().position(|byte| *byte == 0) {
            let hole_at = offset + hole as u64;
            // Looked for anew each time: a writer may fill a file that it made larger before.
            let Some(data_at) = content.first_data(hole_at, end)? else { return Ok(()) };
            if hole > 0 {
                let torn = whole(offset, chunk, &rest[..hole], hole as u64, limits.max_line_bytes);
                self.lines.push(LogLine { torn: true, ..torn });
            }
            self.hole_bytes += data_at - hole_at;
            // A newline there ends what the hole cut off.
            self.after = data_at + u64::from(content.read_at(data_at, 1)? == b"\n");
        } else if rest.len() > limits.max_line_bytes + 1 {
            let from = (offset + rest.len() as u64).max(*searched);
            match find_end(content, from, end)? {
                Some((end_at, is_hole)) => {
                    let cut = whole(offset, chunk, rest, end_at - offset, limits.max_line_bytes);
                    self.lines.push(LogLine { torn: is_hole, ..cut });
                    self.after = end_at + u64::from(!is_hole);
                }
                None => *searched = end,
            }
        }
        Ok(())
    }
}

/// The line at `at`, of which `line`, a piece of `chunk`, is at least the part that is kept.
fn whole(at: u64, chunk: &Bytes, line: &[u8], mut line_bytes: u64, max_line_bytes: usize) -> LogLine {
    let mut body = &line[..line.len().min(usize::try_from(line_bytes).unwrap_or(usize::MAX))];
    if line_bytes == body.len() as u64
        && let Some(without) = body.strip_suffix(b"\r")
    {
        body = without;
        line_bytes -= 1;
    }
    let body = chunk.slice_ref(&body[..body.len().min(max_line_bytes)]);
    LogLine { offset: at, body, line_bytes, torn: false }
}

/// Where the first newline is; the standard library's search is quick in a debug build, too.
fn newline(mut bytes: &[u8]) -> Option<usize> {
    let all = bytes;
    let through = bytes.skip_until(b'\n').ok()?;
    all[..through].ends_with(b"\n").then(|| through - 1)
}

/// Where a line ends that goes on at `from`, before `end`, and whether a hole ends it.
fn find_end(content: &mut Content, mut from: u64, end: u64) -> io::Result<Option<(u64, bool)>> {
    while from < end {
        let chunk = content.read_at(from, usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 20))?;
        if chunk.is_empty() {
            break;
        }
        if let Some(at) = chunk.iter().position(|byte| matches!(byte, b'\n' | 0)) {
            return Ok(Some((from + at as u64, chunk[at] == 0)));
        }
        from += chunk.len() as u64;
    }
    Ok(None)
}
