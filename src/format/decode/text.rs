//! Text files read by lines, their records taken apart.
//!
//! Lines end as Hadoop's `TextInputFormat` has it: at LF, CR or CRLF, and the last one at the end of the file; where
//! another record delimiter is set, at that and nothing else. A range owns the lines that begin in it.
//!
//! A field may hold a line end that is enclosed or escaped. Hadoop, and so Sqoop, cuts there all the same. Here the
//! record goes on in the next line, if it is read by [`TextDecodeOptions::spanning`] and the file as a whole; else it
//! is an error, since the record is not what was written.
//!
//! A byte order mark at the beginning of a file is passed over, as Hadoop does.

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use super::input::InputReader;
use super::parser::Parser;
use super::record::Place;
use super::{BadRecord, Input, TextDecodeOptions, TextRecord};
use crate::error::{self, Error, Result};
use crate::format::{Compression, hadoop};

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
    /// Config: delimiters that contradict each other, a codec that Hadoop does not have, or a range of a file that cannot be
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
            parser: Parser::new(options, true)?,
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
            return Ok(decoder);
        }
        decoder.lines.skip_byte_order_mark().map_err(|e| decoder.input.explain(0, e))?;
        for _ in 0..options.header_lines {
            decoder.next_line()?;
        }
        Ok(decoder)
    }

    /// Takes a record back, so that another one needs no memory of its own.
    pub fn recycle(&mut self, record: TextRecord) {
        self.parser.recycle(record.fields);
        self.spare = record.raw.into_bytes();
        self.spare.clear();
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

    fn record(&mut self) -> Result<Option<TextRecord>, BadRecord> {
        let offset = self.lines.offset;
        if self.failed || offset >= self.end || !self.next_line().map_err(BadRecord::end)? {
            return Ok(None);
        }
        let place = Place { unit: "line", number: self.line, offset };
        self.parser.reset();
        let bad = |e: Error, input: &Input| BadRecord::at(input.name(), place, e);
        let mut fed = 0;
        loop {
            let piece = simdutf8::compat::from_utf8(&self.lines.bytes[fed..]);
            let piece = piece.map_err(|e| error::data("the line is not utf-8").source(e));
            let piece = piece.map_err(|e| bad(e, &self.input))?;
            self.parser.feed(piece).map_err(|e| bad(e, &self.input))?;
            if !self.spanning || !self.parser.is_open() {
                break;
            }
            // The line end belongs to the field. Of CRLF an escape character covers the first half only.
            fed = self.lines.bytes.len();
            if self.lines.end == b"\r\n" {
                self.lines.bytes.push(b'\r');
                fed += 1;
                self.parser.feed("\r").map_err(|e| bad(e, &self.input))?;
                if !self.parser.is_open() {
                    break;
                }
                self.lines.end.remove(0);
            }
            self.lines.keep_end();
            if !self.append_line().map_err(BadRecord::end)? {
                break;
            }
        }
        let mut fields = self.parser.finish().map_err(|e| bad(e, &self.input))?;
        if fields.is_empty() && self.exact {
            // Only a single empty field makes an empty line.
            fields.end_field(true);
        }
        // The next line will be about as long.
        let mut room = std::mem::take(&mut self.spare);
        room.reserve(self.lines.bytes.len());
        let raw = String::from_utf8(std::mem::replace(&mut self.lines.bytes, room));
        let raw = raw.map_err(|e| BadRecord::end(error::bug("a line changed").source(e)))?;
        Ok(Some(TextRecord { line: place.number, offset, fields, raw }))
    }
}

impl Iterator for TextDecoder {
    type Item = Result<TextRecord, BadRecord>;

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
    fn skip_byte_order_mark(&mut self) -> std::io::Result<()> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let buffer = match &mut self.source {
            Source::Plain(reader) => reader.fill_buf()?,
            Source::Compressed(reader) => reader.fill_buf()?,
        };
        if buffer.starts_with(MARK) {
            self.consume(MARK.len());
        }
        Ok(())
    }

    /// Appends the next line; false where there is no other.
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
