//! Sequence files of text read as records: not compressed, by record, by block, with Hadoop's codecs. Keys are passed
//! over. The value class must be `Text` (or `BytesWritable` that holds UTF-8); other classes need their own code, which
//! only Java has, and are refused.
//!
//! A record belongs to the range in which the sync marker before it begins.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::input::InputReader;
use super::parser::Parser;
use super::record::Place;
use super::{BadRecord, Input, TextDecodeOptions, TextRecord};
use crate::error::{self, Error, Result};
use crate::format::sequence::{BYTES_CLASS, SYNC_BYTES, SYNC_ESCAPE, TEXT_CLASS};
use crate::format::{Compression, hadoop};

/// Longest record or block part that is believed.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the records of a sequence file. A record that breaks the rules of text is an error of its own; the next call
/// goes on behind it.
pub struct SequenceDecoder {
    input: Input,
    reader: InputReader,
    header: Header,
    parser: Parser,
    end: u64,
    /// Values of the block at hand, and where it begins.
    block: VecDeque<Vec<u8>>,
    block_offset: u64,
    count: u64,
    done: bool,
}

struct Header {
    codec: Compression,
    in_blocks: bool,
    values_are_bytes: bool,
    sync: [u8; SYNC_BYTES],
    length: u64,
}

impl SequenceDecoder {
    /// Opens a range of a file, or all of it.
    ///
    /// # Errors
    /// Data: not a sequence file, or damaged. Schema: its values are of another class.
    pub fn new(input: Input, range: Option<Range<u64>>, options: &TextDecodeOptions) -> Result<Self> {
        let range = input.range(range);
        let header = Header::read(&input)?;
        let first = header.length - SYNC_BYTES as u64;
        let start = match range.start <= first {
            true => (first < range.end).then_some(header.length),
            false => input.find(&header.sync, range.clone())?.map(|marker| marker - SYNC_ESCAPE.len() as u64),
        };
        let reader = input.reader(start.unwrap_or(input.len_bytes())..input.len_bytes());
        Ok(Self {
            parser: Parser::new(options, false)?,
            end: range.end,
            block: VecDeque::new(),
            block_offset: 0,
            count: 0,
            done: start.is_none(),
            header,
            reader,
            input,
        })
    }

    /// The codec of its records or blocks.
    pub fn codec(&self) -> Compression {
        self.header.codec
    }

    fn record(&mut self) -> Result<Option<TextRecord>, BadRecord> {
        let at = self.reader.offset();
        let value = self.value().map_err(|e| {
            self.done = true;
            BadRecord::end(self.input.explain(at, e))
        })?;
        let Some(bytes) = value else { return Ok(None) };
        self.count += 1;
        let place = Place { unit: "record", number: self.count, offset: self.block_offset };
        let bad = |e: Error| BadRecord::at(self.input.name(), place, e);
        let raw = String::from_utf8(bytes).map_err(|e| bad(error::data("the value is not utf-8").source(e)))?;
        self.parser.reset();
        let fields = self.parser.feed(&raw).and_then(|()| self.parser.finish()).map_err(bad)?;
        Ok(Some(TextRecord { line: place.number, offset: place.offset, fields, raw }))
    }

    /// The bytes of the next value.
    fn value(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.block.is_empty() {
            if self.done || self.reader.fill_buf()?.is_empty() {
                self.done = true;
                return Ok(None);
            }
            let offset = self.reader.offset();
            let mut word = [0; 4];
            self.reader.read_exact(&mut word)?;
            if word == SYNC_ESCAPE {
                self.marker()?;
            } else if self.header.in_blocks {
                return Err(damaged("a block does not begin with its sync marker"));
            } else {
                self.block_offset = offset;
                let value = self.single(u32::from_be_bytes(word))?;
                self.block.push_back(value);
            }
        }
        self.block.pop_front().map(|value| self.text_of(value)).transpose()
    }

    /// Behind the escape: the marker, and where records are in blocks, the block.
    fn marker(&mut self) -> io::Result<()> {
        let offset = self.reader.offset();
        let mut sync = [0; SYNC_BYTES];
        self.reader.read_exact(&mut sync)?;
        if sync != self.header.sync {
            return Err(damaged("the sync marker is not the file's"));
        }
        if offset >= self.end {
            self.done = true;
        } else if self.header.in_blocks {
            self.block_offset = offset;
            self.read_block()?;
        }
        Ok(())
    }

    fn single(&mut self, length: u32) -> io::Result<Vec<u8>> {
        let mut word = [0; 4];
        self.reader.read_exact(&mut word)?;
        let key = u32::from_be_bytes(word);
        if key > length {
            return Err(damaged(format!("a key of {key} bytes in a record of {length} is impossible")));
        }
        exactly(&mut self.reader, key.into())?;
        let value = exactly(&mut self.reader, u64::from(length - key))?;
        decompress(self.header.codec, value)
    }

