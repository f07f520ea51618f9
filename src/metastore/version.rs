//! The first call on a metastore: its version, without which it is not known to be one. The call belongs to the service
//! framework underneath, which the generated client leaves out; it is small enough to be made by hand: a message without
//! arguments, an answer of one string.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{self, Result};
use crate::net::Server;

/// A longer answer is not a version.
const MAX_BYTES: u32 = 4096;

/// Thrift's binary protocol, version 1: message types and field types.
const CALL: u32 = 0x8001_0001;
const REPLY: u32 = 0x8001_0002;
const EXCEPTION: u32 = 0x8001_0003;
const STRING: u8 = 11;
const STOP: u8 = 0;

/// What a metastore says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number before the first dot; it decides what Hive reads.
    pub major: u32,
    /// All of it, such as `4.0.1`.
    pub text: String,
}

/// Asks a metastore for its version, which is that of the Hive around it; those before 4.0 all say `3.0`. `None` where
/// it answers as a Thrift service that does not know the call.
///
/// # Errors
/// Unreachable: no answer in time, or not that of a metastore.
pub(super) async fn greet(server: &Server, address: SocketAddr) -> Result<Option<Version>> {
    let mut stream = server.open(address).await?;
    let answer = async {
        ask(&mut stream).await.map_err(|e| {
            error::unreachable(format!("{} does not answer as {}", server.address, server.what))
                .source(e)
                .hint("check host and port, and whether the metastore wants SASL or TLS, which are not supported")
        })
    };
    Ok(server.first_answer(answer).await?.and_then(parse))
}

async fn ask(stream: &mut TcpStream) -> io::Result<Option<String>> {
    const METHOD: &[u8] = b"getVersion";
    let mut message = CALL.to_be_bytes().to_vec();
    message.extend((METHOD.len() as u32).to_be_bytes());
    message.extend(METHOD);
    message.extend(1u32.to_be_bytes());
    message.push(STOP);
    stream.write_all(&message).await?;

    let unexpected = || io::Error::new(io::ErrorKind::InvalidData, "what came back is not a version");
    match stream.read_u32().await? {
        REPLY => {}
        EXCEPTION => return Ok(None),
        _ => return Err(unexpected()),
    }
    string(stream).await?;
    stream.read_u32().await?;
    if (stream.read_u8().await?, stream.read_u16().await?) != (STRING, 0) {
        return Err(unexpected());
    }
    String::from_utf8(string(stream).await?).map(Some).map_err(|_| unexpected())
}

async fn string(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = stream.read_u32().await?;
    if len > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let mut bytes = vec![0; len as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn parse(text: String) -> Option<Version> {
    let major = text.split('.').next()?.trim().parse().ok()?;
    Some(Version { major, text })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::net::tests::{assert_silent, silent_port};

    #[test]
    fn the_first_number_counts() {
        assert_eq!(parse("4.0.1".into()).unwrap().major, 4);
        assert_eq!(parse("3.1.3000.7.1".into()).unwrap().major, 3);
        assert_eq!(parse("unknown".into()), None);
    }

    #[tokio::test]
    async fn a_metastore_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let server = Server::new("a hive metastore", address.as_str(), Duration::from_secs(1));
        let began = Instant::now();
        let error = greet(&server, address.parse().unwrap()).await.unwrap_err();
        assert_silent(&error, &address, "a hive metastore", began);
    }

    #[tokio::test]
    async fn another_service_is_named() {
        let (listener, address) = silent_port();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let server = Server::new("a hive metastore", address.as_str(), Duration::from_secs(5));
        let error = greet(&server, address.parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("{address} does not answer as a hive metastore")), "{error}");
    }
}
