//! Numbers and strings inside a payload.

use super::fault::Fault;

/// What is left of a payload.
pub(in crate::mysql) struct Bytes<'a>(pub &'a [u8]);

/// What a payload that ends too early is.
///
/// A function, so that nothing is made and dropped for the values that are whole.
#[cold]
pub(in crate::mysql) fn cut() -> Fault {
    Fault::Protocol("a packet that ends too early")
}

impl<'a> Bytes<'a> {
    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.0.split_first().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// A length of one to nine bytes.
    #[inline]
    pub fn length(&mut self) -> Result<u64, Fault> {
        match self.byte()? {
            0xfc => Ok(u16::from_le_bytes(self.array()?).into()),
            0xfd => {
                let [a, b, c] = self.array()?;
                Ok(u32::from_le_bytes([a, b, c, 0]).into())
            }
            0xfe => Ok(u64::from_le_bytes(self.array()?)),
            0xfb | 0xff => Err(Fault::Protocol("a length that is none")),
            short => Ok(short.into()),
        }
    }

    /// A string behind its length.
    #[inline]
    pub fn string(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.length()?).map_err(|_| cut())?;
        self.take(length)
    }

    /// A string behind its length, or NULL.
    pub fn text_or_null(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        if let [0xfb, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(None);
        }
        self.string().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_four_forms() {
        for (bytes, want) in [
            (&[0xfa][..], 250),
            (&[0xfc, 1, 2], 0x201),
            (&[0xfd, 1, 2, 3], 0x3_0201),
            (&[0xfe, 1, 0, 0, 0, 0, 0, 0, 1], (1 << 56) + 1),
        ] {
            assert_eq!(Bytes(bytes).length().unwrap(), want);
            assert!(Bytes(&bytes[..bytes.len() - 1]).length().is_err());
        }
    }

    #[test]
    fn a_string_longer_than_its_payload_is_refused() {
        assert_eq!(Bytes(b"\x02ab").string().unwrap(), b"ab");
        assert!(Bytes(b"\x03ab").string().is_err());
        assert!(Bytes(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff").string().is_err());
        assert_eq!(Bytes(b"\xfb").text_or_null().unwrap(), None);
    }
}
