//! Packets of the MySQL protocol over a byte stream: a header of four bytes (length, sequence), then the payload.
//!
//! What arrives is read into one buffer that is used again and again, and payloads are looked at where they lie; only a
//! payload longer than the buffer (a large object, or one of more than 16 MiB in several packets) is put together in a
//! buffer of its own, which is given back afterwards.
//!
//! Source: MySQL 8.4 source documentation, "MySQL Packets".

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Room for what has arrived; a server sends its own buffer of 16 KiB at a time.
const BUFFER_BYTES: usize = 128 << 10;

/// A payload of this length goes on in the next packet.
const FULL_PACKET: usize = 0xff_ffff;

/// Bytes before a payload.
const HEADER_BYTES: usize = 4;

/// A large payload's buffer above this size is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// The byte stream below the packets.
#[derive(Debug)]
pub(super) enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
    /// Bytes that a test made up.
    #[cfg(test)]
    Made(tokio::io::DuplexStream),
}

impl Stream {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into).await,
            Self::Tls(stream) => stream.read(into).await,
            #[cfg(test)]
            Self::Made(stream) => stream.read(into).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            #[cfg(test)]
            Self::Made(stream) => stream.write_all(bytes).await,
        }
    }

    /// Whether others can read along.
    pub(super) fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

/// Where a payload lies.
#[derive(Clone, Debug)]
pub(in crate::mysql) enum Place {
    /// In the buffer of what has arrived.
    Buffer(Range<usize>),
    /// In the buffer of large payloads.
    Large,
}

/// A stream of packets.
pub(super) struct Packets {
    stream: Stream,
    buffer: Vec<u8>,
    /// What has arrived and was not looked at yet.
    unread: Range<usize>,
    large: Vec<u8>,
    /// A large payload was begun; if its reading is cancelled, it is not known where the next packet begins.
    torn: bool,
    sequence: u8,
    read_timeout: Option<Duration>,
}

/// Without the bytes, which are rows and logins.
impl fmt::Debug for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packets").field("unread", &self.unread).field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl Packets {
    pub(super) fn new(stream: Stream, read_timeout: Option<Duration>) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
            unread: 0..0,
            large: Vec::new(),
            torn: false,
            sequence: 0,
            read_timeout,
        }
    }

    /// Puts another stream below, such as TLS above the plain one; nothing may have arrived that was not looked at.
    pub(super) fn into_stream(self) -> io::Result<Stream> {
        match self.unread.is_empty() {
            true => Ok(self.stream),
            // Whoever stands between could slip in packets before the encryption begins.
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "the server spoke before the encryption began")),
        }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.stream.is_secure()
    }

    /// The number of the next packet in this exchange.
    pub(super) fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Goes on with an exchange that began on another stream.
    pub(super) fn set_sequence(&mut self, sequence: u8) {
        self.sequence = sequence;
    }

    /// Sends a command, which begins an exchange.
    pub(super) async fn command(&mut self, payload: &[u8]) -> io::Result<()> {
        self.sequence = 0;
        self.send(payload).await
    }

    /// Sends a payload within an exchange.
    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut rest = payload;
        loop {
            let (now, later) = rest.split_at(rest.len().min(FULL_PACKET));
            // A length of at most three bytes.
            bytes.extend_from_slice(&(now.len() as u32).to_le_bytes()[..3]);
            bytes.push(self.sequence);
            self.sequence = self.sequence.wrapping_add(1);
            // What is large goes out from where it lies; the little that is left would be a write of its own.
            if now.len() > BUFFER_BYTES {
                self.stream.write_all(&bytes).await?;
                self.stream.write_all(now).await?;
                bytes.clear();
            } else {
                bytes.extend_from_slice(now);
            }
            if now.len() < FULL_PACKET {
                break;
            }
            rest = later;
        }
        if bytes.is_empty() { Ok(()) } else { self.stream.write_all(&bytes).await }
    }

    /// Waits for the server as long as it takes; otherwise it might not be known whether a COMMIT was done.
    pub(super) fn without_timeout(&mut self) {
        self.read_timeout = None;
    }

    /// The next payload if all of it has arrived; never waits.
    #[inline]
    pub(super) fn arrived(&mut self) -> io::Result<Option<Place>> {
        let Range { start, end } = self.unread;
        let Some(&[a, b, c, sequence]) = self.buffer[start..end].first_chunk() else { return Ok(None) };
        let len = u32::from_le_bytes([a, b, c, 0]) as usize;
        let (from, to) = (start + HEADER_BYTES, start + HEADER_BYTES + len);
        if to > end || len == FULL_PACKET {
            return Ok(None);
        }
        self.check(sequence)?;
        self.unread.start = to;
        Ok(Some(Place::Buffer(from..to)))
    }

    /// The next payload.
    pub(super) async fn next(&mut self) -> io::Result<Place> {
        if self.large.capacity() > KEPT_BYTES {
            self.large = Vec::new();
        }
        if self.torn {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the reading of a large value was broken off"));
        }
        loop {
            if let Some(place) = self.arrived()? {
                return Ok(place);
            }
            if self.large_ahead() {
                self.torn = true;
                self.read_large().await?;
                self.torn = false;
                return Ok(Place::Large);
            }
            self.fill().await?;
        }
    }

    /// The bytes of a payload; good until the next one is asked for.
    #[inline]
    pub(super) fn payload(&self, place: &Place) -> &[u8] {
        match place {
            Place::Buffer(range) => &self.buffer[range.clone()],
            Place::Large => &self.large,
        }
    }

    /// Whether the next payload is known to be longer than the buffer.
    pub(super) fn large_ahead(&self) -> bool {
        self.header_ahead().is_some_and(|(len, _)| len + HEADER_BYTES > BUFFER_BYTES)
    }

    fn header_ahead(&self) -> Option<(usize, u8)> {
        let &[a, b, c, sequence] = self.buffer[self.unread.clone()].first_chunk()?;
        Some((u32::from_le_bytes([a, b, c, 0]) as usize, sequence))
    }

    #[inline]
    fn check(&mut self, sequence: u8) -> io::Result<()> {
        if sequence != self.sequence {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "packets out of order"));
        }
        self.sequence = sequence.wrapping_add(1);
        Ok(())
    }

    /// Waits for more bytes. Cancel safe.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let read = timed(self.read_timeout, self.stream.read(&mut self.buffer[self.unread.end..])).await?;
        self.unread.end += read;
        Ok(())
    }

    /// Puts a payload together that is longer than the buffer, or that fills packets.
    async fn read_large(&mut self) -> io::Result<()> {
        self.large.clear();
        loop {
            let (len, sequence) = loop {
                match self.header_ahead() {
                    Some(header) => break header,
                    None => self.fill().await?,
                }
            };
            self.check(sequence)?;
            self.unread.start += HEADER_BYTES;
            let here = self.unread.len().min(len);
            let (from, old) = (self.unread.start, self.large.len());
            self.large.reserve_exact(len);
            self.large.extend_from_slice(&self.buffer[from..from + here]);
            self.unread.start += here;
            self.large.resize(old + len, 0);
            let mut filled = old + here;
            while filled < old + len {
                filled += timed(self.read_timeout, self.stream.read(&mut self.large[filled..])).await?;
            }
            if len < FULL_PACKET {
                return Ok(());
            }
        }
    }
}

