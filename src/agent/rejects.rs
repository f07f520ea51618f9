//! Malformed lines, put aside as JSON lines: `{"file":..,"offset":..,"reason":..,"line":..}`.
//!
//! A line that is not UTF-8 stands in `line_base64` instead of `line`. Nothing is left out but the end of a line that
//! is longer than the source reads; `file` and `offset` say where all of it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::line::LogLine;
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
    /// Why the first line was rejected.
    pub first_reason: Option<String>,
}

impl Rejects {
    /// Adds a line.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub(super) fn add(&mut self, rejected: &LogLine, file: &str, reason: &str) -> Result<()> {
        let line = std::str::from_utf8(&rejected.body).ok();
        let line_base64 = if line.is_none() { Some(STANDARD.encode(&rejected.body)) } else { None };
        let reject = Reject { file, offset: rejected.offset, reason, line, line_base64 };
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

    use super::*;

    #[test]
    fn text_stays_text() {
        let mut rejects = Rejects::default();
        let line =
            |body: &'static [u8]| LogLine { offset: 7, body: Bytes::from_static(body), line_bytes: 2, torn: false };
        rejects.add(&line(b"\"x"), "/log", "why").unwrap();
        rejects.add(&line(b"\xff\xfe"), "/log", "why").unwrap();
        let text = String::from_utf8(rejects.bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"file":"/log","offset":7,"reason":"why","line":"\"x"}"#);
        assert_eq!(lines[1], r#"{"file":"/log","offset":7,"reason":"why","line_base64":"//4="}"#);
    }
}
