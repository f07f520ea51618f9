//! What is in a file: lines in a charset, or the file as it is.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::SpooldirOptions;
use super::files::{self, Found};
use crate::agent::disk;
use crate::error::{self, Result};

/// What an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deserializer {
    /// A line, without its newline; a carriage return before it stays, as with Flume.
    #[default]
    Line,
    /// The file, or a piece of it as long as an event may be.
    Blob,
}

/// In what the lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Charset {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "us-ascii")]
    Ascii,
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

/// What is done with bytes that the charset does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DecodeErrors {
    /// The source stops with the file and the place.
    #[default]
    Fail,
    /// U+FFFD stands for them.
    Replace,
    /// They are left out.
    Ignore,
}

/// Events of a batch.
const BATCH_EVENTS: usize = 5_000;
/// Bytes of a batch, and of a read.
const BATCH_BYTES: usize = 1 << 20;

/// Events that follow each other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Where each begins, and its body.
    pub events: Vec<(u64, Bytes)>,
    /// The first byte behind them.
    pub after: u64,
    /// Nothing follows them.
    pub is_last: bool,
}

/// How lines are made of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineRules {
    pub most_chars: usize,
    pub charset: Charset,
    pub errors: DecodeErrors,
}

/// A byte that its charset does not have, counted from where the line begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(usize);

/// Reads one file.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    size: u64,
    /// Where the next event begins.
    at: u64,
    /// Bytes that were read.
    read: Vec<u8>,
    /// How many of them are events already.
    used: usize,
    deserializer: Deserializer,
    rules: LineRules,
    most_bytes: usize,
    ended: bool,
}

impl Reader {
    /// Opens a file at an offset.
    ///
    /// # Errors
    /// Data: it is not the one that was found. Those of the disk.
    pub(super) fn open(options: &SpooldirOptions, found: &Found, at: u64) -> Result<Self> {
        let failed = |act| disk::failed(act, &found.path);
        let mut file = File::open(&found.path).map_err(failed("open"))?;
        file.seek(SeekFrom::Start(at)).map_err(failed("read"))?;
        found.unchanged()?;
        let SpooldirOptions { deserializer, max_line_chars, max_blob_bytes, charset, decode_errors, .. } = options;
        Ok(Self {
            path: found.path.clone(),
            file,
            size: found.seen.size,
            at,
            read: Vec::new(),
            used: 0,
            deserializer: *deserializer,
            rules: LineRules { most_chars: *max_line_chars, charset: *charset, errors: *decode_errors },
            most_bytes: *max_blob_bytes,
            ended: false,
        })
    }

    /// The next events; `None` behind the last. A file without a byte is an event without one.
    ///
    /// # Errors
    /// Data: a byte that its charset does not know; the file is shorter than it was. Those of the disk.
    pub(super) fn batch(&mut self) -> Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        let mut batch = Batch::default();
        if self.size == 0 {
            batch.events.push((0, Bytes::new()));
        }
        let mut bytes = 0;
        while batch.events.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
            let Some((body, length)) = self.event()? else {
                self.ended = true;
                break;
            };
            bytes += body.len();
            batch.events.push((self.at, body));
            self.used += length;
            self.at += length as u64;
        }
        (batch.after, batch.is_last) = (self.at, self.ended);
        Ok(Some(batch))
    }

    /// The body of the next event, and how many bytes of the file it is.
    fn event(&mut self) -> Result<Option<(Bytes, usize)>> {
        loop {
            let waiting = &self.read[self.used..];
            let is_all = self.at + waiting.len() as u64 >= self.size;
            let found = match self.deserializer {
                Deserializer::Blob => piece(waiting, self.most_bytes, is_all),
                Deserializer::Line => self.rules.next(waiting, is_all).map_err(|Malformed(byte)| {
                    let (path, at) = (self.path.display(), self.at + byte as u64);
                    error::data(format!("byte {at} of {path} is not {}", self.rules.charset.name())).hint(
                        "say its charset, or decode-errors = \"replace\" or \"ignore\"; or take the file out of there",
                    )
                })?,
            };
            match found {
                Some(found) => return Ok(Some(found)),
                None if is_all => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    fn fill(&mut self) -> Result<()> {
        self.read.drain(..self.used);
        self.used = 0;
        let left = self.size - self.at - self.read.len() as u64;
        let read = (&self.file).take(left.min(BATCH_BYTES as u64)).read_to_end(&mut self.read);
        match read.map_err(disk::failed("read", &self.path))? {
            0 => Err(files::changed(&self.path)),
            _ => Ok(()),
        }
    }
}

/// A piece of a file that is taken as it is, and its length.
fn piece(waiting: &[u8], most: usize, is_all: bool) -> Option<(Bytes, usize)> {
    let length = waiting.len().min(most);
    let is_whole = length == most || is_all && length > 0;
    is_whole.then(|| (Bytes::copy_from_slice(&waiting[..length]), length))
}

impl Charset {
    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Ascii => "US-ASCII",
            Self::Latin1 => "ISO-8859-1",
        }
    }
}

