//! The bytes of a log file, also of one that was compressed when it was rotated.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::fingerprint::TAIL_BYTES;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    /// One that is known by its first bytes and cannot be read.
    Other,
}

const MAGICS: [(&[u8], Codec); 6] = [
    (b"\x1f\x8b", Codec::Gzip),
    (b"\x28\xb5\x2f\xfd", Codec::Zstd),
    (b"BZh", Codec::Bzip2),
    (b"\xfd7zXZ", Codec::Xz),
    (b"\x1f\x9d", Codec::Other),
    (b"\x04\x22\x4d\x18", Codec::Other),
];

impl Codec {
    /// The codec of a file that begins with these bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, codec)| *codec)
    }
}

/// Bytes taken from a decoder at a time.
const PIECE_BYTES: usize = 64 << 10;

/// An open log file.
pub(super) enum Content {
    /// As it lies on disk.
    Plain(File),
    /// Compressed; offsets count the bytes of the log.
    Compressed(Inflated),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Compressed(_) => "Compressed",
        })
    }
}

impl Content {
    /// Reads a compressed file.
    ///
    /// # Errors
    /// Unsupported: nobody here can. Those of the disk.
    pub(super) fn compressed(file: File, codec: Codec) -> io::Result<Self> {
        let decoder = decoder(&file, codec)?;
        Ok(Self::Compressed(Inflated { file, codec, decoder, kept: Vec::new(), kept_at: 0, ended: false }))
    }

    /// Whether it is a compressed file.
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self, Self::Compressed(_))
    }

    /// Reads `wanted` bytes, or fewer at the end of the file.
    pub(super) fn read_at(&mut self, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(file) => read_plain(file, offset, wanted),
            Self::Compressed(inflated) => inflated.read_at(offset, wanted),
        }
    }

    /// Where the first byte that is not NUL lies, from `from` on and before `end`.
    pub(super) fn first_data(&mut self, mut from: u64, end: u64) -> io::Result<Option<u64>> {
        // The first look is a short one: most files begin with data.
        let mut wanted = 512;
        while from < end {
            let chunk = self.read_at(from, usize::try_from(end - from).unwrap_or(usize::MAX).min(wanted))?;
            if chunk.is_empty() {
                break;
            }
            if let Some(at) = chunk.iter().position(|byte| *byte != 0) {
                return Ok(Some(from + at as u64));
            }
            from += chunk.len() as u64;
            wanted = 1 << 20;
        }
        Ok(None)
    }
}

pub(super) fn read_plain(file: &File, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A compressed file, read forwards; going back begins anew.
pub(super) struct Inflated {
    file: File,
    codec: Codec,
    decoder: Box<dyn Read + Send>,
    /// The last bytes that the decoder gave.
    kept: Vec<u8>,
    /// Where they begin.
    kept_at: u64,
    ended: bool,
}

impl Inflated {
    fn read_at(&mut self, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
        if offset < self.kept_at {
            self.decoder = decoder(&self.file, self.codec)?;
            (self.kept_at, self.ended) = (0, false);
            self.kept.clear();
        }
        let end = offset.saturating_add(wanted as u64);
        while self.kept_at + (self.kept.len() as u64) < end && !self.ended {
            self.let_go(offset);
            let before = self.kept.len();
            self.kept.resize(before + PIECE_BYTES, 0);
            let read = self.decoder.read(&mut self.kept[before..]);
            self.kept.truncate(before + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.ended = true,
                Err(e) if e.kind() != ErrorKind::Interrupted => return Err(e),
                _ => {}
            }
        }
        let from = usize::try_from(offset - self.kept_at).unwrap_or(usize::MAX).min(self.kept.len());
        let to = from.saturating_add(wanted).min(self.kept.len());
        Ok(self.kept[from..to].to_vec())
    }

    /// Lets go of what lies before `offset`, but for the bytes that are looked back at.
    fn let_go(&mut self, offset: u64) {
        let old = usize::try_from(offset - self.kept_at).unwrap_or(usize::MAX).min(self.kept.len());
        let old = old.saturating_sub(TAIL_BYTES);
        if old > PIECE_BYTES {
            self.kept.drain(..old);
            self.kept_at += old as u64;
        }
    }
}

/// A decoder at the beginning of the file.
fn decoder(file: &File, codec: Codec) -> io::Result<Box<dyn Read + Send>> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let file = BufReader::with_capacity(PIECE_BYTES, file);
    Ok(match codec {
        Codec::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
        Codec::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Codec::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file)),
        Codec::Other => return Err(io::Error::new(ErrorKind::Unsupported, "nobody here can decompress it")),
    })
}

/// The length of what a gzip file holds, by its last four bytes: up to a multiple of 4 GiB, and only where it was
/// written in one piece.
pub(super) fn gzip_length(file: &File) -> io::Result<u64> {
    let end = file.metadata()?.len();
    let bytes = read_plain(file, end.saturating_sub(4), 4)?;
    Ok(bytes.first_chunk().map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes))))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> File {
        let mut encoder = flate2::write::GzEncoder::new(tempfile::tempfile().unwrap(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_bytes_are_found_by_their_offset() {
        let text: Vec<u8> = (0..600_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let file = gzip(&text);
        assert_eq!(gzip_length(&file).unwrap(), text.len() as u64);
        assert_eq!(Codec::of(&read_plain(&file, 0, 10).unwrap()), Some(Codec::Gzip));
        let mut content = Content::compressed(file, Codec::Gzip).unwrap();
        for (offset, wanted) in [(0, 4096), (300_000, 100), (299_500, 1024), (300_100, 200_000), (0, 10), (599_990, 99)]
        {
            let expected = &text[offset..(offset + wanted).min(text.len())];
            assert_eq!(content.read_at(offset as u64, wanted).unwrap(), expected, "{offset}");
        }
        assert!(content.read_at(700_000, 10).unwrap().is_empty());
    }

    #[test]
    fn a_hole_ends_where_data_begins() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"x", 3_000_000).unwrap();
        let mut content = Content::Plain(file);
        assert_eq!(content.first_data(0, 3_000_001).unwrap(), Some(3_000_000));
        assert_eq!(content.first_data(0, 3_000_000).unwrap(), None);
    }
}
