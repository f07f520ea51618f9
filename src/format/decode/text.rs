//! Text files read by lines, their records taken apart.
//!
//! Lines end as Hadoop's `TextInputFormat` has it: at LF, CR or CRLF, and the last one at the end of the file; where
//! another record delimiter is set, at that and nothing else. A range owns the lines that begin in it.
//!
//! A field may hold a line end that is enclosed or escaped. Hadoop, and so Sqoop, cuts there all the same. Here the
//! record goes on in the next line, if it is read by [`TextDecodeOptions::spanning`] and the file as a whole; else it
//! is an error, since the record is not what was written.

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use super::input::InputReader;
use super::parser::Parser;
use super::{Input, TextFields};
use crate::error::{self, Error, Result};
use crate::format::{Compression, TextOptions, hadoop};

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
    /// Records may go on in the next line, see the top of this room.
    pub spanning: bool,
    /// Longer records are refused, so that a wrong delimiter does not become a file in memory.
    pub max_record_bytes: usize,
}

impl TextDecodeOptions {
    /// Records span lines where the delimiters allow it; at most 256 MiB each.
    pub fn new(text: TextOptions) -> Self {
        Self { spanning: text.delimiters.may_span_lines(), text, max_record_bytes: 256 << 20 }
    }
}

/// Reads the records of a text file. A record that breaks the rules is an error of its own; the next call goes on
/// behind it.
pub struct TextDecoder {
    input: Input,
    lines: Lines,
    parser: Parser,
    /// Bytes of a record that somebody is done with.
    spare: Vec<u8>,
    spanning: bool,
    exact: bool,
    /// Lines that begin here or behind belong to somebody else.
    end: u64,
    line: u64,
    failed: bool,
}

impl TextDecoder {
    /// Opens a range of a file, or all of it. A compressed file is always read as a whole.
    ///
    /// # Errors
    /// Config: delimiters that contradict each other, a codec that Hadoop has not, or a range of a file that cannot be
    /// read in ranges. Otherwise of the storage.
    pub fn new(
        input: Input,
        range: Option<Range<u64>>,
        compression: Compression,
        options: &TextDecodeOptions,
    ) -> Result<Self> {
        let whole = 0..input.len_bytes();
        let range = input.range(range);
        if range != whole && (compression != Compression::None || options.spanning) {
            return Err(error::config(format!("{}: cannot be read in ranges", input.name()))
                .hint("compressed text, and text whose records may span lines, is read as a whole"));
        }
        let delimiter = options.text.delimiters.lines;
        // The line before the range is read to its end: it may end where the range begins.
        let from = range.start.saturating_sub(delimiter.len_utf8() as u64);
        let reader = input.reader(from..input.len_bytes());
        let source = match compression {
            Compression::None => Source::Plain(reader),
            codec => Source::Compressed(BufReader::with_capacity(256 << 10, hadoop::decompressor(codec, reader)?)),
        };
        let max_bytes = options.max_record_bytes;
        let lines = Lines { source, delimiter, offset: from, max_bytes, bytes: Vec::new(), end: Vec::new() };
        let mut decoder = Self {
            lines,
            parser: Parser::new(&options.text, true)?,
            spare: Vec::new(),
            spanning: options.spanning,
            exact: options.text.style == crate::format::text::TextStyle::Exact,
            end: if compression == Compression::None { range.end } else { u64::MAX },
            line: 0,
            failed: false,
            input,
        };
        if range.start > 0 {
            decoder.next_line()?;
            decoder.line = 0;
        }
        Ok(decoder)
    }

    /// Takes a record back, so that another one needs no memory of its own.
    pub fn recycle(&mut self, record: TextRecord) {
        self.parser.recycle(record.fields);
        self.spare = record.raw.into_bytes();
        self.spare.clear();
    }

    /// Whether an error ended the reading: what follows in the range is not read.
    pub fn is_broken(&self) -> bool {
        self.failed
    }

    fn next_line(&mut self) -> Result<bool> {
        self.lines.bytes.clear();
        let more = self.append_line()?;
        Ok(more)
    }

    /// Appends a line to the record's bytes, without its end.
    fn append_line(&mut self) -> Result<bool> {
        let at = self.lines.offset;
        let more = self.lines.append();
        self.line += 1;
        more.map_err(|e| {
            self.failed = true;
            self.input.explain(at, e)
        })
    }

