//! Where encoders put the bytes of a file.

use std::io;

/// Bytes of a file in their order, in pieces, so that a row group of many megabytes need not lie in memory in one piece
/// beside the pages that it is made of.
#[derive(Debug, Default)]
pub struct Output {
    full: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Output {
    /// Writers that write little at a time fill pieces of this size: small enough to come from what is free in the heap.
    pub const PIECE_BYTES: usize = 512 << 10;

    /// The piece that is open, to append to; it may grow beyond [`Output::PIECE_BYTES`].
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.open
    }

    /// Bytes that are here.
    pub fn len(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.open.len()
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.is_empty()
    }

    /// Moves what another holds behind what is here.
    pub fn append(&mut self, other: &mut Self) {
        if !other.full.is_empty() {
            self.end_piece();
            self.full.append(&mut other.full);
        }
        if self.open.is_empty() {
            std::mem::swap(&mut self.open, &mut other.open);
        } else {
            self.open.append(&mut other.open);
        }
    }

    /// Takes out all pieces, none of them empty.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        self.end_piece();
        std::mem::take(&mut self.full)
    }

    /// All bytes in one piece.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.take().concat()
    }

    fn end_piece(&mut self) {
        if !self.open.is_empty() {
            self.full.push(std::mem::take(&mut self.open));
        }
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.len() >= Self::PIECE_BYTES {
            self.end_piece();
            self.open.reserve_exact(Self::PIECE_BYTES);
        }
        let room = Self::PIECE_BYTES - self.open.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.open.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_keep_their_order(parts in prop::collection::vec((0usize..700_000, 0u8..3), 0..12)) {
            let (mut output, mut expected) = (Output::default(), Vec::new());
            for (n, (length, way)) in parts.into_iter().enumerate() {
                let bytes = vec![n as u8; length];
                match way {
                    0 => output.write_all(&bytes).unwrap(),
                    1 => output.open().extend_from_slice(&bytes),
                    _ => {
                        let mut other = Output::default();
                        other.write_all(&bytes).unwrap();
                        output.append(&mut other);
                        prop_assert!(other.is_empty());
                    }
                }
                expected.extend_from_slice(&bytes);
                prop_assert_eq!(output.len(), expected.len());
            }
            prop_assert!(output.into_bytes() == expected);
        }
    }

    #[test]
    fn what_is_written_lies_in_pieces() {
        let mut output = Output::default();
        (0..70).for_each(|_| output.write_all(&[7; 30_000]).unwrap());
        let lengths: Vec<usize> = output.take().iter().map(Vec::len).collect();
        assert_eq!(lengths[..4], [Output::PIECE_BYTES; 4]);
        assert_eq!((lengths.len(), lengths.iter().sum::<usize>()), (5, 2_100_000));
        assert!(output.is_empty() && output.take().is_empty());
    }
}
