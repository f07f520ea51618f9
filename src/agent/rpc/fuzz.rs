//! Calls and answers in both protocols: what is read is the same when it is written and read again.

use tokio::io::AsyncRead;

use super::avro::{self, Session};
use super::deflate::Deflate;
use super::handshake::Agreement;
use super::thrift::{self, Encoding};
use super::{Asked, Event, Limits, Message, Speech};
use crate::fuzz::Target;

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "avro-call", seeds: avro_calls, run: avro_call },
    Target { name: "thrift-call", seeds: thrift_calls, run: thrift_call },
    Target { name: "rpc-messages", seeds: streams, run: stream },
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

/// The first byte says the protocol, and whether what follows is compressed.
fn streams() -> Vec<Vec<u8>> {
    let avro = b"\0\0\0\x01\0\0\0\x02\0\0\0\x03abc\0\0\0\x02de";
    // Zlib, stored: "\0\0\0\x02de".
    let zlib = b"\x78\x01\x01\x06\0\xf9\xff\0\0\0\x02de";
    [(0, &avro[..]), (1, b"\0\0\0\x02de\0\0\0\0"), (2, zlib), (3, zlib)]
        .map(|(how, rest)| [&[how], rest].concat())
        .into()
}

fn stream(data: &[u8]) {
    thread_local! {
        static RUNTIME: std::io::Result<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build();
    }
    let Some((how, mut bytes)) = data.split_first() else { return };
    let speech = if how & 1 == 0 { Speech::Avro } else { Speech::Thrift(Encoding::Compact) };
    RUNTIME.with(|runtime| {
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            match how & 2 {
                0 => messages(&mut bytes, speech).await,
                _ => messages(&mut Deflate::new(tokio::io::join(bytes, tokio::io::sink()), 6), speech).await,
            }
        });
    });
}

/// A message that is read is no longer than it may be, and comes back when it is written.
async fn messages(from: &mut (impl AsyncRead + Unpin), speech: Speech) {
    let limits = Limits { message_bytes: 1 << 16 };
    while let Ok(Some(message)) = Message::read(from, speech, limits).await {
        assert!(message.bytes.len() <= limits.message_bytes);
        let mut written = Vec::new();
        assert!(message.write(&mut written, speech).await.is_ok());
        let again = Message::read(&mut &written[..], speech, limits).await;
        assert!(again.is_ok_and(|again| again == Some(message)));
    }
}
