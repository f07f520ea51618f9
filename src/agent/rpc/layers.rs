//! What lies between a socket and messages: TLS, deflate, or both.
//!
//! Flume up to 1.9 compresses inside TLS. Flume 1.10 and 1.11 put TLS behind the compressor, so that what is compressed is
//! TLS: whoever speaks to them with both has to do the same. A source tells the two apart by the first byte.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::deflate::Deflate;

/// How long a client may take for its part of TLS.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// The level of what a source answers, which is short.
const LEVEL: u32 = 6;

/// The first byte of TLS: a record of its handshake.
const TLS_RECORD: u8 = 0x16;

/// Both directions of a connection.
pub(in crate::agent) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection, whatever lies below it.
pub(in crate::agent) type Stream = Box<dyn Duplex>;

/// What a source puts between its sockets and its messages.
#[derive(Clone)]
pub(in crate::agent) struct Entrance {
    pub tls: Option<Arc<ServerConfig>>,
    pub deflates: bool,
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").field("tls", &self.tls.is_some()).field("deflates", &self.deflates).finish()
    }
}

impl Entrance {
    /// Takes a client in.
    ///
    /// # Errors
    /// It does not speak TLS, or is too slow at it. Those of the connection.
    pub(in crate::agent) async fn admit(&self, socket: TcpStream) -> io::Result<Stream> {
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            let plain: Stream = if self.deflates { Box::new(Deflate::new(socket, LEVEL)) } else { Box::new(socket) };
            return Ok(plain);
        };
        let acceptor = TlsAcceptor::from(tls.clone());
        let admitted = async {
            if !self.deflates {
                return Ok(Box::new(acceptor.accept(socket).await?) as Stream);
            }
            let mut first = [0];
            socket.peek(&mut first).await?;
            if first[0] == TLS_RECORD {
                return Ok(Box::new(Deflate::new(acceptor.accept(socket).await?, LEVEL)) as Stream);
            }
            Ok(Box::new(acceptor.accept(Deflate::new(socket, LEVEL)).await?) as Stream)
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it is too slow at TLS");
        timeout(HANDSHAKE, admitted).await.map_err(|_| late())?
    }
}
