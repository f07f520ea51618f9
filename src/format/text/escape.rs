//! Escaping and enclosing of fields.
//!
//! Sqoop's rules: with an escape character each escape character is doubled and the encloser escaped, and where there is
//! no encloser, the delimiters are escaped; the encloser goes around every field, or around those that hold a
//! delimiter. Without an escape character an encloser inside a field stays as it is.

use super::{TextOptions, TextStyle};
use crate::error::{self, Error, Result};

/// The rules of one file, prepared for the scan of values.
pub(super) struct Escaping {
    fields: char,
    /// Characters that end a line, where lines matter.
    line_ends: [Option<char>; 2],
    encloser: Option<char>,
    always: bool,
    escape: Option<char>,
    exact: bool,
    /// See [`TextOptions::for_hive`].
    for_hive: bool,
    /// Bytes that may begin a character with a meaning.
    special: [bool; 256],
    /// No number, day or time holds a character with a meaning.
    pub plain_is_safe: bool,
}

impl Escaping {
    pub(super) fn new(options: &TextOptions, in_lines: bool) -> Result<Self> {
        let delimiters = options.delimiters.checked()?;
        let (exact, for_hive) = (options.style == TextStyle::Exact || options.for_hive, options.for_hive);
        // Hadoop's readers end a line at a carriage return too.
        let and_return = (exact && delimiters.lines == '\n').then_some('\r');
        let line_ends = if in_lines || !exact { [Some(delimiters.lines), and_return] } else { [None, None] };
        let mut chars = vec![delimiters.fields];
        chars.extend(line_ends.into_iter().flatten());
        chars.extend(delimiters.enclosed_by);
        chars.extend(delimiters.escaped_by);
        let used_by_plain = |c: &char| c.is_ascii_alphanumeric() || " -+.:/=".contains(*c);
        let plain_is_safe = !chars.iter().any(used_by_plain);
        let mut special = [false; 256];
        for c in chars {
            special[usize::from(c.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
        }
        Ok(Self {
            fields: delimiters.fields,
            line_ends,
            encloser: delimiters.enclosed_by,
            always: delimiters.enclosed_by.is_some() && !delimiters.enclose_optionally,
            escape: delimiters.escaped_by,
            exact,
            for_hive,
            special,
            plain_is_safe,
        })
    }

    /// The encloser of every field, if there is one.
    pub(super) fn around_all(&self) -> Option<char> {
        self.encloser.filter(|_| self.always)
    }

    /// Writes one value.
    ///
    /// # Errors
    /// Data: nobody could read it back (exact style).
    #[inline]
    pub(super) fn field(&self, value: &str, null: &str, out: &mut Vec<u8>) -> Result<()> {
        let looks_like_null = self.exact && value == null;
        if looks_like_null || value.bytes().any(|b| self.special[usize::from(b)]) {
            return self.special_field(value, looks_like_null, out);
        }
        match self.around_all() {
            None => out.extend_from_slice(value.as_bytes()),
            Some(encloser) => {
                push(out, encloser);
                out.extend_from_slice(value.as_bytes());
                push(out, encloser);
            }
        }
        Ok(())
    }

    #[cold]
    fn special_field(&self, value: &str, looks_like_null: bool, out: &mut Vec<u8>) -> Result<()> {
        let holds_encloser = self.encloser.is_some_and(|e| value.contains(e));
        let ends = |c: char| c == self.fields || self.line_ends.contains(&Some(c));
        let holds_end = value.contains(ends);
        // Escaped at its first character, a value is no longer the null string.
        let by_escape = looks_like_null && !self.always && self.escape.is_some() && !value.is_empty();
        let begins_enclosed = self.escape.is_none() && self.encloser.is_some_and(|e| value.starts_with(e));
        let enclose = self.always
            || (self.encloser.is_some()
                && (holds_end || (looks_like_null && !by_escape) || (self.exact && begins_enclosed)));
        if self.exact {
            if self.for_hive && value.contains(|c| self.line_ends.contains(&Some(c))) {
                return Err(line_end_in_hive(value));
            }
            self.check_readable(
                value,
                holds_end,
                holds_encloser && enclose,
                looks_like_null && !enclose && !by_escape,
            )?;
        }
        let start = out.len();
        if let Some(encloser) = self.encloser.filter(|_| enclose) {
            push(out, encloser);
        }
        for c in value.chars() {
            let means = Some(c) == self.escape || Some(c) == self.encloser || (self.encloser.is_none() && ends(c));
            if let Some(escape) = self.escape.filter(|_| means || (by_escape && out.len() == start)) {
                push(out, escape);
            }
            push(out, c);
        }
        if let Some(encloser) = self.encloser.filter(|_| enclose) {
            push(out, encloser);
        }
        Ok(())
    }

    fn check_readable(&self, value: &str, holds_end: bool, encloser_inside: bool, is_null: bool) -> Result<()> {
        let why = if holds_end && self.escape.is_none() && self.encloser.is_none() {
            "holds a delimiter or a line end"
        } else if encloser_inside && self.escape.is_none() {
            "holds the character that encloses it"
        } else if is_null {
            "is the text that stands for null"
        } else {
            return Ok(());
        };
        Err(unreadable(value, why))
    }
}

fn line_end_in_hive(value: &str) -> Error {
    error::data(format!("the value {:?} holds a line end: hive's text tables would make two rows of it", shown(value)))
        .hint(
            "drop or replace line ends (drop-delims or replace-delims; hive-drop-import-delims or \
             hive-delims-replacement of sqoop), or write parquet or avro",
        )
}

fn unreadable(value: &str, why: &str) -> Error {
    error::data(format!("the value {:?} {why}: no reader of the file could tell", shown(value))).hint(
        "set escaped-by, other delimiters or another null string, drop or replace delimiters, or write avro or parquet",
    )
}

/// The beginning of a value, for messages.
fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}

/// Writes a character in UTF-8.
pub(super) fn push(out: &mut Vec<u8>, c: char) {
    if c.is_ascii() {
        out.push(c as u8);
    } else {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
