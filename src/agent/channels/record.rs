//! What a record of the channel holds: a batch of events.
//!
//! ```text
//! batch     advance (u32 length, JSON)  count u16  shared headers  count u32  events
//! shared    count u16  headers
//! event     shared u16  count u16  headers  body (u32 length, bytes)       shared: 0 for none, else its number from 1
//! header    name (u32 length, UTF-8)  value (u32 length, UTF-8)
//! ```
//!
//! Version 1 held the lines of one file: its position (u32 length, JSON), a count u32, and for each line its offset u64,
//! its length u64 (the highest bit: torn) and the body (u32 length, bytes).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use crate::agent::event::{Batch, Event, Header, Headers, names};
use crate::agent::position;
use crate::error::{self, Error, Result};

/// How the records of a segment are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Version 1.
    Lines,
    /// Version 2.
    Events,
}

/// Says in the length of a line that it is torn.
const TORN: u64 = 1 << 63;

/// About how many bytes a batch takes.
pub(super) fn size(batch: &Batch) -> usize {
    let header = |(name, value): &Header| name.len() + value.len() + 8;
    let event = |event: &Event| event.headers.own().iter().map(header).sum::<usize>() + event.body.len() + 8;
    1024 + batch.events.iter().map(event).sum::<usize>()
}

pub(super) fn too_large(batch: &Batch) -> Error {
    error::data(format!("a batch of {} events does not fit a record", batch.events.len()))
}

/// Appends a batch to `out`.
///
/// # Errors
/// Data: it is larger than a record can be.
pub(super) fn encode(batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
    let whole = || -> Option<()> {
        let advance = serde_json::to_vec(&batch.after).ok()?;
        put_bytes(out, &advance)?;
        let mut all: Vec<&Arc<[Header]>> = Vec::new();
        let mut numbers: Vec<u16> = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            numbers.push(match event.headers.shared() {
                None => 0,
                Some(shared) => {
                    let known = all.iter().rposition(|known| Arc::ptr_eq(known, shared));
                    let number = known.unwrap_or_else(|| {
                        all.push(shared);
                        all.len() - 1
                    });
                    u16::try_from(number + 1).ok()?
                }
            });
        }
        out.extend_from_slice(&u16::try_from(all.len()).ok()?.to_le_bytes());
        all.iter().try_for_each(|shared| put_headers(out, shared))?;
        out.extend_from_slice(&u32::try_from(batch.events.len()).ok()?.to_le_bytes());
        for (event, number) in batch.events.iter().zip(numbers) {
            out.extend_from_slice(&number.to_le_bytes());
            put_headers(out, event.headers.own())?;
            put_bytes(out, &event.body)?;
        }
        Some(())
    };
    let mut whole = whole;
    whole().ok_or_else(|| too_large(batch))
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_le_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

fn put_headers(out: &mut Vec<u8>, headers: &[Header]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(headers.len()).ok()?.to_le_bytes());
    for (name, value) in headers {
        put_bytes(out, name.as_bytes())?;
        put_bytes(out, value.as_bytes())?;
    }
    Some(())
}

/// Decodes a batch; `None` if the bytes are not exactly one.
pub(super) fn decode(version: Version, payload: &Bytes) -> Option<Batch> {
    let mut rest = Rest { bytes: payload, at: 0 };
    let batch = match version {
        Version::Events => rest.batch()?,
        Version::Lines => rest.lines()?,
    };
    (rest.at == payload.len()).then_some(batch)
}

/// Bytes that are read from front to back.
struct Rest<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Rest<'_> {
    fn batch(&mut self) -> Option<Batch> {
        let after = serde_json::from_slice(&self.bytes()?).ok()?;
        let shared = self.u16()?;
        let shared: Vec<Arc<[Header]>> = (0..shared).map(|_| Some(self.headers()?.into())).collect::<Option<_>>()?;
        let count = self.u32()?;
        let mut events = Vec::with_capacity(self.at_most(count as usize));
        for _ in 0..count {
            let shared = match self.u16()?.checked_sub(1) {
                None => None,
                Some(number) => Some(shared.get(usize::from(number))?.clone()),
            };
            let own = self.headers()?;
            events.push(Event { headers: Headers::new(shared, own), body: self.bytes()? });
        }
        Some(Batch { events, after })
    }

    fn lines(&mut self) -> Option<Batch> {
        let file: serde_json::Value = serde_json::from_slice(&self.bytes()?).ok()?;
        let path = ByteString::from(file.get("path")?.as_str()?);
        let shared: Arc<[Header]> = Arc::new([(ByteString::from_static(names::FILE), path)]);
        let count = self.u32()?;
        let mut events = Vec::new();
        for _ in 0..count {
            let (offset, line_bytes) = (self.u64()?, self.u64()?);
            let body = self.bytes()?;
            let mut headers = Headers::new(Some(shared.clone()), Vec::new());
            headers.set(ByteString::from_static(names::BYTE_OFFSET), offset.to_string());
            if line_bytes & TORN != 0 {
                headers.set(ByteString::from_static(names::TORN), ByteString::from_static("true"));
            }
            if line_bytes & !TORN > body.len() as u64 {
                headers.set(ByteString::from_static(names::CUT), (line_bytes & !TORN).to_string());
            }
            events.push(Event { headers, body });
        }
        Some(Batch { events, after: position::of_a_file(file) })
    }

    fn headers(&mut self) -> Option<Vec<Header>> {
        let count = self.u16()?;
        let mut headers = Vec::with_capacity(self.at_most(count.into()));
        for _ in 0..count {
            headers.push((self.name()?, self.text()?));
        }
        Some(headers)
    }

    /// So many of what takes eight bytes at least, and no more than can follow.
    fn at_most(&self, count: usize) -> usize {
        count.min((self.bytes.len() - self.at) / 8)
    }

    /// A header's name. Each line of a file has the same one, which need not be counted as a part of the record each time.
    fn name(&mut self) -> Option<ByteString> {
        let name = self.range()?;
        match &self.bytes[name.clone()] == names::BYTE_OFFSET.as_bytes() {
            true => Some(ByteString::from_static(names::BYTE_OFFSET)),
            false => ByteString::try_from(self.bytes.slice(name)).ok(),
        }
    }

    fn text(&mut self) -> Option<ByteString> {
        ByteString::try_from(self.bytes()?).ok()
    }

    fn bytes(&mut self) -> Option<Bytes> {
        self.range().map(|range| self.bytes.slice(range))
    }

    /// Where bytes stand.
    fn range(&mut self) -> Option<Range<usize>> {
        let length = self.u32()? as usize;
        let range = self.at..self.at.checked_add(length)?;
        self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(range)
    }

    fn u16(&mut self) -> Option<u16> {
        let number = u16::from_le_bytes(*self.bytes.get(self.at..)?.first_chunk()?);
        self.at += 2;
        Some(number)
    }

    fn u32(&mut self) -> Option<u32> {
        let number = read_u32(self.bytes, self.at)?;
        self.at += 4;
        Some(number)
    }

    fn u64(&mut self) -> Option<u64> {
        let number = read_u64(self.bytes, self.at)?;
        self.at += 8;
        Some(number)
    }
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
