use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::format::decode::{Input, SequenceDecoder, TextDecodeOptions};
use crate::format::{TextOptions, hadoop};

const CODECS: [Compression; 6] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Deflate,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn event(body: impl Into<Bytes>, headers: &[(&'static str, String)]) -> Event {
    let mut event = Event { body: body.into(), ..Event::default() };
    headers.iter().for_each(|(name, value)| event.headers.set(*name, value.clone()));
    event
}

fn at(ms: i64, body: impl Into<Bytes>) -> Event {
    event(body, &[(TIMESTAMP, ms.to_string())])
}

fn stream(serializer: Serializer) -> Content {
    Content::Stream { serializer, compression: Compression::None }
}

fn written(content: &Content, schema: Option<&str>, marker: [u8; 16], events: &[Event]) -> Vec<u8> {
    let (mut encoder, mut out) = (FileEncoder::new(content, schema, marker).unwrap(), Vec::new());
    for event in events {
        encoder.add(event, Timestamp::from_millisecond(77).unwrap(), &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
}

/// Bodies of a sequence file.
fn values(file: Vec<u8>) -> Vec<String> {
    let input = Input::new("x", Arc::new(Bytes::from(file)));
    let decoder = SequenceDecoder::new(input, None, &TextDecodeOptions::new(TextOptions::default())).unwrap();
    decoder.map(|record| record.unwrap().raw).collect()
}

#[test]
fn bodies_with_and_without_headers() {
    let events = [event("body", &[("b", "2".into()), ("a", "1".into())])];
    let of = |serializer| String::from_utf8(written(&stream(serializer), None, [0; 16], &events)).unwrap();
    assert_eq!(of(Serializer::Text { newline: true }), "body\n");
    assert_eq!(of(Serializer::HeaderAndText { newline: false }), "{a=1, b=2} body");
}

#[test]
fn fv40_a_sequence_file_is_flumes_byte_for_byte() {
    let golden = include_bytes!("../testdata/flume.seq");
    let start = golden.len() - 20;
    assert_eq!(golden[start..start + 4], [0xff; 4]);
    let marker: [u8; 16] = golden[start + 4..].try_into().unwrap();
    let header = golden.windows(16).position(|bytes| bytes == marker).unwrap() + 16;
    let mut events = Vec::new();
    for record in golden[header..start].chunks(36) {
        let key = i64::from_be_bytes(record[8..16].try_into().unwrap());
        events.push(at(key, record[20..].to_vec()));
    }
    assert_eq!((events.len(), &events[9].body[..]), (10, &b"line 09 abcdefgh"[..]));
    let content = Content::Sequence { values: WriteFormat::Writable, compression: Compression::None };
    assert_eq!(written(&content, None, marker, &events), golden);
    assert_eq!(values(golden.to_vec())[3], "line 03 abcdefgh");
}

#[test]
fn fv40_keys_are_times_and_values_of_both_classes() {
    let events = [at(5, "one"), event("two", &[]), at(-1, "three")];
    let keys = [5i64, 77, -1].map(i64::to_be_bytes).concat();
    for (format, class) in [(WriteFormat::Writable, "BytesWritable"), (WriteFormat::Text, "Text")] {
        for compression in CODECS {
            let file = written(&Content::Sequence { values: format, compression }, None, [7; 16], &events);
            assert_eq!(values(file.clone()), ["one", "two", "three"], "{compression:?}");
            let has = |text: String| file.windows(text.len()).any(|bytes| bytes == text.as_bytes());
            assert!(has(format!("org.apache.hadoop.io.{class}\x01\x01")), "blocks of {class}");
            assert!(has(compression.hadoop_class().unwrap().to_owned()));
            // Behind the marker of the block: the rows, the lengths of the keys, the keys.
            let block =
                file.windows(20).position(|bytes| bytes[..4] == [0xff; 4] && bytes[4..] == [7; 16]).unwrap() + 20;
            let lengths = 1 + usize::from(file[block + 1]);
            let part = block + 1 + lengths;
            let (length, at) = (usize::from(file[part]), part + 1);
            let mut found = Vec::new();
            let mut reader = hadoop::decompressor(compression, &file[at..at + length]).unwrap();
            reader.read_to_end(&mut found).unwrap();
            assert_eq!((file[block], found), (3, keys.clone()), "{compression:?}");
        }
    }
}

#[test]
fn a_time_that_is_not_a_number_cannot_be_a_key() {
    let content = Content::Sequence { values: WriteFormat::Text, compression: Compression::None };
    let soon = event("x", &[(TIMESTAMP, "soon".into())]);
    assert_eq!(content.check(&soon).unwrap_err(), "its header timestamp is \"soon\", not a number of milliseconds");
    assert_eq!((content.check(&event("x", &[])), content.check(&at(1, "x"))), (Ok(()), Ok(())));
    assert_eq!(stream(Serializer::Text { newline: true }).check(&soon), Ok(()));
}

#[test]
fn a_file_of_events_in_avro_is_flumes_byte_for_byte() {
    let golden = include_bytes!("../testdata/flume-event.avro");
    let marker: [u8; 16] = golden[golden.len() - 16..].try_into().unwrap();
    let events = [
        ("click", "1109891125123", "a"),
        ("view", "1709164800000", "b"),
        ("view", "1709168399999", "c"),
        ("click", "1735648496789", "d"),
    ];
    let events = events.map(|(kind, time, letter)| {
        let headers = [("type", kind.to_owned()), (TIMESTAMP, time.to_owned())];
        event(format!("{time} {kind} {letter}"), &headers)
    });
    let blocks = AvroBlocks { codec: Compression::None, bytes: 2_048_000 };
    assert_eq!(written(&stream(Serializer::AvroEvent(blocks)), None, marker, &events), golden);
}

#[test]
fn another_reader_of_avro_finds_headers_and_bodies() {
    for codec in [Compression::Deflate, Compression::Snappy, Compression::Zstd] {
        let blocks = AvroBlocks { codec, bytes: 40 };
        let events: Vec<Event> = (0..20).map(|n| at(n, format!("event {n}"))).chain([event("", &[])]).collect();
        let file = written(&stream(Serializer::AvroEvent(blocks)), None, marker(), &events);
        let read: Vec<_> = apache_avro::Reader::new(&file[..]).unwrap().map(Result::unwrap).collect();
        let record = |headers: Vec<(String, apache_avro::types::Value)>, body: &str| {
            let headers = apache_avro::types::Value::Map(headers.into_iter().collect());
            let body = apache_avro::types::Value::Bytes(body.as_bytes().to_vec());
            apache_avro::types::Value::Record(vec![("headers".into(), headers), ("body".into(), body)])
        };
        assert_eq!(read.len(), 21);
        assert_eq!(read[7], record(vec![("timestamp".into(), "7".into())], "event 7"));
        assert_eq!(read[20], record(Vec::new(), ""));
    }
}

#[test]
fn bodies_of_avro_stand_in_a_file_of_their_schema() {
    let schema = r#"{"type": "record", "name": "C", "fields": [{"name": "path", "type": "string"}]}"#;
    let events = [event("\x04/a", &[]), event("\x06/bc", &[])];
    let blocks = AvroBlocks { codec: Compression::None, bytes: 1 };
    let file = written(&stream(Serializer::AvroBody(blocks)), Some(schema), marker(), &events);
    let reader = apache_avro::Reader::new(&file[..]).unwrap();
    let read: Vec<String> = reader.map(|record| format!("{:?}", record.unwrap())).collect();
    assert!(read.len() == 2 && read[1].contains("\"/bc\""), "{read:?}");
    assert!(FileEncoder::new(&stream(Serializer::AvroBody(blocks)), None, marker()).is_err());
}

#[test]
fn markers_cannot_be_known_beforehand() {
    assert_ne!(marker(), marker());
}

/// Flume ends a member of the gzip with each batch, and has readers read all of them; here a file is one member, whatever
/// is shipped in between.
#[test]
fn fv42_a_gzip_of_several_flushes_is_read_whole() {
    let lines = |gzip: &[u8]| {
        let mut text = String::new();
        hadoop::decompressor(Compression::Gzip, gzip).unwrap().read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let wanted: Vec<String> = (0..10).map(|number| format!("line {number:02} abcdefgh")).collect();
    let flumes = include_bytes!("../testdata/flume-batches.gz");
    assert!(flumes.windows(3).filter(|bytes| *bytes == [0x1f, 0x8b, 8]).count() == 4, "ten events in batches of three");
    assert_eq!(lines(flumes), wanted);
    let content = Content::Stream { serializer: Serializer::Text { newline: true }, compression: Compression::Gzip };
    let (mut encoder, mut out) = (FileEncoder::new(&content, None, [0; 16]).unwrap(), Vec::new());
    for batch in wanted.chunks(3) {
        batch.iter().for_each(|line| encoder.add(&event(line.clone(), &[]), Timestamp::UNIX_EPOCH, &mut out).unwrap());
        encoder.end_block(&mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    assert_eq!(lines(&out), wanted);
}

#[test]
fn a_block_waits_until_it_is_ended() {
    for content in [
        Content::Sequence { values: WriteFormat::Text, compression: Compression::Gzip },
        stream(Serializer::AvroEvent(AvroBlocks { codec: Compression::None, bytes: 1000 })),
    ] {
        let (mut encoder, mut out) = (FileEncoder::new(&content, None, [1; 16]).unwrap(), Vec::new());
        encoder.add(&at(1, "body"), Timestamp::now(), &mut out).unwrap();
        let (before, waiting) = (out.len(), encoder.waiting_bytes());
        encoder.end_block(&mut out).unwrap();
        assert!(waiting > 4 && out.len() > before && encoder.waiting_bytes() == 0, "{content:?}");
    }
}
