//! The object container: header, blocks of records, codec, sync marker.
//!
//! Source: Apache Avro specification 1.11, "Object Container Files".

use std::io::Write as _;

use flate2::write::DeflateEncoder;

use super::super::Compression;
use crate::error::{self, Result};

const MAGIC: &[u8] = b"Obj\x01";

/// Level of xz: what the Java writer takes.
const XZ_LEVEL: u32 = 6;

/// Collects records into blocks and blocks into a file.
#[derive(Debug)]
pub struct Container {
    codec: Compression,
    block_bytes: usize,
    /// Written before the first block; empty afterwards.
    header: Vec<u8>,
    marker: [u8; 16],
    block: Vec<u8>,
    rows: i64,
    compressed: Vec<u8>,
}

impl Container {
    /// Begins a file of a schema, of blocks that end at the first record that makes them `block_bytes` long before
    /// compression. `keys` are those of its header beside schema and codec, and `marker` stands behind each block.
    ///
    /// # Errors
    /// Config: a codec that Avro does not have.
    pub fn new(
        schema_json: &str,
        codec: Compression,
        block_bytes: usize,
        keys: &[(&str, &str)],
        marker: [u8; 16],
    ) -> Result<Self> {
        let header = header(schema_json, codec_name(codec)?, keys, &marker);
        Ok(Self { codec, block_bytes, header, marker, block: Vec::new(), rows: 0, compressed: Vec::new() })
    }

    /// The block that records are appended to, each followed by [`Container::row_done`].
    pub fn block(&mut self) -> &mut Vec<u8> {
        &mut self.block
    }

    /// Counts a record that was appended to the block, and ends a block that is long enough.
    ///
    /// # Errors
    /// Bug: the codec failed.
    #[inline]
    pub fn row_done(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.rows += 1;
        if self.block.len() >= self.block_bytes { self.end_block(out) } else { Ok(()) }
    }

    /// Writes the records that wait, if there are any. At the end of a file that is the last block; a file without
    /// records is a header alone.
    ///
    /// # Errors
    /// Bug: the codec failed.
    pub fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.header);
        if self.rows == 0 {
            return Ok(());
        }
        put_long(out, self.rows);
        if self.codec == Compression::None {
            put_bytes(out, &self.block);
        } else {
            self.compressed.clear();
            compress(self.codec, &self.block, &mut self.compressed)?;
            put_bytes(out, &self.compressed);
        }
        out.extend_from_slice(&self.marker);
        self.block.clear();
        self.rows = 0;
        Ok(())
    }

    /// Bytes of records that wait for their block.
    pub fn waiting_bytes(&self) -> usize {
        self.block.len()
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.header.len() + self.block.len()
    }
}

pub(super) fn codec_name(codec: Compression) -> Result<&'static str> {
    match codec {
        Compression::None => Ok("null"),
        Compression::Snappy => Ok("snappy"),
        Compression::Zstd => Ok("zstandard"),
        Compression::Gzip | Compression::Deflate => Ok("deflate"),
        Compression::Bzip2 => Ok("bzip2"),
        Compression::Xz => Ok("xz"),
        Compression::Lz4 => {
            Err(error::config("avro has no codec lz4")
                .hint("compression is one of none, snappy, zstd, deflate, bzip2, xz"))
        }
    }
}

fn header(schema_json: &str, codec: &str, keys: &[(&str, &str)], marker: &[u8; 16]) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    let entries = [("avro.schema", schema_json), ("avro.codec", codec)];
    put_long(&mut header, (entries.len() + keys.len()) as i64);
    for (key, value) in entries.iter().chain(keys) {
        put_bytes(&mut header, key.as_bytes());
        put_bytes(&mut header, value.as_bytes());
    }
    put_long(&mut header, 0);
    header.extend_from_slice(marker);
    header
}

fn compress(codec: Compression, block: &[u8], to: &mut Vec<u8>) -> Result<()> {
    let failed = |e: std::io::Error| error::bug("cannot compress an avro block").source(e);
    match codec {
        Compression::None => to.extend_from_slice(block),
        Compression::Snappy => {
            to.resize(snap::raw::max_compress_len(block.len()), 0);
            let length = snap::raw::Encoder::new().compress(block, to);
            to.truncate(length.map_err(|e| error::bug("cannot compress an avro block").source(e))?);
            to.extend_from_slice(&crc32fast::hash(block).to_be_bytes());
        }
        Compression::Zstd => {
            to.resize(zstd::zstd_safe::compress_bound(block.len()), 0);
            let length = zstd::bulk::compress_to_buffer(block, to, Compression::ZSTD_LEVEL).map_err(failed)?;
            to.truncate(length);
        }
        Compression::Gzip | Compression::Deflate => {
            let mut encoder = DeflateEncoder::new(to, flate2::Compression::default());
            encoder.write_all(block).and_then(|()| encoder.finish().map(drop)).map_err(failed)?;
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(to, bzip2::Compression::best());
            encoder.write_all(block).and_then(|()| encoder.finish().map(drop)).map_err(failed)?;
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(to, XZ_LEVEL);
            encoder.write_all(block).and_then(|()| encoder.finish().map(drop)).map_err(failed)?;
        }
        Compression::Lz4 => return codec_name(codec).map(drop),
    }
    Ok(())
}

/// A long as Avro writes it: zigzag, then seven bits a byte, low ones first.
#[inline]
pub fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    if rest < 0x80 {
        return out.push(rest as u8);
    }
    let mut bytes = [0u8; 10];
    let mut length = 0;
    while rest >= 0x80 {
        bytes[length] = (rest & 0x7f) as u8 | 0x80;
        length += 1;
        rest >>= 7;
    }
    bytes[length] = rest as u8;
    out.extend_from_slice(&bytes[..=length]);
}

/// Bytes as Avro writes them: their number, then themselves.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}
