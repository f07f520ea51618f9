//! A TOML document that still knows where each key stands, so that whatever is wrong is said with file, line and key.
//!
//! A document is taken apart into tables ([`Part`]); each is read by itself, and each gives all its mistakes, not the
//! first alone.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::renamed::Renamed;
use super::words::{explain, instead};
use crate::error::{self, Error, Result};

/// Mistakes named of one table; a table with more has another problem.
const MOST_MISTAKES: usize = 20;

/// A document, as far as it was not taken apart.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    origin: &'t str,
    root: Spanned<DeTable<'t>>,
}

/// A table of a document.
#[derive(Debug)]
pub struct Part<'t> {
    text: &'t str,
    origin: &'t str,
    /// What it is called in errors, such as `[mysql]`; empty for the document itself.
    pub label: String,
    table: Spanned<DeTable<'t>>,
    /// Where each key stands, by its path; also of those that were taken out.
    places: Vec<(String, usize)>,
}

impl<'t> Document<'t> {
    /// Parses `text`; `origin` names it in errors.
    ///
    /// # Errors
    /// Config: the text is not TOML.
    pub fn parse(text: &'t str, origin: &'t str) -> Result<Self> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { text, origin, root }),
            Err(e) => {
                let at = e.span().map_or(0, |span| span.start);
                let what = e.message().lines().next().unwrap_or("this is not TOML").to_owned();
                Err(error::config(what).hint("correct the file").context(place(text, origin, at)))
            }
        }
    }

    /// Whether a key stands at the top.
    pub fn has(&self, key: &str) -> bool {
        self.root.get_ref().contains_key(key)
    }

    /// The document as one table.
    pub fn into_part(self) -> Part<'t> {
        let places = places(self.root.get_ref(), "");
        Part { text: self.text, origin: self.origin, label: String::new(), table: self.root, places }
    }

    /// Takes the table of a name out.
    ///
    /// # Errors
    /// Config: what stands there is not a table.
    pub fn table(&mut self, name: &str) -> Result<Option<Part<'t>>> {
        let Some(value) = self.root.get_mut().remove(name) else { return Ok(None) };
        self.part(value, format!("[{name}]")).map(Some)
    }

    /// Takes the tables of a name out, as `[[name]]` heads them.
    ///
    /// # Errors
    /// Config: what stands there is not a list of tables.
    pub fn tables(&mut self, name: &str) -> Result<Vec<Part<'t>>> {
        let Some(value) = self.root.get_mut().remove(name) else { return Ok(Vec::new()) };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(list) => {
                list.into_iter().enumerate().map(|(i, value)| self.part(value, format!("{name} {}", i + 1))).collect()
            }
            other => Err(error::config(format!("`{name}` is {}, expected [[{name}]]", described(&other)))
                .hint(format!("head each of them by [[{name}]]"))
                .context(place(self.text, self.origin, at))),
        }
    }

    /// Takes the value of a top-level key out and reads it.
    ///
    /// # Errors
    /// Config: the value is not a `T`.
    pub fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some((key, value)) = self.root.get_mut().remove_entry(name) else { return Ok(None) };
        let at = key.span().start;
        let read = T::deserialize(value.into_deserializer());
        read.map(Some).map_err(|e| explain(e.message(), name).context(place(self.text, self.origin, at)))
    }

    /// One mistake for each key that is not known and was not taken out.
    pub fn unknown_keys(&self, known: &[&str]) -> Vec<Error> {
        let unknown = |key: &Spanned<Cow<'_, str>>| {
            let error = error::config(format!("unknown key `{}`", key.get_ref())).hint(instead(key.get_ref(), known));
            error.context(place(self.text, self.origin, key.span().start))
        };
        let is_unknown = |key: &&Spanned<Cow<'_, str>>| !known.contains(&key.get_ref().as_ref());
        self.root.get_ref().keys().filter(is_unknown).map(unknown).collect()
    }

    fn part(&self, value: Spanned<DeValue<'t>>, label: String) -> Result<Part<'t>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => {
                let places = places(&table, "");
                Ok(Part { text: self.text, origin: self.origin, label, table: Spanned::new(span, table), places })
            }
            other => Err(error::config(format!("{label} is {}, expected a table", described(&other)))
                .hint("write its keys below a heading in brackets")
                .context(place(self.text, self.origin, span.start))),
        }
    }
}

