//! Hadoop's codecs for whole files of text and for the records of sequence files: gzip, zlib (`deflate`), bzip2 and
//! zstd are the streams everybody knows; snappy and lz4 are framed in blocks as Hadoop's `BlockCompressorStream` writes
//! them: `[length before compression][length after][bytes]`, both as big-endian u32.
//!
//! Source: Hadoop 3.4 `BlockCompressorStream`, `SnappyCodec`, `Lz4Codec`, `CodecPool`; checked by `hdfs dfs -text`.

use std::io::{self, BufRead, Read, Write};

use super::Compression;
use crate::error::{self, Error, Result};

/// Bytes of text in a block of snappy or lz4: Hadoop's buffer of 256 KiB less what these codecs may add to it, so that
/// readers with the default buffer can take every block.
const BLOCK_BYTES: usize = 192 << 10;

/// Longest block that is believed when reading: a damaged length must not become an allocation.
const MAX_BLOCK_BYTES: usize = 64 << 20;

/// Compresses one stream; the bytes that are ready are taken from [`Compressor::drain`].
pub struct Compressor(Inner);

enum Inner {
    None(Vec<u8>),
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Deflate(Box<flate2::write::ZlibEncoder<Vec<u8>>>),
    Bzip2(Box<bzip2::write::BzEncoder<Vec<u8>>>),
    Zstd(Box<zstd::Encoder<'static, Vec<u8>>>),
    Block(BlockCompressor),
}

impl Compressor {
    /// Begins a stream.
    ///
    /// # Errors
    /// Config: Hadoop has no such codec.
    pub fn new(codec: Compression) -> Result<Self> {
        Ok(Self(match codec {
            Compression::None => Inner::None(Vec::new()),
            Compression::Gzip => {
                Inner::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default())))
            }
            Compression::Deflate => {
                Inner::Deflate(Box::new(flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default())))
            }
            Compression::Bzip2 => {
                Inner::Bzip2(Box::new(bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best())))
            }
            Compression::Zstd => {
                let encoder = zstd::Encoder::new(Vec::new(), Compression::ZSTD_LEVEL);
                Inner::Zstd(Box::new(encoder.map_err(failed)?))
            }
            Compression::Snappy | Compression::Lz4 => Inner::Block(BlockCompressor::new(codec)),
            Compression::Xz => return Err(not_hadoops()),
        }))
    }

    /// Takes bytes of the text.
    ///
    /// # Errors
    /// Bug: the codec failed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.0 {
            Inner::None(out) => out.extend_from_slice(bytes),
            Inner::Gzip(e) => e.write_all(bytes).map_err(failed)?,
            Inner::Deflate(e) => e.write_all(bytes).map_err(failed)?,
            Inner::Bzip2(e) => e.write_all(bytes).map_err(failed)?,
            Inner::Zstd(e) => e.write_all(bytes).map_err(failed)?,
            Inner::Block(e) => e.write(bytes)?,
        }
        Ok(())
    }

    /// Moves the compressed bytes that are ready to `out`.
    pub fn drain(&mut self, out: &mut Vec<u8>) {
        let ready = match &mut self.0 {
            Inner::None(ready) => ready,
            Inner::Gzip(e) => e.get_mut(),
            Inner::Deflate(e) => e.get_mut(),
            Inner::Bzip2(e) => e.get_mut(),
            Inner::Zstd(e) => e.get_mut(),
            Inner::Block(e) => &mut e.ready,
        };
        out.append(ready);
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Bug: the codec failed.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.drain(out);
        let mut rest = match self.0 {
            Inner::None(rest) => rest,
            Inner::Gzip(e) => e.finish().map_err(failed)?,
            Inner::Deflate(e) => e.finish().map_err(failed)?,
            Inner::Bzip2(e) => e.finish().map_err(failed)?,
            Inner::Zstd(e) => e.finish().map_err(failed)?,
            Inner::Block(e) => e.finish()?,
        };
        out.append(&mut rest);
        Ok(())
    }

    /// Bytes that wait in our own buffers; what the codecs hold inside is theirs and bounded.
    pub fn buffered_bytes(&self) -> usize {
        match &self.0 {
            Inner::Block(e) => e.block.len() + e.ready.len(),
            _ => 0,
        }
    }
}

