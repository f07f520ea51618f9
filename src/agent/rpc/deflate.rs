//! A connection whose bytes are compressed: one zlib stream each way, flushed behind each message, as Flume has it.
//!
//! Source: Netty 4.1 `JZlibEncoder`, `JZlibDecoder`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// Compressed bytes that wait before they are sent.
const PENDING_BYTES: usize = 64 << 10;

/// Compresses what is written, and gives what was compressed.
pub(super) struct Deflate<S> {
    inner: S,
    inflater: Decompress,
    deflater: Compress,
    /// Compressed bytes that were read, from `start` to `end`.
    input: Box<[u8]>,
    start: usize,
    end: usize,
    /// The other side's stream is over.
    is_over: bool,
    /// Compressed bytes that are to be written, from `sent` on.
    pending: Vec<u8>,
    sent: usize,
    /// The compressor holds bytes back.
    is_dirty: bool,
}

impl<S> Deflate<S> {
    pub(super) fn new(inner: S, level: u32) -> Self {
        Self {
            inner,
            inflater: Decompress::new(true),
            deflater: Compress::new(Compression::new(level), true),
            input: vec![0; READ_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            is_over: false,
            pending: Vec::new(),
            sent: 0,
            is_dirty: false,
        }
    }

    fn compress(&mut self, mut data: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.pending.reserve(READ_BYTES);
            let before = self.deflater.total_in();
            self.deflater.compress_vec(data, &mut self.pending, flush).map_err(io::Error::other)?;
            let taken = usize::try_from(self.deflater.total_in() - before).unwrap_or(data.len());
            data = &data[taken..];
            if data.is_empty() && self.pending.len() < self.pending.capacity() {
                return Ok(());
            }
        }
    }

    /// Gives some of what was read; `None` where more has to be read first.
    fn inflate(&mut self, to: &mut ReadBuf<'_>) -> io::Result<Option<()>> {
        let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
        let room = to.initialize_unfilled();
        let done = self.inflater.decompress(&self.input[self.start..self.end], room, FlushDecompress::None);
        let done = done.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("not a zlib stream: {e}")))?;
        let count = |after: u64, before: u64| usize::try_from(after - before).unwrap_or_default();
        let taken = count(self.inflater.total_in(), before_in);
        self.start += taken;
        let made = count(self.inflater.total_out(), before_out);
        to.advance(made);
        self.is_over = done == Status::StreamEnd;
        if taken == 0 && made == 0 && !self.is_over && self.start < self.end {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a zlib stream: it does not go on"));
        }
        Ok((made > 0 || self.is_over).then_some(()))
    }
}

impl<S: AsyncWrite + Unpin> Deflate<S> {
    /// Sends what waits.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.pending.len() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &self.pending[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        self.pending.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deflate<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.is_over || to.remaining() == 0 || this.inflate(to)?.is_some() {
                return Poll::Ready(Ok(()));
            }
            if this.start < this.end {
                continue;
            }
            let mut read = ReadBuf::new(&mut this.input);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            (this.start, this.end) = (0, read.filled().len());
            if this.end == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deflate<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.pending.len() >= PENDING_BYTES {
            ready!(self.poll_send(cx))?;
        }
        let data = &data[..data.len().min(PENDING_BYTES)];
        self.is_dirty = true;
        self.compress(data, FlushCompress::None)?;
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_dirty {
            self.compress(&[], FlushCompress::Sync)?;
            self.is_dirty = false;
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// All that comes out of a stream.
    async fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let inner = tokio::io::join(bytes, tokio::io::sink());
        Deflate::new(inner, 6).take(1 << 20).read_to_end(&mut out).await?;
        Ok(out)
    }

    fn on<T>(act: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(act)
    }

    proptest! {
        #[test]
        fn messages_come_back_and_each_is_sent(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5_000), 1..8)) {
            on(async {
                let mut wire = Vec::new();
                let mut to = Deflate::new(tokio::io::join(tokio::io::empty(), &mut wire), 6);
                for message in &messages {
                    to.write_all(message).await.unwrap();
                    to.flush().await.unwrap();
                }
                assert_eq!(read(&wire).await.unwrap(), messages.concat());
            });
        }

        #[test]
        fn any_bytes_end_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let with_head = [&[0x78, 0x9c], &bytes[..]].concat();
            on(async {
                let _ = (read(&bytes).await, read(&with_head).await);
            });
        }
    }
}
