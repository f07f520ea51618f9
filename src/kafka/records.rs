//! Batches of records (magic 2, since Kafka 0.11), as they lie in a partition and travel to it.
//!
//! They are read here and not by the crate of the messages, as what is behind the last record of a batch has to be known:
//! a batch whose records were compacted away, or that is a mark of a transaction, still moves the offset. Batches before
//! 0.11 are refused by name.

use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::messages::fetch_response::AbortedTransaction;
use serde::{Deserialize, Serialize};

use super::Codec;
use crate::error::{self, Error, Result};

/// The offset and the length in front of a batch.
const FRONT: usize = 12;
/// The rest of a batch before its first record.
const HEADER: usize = 49;
const MAGIC: i8 = 2;
const IS_LOG_APPEND: u16 = 1 << 3;
const IS_TRANSACTIONAL: u16 = 1 << 4;
const IS_CONTROL: u16 = 1 << 5;
/// The type of the mark that ends a transaction in vain.
const ABORT: i16 = 0;

/// A header of a record; its value may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub name: String,
    pub value: Option<Bytes>,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub offset: i64,
    /// Milliseconds since 1970; -1 where there is none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// Which records are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Isolation {
    /// Those of transactions that were committed, and all outside of transactions.
    #[default]
    ReadCommitted,
    /// All, also of transactions that are open or were aborted.
    ReadUncommitted,
}

impl Isolation {
    /// The number in a request.
    pub(super) fn number(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// What batches hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// From the wanted offset on.
    pub records: Vec<Record>,
    /// The offset behind the last whole batch; `None` where there is no whole one.
    pub next: Option<i64>,
    /// Whether a batch was there that was not whole.
    pub is_cut: bool,
}

/// Room for what the batches of a fetch become when they are decompressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    left: usize,
    all: usize,
}

impl Room {
    /// So many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: bytes, all: bytes }
    }
}

/// Reads batches from `from` on, without the records of the transactions that were aborted. A last batch that is not whole is
/// left out, as a broker may cut it off, and so are those that the room is too small for once others have some of it.
///
/// # Errors
/// Data: the bytes are not batches, a checksum is wrong, they are of before Kafka 0.11, or a batch alone is larger than all
/// of the room.
pub(super) fn read(mut bytes: Bytes, from: i64, aborted: &[AbortedTransaction], room: &mut Room) -> Result<Read> {
    let mut read = Read::default();
    let mut aborted: Vec<(i64, i64)> = aborted.iter().map(|one| (one.first_offset, one.producer_id.0)).collect();
    aborted.sort_unstable_by_key(|(first, _)| std::cmp::Reverse(*first));
    let mut in_vain = std::collections::BTreeSet::new();
    while bytes.len() > FRONT {
        let mut front = bytes.slice(..FRONT);
        let (base, length) = (front.get_i64(), front.get_i32());
        // The place of the magic is that of older batches, too.
        if let Some(magic) = bytes.get(FRONT + 4).filter(|magic| **magic < 2) {
            return Err(error::data(format!(
                "offset {base}: the batch has the form of before Kafka 0.11 (magic {magic})"
            ))
            .hint("let the brokers write it anew, or begin behind it"));
        }
        let length = usize::try_from(length).map_err(|_| broken(base, "its length is negative"))?;
        if length < HEADER {
            return Err(broken(base, "it is too short"));
        }
        if bytes.len() < FRONT + length {
            read.is_cut = true;
            break;
        }
        let batch = bytes.split_to(FRONT + length).slice(FRONT..);
        let header = BatchHeader::read(base, &batch)?;
        while let Some((_, producer)) = aborted.pop_if(|(first, _)| *first <= header.last) {
            in_vain.insert(producer);
        }
        let is_mark = header.attributes & IS_CONTROL != 0;
        let is_in_vain = header.attributes & IS_TRANSACTIONAL != 0 && in_vain.contains(&header.producer);
        if !is_mark && (header.last < from || is_in_vain) {
            read.next = Some(header.last + 1);
            continue;
        }
        let Some(body) = header.body(&batch, room)? else {
            read.is_cut = true;
            break;
        };
        read.next = Some(header.last + 1);
        if !is_mark {
            header.records(body, from, &mut read.records)?;
        } else if header.marks_abort(body)? {
            in_vain.remove(&header.producer);
        }
    }
    read.is_cut |= !bytes.is_empty() && bytes.len() <= FRONT;
    Ok(read)
}