    fn record(&mut self) -> Result<Option<TextRecord>> {
        let offset = self.lines.offset;
        if self.failed || offset >= self.end || !self.next_line()? {
            return Ok(None);
        }
        let line = self.line;
        self.parser.reset();
        let at_line = |e: Error, input: &Input| e.context(format!("{}: line {line} (byte {offset})", input.name()));
        let mut fed = 0;
        loop {
            let piece = simdutf8::compat::from_utf8(&self.lines.bytes[fed..]);
            let piece = piece.map_err(|e| error::data("the line is not utf-8").source(e));
            let piece = piece.map_err(|e| at_line(e, &self.input))?;
            self.parser.feed(piece).map_err(|e| at_line(e, &self.input))?;
            if !self.spanning || !self.parser.is_open() {
                break;
            }
            // The line end belongs to the field. Of CRLF an escape character covers the first half only.
            fed = self.lines.bytes.len();
            if self.lines.end == b"\r\n" {
                self.lines.bytes.push(b'\r');
                fed += 1;
                self.parser.feed("\r").map_err(|e| at_line(e, &self.input))?;
                if !self.parser.is_open() {
                    break;
                }
                self.lines.end.remove(0);
            }
            self.lines.keep_end();
            if !self.append_line()? {
                break;
            }
        }
        let mut fields = self.parser.finish().map_err(|e| at_line(e, &self.input))?;
        if fields.is_empty() && self.exact {
            // Only a single empty field makes an empty line.
            fields.end_field(true);
        }
        // The next line will be about as long.
        let mut room = std::mem::take(&mut self.spare);
        room.reserve(self.lines.bytes.len());
        let raw = String::from_utf8(std::mem::replace(&mut self.lines.bytes, room));
        let raw = raw.map_err(|e| error::bug("a line changed").source(e))?;
        Ok(Some(TextRecord { line, offset, fields, raw }))
    }
}

impl Iterator for TextDecoder {
    type Item = Result<TextRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.record().transpose()
    }
}

enum Source {
    Plain(InputReader),
    Compressed(BufReader<Box<dyn Read + Send>>),
}

/// Cuts bytes into lines.
struct Lines {
    source: Source,
    delimiter: char,
    /// Offset of the next byte in the text.
    offset: u64,
    max_bytes: usize,
    /// The lines of the record.
    bytes: Vec<u8>,
    /// The end of the last line.
    end: Vec<u8>,
}

impl Lines {
    /// Appends the next line; false where there is none.
    fn append(&mut self) -> std::io::Result<bool> {
        let start = self.offset;
        self.end.clear();
        let mut scratch = [0; 4];
        let delimiter = self.delimiter.encode_utf8(&mut scratch).as_bytes();
        let last = delimiter[delimiter.len() - 1];
        let hadoops = self.delimiter == '\n';
        let from = self.bytes.len();
        loop {
            let buffer = match &mut self.source {
                Source::Plain(reader) => reader.fill_buf()?,
                Source::Compressed(reader) => reader.fill_buf()?,
            };
            if buffer.is_empty() {
                return Ok(self.offset > start);
            }
            let stop = memchr::memchr2(last, if hadoops { b'\r' } else { last }, buffer);
            let taken = stop.map_or(buffer.len(), |at| at + 1);
            self.bytes.extend_from_slice(&buffer[..taken]);
            self.consume(taken);
            if self.bytes.len() > self.max_bytes {
                let what = format!("a record longer than {} bytes; is the record delimiter right?", self.max_bytes);
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
            }
            if stop.is_none() {
                continue;
            }
            if self.bytes.last() == Some(&b'\r') && hadoops {
                self.bytes.pop();
                self.end.push(b'\r');
                self.line_feed_behind_return()?;
                return Ok(true);
            }
            if self.bytes[from..].ends_with(delimiter) {
                self.bytes.truncate(self.bytes.len() - delimiter.len());
                self.end.extend_from_slice(delimiter);
                return Ok(true);
            }
        }
    }

    fn line_feed_behind_return(&mut self) -> std::io::Result<()> {
        let next = match &mut self.source {
            Source::Plain(reader) => reader.fill_buf()?.first().copied(),
            Source::Compressed(reader) => reader.fill_buf()?.first().copied(),
        };
        if next == Some(b'\n') {
            self.consume(1);
            self.end.push(b'\n');
        }
        Ok(())
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.source {
            Source::Plain(reader) => reader.consume(amount),
            Source::Compressed(reader) => reader.consume(amount),
        }
        self.offset += amount as u64;
    }

    /// Puts the end of the last line back: the record goes on, and it is part of a field.
    fn keep_end(&mut self) {
        self.bytes.append(&mut self.end);
    }
}
