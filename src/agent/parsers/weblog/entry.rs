//! A line taken apart by its format.

use std::borrow::Cow;

use jiff::Timestamp;

use super::escape::until_quote;
use super::field::{DurationUnit, Field, Shape, first_address, is_whole};
use super::format::{FormatField, LogFormat};
use super::request::RequestLine;
use super::time::{micros_of_fraction, split_digits};

/// One request, as the log tells it. What the server does not know (`-`) is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct LogEntry<'a> {
    /// The client's address or name.
    pub host: Option<&'a str>,
    /// Who signed in.
    pub user: Option<Cow<'a, str>>,
    /// When the request came.
    pub time: Timestamp,
    /// The request line, whatever it is.
    pub request: Option<Cow<'a, str>>,
    /// The parts of a request line that is logged in parts.
    pub parts: RequestParts<'a>,
    /// HTTP status of the answer.
    pub status: Option<i32>,
    /// Bytes of the answer.
    pub bytes: Option<i64>,
    pub referrer: Option<Cow<'a, str>>,
    pub user_agent: Option<Cow<'a, str>>,
    /// How long the answer took, in microseconds.
    pub runtime_us: Option<i64>,
    pub session: Option<Cow<'a, str>>,
    pub visitor: Option<Cow<'a, str>>,
    /// The other fields, in the order of [`LogFormat::extras`].
    pub extras: Vec<Option<Cow<'a, str>>>,
}

/// The parts of a request line, each logged as a field of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct RequestParts<'a> {
    pub method: Option<Cow<'a, str>>,
    pub path: Option<Cow<'a, str>>,
    pub query: Option<Cow<'a, str>>,
    pub protocol: Option<Cow<'a, str>>,
}

impl LogEntry<'_> {
    /// The parts of the request line, where it is one.
    pub(crate) fn request_line(&self) -> Option<RequestLine<'_>> {
        if let Some(request) = &self.request {
            return RequestLine::new(request);
        }
        let RequestParts { method, path, query, protocol } = &self.parts;
        let is_known = method.is_some() || path.is_some() || query.is_some() || protocol.is_some();
        is_known.then_some(RequestLine {
            method: method.as_deref(),
            path: path.as_deref(),
            query: query.as_deref(),
            protocol: protocol.as_deref(),
        })
    }
}

