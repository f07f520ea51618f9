//! Avro's binary encoding, as far as calls need it.
//!
//! Source: the Avro 1.11 specification, "Binary encoding". Text that is not UTF-8 is refused, as no event could hold it.

use super::{Budget, Malformed};

/// Reads values from the front of some bytes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    pub budget: Budget,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], budget: usize) -> Self {
        Self { rest: bytes, budget: Budget(budget) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| Malformed::new("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn long(&mut self) -> Result<i64, Malformed> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Malformed::new("a number has more than 64 bits"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| Malformed::new(format!("a length is {length}")))?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::new("a text is not UTF-8"))
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| Malformed::new("it ends too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::new(format!("a boolean is {other}"))),
        }
    }

    /// The branch of a union of null, which comes first, and another type; whether it is the other.
    pub(super) fn is_some(&mut self) -> Result<bool, Malformed> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::new(format!("a union of two has no branch {other}"))),
        }
    }

    /// The items of an array, or the entries of a map: each takes a byte at least.
    pub(super) fn blocks(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // The length in bytes of the block, for who passes over it.
                self.long()?;
                count = count.checked_neg().ok_or_else(|| Malformed::new(format!("a count is {count}")))?;
            }
            for _ in 0..count {
                let before = self.rest.len();
                each(self)?;
                if self.rest.len() == before {
                    return Err(Malformed::new("an item takes no bytes"));
                }
            }
        }
    }

    /// Passes over a map of bytes.
    pub(super) fn skip_metadata(&mut self) -> Result<(), Malformed> {
        self.blocks(|reader| {
            reader.bytes()?;
            reader.bytes().map(drop)
        })
    }

    /// # Errors
    /// Something is left.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Malformed::new(format!("{left} bytes follow its end"))),
        }
    }
}

/// Writes a number.
pub(super) fn put_long(to: &mut Vec<u8>, value: i64) {
    let mut left = (value << 1 ^ value >> 63).cast_unsigned();
    while left > 0x7f {
        to.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

/// Writes a length or a count.
pub(super) fn put_count(to: &mut Vec<u8>, count: usize) {
    // No memory holds more than an i64 counts.
    put_long(to, i64::try_from(count).unwrap_or(i64::MAX));
}

/// Writes bytes, or a text.
pub(super) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_count(to, bytes.len());
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_the_specification_has_them() {
        for (value, bytes) in [
            (0, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (-64, vec![0x7f]),
            (64, vec![0x80, 1]),
            (8192, vec![0x80, 0x80, 1]),
        ] {
            let mut written = Vec::new();
            put_long(&mut written, value);
            assert_eq!(written, bytes);
        }
        let long = |bytes: &[u8]| Reader::new(bytes, 0).long();
        assert_eq!(long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Ok(i64::MIN));
        assert!(long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(long(&[0xff; 11]).is_err());
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<i64>()) {
            let mut written = Vec::new();
            put_long(&mut written, value);
            prop_assert_eq!(Reader::new(&written, 0).long(), Ok(value));
        }
    }
}
