//! A message of syslog as an event: RFC 5424's header without its structured data, or RFC 3164's, as Flume 1.11 takes
//! them apart.
//!
//! Flume has two parsers, which differ in the names of headers and in what they refuse ([`Dialect`]). What does not fit is
//! kept whole. Where Flume passes over a part of a time (a zone behind a fraction, fractions as whole milliseconds) or
//! counts on in another year, the time that was sent is taken.

use std::sync::LazyLock;

use bytes::Bytes;
use bytestring::ByteString;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::time;
use crate::agent::event::{Event, Header, Headers};

/// As which of Flume's sources messages are taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dialect {
    /// `syslogtcp` and `syslogudp`.
    #[default]
    Syslog,
    /// `multiport_syslogtcp`.
    Multiport,
}

/// A field of the header that stays in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Field {
    /// The whole message as it came.
    All,
    Priority,
    Version,
    Timestamp,
    Hostname,
}

/// How messages are taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub dialect: Dialect,
    pub keep: Vec<Field>,
    /// The zone of times that name none.
    pub zone: TimeZone,
}

/// The header that says what is wrong with a message.
const STATUS: &str = "flume.syslog.status";
const INVALID: &str = "Invalid";
const INCOMPLETE: &str = "Incomplete";

/// The parts of a message.
#[derive(Debug)]
struct Parts<'a> {
    priority: &'a [u8],
    version: &'a [u8],
    stamp: Option<&'a [u8]>,
    host: Option<&'a str>,
    body: &'a [u8],
    time_ms: Option<i64>,
}

/// What is known of a message.
#[derive(Debug)]
enum Known<'a> {
    Parts(Parts<'a>),
    /// Its priority alone.
    Priority(&'a [u8]),
    Nothing,
}

/// Flume's patterns for both kinds of headers, with a body over several lines.
static HEADERS: LazyLock<[Option<Regex>; 2]> = LazyLock::new(|| {
    let stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d:\d\d|Z)?";
    let old_stamp = r"[A-Z][a-z][a-z]\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d";
    [
        Regex::new(&format!(r"^(?s-u:<(\d{{1,3}})>(\d?)\s?(?:({stamp})|-)\s(?:(\w[\w.@-]*)|-)\s(.*))$")).ok(),
        Regex::new(&format!(r"^(?s-u:<(\d{{1,3}})>(\d?)\s?({old_stamp})\s(\w[\w.@-]*)\s(.*))$")).ok(),
    ]
});

impl Rules {
    /// The event of a message, without its newline; `is_cut` says that the rest of it is elsewhere.
    pub(super) fn event(&self, message: Bytes, is_cut: bool, now: Timestamp) -> Event {
        let known = match self.dialect {
            Dialect::Syslog => self.parse(&message, now),
            Dialect::Multiport => self.parse_multiport(&message, now).map_or(Known::Nothing, Known::Parts),
        };
        let (mut headers, body) = match &known {
            Known::Parts(parts) => (self.headers(parts), self.body(&message, parts)),
            Known::Priority(priority) => (of_priority(priority).into(), None),
            Known::Nothing if self.dialect == Dialect::Syslog => (of_priority(b"0").into(), None),
            Known::Nothing => (Vec::new(), None),
        };
        match known {
            Known::Nothing => headers.push(header(STATUS, INVALID)),
            _ if is_cut => headers.push(header(STATUS, INCOMPLETE)),
            _ => {}
        }
        Event { headers: Headers::new(None, headers), body: body.unwrap_or(message) }
    }

