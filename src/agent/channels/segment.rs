//! One file of the channel: a header and records, each checked by a CRC-32, written once and never changed.
//!
//! ```text
//! segment   head ([`head`](super::head))  records
//! record    length u32  crc u32  payload                      crc over length and payload
//! payload   number u64  batch ([`record`](super::record))
//! sealed    number u64  again u32  sealed batch  tag          payload of an encrypted segment ([`seal`](super::seal))
//! ```
//!
//! Segments of version 1, which held lines and not events, are read and not written to. All numbers are little endian.
//!
//! A source waits until its record is durable, so only records of the last sync can be torn, and a crash of the process
//! tears the last one alone. Anything else that does not check is corrupt, and said to be so, never skipped unasked
//! ([`damage`](super::damage)). A machine
//! that loses its power while several sources put at once may keep a later record of one sync and not an earlier one;
//! that is said to be corrupt as well.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::damage::Stretch;
use super::head::{self, Form};
use super::index::{self, RecordSize};
use super::record::{self, Version};
use super::scan::RecordLocation;
use super::seal::{Keyring, Place, TAG_BYTES};
use crate::agent::disk;
use crate::agent::event::Batch;
use crate::agent::position::{self, Advance};
use crate::error::{self, Error, Result};

/// Length and crc.
const FRAME_BYTES: usize = 8;
const NUMBER_BYTES: usize = 8;
/// What a sealed record has before its batch beside frame and number.
const AGAIN_BYTES: usize = 4;

/// A record as it lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number; the channel counts on from 0 without a gap.
    pub number: u64,
    /// What was put.
    pub batch: Batch,
    /// Bytes it takes on disk.
    disk_bytes: u32,
}

impl Record {
    /// How large it is.
    pub(super) fn size(&self) -> RecordSize {
        // A record's length is a u32, and an event takes more than a byte of it.
        RecordSize { disk_bytes: self.disk_bytes, events: self.batch.events.len() as u32 }
    }
}

/// The name of the segment that begins with record `first`.
pub(super) fn file_name(first: u64) -> String {
    format!("segment-{first:020}.log")
}

/// The number of the first record of the segment in a file of this name; `None` if the file is not a segment.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_prefix("segment-")?.strip_suffix(".log")?.parse().ok()
}

/// The segments in `dir`: number of the first record and path, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(disk::failed("list", dir))? {
        let path = entry.map_err(disk::failed("list", dir))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if let Some(first) = number(name) {
            found.push((first, path));
        }
    }
    found.sort();
    Ok(found)
}

/// A batch ready to be written: all of a record but its number, and what encrypts it.
pub(super) struct Encoded {
    bytes: Vec<u8>,
    /// Where the batch begins.
    batch: usize,
}

impl Encoded {
    /// For a segment that is encrypted, or is not.
    ///
    /// # Errors
    /// Data: the batch is larger than a record can be.
    pub(super) fn new(batch: &Batch, is_sealed: bool) -> Result<Self> {
        let (before, behind) = if is_sealed { (AGAIN_BYTES, TAG_BYTES) } else { (0, 0) };
        let before = FRAME_BYTES + NUMBER_BYTES + before;
        let mut bytes = Vec::with_capacity(before + record::size(batch) + behind);
        bytes.resize(before, 0);
        record::encode(batch, &mut bytes)?;
        bytes.resize(bytes.len() + behind, 0);
        u32::try_from(bytes.len()).map_err(|_| record::too_large(batch))?;
        Ok(Self { bytes, batch: before })
    }

