//! One byte stream to one gateway. TLS, SASL and HTTP belong here: the client above sees boxed reading and writing
//! halves. Today: plain TCP, unframed (frames are cut at 2 MB by the gateway's default).

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::error::Result;
use crate::net::Server;

/// The two halves of a connection, and the socket below them, which has the time limits.
pub(super) struct Wire {
    pub read: Box<dyn Read + Send>,
    pub write: Box<dyn Write + Send>,
    pub socket: TcpStream,
}

/// Connects to a gateway.
///
/// # Errors
/// Those of [`Server::connect`].
pub(super) fn open(server: &Server) -> Result<Wire> {
    let socket = server.connect()?;
    let clone = || socket.try_clone().map_err(|e| server.unreachable(e));
    Ok(Wire { read: Box::new(clone()?), write: Box::new(clone()?), socket })
}
