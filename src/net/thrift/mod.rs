//! Thrift over a connection of ours, for the metastore, HiveServer2 and HBase's gateways: one stream type below all
//! generated clients, and what its errors mean. The generated code blocks.
//!
//! [`Transport`] says how a server is spoken to: TLS, a login by SASL and the sealing that it agrees on, frames, HTTP.

mod frames;
mod http;
mod streams;

use std::fmt;
use std::io::{BufReader, BufWriter, ErrorKind};

use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol, TInputProtocol,
    TOutputProtocol,
};
use thrift::{TransportError, TransportErrorKind};

use self::frames::{FrameReader, FrameWriter, Sealing};
pub(crate) use self::streams::Link;
use self::streams::{Reading, Stream, Writing};
use super::answer::{Speech, speech, unexpected};
use super::login::Login;
use super::sasl::{Handshake, Header, Layer, Mechanism, Step};
use super::tls::{Tls, cause, explained};
use super::{ENDED, Server, is_timeout as is_late};
use crate::error::{self, Error, Result};

const BUFFER_BYTES: usize = 64 * 1024;

/// What generated clients read answers from.
pub(crate) type Input = Box<dyn TInputProtocol + Send>;
/// What generated clients write calls to.
pub(crate) type Output = Box<dyn TOutputProtocol + Send>;

/// How a server is spoken to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport {
    /// Inside TLS.
    pub tls: Option<Tls>,
    /// What it is shown.
    pub login: Login,
    /// Calls are the bodies of HTTP requests.
    pub http: Option<HttpPath>,
    /// Calls have their length before them; after a SASL login they always do.
    pub framed: bool,
    /// The compact protocol instead of the binary one.
    pub compact: bool,
}

impl fmt::Display for Transport {
    /// The way in words, for whoever wonders why it fails.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("thrift")?;
        if let Some(HttpPath { path, .. }) = &self.http {
            write!(f, " over http at /{}", path.trim_start_matches('/'))?;
        }
        for (said, words) in
            [(self.framed, " in frames"), (self.compact, ", compact"), (self.tls.is_some(), " inside TLS")]
        {
            f.write_str(if said { words } else { "" })?;
        }
        match &self.login {
            Login::Nothing => f.write_str(", without a login"),
            login => write!(f, ", by {}", login.as_str()),
        }
    }
}

/// Where calls go over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpPath {
    /// Path of the URL.
    pub path: String,
    /// Headers beside those of the login, by name.
    pub headers: Vec<(String, String)>,
}

/// Both directions of an open connection, and what stays beside them.
pub(crate) struct Wire {
    read: Reading,
    write: Writing,
    link: Link,
    compact: bool,
}

impl Wire {
    /// Connects and logs in. Blocks; the server's limit holds for all of it, until another one is set.
    ///
    /// # Errors
    /// Unreachable: no connection, or no answer. Auth: not let in, or a certificate that is not good. Those of the ticket.
    pub(crate) fn open(server: &Server, transport: &Transport) -> Result<Self> {
        let compact = transport.compact;
        if let Some(path) = &transport.http {
            let (read, write, link) = http::open(server, transport, path)?;
            return Ok(Self { read: link.noting(read, None), write, link, compact });
        }
        let mechanism = transport.login.mechanism(server)?;
        let mut stream = Stream::connect(server, transport.tls.as_ref())?;
        let layer = mechanism.map(|mechanism| negotiate(&mut stream, mechanism, server)).transpose()?;
        let (read, write, link) = stream.split(server)?;
        // After a login by SASL the server is known to be what it was taken for.
        let asked = || Some((server.clone(), transport.tls.clone()));
        let read = if layer.is_none() { link.noting(read, asked()) } else { read };
        let (read, write) =
            (BufReader::with_capacity(BUFFER_BYTES, read), BufWriter::with_capacity(BUFFER_BYTES, write));
        let sealing = match layer {
            None if !transport.framed => {
                return Ok(Self { read: Box::new(read), write: Box::new(write), link, compact });
            }
            layer => Sealing::new(layer.unwrap_or(Layer::None)),
        };
        let read = Box::new(FrameReader::new(read, sealing.clone()));
        Ok(Self { read, write: Box::new(FrameWriter::new(write, sealing)), link, compact })
    }

    /// The two protocols that a generated client is made of, and what stays beside them.
    pub(crate) fn into_protocols(self) -> (Input, Output, Link) {
        let Self { read, write, link, compact } = self;
        match compact {
            true => (Box::new(TCompactInputProtocol::new(read)), Box::new(TCompactOutputProtocol::new(write)), link),
            false => {
                let output = TBinaryOutputProtocol::new(write, true);
                (Box::new(TBinaryInputProtocol::new(read, true)), Box::new(output), link)
            }
        }
    }
}

