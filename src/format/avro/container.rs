//! The object container: header, blocks of records, codec, sync marker.
//!
//! Source: Apache Avro specification 1.11, "Object Container Files". The marker is derived from schema and codec
//! instead of drawn at random, so that equal input gives equal files.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use super::super::Compression;
use super::AvroOptions;
use crate::error::{self, Result};

/// What Hive must know about the days and times in a file: of the real calendar and in UTC, nothing to convert. Where
/// these keys are missing it takes the old Julian calendar for granted and moves days before 1582-10-15. The first key
/// is spelt differently for Avro and Parquet. Checked on Hive 4.0.1.
const WRITER_KEYS: [(&str, &str); 3] =
    [("writer.proleptic", "true"), ("writer.time.zone", "UTC"), ("writer.zone.conversion.legacy", "false")];

const MAGIC: &[u8] = b"Obj\x01";

/// Level of zstd and deflate: most of their gain at a moderate price.
const ZSTD_LEVEL: i32 = 1;

/// Collects records into blocks and blocks into a file.
pub(super) struct Container {
    codec: Compression,
    block_bytes: usize,
    /// Written before the first block; empty afterwards.
    header: Vec<u8>,
    marker: [u8; 16],
    block: Vec<u8>,
    rows: i64,
}

impl Container {
    pub fn new(schema_json: &str, options: &AvroOptions) -> Result<Self> {
        let codec = codec_name(options.codec)?;
        let marker = marker(schema_json, codec);
        let header = header(schema_json, codec, &marker);
        let AvroOptions { codec, block_bytes, record: _ } = *options;
        Ok(Self { codec, block_bytes, header, marker, block: Vec::new(), rows: 0 })
    }

    /// Appends one encoded record.
    pub fn append(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.block.extend_from_slice(record);
        self.rows += 1;
        if self.block.len() >= self.block_bytes { self.end_block(out) } else { Ok(()) }
    }

    /// Writes the records that wait, if there are any.
    pub fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.header);
        if self.rows == 0 {
            return Ok(());
        }
        let bytes = compress(self.codec, &self.block)?;
        put_long(out, self.rows);
        put_bytes(out, &bytes);
        out.extend_from_slice(&self.marker);
        self.block.clear();
        self.rows = 0;
        Ok(())
    }

    /// Writes the last block; a file without records is a header alone.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)
    }

    pub fn buffered_bytes(&self) -> usize {
        self.header.len() + self.block.len()
    }
}

fn codec_name(codec: Compression) -> Result<&'static str> {
    match codec {
        Compression::None => Ok("null"),
        Compression::Snappy => Ok("snappy"),
        Compression::Zstd => Ok("zstandard"),
        Compression::Gzip => Ok("deflate"),
        Compression::Lz4 => {
            Err(error::config("avro has no codec lz4").hint("compression is one of none, snappy, zstd, deflate"))
        }
    }
}

fn marker(schema_json: &str, codec: &str) -> [u8; 16] {
    let hash = Sha256::new().chain_update(schema_json).chain_update(codec).finalize();
    std::array::from_fn(|i| hash[i])
}

fn header(schema_json: &str, codec: &str, marker: &[u8; 16]) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    let entries = [("avro.schema", schema_json), ("avro.codec", codec)].into_iter().chain(WRITER_KEYS);
    put_long(&mut header, 2 + WRITER_KEYS.len() as i64);
    for (key, value) in entries {
        put_bytes(&mut header, key.as_bytes());
        put_bytes(&mut header, value.as_bytes());
    }
    put_long(&mut header, 0);
    header.extend_from_slice(marker);
    header
}

fn compress(codec: Compression, block: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| error::bug("cannot compress an avro block").source(e);
    match codec {
        Compression::None => Ok(block.to_vec()),
        Compression::Snappy => {
            let mut bytes = snap::raw::Encoder::new()
                .compress_vec(block)
                .map_err(|e| error::bug("cannot compress an avro block").source(e))?;
            bytes.extend_from_slice(&crc32fast::hash(block).to_be_bytes());
            Ok(bytes)
        }
        Compression::Zstd => zstd::bulk::compress(block, ZSTD_LEVEL).map_err(failed),
        Compression::Gzip => {
            let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(block).map_err(failed)?;
            encoder.finish().map_err(failed)
        }
        Compression::Lz4 => codec_name(codec).map(|_| Vec::new()),
    }
}

/// A long as Avro writes it: zigzag, then seven bits a byte, low ones first.
fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}
