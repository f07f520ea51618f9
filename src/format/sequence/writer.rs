//! Hadoop's sequence files, version 6, of keys and values that are serialised already: not compressed, by record or in
//! blocks. It refuses codecs that Hadoop does not have.
//!
//! Source: Hadoop 3.4 `SequenceFile`, `WritableUtils`; checked by `hdfs dfs -text` and by Hive 4.0.1.

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::format::{Compression, hadoop};

pub(in crate::format) const SYNC_BYTES: usize = 16;

/// A length of -1 announces a sync marker.
pub(in crate::format) const SYNC_ESCAPE: [u8; 4] = [0xff; 4];

/// Bytes between two sync markers of a file that is not compressed in blocks; Hadoop's own distance.
const SYNC_INTERVAL: u64 = 5 * 1024 * SYNC_BYTES as u64;

/// Bytes of keys and values that make a block, `io.seqfile.compress.blocksize`.
const BLOCK_BYTES: usize = 1_000_000;

/// What a codec is applied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SequenceCompression {
    /// Each value by itself; long values only are worth it.
    Record,
    /// Many records together.
    #[default]
    Block,
}

/// The Java classes of the keys and the values of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Of the keys.
    pub key: &'static str,
    /// Of the values.
    pub value: &'static str,
}

/// Writes one sequence file.
#[derive(Debug)]
pub struct SequenceWriter {
    codec: Compression,
    in_blocks: bool,
    marker: [u8; SYNC_BYTES],
    /// Written before the first record; empty afterwards.
    header: Vec<u8>,
    /// Bytes given out, and where the last marker ended.
    written: u64,
    last_sync: u64,
    block: Block,
}

/// Records that wait for their block to be full.
#[derive(Debug, Default)]
struct Block {
    rows: i64,
    key_lengths: Vec<u8>,
    keys: Vec<u8>,
    value_lengths: Vec<u8>,
    values: Vec<u8>,
}

impl Block {
    fn len(&self) -> usize {
        self.keys.len() + self.values.len()
    }

    /// The four parts, in the order of the file.
    fn parts(&self) -> [&[u8]; 4] {
        [&self.key_lengths, &self.keys, &self.value_lengths, &self.values]
    }

    fn clear(&mut self) {
        self.rows = 0;
        self.key_lengths.clear();
        self.keys.clear();
        self.value_lengths.clear();
        self.values.clear();
    }
}

impl SequenceWriter {
    /// Begins a file. `marker` makes its sync marker of its header.
    ///
    /// # Errors
    /// Config: a codec that Hadoop does not have.
    pub fn new(
        classes: Classes,
        codec: Compression,
        compress: SequenceCompression,
        marker: impl FnOnce(&[u8]) -> [u8; SYNC_BYTES],
    ) -> Result<Self> {
        let in_blocks = codec != Compression::None && compress == SequenceCompression::Block;
        let mut header = b"SEQ\x06".to_vec();
        put_string(&mut header, classes.key);
        put_string(&mut header, classes.value);
        header.push(u8::from(codec != Compression::None));
        header.push(u8::from(in_blocks));
        if codec != Compression::None {
            let class = codec.hadoop_class().ok_or_else(|| {
                error::config("hadoop has no codec xz for text and sequence files")
                    .hint("compression is one of none, gzip, bzip2, deflate, snappy, lz4, zstd")
            })?;
            put_string(&mut header, class);
        }
        header.extend_from_slice(&[0; 4]);
        let marker = marker(&header);
        header.extend_from_slice(&marker);
        Ok(Self { codec, in_blocks, marker, header, written: 0, last_sync: 0, block: Block::default() })
    }

    /// Adds a record: its key, and its value in two pieces, the length that its class puts in front and its bytes.
    ///
    /// # Errors
    /// Bug: the codec failed. Data: the record is longer than a sequence file can say.
    pub fn add(&mut self, key: &[u8], value: [&[u8]; 2], out: &mut Vec<u8>) -> Result<()> {
        self.begin(out);
        let length = key.len() + value[0].len() + value[1].len();
        if i32::try_from(length).is_err() {
            let what = format!("a record of {length} bytes is longer than a sequence file can hold");
            return Err(error::data(what));
        }
        if self.in_blocks { self.add_to_block(key, value, out) } else { self.single(key, value, out) }
    }