    /// Bytes it takes on disk.
    pub(super) fn disk_bytes(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// The record at this place of its segment, frame and all.
    ///
    /// # Errors
    /// Bug: it cannot be encrypted, or was made for a segment of the other kind.
    pub(super) fn at(mut self, place: Place, form: &Form) -> Result<Vec<u8>> {
        let length = (self.disk_bytes() - FRAME_BYTES as u32).to_le_bytes();
        self.bytes[..4].copy_from_slice(&length);
        self.bytes[FRAME_BYTES..FRAME_BYTES + NUMBER_BYTES].copy_from_slice(&place.number.to_le_bytes());
        let is_sealed = self.batch > FRAME_BYTES + NUMBER_BYTES;
        match &form.seal {
            Some(seal) if is_sealed => {
                self.bytes[self.batch - AGAIN_BYTES..self.batch].copy_from_slice(&place.again.to_le_bytes());
                let bound = bound(&self.bytes);
                let end = self.bytes.len() - TAG_BYTES;
                let (rest, tag) = self.bytes.split_at_mut(end);
                tag.copy_from_slice(&seal.close(place, &bound, &mut rest[self.batch..])?);
            }
            None if !is_sealed => {}
            _ => return Err(error::bug("a record was made for a segment of another kind")),
        }
        let crc = crc(length, &self.bytes[FRAME_BYTES..]);
        self.bytes[4..FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
        Ok(self.bytes)
    }
}

/// What a sealed record is bound to: its length, its number, and how often there was one of it.
fn bound(record: &[u8]) -> [u8; 4 + NUMBER_BYTES + AGAIN_BYTES] {
    let mut bound = [0; 4 + NUMBER_BYTES + AGAIN_BYTES];
    bound[..4].copy_from_slice(&record[..4]);
    bound[4..].copy_from_slice(&record[FRAME_BYTES..FRAME_BYTES + NUMBER_BYTES + AGAIN_BYTES]);
    bound
}

/// The checksum of a record.
pub(super) fn crc(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(payload);
    crc.finalize()
}

/// Where the record `number` at `at` ends; `None` if it is not whole there, or does not match its CRC.
pub(super) fn framed(bytes: &[u8], at: usize, number: u64) -> Option<usize> {
    let length = record::read_u32(bytes, at)?;
    let payload_at = at + FRAME_BYTES;
    let end = payload_at.checked_add(length as usize)?;
    let payload = bytes.get(payload_at..end)?;
    let is_it = record::read_u64(payload, 0)? == number;
    (is_it && record::read_u32(bytes, at + 4)? == crc(length.to_le_bytes(), payload)).then_some(end)
}

/// Decodes the record `number` at `at`, or `None` if no such record is whole there.
fn decode(form: &Form, bytes: &Bytes, at: usize, number: u64) -> Option<Record> {
    let end = framed(bytes, at, number)?;
    let batch_at = at + FRAME_BYTES + NUMBER_BYTES;
    let batch = match &form.seal {
        None => bytes.slice(batch_at..end),
        Some(seal) => {
            let again = record::read_u32(bytes, batch_at)?;
            let mut sealed = bytes.get(batch_at + AGAIN_BYTES..end)?.to_vec();
            let opens = seal.open(Place { number, again }, &bound(&bytes[at..end]), &mut sealed);
            Bytes::from(opens.then_some(sealed)?)
        }
    };
    let batch = record::decode(form.version, &batch)?;
    Some(Record { number, batch, disk_bytes: u32::try_from(end - at).ok()? })
}

/// Reads the records of one segment in order, from a channel that nobody writes to.
#[derive(Debug)]
pub(super) struct SegmentReader {
    path: PathBuf,
    form: Form,
    bytes: Bytes,
    at: usize,
    next: u64,
}

/// What a reader finds where a record should be.
#[derive(Debug)]
pub(super) enum Next {
    /// A record.
    Record(Record),
    /// The end of the segment, exactly behind a record.
    End,
    /// What a crash left of the record being written; no record follows.
    Torn {
        /// How much that is.
        bytes: u64,
    },
}

impl SegmentReader {
    /// Reads the file of the segment that begins with record `first`; `None` if a crash left it without its head.
    ///
    /// # Errors
    /// Those of [`head::read`], and of the disk.
    pub(super) fn open(path: &Path, first: u64, keys: &Keyring) -> Result<Option<Self>> {
        Self::of(path, fs::read(path).map_err(disk::failed("read", path))?.into(), first, keys)
    }

    /// The same of the bytes of the file.
    ///
    /// # Errors
    /// Those of [`head::read`].
    pub(super) fn of(path: &Path, bytes: Bytes, first: u64, keys: &Keyring) -> Result<Option<Self>> {
        let Some(form) = head::read(path, &bytes, first, keys)? else { return Ok(None) };
        let at = form.head_bytes();
        Ok(Some(Self { path: path.to_owned(), form, bytes, at, next: first }))
    }

    /// How its records are written.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// Gives the next record.
    ///
    /// # Errors
    /// Data: a record does not check although others follow it.
    pub(super) fn next(&mut self) -> Result<Next> {
        if self.at == self.bytes.len() {
            return Ok(Next::End);
        }
        match decode(&self.form, &self.bytes, self.at, self.next) {
            Some(record) => {
                self.at += record.disk_bytes as usize;
                self.next += 1;
                Ok(Next::Record(record))
            }
            None if index::begins_at(&self.bytes, self.at) => Ok(Next::End),
            // All of it is there: no crash left it so.
            None if framed(&self.bytes, self.at, self.next).is_some() => {
                Err(corrupt(&self.path, self.at as u64, "was changed, or is not a record"))
            }
            None if self.following().is_some() => Err(corrupt(&self.path, self.at as u64, "does not check")),
            None => Ok(Next::Torn { bytes: (self.bytes.len() - self.at) as u64 }),
        }
    }

    /// The first record behind the one that does not check, where there is one, and where it begins. The length of a
    /// broken record cannot be trusted, so every place is tried; the number makes that cheap.
    fn following(&self) -> Option<(usize, u64)> {
        let from = self.at + 1;
        let numbers = self.bytes.get(from + FRAME_BYTES..).unwrap_or_default().windows(8);
        // A segment holds fewer records than bytes.
        let most = self.next.saturating_add(self.bytes.len() as u64);
        numbers.enumerate().find_map(|(i, number)| {
            let number = record::read_u64(number, 0).filter(|number| (self.next + 1..=most).contains(number))?;
            framed(&self.bytes, from + i, number).map(|_| (from + i, number))
        })
    }

    /// What is damaged where the reader is: up to the record that follows, or, in a segment that another one follows,
    /// whose first record is `next`, up to the end of the records. `None` where no record follows, or the segment is of a
    /// version that is not written any more.
    pub(super) fn stretch(&self, next: Option<u64>) -> Option<Stretch> {
        if self.form.version != Version::Events {
            return None;
        }
        if let Some(end) = framed(&self.bytes, self.at, self.next) {
            return Some(Stretch { at: self.at as u64, end: end as u64, records: self.next..self.next + 1 });
        }
        let (end, number) = match (self.following(), next) {
            (Some((at, number)), _) => (at as u64, number),
            (None, Some(next)) => (index::begin(&self.bytes).unwrap_or(self.bytes.len() as u64), next),
            (None, None) => return None,
        };
        let (at, records) = (self.at as u64, self.next..number);
        (at < end && !records.is_empty()).then_some(Stretch { at, end, records })
    }
}

/// A record without events, of as few bytes as can be or of exactly `bytes`; `None` where these are too few.
///
/// # Errors
/// Bug: it cannot be encrypted.
pub(super) fn filler(number: u64, bytes: Option<usize>, form: &Form) -> Result<Option<Vec<u8>>> {
    let nothing = Advance { source: "".into(), form: position::FILES, entries: BTreeMap::new() };
    let mut encoded = Encoded::new(&Batch { events: Vec::new(), after: nothing }, form.seal.is_some())?;
    if let Some(bytes) = bytes {
        // The advance is the first thing in a batch, and blanks at the end of JSON say nothing.
        let at = encoded.batch;
        let more = bytes.checked_sub(encoded.bytes.len());
        let (Some(more), Some(length)) = (more, record::read_u32(&encoded.bytes, at)) else { return Ok(None) };
        let end = at + 4 + length as usize;
        encoded.bytes.splice(end..end, std::iter::repeat_n(b' ', more));
        let Ok(length) = u32::try_from(length as usize + more) else { return Ok(None) };
        encoded.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    encoded.at(Place::instead(number)?, form).map(Some)
}

/// Reads record `number`, which is known to lie there.
///
/// # Errors
/// Data: it does not check any more.
pub(super) fn read(dir: &Path, place: &RecordLocation, number: u64) -> Result<Record> {
    let path = dir.join(file_name(place.segment));
    let mut bytes = vec![0; place.size.disk_bytes as usize];
    File::open(&path).and_then(|f| f.read_exact_at(&mut bytes, place.at)).map_err(disk::failed("read", &path))?;
    let record = decode(&place.form, &Bytes::from(bytes), 0, number);
    record.ok_or_else(|| corrupt(&path, place.at, "does not check"))
}

/// The error for bytes that are neither a record nor what a crash can leave.
pub(super) fn corrupt(path: &Path, at: u64, why: &str) -> Error {
    error::data(format!("channel file {} is corrupt: what stands at byte {at} {why}", path.display())).hint(
        "restore the channel directory, or move it away: the agent then goes on from the positions of its last load \
         and reads the lines behind them from the log again",
    )
}
