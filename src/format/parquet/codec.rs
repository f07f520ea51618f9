//! Compression of pages.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Name, GzipLevel, ZstdLevel};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, ParamSwitch};

use crate::error::{self, Result};
use crate::format::Compression;

/// Level 1, but where zstd finds no repetition it looks at every third place instead of every second. Takes a seventh
/// less time; files are as large within 5 % either way (orders +1 %, order lines as text +5 %, descriptions of goods
/// -3 %, access logs 0 %; zstd 1.5.7, pages of 256 KiB).
const ZSTD: [CParameter; 2] = [
    CParameter::TargetLength(2),
    // Left alone, zstd takes such a step for a wish to leave out the entropy coding as well.
    CParameter::LiteralCompressionMode(ParamSwitch::Enable),
];

/// Compressors that nobody uses at the moment. Each takes half a MiB, so there are as many as pages are compressed at once,
/// and not as many as files are open.
static IDLE: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());

/// Compresses one page after the other.
pub(super) struct PageCodec {
    name: Name,
    way: Way,
}

enum Way {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Zstd,
    Gzip(flate2::Compression),
    Lz4,
}

impl PageCodec {
    /// The codec that the library's writers know by this name, with its level.
    ///
    /// # Errors
    /// Bug: a name that [`codec_name`] does not give.
    pub(super) fn new(name: Name) -> Result<Self> {
        let way = match name {
            Name::UNCOMPRESSED => Way::None,
            Name::SNAPPY => Way::Snappy(Box::new(snap::raw::Encoder::new())),
            Name::ZSTD(_) => Way::Zstd,
            Name::GZIP(level) => Way::Gzip(flate2::Compression::new(level.compression_level())),
            Name::LZ4_RAW => Way::Lz4,
            other => return Err(error::bug(format!("pages are not compressed by {other}"))),
        };
        Ok(Self { name, way })
    }

    /// The name of the codec.
    pub(super) fn name(&self) -> Name {
        self.name
    }

    /// One page, compressed.
    pub(super) fn compress(&mut self, page: &[u8]) -> Result<Bytes> {
        let failed = |e: std::io::Error| error::bug("a page cannot be compressed").source(e);
        Ok(match &mut self.way {
            Way::None => Bytes::copy_from_slice(page),
            Way::Snappy(encoder) => encoder.compress_vec(page).map_err(|e| failed(e.into()))?.into(),
            Way::Zstd => {
                let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut compressor = idle.map_or_else(zstd_compressor, Ok).map_err(failed)?;
                let mut compressed = Vec::with_capacity(zstd::zstd_safe::compress_bound(page.len()));
                compressor.compress_to_buffer(page, &mut compressed).map_err(failed)?;
                IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(compressor);
                compressed.into()
            }
            Way::Gzip(level) => {
                let mut encoder = GzEncoder::new(Vec::new(), *level);
                encoder.write_all(page).and_then(|()| encoder.finish()).map_err(failed)?.into()
            }
            Way::Lz4 => lz4_flex::block::compress(page).into(),
        })
    }
}

fn zstd_compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(Compression::ZSTD_LEVEL)?;
    ZSTD.into_iter().try_for_each(|parameter| compressor.set_parameter(parameter))?;
    Ok(compressor)
}

/// The codec as the library's writers take it.
///
/// # Errors
/// Config: a codec that Parquet does not have.
pub(super) fn codec_name(compression: Compression) -> Result<Name> {
    let bug = |e| error::bug("no such compression level").source(e);
    Ok(match compression {
        Compression::None => Name::UNCOMPRESSED,
        Compression::Snappy => Name::SNAPPY,
        Compression::Zstd => Name::ZSTD(ZstdLevel::try_new(Compression::ZSTD_LEVEL).map_err(bug)?),
        Compression::Gzip => Name::GZIP(GzipLevel::default()),
        Compression::Lz4 => Name::LZ4_RAW,
        Compression::Deflate | Compression::Bzip2 | Compression::Xz => {
            return Err(error::config(format!("parquet has no codec {compression:?}").to_lowercase())
                .hint("compression is one of none, snappy, zstd, gzip, lz4"));
        }
    })
}
