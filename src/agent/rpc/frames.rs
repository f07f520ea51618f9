//! Messages on a connection: what stands before their bytes, how long they may be, and how long one may take to come.
//!
//! Source: Avro 1.11 `NettyTransportCodec` (a serial number, how many buffers follow, each behind its length), Thrift 0.14
//! `TFastFramedTransport` (a length). All numbers are big-endian.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Speech;
use crate::agent::in_flight::Claim;

/// How long the other side may be silent within a message, and how long a message may take.
const SILENCE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);

/// Buffers of a message; Avro's own are of 8 KiB.
const MOST_BUFFERS: u32 = 1 << 20;

/// Bytes that are written within the time that the other side may be silent.
const PART_BYTES: usize = 64 << 10;

/// What a message may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Limits {
    /// Bytes of a message.
    pub message_bytes: usize,
}

impl Limits {
    /// Memory that the events of a message may take: several times its bytes, as each needs some beside them.
    pub(in crate::agent) fn memory_bytes(self) -> usize {
        self.message_bytes.saturating_mul(4)
    }
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::agent) struct Message {
    /// The number by which its answer is known; Thrift has one inside.
    pub serial: u32,
    pub bytes: Vec<u8>,
}

impl Message {
    /// Waits for a message, however long; `None` where the other side ended the connection before it.
    ///
    /// # Errors
    /// InvalidData: it is longer than it may be. TimedOut: it was begun and does not come. Those of the connection.
    pub(in crate::agent) async fn read<S: AsyncRead + Unpin>(
        from: &mut S,
        speech: Speech,
        limits: Limits,
    ) -> io::Result<Option<Self>> {
        Self::read_within(from, speech, limits, &mut Claim::uncounted()).await
    }

    /// The same, where its bytes are claimed as they come.
    ///
    /// # Errors
    /// As there.
    pub(in crate::agent) async fn read_within<S: AsyncRead + Unpin>(
        from: &mut S,
        speech: Speech,
        limits: Limits,
        claim: &mut Claim,
    ) -> io::Result<Option<Self>> {
        let mut first = [0; 4];
        match from.read(&mut first[..1]).await {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            // TLS that was not ended in its own way, or a host that is gone.
            Err(e) if crate::net::is_ended(&e) => return Ok(None),
            Err(e) => return Err(e),
        }
        let late = || io::Error::new(io::ErrorKind::TimedOut, "a message was begun and did not come in time");
        timeout(LONGEST, rest(from, speech, limits, claim, first)).await.map_err(|_| late())?.map(Some)
    }

    /// Writes it, and sees to it that it is sent.
    ///
    /// # Errors
    /// TimedOut: the other side does not take it. Those of the connection.
    pub(in crate::agent) async fn write<S: AsyncWrite + Unpin>(&self, to: &mut S, speech: Speech) -> io::Result<()> {
        let length = u32::try_from(self.bytes.len())
            .ok()
            .filter(|length| i32::try_from(*length).is_ok())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a message of more than 2 GiB"))?;
        let mut head = Vec::with_capacity(12 + self.bytes.len().min(PART_BYTES));
        if speech == Speech::Avro {
            head.extend(self.serial.to_be_bytes());
            head.extend(1u32.to_be_bytes());
        }
        head.extend(length.to_be_bytes());
        // A short message goes as one.
        let (first, rest) = self.bytes.split_at(self.bytes.len().min(PART_BYTES));
        head.extend_from_slice(first);
        within(to.write_all(&head)).await?;
        for part in rest.chunks(PART_BYTES) {
            within(to.write_all(part)).await?;
        }
        within(to.flush()).await
    }
}

async fn rest<S: AsyncRead + Unpin>(
    from: &mut S,
    speech: Speech,
    limits: Limits,
    claim: &mut Claim,
    mut first: [u8; 4],
) -> io::Result<Message> {
    within(from.read_exact(&mut first[1..])).await?;
    let first = u32::from_be_bytes(first);
    let mut bytes = Vec::new();
    if speech != Speech::Avro {
        buffer(from, first, limits, claim, &mut bytes).await?;
        return Ok(Message { serial: 0, bytes });
    }
    let count = within(from.read_u32()).await?;
    if count > MOST_BUFFERS {
        return Err(too_long(format!("a message of {count} buffers")));
    }
    for _ in 0..count {
        let length = within(from.read_u32()).await?;
        buffer(from, length, limits, claim, &mut bytes).await?;
    }
    Ok(Message { serial: first, bytes })
}

/// Reads a buffer behind what was read; memory is taken as bytes come, whatever length was said.
async fn buffer<S: AsyncRead + Unpin>(
    from: &mut S,
    length: u32,
    limits: Limits,
    claim: &mut Claim,
    to: &mut Vec<u8>,
) -> io::Result<()> {
    let most = limits.message_bytes;
    let whole = usize::try_from(length).ok().and_then(|length| to.len().checked_add(length));
    let whole = whole
        .filter(|whole| *whole <= most)
        .ok_or_else(|| too_long(format!("a message of more than {most} bytes, or another protocol")))?;
    to.reserve((whole - to.len()).min(PART_BYTES));
    let mut claimed = to.len();
    while to.len() < whole {
        if to.len() == claimed {
            let part = (whole - claimed).min(PART_BYTES);
            claim.grow(part).await;
            claimed += part;
        }
        // The vector may have room for more than is claimed.
        let mut part = (&mut *from).take((claimed - to.len()) as u64);
        if within(part.read_buf(to)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn too_long(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn within<T>(act: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "the other side is silent");
    timeout(SILENCE, act).await.map_err(|_| silent())?
}
