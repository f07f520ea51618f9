//! Files of a channel as a disk may give them back.

use std::path::Path;

use bytes::Bytes;

use super::cursor::Cursor;
use super::head::{self, HEAD_BYTES, SEALED_HEAD_BYTES};
use super::index::{self, Index};
use super::record::{self, Version};
use super::scan::{Gaps, Scan};
use super::seal::{Key, Keyring, Place};
use super::segment::{self, Encoded, Next, SegmentReader};
use crate::agent::event::{Batch, Event};
use crate::agent::position::{Advance, FILES, Positions};
use crate::fuzz::{Scratch, Target};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "segment", seeds: segments, run: segment },
    Target { name: "record", seeds: records, run: record },
    Target { name: "index", seeds: indexes, run: index },
    Target { name: "channel", seeds: channels, run: channel },
];

fn batch() -> Batch {
    let mut event = Event { body: Bytes::from_static(b"a line"), ..Event::default() };
    event.headers.set("host", "web1");
    let entries = [("1:2:0".to_owned(), serde_json::json!({"path": "/a", "offset": 7}))].into();
    Batch { events: vec![event, Event::default()], after: Advance { source: "log".into(), form: FILES, entries } }
}

fn keys() -> Keyring {
    Keyring::new(vec![Key::new("a".into(), [7; 32])], Some("a"))
}

/// A segment of two records from `first` on, with its index and without it.
fn segment_of(first: u64, keys: &Keyring) -> [Vec<u8>; 2] {
    let Ok((mut open, form)) = head::new(first, keys) else { return Default::default() };
    let mut sizes = Vec::new();
    for number in [first, first + 1] {
        let Ok(encoded) = Encoded::new(&batch(), form.seal.is_some()) else { continue };
        sizes.push(index::RecordSize { disk_bytes: encoded.disk_bytes(), events: 2 });
        open.extend(encoded.at(Place { number, again: 0 }, &form).unwrap_or_default());
    }
    let index = Index { sizes, positions: Positions::default() };
    [[open.clone(), index.encode(open.len() as u64).unwrap_or_default()].concat(), open]
}

/// In the clear and encrypted.
fn segments() -> Vec<Vec<u8>> {
    [Keyring::default(), keys()].iter().flat_map(|keys| segment_of(5, keys)).collect()
}

/// The input with the checksums that its bytes have, so that what lies behind them is reached.
fn checked(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = HEAD_BYTES;
    if bytes.len() >= SEALED_HEAD_BYTES && bytes.starts_with(b"SAKIACH3") {
        at = SEALED_HEAD_BYTES;
        let crc = crc32fast::hash(&bytes[..at - 4]).to_le_bytes();
        bytes[at - 4..at].copy_from_slice(&crc);
    }
    while let Some(length) = record::read_u32(&bytes, at) {
        let (payload, end) = (at + 8, at + 8 + length as usize);
        let Some(crc) = bytes.get(payload..end).map(|payload| segment::crc(length.to_le_bytes(), payload)) else {
            break;
        };
        bytes[at + 4..payload].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
    bytes
}

/// Reads a file as a segment: what it gives lies in it, one record behind the other.
fn segment(data: &[u8]) {
    let first = record::read_u64(data, 8).unwrap_or(0);
    for bytes in [data.to_vec(), checked(data)] {
        let length = bytes.len();
        let read = SegmentReader::of(Path::new("segment"), bytes.into(), first, &keys());
        let Ok(Some(mut reader)) = read else { continue };
        let (mut number, mut end) = (first, reader.form().head_bytes());
        while let Ok(Next::Record(found)) = reader.next() {
            assert_eq!(found.number, number);
            end += found.size().disk_bytes as usize;
            assert!(end <= length);
            number += 1;
        }
        for next in [None, Some(number + 1)] {
            if let Some(stretch) = reader.stretch(next) {
                assert!(stretch.at == end as u64 && stretch.at < stretch.end && stretch.end <= length as u64);
                assert!(stretch.records.start == number && !stretch.records.is_empty());
            }
        }
    }
}

/// Records of both versions, without the frame that says whether they are whole.
fn records() -> Vec<Vec<u8>> {
    let mut events = vec![2];
    let encoded = record::encode(&batch(), &mut events);
    assert!(encoded.is_ok());
    let file = br#"{"path":"/a","device":1,"inode":2}"#;
    let mut lines = vec![1];
    lines.extend((file.len() as u32).to_le_bytes());
    lines.extend(file);
    lines.extend(1_u32.to_le_bytes());
    lines.extend(0_u64.to_le_bytes());
    lines.extend(2_u64.to_le_bytes());
    lines.extend([1, 0, 0, 0, b'x']);
    vec![events, lines]
}

/// Decodes a record; what it holds is the same when it is written and read again.
fn record(data: &[u8]) {
    let Some((version, payload)) = data.split_first() else { return };
    let version = if *version == 1 { Version::Lines } else { Version::Events };
    let Some(batch) = record::decode(version, &Bytes::copy_from_slice(payload)) else { return };
    let mut written = Vec::new();
    if record::encode(&batch, &mut written).is_ok() {
        assert_eq!(record::decode(Version::Events, &written.into()), Some(batch));
    }
}

/// How long a trailer is, which stands behind an index.
const TRAILER: usize = 20;

fn indexes() -> Vec<Vec<u8>> {
    let mut positions = Positions::default();
    positions.advance(batch().after);
    let sizes = vec![index::RecordSize { disk_bytes: 99, events: 2 }; 3];
    let mut bytes = Index { sizes, positions }.encode(16).unwrap_or_default();
    bytes.truncate(bytes.len().saturating_sub(TRAILER));
    vec![bytes]
}

fn index(data: &[u8]) {
    let _ = index::begins_at(data, HEAD_BYTES);
    let Some(index) = Index::decode(data) else { return };
    let mut written = index.encode(0).unwrap_or_default();
    written.truncate(written.len().saturating_sub(TRAILER));
    assert_eq!(Index::decode(&written), Some(index));
}

/// The record that the cursor is at, the length of the first of two segments, and both.
fn channels() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for keys in [Keyring::default(), keys()] {
        let [[whole, open], [_, last]] = [segment_of(5, &keys), segment_of(7, &keys)];
        for (first, cursor) in [(whole, 6_u64), (open, 5)] {
            all.push([&cursor.to_le_bytes()[..], &(first.len() as u32).to_le_bytes(), &first, &last].concat());
        }
    }
    all
}

/// Opens a channel of two segments: records have rising numbers, and each that is said to lie somewhere is itself.
fn channel(data: &[u8]) {
    let (Some(record), Some(length), Ok(dir)) = (record::read_u64(data, 0), record::read_u32(data, 8), Scratch::new())
    else {
        return;
    };
    let rest = &data[12..];
    let (first, last) = rest.split_at(rest.len().min(length as usize));
    for bytes in [first, last] {
        let name = segment::file_name(record::read_u64(bytes, 8).unwrap_or(0));
        if std::fs::write(dir.path().join(name), checked(bytes)).is_err() {
            return;
        }
    }
    let cursor = Cursor { record, ..Cursor::new("a".into()) };
    for gaps in [Gaps::Refused, Gaps::Known(None)] {
        let Ok(found) = Scan::new(dir.path(), &cursor, &keys(), gaps) else { continue };
        let mut least = record;
        for (number, place) in &found.waiting {
            assert!(*number == least || *number > least && gaps != Gaps::Refused, "{number} behind {least}");
            least = number + 1;
            if let Ok(read) = segment::read(dir.path(), place, *number) {
                assert_eq!(read.number, *number);
            }
        }
    }
}
