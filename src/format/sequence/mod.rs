//! Hadoop sequence files, version 6, whose records are text: the key an empty `BytesWritable`, the value a `Text` that
//! holds the delimited fields. So Hive writes them itself (`STORED AS SEQUENCEFILE`), and `hdfs dfs -text` shows them.
//!
//! Sqoop's own sequence files hold classes it generated; they are of no use without their jar, and are not written.
//!
//! Source: Hadoop 3.4 `SequenceFile`, `WritableUtils`; checked by `hdfs dfs -text` and by Hive 4.0.1. The sync marker,
//! which Hadoop draws at random, is derived from the options, so that equal input gives equal files.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::text::Records;
use super::{Compression, Encoder, Output, TextOptions, hadoop};
use crate::error::{self, Result};

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

/// Options of a sequence file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SequenceOptions {
    /// How the fields of a record become text; its codec is that of the file.
    pub text: TextOptions,
    /// What the codec is applied to.
    pub compress: SequenceCompression,
}

pub(super) const KEY_CLASS: &str = "org.apache.hadoop.io.BytesWritable";
pub(super) const VALUE_CLASS: &str = "org.apache.hadoop.io.Text";
pub(super) const SYNC_BYTES: usize = 16;

/// A length of -1 announces a sync marker.
pub(super) const SYNC_ESCAPE: [u8; 4] = [0xff; 4];

/// Bytes between two sync markers of a file that is not compressed in blocks; Hadoop's own distance.
const SYNC_INTERVAL: u64 = 5 * 1024 * SYNC_BYTES as u64;

/// Bytes of keys and values that make a block, `io.seqfile.compress.blocksize`.
const BLOCK_BYTES: usize = 1_000_000;

/// Rows whose texts are made in one go.
const ROWS_AT_ONCE: usize = 1024;

/// An empty `BytesWritable`: its length, and no bytes.
const KEY: [u8; 4] = [0; 4];

/// Encodes one sequence file.
pub struct SequenceEncoder {
    records: Records,
    codec: Compression,
    in_blocks: bool,
    marker: [u8; SYNC_BYTES],
    /// Written before the first record; empty afterwards.
    header: Vec<u8>,
    /// Bytes given out, and where the last marker ended.
    written: u64,
    last_sync: u64,
    block: Block,
    texts: Vec<u8>,
}

/// Records that wait for their block to be full.
#[derive(Default)]
struct Block {
    rows: i64,
    value_lengths: Vec<u8>,
    values: Vec<u8>,
}