fn broken(base: i64, what: &str) -> Error {
    error::data(format!("offset {base}: the batch of records is damaged: {what}"))
        .hint("the broker's disk or the way to it is damaged: look at its log, or begin behind it")
}

/// What stands before the records of a batch.
struct BatchHeader {
    base: i64,
    last: i64,
    attributes: u16,
    base_timestamp: i64,
    max_timestamp: i64,
    producer: i64,
    count: i32,
}

impl BatchHeader {
    fn read(base: i64, batch: &Bytes) -> Result<Self> {
        let mut bytes = batch.slice(..HEADER);
        let (_leader_epoch, magic, checksum) = (bytes.get_i32(), bytes.get_i8(), bytes.get_u32());
        if magic != MAGIC {
            return Err(broken(base, &format!("its magic is {magic}")));
        }
        if crc32c::crc32c(&batch[9..]) != checksum {
            return Err(broken(base, "its checksum is wrong"));
        }
        let attributes = bytes.get_u16();
        let last = base.checked_add(bytes.get_i32().into());
        // An offset stands behind it.
        let last = last.filter(|last| *last >= base && *last < i64::MAX);
        Ok(Self {
            base,
            last: last.ok_or_else(|| broken(base, "its last offset cannot be"))?,
            attributes,
            base_timestamp: bytes.get_i64(),
            max_timestamp: bytes.get_i64(),
            producer: bytes.get_i64(),
            count: {
                let (_epoch, _sequence) = (bytes.get_i16(), bytes.get_i32());
                bytes.get_i32()
            },
        })
    }

    /// The records as they lie there, decompressed; `None` where others have taken the room for that.
    fn body(&self, batch: &Bytes, room: &mut Room) -> Result<Option<Bytes>> {
        let (codec, body) = (Codec::of(self.attributes & 7)?, batch.slice(HEADER..));
        if codec == Codec::None {
            return Ok(Some(body));
        }
        let done = codec.decompress(&body, room.left).map_err(|e| e.context(format!("offset {}", self.base)))?;
        match done {
            Some(done) => {
                room.left -= done.len();
                Ok(Some(done.into()))
            }
            None if room.left < room.all => Ok(None),
            None => Err(error::data(format!(
                "offset {}: the batch of records becomes larger than {} bytes when it is decompressed ({codec:?})",
                self.base, room.all
            ))
            .hint("raise max-unpacked-bytes if there is memory for it, or begin behind it")),
        }
    }

    fn records(&self, mut body: Bytes, from: i64, out: &mut Vec<Record>) -> Result<()> {
        for _ in 0..self.count {
            let record = self.record(&mut body).ok_or_else(|| broken(self.base, "a record ends before its end"))?;
            if record.offset >= from {
                out.push(record);
            }
        }
        if body.is_empty() { Ok(()) } else { Err(broken(self.base, "bytes follow its last record")) }
    }

    fn record(&self, body: &mut Bytes) -> Option<Record> {
        let length = usize::try_from(varint(body)?).ok()?;
        let mut bytes = (length <= body.len()).then(|| body.split_to(length))?;
        bytes.try_get_i8().ok()?;
        let timestamp = self.base_timestamp.checked_add(varint(&mut bytes)?)?;
        let offset = self.base.checked_add(varint(&mut bytes)?).filter(|offset| *offset <= self.last)?;
        let (key, value) = (nullable(&mut bytes)?, nullable(&mut bytes)?);
        let count = usize::try_from(varint(&mut bytes)?).ok()?;
        let mut headers = Vec::with_capacity(count.min(bytes.len()));
        for _ in 0..count {
            let name = String::from_utf8_lossy(&nullable(&mut bytes)??).into_owned();
            headers.push(Header { name, value: nullable(&mut bytes)? });
        }
        let timestamp = if self.attributes & IS_LOG_APPEND != 0 { self.max_timestamp } else { timestamp };
        bytes.is_empty().then_some(Record { offset, timestamp, key, value, headers })
    }

