use kafka_protocol::messages::ProducerId;
use kafka_protocol::records::RecordBatchDecoder;
use proptest::prelude::*;

use super::*;

/// Reads batches for which there is room.
fn read(bytes: Bytes, from: i64, aborted: &[AbortedTransaction]) -> Result<Read> {
    super::read(bytes, from, aborted, &mut Room::new(usize::MAX))
}

fn record(offset: i64, value: &str) -> Record {
    Record { offset, timestamp: 1_000 + offset, value: Some(Bytes::from(value.to_owned())), ..Record::default() }
}

/// A batch as a broker keeps it: its offset is set, which no checksum covers.
fn at(base: i64, records: &[Record], attributes: u16, producer: i64) -> Vec<u8> {
    let writer = Writer { producer, epoch: 0, sequence: 0 };
    let mut bytes = write(records, Codec::None, writer).unwrap().to_vec();
    bytes[..8].copy_from_slice(&base.to_be_bytes());
    bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
    sign(&mut bytes);
    bytes
}

fn sign(bytes: &mut [u8]) {
    let checksum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
}

fn mark(base: i64, producer: i64, kind: i16) -> Vec<u8> {
    let key = [0i16.to_be_bytes(), kind.to_be_bytes()].concat();
    let record = Record { key: Some(key.into()), value: Some(Bytes::new()), ..Record::default() };
    at(base, &[record], IS_TRANSACTIONAL | IS_CONTROL, producer)
}

fn values(read: &Read) -> Vec<&str> {
    read.records.iter().map(|r| std::str::from_utf8(r.value.as_ref().unwrap()).unwrap()).collect()
}

fn some_record() -> impl Strategy<Value = Record> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from));
    let header = ("[a-z]{0,5}", bytes()).prop_map(|(name, value)| Header { name, value });
    (0i64..4_000_000_000_000, bytes(), bytes(), prop::collection::vec(header, 0..3))
        .prop_map(|(timestamp, key, value, headers)| Record { offset: 0, timestamp, key, value, headers })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_by_us_and_by_the_crate(mut records in prop::collection::vec(some_record(), 1..50)) {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let bytes = write(&records, codec, Writer::NOBODY).unwrap();
            let theirs = RecordBatchDecoder::decode_with_custom_compression(
                &mut bytes.clone(),
                Some(|bytes: &mut Bytes, _| Ok(Bytes::from(codec.decompress(bytes, usize::MAX)?.unwrap()))),
            );
            let theirs = theirs.unwrap().records;
            records.iter_mut().enumerate().for_each(|(number, record)| record.offset = number as i64);
            let read = read(bytes, 0, &[]).unwrap();
            prop_assert_eq!(&read.records, &records);
            prop_assert_eq!(read.next, Some(records.len() as i64));
            prop_assert_eq!(theirs.len(), records.len());
            for (ours, theirs) in records.iter().zip(theirs) {
                prop_assert_eq!((&ours.key, &ours.value, ours.timestamp), (&theirs.key, &theirs.value, theirs.timestamp));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_and_a_missing_end_is_left_out(place in 0usize..500, cut in 0usize..500) {
        let first = at(0, &[record(0, "one"), record(1, "two")], 0, -1);
        let bytes = [&first[..], &at(2, &[record(2, "three")], 0, -1)].concat();
        let whole = read(bytes.clone().into(), 0, &[]).unwrap();
        prop_assert_eq!(values(&whole), ["one", "two", "three"]);
        let mut changed = bytes.clone();
        let place = place % bytes.len();
        changed[place] ^= 0x40;
        let within = if place < first.len() { place } else { place - first.len() };
        // No checksum is over the offset, the length and the epoch of the leader.
        if within >= FRONT + 4 {
            prop_assert!(read(changed.into(), 0, &[]).is_err(), "{}", place);
        } else {
            let _ = read(changed.into(), 0, &[]);
        }
        let cut = cut % bytes.len();
        let read = read(Bytes::from(bytes).slice(..cut), 0, &[]).unwrap();
        prop_assert_eq!(read.records.len(), if cut < first.len() { 0 } else { 2 });
        prop_assert_eq!(read.is_cut, cut != 0 && cut != first.len());
    }
}

#[test]
fn records_before_the_wanted_offset_are_left_out() {
    let bytes = at(10, &[record(0, "a"), record(1, "b"), record(2, "c")], 0, -1);
    let read = read(bytes.into(), 11, &[]).unwrap();
    assert_eq!((values(&read), read.next), (vec!["b", "c"], Some(13)));
    assert_eq!(read.records[0].offset, 11);
}

#[test]
fn an_aborted_transaction_is_left_out_and_moves_the_offset() {
    let bytes = [
        at(0, &[record(0, "in vain")], IS_TRANSACTIONAL, 7),
        at(1, &[record(0, "of another")], IS_TRANSACTIONAL, 8),
        at(2, &[record(0, "outside")], 0, 7),
        mark(3, 7, 0),
        at(4, &[record(0, "kept")], IS_TRANSACTIONAL, 7),
        mark(5, 7, 1),
        mark(6, 8, 1),
    ]
    .concat();
    let aborted = AbortedTransaction::default().with_producer_id(ProducerId(7)).with_first_offset(0);
    let kept = read(bytes.clone().into(), 0, &[aborted]).unwrap();
    assert_eq!((values(&kept), kept.next), (vec!["of another", "outside", "kept"], Some(7)));
    let all = read(bytes.into(), 0, &[]).unwrap();
    assert_eq!(values(&all).len(), 4, "as read-uncommitted, where no broker names one");
}

#[test]
fn a_batch_that_was_compacted_moves_the_offset() {
    let mut bytes = at(0, &[record(0, "a"), record(1, "b")], 0, -1);
    // All records are gone: the header stays.
    bytes.truncate(FRONT + HEADER);
    bytes[8..12].copy_from_slice(&(HEADER as i32).to_be_bytes());
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&0i32.to_be_bytes());
    sign(&mut bytes);
    let read = read(bytes.into(), 0, &[]).unwrap();
    assert_eq!((read.records.len(), read.next), (0, Some(2)));
}