impl Part<'_> {
    /// The number of the line in which the table begins.
    pub fn line(&self) -> usize {
        line(self.text, self.table.span().start)
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.get_ref().contains_key(key)
    }

    /// Takes a text out of the table.
    ///
    /// # Errors
    /// Config: it is missing or not a text.
    pub fn text(&mut self, key: &str) -> Result<String> {
        match self.table.get_mut().remove(key).map(|value| (value.span(), value.into_inner())) {
            Some((_, DeValue::String(text))) => Ok(text.into_owned()),
            Some((span, other)) => {
                let what = format!("`{key}` is {}, expected a text", described(&other));
                Err(self.at(span.start, error::config(what).hint("put it in quotes")))
            }
            None => Err(self.wrong(key, error::config(format!("missing key `{key}`")).hint("add it"))),
        }
    }

    /// Takes the value of a key out of the table and reads it.
    ///
    /// # Errors
    /// Config: the value is not a `T`.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.table.get_mut().remove(key) else { return Ok(None) };
        let at = value.span().start;
        let read = T::deserialize(value.into_deserializer());
        read.map(Some).map_err(|e| self.at(at, explain(e.message(), key)))
    }

    /// Reads the table.
    ///
    /// # Errors
    /// Config: all that `T` does not take: unknown keys, wrong values, and the first key that is missing.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Vec<Error>> {
        let (mut table, mut wrong) = (self.table.clone(), Vec::new());
        let in_order = |mut wrong: Vec<(usize, Error)>| {
            wrong.sort_by_key(|(at, _)| *at);
            Err(wrong.into_iter().map(|(_, error)| error).collect())
        };
        loop {
            let e = match T::deserialize(table.clone().into_deserializer()) {
                Ok(read) if wrong.is_empty() => return Ok(read),
                Ok(_) => return in_order(wrong),
                Err(e) => e,
            };
            // What is missing is said of the table itself.
            let inside = e.span().filter(|span| *span != self.table.span());
            let path = inside.and_then(|span| path_to(table.get_ref(), &span));
            let at = e.span().map_or_else(|| self.table.span().start, |span| span.start);
            match path {
                // Without the key that is wrong, the others can be looked at.
                Some(path) if wrong.len() < MOST_MISTAKES => {
                    wrong.push((at, self.at(at, explain(e.message(), &path.join(".")))));
                    let Some(first) = path.first() else { return in_order(wrong) };
                    table.get_mut().remove(first.as_str());
                }
                // What is missing now may be what was taken out.
                _ if !wrong.is_empty() => return in_order(wrong),
                _ => return Err(vec![self.at(at, explain(e.message(), ""))]),
            }
        }
    }

    /// Says where a mistake in the value of a key stands, whether it was taken out or not; at the table around it where
    /// there is no such key.
    pub fn wrong(&self, key: &str, error: Error) -> Error {
        let at = |path: &str| self.places.iter().find(|(known, _)| known == path).map(|(_, at)| *at);
        let (mut path, mut place) = (key, at(key));
        while let (None, Some((above, _))) = (place, path.rsplit_once('.')) {
            (path, place) = (above, at(above));
        }
        self.at(place.unwrap_or_else(|| self.table.span().start), error)
    }

    /// Brings keys of earlier versions to their names of today; the notes say so, with their place.
    ///
    /// # Errors
    /// Config: a key is there by both of its names.
    pub fn rename(&mut self, renamed: &[Renamed], notes: &mut Vec<String>) -> Result<()> {
        for rule in renamed {
            let (outer, old) = rule.old.rsplit_once('.').map_or((None, rule.old), |(outer, old)| (Some(outer), old));
            let new = rule.new.rsplit('.').next().unwrap_or(rule.new);
            let table = match outer {
                None => Some(self.table.get_mut()),
                Some(outer) => self.table.get_mut().get_mut(outer).and_then(|value| match value.get_mut() {
                    DeValue::Table(table) => Some(table),
                    _ => None,
                }),
            };
            let Some(table) = table else { continue };
            let Some((key, value)) = table.get_key_value(old) else { continue };
            let (span, new_value) = (key.span(), rule.value(value.get_ref()));
            if old == new && new_value.is_none() {
                continue;
            }
            if old != new && table.contains_key(new) {
                let what = format!("`{}` is the old name of `{}`, and both are given", rule.old, rule.new);
                return Err(self.at(span.start, error::config(what).hint(format!("keep `{}`", rule.new))));
            }
            let now = match new_value.as_deref() {
                None => format!("written `{}`", rule.new),
                Some("") => "left out".to_owned(),
                Some(value) => format!("written `{} = {value:?}`", rule.new),
            };
            let Some(value) = table.remove(old) else { continue };
            let value = match new_value {
                Some(text) if text.is_empty() => None,
                Some(text) => Some(Spanned::new(value.span(), DeValue::String(text.into()))),
                None => Some(value),
            };
            let path = outer.map_or_else(|| new.to_owned(), |outer| format!("{outer}.{new}"));
            self.places.push((path, span.start));
            if let Some(value) = value {
                table.insert(Spanned::new(span.clone(), new.into()), value);
            }
            let place = place(self.text, self.origin, span.start);
            notes.push(format!("{place}: {}: the key `{}` is {now} now", self.label, rule.old));
        }
        Ok(())
    }

    fn at(&self, offset: usize, error: Error) -> Error {
        let place = place(self.text, self.origin, offset);
        let label = &self.label;
        error.context(if label.is_empty() { place } else { format!("{place}: {label}") })
    }
}

