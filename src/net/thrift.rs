//! Thrift's binary protocol over a connection of ours, for the metastore, HiveServer2 and HBase's gateways: one stream
//! type below all generated clients, and what its errors mean. The generated code blocks.

use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::net::TcpStream;

use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use thrift::{TransportError, TransportErrorKind};

use super::Server;
use crate::error::{self, Result};

const BUFFER_BYTES: usize = 64 * 1024;

/// What generated clients read answers from.
pub(crate) type Input = TBinaryInputProtocol<Box<dyn Read + Send>>;
/// What generated clients write calls to.
pub(crate) type Output = TBinaryOutputProtocol<Box<dyn Write + Send>>;

/// Both directions of an open connection, and the socket below them, which has the time limits.
pub(crate) struct Wire {
    read: Box<dyn Read + Send>,
    write: Box<dyn Write + Send>,
    socket: TcpStream,
}

impl Wire {
    /// Connects without a login and without frames.
    ///
    /// # Errors
    /// Those of [`Server::connect`].
    pub(crate) fn plain(server: &Server) -> Result<Self> {
        let socket = server.connect()?;
        let clone = || socket.try_clone().map_err(|e| server.unreachable(e));
        let read = Box::new(BufReader::with_capacity(BUFFER_BYTES, clone()?));
        let write = Box::new(BufWriter::with_capacity(BUFFER_BYTES, clone()?));
        Ok(Self { read, write, socket })
    }

    /// A connection whose two directions were made from `socket` by somebody else; `write` sends on a flush.
    pub(crate) fn new(read: Box<dyn Read + Send>, write: Box<dyn Write + Send>, socket: TcpStream) -> Self {
        Self { read, write, socket }
    }

    /// The two protocols that a generated client is made of, and the socket.
    pub(crate) fn into_protocols(self) -> (Input, Output, TcpStream) {
        (TBinaryInputProtocol::new(self.read, true), TBinaryOutputProtocol::new(self.write, true), self.socket)
    }
}

/// Runs the generated code's blocking calls on a thread for such. Dropping the future does not take them back.
///
/// # Errors
/// Those of `work`. Bug: it panicked.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    // The log says which run a call belongs to.
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .unwrap_or_else(|e| Err(error::bug("the thread of a thrift client ended early").source(e)))
}

/// Whether a call waited in vain. A socket then fails with `WouldBlock` on Unix, which thrift files under `Unknown` and
/// keeps only the text of.
pub(crate) fn is_timeout(error: &TransportError) -> bool {
    error.kind == TransportErrorKind::TimedOut
        || error.message.contains("os error 11")
        || error.message == std::io::Error::from(ErrorKind::WouldBlock).to_string()
}

/// Whether the bytes on the connection can no longer be trusted to start with an answer to the next call.
pub(crate) fn spoils_connection(error: &thrift::Error) -> bool {
    matches!(error, thrift::Error::Transport(_) | thrift::Error::Protocol(_))
}

/// Whether the connection is gone while the call itself may be fine: servers close idle ones.
pub(crate) fn is_lost_connection(error: &thrift::Error) -> bool {
    matches!(error, thrift::Error::Transport(e) if !is_timeout(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_told_from_a_closed_connection() {
        for late in [std::io::Error::from_raw_os_error(11), ErrorKind::WouldBlock.into(), ErrorKind::TimedOut.into()] {
            let late = thrift::Error::from(late);
            assert!(matches!(&late, thrift::Error::Transport(e) if is_timeout(e)), "{late}");
            assert!(!is_lost_connection(&late) && spoils_connection(&late));
        }
        for lost in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe] {
            assert!(is_lost_connection(&std::io::Error::from(lost).into()), "{lost:?}");
        }
    }
}