    fn parse<'a>(&self, message: &'a [u8], now: Timestamp) -> Known<'a> {
        let Some(priority) = priority(message) else { return Known::Nothing };
        for (is_old, pattern) in [false, true].into_iter().zip(HEADERS.iter()) {
            let Some(found) = pattern.as_ref().and_then(|pattern| pattern.captures(message)) else { continue };
            let [version, stamp, host, body] = [2, 3, 4, 5].map(|group| found.get(group).map(|group| group.as_bytes()));
            let time_ms = stamp.and_then(|stamp| match is_old {
                false => time::rfc5424(stamp, &self.zone),
                true => time::rfc3164(stamp, &self.zone, now),
            });
            let host = host.and_then(|host| std::str::from_utf8(host).ok());
            let (version, body) = (version.unwrap_or_default(), body.unwrap_or_default());
            return Known::Parts(Parts { priority, version, stamp, host, body, time_ms });
        }
        Known::Priority(priority)
    }

    /// As Flume's `SyslogParser`, which asks for a time and a host.
    fn parse_multiport<'a>(&self, message: &'a [u8], now: Timestamp) -> Option<Parts<'a>> {
        let end = message.iter().take(7).position(|byte| *byte == b'>')?;
        let priority = message[..end].strip_prefix(b"<").filter(|digits| is_number(digits))?;
        let rest = &message[end + 1..];
        let (version, rest) = match rest.strip_prefix(b"1 ") {
            Some(rest) if !rest.is_empty() => (&b"1"[..], rest),
            _ => (&b""[..], rest),
        };
        let (stamp, time_ms, rest) = match rest.first()? {
            b'-' => (&rest[..1], now.as_millisecond(), rest.get(2..).filter(|rest| !rest.is_empty())?),
            b'A'..=b'Z' => {
                let stamp = rest.get(..time::RFC3164_BYTES)?;
                (stamp, time::rfc3164(stamp, &self.zone, now)?, rest.get(time::RFC3164_BYTES + 1..)?)
            }
            _ => {
                let (stamp, rest) = split(rest)?;
                (stamp, time::rfc5424(stamp, &self.zone)?, rest)
            }
        };
        let (host, body) = split(rest)?;
        let host = std::str::from_utf8(host).ok()?;
        Some(Parts { priority, version, stamp: Some(stamp), host: Some(host), body, time_ms: Some(time_ms) })
    }

    fn headers(&self, parts: &Parts<'_>) -> Vec<Header> {
        let (priority, version) = match self.dialect {
            Dialect::Syslog => ("priority", "version"),
            Dialect::Multiport => ("Priority", "Version"),
        };
        let mut headers = Vec::from(of_priority(parts.priority));
        headers.push(header(priority, &String::from_utf8_lossy(parts.priority)));
        if !parts.version.is_empty() {
            headers.push(header(version, &String::from_utf8_lossy(parts.version)));
        }
        headers.extend(parts.time_ms.map(|ms| header("timestamp", &ms.to_string())));
        headers.extend(parts.host.filter(|host| !host.is_empty()).map(|host| header("host", host)));
        headers
    }

    /// The body with the fields that stay in it; `None` where it is the message as it came.
    fn body(&self, message: &Bytes, parts: &Parts<'_>) -> Option<Bytes> {
        let keeps = |field| self.keep.contains(&field);
        if keeps(Field::All) || (self.keep.is_empty() || self.dialect == Dialect::Multiport) && parts.body.is_empty() {
            return None;
        }
        if self.keep.is_empty() {
            return Some(message.slice_ref(parts.body));
        }
        let mut body = Vec::with_capacity(message.len());
        if keeps(Field::Priority) {
            body.extend([b"<", parts.priority, b">"].concat());
        }
        let version = Some(parts.version).filter(|version| keeps(Field::Version) && !version.is_empty());
        // RFC 5424's word for what is not known; Flume writes null.
        let stamp = keeps(Field::Timestamp).then(|| parts.stamp.unwrap_or(b"-"));
        let host = keeps(Field::Hostname).then(|| parts.host.map_or(&b"-"[..], str::as_bytes));
        for field in [version, stamp, host].into_iter().flatten() {
            body.extend_from_slice(field);
            body.push(b' ');
        }
        body.extend_from_slice(parts.body);
        Some(body.into())
    }
}

/// The digits of the priority in front of a message.
fn priority(message: &[u8]) -> Option<&[u8]> {
    let end = message.iter().take(5).position(|byte| *byte == b'>')?;
    message[..end].strip_prefix(b"<").filter(|digits| is_number(digits))
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// What stands before the first blank, and behind it.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = text.iter().position(|byte| *byte == b' ')?;
    Some((&text[..blank], &text[blank + 1..]))
}

fn of_priority(digits: &[u8]) -> [Header; 2] {
    let priority = digits.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    [header("Facility", &(priority / 8).to_string()), header("Severity", &(priority % 8).to_string())]
}

fn header(name: &'static str, value: &str) -> Header {
    (ByteString::from_static(name), ByteString::from(value))
}
