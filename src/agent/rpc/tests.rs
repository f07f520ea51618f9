//! Bytes of calls against what Flume sends, and whatever else may come.

use bytes::Bytes;
use proptest::prelude::*;

use super::handshake::Agreement;
use super::*;

fn event(headers: &[(&str, &str)], body: &[u8]) -> Event {
    let mut event = Event { body: Bytes::copy_from_slice(body), ..Event::default() };
    headers.iter().for_each(|(name, value)| event.headers.set(*name, *value));
    event
}

fn on<T>(act: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(act)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const MEMORY: usize = 1 << 20;

/// The first call that a client of Flume 1.11 sends, without its frame: one event with the header `k` = `v` and the body `hi`.
const FIRST_CALL: &str = "86aadae2c45474c0fe93ffd0f2350a65 00 86aadae2c45474c0fe93ffd0f2350a65 0200\
                          00 16 617070656e644261746368 02 02 026b 0276 00 04 6869 00";

#[test]
fn the_first_call_is_that_of_flume_byte_for_byte() {
    let events = [event(&[("k", "v")], b"hi")];
    assert_eq!(avro::call(&Agreement::Guessed, &events), hex(FIRST_CALL));
    let mut session = Session::default();
    let avro::Read { asked, head } = session.read(&hex(FIRST_CALL), MEMORY).unwrap();
    assert_eq!(asked, Asked::Append(events.to_vec()));
    // BOTH, no protocol, no MD5, no metadata; then no metadata, no error, OK.
    assert_eq!(avro::answer(head, Status::Ok), hex("00 00 00 00 00 00 00"));
    // There is one handshake a connection.
    let second = avro::call(&Agreement::Met, &events);
    assert_eq!(second, hex(FIRST_CALL)[35..]);
    let avro::Read { asked, head } = session.read(&second, MEMORY).unwrap();
    assert_eq!((asked, head), (Asked::Append(events.to_vec()), Vec::new()));
}

#[test]
fn answers_of_flume_are_read() {
    // Of its sources: the first answer of a connection, later ones, and one to a call that there is not.
    let of = |agreement: &mut Agreement, text: &str| avro::answered(agreement, &hex(text));
    let mut agreement = Agreement::Guessed;
    assert_eq!(of(&mut agreement, "00000000 00 0000"), Ok(avro::Answer::Status(Status::Ok)));
    assert_eq!(of(&mut agreement, "00 0002"), Ok(avro::Answer::Status(Status::Failed)));
    let said = "No such remote message: foo";
    let declined = [hex("00 01 00 36"), said.as_bytes().to_vec()].concat();
    assert_eq!(avro::answered(&mut agreement, &declined), Ok(avro::Answer::Declined(said.to_owned())));
    let failed = hex("82 41 01 0b 617070656e644261746368 05 00 02 00");
    assert_eq!(thrift::answered(Encoding::Compact, 1, &failed), Ok(Ok(Status::Failed)));
}

#[test]
fn a_thrift_call_is_that_of_flume_byte_for_byte() {
    // Compact: protocol, call, number 1, name, list of one structure, map of one pair, body.
    let compact = hex("82 21 01 0b 617070656e644261746368 19 1c 1b 01 88 016b 0176 18 02 6869 00 00");
    let binary = hex(
        "80010001 0000000b 617070656e644261746368 00000001 0f0001 0c 00000001 0d0001 0b0b 00000001 00000001 6b 00000001 76\
         0b0002 00000002 6869 00 00",
    );
    let events = [event(&[("k", "v")], b"hi")];
    for (encoding, bytes) in [(Encoding::Compact, compact), (Encoding::Binary, binary)] {
        assert_eq!(thrift::call(encoding, 1, &events).unwrap(), bytes);
        let read = thrift::read(encoding, &bytes, MEMORY).unwrap();
        assert_eq!(read.asked, Asked::Append(events.to_vec()));
        for status in [Status::Ok, Status::Failed, Status::Error, Status::Unknown] {
            let answer = thrift::answer(encoding, &read, status).unwrap();
            assert_eq!(thrift::answered(encoding, 1, &answer), Ok(Ok(status)));
            assert!(thrift::answered(encoding, 2, &answer).is_err());
        }
        let declined = thrift::declined(encoding, &read, "no").unwrap();
        assert_eq!(thrift::answered(encoding, 1, &declined), Ok(Err("no".to_owned())));
    }
}

#[test]
fn what_there_is_not_is_declined_and_memory_is_bounded() {
    let mut session = Session::default();
    let head = &hex(FIRST_CALL)[..35];
    let unknown = [head, &hex("00 06 666f6f")].concat();
    let avro::Read { asked, head: answer } = session.read(&unknown, MEMORY).unwrap();
    assert_eq!(asked, Asked::Unknown("foo".to_owned()));
    let mut agreement = Agreement::Guessed;
    let answer = avro::declined(answer, "there is no call foo");
    assert_eq!(avro::answered(&mut agreement, &answer), Ok(avro::Answer::Declined("there is no call foo".to_owned())));
    assert_eq!(agreement, Agreement::Met);
    // An event takes two bytes on the wire, and many more here.
    let many = avro::call(&Agreement::Met, &vec![Event::default(); 100_000]);
    assert_eq!(session.read(&many, MEMORY).err(), Some(Malformed::new("its events take too much memory")));
    let many = thrift::call(Encoding::Compact, 1, &vec![Event::default(); 100_000]).unwrap();
    let said = thrift::read(Encoding::Compact, &many, MEMORY).unwrap_err();
    assert_eq!(said, Malformed::new("its events take too much memory"));
    // A list that says it is longer than the message.
    let lying = hex("82 21 01 0b 617070656e644261746368 19 fc ffffffff07");
    assert!(thrift::read(Encoding::Compact, &lying, MEMORY).is_err());
}

#[test]
fn a_message_longer_than_allowed_is_not_read() {
    let limits = Limits { message_bytes: 1_000 };
    for (speech, bytes) in [
        (Speech::Avro, "00000001 00000001 000003e9"),
        (Speech::Avro, "00000001 00000002 000001f4"),
        (Speech::Avro, "00000001 7fffffff 00000000"),
        (Speech::Thrift(Encoding::Compact), "000003e9"),
        (Speech::Thrift(Encoding::Binary), "ffffffff"),
    ] {
        let bytes = [hex(bytes), vec![0; 500], hex("000001f5"), vec![0; 600]].concat();
        let error = on(Message::read(&mut &bytes[..], speech, limits)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{bytes:?}");
    }
    assert_eq!(on(Message::read(&mut &b""[..], Speech::Avro, limits)).unwrap(), None);
    assert!(on(Message::read(&mut &b"\0\0"[..], Speech::Avro, limits)).is_err());
    let two = hex("00000007 00000002 00000001 61 00000002 6263");
    let message = on(Message::read(&mut &two[..], Speech::Avro, limits)).unwrap();
    assert_eq!(message, Some(Message { serial: 7, bytes: b"abc".to_vec() }));
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let headers = prop::collection::btree_map(".{0,12}", ".{0,12}", 0..5);
    let event = (headers, prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(headers, body)| {
        let mut event = Event { body: body.into(), ..Event::default() };
        headers.into_iter().for_each(|(name, value)| event.headers.set(name, value));
        event
    });
    prop::collection::vec(event, 0..20)
}

proptest! {
    #[test]
    fn events_come_back_by_each_way(events in events(), serial in any::<u32>()) {
        let mut session = Session::default();
        for agreement in [Agreement::Asked([3; 16]), Agreement::Met] {
            let bytes = avro::call(&agreement, &events);
            let mut wire = Vec::new();
            on(Message { serial, bytes: bytes.clone() }.write(&mut wire, Speech::Avro)).unwrap();
            let back = on(Message::read(&mut &wire[..], Speech::Avro, Limits { message_bytes: 1 << 20 })).unwrap();
            prop_assert_eq!(back, Some(Message { serial, bytes: bytes.clone() }));
            prop_assert_eq!(session.read(&bytes, MEMORY).unwrap().asked, Asked::Append(events.clone()));
        }
        for encoding in [Encoding::Compact, Encoding::Binary] {
            let bytes = thrift::call(encoding, 5, &events).unwrap();
            prop_assert_eq!(thrift::read(encoding, &bytes, MEMORY).unwrap().asked, Asked::Append(events.clone()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..120, flip in any::<(u8, u8)>()) {
        let answers = |bytes: &[u8]| {
            let _ = Session::default().read(bytes, MEMORY);
            let _ = (avro::answered(&mut Agreement::Guessed, bytes), avro::answered(&mut Agreement::Met, bytes));
            for encoding in [Encoding::Compact, Encoding::Binary] {
                let _ = (thrift::read(encoding, bytes, MEMORY), thrift::answered(encoding, 1, bytes));
            }
            for speech in [Speech::Avro, Speech::Thrift(Encoding::Compact)] {
                let _ = on(Message::read(&mut &bytes[..], speech, Limits { message_bytes: 1_000 }));
            }
        };
        answers(&bytes);
        answers(&[&hex(FIRST_CALL)[..35], &bytes].concat());
        // A call that was damaged: cut off, one byte another, and something behind it.
        let whole = [
            hex(FIRST_CALL),
            avro::call(&Agreement::Asked([1; 16]), &[event(&[("k", "v")], b"hi")]),
            thrift::call(Encoding::Compact, 1, &[event(&[("k", "v")], b"hi")]).unwrap(),
            thrift::call(Encoding::Binary, 1, &[event(&[("k", "v")], b"hi")]).unwrap(),
        ];
        for mut call in whole {
            let place = usize::from(flip.0) % call.len();
            call[place] ^= flip.1;
            answers(&call);
            call.truncate(cut);
            answers(&call);
            call.extend(&bytes);
            answers(&call);
        }
    }
}
