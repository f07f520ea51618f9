//! Messages of syslog, by both dialects.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Dialect, Field, Rules};
use crate::agent::fuzz::{Target, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "syslog", seeds: messages, run: syslog }];

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
