//! A record as an event: its value is the body, and its headers are those that Flume's source sets: `timestamp`, the topic,
//! `partition`, `offset`, `key`, and what is asked for of the record's own.
//!
//! With `flume-event` the value is a whole event of headers and body, as Flume's own sink writes it. One that is not
//! stops the source, as nothing could be read of it, and Flume reads it again for ever.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use bytestring::ByteString;

use super::EventOptions;
use super::position::Partition;
use crate::agent::event::{Event, Header, Headers, names};
use crate::error::{self, Result};
use crate::kafka::Record;

const PARTITION: &str = "partition";
const OFFSET: &str = "offset";
const KEY: &str = "key";
/// The key of a record in Base64, where it is not UTF-8 and no header could hold it.
const KEY_BASE64: &str = "key.base64";
/// The record has no value at all, which Kafka tells from an empty one.
const NO_VALUE: &str = "kafka.null";

/// Makes events of the records of one partition.
pub(super) struct Events<'o> {
    options: &'o EventOptions,
    partition: &'o Partition,
    /// What all of them have.
    shared: Arc<[Header]>,
}

impl<'o> Events<'o> {
    pub(super) fn new(options: &'o EventOptions, partition: &'o Partition) -> Self {
        let mut shared: Vec<Header> = vec![header(PARTITION, partition.1.to_string())];
        if let Some(name) = &options.topic_header {
            shared.push(header(name, partition.0.clone()));
        }
        Self { options, partition, shared: shared.into() }
    }

    /// # Errors
    /// Data: the value is not an event of Flume's.
    pub(super) fn event(&self, record: Record) -> Result<Event> {
        let Record { offset, timestamp, key, value, headers } = record;
        let is_null = value.is_none();
        let mut body = value.unwrap_or_default();
        let mut own = Vec::new();
        if self.options.is_flume_event && !is_null {
            (own, body) = flume_event(body).map_err(|why| self.foreign(offset, why))?;
        }
        let mut event = Event { headers: Headers::new(Some(self.shared.clone()), own), body };
        // A header that the event brings along stays, but for those of the record.
        let mut set_missing = |name: &str, value: String| {
            if event.headers.get(name).is_none() {
                event.headers.set(name.to_owned(), value);
            }
        };
        set_missing(names::TIMESTAMP, timestamp.to_string());
        set_missing(OFFSET, offset.to_string());
        for (name, of_record) in &self.options.headers {
            for header in headers.iter().filter(|header| header.name == *of_record) {
                let value = header.value.clone().unwrap_or_default();
                event.headers.set(name.as_str(), String::from_utf8_lossy(&value).into_owned());
            }
        }
        match key.as_deref().map(|bytes| (std::str::from_utf8(bytes), bytes)) {
            None => {}
            Some((Ok(text), _)) => event.headers.set(KEY, text),
            Some((Err(_), bytes)) => event.headers.set(KEY_BASE64, STANDARD.encode(bytes)),
        }
        if is_null {
            event.headers.set(NO_VALUE, "true");
        }
        Ok(event)
    }

    fn foreign(&self, offset: i64, why: &str) -> error::Error {
        let (topic, number) = self.partition;
        error::data(format!(
            "topic {topic}, partition {number}, offset {offset}: the value is not an event of Flume's: {why}"
        ))
        .hint("take flume-event out, or move the group behind it: kafka-consumer-groups.sh --reset-offsets")
    }
}

fn header(name: &str, value: String) -> Header {
    (ByteString::from(name), ByteString::from(value))
}

/// Takes apart what Flume writes: a map of strings and bytes, in Avro's binary form.
pub(super) fn flume_event(mut bytes: Bytes) -> Result<(Vec<Header>, Bytes), &'static str> {
    let mut headers = Vec::new();
    loop {
        let mut count = long(&mut bytes)?;
        if count == 0 {
            break;
        }
        if count < 0 {
            // The bytes of the block, for who wants to pass over it.
            long(&mut bytes)?;
            count = count.checked_neg().ok_or("a block of headers is too long")?;
        }
        for _ in 0..count {
            let mut text = || ByteString::try_from(sized(&mut bytes)?).map_err(|_| "a header is not UTF-8");
            headers.push((text()?, text()?));
        }
    }
    let body = sized(&mut bytes)?;
    if bytes.is_empty() { Ok((headers, body)) } else { Err("bytes follow its body") }
}

