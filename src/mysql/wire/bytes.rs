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
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The next byte.
    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.0.split_first().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// A length of one to nine bytes.
    #[inline]
    pub(crate) fn length(&mut self) -> Result<u64, Fault> {
        match self.byte()? {
            0xfc => Ok(u16::from_le_bytes(self.array()?).into()),
            0xfd => {
                let [a, b, c] = self.array()?;
                Ok(u32::from_le_bytes([a, b, c, 0]).into())
            }
            0xfe => Ok(u64::from_le_bytes(self.array()?)),
            0xfb | 0xff => Err(Fault::Protocol("a byte that does not begin a length")),
            short => Ok(short.into()),
        }
    }

    /// A string behind its length.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.length()?).map_err(|_| cut())?;
        self.take(length)
    }

    /// A string behind its length, or NULL.
    pub(crate) fn text_or_null(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        if let [0xfb, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(None);
        }
        self.string().map(Some)
    }
}

/// Writes a length of one to nine bytes, as [`Bytes::length`] reads it.
#[inline]
pub(in crate::mysql) fn put_length(out: &mut Vec<u8>, length: usize) {
    let bytes = (length as u64).to_le_bytes();
    match length {
        0..=0xfa => out.push(bytes[0]),
        0xfb..=0xffff => out.extend_from_slice(&[0xfc, bytes[0], bytes[1]]),
        0x1_0000..=0xff_ffff => out.extend_from_slice(&[0xfd, bytes[0], bytes[1], bytes[2]]),
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_was_written() {
        for length in [0, 1, 0xfa, 0xfb, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, usize::MAX] {
            let mut out = Vec::new();
            put_length(&mut out, length);
            let mut rest = Bytes(&out);
            assert_eq!((rest.length().unwrap(), rest.0.len()), (length as u64, 0));
        }
    }

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
