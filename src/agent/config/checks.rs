//! Values that make no sense, each told with its key.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::config::Part;
use crate::error::{self, Error, Result};

/// What is wrong with a value: its key, which is empty for the table as a whole, and the error.
pub(in crate::agent) type Wrong = (&'static str, Error);

/// All that is wrong with a table, in the order in which it was looked at.
#[derive(Debug, Default)]
pub(in crate::agent) struct Wrongs(Vec<Wrong>);

impl Wrongs {
    /// Gives the value, or notes what is wrong with it.
    pub(super) fn note<T, W: Into<Self>>(&mut self, value: Result<T, W>) -> Option<T> {
        value.map_err(|wrong| self.0.extend(wrong.into().0)).ok()
    }

    /// Notes that a value makes no sense.
    pub(super) fn add(&mut self, key: &'static str, error: Error) {
        self.0.push((key, error));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// What was noted.
    pub(super) fn end(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Each with the line where it stands.
    pub(super) fn told(self, part: &Part<'_>) -> Vec<Error> {
        self.0.into_iter().map(|(key, e)| part.wrong(key, e)).collect()
    }

    /// The first of them.
    pub(in crate::agent) fn first(self) -> Error {
        self.0.into_iter().next().map_or_else(|| error::bug("nothing is wrong"), |(_, e)| e)
    }
}

impl From<Wrong> for Wrongs {
    fn from(wrong: Wrong) -> Self {
        Self(vec![wrong])
    }
}

impl From<Vec<Wrong>> for Wrongs {
    fn from(all: Vec<Wrong>) -> Self {
        Self(all)
    }
}

impl IntoIterator for Wrongs {
    type Item = Wrong;
    type IntoIter = std::vec::IntoIter<Wrong>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// `KEY: ERROR`, in a line each.
#[cfg(test)]
impl std::fmt::Display for Wrongs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |(key, e): &Wrong| format!("{key}: {e}; {}", e.remedy().unwrap_or_default());
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// The error of a value, with its key.
pub(super) fn at(key: &'static str) -> impl Fn(Error) -> Wrong {
    move |error| (key, error)
}

/// An absolute path: a file given by its bare name has an empty path in front of it.
pub(super) fn absolute(base: &Path) -> Result<PathBuf> {
    std::path::absolute(Path::new(".").join(base))
        .map_err(|e| error::config(format!("{} is not a directory", base.display())).source(e))
}

/// Refuses a number that is out of its range.
pub(super) fn check_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), Wrong> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let hint = if most == u64::MAX { format!("give at least {least}") } else { format!("give {least} to {most}") };
    Err((key, error::config(format!("{key} is {value}")).hint(hint)))
}

/// Refuses what cannot be listened on; nobody is asked whether it is free.
pub(super) fn check_listener(bind: &str, port: u16) -> Result<(), Wrongs> {
    let mut wrong = Wrongs::default();
    wrong.note(check_range("port", port.into(), 1, u16::MAX.into()));
    wrong.note(check_bind(bind));
    wrong.end()
}

/// Refuses what cannot be the address of a listener.
pub(super) fn check_bind(bind: &str) -> Result<(), Wrong> {
    let is_name =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bind.parse::<IpAddr>().is_ok() || bind.trim_end_matches('.').split('.').all(is_name) {
        return Ok(());
    }
    Err((
        "bind",
        error::config(format!("bind is {bind:?}, which is neither an address nor the name of a host"))
            .hint("give an address of this host, such as 127.0.0.1, or 0.0.0.0 for all of them"),
    ))
}