    /// Whether the batch ends a transaction of its producer in vain.
    fn marks_abort(&self, mut body: Bytes) -> Result<bool> {
        let record = self.record(&mut body).ok_or_else(|| broken(self.base, "its mark ends before its end"))?;
        let mut key = record.key.unwrap_or_default();
        let mark = key.try_get_i16().and_then(|_version| key.try_get_i16());
        mark.map(|kind| kind == ABORT).map_err(|_| broken(self.base, "its mark is too short"))
    }
}

/// A number of variable length, small ones of both signs short.
fn varint(bytes: &mut Bytes) -> Option<i64> {
    let (mut number, mut shift) = (0u64, 0u32);
    loop {
        let byte = bytes.try_get_u8().ok()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 64)?;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
        shift += 7;
    }
}

fn nullable(bytes: &mut Bytes) -> Option<Option<Bytes>> {
    match varint(bytes)? {
        -1 => Some(None),
        length => {
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
            Some(Some(bytes.split_to(length)))
        }
    }
}

fn put_varint(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, bytes.len() as i64);
            out.extend(bytes);
        }
    }
}

/// Who writes a batch, so that the broker knows it again; -1 each where nobody is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    pub producer: i64,
    pub epoch: i16,
    pub sequence: i32,
}

impl Writer {
    pub(super) const NOBODY: Self = Self { producer: -1, epoch: -1, sequence: -1 };
}

/// A batch of records, whose offsets the broker gives. There is at least one record.
///
/// # Errors
/// Bug: it cannot be compressed. Data: it is longer than a batch can be.
pub(super) fn write(records: &[Record], codec: Codec, writer: Writer) -> Result<Bytes> {
    let base_timestamp = records.first().map_or(-1, |record| record.timestamp);
    let mut plain = Vec::new();
    for (number, record) in records.iter().enumerate() {
        put_record(&mut plain, record, number as i64, base_timestamp);
    }
    let body = if codec == Codec::None { plain } else { codec.compress(&plain)? };
    let too_long = |_| error::data("a batch of records is longer than 2 GiB").hint("lower batch-bytes");
    let count = i32::try_from(records.len()).map_err(too_long)?;
    let mut checked = Vec::with_capacity(HEADER + body.len());
    checked.put_u16(codec.number());
    checked.put_i32(count - 1);
    checked.put_i64(base_timestamp);
    checked.put_i64(records.iter().map(|record| record.timestamp).max().unwrap_or(-1));
    checked.put_i64(writer.producer);
    checked.put_i16(writer.epoch);
    checked.put_i32(writer.sequence);
    checked.put_i32(count);
    checked.extend(body);
    let mut out = Vec::with_capacity(FRONT + 9 + checked.len());
    out.put_i64(0);
    out.put_i32(i32::try_from(9 + checked.len()).map_err(too_long)?);
    out.put_i32(-1);
    out.put_i8(MAGIC);
    out.put_u32(crc32c::crc32c(&checked));
    out.extend(checked);
    Ok(out.into())
}

fn put_record(out: &mut Vec<u8>, record: &Record, number: i64, base_timestamp: i64) {
    let mut one = vec![0];
    put_varint(&mut one, record.timestamp.wrapping_sub(base_timestamp));
    put_varint(&mut one, number);
    put_nullable(&mut one, record.key.as_deref());
    put_nullable(&mut one, record.value.as_deref());
    put_varint(&mut one, record.headers.len() as i64);
    for header in &record.headers {
        put_nullable(&mut one, Some(header.name.as_bytes()));
        put_nullable(&mut one, header.value.as_deref());
    }
    put_varint(out, one.len() as i64);
    out.extend(one);
}

#[cfg(test)]
mod tests;
