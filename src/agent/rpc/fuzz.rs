//! Calls and answers in both protocols: what is read is the same when it is written and read again.

use super::avro::{self, Session};
use super::handshake::Agreement;
use super::thrift::{self, Encoding};
use super::{Asked, Event};
use crate::agent::fuzz::Target;

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "avro-call", seeds: avro_calls, run: avro_call },
    Target { name: "thrift-call", seeds: thrift_calls, run: thrift_call },
];

/// Memory that the events of a call may take; as much again where it is read for the second time.
const MEMORY: usize = 1 << 20;

fn events() -> Vec<Event> {
    let mut event = Event { body: "hi".into(), ..Event::default() };
    event.headers.set("k", "v");
    vec![event, Event::default()]
}

fn avro_calls() -> Vec<Vec<u8>> {
    [Agreement::Guessed, Agreement::Asked([7; 16])].map(|agreement| avro::call(&agreement, &events())).into()
}

fn thrift_calls() -> Vec<Vec<u8>> {
    let call = |encoding| thrift::call(encoding, 1, &events()).unwrap_or_default();
    [Encoding::Compact, Encoding::Binary].map(call).into()
}

fn avro_call(data: &[u8]) {
    let _ = (avro::answered(&mut Agreement::Guessed, data), avro::answered(&mut Agreement::Met, data));
    if let Ok(avro::Read { asked: Asked::Append(events), .. }) = Session::default().read(data, MEMORY) {
        let again = avro::call(&Agreement::Guessed, &events);
        let read = Session::default().read(&again, 2 * MEMORY).map(|read| read.asked);
        assert_eq!(read, Ok(Asked::Append(events)));
    }
}

fn thrift_call(data: &[u8]) {
    for encoding in [Encoding::Compact, Encoding::Binary] {
        let _ = thrift::answered(encoding, 1, data);
        if let Ok(thrift::Read { asked: Asked::Append(events), .. }) = thrift::read(encoding, data, MEMORY) {
            let again = thrift::call(encoding, 1, &events).unwrap_or_default();
            let read = thrift::read(encoding, &again, 2 * MEMORY).map(|read| read.asked);
            assert_eq!(read, Ok(Asked::Append(events)));
        }
    }
}
