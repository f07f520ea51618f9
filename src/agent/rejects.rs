//! Malformed events, put aside as JSON lines:
//! `{"file":..,"offset":..,"reason":..,"time":..,"sink":..,"headers":..,"line":..}`.
//!
//! A body that is not UTF-8 stands in `line_base64` instead of `line`; headers other than file and offset stand in
//! `headers`. Nothing is left out but the end of a line that is longer than its source reads; `file` and `offset` say
//! where all of it is. So a line can be read back ([`Rejected`]) as the event that it was.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Event, names};
use crate::error::{self, Result};

#[derive(Serialize, Deserialize)]
struct Reject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    reason: Cow<'a, str>,
    /// When it was put aside; earlier versions did not say it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    time: Cow<'a, str>,
    /// By which sink.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    sink: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
}

/// An event that was put aside, as a line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub event: Event,
    pub reason: String,
}

impl Rejected {
    /// Reads a line back.
    ///
    /// # Errors
    /// Why it is not such a line.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let reject: Reject<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
        let body = match (reject.line, reject.line_base64) {
            (Some(line), None) => line.into_owned().into(),
            (None, Some(text)) => STANDARD.decode(text).map_err(|e| format!("line_base64 is not base64: {e}"))?.into(),
            _ => return Err("it has not one of line and line_base64".to_owned()),
        };
        let mut event = Event { body, ..Event::default() };
        for (name, value) in reject.headers {
            event.headers.set(name.into_owned(), value.into_owned());
        }
        if let Some(file) = reject.file {
            event.headers.set(names::FILE, file.into_owned());
        }
        if let Some(offset) = reject.offset {
            event.headers.set(names::BYTE_OFFSET, offset.to_string());
        }
        // Lines of earlier versions say only by their reason that they are not whole.
        for (beginning, header) in [("longer than ", names::CUT), ("torn: ", names::TORN)] {
            if reject.reason.starts_with(beginning) && event.headers.get(header).is_none() {
                event.headers.set(header, "of an earlier version");
            }
        }
        Ok(Self { event, reason: reject.reason.into_owned() })
    }
}

/// Malformed events as the bytes of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejects {
    pub bytes: Vec<u8>,
    pub rows: u64,
    /// Why the first event was rejected.
    pub first_reason: Option<String>,
}

impl Rejects {
    /// Adds an event that a sink puts aside.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub(super) fn add(&mut self, rejected: &Event, reason: &str, sink: &str) -> Result<()> {
        let line = std::str::from_utf8(&rejected.body).ok();
        let line_base64 = if line.is_none() { Some(STANDARD.encode(&rejected.body)) } else { None };
        let (file, offset) = rejected.origin();
        // Other ways to write the number would not come back.
        let offset = offset.filter(|offset| rejected.headers.get(names::BYTE_OFFSET) == Some(&*offset.to_string()));
        let is_said = |name: &str| name == names::FILE || (name == names::BYTE_OFFSET && offset.is_some());
        let headers = rejected.headers.all().filter(|(name, _)| !is_said(name));
        let reject = Reject {
            file: file.map(Cow::Borrowed),
            offset,
            reason: reason.into(),
            time: Timestamp::now().to_string().into(),
            sink: sink.into(),
            headers: headers.map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value))).collect(),
            line: line.map(Cow::Borrowed),
            line_base64,
        };
        serde_json::to_writer(&mut self.bytes, &reject)
            .map_err(|e| error::bug("cannot write a reject as JSON").source(e))?;
        self.bytes.push(b'\n');
        self.rows += 1;
        self.first_reason.get_or_insert_with(|| reason.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_text() {
        let mut rejects = Rejects::default();
        let mut event = Event { body: Bytes::from_static(b"\"x"), ..Event::default() };
        event.headers.set(names::FILE, "/log");
        event.headers.set(names::BYTE_OFFSET, "7");
        rejects.add(&event, "why", "clicks").unwrap();
        let mut event = Event { body: Bytes::from_static(b"\xff\xfe"), ..Event::default() };
        event.headers.set("host", "web1");
        rejects.add(&event, "why", "clicks").unwrap();
        let text = String::from_utf8(rejects.bytes).unwrap();
        let without_time = |line: &str| {
            let (before, rest) = line.split_once("\"time\":\"").unwrap();
            let (time, after) = rest.split_once("\",").unwrap();
            time.parse::<Timestamp>().unwrap();
            format!("{before}{after}")
        };
        let lines: Vec<String> = text.lines().map(without_time).collect();
        assert_eq!(lines[0], r#"{"file":"/log","offset":7,"reason":"why","sink":"clicks","line":"\"x"}"#);
        assert_eq!(lines[1], r#"{"reason":"why","sink":"clicks","headers":{"host":"web1"},"line_base64":"//4="}"#);
    }

    #[test]
    fn lines_of_earlier_versions_are_read_and_others_refused() {
        let line = br#"{"file":"/log","offset":7,"reason":"longer than max-line-bytes: 70000 bytes","line":"x"}"#;
        let read = Rejected::read(line).unwrap();
        assert_eq!(read.event.origin(), (Some("/log"), Some(7)));
        assert!(read.event.is_whole().is_err(), "a part of a line is never taken for a whole one");
        for bad in [&b"x"[..], b"{}", br#"{"reason":"why"}"#, br#"{"reason":"why","line_base64":"?"}"#] {
            assert!(Rejected::read(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn an_event_comes_back_as_it_was(
            body in prop::collection::vec(any::<u8>(), 0..40),
            headers in prop::collection::btree_map("[a-z.]{1,12}|file|byteoffset|sakia.cut", "[0-9]{0,3}|.{0,8}", 0..6),
            reason in ".{0,20}",
        ) {
            let mut event = Event { body: body.into(), ..Event::default() };
            headers.into_iter().for_each(|(name, value)| event.headers.set(name, value));
            let mut rejects = Rejects::default();
            rejects.add(&event, &reason, "s").unwrap();
            let read = Rejected::read(rejects.bytes.trim_ascii_end()).unwrap();
            prop_assert_eq!(read, Rejected { event, reason });
        }
    }
}
