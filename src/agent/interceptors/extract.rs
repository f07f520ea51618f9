//! Headers out of the groups of a regular expression.

use bytestring::ByteString;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::super::event::Event;
use crate::error::{self, Result};

/// What becomes of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ExtractArgs {
    /// The header.
    pub name: String,
    /// The group is a time in this pattern, as Java and Joda write them (`yyyy-MM-dd HH:mm`); the header gets its
    /// milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_pattern: Option<String>,
}

/// Makes headers of groups.
#[derive(Debug)]
pub(super) struct Extractor {
    regex: Regex,
    groups: Vec<(ByteString, Option<String>)>,
    zone: TimeZone,
}

impl Extractor {
    /// # Errors
    /// Config: no group, one without a name, or a pattern of a time that makes no sense.
    pub(super) fn new(regex: Regex, groups: &[ExtractArgs]) -> Result<Self> {
        if groups.is_empty() {
            return Err(error::config("a regex-extractor says nothing about its groups").hint("give each a name"));
        }
        let group = |args: &ExtractArgs| {
            if args.name.is_empty() {
                return Err(error::config("a group of a regex-extractor has no name").hint("name its header"));
            }
            let pattern = args.time_pattern.as_ref().map(|pattern| strtime_pattern(pattern)).transpose()?;
            Ok((args.name.as_str().into(), pattern))
        };
        Ok(Self { regex, groups: groups.iter().map(group).collect::<Result<_>>()?, zone: TimeZone::system() })
    }

    /// Sets the headers that the body gives; an event without a match stays as it is.
    pub(super) fn apply(&self, event: &mut Event) {
        let Some(found) = self.regex.captures(&event.body) else { return };
        let mut headers = Vec::new();
        for (number, (name, pattern)) in self.groups.iter().enumerate() {
            let Some(text) = found.get(number + 1) else { continue };
            let text = String::from_utf8_lossy(text.as_bytes());
            let value = match pattern {
                None => Some(text.into_owned()),
                Some(pattern) => self.milliseconds(pattern, &text).map(|ms| ms.to_string()),
            };
            headers.extend(value.map(|value| (name.clone(), value)));
        }
        headers.into_iter().for_each(|(name, value)| event.headers.set(name, value));
    }

    /// A time without a zone is one of this machine's.
    fn milliseconds(&self, pattern: &str, text: &str) -> Option<i64> {
        let parsed = strtime::parse(pattern, text).ok()?;
        if let Ok(time) = parsed.to_timestamp() {
            return Some(time.as_millisecond());
        }
        let day = parsed.to_date().ok()?;
        let time = DateTime::from_parts(day, parsed.to_time().unwrap_or_default());
        Some(self.zone.to_timestamp(time).ok()?.as_millisecond())
    }
}

/// A pattern of Java's for this library.
///
/// # Errors
/// Config: a letter that has no counterpart.
pub(in crate::agent) fn strtime_pattern(text: &str) -> Result<String> {
    let wrong = |what: &str| error::config(format!("time pattern {text}: {what}"));
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            let quoted: String = rest.by_ref().take_while(|c| *c != '\'').collect();
            out.push_str(if quoted.is_empty() { "'" } else { &quoted });
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            out.push_str(if letter == '%' { "%%" } else { "" });
            if letter != '%' {
                out.push(letter);
            }
            continue;
        }
        let mut count = 1;
        while rest.next_if_eq(&letter).is_some() {
            count += 1;
        }
        out.push_str(match (letter, count) {
            ('y' | 'Y' | 'u', 2) => "%y",
            ('y' | 'Y' | 'u', _) => "%Y",
            ('M' | 'L', 1 | 2) => "%m",
            ('M' | 'L', 3) => "%b",
            ('M' | 'L', _) => "%B",
            ('d', _) => "%d",
            ('D', _) => "%j",
            ('H', _) => "%H",
            ('h', _) => "%I",
            ('m', _) => "%M",
            ('s', _) => "%S",
            ('S', _) => "%f",
            ('a', _) => "%p",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('Z' | 'x', 1 | 2) => "%z",
            ('Z' | 'X', _) => "%:z",
            _ => return Err(wrong(&format!("the letter {letter} is not supported"))),
        });
    }
    Ok(out)
}
