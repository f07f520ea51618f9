//! Finding servers through ZooKeeper, where they register: three calls of its protocol over a connection that is closed
//! again. Nothing is written there.
//!
//! Source: ZooKeeper 3.8 `zookeeper.jute`. Not spoken: ZooKeeper inside TLS, and nodes that only a login may read.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::Server;
use crate::error::{self, Result};

const CHILDREN: i32 = 8;
const DATA: i32 = 4;
const CLOSE: i32 = -11;
const NO_NODE: i32 = -101;
const NO_AUTH: i32 = -102;
/// Milliseconds after which ZooKeeper forgets a client that is gone.
const SESSION: i32 = 10_000;
/// No node of Hive is as large.
const LARGEST: usize = 1 << 20;

/// What to look at where something else answers, or nobody.
const NOT_ONE: &str =
    "check host and port; where the zookeeper wants TLS, which is not spoken, name the servers themselves";

/// A node: its name, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its name, without those above it.
    pub name: String,
    /// What it holds.
    pub data: Vec<u8>,
}

/// The nodes directly below `path`, asked of the first ZooKeeper that answers; one that left meanwhile is not among
/// them. Blocks.
///
/// # Errors
/// Unreachable: none answers. NotFound: there is no such path. Refused: it does not let us read.
pub(crate) fn nodes(quorum: &[String], path: &str, limit: Duration) -> Result<Vec<Node>> {
    let mut last = error::config("there is no zookeeper to ask").hint("name one as HOST:PORT");
    for address in quorum {
        let server = Server::new("a zookeeper", address.as_str(), limit);
        match ask(&server, path) {
            Err(e) if e.is_transient() => last = e,
            done => return done,
        }
    }
    Err(last)
}

fn ask(server: &Server, path: &str) -> Result<Vec<Node>> {
    let lost = |e: io::Error| match e.kind() {
        _ if super::is_timeout(&e) => server.silent(),
        io::ErrorKind::InvalidData => {
            error::refused(format!("{} does not answer as {}", server.address, server.what)).hint(NOT_ONE)
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => server.unreachable(e).hint(NOT_ONE),
        _ => server.unreachable(e),
    };
    let mut session = Session { stream: server.connect()?, next: 1 };
    session.open().map_err(lost)?;
    let answer = session.call(CHILDREN, path).map_err(lost)?;
    let names = Answer(&checked(answer, server, path)?).texts().map_err(lost)?;
    let mut found = Vec::new();
    for name in names {
        let node = format!("{path}/{name}");
        match checked(session.call(DATA, &node).map_err(lost)?, server, &node) {
            Ok(answer) => found.push(Node { name, data: Answer(&answer).bytes().map_err(lost)?.to_vec() }),
            Err(e) if e.kind() == error::Kind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    // The session would end by itself, too.
    let _ = session.send(CLOSE, &[]);
    Ok(found)
}

/// The body of an answer, or what its error means.
fn checked((code, body): (i32, Vec<u8>), server: &Server, path: &str) -> Result<Vec<u8>> {
    match code {
        0 => Ok(body),
        NO_NODE => Err(error::not_found(format!("{server} has no {path}"))
            .hint("check the namespace that the servers register in, and that one of them runs")),
        NO_AUTH => Err(error::refused(format!("{server} does not let everybody read {path}"))
            .hint("name the servers themselves in place of the zookeeper")),
        other => Err(error::refused(format!("{server} declined to read {path}: error {other}"))),
    }
}

struct Session {
    stream: std::net::TcpStream,
    next: i32,
}

impl Session {
    fn open(&mut self) -> io::Result<()> {
        let mut request = Vec::new();
        request.extend(0i32.to_be_bytes());
        request.extend(0i64.to_be_bytes());
        request.extend(SESSION.to_be_bytes());
        request.extend(0i64.to_be_bytes());
        request.extend(16i32.to_be_bytes());
        request.extend([0; 16]);
        // Not read-only; servers before 3.4 do not ask.
        request.push(0);
        self.write(&request)?;
        self.read().map(drop)
    }

    fn call(&mut self, kind: i32, path: &str) -> io::Result<(i32, Vec<u8>)> {
        let mut body = Vec::new();
        // Paths are far below 2 GiB.
        body.extend((path.len() as i32).to_be_bytes());
        body.extend(path.as_bytes());
        // No watch.
        body.push(0);
        self.send(kind, &body)?;
        let answer = self.read()?;
        // The number of the call, of the last change, and of an error.
        let (head, rest) = answer.split_at_checked(16).ok_or(io::ErrorKind::InvalidData)?;
        let code = i32::from_be_bytes([head[12], head[13], head[14], head[15]]);
        Ok((code, rest.to_vec()))
    }

    fn send(&mut self, kind: i32, body: &[u8]) -> io::Result<()> {
        let mut request = Vec::new();
        request.extend(self.next.to_be_bytes());
        request.extend(kind.to_be_bytes());
        request.extend(body);
        self.next += 1;
        self.write(&request)
    }

    fn write(&mut self, request: &[u8]) -> io::Result<()> {
        let length = (request.len() as i32).to_be_bytes();
        self.stream.write_all(&[&length[..], request].concat())
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// What an answer holds.
struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    fn number(&mut self) -> io::Result<usize> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
        self.0 = rest;
        // A length of -1 stands for nothing.
        Ok(usize::try_from(i32::from_be_bytes(*number)).unwrap_or(0))
    }

    fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn texts(&mut self) -> io::Result<Vec<String>> {
        (0..self.number()?).map(|_| Ok(String::from_utf8_lossy(self.bytes()?).into_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_a_zookeeper_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 64]);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let error = nodes(std::slice::from_ref(&address), "/hiveserver2", Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.to_string(), format!("{address} does not answer as a zookeeper"));
    }

    #[test]
    fn a_server_that_ends_the_connection_is_said_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 64]);
        });
        let error = nodes(std::slice::from_ref(&address), "/hiveserver2", Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.to_string(), format!("a zookeeper at {address} ended the connection before it had answered"));
        assert!(error.remedy().unwrap().contains("TLS"), "{error:?}");
    }
}