/// Where each key stands, by its path.
fn places(table: &DeTable<'_>, above: &str) -> Vec<(String, usize)> {
    let one = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let path = format!("{above}{}", key.get_ref());
        let below = match value.get_ref() {
            DeValue::Table(table) => places(table, &format!("{path}.")),
            _ => Vec::new(),
        };
        std::iter::once((path, key.span().start)).chain(below)
    };
    table.iter().flat_map(one).collect()
}

fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn place(text: &str, origin: &str, offset: usize) -> String {
    format!("{origin}:{}", line(text, offset))
}

/// A value by the kind of what it is.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The keys that lead to what stands at a place; none where it is the table itself.
fn path_to(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    let within = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    table.iter().find_map(|(key, value)| {
        // A table that dotted keys make stands nowhere itself.
        let below = match value.get_ref() {
            DeValue::Table(table) => path_to(table, span),
            _ => None,
        };
        let is_here = below.is_some() || within(key.span()) || within(value.span());
        let path = std::iter::once(key.get_ref().clone().into_owned()).chain(below.unwrap_or_default());
        is_here.then(|| path.collect())
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Sample {
        keys: Vec<String>,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        text: Inner,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    #[allow(dead_code, reason = "only read")]
    struct Inner {
        null_string: String,
    }

    fn said(text: &str) -> Vec<String> {
        let part = Document::parse(text, "f.toml").unwrap().into_part();
        let wrong = part.read::<Sample>().err().unwrap_or_default();
        wrong.iter().map(|e| format!("{e}; {}", e.remedy().unwrap_or("-"))).collect()
    }

    #[test]
    fn every_mistake_is_named_with_line_key_and_what_was_expected() {
        assert_eq!(
            said("keys = ['k']\n# a comment\ncount = -1\nkey = 1\n\n[text]\nnull-sting = 'x'"),
            [
                "f.toml:3: `count`: expected a whole number from 0 on, found `-1`; correct the value",
                "f.toml:4: unknown key `key`; did you mean `keys`?",
                "f.toml:7: `text`: unknown key `null-sting`; did you mean `null-string`?",
            ]
        );
    }

    #[test]
    fn a_mistake_stands_at_its_key_also_once_that_was_taken_out() {
        let mut document = Document::parse("[m]\na = 1\nroll = { rows = 0 }\n[m.more]\nb = 2", "f.toml").unwrap();
        let mut part = document.table("m").unwrap().unwrap();
        assert_eq!(part.take::<u32>("a").unwrap(), Some(1));
        let at = |key: &str| part.wrong(key, error::config("x")).to_string();
        assert_eq!(at("a"), "f.toml:2: [m]: x");
        assert_eq!((at("roll.rows"), at("roll.age")), ("f.toml:3: [m]: x".to_owned(), "f.toml:3: [m]: x".to_owned()));
        assert_eq!((at("more.b"), at("none")), ("f.toml:5: [m]: x".to_owned(), "f.toml:1: [m]: x".to_owned()));
    }

    #[test]
    fn a_type_is_named_as_it_is_written() {
        assert_eq!(
            said("keys = 'k'"),
            ["f.toml:1: `keys`: expected a list, found \"k\"; write it in brackets: keys = [ ... ]"]
        );
    }

    #[test]
    fn what_is_missing_is_named_where_nothing_else_is_wrong() {
        assert_eq!(said("\ncount = 1"), ["f.toml:1: missing key `keys`; add it"]);
        assert_eq!(
            said("text.null-string = 1\nkeys = []"),
            ["f.toml:1: `text.null-string`: expected a text, found `1`; put it in quotes"]
        );
    }

    #[test]
    fn old_keys_are_brought_to_their_new_names() {
        let rules = [Renamed::key("uris", "url"), Renamed::time("wait", "wait", "s"), Renamed::time("t-ms", "t", "ms")];
        let text = "[m]\nuris = ['a']\nwait = 60\nt-ms = 5\n[n]\nwait = '60s'\n[both]\nuris = 'a'\nurl = 'b'";
        let mut document = Document::parse(text, "f.toml").unwrap();
        let mut notes = Vec::new();
        let mut part = document.table("m").unwrap().unwrap();
        part.rename(&rules, &mut notes).unwrap();
        assert_eq!(
            notes,
            [
                "f.toml:2: [m]: the key `uris` is written `url` now",
                "f.toml:3: [m]: the key `wait` is written `wait = \"60s\"` now",
                "f.toml:4: [m]: the key `t-ms` is written `t = \"5ms\"` now",
            ]
        );
        assert!(part.has("url") && part.has("t") && !part.has("uris"));
        document.table("n").unwrap().unwrap().rename(&rules, &mut notes).unwrap();
        assert_eq!(notes.len(), 3, "what is written as today is not noted");
        let error = document.table("both").unwrap().unwrap().rename(&rules, &mut notes).unwrap_err();
        assert_eq!(error.to_string(), "f.toml:8: [both]: `uris` is the old name of `url`, and both are given");
    }

    #[test]
    fn tables_are_told_from_other_things() {
        let mut document = Document::parse("a = 1\nstep = 'x'\nlimit = []\nlimt = 2", "f.toml").unwrap();
        assert_eq!(document.table("a").unwrap_err().to_string(), "f.toml:1: [a] is a number, expected a table");
        assert_eq!(document.tables("step").unwrap_err().to_string(), "f.toml:2: `step` is a text, expected [[step]]");
        assert!(document.value::<u32>("limit").unwrap_err().to_string().starts_with("f.toml:3: `limit`: expected"));
        let unknown = document.unknown_keys(&["limit"]);
        assert_eq!(unknown[0].to_string(), "f.toml:4: unknown key `limt`");
        assert_eq!(unknown[0].remedy(), Some("did you mean `limit`?"));
    }
}
