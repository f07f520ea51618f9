//! Messages behind their four-byte length, as Thrift's framed transport has them, and as its SASL transport has them
//! once a login is through: there each is sealed as both sides agreed.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::sasl::Layer;

/// No server sends more at once; whoever does speaks another protocol.
const MAX_FRAME_BYTES: usize = 1 << 30;

/// What happens with each message, known to both directions.
#[derive(Clone, Debug)]
pub(super) struct Sealing(Arc<Mutex<Layer>>);

impl Sealing {
    pub(super) fn new(layer: Layer) -> Self {
        Self(Arc::new(Mutex::new(layer)))
    }

    fn layer(&self) -> MutexGuard<'_, Layer> {
        // After a panic in the middle of a message its number is used, and the server notices.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads frames as one stream.
pub(super) struct FrameReader<R> {
    inner: R,
    sealing: Sealing,
    frame: Vec<u8>,
    position: usize,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(inner: R, sealing: Sealing) -> Self {
        Self { inner, sealing, frame: Vec::new(), position: 0 }
    }

    fn next_frame(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.inner.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        self.frame.clear();
        self.position = 0;
        // `take` grows the buffer with what arrives, so that a lying length does not allocate.
        let read = (&mut self.inner).take(length as u64).read_to_end(&mut self.frame)?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut layer = self.sealing.layer();
        if !layer.is_none() {
            self.frame = layer.open(&self.frame).map_err(unsealed)?;
        }
        Ok(())
    }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.position == self.frame.len() {
            self.next_frame()?;
        }
        let mut rest = &self.frame[self.position..];
        let read = rest.read(to)?;
        self.position += read;
        Ok(read)
    }
}

/// Collects what is written into one frame a flush.
pub(super) struct FrameWriter<W> {
    inner: W,
    sealing: Sealing,
    message: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(inner: W, sealing: Sealing) -> Self {
        Self { inner, sealing, message: Vec::new() }
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.message.extend(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut layer = self.sealing.layer();
        if !layer.is_none() {
            self.message = layer.seal(&self.message).map_err(unsealed)?;
        }
        let length = u32::try_from(self.message.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame above 4 GiB"))?;
        self.inner.write_all(&length.to_be_bytes())?;
        self.inner.write_all(&self.message)?;
        self.message.clear();
        self.inner.flush()
    }
}

fn unsealed(error: crate::error::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_carry_any_bytes_unchanged(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut wire = Vec::new();
            let mut writer = FrameWriter::new(&mut wire, Sealing::new(Layer::None));
            for message in &messages {
                writer.write_all(message).unwrap();
                writer.flush().unwrap();
            }
            let mut reader = FrameReader::new(wire.as_slice(), Sealing::new(Layer::None));
            let mut back = vec![0; messages.iter().map(Vec::len).sum()];
            reader.read_exact(&mut back).unwrap();
            prop_assert_eq!(back, messages.concat());
        }
    }

    #[test]
    fn a_frame_that_ends_early_is_an_error() {
        let mut reader = FrameReader::new(&b"\0\0\0\x05abc"[..], Sealing::new(Layer::None));
        assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
