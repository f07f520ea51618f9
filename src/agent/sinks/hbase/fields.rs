//! The values of an event that row keys and cells are made of.

use std::borrow::Cow;

use regex::bytes::Regex;

use crate::agent::event::{Event, names};
use crate::agent::parsers::{Parser, shown};
use crate::agent::rows::Cell;
use crate::config::nearest;
use crate::error::{self, Result};
use crate::format::text::value;

/// How bodies are taken apart.
#[derive(Debug)]
pub(in crate::agent) enum Bodies {
    /// Not at all.
    Whole,
    /// By a parser: its columns are values.
    Parsed(Box<dyn Parser>),
    /// By the groups of an expression for whole bodies, in their order.
    Groups(Regex, Vec<String>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Field {
    Body,
    Header(String),
    /// A column of the parser or a group, by its name and number.
    Value(String, usize),
}

/// What was found in an event: there are several of these where a parser makes several rows of it.
pub(in crate::agent) struct Found<'a> {
    pub event: &'a Event,
    /// When it happened, in milliseconds since 1970; `None` where nothing says it.
    pub time_ms: Option<i64>,
    values: Vec<Option<Cow<'a, [u8]>>>,
}

impl Clone for Bodies {
    fn clone(&self) -> Self {
        match self {
            Self::Whole => Self::Whole,
            Self::Parsed(parser) => Self::Parsed(parser.boxed()),
            Self::Groups(regex, names) => Self::Groups(regex.clone(), names.clone()),
        }
    }
}

impl Bodies {
    /// By an expression and the names of its groups.
    ///
    /// # Errors
    /// Config: it is not an expression, or has other groups.
    pub(in crate::agent) fn groups(pattern: &str, ignore_case: bool, names: Vec<String>) -> Result<Self> {
        let flags = if ignore_case { "(?si)" } else { "(?s)" };
        let regex = Regex::new(&format!(r"{flags}\A(?:{pattern})\z")).map_err(|e| {
            error::config(format!("{pattern} is not a regular expression: {e}"))
                .hint("look-around and back-references are not there")
        })?;
        let groups = regex.captures_len() - 1;
        if groups != names.len() {
            let what = format!("the expression has {groups} groups, and fields names {}", names.len());
            return Err(error::config(what).hint("name each group, and make one that has no name (?:...)"));
        }
        Ok(Self::Groups(regex, names))
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::Whole => Vec::new(),
            Self::Parsed(parser) => parser.columns().iter().map(|column| column.name.as_str()).collect(),
            Self::Groups(_, names) => names.iter().map(String::as_str).collect(),
        }
    }

    /// The value of a name: `%{name}` is a header, `body` the body, all others are of what bodies are taken apart into.
    ///
    /// # Errors
    /// Config: there is none.
    pub(in crate::agent) fn field(&self, name: &str) -> Result<Field> {
        if let Some(header) = name.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}')) {
            return Ok(Field::Header(header.to_owned()));
        }
        let names = self.names();
        match names.iter().position(|known| *known == name) {
            Some(number) => Ok(Field::Value(name.to_owned(), number)),
            None if name == "body" => Ok(Field::Body),
            None => {
                let hint = match nearest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("a header is written %{{{name}}}; values of bodies need a parser, or regex and fields")
                    }
                };
                Err(error::config(format!("events have no value `{name}`")).hint(hint))
            }
        }
    }

    /// Gives what is in an event to `take`.
    ///
    /// # Errors
    /// Why it is malformed. Nothing was given then.
    pub(in crate::agent) fn take(&mut self, event: &Event, take: &mut dyn FnMut(Found<'_>)) -> Result<(), String> {
        match self {
            Self::Whole => take(Found { event, time_ms: of_header(event)?, values: Vec::new() }),
            Self::Parsed(parser) => {
                return parser.parse(event, &mut |row| {
                    let values = row.cells.into_iter().map(bytes).collect();
                    take(Found { event, time_ms: Some(row.time.as_millisecond()), values });
                });
            }
            Self::Groups(regex, names) => {
                let found = regex.captures(&event.body).ok_or("does not match the regular expression")?;
                let group = |number| found.get(number).map(|group| Cow::Borrowed(group.as_bytes()));
                let values = (1..=names.len()).map(group).collect();
                take(Found { event, time_ms: of_header(event)?, values });
            }
        }
        Ok(())
    }
}

fn of_header(event: &Event) -> Result<Option<i64>, String> {
    let Some(text) = event.headers.get(names::TIMESTAMP) else { return Ok(None) };
    let time = text.parse().ok().filter(|ms: &i64| *ms >= 0);
    time.map(Some).ok_or_else(|| format!("its header timestamp is not in milliseconds since 1970: {}", shown(text)))
}

/// A value of a column as HBase is given it: text that Hive reads as a value of that type.
fn bytes(cell: Cell<'_>) -> Option<Cow<'_, [u8]>> {
    let mut out = Vec::new();
    match cell {
        Cell::Null => return None,
        Cell::Text(Cow::Borrowed(text)) => return Some(Cow::Borrowed(text.as_bytes())),
        Cell::Text(Cow::Owned(text)) => return Some(Cow::Owned(text.into_bytes())),
        Cell::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Whole(number) => value::signed(&mut out, number),
        Cell::Real(number) => value::double(&mut out, number),
        Cell::Time(time) => value::timestamp(&mut out, time.as_microsecond()),
    }
    Some(Cow::Owned(out))
}

impl Found<'_> {
    /// The value of a field, if the event has one.
    pub(in crate::agent) fn get(&self, field: &Field) -> Option<&[u8]> {
        match field {
            Field::Body => Some(&self.event.body),
            Field::Header(name) => self.event.headers.get(name).map(str::as_bytes),
            Field::Value(_, number) => self.values.get(*number)?.as_deref(),
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Value(name, _) => f.write_str(name),
        }
    }
}