    fn read_block(&mut self) -> io::Result<()> {
        let rows = vint(&mut self.reader)?;
        let mut part = || -> io::Result<Vec<u8>> {
            let length = vint(&mut self.reader)?;
            let bytes = exactly(&mut self.reader, u64::try_from(length).unwrap_or(u64::MAX))?;
            decompress(self.header.codec, bytes)
        };
        let (_, _, lengths, values) = (part()?, part()?, part()?, part()?);
        let (mut lengths, mut values) = (&lengths[..], &values[..]);
        for _ in 0..rows {
            let length = usize::try_from(vint(&mut lengths)?).unwrap_or(usize::MAX);
            let (value, rest) =
                values.split_at_checked(length).ok_or_else(|| damaged("a value is longer than its block"))?;
            self.block.push_back(value.to_vec());
            values = rest;
        }
        Ok(())
    }

    /// The text in a serialised value.
    fn text_of(&self, value: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut rest = &value[..];
        let length = if self.header.values_are_bytes {
            let mut word = [0; 4];
            rest.read_exact(&mut word)?;
            i64::from(u32::from_be_bytes(word))
        } else {
            vint(&mut rest)?
        };
        if length != rest.len() as i64 {
            return Err(damaged(format!("a value says {length} bytes and has {}", rest.len())));
        }
        Ok(rest.to_vec())
    }
}

impl Iterator for SequenceDecoder {
    type Item = Result<TextRecord, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.record().transpose()
    }
}

impl Header {
    fn read(input: &Input) -> Result<Self> {
        let mut reader = input.reader(0..input.len_bytes());
        let words = Self::words(&mut reader).map_err(|e| input.explain(reader.offset(), e))?;
        let (value_class, codec_class, in_blocks, sync) = words;
        if value_class != TEXT_CLASS && value_class != BYTES_CLASS {
            return Err(error::schema(format!("{}: its values are of the class {value_class}", input.name())).hint(
                "only text records can be read; write the files again as text or avro with the tool that has the class",
            ));
        }
        let codec = match &codec_class {
            None => Compression::None,
            Some(class) => class.parse().map_err(|e: Error| e.context(input.name()))?,
        };
        let length = reader.offset();
        Ok(Self { codec, in_blocks, values_are_bytes: value_class == BYTES_CLASS, sync, length })
    }

    #[allow(clippy::type_complexity, reason = "taken apart at once by its only caller")]
    fn words(reader: &mut InputReader) -> io::Result<(String, Option<String>, bool, [u8; SYNC_BYTES])> {
        let mut magic = [0; 4];
        reader.read_exact(&mut magic)?;
        if magic[..3] != *b"SEQ" {
            return Err(damaged("this is not a sequence file"));
        }
        if magic[3] != 6 {
            return Err(damaged(format!("version {} of sequence files is not supported, only version 6", magic[3])));
        }
        let (_, value_class) = (string(reader)?, string(reader)?);
        let mut flags = [0; 2];
        reader.read_exact(&mut flags)?;
        let codec = if flags[0] != 0 { Some(string(reader)?) } else { None };
        let mut pairs = [0; 4];
        reader.read_exact(&mut pairs)?;
        for _ in 0..2 * u64::from(u32::from_be_bytes(pairs)) {
            string(reader)?;
        }
        let mut sync = [0; SYNC_BYTES];
        reader.read_exact(&mut sync)?;
        Ok((value_class, codec, flags[1] != 0, sync))
    }
}

fn damaged(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

fn exactly(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX_BYTES {
        return Err(damaged(format!("a part of {length} bytes is impossible")));
    }
    let mut bytes = Vec::new();
    if reader.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn decompress(codec: Compression, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if codec == Compression::None {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    let mut decompressor = hadoop::decompressor(codec, &bytes[..]).map_err(io::Error::other)?;
    (&mut decompressor).take(MAX_BYTES).read_to_end(&mut out)?;
    Ok(out)
}

/// A string as `Text.readString` reads it.
fn string(reader: &mut impl Read) -> io::Result<String> {
    let length = vint(reader)?;
    String::from_utf8(exactly(reader, u64::try_from(length).unwrap_or(u64::MAX))?).map_err(damaged)
}

/// A number as `WritableUtils.readVLong` reads it.
fn vint(reader: &mut impl Read) -> io::Result<i64> {
    let mut first = [0];
    reader.read_exact(&mut first)?;
    let first = first[0] as i8;
    if first >= -112 {
        return Ok(first.into());
    }
    let (length, negative) =
        if first < -120 { (-(i32::from(first) + 120), true) } else { (-(i32::from(first) + 112), false) };
    let mut bytes = [0u8; 8];
    reader.read_exact(&mut bytes[8 - length as usize..])?;
    let value = i64::from_be_bytes(bytes);
    Ok(if negative { !value } else { value })
}
