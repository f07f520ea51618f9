//! A column chunk's bytes on their way into the file.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::format::Output;

/// The bytes of a chunk in the pieces they were written in, for the library to copy into the file.
pub(super) struct Pieces(Vec<Bytes>);

impl Pieces {
    pub(super) fn new(mut pages: Output) -> Self {
        Self(pages.take().into_iter().map(Bytes::from).collect())
    }

    fn from(&self, start: u64) -> Vec<Bytes> {
        let mut left = start as usize;
        let rest = self.0.iter().map(|piece| {
            let skipped = left.min(piece.len());
            left -= skipped;
            piece.slice(skipped..)
        });
        rest.collect()
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }
}

impl ChunkReader for Pieces {
    type T = PiecesReader;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(PiecesReader(self.from(start).into()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes: Bytes = self.from(start).concat().into();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// Reads pieces one after the other.
pub(super) struct PiecesReader(VecDeque<Bytes>);

impl Read for PiecesReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.0.front().is_some_and(Bytes::is_empty) {
            self.0.pop_front();
        }
        let Some(piece) = self.0.front_mut() else { return Ok(0) };
        let length = into.len().min(piece.len());
        piece.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_are_read_from_anywhere() {
        let bytes: Vec<u8> = (0..1_200_000u32).map(|i| (i % 251) as u8).collect();
        let mut output = Output::default();
        output.write_all(&bytes).unwrap();
        let pieces = Pieces::new(output);
        assert_eq!(pieces.len(), 1_200_000);
        for start in [0, 1, 524_287, 524_288, 1_100_000, 1_200_000] {
            let mut read = Vec::new();
            pieces.get_read(start).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes[start as usize..]);
            assert_eq!(pieces.get_bytes(start, 9).unwrap(), read[..read.len().min(9)]);
        }
    }
}
