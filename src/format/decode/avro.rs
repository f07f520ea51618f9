//! Avro object containers read as batches. The container is walked here, block by block, so that a range of a file can
//! be read and an error says where it is; the records are decoded by arrow-avro. All codecs of the specification. Days and
//! times are in the proleptic calendar, whichever the file was written in.
//!
//! A block belongs to the range in which the sync marker before it begins.

use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_avro::reader::{Reader, ReaderBuilder};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use serde_json::Value;

use super::calendar::Conversion;
use super::input::{InputReader, read_buffered};
use super::{BatchOptions, Input};
use crate::error::{self, Result};
use crate::format::avro::put_long;

const SYNC_BYTES: usize = 16;

/// Longest block that is believed: a damaged length must not become an allocation.
const MAX_BLOCK_BYTES: i64 = 1 << 30;

/// Reads the records of an Avro file as batches.
pub struct AvroDecoder {
    reader: Reader<Blocks>,
    input: Input,
    metadata: Vec<(String, Vec<u8>)>,
    conversion: Conversion,
    /// Where the block begins that was read last.
    block: Arc<AtomicU64>,
    failed: bool,
}

impl AvroDecoder {
    /// Opens a range of a file, or all of it; the columns of the batches are in the order in which they are wanted.
    ///
    /// # Errors
    /// Data: not an Avro file, or damaged, or written in an unknown time zone. Schema: a type without a column, or no
    /// field of a wanted name.
    pub fn new(input: Input, range: Option<Range<u64>>, options: &BatchOptions<'_>) -> Result<Self> {
        let range = input.range(range);
        let header = Header::read(&input)?;
        let metadata = header.metadata.clone();
        let mut builder = ReaderBuilder::new().with_batch_size(options.rows);
        if let Some(columns) = options.columns {
            let schema_json = value(&metadata, "avro.schema").unwrap_or_default();
            builder = builder.with_projection(projection(&input, schema_json, columns)?);
        }
        let blocks = Blocks::new(input.clone(), header, range)?;
        let block = blocks.last.clone();
        let reader = builder.build(blocks).map_err(|e| {
            error::schema(format!("{}: cannot read records of this avro schema", input.name())).source(e)
        })?;
        let pairs = |key: &str| value(&metadata, key).map(str::to_owned);
        let conversion = Conversion::of_avro(input.name(), &pairs, &reader.schema(), options.calendar)?;
        Ok(Self { reader, input, metadata, conversion, block, failed: false })
    }

    /// Schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// The Avro schema that the file carries.
    pub fn schema_json(&self) -> &str {
        self.metadata("avro.schema").unwrap_or_default()
    }

    /// A value of the header's metadata that is text.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        value(&self.metadata, key)
    }
}

impl Iterator for AvroDecoder {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.reader.next()?;
        let at = self.block.load(Ordering::Relaxed);
        let batch = batch.map_err(|e| self.input.explain(at, e));
        let batch = batch.and_then(|batch| self.conversion.apply(&self.input, batch));
        self.failed = batch.is_err();
        Some(batch)
    }
}

fn value<'a>(metadata: &'a [(String, Vec<u8>)], key: &str) -> Option<&'a str> {
    let (_, value) = metadata.iter().find(|(name, _)| name == key)?;
    std::str::from_utf8(value).ok()
}

fn projection(input: &Input, schema_json: &str, columns: &[String]) -> Result<Vec<usize>> {
    let schema: Value = serde_json::from_str(schema_json)
        .map_err(|e| error::data(format!("{}: its avro schema is not valid json", input.name())).source(e))?;
    let fields: Vec<&str> = schema["fields"]
        .as_array()
        .map_or(Vec::new(), |fields| fields.iter().map(|field| field["name"].as_str().unwrap_or_default()).collect());
    let place = |column: &String| {
        fields.iter().position(|field| field == column).ok_or_else(|| {
            error::schema(format!("{}: there is no field {column}", input.name()))
                .hint(format!("its fields are {}", fields.join(", ")))
        })
    };
    columns.iter().map(place).collect()
}

