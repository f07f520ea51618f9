//! Complete lines out of a growing file, in bounded memory.
//!
//! A line ends with a newline; a carriage return before it is dropped. What has no newline yet is not a line and is
//! left where it is, also when the agent drains: its writer may be in the middle of it.

use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use crate::agent::event::Event;

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

/// Reads complete lines of `file` from `offset` on, not beyond `end`; gives them and the offset after them.
///
/// `searched` remembers how far the end of an endless line was looked for already.
pub(super) fn read(
    file: &File,
    offset: u64,
    end: u64,
    searched: &mut u64,
    limits: ReadLimits,
) -> io::Result<(Vec<Event>, u64)> {
    let mut events = Vec::new();
    let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX);
    // One byte more than a line that is kept whole, and its end, so that a longer one is known.
    let chunk = read_at(file, offset, wanted.min(limits.max_bytes.max(limits.max_line_bytes + 2)))?;
    let mut rest = chunk.as_slice();
    let mut at = offset;
    while events.len() < limits.max_lines
        && let Some(length) = newline(rest)
    {
        events.push(event(at, &rest[..length], length as u64, limits.max_line_bytes));
        rest = &rest[length + 1..];
        at += length as u64 + 1;
    }
    if events.is_empty() && rest.len() > limits.max_line_bytes + 1 {
        let from = (offset + rest.len() as u64).max(*searched);
        if let Some(newline_at) = find_newline(file, from, end)? {
            events.push(event(offset, rest, newline_at - offset, limits.max_line_bytes));
            at = newline_at + 1;
        } else {
            *searched = end;
        }
    }
    Ok((events, at))
}

/// The event of the line at `at`, of which `line` is at least the part that is kept.
fn event(at: u64, line: &[u8], mut line_bytes: u64, max_line_bytes: usize) -> Event {
    let mut body = &line[..line.len().min(usize::try_from(line_bytes).unwrap_or(usize::MAX))];
    if line_bytes == body.len() as u64
        && let Some(without) = body.strip_suffix(b"\r")
    {
        body = without;
        line_bytes -= 1;
    }
    Event { offset: at, body: Bytes::copy_from_slice(&body[..body.len().min(max_line_bytes)]), line_bytes }
}

/// Where the first newline is; the standard library's search is quick in a debug build, too.
fn newline(mut bytes: &[u8]) -> Option<usize> {
    let all = bytes;
    let through = bytes.skip_until(b'\n').ok()?;
    all[..through].ends_with(b"\n").then(|| through - 1)
}

/// Reads `wanted` bytes, or fewer at the end of the file.
pub(super) fn read_at(file: &File, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Where the first newline from `from` on is, before `end`.
fn find_newline(file: &File, mut from: u64, end: u64) -> io::Result<Option<u64>> {
    while from < end {
        let chunk = read_at(file, from, usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 20))?;
        if chunk.is_empty() {
            break;
        }
        if let Some(i) = newline(&chunk) {
            return Ok(Some(from + i as u64));
        }
        from += chunk.len() as u64;
    }
    Ok(None)
}
