//! A record of text, how it is to be read, and one that cannot be.

use std::fmt;
use std::sync::Arc;

use super::{TextField, TextFields};
use crate::error::{Error, Kind};
use crate::format::TextOptions;

/// A record of a text or sequence file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRecord {
    /// Number of its first line, or of the record in a sequence file, from 1, counted from the beginning of the range.
    pub line: u64,
    /// Offset of its first byte: in the file, or in the text that was compressed; in a sequence file that of its
    /// record or block.
    pub offset: u64,
    /// Its fields.
    pub fields: TextFields,
    /// The text as it stood in the file, without the record delimiter.
    pub raw: String,
}

/// How text is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDecodeOptions {
    /// Delimiters, null strings and style as for writing; what concerns only the writer is ignored.
    pub text: TextOptions,
    /// Records may go on in the next line.
    pub spanning: bool,
    /// Longer records are refused, so that a wrong delimiter does not become a file in memory.
    pub max_record_bytes: usize,
    /// Lines at the beginning of each file that are not records.
    pub header_lines: usize,
    /// As Hive's OpenCSVSerde reads: two enclosers inside an enclosed field are one that belongs to it, an escape
    /// character outside of one means nothing, and no text stands for NULL, only a missing field does.
    pub csv: bool,
    /// Behind an escape character, `n` and `r` are a line feed and a carriage return, as in Hive.
    pub escaped_line_ends: bool,
}

/// What a field of text is read as, which decides what stands for NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAs {
    /// Characters: nothing at all is an empty text.
    Characters,
    /// Bytes: nothing at all stands for no bytes.
    Bytes,
    /// Anything else, which nothing at all cannot be.
    Other,
}

impl TextDecodeOptions {
    /// Records span lines where the delimiters allow it; at most 256 MiB each.
    pub fn new(text: TextOptions) -> Self {
        Self {
            spanning: text.delimiters.may_span_lines(),
            text,
            max_record_bytes: 256 << 20,
            header_lines: 0,
            csv: false,
            escaped_line_ends: false,
        }
    }

    /// Whether a field stands for NULL: the null string of its type or, for what cannot be empty, nothing at all.
    pub fn is_null(&self, field: &TextField<'_>, read_as: ReadAs) -> bool {
        let TextOptions { null_string, null_non_string, style, .. } = &self.text;
        let is = |null: &str| !self.csv && field.is_null(null, *style);
        match read_as {
            ReadAs::Characters => is(null_string),
            ReadAs::Bytes => is(null_non_string),
            ReadAs::Other => is(null_non_string) || field.text.is_empty(),
        }
    }

    /// Whether a field whose type is not known stands for NULL.
    pub fn may_be_null(&self, field: &TextField<'_>) -> bool {
        let TextOptions { null_string, null_non_string, style, .. } = &self.text;
        !self.csv && (field.is_null(null_string, *style) || field.is_null(null_non_string, *style))
    }
}

/// Where a record stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `line` or `record`.
    pub unit: &'static str,
    pub number: u64,
    pub offset: u64,
}

/// A record that cannot be taken apart, or the reason why no more can be read.
#[derive(Debug)]
pub struct BadRecord {
    file: Arc<str>,
    place: Option<Place>,
    /// Behind a pointer, since a result of every record holds one of these.
    cause: Box<Error>,
}

impl BadRecord {
    /// A record at a place of a file; the next one can be read.
    pub(super) fn at(file: &str, place: Place, cause: Error) -> Self {
        Self { file: file.into(), place: Some(place), cause: Box::new(cause) }
    }

    /// An error behind which nothing can be read.
    pub(super) fn end(cause: Error) -> Self {
        Self { file: Arc::default(), place: None, cause: Box::new(cause) }
    }

    /// Number of its line, or of the record in a sequence file, counted as in [`TextRecord`]; `None` where it is not a
    /// record but the end of what can be read.
    pub fn line(&self) -> Option<u64> {
        self.place.map(|place| place.number)
    }

    /// Offset of its first byte, counted as in [`TextRecord`].
    pub fn offset(&self) -> Option<u64> {
        self.place.map(|place| place.offset)
    }

    /// What is wrong with it, without its place.
    pub fn cause(&self) -> &Error {
        &self.cause
    }

    /// The kind of its cause.
    pub fn kind(&self) -> Kind {
        self.cause.kind()
    }
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { unit, number, offset }) = self.place {
            write!(f, "{}: {unit} {number} (byte {offset}): ", self.file)?;
        }
        self.cause.fmt(f)
    }
}

impl From<BadRecord> for Error {
    fn from(bad: BadRecord) -> Self {
        match bad.place {
            Some(Place { unit, number, offset }) => {
                bad.cause.context(format!("{}: {unit} {number} (byte {offset})", bad.file))
            }
            None => *bad.cause,
        }
    }
}
