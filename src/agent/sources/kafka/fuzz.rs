//! Records as events, also those whose values are events of Flume's.

use bytes::Bytes;

use super::EventOptions;
use super::event::{Events, flume_event};
use crate::format::avro::{put_bytes, put_long};
use crate::fuzz::Target;
use crate::kafka::{Header, Record};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "kafka-event", seeds: values, run: value }];

fn written<'a>(headers: impl ExactSizeIterator<Item = (&'a str, &'a str)>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if headers.len() > 0 {
        put_long(&mut out, headers.len() as i64);
    }
    for (name, value) in headers {
        put_bytes(&mut out, name.as_bytes());
        put_bytes(&mut out, value.as_bytes());
    }
    put_long(&mut out, 0);
    put_bytes(&mut out, body);
    out
}

fn values() -> Vec<Vec<u8>> {
    let headers = [("host", "web1"), ("timestamp", "5")];
    let sized = b"\x03\x0a\x02k\x02v\x00\x04hi".to_vec();
    vec![written(headers.into_iter(), b"line"), written([].into_iter(), b""), sized]
}

/// An event that is read is the same when it is written and read again.
fn value(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    if let Ok((headers, body)) = flume_event(data.clone()) {
        let again = written(headers.iter().map(|(name, value)| (&**name, &**value)), &body);
        assert_eq!(flume_event(again.into()), Ok((headers, body)));
    }
    let partition = ("clicks".to_owned(), 2);
    let of = Some(("tenant".to_owned(), "h".to_owned()));
    for is_flume_event in [false, true] {
        let options =
            EventOptions { is_flume_event, headers: of.clone().into_iter().collect(), ..EventOptions::default() };
        let header = Header { name: "h".to_owned(), value: Some(data.clone()) };
        let record = Record {
            offset: 7,
            timestamp: 1,
            key: Some(data.clone()),
            value: Some(data.clone()),
            headers: vec![header],
        };
        if let Ok(event) = Events::new(&options, &partition).event(record) {
            assert!(is_flume_event || event.body == data);
            assert!(event.headers.get("key").or(event.headers.get("key.base64")).is_some());
        }
    }
}
