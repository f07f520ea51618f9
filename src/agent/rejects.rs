//! Malformed lines, put aside as JSON lines: `{"file":..,"offset":..,"reason":..,"line":..}`.
//!
//! A line that is not UTF-8 stands in `line_base64` instead of `line`. Nothing is left out but the end of a line that
//! is longer than the source reads; `file` and `offset` say where all of it is.

use serde::Serialize;

use super::event::Event;
use crate::error::{self, Result};

#[derive(Serialize)]
struct Reject<'a> {
    file: &'a str,
    offset: u64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
}

/// Malformed lines as the bytes of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejects {
    pub bytes: Vec<u8>,
    pub rows: u64,
}

impl Rejects {
    /// Adds a line.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub fn add(&mut self, event: &Event, file: &str, reason: &str) -> Result<()> {
        let line = std::str::from_utf8(&event.body).ok();
        let line_base64 = if line.is_none() { Some(base64(&event.body)) } else { None };
        let reject = Reject { file, offset: event.offset, reason, line, line_base64 };
        serde_json::to_writer(&mut self.bytes, &reject)
            .map_err(|e| error::bug("cannot write a reject as JSON").source(e))?;
        self.bytes.push(b'\n');
        self.rows += 1;
        Ok(())
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| chunk.get(i).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn rfc_4648_vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn text_stays_text() {
        let mut rejects = Rejects::default();
        let event = |body: &'static [u8]| Event { offset: 7, body: Bytes::from_static(body), line_bytes: 2 };
        rejects.add(&event(b"\"x"), "/log", "why").unwrap();
        rejects.add(&event(b"\xff\xfe"), "/log", "why").unwrap();
        let text = String::from_utf8(rejects.bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"file":"/log","offset":7,"reason":"why","line":"\"x"}"#);
        assert_eq!(lines[1], r#"{"file":"/log","offset":7,"reason":"why","line_base64":"//4="}"#);
    }
}
