//! The combined log format, field by field:
//!
//! ```text
//! %h %l %u [%t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i" [rt=%D] [sid=<session>] [vid=<visitor>]
//! ```
//!
//! `-` is NULL. A request line that is no HTTP is a valid line: servers log what they get. A line that does not hold
//! all fields up to the user agent, whose time is none, or that has anything else behind it, is malformed; so is one
//! that is not UTF-8, for servers escape what is not ASCII.
//!
//! Source: Apache httpd 2.4 mod_log_config, nginx ngx_http_log_module.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

use super::escape::{quoted, unescape};
use super::request::RequestLine;

/// One request, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// `%h`: the client's address or name.
    pub host: Option<&'a str>,
    /// `%u`: who signed in.
    pub user: Option<Cow<'a, str>>,
    /// `%t`.
    pub time: Timestamp,
    /// `%r`, whatever it is.
    pub request: Option<Cow<'a, str>>,
    /// `%>s`.
    pub status: Option<i32>,
    /// `%b`: bytes of the answer's body.
    pub bytes: Option<i64>,
    /// `%{Referer}i`.
    pub referrer: Option<Cow<'a, str>>,
    /// `%{User-Agent}i`.
    pub user_agent: Option<Cow<'a, str>>,
    /// `rt=%D`: how long the answer took, in microseconds.
    pub runtime_us: Option<i64>,
    /// `sid=`.
    pub session: Option<&'a str>,
    /// `vid=`.
    pub visitor: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Reads a line without its end.
    ///
    /// # Errors
    /// Why the line is malformed.
    pub fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
        if line.is_empty() {
            return Err("empty line");
        }
        let (host, rest) = line.split_once(' ').ok_or("truncated in the host")?;
        let (_ident, rest) = rest.split_once(' ').ok_or("truncated in the identity")?;
        let (user, time, rest) = user_and_time(rest)?;
        let (request, rest) = quoted_field(rest).ok_or("truncated in the request line")?;
        let (status, rest) = rest.strip_prefix(' ').and_then(|r| r.split_once(' ')).ok_or("truncated in the status")?;
        let (bytes, rest) = rest.split_once(' ').ok_or("truncated in the bytes")?;
        let (referrer, rest) = quoted_field(rest).ok_or("truncated in the referrer")?;
        let rest = rest.strip_prefix(' ').ok_or("no blank behind the referrer")?;
        let (user_agent, rest) = quoted_field(rest).ok_or("truncated in the user agent")?;
        let mut parsed = Self {
            host: known(host),
            user,
            time,
            request,
            status: known(status).map(status_code).transpose()?,
            bytes: known(bytes).map(|b| number(b).ok_or("bytes are not a number")).transpose()?,
            referrer,
            user_agent,
            runtime_us: None,
            session: None,
            visitor: None,
        };
        parsed.read_extensions(rest)?;
        Ok(parsed)
    }

    /// The parts of the request line, where it is one.
    pub fn request_line(&self) -> Option<RequestLine<'_>> {
        RequestLine::new(self.request.as_deref()?)
    }

    fn read_extensions(&mut self, rest: &'a str) -> Result<(), &'static str> {
        let mut rest = rest;
        while !rest.is_empty() {
            let field = rest.strip_prefix(' ').ok_or("text behind a quote")?;
            let (field, behind) = field.find(' ').map_or((field, ""), |at| field.split_at(at));
            match field.split_once('=') {
                Some(("rt", value)) => {
                    self.runtime_us = known(value).map(|v| number(v).ok_or("rt is not a number")).transpose()?;
                }
                Some(("sid", value)) => self.session = known(value),
                Some(("vid", value)) => self.visitor = known(value),
                _ => return Err("unknown field behind the user agent"),
            }
            rest = behind;
        }
        Ok(())
    }
}

/// `-` says that the server does not know.
fn known(field: &str) -> Option<&str> {
    (field != "-").then_some(field)
}

fn known_text(field: &str) -> Option<Cow<'_, str>> {
    known(field).map(unescape)
}

fn quoted_field(text: &str) -> Option<(Option<Cow<'_, str>>, &str)> {
    let (field, rest) = quoted(text)?;
    Some((known_text(field), rest))
}

/// A number of digits alone.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn status_code(text: &str) -> Result<i32, &'static str> {
    let is_code = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| text.parse().ok()).flatten().ok_or("the status is not three digits")
}