/// The head of a container.
struct Header {
    bytes: Bytes,
    metadata: Vec<(String, Vec<u8>)>,
    sync: [u8; SYNC_BYTES],
}

impl Header {
    fn read(input: &Input) -> Result<Self> {
        let mut reader = input.reader(0..input.len_bytes());
        let mut header = Self { bytes: Bytes::new(), metadata: Vec::new(), sync: [0; SYNC_BYTES] };
        header.fill(&mut reader).map_err(|e| input.explain(reader.offset(), e))?;
        let length = reader.offset();
        header.bytes = input.read_at(0, length as usize)?;
        Ok(header)
    }

    fn fill(&mut self, reader: &mut InputReader) -> io::Result<()> {
        let mut magic = [0; 4];
        reader.read_exact(&mut magic)?;
        if magic != *b"Obj\x01" {
            return Err(damaged("this is not an avro file"));
        }
        loop {
            let mut count = long(reader)?;
            if count == 0 {
                break;
            }
            if count < 0 {
                count = -count;
                long(reader)?;
            }
            for _ in 0..count {
                let (key, value) = (bytes(reader)?, bytes(reader)?);
                self.metadata.push((String::from_utf8(key).map_err(damaged)?, value));
            }
        }
        reader.read_exact(&mut self.sync)
    }
}

fn damaged(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

fn long(reader: &mut impl Read) -> io::Result<i64> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
        shift += 7;
        if shift > 63 {
            return Err(damaged("a number is too long"));
        }
    }
}

fn bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = long(reader)?;
    if !(0..=MAX_BLOCK_BYTES).contains(&length) {
        return Err(damaged(format!("a length of {length} bytes is impossible")));
    }
    let mut bytes = Vec::new();
    reader.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// The header and the blocks of a range, as the bytes of a smaller container.
struct Blocks {
    input: Input,
    reader: InputReader,
    sync: [u8; SYNC_BYTES],
    end: u64,
    /// What is given out now: the header, then one block after another.
    now: Bytes,
    /// A block follows: its marker is known to begin before the end of the range.
    more: bool,
    last: Arc<AtomicU64>,
}

impl Blocks {
    fn new(input: Input, header: Header, range: Range<u64>) -> Result<Self> {
        // The marker at the end of the header announces the first block.
        let first = header.bytes.len() as u64 - SYNC_BYTES as u64;
        let marker = match range.start <= first {
            true => (first < range.end || range.is_empty()).then_some(first),
            false => input.find(&header.sync, range.clone())?,
        };
        let start = marker.map_or(input.len_bytes(), |marker| marker + SYNC_BYTES as u64);
        let reader = input.reader(start..input.len_bytes());
        let more = marker.is_some() && !range.is_empty();
        Ok(Self { reader, sync: header.sync, end: range.end, now: header.bytes, more, last: Arc::default(), input })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let start = self.reader.offset();
        if !self.more || self.reader.fill_buf()?.is_empty() {
            self.more = false;
            return Ok(());
        }
        self.last.store(start, Ordering::Relaxed);
        let rows = long(&mut self.reader)?;
        let length = long(&mut self.reader)?;
        if rows < 0 || !(0..=MAX_BLOCK_BYTES).contains(&length) {
            return Err(damaged(format!("a block of {rows} records and {length} bytes is impossible")));
        }
        let behind = self.reader.offset() + length as u64;
        let mut block = Vec::with_capacity(64);
        put_long(&mut block, rows);
        put_long(&mut block, length);
        let whole = length as u64 + SYNC_BYTES as u64;
        if (&mut self.reader).take(whole).read_to_end(&mut block)? as u64 != whole {
            return Err(damaged("the file ends inside a block"));
        }
        if !block.ends_with(&self.sync) {
            return Err(damaged("the sync marker behind the block is not the file's"));
        }
        self.more = behind < self.end;
        self.now = block.into();
        Ok(())
    }
}

impl BufRead for Blocks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.now.is_empty() {
            let start = self.reader.offset();
            if let Err(error) = self.next_block() {
                let error = self.input.explain(start, error);
                return Err(self.input.remember(error));
            }
        }
        Ok(&self.now)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.now.split_to(amount.min(self.now.len()));
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
