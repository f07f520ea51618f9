//! Files of a channel as a disk may give them back.

use bytes::Bytes;

use super::head;
use super::index::Index;
use super::record::{self, Version};
use super::seal::{Key, Keyring, Place};
use super::segment::{Encoded, Next, SegmentReader};
use crate::agent::event::{Batch, Event};
use crate::agent::fuzz::Target;
use crate::agent::position::{Advance, FILES, Positions};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "segment", seeds: segments, run: segment },
    Target { name: "record", seeds: records, run: record },
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

/// A segment of two records, in the clear and encrypted, and each with an index.
fn segments() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for keys in [Keyring::default(), keys()] {
        let Ok((mut open, form)) = head::new(5, &keys) else { return Vec::new() };
        for number in [5, 6] {
            let encoded = Encoded::new(&batch(), form.seal.is_some());
            open.extend(encoded.and_then(|encoded| encoded.at(Place { number, again: 0 }, &form)).unwrap_or_default());
        }
        let index = Index { sizes: Vec::new(), positions: Positions::default() };
        all.push([open.clone(), index.encode(open.len() as u64).unwrap_or_default()].concat());
        all.push(open);
    }
    all
}

/// Reads a file as a segment: what it gives lies in it, one record behind the other.
fn segment(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let path = dir.path().join("segment");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let _ = Index::read(&path);
    let first = data.get(8..16).and_then(|bytes| record::read_u64(bytes, 0)).unwrap_or(0);
    let Ok(Some(mut reader)) = SegmentReader::open(&path, first, &keys()) else { return };
    let (mut number, mut bytes) = (first, reader.form().head_bytes());
    while let Ok(Next::Record(found)) = reader.next() {
        assert_eq!(found.number, number);
        bytes += found.size().disk_bytes as usize;
        assert!(bytes <= data.len());
        number += 1;
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