/// Compresses one whole piece.
///
/// # Errors
/// As [`Compressor::new`].
pub fn compress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::new(codec)?;
    compressor.write(bytes)?;
    let mut out = Vec::new();
    compressor.finish(&mut out)?;
    Ok(out)
}

fn failed(error: io::Error) -> Error {
    error::bug("cannot compress").source(error)
}

fn not_hadoops() -> Error {
    error::config("hadoop has no codec xz for text and sequence files")
        .hint("compression is one of none, gzip, bzip2, deflate, snappy, lz4, zstd")
}

/// Blocks as Hadoop frames them.
struct BlockCompressor {
    codec: Compression,
    block: Vec<u8>,
    ready: Vec<u8>,
    scratch: Vec<u8>,
}

impl BlockCompressor {
    fn new(codec: Compression) -> Self {
        Self { codec, block: Vec::new(), ready: Vec::new(), scratch: Vec::new() }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let now = bytes.len().min(BLOCK_BYTES - self.block.len());
            self.block.extend_from_slice(&bytes[..now]);
            bytes = &bytes[now..];
            if self.block.len() == BLOCK_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self) -> Result<()> {
        let wrong = |e: String| error::bug(format!("cannot compress a block: {e}"));
        let length = if self.codec == Compression::Snappy {
            self.scratch.resize(snap::raw::max_compress_len(self.block.len()), 0);
            let compressed = snap::raw::Encoder::new().compress(&self.block, &mut self.scratch);
            compressed.map_err(|e| wrong(e.to_string()))?
        } else {
            self.scratch.resize(lz4_flex::block::get_maximum_output_size(self.block.len()), 0);
            let compressed = lz4_flex::block::compress_into(&self.block, &mut self.scratch);
            compressed.map_err(|e| wrong(e.to_string()))?
        };
        self.ready.extend_from_slice(&(self.block.len() as u32).to_be_bytes());
        self.ready.extend_from_slice(&(length as u32).to_be_bytes());
        self.ready.extend_from_slice(&self.scratch[..length]);
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        Ok(self.ready)
    }
}

/// Reads what a codec of Hadoop wrote; streams that follow one another are read as one.
///
/// # Errors
/// Config: Hadoop has no such codec. Unreachable: the input cannot be read.
pub fn decompressor<'a>(codec: Compression, input: impl BufRead + Send + 'a) -> Result<Box<dyn Read + Send + 'a>> {
    Ok(match codec {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Deflate => Box::new(MultiZlib(Some(flate2::bufread::ZlibDecoder::new(input)))),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Compression::Zstd => {
            let decoder = zstd::Decoder::with_buffer(input);
            Box::new(decoder.map_err(|e| error::data("cannot begin to read a stream of zstd").source(e))?)
        }
        Compression::Snappy | Compression::Lz4 => Box::new(BlockDecompressor::new(codec, input)),
        Compression::Xz => return Err(not_hadoops()),
    })
}

/// Streams of zlib in a row.
struct MultiZlib<R: BufRead>(Option<flate2::bufread::ZlibDecoder<R>>);

impl<R: BufRead> Read for MultiZlib<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.0 {
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(decoder) = self.0.take() else { break };
            let mut input = decoder.into_inner();
            if !input.fill_buf()?.is_empty() {
                self.0 = Some(flate2::bufread::ZlibDecoder::new(input));
            }
        }
        Ok(0)
    }
}

/// Reads Hadoop's blocks; one block may be made of several compressed pieces.
struct BlockDecompressor<R> {
    codec: Compression,
    input: R,
    /// Bytes of the block that are still to come out of pieces.
    expected: usize,
    piece: Vec<u8>,
    at: usize,
    compressed: Vec<u8>,
}

impl<R: BufRead> BlockDecompressor<R> {
    fn new(codec: Compression, input: R) -> Self {
        Self { codec, input, expected: 0, piece: Vec::new(), at: 0, compressed: Vec::new() }
    }

