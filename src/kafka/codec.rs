//! The codecs of a batch of records: gzip, snappy (in the blocks that Java's library makes), lz4 frames, zstd.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, FrameDecoder, FrameEncoder, FrameInfo};
use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// How the blocks of Java's snappy begin: a mark, and its version twice.
const XERIAL: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER: usize = 16;
/// Bytes of a block of snappy.
const BLOCK: usize = 32 << 10;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Codec {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    /// By the number in a batch's attributes.
    ///
    /// # Errors
    /// Data: it is not known.
    pub(super) fn of(number: u16) -> Result<Self> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            _ => {
                return Err(error::data(format!("batch of records: codec {number} is not known"))
                    .hint("a newer sakia may know it"));
            }
        })
    }

    /// The number in a batch's attributes.
    pub(super) fn number(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// What the bytes become; `None` where that is more than `most` bytes, of which not many more are made.
    ///
    /// # Errors
    /// Data: the bytes are not of this codec.
    pub(super) fn decompress(self, bytes: &[u8], most: usize) -> Result<Option<Vec<u8>>> {
        let done = match self {
            Self::None => Ok((bytes.len() <= most).then(|| bytes.to_vec())),
            Self::Gzip => whole(MultiGzDecoder::new(bytes), most),
            Self::Snappy => unsnap(bytes, most),
            Self::Lz4 => whole(FrameDecoder::new(bytes), most),
            Self::Zstd => zstd::stream::read::Decoder::new(bytes).and_then(|from| whole(from, most)),
        };
        done.map_err(|e| error::data(format!("batch of records: cannot decompress it ({self:?})")).source(e))
    }

    /// # Errors
    /// Bug: the codec fails.
    pub(super) fn compress(self, bytes: &[u8]) -> Result<Vec<u8>> {
        let done = match self {
            Self::None => Ok(bytes.to_vec()),
            Self::Gzip => {
                let mut to = GzEncoder::new(Vec::new(), Compression::default());
                to.write_all(bytes).and_then(|()| to.finish())
            }
            Self::Snappy => snap(bytes),
            Self::Lz4 => lz4(bytes),
            Self::Zstd => zstd::stream::encode_all(bytes, 0),
        };
        done.map_err(|e| error::bug(format!("cannot compress a batch of records ({self:?})")).source(e))
    }
}

fn whole(from: impl Read, most: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    from.take((most as u64).saturating_add(1)).read_to_end(&mut out)?;
    Ok((out.len() <= most).then_some(out))
}

fn lz4(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    // Readers of Java take independent blocks alone.
    let info = FrameInfo::new().block_mode(BlockMode::Independent);
    let mut to = FrameEncoder::with_frame_info(info, Vec::new());
    to.write_all(bytes)?;
    to.finish().map_err(std::io::Error::other)
}

fn snap(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = [XERIAL, &1u32.to_be_bytes(), &1u32.to_be_bytes()].concat();
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(BLOCK) {
        let block = encoder.compress_vec(block).map_err(std::io::Error::other)?;
        // A block has 32 KiB.
        out.extend(u32::try_from(block.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(block);
    }
    Ok(out)
}

/// Blocks as Java's library makes them, or one of snappy alone, as other libraries do.
fn unsnap(bytes: &[u8], most: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut decoder = snap::raw::Decoder::new();
    let mut one = |block: &[u8], so_far: usize| {
        let length = snap::raw::decompress_len(block).map_err(std::io::Error::other)?;
        if length > most - so_far {
            return Ok(None);
        }
        decoder.decompress_vec(block).map(Some).map_err(std::io::Error::other)
    };
    let Some(mut rest) = bytes.starts_with(XERIAL).then(|| bytes.get(XERIAL_HEADER..).unwrap_or_default()) else {
        return one(bytes, 0);
    };
    let mut out = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = behind.get(..length).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let Some(block) = one(block, out.len())? else { return Ok(None) };
        out.extend(block);
        rest = &behind[length..];
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_compressed_comes_back(some in prop::collection::vec(0u8..4, 0..2_000), times in 1usize..40) {
            let bytes = some.repeat(times);
            for codec in ALL {
                let compressed = codec.compress(&bytes).unwrap();
                prop_assert_eq!(&codec.decompress(&compressed, bytes.len()).unwrap().unwrap(), &bytes);
                if let Some(less) = bytes.len().checked_sub(1) {
                    prop_assert_eq!(codec.decompress(&compressed, less).unwrap(), None);
                }
                prop_assert_eq!(Codec::of(codec.number()).unwrap(), codec);
            }
        }

        #[test]
        fn what_is_not_compressed_is_an_error_and_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in ALL {
                let _ = codec.decompress(&bytes, 1 << 20);
            }
        }
    }

    #[test]
    fn one_block_of_snappy_alone_is_read() {
        let raw = snap::raw::Encoder::new().compress_vec(b"clicks clicks clicks").unwrap();
        assert_eq!(Codec::Snappy.decompress(&raw, 20).unwrap().unwrap(), b"clicks clicks clicks");
        assert!(Codec::of(7).is_err());
    }
}
