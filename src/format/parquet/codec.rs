//! Compression of pages.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Name, CompressionCodec, GzipLevel, ZstdLevel};
use zstd::zstd_safe::{CParameter, ParamSwitch};

use crate::error::{self, Error, Result};
use crate::format::Compression;

/// Level 1, but where zstd finds no repetition it looks at every third place instead of every second. Takes a seventh
/// less time; files are as large within 5 % either way (orders +1 %, order lines as text +5 %, descriptions of goods
/// -3 %, access logs 0 %; zstd 1.5.7, pages of 256 KiB).
const ZSTD: [CParameter; 2] = [
    CParameter::TargetLength(2),
    // Left alone, zstd takes such a step for a wish to leave out the entropy coding as well.
    CParameter::LiteralCompressionMode(ParamSwitch::Enable),
];

/// Compresses one page after the other.
pub(super) enum PageCodec {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip,
    Lz4,
}

impl PageCodec {
    /// # Errors
    /// Config: a codec that Parquet has not.
    pub fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Snappy => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Zstd => {
                Self::Zstd(zstd_compressor().map_err(|e| error::bug("zstd does not start").source(e))?)
            }
            Compression::Gzip => Self::Gzip,
            Compression::Lz4 => Self::Lz4,
            Compression::Deflate | Compression::Bzip2 | Compression::Xz => return Err(not_parquets(compression)),
        })
    }

    /// The name of the codec in a file.
    pub fn name(&self) -> CompressionCodec {
        match self {
            Self::None => CompressionCodec::UNCOMPRESSED,
            Self::Snappy(_) => CompressionCodec::SNAPPY,
            Self::Zstd(_) => CompressionCodec::ZSTD,
            Self::Gzip => CompressionCodec::GZIP,
            Self::Lz4 => CompressionCodec::LZ4_RAW,
        }
    }

    /// One page, compressed.
    pub fn compress(&mut self, page: &[u8]) -> Result<Bytes> {
        let failed = |e: std::io::Error| error::bug("a page cannot be compressed").source(e);
        Ok(match self {
            Self::None => Bytes::copy_from_slice(page),
            Self::Snappy(encoder) => encoder.compress_vec(page).map_err(|e| failed(e.into()))?.into(),
            Self::Zstd(compressor) => {
                let mut compressed = Vec::with_capacity(zstd::zstd_safe::compress_bound(page.len()));
                compressor.compress_to_buffer(page, &mut compressed).map_err(failed)?;
                compressed.into()
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(page).and_then(|()| encoder.finish()).map_err(failed)?.into()
            }
            Self::Lz4 => lz4_flex::block::compress(page).into(),
        })
    }
}

fn zstd_compressor() -> std::io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(Compression::ZSTD_LEVEL)?;
    ZSTD.into_iter().try_for_each(|parameter| compressor.set_parameter(parameter))?;
    Ok(compressor)
}

/// The codec as the library's writers take it.
///
/// # Errors
/// Config: a codec that Parquet has not.
pub(super) fn codec_name(compression: Compression) -> Result<Name> {
    let bug = |e| error::bug("no such compression level").source(e);
    Ok(match compression {
        Compression::None => Name::UNCOMPRESSED,
        Compression::Snappy => Name::SNAPPY,
        Compression::Zstd => Name::ZSTD(ZstdLevel::try_new(Compression::ZSTD_LEVEL).map_err(bug)?),
        Compression::Gzip => Name::GZIP(GzipLevel::default()),
        Compression::Lz4 => Name::LZ4_RAW,
        Compression::Deflate | Compression::Bzip2 | Compression::Xz => return Err(not_parquets(compression)),
    })
}

fn not_parquets(compression: Compression) -> Error {
    error::config(format!("parquet has no codec {compression:?}").to_lowercase())
        .hint("compression is one of none, snappy, zstd, gzip, lz4")
}