/// Logs in by SASL.
fn negotiate(
    stream: &mut (impl std::io::Read + std::io::Write),
    mechanism: Mechanism,
    server: &Server,
) -> Result<Layer> {
    let context = |e: Error| e.context(format!("cannot log in to {server}"));
    let name = mechanism.name();
    let broken = |e: std::io::Error| match cause(&e) {
        Some(tls) => explained(server, tls),
        // One that waits for a call takes the login for its beginning, and waits on.
        None if is_late(&e) => {
            let silent = server.silent();
            let hint = format!("{}; {}", silent.remedy().unwrap_or_default(), server.said.no_kerberos);
            silent.hint(hint)
        }
        None => server.unreachable(e).hint(format!(
            "it ended the connection during the login by {name}: check the port; if it is right: {}; {}; {}",
            server.said.tls, server.said.http, server.said.no_kerberos
        )),
    };
    let mut handshake = Handshake::new(mechanism, server.said);
    let mut to_send = handshake.start().map_err(context)?;
    loop {
        stream.write_all(&to_send).map_err(broken)?;
        stream.flush().map_err(broken)?;
        let mut header = [0; Header::BYTES];
        stream.read_exact(&mut header).map_err(broken)?;
        let header = match speech(&header) {
            Speech::Sasl => Header::parse(header).map_err(context)?,
            _ => return Err(unexpected(server, &header)),
        };
        let mut payload = vec![0; header.payload_bytes];
        stream.read_exact(&mut payload).map_err(broken)?;
        to_send = match handshake.receive(header, &payload).map_err(context)? {
            Step::Send(bytes) => bytes,
            Step::Wait => Vec::new(),
            Step::Done => return Ok(handshake.into_layer()),
        };
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

/// Why a connection no longer carries a call, in words of ours.
pub(crate) fn why(error: &TransportError) -> String {
    let ended = error.kind == TransportErrorKind::EndOfFile
        || ["fill whole buffer", "end of file", "early eof"].iter().any(|words| error.message.contains(words));
    match () {
        () if is_timeout(error) => "no answer in time".to_owned(),
        () if ended => ENDED.to_owned(),
        () => error.message.clone(),
    }
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
    use std::io::{self, Read, Write};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::error::Kind;
    use crate::net::tests::{assert_silent, closed_port, silent_port};
    use crate::secret::Secret;

    fn server(address: &str) -> Server {
        Server::new("hiveserver2", address, Duration::from_secs(1))
    }

    fn ann() -> Login {
        Login::Password { user: "ann".into(), password: Secret::new("pw") }
    }

    #[test]
    fn nobody_listening_is_unreachable_and_names_the_endpoint() {
        let free = closed_port();
        let error = Wire::open(&server(&free), &Transport::default()).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().starts_with(&format!("cannot reach hiveserver2 at {free}: ")), "{error}");
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let transport = Transport { login: ann(), ..Transport::default() };
        let began = Instant::now();
        let error = Wire::open(&server(&address), &transport).map(drop).unwrap_err();
        assert_silent(&error, &address, "hiveserver2", began);
    }

    #[test]
    fn a_declined_login_is_an_auth_error_that_names_the_endpoint() {
        let mut wire = Duplex { input: b"\x03\0\0\0\x03no!".as_slice(), output: Vec::new() };
        let server = server("hive:10000");
        let mechanism = ann().mechanism(&server).unwrap().unwrap();
        let error = negotiate(&mut wire, mechanism, &server).unwrap_err();
        assert_eq!(error.kind(), Kind::Auth);
        assert!(error.to_string().starts_with("cannot log in to hiveserver2 at hive:10000"), "{error}");
    }

    /// What the first call says of a server that answers each connection with these bytes, and then ends it or waits.
    fn first_failure(answers: &'static [&'static [u8]], waits: bool) -> Error {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serve = std::thread::spawn(move || {
            let answer = |bytes: &&[u8]| {
                let mut stream = listener.accept().unwrap().0;
                let _ = stream.read(&mut [0; 64]);
                stream.write_all(bytes).unwrap();
                stream
            };
            let mut open = Vec::new();
            for bytes in answers {
                open.push(answer(bytes));
                if !waits {
                    open.clear();
                }
            }
            open
        });
        let server = server(&address);
        let (mut input, mut output, link) = Wire::open(&server, &Transport::default()).unwrap().into_protocols();
        output.write_i32(1).unwrap();
        output.flush().unwrap();
        let error = link.first_failure(&server, input.read_message_begin().unwrap_err());
        drop(serve.join());
        error
    }

    #[test]
    fn a_server_that_waits_for_a_login_is_told_from_others() {
        for waits in [false, true] {
            let error = first_failure(&[b"", b"\x03\0\0\0\x0bUnsupported"], waits);
            assert_eq!(error.kind(), Kind::Auth);
            assert!(error.to_string().contains("it wants a login, and was shown nothing"), "{error}");
        }
        let error = first_failure(&[b"", b""], false);
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().ends_with("it ended the connection without a word"), "{error}");
        let error = first_failure(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], false);
        assert!(error.to_string().ends_with("does not answer as hiveserver2: it speaks HTTP"), "{error}");
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

    #[test]
    fn a_timeout_is_told_from_a_closed_connection() {
        for late in [std::io::Error::from_raw_os_error(11), ErrorKind::WouldBlock.into(), ErrorKind::TimedOut.into()] {
            let late = thrift::Error::from(late);
            assert!(matches!(&late, thrift::Error::Transport(e) if is_timeout(e)), "{late}");
            assert!(!is_lost_connection(&late) && spoils_connection(&late));
        }
        let ended = thrift::Error::from(std::io::Error::from(ErrorKind::UnexpectedEof));
        assert!(matches!(&ended, thrift::Error::Transport(e) if why(e) == ENDED), "{ended}");
        for lost in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe] {
            assert!(is_lost_connection(&std::io::Error::from(lost).into()), "{lost:?}");
        }
    }
}
