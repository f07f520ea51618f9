//! One byte stream to one gateway. TLS, SASL and HTTP belong here: the client above sees boxed reading and writing
//! halves and no socket. Today: plain TCP, unframed (frames are cut at 2 MB by the gateway's default).

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

use super::options::HBaseOptions;
use crate::error::{self, Result};

/// The two halves of a connection.
pub(super) struct Wire {
    pub read: Box<dyn Read + Send>,
    pub write: Box<dyn Write + Send>,
}

/// Connects to `endpoint` (`host:port`), trying each of its addresses.
///
/// # Errors
/// Unreachable: names host and port.
pub(super) fn open(endpoint: &str, options: &HBaseOptions) -> Result<Wire> {
    connect(endpoint, options).map_err(|e| {
        error::unreachable(format!("cannot connect to the hbase thrift gateway {endpoint}"))
            .hint("check the address and that the gateway runs (hbase thrift start)")
            .source(e)
    })
}

fn connect(endpoint: &str, options: &HBaseOptions) -> io::Result<Wire> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in endpoint.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, options.connect_timeout()) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(options.read_timeout()))?;
                stream.set_write_timeout(Some(options.read_timeout()))?;
                return Ok(Wire { read: Box::new(stream.try_clone()?), write: Box::new(stream) });
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}