impl LineRules {
    /// The first line in UTF-8, and how many bytes it takes with its newline; `None` where more bytes are needed, or,
    /// behind the last one, where there is none.
    pub(super) fn next(self, bytes: &[u8], is_all: bool) -> Result<Option<(Bytes, usize)>, Malformed> {
        let newline = memchr::memchr(b'\n', bytes);
        let line = &bytes[..newline.unwrap_or(bytes.len())];
        // A character is four bytes at most.
        let is_enough =
            newline.is_some() || is_all || line.len() >= self.most_chars.saturating_mul(4).saturating_add(4);
        if !is_enough || bytes.is_empty() {
            return Ok(None);
        }
        let (text, length) = match self.charset {
            Charset::Utf8 => self.utf8(line)?,
            Charset::Ascii | Charset::Latin1 => self.single_bytes(line)?,
        };
        let ends = length == line.len() && newline.is_some();
        Ok(Some((Bytes::from(text), length + usize::from(ends))))
    }

    /// As many characters as a line may have, and how many bytes they are.
    fn utf8(self, line: &[u8]) -> Result<(String, usize), Malformed> {
        if line.len() <= self.most_chars
            && let Ok(text) = std::str::from_utf8(line)
        {
            return Ok((text.to_owned(), line.len()));
        }
        let (mut text, mut chars, mut at) = (String::new(), 0, 0);
        for chunk in line.utf8_chunks() {
            for c in chunk.valid().chars() {
                if chars >= self.most_chars {
                    return Ok((text, at));
                }
                text.push(c);
                chars += c.len_utf16();
                at += c.len_utf8();
            }
            let malformed = chunk.invalid();
            if malformed.is_empty() {
                continue;
            }
            if chars >= self.most_chars {
                return Ok((text, at));
            }
            chars += self.malformed(&mut text, at)?;
            at += malformed.len();
        }
        Ok((text, at))
    }

    fn single_bytes(self, line: &[u8]) -> Result<(String, usize), Malformed> {
        let (mut text, mut chars) = (String::new(), 0);
        for (at, byte) in line.iter().enumerate() {
            if chars >= self.most_chars {
                return Ok((text, at));
            }
            chars += if self.charset == Charset::Ascii && !byte.is_ascii() {
                self.malformed(&mut text, at)?
            } else {
                text.push(char::from(*byte));
                1
            };
        }
        Ok((text, line.len()))
    }

    /// What stands for a byte that the charset does not have: how many characters.
    fn malformed(self, text: &mut String, at: usize) -> Result<usize, Malformed> {
        match self.errors {
            DecodeErrors::Fail => Err(Malformed(at)),
            DecodeErrors::Ignore => Ok(0),
            DecodeErrors::Replace => {
                text.push(char::REPLACEMENT_CHARACTER);
                Ok(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of a text, each by itself.
    fn lines(rules: LineRules, mut bytes: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut lines = Vec::new();
        while let Some((line, length)) = rules.next(bytes, true)? {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            bytes = &bytes[length..];
        }
        Ok(lines)
    }

    fn rules(most_chars: usize, charset: Charset, errors: DecodeErrors) -> LineRules {
        LineRules { most_chars, charset, errors }
    }

    #[test]
    fn fv72_a_longer_line_is_cut_into_several() {
        let ten = rules(10, Charset::Utf8, DecodeErrors::Fail);
        let alphabet = b"abcdefghijklmnopqrstuvwxyz";
        assert_eq!(lines(ten, alphabet).unwrap(), ["abcdefghij", "klmnopqrst", "uvwxyz"]);
        assert_eq!(lines(ten, b"abcdefghij\nk\n\r\n").unwrap(), ["abcdefghij", "k", "\r"]);
        let two = rules(2, Charset::Utf8, DecodeErrors::Fail);
        assert_eq!(lines(two, "äöü\u{1F600}x".as_bytes()).unwrap(), ["äö", "ü\u{1F600}", "x"]);
        assert_eq!(lines(two, b"\n\n").unwrap(), ["", ""]);
        assert_eq!(two.next(b"a", false), Ok(None), "more may come");
    }

    #[test]
    fn bytes_that_a_charset_does_not_know() {
        let text = b"a\xffb\xe2\x82\n\xc3";
        for charset in [Charset::Utf8, Charset::Ascii] {
            assert_eq!(lines(rules(99, charset, DecodeErrors::Fail), text), Err(Malformed(1)));
            assert_eq!(lines(rules(99, charset, DecodeErrors::Ignore), text).unwrap(), ["ab", ""]);
        }
        assert_eq!(
            lines(rules(99, Charset::Utf8, DecodeErrors::Replace), text).unwrap(),
            ["a\u{fffd}b\u{fffd}", "\u{fffd}"]
        );
        assert_eq!(lines(rules(99, Charset::Latin1, DecodeErrors::Fail), b"\xe4\n").unwrap(), ["ä"]);
        let cut = rules(2, Charset::Utf8, DecodeErrors::Replace);
        assert_eq!(lines(cut, b"ab\xffc").unwrap(), ["ab", "\u{fffd}c"]);
    }
}