impl SequenceEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type without a text. Config: a codec that Hadoop does not have.
    pub fn new(schema: SchemaRef, options: &SequenceOptions) -> Result<Self> {
        let codec = options.text.compression;
        let in_blocks = codec != Compression::None && options.compress == SequenceCompression::Block;
        let mut header = b"SEQ\x06".to_vec();
        put_string(&mut header, KEY_CLASS);
        put_string(&mut header, VALUE_CLASS);
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
        let hash = Sha256::digest(&header);
        let marker = std::array::from_fn(|i| hash[i]);
        header.extend_from_slice(&marker);
        Ok(Self {
            records: Records::new(schema, &options.text, false)?,
            codec,
            in_blocks,
            marker,
            header,
            written: 0,
            last_sync: 0,
            block: Block::default(),
            texts: Vec::new(),
        })
    }

    fn run(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        self.texts.clear();
        let mut ends = Vec::with_capacity(rows.num_rows());
        let texts = self.records.rows(rows)?;
        for row in 0..rows.num_rows() {
            texts.write(row, &mut self.texts)?;
            ends.push(self.texts.len());
        }
        self.records.count += rows.num_rows() as u64;
        let texts = std::mem::take(&mut self.texts);
        let mut start = 0;
        for end in ends {
            let text = &texts[start..end];
            if self.in_blocks {
                self.add_to_block(text, out)?
            } else {
                self.single(text, out)?
            }
            start = end;
        }
        self.texts = texts;
        Ok(())
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.header.is_empty() {
            self.written += self.header.len() as u64;
            self.last_sync = self.written;
            out.append(&mut self.header);
        }
    }

    fn sync(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&SYNC_ESCAPE);
        out.extend_from_slice(&self.marker);
        self.written += (SYNC_ESCAPE.len() + SYNC_BYTES) as u64;
        self.last_sync = self.written;
    }

    /// Writes a record by itself.
    fn single(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if self.written >= self.last_sync + SYNC_INTERVAL {
            self.sync(out);
        }
        let mut value = Vec::with_capacity(text.len() + 5);
        put_vint(&mut value, text.len() as i64);
        value.extend_from_slice(text);
        if self.codec != Compression::None {
            value = hadoop::compress(self.codec, &value)?;
        }
        out.extend_from_slice(&((KEY.len() + value.len()) as u32).to_be_bytes());
        out.extend_from_slice(&(KEY.len() as u32).to_be_bytes());
        out.extend_from_slice(&KEY);
        out.extend_from_slice(&value);
        self.written += (8 + KEY.len() + value.len()) as u64;
        Ok(())
    }

    /// Adds a record to the block.
    fn add_to_block(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = self.block.values.len();
        put_vint(&mut self.block.values, text.len() as i64);
        self.block.values.extend_from_slice(text);
        let length = self.block.values.len() - start;
        put_vint(&mut self.block.value_lengths, length as i64);
        self.block.rows += 1;
        let held = self.block.values.len() + self.block.rows as usize * KEY.len();
        if held >= BLOCK_BYTES { self.end_block(out) } else { Ok(()) }
    }

    fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.block.rows == 0 {
            return Ok(());
        }
        self.sync(out);
        let start = out.len();
        let rows = self.block.rows as usize;
        put_vint(out, self.block.rows);
        let mut key_lengths = Vec::new();
        (0..rows).for_each(|_| put_vint(&mut key_lengths, KEY.len() as i64));
        for part in [&key_lengths, &KEY.repeat(rows), &self.block.value_lengths, &self.block.values] {
            let part = hadoop::compress(self.codec, part)?;
            put_vint(out, part.len() as i64);
            out.extend_from_slice(&part);
        }
        self.written += (out.len() - start) as u64;
        self.block.rows = 0;
        self.block.values.clear();
        self.block.value_lengths.clear();
        Ok(())
    }
}

impl Encoder for SequenceEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let out = out.open();
        self.begin(out);
        // All texts of a run of rows, then their records: the rules are borrowed only while texts are made.
        let mut at = 0;
        while at < batch.num_rows() {
            let run = batch.slice(at, ROWS_AT_ONCE.min(batch.num_rows() - at));
            self.run(&run, out)?;
            at += run.num_rows();
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<()> {
        self.begin(out.open());
        self.end_block(out.open())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.flush(out)
    }

    fn buffered_bytes(&self) -> usize {
        self.header.len() + self.block.values.len() + self.block.value_lengths.len()
    }
}

/// A string as `Text.writeString` writes it.
fn put_string(out: &mut Vec<u8>, text: &str) {
    put_vint(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

/// A number as `WritableUtils.writeVLong` writes it: small ones in one byte, else a byte of sign and length, then the
/// bytes, the most significant first.
fn put_vint(out: &mut Vec<u8>, value: i64) {
    if (-112..=127).contains(&value) {
        return out.push(value as u8);
    }
    let (base, magnitude) = if value < 0 { (-120i16, !value as u64) } else { (-112, value as u64) };
    let length = 8 - magnitude.leading_zeros() as usize / 8;
    out.push((base - length as i16) as u8);
    out.extend_from_slice(&magnitude.to_be_bytes()[8 - length..]);
}

#[cfg(test)]
mod tests;
