//! One request as Apache logs it:
//! `%h %l %u [%t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i" rt=%D sid=%{SESSIONID}C vid=%{VISITOR}C`.
//!
//! Source: the manual of Apache's mod_log_config: within quotes a quote and a backslash get a
//! backslash before them, and what is not printable ASCII is written as `\xhh`.

use std::io::Write;

use jiff::Timestamp;
use jiff::fmt::strtime;

use crate::Entry;

/// What a web server knows of one request. An empty text is logged as `-`.
pub struct Request<'a> {
    pub client: &'a str,
    pub customer: Option<u32>,
    /// Seconds since 1970.
    pub at: i64,
    /// The request line as it came in, which need not be HTTP.
    pub line: &'a [u8],
    pub status: u16,
    /// Bytes of the answer's body; `None` when it had none.
    pub bytes: Option<u32>,
    pub referer: &'a str,
    pub agent: &'a str,
    pub micros: u32,
    pub session: &'a str,
    pub visitor: &'a str,
}

impl Request<'_> {
    /// The request as a line that reaches the log at once.
    pub fn entry(&self) -> Entry {
        Entry { at: Some(self.at), logged_at: self.at, text: self.text() }
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        let customer = self.customer.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let bytes = self.bytes.map_or_else(|| "-".to_owned(), |n| n.to_string());
        put(&mut text, format_args!("{} - {customer} [{}] \"", self.client, time(self.at)));
        escape(&mut text, self.line);
        put(&mut text, format_args!("\" {} {bytes} \"", self.status));
        escape(&mut text, or_dash(self.referer).as_bytes());
        text.extend_from_slice(b"\" \"");
        escape(&mut text, or_dash(self.agent).as_bytes());
        let (session, visitor) = (or_dash(self.session), or_dash(self.visitor));
        put(&mut text, format_args!("\" rt={} sid={session} vid={visitor}", self.micros));
        text
    }
}

fn put(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok(), "a Vec takes every write");
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Escapes as mod_log_config does.
fn escape(text: &mut Vec<u8>, raw: &[u8]) {
    for byte in raw {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => text.push(*byte),
            _ => put(text, format_args!("\\x{byte:02x}")),
        }
    }
}

/// `28/Mar/2011:01:59:58 +0000`: the shop logs in UTC.
fn time(seconds: i64) -> String {
    // Every time comes from a parsed date, or a day's distance from one, so it is in range.
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    strtime::format("%d/%b/%Y:%H:%M:%S +0000", time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_apache_writes() {
        let request = Request {
            client: "2001:db8::7",
            customer: Some(17850),
            at: 1_301_277_598,
            line: b"GET /search?q=\"heart\" HTTP/1.1",
            status: 304,
            bytes: None,
            referer: "",
            agent: "Kiosk \"till\\3\" \u{a3}\t",
            micros: 48211,
            session: "s1f0",
            visitor: "",
        };
        let expected = concat!(
            r#"2001:db8::7 - 17850 [28/Mar/2011:01:59:58 +0000] "GET /search?q=\"heart\" HTTP/1.1" 304 - "-" "#,
            r#""Kiosk \"till\\3\" \xc2\xa3\x09" rt=48211 sid=s1f0 vid=-"#
        );
        assert_eq!(String::from_utf8_lossy(&request.text()), expected);
    }
}
