//! What a file says of one component, read against the rows of its type.
//!
//! Each getter takes Flume's default where nothing is said, and notes what is wrong and goes on, so that all of it is
//! said at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;

use super::grammar::{Said, names};
use super::options::{Does, Opt};
use super::properties::Value;
use super::substitute::Surroundings;
use crate::config::nearest;
use crate::error::{self, Error};

/// Why a component cannot be as its file says it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Flume would refuse it too, and go on without it.
    Invalid(Error),
    /// Flume knows it and it is not here.
    NotHere(Error),
}

impl Refusal {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Invalid(error) | Self::NotHere(error) => error,
        }
    }
}

/// What an agent is run with, for all of its components.
pub(super) struct Common<'a> {
    pub around: &'a Surroundings,
    /// Flume's way with what is wrong: its default, and a warning.
    pub lenient: bool,
    /// A sink writes headers into its files.
    pub headers_are_written: bool,
    pub notes: RefCell<Vec<String>>,
}

/// What is said of one component.
pub(super) struct Settings<'a> {
    /// In front of its keys, such as `a1.sinks.k1`.
    pub prefix: String,
    pub said: &'a Said,
    pub options: &'static [Opt],
    pub common: &'a Common<'a>,
    refusals: RefCell<Vec<Refusal>>,
}

impl<'a> Settings<'a> {
    pub(super) fn new(prefix: String, said: &'a Said, options: &'static [Opt], common: &'a Common<'a>) -> Self {
        Self { prefix, said, options, common, refusals: RefCell::default() }
    }

    /// The name of the component.
    pub(super) fn name(&self) -> &str {
        self.prefix.splitn(3, '.').nth(2).unwrap_or_default()
    }

    /// What was said of an option, or its default; `None` where it has neither.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let said = self.said.get(name).map(|value| value.text.as_str());
        said.or_else(|| Some(self.default(name)).filter(|default| !default.is_empty()))
    }

    /// What was said of an option.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.said.get(name).map(|value| value.text.as_str())
    }

    /// A text that has to be there.
    pub(super) fn needed(&self, name: &str) -> String {
        if let Some(text) = self.text(name) {
            return text.to_owned();
        }
        let what = format!("{} has no {name}", self.prefix);
        self.refuse(Refusal::Invalid(error::config(what).hint(format!("say {}.{name}", self.prefix))));
        String::new()
    }

    /// A whole number, from `least` on.
    pub(super) fn number(&self, name: &str, least: i64) -> Option<i64> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(number) if number >= least => Some(number),
            _ => {
                self.invalid(name, "is not a number that it takes", &format!("give a whole number, at least {least}"));
                None
            }
        }
    }

    /// `true` or `false`; Flume takes all that is not `true` for `false`.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) if self.common.lenient => {
                self.note(name, "is neither true nor false, and false, as Flume takes it");
                false
            }
            Some(_) => {
                self.invalid(name, "is neither true nor false", "write true or false; Flume takes it for false");
                false
            }
        }
    }

    /// The names in a list.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        names(self.text(name).unwrap_or_default())
    }

    /// What was said of the options that begin so, without the beginning.
    pub(super) fn below(&self, beginning: &str) -> BTreeMap<&str, &Value> {
        self.said.iter().filter_map(|(key, value)| Some((key.strip_prefix(beginning)?, value))).collect()
    }

    /// A path of this machine; relative ones begin where the process runs, as in Flume.
    pub(super) fn local_path(&self, text: &str) -> String {
        let text = text.strip_prefix("file://").unwrap_or(text);
        std::path::absolute(text).map_or_else(|_| text.to_owned(), |path| path.display().to_string())
    }

    /// Says something of an option.
    pub(super) fn note(&self, name: &str, what: impl Display) {
        let place = self.said.get(name).map(|value| format!("{}: ", value.place)).unwrap_or_default();
        let value = self.text(name).map(|text| format!(" = {text}")).unwrap_or_default();
        self.common.notes.borrow_mut().push(format!("{place}{}.{name}{value}: {what}", self.prefix));
    }

    /// Says something of the component.
    pub(super) fn remark(&self, what: impl Display) {
        self.common.notes.borrow_mut().push(format!("{}: {what}", self.prefix));
    }

    /// The value of an option is one that Flume refuses as well.
    pub(super) fn invalid(&self, name: &str, what: &str, hint: &str) {
        self.refuse(Refusal::Invalid(self.error(name, what, hint)));
    }

    /// The value of an option is one that Flume takes and we do not.
    pub(super) fn not_here(&self, name: &str, what: &str, hint: &str) {
        self.refuse(Refusal::NotHere(self.error(name, what, hint)));
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refusals.borrow_mut().push(refusal);
    }

    /// Looks at each option that was said: unknown ones and those that do nothing are noted, others refused. Gives all
    /// that is wrong with the component.
    pub(super) fn finish(self) -> Vec<Refusal> {
        for (key, value) in self.said {
            match self.options.iter().find(|opt| opt.is(key)) {
                None => {
                    let known: Vec<&str> = self.options.iter().map(|opt| opt.name.trim_end_matches('*')).collect();
                    let near = nearest(key, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                    self.note(
                        key,
                        format!("is not an option that Flume knows, which ignores it, as is done here{near}"),
                    );
                }
                Some(opt) if value.text.eq_ignore_ascii_case(opt.default) => {}
                Some(Opt { does: Does::Note(why), .. }) => self.note(key, format!("does nothing here: {why}")),
                Some(Opt { does: Does::Refused(instead), .. }) => self.not_here(key, "is not here", instead),
                Some(_) => {}
            }
        }
        self.refusals.into_inner()
    }

    fn default(&self, name: &str) -> &'static str {
        self.options.iter().find(|opt| opt.name == name).map_or("", |opt| opt.default)
    }

    fn error(&self, name: &str, what: &str, hint: &str) -> Error {
        let value = self.text(name).map(|text| format!(" = {text}")).unwrap_or_default();
        let error = error::config(format!("{}.{name}{value} {what}", self.prefix)).hint(hint);
        match self.said.get(name) {
            Some(value) => error.context(&value.place),
            None => error,
        }
    }
}