fn sized(bytes: &mut Bytes) -> Result<Bytes, &'static str> {
    let length = usize::try_from(long(bytes)?).map_err(|_| "a length is negative")?;
    if length <= bytes.len() { Ok(bytes.split_to(length)) } else { Err("it ends before its end") }
}

fn long(bytes: &mut Bytes) -> Result<i64, &'static str> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let byte = bytes.try_get_u8().map_err(|_| "it ends before its end")?;
        if shift > 63 {
            return Err("a number is too long");
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::avro::{put_bytes, put_long};
    use crate::kafka;

    fn shown(event: &Event) -> String {
        let mut all: Vec<String> = event.headers.all().map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        format!("{} {}", all.join(" "), String::from_utf8_lossy(&event.body))
    }

    fn avro(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if !headers.is_empty() {
            put_long(&mut out, headers.len() as i64);
            headers.iter().for_each(|(name, value)| {
                put_bytes(&mut out, name.as_bytes());
                put_bytes(&mut out, value.as_bytes());
            });
        }
        put_long(&mut out, 0);
        put_bytes(&mut out, body);
        out
    }

    fn record(value: &[u8]) -> Record {
        let value = Some(Bytes::copy_from_slice(value));
        Record { offset: 7, timestamp: 99, key: None, value, headers: Vec::new() }
    }

    #[test]
    fn the_headers_are_those_of_flume() {
        let partition = ("clicks".to_owned(), 2);
        let options = EventOptions {
            topic_header: Some("topic".to_owned()),
            headers: [("tenant".to_owned(), "x-tenant".to_owned())].into(),
            is_flume_event: false,
        };
        let events = Events::new(&options, &partition);
        let header = kafka::Header { name: "x-tenant".to_owned(), value: Some(Bytes::from_static(b"eu")) };
        let whole = Record { key: Some(Bytes::from_static(b"k")), headers: vec![header], ..record(b"body") };
        let wanted = "key=k offset=7 partition=2 tenant=eu timestamp=99 topic=clicks body";
        assert_eq!(shown(&events.event(whole).unwrap()), wanted);
        let bare = Record { key: Some(Bytes::from_static(b"\xff")), value: None, ..record(b"") };
        let wanted = "kafka.null=true key.base64=/w== offset=7 partition=2 timestamp=99 topic=clicks ";
        assert_eq!(shown(&events.event(bare).unwrap()), wanted);
    }

    #[test]
    fn an_event_of_flume_keeps_its_own_headers() {
        let partition = ("clicks".to_owned(), 2);
        let options =
            EventOptions { topic_header: Some("topic".to_owned()), is_flume_event: true, ..EventOptions::default() };
        let events = Events::new(&options, &partition);
        let value = avro(&[("timestamp", "5"), ("partition", "1"), ("topic", "other"), ("host", "web1")], b"line");
        let wanted = "host=web1 offset=7 partition=1 timestamp=5 topic=other line";
        assert_eq!(shown(&events.event(record(&value)).unwrap()), wanted);
        for value in [&b""[..], b"\x01", b"text of no kind", &[&value[..], b"x"].concat()] {
            let said = events.event(record(value)).unwrap_err().to_string();
            assert!(said.contains("topic clicks, partition 2, offset 7"), "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = flume_event(bytes.into());
        }

        #[test]
        fn whole_events_come_back(headers in prop::collection::btree_map("[a-z]{1,5}", "[a-z]{0,5}", 0..5), body in prop::collection::vec(any::<u8>(), 0..60)) {
            let given: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (read, read_body) = flume_event(avro(&given, &body).into()).unwrap();
            prop_assert_eq!(read.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(), given);
            prop_assert_eq!(&read_body[..], &body[..]);
        }
    }
}
