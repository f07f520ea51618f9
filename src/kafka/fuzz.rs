//! Batches of records, as a broker may send them.

use bytes::Bytes;

use super::Codec;
use super::records::{self, Header, Record, Room, Writer};
use crate::fuzz::Target;

pub(crate) const TARGETS: &[Target] = &[Target { name: "kafka-batch", seeds: batches, run: batch }];

fn batches() -> Vec<Vec<u8>> {
    let header = Header { name: "h".to_owned(), value: None };
    let one = Record {
        timestamp: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from_static(b"a line")),
        headers: vec![header],
        ..Record::default()
    };
    let two = Record { timestamp: -1, ..Record::default() };
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    let written = |codec| records::write(&[one.clone(), two.clone()], codec, Writer::NOBODY);
    codecs.into_iter().filter_map(|codec| written(codec).ok()).map(|batch| batch.to_vec()).collect()
}

/// The input with the checksums that its batches have, so that what lies behind them is reached.
fn checked(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = 0;
    while let Some(length) = bytes.get(at + 8..).and_then(|rest| rest.first_chunk()) {
        let (begin, length) = (at + 12, u32::from_be_bytes(*length) as usize);
        let Some(rest) = bytes.get_mut(begin..begin.saturating_add(length)).filter(|rest| rest.len() > 9) else {
            break;
        };
        let crc = crc32c::crc32c(&rest[9..]);
        rest[5..9].copy_from_slice(&crc.to_be_bytes());
        at = begin + length;
    }
    bytes
}

/// Records that are read are the same when they are written and read again, if their times are those of a producer.
fn batch(data: &[u8]) {
    for bytes in [data.to_vec(), checked(data)] {
        let mut room = Room::new(16 << 20);
        let Ok(read) = records::read(bytes.into(), 1, &[], &mut room) else { continue };
        assert!(read.records.iter().all(|record| record.offset >= 1));
        if read.records.is_empty() || read.records.iter().any(|record| record.timestamp < -1) {
            continue;
        }
        let without = |records: Vec<Record>| -> Vec<Record> {
            records.into_iter().map(|record| Record { offset: 0, ..record }).collect()
        };
        let written = records::write(&read.records, Codec::None, Writer::NOBODY);
        let again = written.and_then(|batch| records::read(batch, 0, &[], &mut room));
        assert_eq!(again.ok().map(|again| without(again.records)), Some(without(read.records)));
    }
}