    /// Writes the records that wait for their block, if there are any.
    ///
    /// # Errors
    /// Bug: the codec failed.
    pub fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.begin(out);
        if self.block.rows == 0 {
            return Ok(());
        }
        self.put_marker(out);
        let start = out.len();
        put_vint(out, self.block.rows);
        for part in self.block.parts() {
            let part = hadoop::compress(self.codec, part)?;
            put_vint(out, part.len() as i64);
            out.extend_from_slice(&part);
        }
        self.written += (out.len() - start) as u64;
        self.block.clear();
        Ok(())
    }

    /// As `SequenceFile.Writer.sync`: ends a block, or puts a marker behind the last record, once.
    ///
    /// # Errors
    /// As [`SequenceWriter::end_block`].
    pub fn sync(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)?;
        if !self.in_blocks && self.written != self.last_sync {
            self.put_marker(out);
        }
        Ok(())
    }

    /// Bytes of records that wait for their block.
    pub fn waiting_bytes(&self) -> usize {
        self.block.len()
    }

    /// Bytes held and not yet given out.
    pub fn buffered_bytes(&self) -> usize {
        self.header.len() + self.block.parts().iter().map(|part| part.len()).sum::<usize>()
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.header.is_empty() {
            self.written += self.header.len() as u64;
            self.last_sync = self.written;
            out.append(&mut self.header);
        }
    }

    fn put_marker(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&SYNC_ESCAPE);
        out.extend_from_slice(&self.marker);
        self.written += (SYNC_ESCAPE.len() + SYNC_BYTES) as u64;
        self.last_sync = self.written;
    }

    /// Writes a record by itself.
    fn single(&mut self, key: &[u8], value: [&[u8]; 2], out: &mut Vec<u8>) -> Result<()> {
        if self.written >= self.last_sync + SYNC_INTERVAL {
            self.put_marker(out);
        }
        let compressed = match self.codec {
            Compression::None => None,
            codec => Some(hadoop::compress(codec, &value.concat())?),
        };
        let value = compressed.as_ref().map_or(value, |bytes| [bytes.as_slice(), b"".as_slice()]);
        let length = key.len() + value[0].len() + value[1].len();
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&(key.len() as u32).to_be_bytes());
        out.extend_from_slice(key);
        value.iter().for_each(|piece| out.extend_from_slice(piece));
        self.written += (8 + length) as u64;
        Ok(())
    }

    fn add_to_block(&mut self, key: &[u8], value: [&[u8]; 2], out: &mut Vec<u8>) -> Result<()> {
        let block = &mut self.block;
        put_vint(&mut block.key_lengths, key.len() as i64);
        block.keys.extend_from_slice(key);
        put_vint(&mut block.value_lengths, (value[0].len() + value[1].len()) as i64);
        value.iter().for_each(|piece| block.values.extend_from_slice(piece));
        block.rows += 1;
        if self.block.len() >= BLOCK_BYTES { self.end_block(out) } else { Ok(()) }
    }
}

/// A string as `Text.writeString` writes it.
fn put_string(out: &mut Vec<u8>, text: &str) {
    put_vint(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

/// A number as `WritableUtils.writeVLong` writes it: small ones in one byte, else a byte of sign and length, then the
/// bytes, the most significant first.
pub fn put_vint(out: &mut Vec<u8>, value: i64) {
    if (-112..=127).contains(&value) {
        return out.push(value as u8);
    }
    let (base, magnitude) = if value < 0 { (-120i16, !value as u64) } else { (-112, value as u64) };
    let length = 8 - magnitude.leading_zeros() as usize / 8;
    out.push((base - length as i16) as u8);
    out.extend_from_slice(&magnitude.to_be_bytes()[8 - length..]);
}
