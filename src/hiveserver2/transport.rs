//! The bytes under the Thrift calls: TCP with time limits, plain or inside a SASL negotiation and its frames.
//!
//! Everything above sees [`Connection`], two boxed halves; TLS, HTTP or a wrapping SASL mechanism slot in here. Refuses
//! frames above 1 GiB.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::error::{self, Error, Result};
use crate::sasl::{Handshake, Header, Mechanism, Step};

const MAX_FRAME_BYTES: usize = 1 << 30;

/// Both directions of an open connection, ready for Thrift's binary protocol.
pub(super) struct Connection {
    pub input: Box<dyn Read + Send>,
    pub output: Box<dyn Write + Send>,
}

/// How long to wait for a connection, and for the answer to one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    pub connect: Duration,
    pub call: Duration,
}

/// Connects to `host:port`; `None` speaks Thrift at once (NOSASL).
///
/// # Errors
/// Config: not a `host:port`. Unreachable: no connection. Auth: the server declined.
pub(super) fn connect(endpoint: &str, mechanism: Option<Mechanism>, limits: TimeLimits) -> Result<Connection> {
    let mut input = tcp(endpoint, limits).map_err(|e| unreachable(endpoint, e))?;
    let output = input.try_clone().map_err(|e| unreachable(endpoint, e))?;
    match mechanism {
        None => Ok(Connection { input: Box::new(BufReader::new(input)), output: Box::new(BufWriter::new(output)) }),
        Some(mechanism) => {
            negotiate(&mut input, mechanism, endpoint)?;
            Ok(Connection { input: Box::new(FrameReader::new(input)), output: Box::new(FrameWriter::new(output)) })
        }
    }
}

fn tcp(endpoint: &str, limits: TimeLimits) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in endpoint.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limits.connect) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(limits.call))?;
                stream.set_write_timeout(Some(limits.call))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn negotiate(stream: &mut (impl Read + Write), mechanism: Mechanism, endpoint: &str) -> Result<()> {
    let context = |e: Error| e.context(format!("cannot log in to hiveserver2 {endpoint}"));
    let broken = |e: io::Error| {
        unreachable(endpoint, e).hint("check that the port is hiveserver2's and that auth names what it is set to")
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

/// The error of a server that cannot be reached.
pub(super) fn unreachable(endpoint: &str, source: io::Error) -> Error {
    error::unreachable(format!("cannot reach hiveserver2 {endpoint}"))
        .hint("check the address and that the server runs")
        .source(source)
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

    #[test]
    fn nobody_listening_is_unreachable_and_names_the_endpoint() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let limits = TimeLimits { connect: Duration::from_secs(5), call: Duration::from_secs(5) };
        let error = connect(&free, None, limits).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().starts_with(&format!("cannot reach hiveserver2 {free}: ")), "{error}");
    }

    #[test]
    fn a_declined_login_is_an_auth_error_that_names_the_endpoint() {
        let mut wire = Duplex { input: b"\x03\0\0\0\x03no!".as_slice(), output: Vec::new() };
        let mechanism = Mechanism::Plain { user: "ann".into(), password: Secret::new("pw") };
        let error = negotiate(&mut wire, mechanism, "hive:10000").unwrap_err();
        assert_eq!(error.kind(), Kind::Auth);
        assert!(error.to_string().starts_with("cannot log in to hiveserver2 hive:10000"), "{error}");
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
