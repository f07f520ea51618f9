//! The file that is read: bytes at an offset, a reader over them, and the search for a marker.

use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::error::{self, Error, Result};

/// A file that is read at any offset. Calls block; a caller whose storage is asynchronous bridges.
pub trait RangeRead: Send + Sync {
    /// Length of the file.
    fn len_bytes(&self) -> u64;

    /// Reads exactly `len` bytes at `offset`; never asked for bytes beyond the end.
    ///
    /// # Errors
    /// Of the storage.
    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes>;
}

impl RangeRead for Bytes {
    fn len_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(len);
        if end > self.len() {
            return Err(error::bug(format!("read of {len} bytes at {offset} goes beyond the end")));
        }
        Ok(self.slice(start..end))
    }
}

/// A file to be decoded: its bytes, and its name for errors.
#[derive(Clone)]
pub struct Input {
    name: Arc<str>,
    bytes: Arc<dyn RangeRead>,
    /// What the storage said, kept aside while it passes through readers that know `io::Error` only.
    failure: Arc<Mutex<Option<Error>>>,
}

impl Input {
    /// Names the bytes of a file.
    pub fn new(name: impl Into<Arc<str>>, bytes: Arc<dyn RangeRead>) -> Self {
        Self { name: name.into(), bytes, failure: Arc::default() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of the file.
    pub fn len_bytes(&self) -> u64 {
        self.bytes.len_bytes()
    }

    /// Reads exactly `len` bytes at `offset`.
    ///
    /// # Errors
    /// Data: the file is shorter. Otherwise of the storage.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len_bytes()) {
            return Err(self.damaged(offset, "the file ends too early"));
        }
        let bytes = self.bytes.read_at(offset, len).map_err(|e| e.context(format!("read {}", self.name)))?;
        if bytes.len() != len {
            return Err(error::bug(format!("{}: asked for {len} bytes, got {}", self.name, bytes.len())));
        }
        Ok(bytes)
    }

    /// A reader of a range.
    pub(super) fn reader(&self, range: Range<u64>) -> InputReader {
        InputReader { input: self.clone(), at: range.start, end: range.end.min(self.len_bytes()), buffer: Bytes::new() }
    }

    /// The range meant, within the file.
    pub(super) fn range(&self, range: Option<Range<u64>>) -> Range<u64> {
        let len = self.len_bytes();
        range.map_or(0..len, |range| range.start.min(len)..range.end.min(len))
    }

    /// An error of the contents at a place.
    pub(super) fn damaged(&self, offset: u64, what: impl std::fmt::Display) -> Error {
        error::data(format!("{}: at byte {offset}: {what}", self.name))
    }

    /// Keeps an error aside, see [`Input::explain`].
    pub(super) fn remember(&self, failure: Error) -> io::Error {
        let text = failure.to_string();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        io::Error::other(text)
    }

    /// What the storage said, if it was the storage; else an error of the contents near a place.
    pub(super) fn explain(&self, offset: u64, error: impl std::error::Error) -> Error {
        self.kept().unwrap_or_else(|| self.damaged(offset, error))
    }

    /// What was kept aside, if anything.
    pub(super) fn kept(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where `marker` first begins at or behind `range.start` and before `range.end`.
    pub(super) fn find(&self, marker: &[u8], range: Range<u64>) -> Result<Option<u64>> {
        const WINDOW: usize = 256 << 10;
        let mut at = range.start;
        while at < range.end {
            let left = self.len_bytes() - at;
            let window = self.read_at(at, left.min((WINDOW + marker.len() - 1) as u64) as usize)?;
            let found = window.windows(marker.len()).take(WINDOW).position(|bytes| bytes == marker);
            if let Some(found) = found {
                let found = at + found as u64;
                return Ok((found < range.end).then_some(found));
            }
            at += WINDOW as u64;
        }
        Ok(None)
    }
}

/// Bytes fetched at once.
const FETCH_BYTES: u64 = 512 << 10;

/// Reads a range of an input from its beginning to its end.
pub(super) struct InputReader {
    input: Input,
    at: u64,
    end: u64,
    buffer: Bytes,
}

impl InputReader {
    /// Offset in the file of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.at - self.buffer.len() as u64
    }
}

/// What `read` gives of a reader that has its bytes in a buffer.
pub(super) fn read_buffered(reader: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let bytes = reader.fill_buf()?;
    let now = bytes.len().min(buffer.len());
    buffer[..now].copy_from_slice(&bytes[..now]);
    reader.consume(now);
    Ok(now)
}

impl BufRead for InputReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffer.is_empty() && self.at < self.end {
            let len = (self.end - self.at).min(FETCH_BYTES);
            self.buffer = self.input.read_at(self.at, len as usize).map_err(|e| self.input.remember(e))?;
            self.at += len;
        }
        Ok(&self.buffer)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.buffer.split_to(amount.min(self.buffer.len()));
    }
}

impl Read for InputReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