/// Splits `user [time] rest`. A user may hold blanks, so it ends where a time begins; `""` is an empty one.
fn user_and_time(text: &str) -> Result<(Option<Cow<'_, str>>, Timestamp, &str), &'static str> {
    let mut why = "truncated in the time";
    for (at, _) in text.match_indices(" [") {
        let (time, rest) = text[at + 2..].split_at_checked(TIME_BYTES).ok_or(why)?;
        match (timestamp(time.as_bytes()), rest.strip_prefix("] ")) {
            (Some(time), Some(rest)) => {
                let user = &text[..at];
                let user = if user == "\"\"" { Some(Cow::Borrowed("")) } else { known_text(user) };
                return Ok((user, time, rest));
            }
            _ => why = "the time is none",
        }
    }
    Err(why)
}

/// Bytes of `28/Mar/2021:01:59:58 +0000`.
const TIME_BYTES: usize = 26;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads `28/Mar/2021:01:59:58 +0530`.
fn timestamp(text: &[u8]) -> Option<Timestamp> {
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if text.len() != TIME_BYTES || !separators.iter().all(|(at, byte)| text[*at] == *byte) {
        return None;
    }
    let month = MONTHS.iter().position(|m| *m == &text[3..6])?;
    let small = |from: usize| digits(&text[from..from + 2]).and_then(|d| i8::try_from(d).ok());
    let year = i16::try_from(digits(&text[7..11])?).ok()?;
    let date = Date::new(year, i8::try_from(month + 1).ok()?, small(0)?).ok()?;
    let time = Time::new(small(12)?, small(15)?, small(18)?, 0).ok()?;
    let (hours, minutes) = (digits(&text[22..24])?, digits(&text[24..26])?);
    let sign = match text[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let seconds = (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))?;
    Offset::from_seconds(seconds).ok()?.to_timestamp(date.to_datetime(time)).ok()
}

fn digits(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = concat!(
        r#"203.0.113.9 - 8812 [28/Mar/2021:01:59:58 +0530] "GET /p/85123A?q=\"x\" HTTP/1.1" 200 5131 "#,
        r#""https://mail.example/" "Mozilla/5.0 (Linux; Android 11)" rt=48211 sid=s1f0 vid=v77c"#
    );

    #[test]
    fn a_whole_line() {
        let line = Line::parse(LINE.as_bytes()).unwrap();
        assert_eq!(line.host, Some("203.0.113.9"));
        assert_eq!(line.user.as_deref(), Some("8812"));
        assert_eq!(line.time.to_string(), "2021-03-27T20:29:58Z");
        let request = line.request_line().unwrap();
        assert_eq!((request.method, request.path, request.query), ("GET", "/p/85123A", Some("q=\"x\"")));
        assert_eq!((line.status, line.bytes, line.runtime_us), (Some(200), Some(5131), Some(48211)));
        assert_eq!(line.referrer.as_deref(), Some("https://mail.example/"));
        assert_eq!(line.user_agent.as_deref(), Some("Mozilla/5.0 (Linux; Android 11)"));
        assert_eq!((line.session, line.visitor), (Some("s1f0"), Some("v77c")));
    }

    #[test]
    fn dashes_are_null_and_extensions_may_be_missing() {
        let line = Line::parse(br#"h - - [01/Dec/2010:00:00:00 -0000] "-" 408 - "-" "-""#).unwrap();
        assert_eq!(
            (line.user, line.request, line.bytes, line.referrer, line.user_agent),
            (None, None, None, None, None)
        );
        let line = Line::parse(br#"h - - [01/Dec/2010:00:00:00 +0000] "" 400 0 "" "" vid=- sid=x"#).unwrap();
        assert_eq!(line.request.as_deref(), Some(""));
        assert_eq!((line.session, line.visitor, line.runtime_us), (Some("x"), None, None));
    }

    #[test]
    fn users_with_blanks_and_brackets() {
        for (user, expected) in [("john [x] doe", "john [x] doe"), ("\"\"", ""), (r"a\x20b", "a b")] {
            let line = format!(r#"h - {user} [01/Dec/2010:00:00:00 +0000] "-" 200 0 "-" "-""#);
            assert_eq!(Line::parse(line.as_bytes()).unwrap().user.as_deref(), Some(expected));
        }
    }

    #[test]
    fn garbage_requests_are_valid_lines() {
        for request in ["", "GET", r#"\x16\x03\x01\x00\x8b\x01\x00\"\x87\\"#, "hello"] {
            let text = LINE.replace(r#"GET /p/85123A?q=\"x\" HTTP/1.1"#, request);
            let line = Line::parse(text.as_bytes()).unwrap();
            assert_eq!(line.request.as_deref(), Some(request));
            assert_eq!(line.request_line(), None);
        }
    }

    #[test]
    fn malformed_lines_say_why() {
        let agent_end = LINE.rfind('"').unwrap();
        for end in 0..agent_end {
            assert!(Line::parse(&LINE.as_bytes()[..end]).is_err(), "{}", &LINE[..end]);
        }
        for (from, to, why) in [
            ("28/Mar", "31/Feb", "the time is none"),
            ("01:59:58", "24:00:00", "the time is none"),
            ("+0530", "+0560", "the time is none"),
            (" 200 ", " 20 ", "the status is not three digits"),
            (" 5131 ", " 51x ", "bytes are not a number"),
            ("rt=48211", "rt=-5", "rt is not a number"),
            ("vid=v77c", "vi", "unknown field behind the user agent"),
            (" rt=", "rt=", "text behind a quote"),
        ] {
            assert_eq!(Line::parse(LINE.replace(from, to).as_bytes()), Err(why), "{to}");
        }
        assert_eq!(Line::parse(b"\xff\xfe"), Err("not UTF-8"));
        assert_eq!(Line::parse(b""), Err("empty line"));
    }

    /// Writes as mod_log_config does.
    fn escape(text: &str) -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            match byte {
                b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
                b' '..=b'~' => out.push(char::from(byte)),
                _ => out.push_str(&format!("\\x{byte:02x}")),
            }
            out
        })
    }

    fn format_line(line: &Line<'_>, offset_minutes: i32) -> String {
        let dash = |field: Option<String>| field.unwrap_or_else(|| "-".into());
        let text = |field: &Option<Cow<'_, str>>| dash(field.as_deref().map(escape));
        let user = if line.user.as_deref() == Some("") { "\"\"".to_owned() } else { text(&line.user) };
        let local = Offset::from_seconds(offset_minutes * 60).unwrap().to_datetime(line.time);
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let zone = format!("{sign}{:02}{:02}", offset_minutes.abs() / 60, offset_minutes.abs() % 60);
        format!(
            "{} - {user} [{} {zone}] \"{}\" {} {} \"{}\" \"{}\" rt={} sid={} vid={}",
            line.host.unwrap_or("-"),
            local.strftime("%d/%b/%Y:%H:%M:%S"),
            text(&line.request),
            dash(line.status.map(|s| s.to_string())),
            dash(line.bytes.map(|b| b.to_string())),
            text(&line.referrer),
            text(&line.user_agent),
            dash(line.runtime_us.map(|r| r.to_string())),
            line.session.unwrap_or("-"),
            line.visitor.unwrap_or("-"),
        )
    }

    /// Any text but the one that means NULL.
    fn field() -> impl Strategy<Value = Option<Cow<'static, str>>> {
        proptest::option::of(
            "\\PC{0,20}|[ -~\u{0}-\u{1f}é€]{0,40}".prop_filter("NULL", |t| t != "-").prop_map(Cow::Owned),
        )
    }

    fn token() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[a-zA-Z0-9.:]{1,20}")
    }

    proptest! {
        #[test]
        fn what_was_formatted_is_parsed(
            host in token(), session in token(), visitor in token(),
            user in field(), request in field(), referrer in field(), user_agent in field(),
            second in 0..4_000_000_000_i64, offset_minutes in -720..840_i32,
            status in proptest::option::of(100..1000_i32),
            bytes in proptest::option::of(0..i64::MAX), runtime_us in proptest::option::of(0..i64::MAX),
        ) {
            let line = Line {
                host: host.as_deref(), user, time: Timestamp::from_second(second).unwrap(), request, status, bytes,
                referrer, user_agent, runtime_us, session: session.as_deref(), visitor: visitor.as_deref(),
            };
            let text = format_line(&line, offset_minutes);
            prop_assert_eq!(Line::parse(text.as_bytes()), Ok(line), "{}", text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Line::parse(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..LINE.len(), bytes in proptest::collection::vec(any::<u8>(), 0..4)) {
            let mut line = LINE.as_bytes().to_vec();
            line.splice(at..at, bytes);
            if let Ok(line) = Line::parse(&line) {
                let _ = line.request_line();
            }
        }
    }
}
