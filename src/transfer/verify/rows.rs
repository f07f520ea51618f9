//! The checksum of a row as a whole, made of the checksums of its columns as the server makes it
//! ([`crate::mysql::checksum`]); the bits of floats, which the server cannot print exactly, join it here.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Makes the checksums of rows.
#[derive(Debug)]
pub(super) struct RowChecksum {
    /// For each column, whether its values are compared by their bits.
    by_bits: Vec<bool>,
    text: String,
}

impl RowChecksum {
    pub(super) fn new(by_bits: impl IntoIterator<Item = bool>) -> Self {
        Self { by_bits: by_bits.into_iter().collect(), text: String::new() }
    }

    /// The checksum of a row, given those of its columns; `None` stands for NULL.
    pub(super) fn of(&mut self, columns: impl Iterator<Item = Option<u64>> + Clone) -> u64 {
        self.text.clear();
        let summed = columns.clone().zip(&self.by_bits).filter(|(_, by_bits)| !**by_bits);
        for (number, (checksum, _)) in summed.enumerate() {
            if number > 0 {
                self.text.push(',');
            }
            // Writing to a String cannot fail.
            let _ = match checksum {
                Some(checksum) => write!(self.text, "{checksum}"),
                None => self.text.write_str("-"),
            };
        }
        let of_server = if self.text.is_empty() { 0 } else { begin(&Sha256::digest(&self.text)) };
        let bits = columns.zip(&self.by_bits).filter(|(_, by_bits)| **by_bits).map(|(bits, _)| bits);
        with_bits(of_server, bits)
    }
}

/// The checksum of a row whose other columns the server summed up, with the bits of its floats.
pub(super) fn with_bits(of_server: u64, bits: impl Iterator<Item = Option<u64>>) -> u64 {
    let mut bits = bits.peekable();
    if bits.peek().is_none() {
        return of_server;
    }
    let mut digest = Sha256::new();
    digest.update(of_server.to_be_bytes());
    for bits in bits {
        digest.update([u8::from(bits.is_some())]);
        digest.update(bits.unwrap_or_default().to_be_bytes());
    }
    begin(&digest.finalize())
}

fn begin(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SELECT CAST(CONV(LEFT(SHA2(CONCAT_WS(',', IFNULL(CRC32('1'), '-'), IFNULL(CRC32(NULL), '-')), 256), 16), 16, 10)
    /// AS UNSIGNED)` in MariaDB 10.11.
    #[test]
    fn rows_are_digested_as_the_server_does() {
        let row = [Some(u64::from(crc32fast::hash(b"1"))), None];
        assert_eq!(RowChecksum::new([false, false]).of(row.into_iter()), 17_831_334_099_125_460_798);
    }

    #[test]
    fn the_place_of_each_value_counts() {
        let mut plain = RowChecksum::new([false, false]);
        let mut of = |a, b| plain.of([a, b].into_iter());
        assert_ne!(of(Some(1), Some(2)), of(Some(2), Some(1)));
        assert_ne!(of(None, Some(1)), of(Some(1), None));
        let mut floats = RowChecksum::new([true, true]);
        let mut of = |a, b| floats.of([a, b].into_iter());
        assert_ne!(of(Some(1), Some(2)), of(Some(2), Some(1)));
        assert_ne!(of(None, Some(0)), of(Some(0), None));
    }
}
