//! Messages of syslog, by both dialects, and where each ends on a connection.

use bytes::BytesMut;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::framing::{Framer, Framing};
use super::{Dialect, Field, Rules};
use crate::fuzz::{Target, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "syslog", seeds: messages, run: syslog },
    Target { name: "syslog-frames", seeds: connections, run: connection },
];

fn messages() -> Vec<Vec<u8>> {
    seeds(&[
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - failed",
        "<13>Oct 11 22:14:15 host tag: text",
        "<13>Feb  9 22:14:15 host tag",
        "<999>- - x",
    ])
}

fn syslog(data: &[u8]) {
    for dialect in [Dialect::Syslog, Dialect::Multiport] {
        for keep in [vec![], vec![Field::All], vec![Field::Priority, Field::Version, Field::Timestamp, Field::Hostname]]
        {
            let rules = Rules { dialect, keep, zone: TimeZone::UTC };
            let event = rules.event(data.to_vec().into(), false, Timestamp::UNIX_EPOCH);
            assert!(event.headers.get("timestamp").is_none_or(|ms| ms.parse::<i64>().is_ok()));
        }
    }
}

fn connections() -> Vec<Vec<u8>> {
    seeds(&[
        "7 <1>a\nb\n8 <2>two\n\n9 <3>three",
        "<1>line\n6 <2>two<3>line again\n12 is not a length\n6 <4>end",
        "120 <5>ab",
    ])
}

/// In which pieces the bytes come makes no difference.
fn connection(data: &[u8]) {
    for framing in [Framing::Lines, Framing::Octets, Framing::Auto] {
        let taken = |piece: usize| {
            let (mut framer, mut buffer, mut all) = (Framer::new(framing, 24), BytesMut::new(), Vec::new());
            for piece in data.chunks(piece) {
                buffer.extend_from_slice(piece);
                all.extend(framer.take(&mut buffer).ok()?);
            }
            Some((all, buffer))
        };
        let whole = taken(data.len().max(1));
        assert_eq!(taken(1), whole);
        assert_eq!(taken(7), whole);
        let bytes = whole.map_or(0, |(all, left)| left.len() + all.iter().map(|(one, _)| one.len()).sum::<usize>());
        assert!(bytes <= data.len());
    }
}
