//! The bytes under the Thrift calls: TCP with time limits, plain or inside a SASL negotiation and its frames.
//!
//! Everything above sees a [`Wire`]; TLS, HTTP or a wrapping SASL mechanism slot in here. Refuses frames above 1 GiB.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::net::thrift::Wire;
use crate::net::{self, Server};
use crate::sasl::{Handshake, Header, Mechanism, Step};

const MAX_FRAME_BYTES: usize = 1 << 30;

/// How long to wait for a connection and its first answer, and for the answer to one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    pub connect: Duration,
    pub call: Duration,
}

/// Connects and logs in; `None` speaks Thrift at once (NOSASL), so that the first answer is still to come.
///
/// # Errors
/// Unreachable: no connection, or no answer. Auth: the server declined.
pub(super) fn connect(server: &Server, mechanism: Option<Mechanism>) -> Result<Wire> {
    let Some(mechanism) = mechanism else { return Wire::plain(server) };
    let socket = server.connect()?;
    let clone = || socket.try_clone().map_err(|e| server.unreachable(e));
    let (mut input, output) = (clone()?, clone()?);
    negotiate(&mut input, mechanism, server)?;
    Ok(Wire::new(Box::new(FrameReader::new(input)), Box::new(FrameWriter::new(output)), socket))
}

fn negotiate(stream: &mut (impl Read + Write), mechanism: Mechanism, server: &Server) -> Result<()> {
    let context = |e: Error| e.context(format!("cannot log in to {server}"));
    let broken = |e: io::Error| match net::is_timeout(&e) {
        true => server.silent(),
        false => {
            server.unreachable(e).hint("check that the port is hiveserver2's and that auth names what it is set to")
        }
    };
    let mut handshake = Handshake::new(mechanism);
    let mut to_send = handshake.start().map_err(context)?;
    loop {
        stream.write_all(&to_send).map_err(broken)?;
        stream.flush().map_err(broken)?;
        let mut header = [0; Header::BYTES];
        stream.read_exact(&mut header).map_err(broken)?;
        let header = Header::parse(header).map_err(context)?;
        let mut payload = vec![0; header.payload_bytes];
        stream.read_exact(&mut payload).map_err(broken)?;
        to_send = match handshake.receive(header, &payload).map_err(context)? {
            Step::Send(bytes) => bytes,
            Step::Wait => Vec::new(),
            Step::Done => return Ok(()),
        };
    }
}

/// Reads four-byte length frames as one stream.
struct FrameReader<R> {
    inner: R,
    frame: Vec<u8>,
    position: usize,
}

impl<R: Read> FrameReader<R> {
    fn new(inner: R) -> Self {
        Self { inner, frame: Vec::new(), position: 0 }
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
        if read < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
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
struct FrameWriter<W> {
    inner: W,
    frame: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    fn new(inner: W) -> Self {
        Self { inner, frame: vec![0; 4] }
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.frame.extend(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.frame.len() - 4)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame above 4 GiB"))?;
        self.frame[..4].copy_from_slice(&length.to_be_bytes());
        self.inner.write_all(&self.frame)?;
        self.frame.truncate(4);
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Kind;
    use crate::net::tests::{assert_silent, closed_port, silent_port};
    use crate::secret::Secret;

    proptest! {
        #[test]
        fn frames_carry_any_bytes_unchanged(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut wire = Vec::new();
            let mut writer = FrameWriter::new(&mut wire);
            for message in &messages {
                writer.write_all(message).unwrap();
                writer.flush().unwrap();
            }
            let mut reader = FrameReader::new(wire.as_slice());
            let mut back = vec![0; messages.iter().map(Vec::len).sum()];
            reader.read_exact(&mut back).unwrap();
            prop_assert_eq!(back, messages.concat());
        }
    }

    #[test]
    fn a_frame_that_ends_early_is_an_error() {
        let mut reader = FrameReader::new(&b"\0\0\0\x05abc"[..]);
        assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    fn server(address: &str) -> Server {
        Server::new("hiveserver2", address, Duration::from_secs(1))
    }

    fn ann() -> Mechanism {
        Mechanism::Plain { user: "ann".into(), password: Secret::new("pw") }
    }

    #[test]
    fn nobody_listening_is_unreachable_and_names_the_endpoint() {
        let free = closed_port();
        let error = connect(&server(&free), None).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().starts_with(&format!("cannot reach hiveserver2 at {free}: ")), "{error}");
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let began = std::time::Instant::now();
        let error = connect(&server(&address), Some(ann())).map(drop).unwrap_err();
        assert_silent(&error, &address, "hiveserver2", began);
    }

    #[test]
    fn a_declined_login_is_an_auth_error_that_names_the_endpoint() {
        let mut wire = Duplex { input: b"\x03\0\0\0\x03no!".as_slice(), output: Vec::new() };
        let error = negotiate(&mut wire, ann(), &server("hive:10000")).unwrap_err();
        assert_eq!(error.kind(), Kind::Auth);
        assert!(error.to_string().starts_with("cannot log in to hiveserver2 at hive:10000"), "{error}");
    }

    struct Duplex<'a> {
        input: &'a [u8],
        output: Vec<u8>,
    }

    impl Read for Duplex<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.input.read(to)
        }
    }

    impl Write for Duplex<'_> {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.output.write(from)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