/// Reads some bytes within the time; none at all means that the server closed the connection.
async fn timed(limit: Option<Duration>, read: impl Future<Output = io::Result<usize>>) -> io::Result<usize> {
    let read = match limit {
        None => read.await?,
        Some(limit) => tokio::time::timeout(limit, read).await.map_err(|_| {
            let what = format!("the server sent nothing for {} s", limit.as_secs_f64());
            io::Error::new(io::ErrorKind::TimedOut, what)
        })??,
    };
    match read {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
        read => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream whose other end sends these payloads in packets, in pieces of so many bytes.
    fn sent(payloads: Vec<Vec<u8>>, piece: usize) -> Packets {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(async move {
            let (mut bytes, mut sequence) = (Vec::new(), 0u8);
            for payload in payloads {
                let mut rest = payload.as_slice();
                loop {
                    let (now, later) = rest.split_at(rest.len().min(FULL_PACKET));
                    bytes.extend_from_slice(&(now.len() as u32).to_le_bytes()[..3]);
                    bytes.push(sequence);
                    bytes.extend_from_slice(now);
                    sequence = sequence.wrapping_add(1);
                    rest = later;
                    if now.len() < FULL_PACKET {
                        break;
                    }
                }
            }
            for piece in bytes.chunks(piece) {
                theirs.write_all(piece).await.unwrap();
            }
        });
        Packets::new(Stream::Made(ours), None)
    }

    #[tokio::test]
    async fn payloads_arrive_however_they_are_cut() {
        let payloads: Vec<Vec<u8>> = [0, 1, 5, 300, 70_000, BUFFER_BYTES - 4, BUFFER_BYTES - 3, 400_000, 3]
            .iter()
            .map(|n| (0..*n).map(|i| (i % 251) as u8).collect())
            .collect();
        for piece in [1, 3, 4, 1000, 65_536] {
            let mut packets = sent(payloads.clone(), piece);
            for want in &payloads {
                let place = packets.next().await.unwrap();
                assert_eq!(packets.payload(&place), want, "pieces of {piece}");
            }
            assert_eq!(packets.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[tokio::test]
    async fn payloads_of_16_mib_and_more_are_put_together() {
        for len in [FULL_PACKET - 1, FULL_PACKET, FULL_PACKET + 1, 2 * FULL_PACKET, 2 * FULL_PACKET + 7] {
            let payload: Vec<u8> = (0..len).map(|i| (i % 253) as u8).collect();
            let mut packets = sent(vec![payload.clone(), b"after".to_vec()], 65_536);
            let place = packets.next().await.unwrap();
            assert!(packets.payload(&place) == payload, "{len}");
            let place = packets.next().await.unwrap();
            assert_eq!(packets.payload(&place), b"after");
        }
    }

    #[tokio::test]
    async fn a_lost_packet_is_noticed() {
        let mut packets = sent(vec![b"a".to_vec()], 9);
        packets.set_sequence(7);
        assert_eq!(packets.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_large_payload_that_was_broken_off_is_not_gone_on_with() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs.write_all(&[0, 0, 0x10, 0, 1, 2, 3]).await.unwrap();
        let mut packets = Packets::new(Stream::Made(ours), None);
        assert!(tokio::time::timeout(Duration::from_millis(20), packets.next()).await.is_err());
        theirs.write_all(&[1, 0, 0, 0, 7]).await.unwrap();
        assert!(packets.next().await.unwrap_err().to_string().contains("broken off"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_left() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut packets = Packets::new(Stream::Made(ours), Some(Duration::from_secs(5)));
        let error = packets.next().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("5 s"), "{error}");
    }
}
