//! Hadoop sequence files, version 6, whose records are text: the key an empty `BytesWritable`, the value a `Text` that
//! holds the delimited fields. So Hive writes them itself (`STORED AS SEQUENCEFILE`), and `hdfs dfs -text` shows them.
//!
//! Sqoop's own sequence files hold classes it generated; they are of no use without their jar, and are not written.
//!
//! The sync marker, which Hadoop draws at random, is derived from the options, so that equal input gives equal files.
//! [`SequenceWriter`] writes files of other classes.

mod writer;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::writer::{Classes, SequenceCompression, SequenceWriter, put_vint};
pub(super) use self::writer::{SYNC_BYTES, SYNC_ESCAPE};
use super::text::Records;
use super::{Encoder, Output, TextOptions};
use crate::error::Result;

/// Options of a sequence file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SequenceOptions {
    /// How the fields of a record become text; its codec is that of the file.
    pub text: TextOptions,
    /// What the codec is applied to.
    pub compress: SequenceCompression,
}

pub(super) const BYTES_CLASS: &str = "org.apache.hadoop.io.BytesWritable";
pub(super) const TEXT_CLASS: &str = "org.apache.hadoop.io.Text";
const LONG_CLASS: &str = "org.apache.hadoop.io.LongWritable";

impl Classes {
    /// Text without keys, as Hive writes it.
    const TEXT: Self = Self { key: BYTES_CLASS, value: TEXT_CLASS };
    /// Numbers and bytes.
    pub const LONG_AND_BYTES: Self = Self { key: LONG_CLASS, value: BYTES_CLASS };
    /// Numbers and text.
    pub const LONG_AND_TEXT: Self = Self { key: LONG_CLASS, value: TEXT_CLASS };
}

/// Rows whose texts are made in one go.
const ROWS_AT_ONCE: usize = 1024;

/// An empty `BytesWritable`: its length, and no bytes.
const KEY: [u8; 4] = [0; 4];

/// Encodes one sequence file.
pub struct SequenceEncoder {
    records: Records,
    writer: SequenceWriter,
    texts: Vec<u8>,
}

impl SequenceEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type without a text. Config: a codec that Hadoop does not have.
    pub fn new(schema: SchemaRef, options: &SequenceOptions) -> Result<Self> {
        let derived = |header: &[u8]| {
            let hash = Sha256::digest(header);
            std::array::from_fn(|i| hash[i])
        };
        let writer = SequenceWriter::new(Classes::TEXT, options.text.compression, options.compress, derived)?;
        Ok(Self { records: Records::new(schema, &options.text, false)?, writer, texts: Vec::new() })
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
        let (mut start, mut length) = (0, Vec::with_capacity(9));
        for end in ends {
            let text = &self.texts[start..end];
            length.clear();
            put_vint(&mut length, text.len() as i64);
            self.writer.add(&KEY, [&length, text], out)?;
            start = end;
        }
        Ok(())
    }
}

impl Encoder for SequenceEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let out = out.open();
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
        self.writer.end_block(out.open())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.flush(out)
    }

    fn buffered_bytes(&self) -> usize {
        self.writer.buffered_bytes()
    }
}

#[cfg(test)]
mod tests;
