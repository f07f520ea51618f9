//! One file of the channel: a header and records, each checked by a CRC-32, written once and never changed.
//!
//! ```text
//! segment   "SAKIACH1"  first record number u64
//! record    length u32  crc u32  payload                      crc over length and payload
//! payload   number u64  position (u32 length, JSON)  count u32  lines
//! line      offset u64  line_bytes u64  body (u32 length, bytes)
//! ```
//!
//! The highest bit of `line_bytes` says that the line is torn.
//!
//! All numbers are little endian. A record is made durable before the next one is begun, so only the last can be
//! torn; anything else that does not check is corrupt, and said to be so, never skipped.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::agent::disk;
use crate::agent::line::{Batch, LogLine};
use crate::error::{self, Error, Result};

const MAGIC: &[u8; 8] = b"SAKIACH1";
/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 16;
const FRAME_BYTES: usize = 8;
/// Says in the length of a line that it is torn.
const TORN: u64 = 1 << 63;

/// A record as it lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number; the channel counts on from 0 without a gap.
    pub number: u64,
    /// What was put.
    pub batch: Batch,
    /// Bytes it takes on disk.
    pub disk_bytes: u64,
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

/// The header of the segment that begins with record `first`.
pub(super) fn header(first: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..].copy_from_slice(&first.to_le_bytes());
    bytes
}

/// Encodes `batch` as record `number`, frame and all.
///
/// # Errors
/// Data: the batch is larger than a record can be.
pub(super) fn encode(number: u64, batch: &Batch) -> Result<Vec<u8>> {
    let too_large = |_| error::data(format!("a batch of {} lines does not fit a record", batch.lines.len()));
    let position = serde_json::to_vec(&batch.after).map_err(|e| error::bug("cannot encode a position").source(e))?;
    let bodies: usize = batch.lines.iter().map(|line| line.body.len() + 20).sum();
    let mut out = Vec::with_capacity(FRAME_BYTES + 16 + position.len() + bodies);
    out.extend_from_slice(&[0; FRAME_BYTES]);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&u32::try_from(position.len()).map_err(too_large)?.to_le_bytes());
    out.extend_from_slice(&position);
    out.extend_from_slice(&u32::try_from(batch.lines.len()).map_err(too_large)?.to_le_bytes());
    for line in &batch.lines {
        let torn = if line.torn { TORN } else { 0 };
        out.extend_from_slice(&line.offset.to_le_bytes());
        out.extend_from_slice(&(line.line_bytes | torn).to_le_bytes());
        out.extend_from_slice(&u32::try_from(line.body.len()).map_err(too_large)?.to_le_bytes());
        out.extend_from_slice(&line.body);
    }
    let length = u32::try_from(out.len() - FRAME_BYTES).map_err(too_large)?.to_le_bytes();
    out[..4].copy_from_slice(&length);
    let crc = crc(length, &out[FRAME_BYTES..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(out)
}

fn crc(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(payload);
    crc.finalize()
}

/// Decodes the record `number` at `at`, or `None` if no such record is whole there.
fn decode(bytes: &Bytes, at: usize, number: u64) -> Option<Record> {
    let length = read_u32(bytes, at)?;
    let payload_at = at + FRAME_BYTES;
    let end = payload_at.checked_add(length as usize)?;
    let payload = bytes.get(payload_at..end)?;
    if read_u64(payload, 0)? != number || read_u32(bytes, at + 4)? != crc(length.to_le_bytes(), payload) {
        return None;
    }
    let batch = decode_batch(&bytes.slice(payload_at + 8..end))?;
    Some(Record { number, batch, disk_bytes: (end - at) as u64 })
}

fn decode_batch(payload: &Bytes) -> Option<Batch> {
    let position_end = 4 + read_u32(payload, 0)? as usize;
    let after = serde_json::from_slice(payload.get(4..position_end)?).ok()?;
    let count = read_u32(payload, position_end)?;
    let mut at = position_end + 4;
    let mut lines = Vec::new();
    for _ in 0..count {
        let body_at = at + 20;
        let body_end = body_at.checked_add(read_u32(payload, at + 16)? as usize)?;
        payload.get(body_at..body_end)?;
        let line_bytes = read_u64(payload, at + 8)?;
        lines.push(LogLine {
            offset: read_u64(payload, at)?,
            body: payload.slice(body_at..body_end),
            line_bytes: line_bytes & !TORN,
            torn: line_bytes & TORN != 0,
        });
        at = body_end;
    }
    (at == payload.len()).then_some(Batch { lines, after })
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads the records of one segment in order, from a channel that nobody writes to.
#[derive(Debug)]
pub(super) struct SegmentReader {
    path: PathBuf,
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
    /// Reads the file of the segment that begins with record `first`; `None` if a crash left it without its header.
    pub(super) fn open(path: &Path, first: u64) -> Result<Option<Self>> {
        let bytes = Bytes::from(fs::read(path).map_err(disk::failed("read", path))?);
        if bytes.len() < HEADER_BYTES {
            return Ok(None);
        }
        if bytes[..HEADER_BYTES] != header(first) {
            return Err(corrupt(path, 0, "is not the header of this segment"));
        }
        Ok(Some(Self { path: path.to_owned(), bytes, at: HEADER_BYTES, next: first }))
    }

    /// Gives the next record.
    ///
    /// # Errors
    /// Data: a record does not check although others follow it.
    pub(super) fn next(&mut self) -> Result<Next> {
        if self.at == self.bytes.len() {
            return Ok(Next::End);
        }
        match decode(&self.bytes, self.at, self.next) {
            Some(record) => {
                self.at += record.disk_bytes as usize;
                self.next += 1;
                Ok(Next::Record(record))
            }
            None if self.a_record_follows() => Err(corrupt(&self.path, self.at as u64, "does not check")),
            None => Ok(Next::Torn { bytes: (self.bytes.len() - self.at) as u64 }),
        }
    }

    /// Whether the next record can be found anywhere behind the one that does not check. The length of a broken
    /// record cannot be trusted, so every place is tried; the record's number makes that cheap.
    fn a_record_follows(&self) -> bool {
        let wanted = (self.next + 1).to_le_bytes();
        let from = self.at + 1;
        let numbers = self.bytes.get(from + FRAME_BYTES..).unwrap_or_default().windows(wanted.len());
        numbers
            .enumerate()
            .any(|(i, number)| number == wanted && decode(&self.bytes, from + i, self.next + 1).is_some())
    }
}

/// Reads record `number`, which is known to take `disk_bytes` at `at`.
///
/// # Errors
/// Data: it does not check any more.
pub(super) fn read(path: &Path, at: u64, disk_bytes: u64, number: u64) -> Result<Record> {
    let mut bytes = vec![0; usize::try_from(disk_bytes).map_err(|e| error::bug("a record is too large").source(e))?];
    File::open(path).and_then(|f| f.read_exact_at(&mut bytes, at)).map_err(disk::failed("read", path))?;
    decode(&Bytes::from(bytes), 0, number).ok_or_else(|| corrupt(path, at, "does not check"))
}

/// The error for bytes that are neither a record nor what a crash can leave.
pub(super) fn corrupt(path: &Path, at: u64, why: &str) -> Error {
    error::data(format!("channel file {} is corrupt: what stands at byte {at} {why}", path.display())).hint(
        "restore the channel directory, or move it away: the agent then goes on from the positions of its last load \
         and reads the lines behind them from the log again",
    )
}