impl LogFormat {
    /// Takes a line apart, without its end.
    ///
    /// # Errors
    /// Why the line is malformed.
    pub(in crate::agent) fn parse<'a>(&self, line: &'a [u8]) -> Result<LogEntry<'a>, String> {
        let line = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
        if line.is_empty() {
            return Err("empty line".to_owned());
        }
        let rest = line.strip_prefix(&self.prefix).ok_or("does not begin as its format does")?;
        let mut entry = LogEntry { extras: vec![None; self.extras.len()], ..LogEntry::default() };
        self.parse_from(0, rest, &mut entry)?;
        let ident = self.ident.and_then(|at| entry.extras.get(at)?.as_ref());
        if ident.is_some() && entry.user.as_ref().is_some_and(|user| user.contains(' ')) {
            // Either alone is possible; both at once mean that the line has a field more than its format.
            return Err("the user holds more than one field".to_owned());
        }
        if let Some(list) = self.client_in.and_then(|at| entry.extras.get(at)?.as_ref()) {
            entry.host = match list {
                Cow::Borrowed(list) => first_address(list),
                // Escapes do not occur in addresses.
                Cow::Owned(_) => None,
            };
        }
        Ok(entry)
    }

    /// Reads the fields from number `from` on, of which `rest` is the text.
    fn parse_from<'a>(&self, from: usize, mut rest: &'a str, entry: &mut LogEntry<'a>) -> Result<(), String> {
        for (at, field) in self.fields.iter().enumerate().skip(from) {
            if field.quoted {
                let (text, behind) = until_quote(rest).ok_or_else(|| field.truncated())?;
                self.set(entry, field, text)?;
                rest = field.go_on(behind)?;
                continue;
            }
            if let Field::Time(format) = &field.field {
                let (time, behind) = format.parse(rest).ok_or_else(|| field.is_not("a time"))?;
                entry.time = time;
                rest = field.go_on(behind)?;
                continue;
            }
            let mut ends = field.ends(rest);
            let end =
                ends.next().ok_or_else(|| match rest.contains(field.behind.as_str()) && !field.behind.is_empty() {
                    true => field.not_followed(),
                    false => field.truncated(),
                })?;
            let Some(second) = ends.next() else {
                self.set(entry, field, &rest[..end])?;
                rest = &rest[end + field.behind.len()..];
                continue;
            };
            // Where several ends are possible the first one counts behind which the rest of the line fits.
            let mut why = String::new();
            for end in [end, second].into_iter().chain(ends) {
                let behind = &rest[end + field.behind.len()..];
                match self.parse_from(at + 1, behind, entry).and_then(|()| self.set(entry, field, &rest[..end])) {
                    Ok(()) => return Ok(()),
                    Err(e) => why = e,
                }
            }
            return Err(why);
        }
        self.finish(rest, entry)
    }

    /// What may stand behind the last field.
    fn finish<'a>(&self, rest: &'a str, entry: &mut LogEntry<'a>) -> Result<(), String> {
        if !self.may_go_on {
            return if rest.is_empty() { Ok(()) } else { Err("more fields than its format".to_owned()) };
        }
        let mut rest = rest;
        while !rest.is_empty() {
            let field = rest.strip_prefix(' ').ok_or("text behind the last quote")?;
            let (field, behind) = field.find(' ').map_or((field, ""), |at| field.split_at(at));
            match field.split_once('=') {
                Some(("rt", value)) => {
                    let value = known(value).map(|v| number(v).ok_or("rt is not a number"));
                    entry.runtime_us = value.transpose()?;
                }
                Some(("sid", value)) => entry.session = known(value).map(Cow::Borrowed),
                Some(("vid", value)) => entry.visitor = known(value).map(Cow::Borrowed),
                _ => return Err("unknown field behind the user agent".to_owned()),
            }
            rest = behind;
        }
        Ok(())
    }

    /// Puts the text of a field where it belongs.
    fn set<'a>(&self, entry: &mut LogEntry<'a>, field: &FormatField, text: &'a str) -> Result<(), String> {
        let given = if self.escapes.null() == text { None } else { Some(text) };
        if let Some(text) = given
            && (!field.quoted || matches!(field.shape, Shape::Host | Shape::Protocol | Shape::Whole))
            && !field.shape.accepts(text)
        {
            return Err(format!("the {} {}", field.label, field.shape.demand()));
        }
        let unescaped = given.map(|text| self.escapes.undo(text));
        let number = |given: Option<&str>| given.map(|t| number(t).ok_or_else(|| field.is_not("a number"))).transpose();
        match &field.field {
            Field::Host => entry.host = given,
            // Two quotes stand for an empty name.
            Field::User if text == "\"\"" => entry.user = Some(Cow::Borrowed("")),
            Field::User => entry.user = unescaped,
            // Read where it stands; in quotes it is read here.
            Field::Time(format) => {
                let time = format.parse(text).filter(|(_, rest)| rest.is_empty());
                entry.time = time.ok_or_else(|| field.is_not("a time"))?.0;
            }
            Field::Request => entry.request = unescaped,
            Field::Method => entry.parts.method = unescaped,
            Field::Target => entry.parts.set_target(unescaped),
            Field::Path => entry.parts.path = unescaped,
            Field::Query => entry.parts.query = unescaped.map(without_mark).filter(|query| !query.is_empty()),
            Field::Protocol => entry.parts.protocol = unescaped,
            Field::Status => {
                let status = given.map(|t| status(t).ok_or_else(|| field.is_not("three digits")));
                entry.status = status.transpose()?;
            }
            Field::Bytes => entry.bytes = number(given)?,
            Field::Referrer => entry.referrer = unescaped,
            Field::UserAgent => entry.user_agent = unescaped,
            Field::Duration(unit) => {
                let duration = given.map(|t| micros(t, *unit).ok_or_else(|| field.is_not("a duration")));
                entry.runtime_us = duration.transpose()?;
            }
            Field::Session => entry.session = unescaped,
            Field::Visitor => entry.visitor = unescaped,
            Field::Extra(at) => {
                if field.shape == Shape::Whole {
                    number(given)?;
                }
                if let Some(extra) = entry.extras.get_mut(*at) {
                    *extra = unescaped;
                }
            }
        }
        Ok(())
    }
}