    fn length(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        let length = u32::from_be_bytes(bytes) as usize;
        if length > MAX_BLOCK_BYTES {
            return Err(damaged(format!("a block of {length} bytes cannot be")));
        }
        Ok(length)
    }

    /// Decompresses the next piece; false at the end of the input.
    fn next_piece(&mut self) -> io::Result<bool> {
        while self.expected == 0 {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            self.expected = self.length()?;
        }
        let length = self.length()?;
        self.compressed.resize(length, 0);
        self.input.read_exact(&mut self.compressed)?;
        self.at = 0;
        let made = if self.codec == Compression::Snappy {
            let length = snap::raw::decompress_len(&self.compressed).map_err(damaged)?;
            if length > self.expected {
                return Err(damaged("a piece is longer than its block"));
            }
            self.piece.resize(length, 0);
            snap::raw::Decoder::new().decompress(&self.compressed, &mut self.piece).map_err(damaged)?
        } else {
            self.piece.resize(self.expected, 0);
            lz4_flex::block::decompress_into(&self.compressed, &mut self.piece).map_err(damaged)?
        };
        self.piece.truncate(made);
        if made == 0 {
            return Err(damaged("an empty piece"));
        }
        self.expected -= made;
        Ok(true)
    }
}

fn damaged(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl<R: BufRead> Read for BlockDecompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || (self.at == self.piece.len() && !self.next_piece()?) {
            return Ok(0);
        }
        let now = buffer.len().min(self.piece.len() - self.at);
        buffer[..now].copy_from_slice(&self.piece[self.at..self.at + now]);
        self.at += now;
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Compression; 7] = [
        Compression::None,
        Compression::Gzip,
        Compression::Deflate,
        Compression::Bzip2,
        Compression::Zstd,
        Compression::Snappy,
        Compression::Lz4,
    ];

    fn decompress(codec: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompressor(codec, bytes).unwrap().read_to_end(&mut out)?;
        Ok(out)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bytes_come_back(codec in 0..ALL.len(), pieces in proptest::collection::vec(".{0,80}", 0..40), times in 1..200usize) {
            let mut compressor = Compressor::new(ALL[codec]).unwrap();
            let (mut out, mut sent) = (Vec::new(), Vec::new());
            for _ in 0..times {
                for piece in &pieces {
                    compressor.write(piece.as_bytes()).unwrap();
                    sent.extend_from_slice(piece.as_bytes());
                    compressor.drain(&mut out);
                }
            }
            compressor.finish(&mut out).unwrap();
            prop_assert_eq!(decompress(ALL[codec], &out).unwrap(), sent);
        }
    }

    #[test]
    fn a_block_is_framed_as_hadoop_frames_it() {
        let out = compress(Compression::Snappy, b"grain").unwrap();
        assert_eq!(out, b"\0\0\0\x05\0\0\0\x07\x05\x10grain");
        assert!(compress(Compression::Snappy, b"").unwrap().is_empty());
    }

    #[test]
    fn a_cut_or_damaged_stream_is_an_error() {
        let text = vec![b'x'; 500_000];
        for codec in [Compression::Gzip, Compression::Bzip2, Compression::Zstd, Compression::Snappy, Compression::Lz4] {
            let out = compress(codec, &text).unwrap();
            assert!(decompress(codec, &out[..out.len() - 3]).is_err(), "{codec:?}");
        }
        assert!(decompress(Compression::Snappy, &[0x7f, 0, 0, 0, 0, 0, 0, 1, 0]).is_err());
    }

    #[test]
    fn streams_in_a_row_are_one() {
        for codec in ALL {
            let two = [compress(codec, b"one ").unwrap(), compress(codec, b"two").unwrap()].concat();
            assert_eq!(decompress(codec, &two).unwrap(), b"one two", "{codec:?}");
        }
    }

    #[test]
    fn xz_is_not_hadoops() {
        assert!(Compressor::new(Compression::Xz).is_err());
    }
}