#[test]
fn a_time_of_the_broker_is_that_of_all_records() {
    let read = read(at(0, &[record(0, "a"), record(9, "b")], IS_LOG_APPEND, -1).into(), 0, &[]).unwrap();
    assert_eq!(read.records.iter().map(|r| r.timestamp).collect::<Vec<_>>(), [1_009, 1_009]);
}

#[test]
fn batches_of_before_kafka_0_11_are_named() {
    let mut bytes = at(5, &[record(0, "a")], 0, -1);
    bytes[16] = 1;
    let said = read(bytes.into(), 0, &[]).unwrap_err().to_string();
    assert!(said.contains("offset 5") && said.contains("before Kafka 0.11"), "{said}");
}

#[test]
fn batches_are_decompressed_as_far_as_there_is_room() {
    let body = |letter: &str| Record { value: Some(letter.repeat(100_000).into()), ..Record::default() };
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let one = |base: i64, letter: &str| {
            let mut batch = write(&[body(letter)], codec, Writer::NOBODY).unwrap().to_vec();
            batch[..8].copy_from_slice(&base.to_be_bytes());
            batch
        };
        let bytes = Bytes::from([one(0, "a"), one(1, "b"), one(2, "c")].concat());
        assert!(bytes.len() < 100_000, "{codec:?}");
        // Two of them fit; the third comes the next time, from where it is.
        let first = super::read(bytes.clone(), 0, &[], &mut Room::new(250_000)).unwrap();
        assert_eq!((first.records.len(), first.next, first.is_cut), (2, Some(2), true), "{codec:?}");
        let rest = super::read(bytes.clone(), 2, &[], &mut Room::new(250_000)).unwrap();
        assert_eq!((rest.records.len(), rest.next, rest.is_cut), (1, Some(3), false), "{codec:?}");
        // Another partition has taken the room: nothing of it is read, and nothing is wrong.
        let mut room = Room::new(250_000);
        super::read(bytes.clone(), 1, &[], &mut room).unwrap();
        let none = super::read(bytes.clone(), 0, &[], &mut room).unwrap();
        assert_eq!((none.records.len(), none.next), (0, None), "{codec:?}");
        let error = super::read(bytes, 0, &[], &mut Room::new(99_999)).unwrap_err();
        assert!(
            error.to_string().contains("offset 0: the batch of records becomes larger than 99999 bytes"),
            "{error}"
        );
        assert!(error.remedy().unwrap().contains("max-unpacked-bytes"));
    }
}