impl FormatField {
    fn truncated(&self) -> String {
        format!("truncated in the {}", self.label)
    }

    fn is_not(&self, what: &str) -> String {
        format!("the {} is not {what}", self.label)
    }

    /// The text of the next field.
    fn go_on<'a>(&self, behind: &'a str) -> Result<&'a str, String> {
        behind.strip_prefix(self.behind.as_str()).ok_or_else(|| match behind {
            "" => self.truncated(),
            _ => self.not_followed(),
        })
    }

    fn not_followed(&self) -> String {
        format!("the {} is not followed by what its format has there", self.label)
    }

    /// Where the field can end: in front of what follows it. A field holds no blank, except for
    /// users, lists and what is asked for.
    fn ends<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        let (limit, most) = match self.shape {
            Shape::User | Shape::Hosts | Shape::Target | Shape::Series => (text.len(), usize::MAX),
            // An address of IPv6 holds colons, which may also follow it.
            Shape::Host => (text.find(' ').unwrap_or(text.len()), 64),
            _ => (text.find(' ').unwrap_or(text.len()), 1),
        };
        let is_last = self.behind.is_empty();
        let found = text.match_indices(self.behind.as_str()).map(|(at, _)| at).take_while(move |_| !is_last);
        let at_end = is_last.then_some(text.len());
        found.take_while(move |at| *at <= limit).take(most).chain(at_end.filter(move |at| *at <= limit))
    }
}

impl<'a> RequestParts<'a> {
    /// Splits path and query, which were logged as one.
    fn set_target(&mut self, target: Option<Cow<'a, str>>) {
        (self.path, self.query) = match target {
            Some(Cow::Borrowed(target)) => match target.split_once('?') {
                Some((path, query)) => (Some(Cow::Borrowed(path)), Some(Cow::Borrowed(query))),
                None => (Some(Cow::Borrowed(target)), None),
            },
            Some(Cow::Owned(target)) => match target.split_once('?') {
                Some((path, query)) => (Some(Cow::Owned(path.to_owned())), Some(Cow::Owned(query.to_owned()))),
                None => (Some(Cow::Owned(target)), None),
            },
            None => (None, None),
        };
    }
}

/// Apache's `%q` begins with a question mark.
fn without_mark(query: Cow<'_, str>) -> Cow<'_, str> {
    match query {
        Cow::Borrowed(query) => Cow::Borrowed(query.strip_prefix('?').unwrap_or(query)),
        Cow::Owned(query) => Cow::Owned(query.strip_prefix('?').map(str::to_owned).unwrap_or(query)),
    }
}

/// `-` says that the server does not know.
fn known(field: &str) -> Option<&str> {
    (field != "-").then_some(field)
}

/// A number of digits alone.
fn number(text: &str) -> Option<i64> {
    is_whole(text).then(|| text.parse().ok()).flatten()
}

fn status(text: &str) -> Option<i32> {
    (text.len() == 3 && is_whole(text)).then(|| text.parse().ok()).flatten()
}

fn micros(text: &str, unit: DurationUnit) -> Option<i64> {
    let (whole, rest) = split_digits(text)?;
    let scale = match unit {
        DurationUnit::Microseconds => 1,
        DurationUnit::Milliseconds => 1_000,
        DurationUnit::Seconds => 1_000_000,
    };
    let fraction = match rest.strip_prefix('.') {
        Some(digits) if unit == DurationUnit::Seconds && is_whole(digits) => micros_of_fraction(digits)?,
        None if rest.is_empty() => 0,
        _ => return None,
    };
    whole.parse::<i64>().ok()?.checked_mul(scale)?.checked_add(fraction)
}
