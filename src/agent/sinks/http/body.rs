//! Events as the body of a request.

use std::borrow::Cow;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::agent::event::Event;
use crate::error::{self, Result};

/// What a request holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Form {
    /// The body of one event, as it is.
    #[default]
    Body,
    /// The bodies of events, a line each.
    Lines,
    /// The bodies of events, each of which is JSON, as a JSON array.
    Array,
    /// A JSON array of events, as Flume's http source takes them: `{"headers": {}, "body": ""}`.
    Events,
}

#[derive(Serialize)]
struct Whole<'a> {
    headers: std::collections::BTreeMap<&'a str, &'a str>,
    body: Cow<'a, str>,
}

impl Form {
    /// The content type, where nobody says another.
    pub(in crate::agent) fn content_type(self) -> &'static str {
        match self {
            Self::Body => "application/octet-stream",
            Self::Lines => "application/x-ndjson",
            Self::Array | Self::Events => "application/json",
        }
    }

    /// An event as its part of a body.
    ///
    /// # Errors
    /// Why it can be none.
    pub(in crate::agent) fn part(self, event: &Event) -> Result<Vec<u8>, String> {
        event.is_whole()?;
        match self {
            Self::Body => {}
            Self::Lines if event.body.contains(&b'\n') => {
                return Err("has a newline in its body, and would be two lines".to_owned());
            }
            Self::Lines => {}
            Self::Array => {
                serde_json::from_slice::<serde::de::IgnoredAny>(&event.body)
                    .map_err(|e| format!("its body is not JSON: {e}"))?;
            }
            Self::Events => {
                let body = std::str::from_utf8(&event.body).map_err(|_| "its body is not UTF-8")?;
                let headers = event.headers.all().map(|(name, value)| (&**name, &**value)).collect();
                return serde_json::to_vec(&Whole { headers, body: body.into() }).map_err(|e| e.to_string());
            }
        }
        Ok(event.body.to_vec())
    }

    /// A body of parts.
    pub(in crate::agent) fn join<'a>(self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        if matches!(self, Self::Array | Self::Events) {
            out.push(b'[');
        }
        for (number, part) in parts.enumerate() {
            if number > 0 && matches!(self, Self::Array | Self::Events) {
                out.push(b',');
            }
            out.extend_from_slice(part);
            if self == Self::Lines {
                out.push(b'\n');
            }
        }
        if matches!(self, Self::Array | Self::Events) {
            out.push(b']');
        }
        out
    }
}

/// A body compressed by gzip.
///
/// # Errors
/// Bug: memory cannot be written to.
pub(super) fn gzipped(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let done = encoder.write_all(body).and_then(|()| encoder.finish());
    done.map_err(|e| error::bug("a request cannot be compressed").source(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &'static [u8]) -> Event {
        let mut event = Event { body: body.into(), ..Event::default() };
        event.headers.set("h", "1");
        event
    }

    #[test]
    fn bodies_are_joined_as_their_form_says() {
        let of = |form: Form| {
            let parts = [event(b"{\"a\":1}"), event(b"2")].map(|event| form.part(&event).unwrap());
            String::from_utf8(form.join(parts.iter().map(Vec::as_slice))).unwrap()
        };
        assert_eq!(of(Form::Lines), "{\"a\":1}\n2\n");
        assert_eq!(of(Form::Array), "[{\"a\":1},2]");
        let events = r#"[{"headers":{"h":"1"},"body":"{\"a\":1}"},{"headers":{"h":"1"},"body":"2"}]"#;
        assert_eq!(of(Form::Events), events);
        assert_eq!(Form::Body.part(&event(b"\xff\n")).unwrap(), b"\xff\n");
    }

    #[test]
    fn what_would_be_something_else_there_is_refused() {
        for (form, body, said) in [
            (Form::Lines, &b"a\nb"[..], "newline"),
            (Form::Array, b"{", "not JSON"),
            (Form::Array, b"1,2", "not JSON"),
            (Form::Events, b"\xff", "not UTF-8"),
        ] {
            let why = form.part(&event(body)).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}
