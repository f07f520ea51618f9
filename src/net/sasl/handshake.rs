//! Thrift's SASL envelope: a status byte, a four-byte length, a payload, until one side says COMPLETE.
//!
//! Knows nothing of sockets: the caller writes what [`Handshake::start`] and [`Step::Send`] hold, reads five bytes for
//! [`Header::parse`], reads the payload it announces and hands both to [`Handshake::receive`]. Payloads above 1 MiB are
//! refused: whoever sends one does not speak this protocol.

use super::{Layer, Mechanism};
use crate::error::{self, Error, Result};
use crate::net::Said;

const START: u8 = 1;
const OK: u8 = 2;
const BAD: u8 = 3;
const ERROR: u8 = 4;
const COMPLETE: u8 = 5;

const MAX_PAYLOAD_BYTES: u32 = 1 << 20;

/// A running negotiation.
#[derive(Debug)]
pub(crate) struct Handshake {
    mechanism: Mechanism,
    said: &'static Said,
    client_done: bool,
}

/// What to do after a message of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send these bytes and read the next message.
    Send(Vec<u8>),
    /// Read the next message; there is nothing to send.
    Wait,
    /// Both sides agree: the connection carries framed calls from here on.
    Done,
}

/// The first five bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    status: u8,
    /// Bytes of payload that follow.
    pub payload_bytes: usize,
}

impl Header {
    /// Length of a header.
    pub(crate) const BYTES: usize = 5;

    /// Reads a header.
    ///
    /// # Errors
    /// Refused: an unknown status or an absurd length, as a server sends that does not expect SASL.
    pub(crate) fn parse(bytes: [u8; Self::BYTES]) -> Result<Self> {
        let [status, length @ ..] = bytes;
        let length = u32::from_be_bytes(length);
        if !(START..=COMPLETE).contains(&status) || length > MAX_PAYLOAD_BYTES {
            return Err(error::refused("the server does not answer in SASL")
                .hint("check the port, and that auth names what the server is set to"));
        }
        Ok(Self { status, payload_bytes: length as usize })
    }
}

/// The beginning of a negotiation by a mechanism that no server has; each declines it at once.
pub(crate) fn start_of_sasl() -> Vec<u8> {
    [message(START, b"SAKIA-ASKS"), message(COMPLETE, &[])].concat()
}

impl Handshake {
    /// Prepares a negotiation.
    pub(crate) fn new(mechanism: Mechanism, said: &'static Said) -> Self {
        Self { mechanism, said, client_done: false }
    }

    /// The first bytes to send: the mechanism's name and its first response.
    ///
    /// # Errors
    /// Auth: the mechanism cannot be started.
    pub(crate) fn start(&mut self) -> Result<Vec<u8>> {
        let mut bytes = message(START, self.mechanism.name().as_bytes());
        bytes.extend(self.respond(&[])?);
        Ok(bytes)
    }

    /// Takes the server's message.
    ///
    /// # Errors
    /// Auth: the server declined. Refused: it broke the protocol.
    pub(crate) fn receive(&mut self, header: Header, payload: &[u8]) -> Result<Step> {
        match header.status {
            COMPLETE if self.client_done => Ok(Step::Done),
            OK if self.client_done => Ok(Step::Wait),
            OK => self.respond(payload).map(Step::Send),
            // The server's own proof may come with its last word.
            COMPLETE => match self.respond(payload)? {
                _ if self.client_done => Ok(Step::Done),
                bytes => Ok(Step::Send(bytes)),
            },
            BAD | ERROR => Err(self.declined(payload)),
            other => Err(error::refused(format!("the server sent SASL status {other} out of turn"))),
        }
    }

    /// What happens with every message once it is [`Step::Done`].
    pub(crate) fn into_layer(self) -> Layer {
        self.mechanism.into_layer()
    }

    fn declined(&self, payload: &[u8]) -> Error {
        let text = String::from_utf8_lossy(payload);
        // Source: libthrift 0.16 `TSaslServerTransport`.
        if text.contains("nsupported mechanism") {
            let (what, remedy) = match &self.mechanism {
                Mechanism::Plain { .. } | Mechanism::Scram(_) => {
                    ("no user and password (PLAIN): it wants Kerberos", self.said.kerberos)
                }
                Mechanism::Gssapi(_) => ("no kerberos ticket (GSSAPI)", self.said.no_kerberos),
                Mechanism::Digest(_) => ("no delegation token (DIGEST-MD5)", self.said.no_kerberos),
            };
            return error::auth(format!("the server takes {what}")).hint(remedy);
        }
        let (proof, hint) = self.mechanism.proof();
        error::auth(format!("the server declined {proof}")).hint(hint).source(text.trim().to_owned())
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>> {
        let response = self.mechanism.respond(challenge)?;
        self.client_done = response.complete;
        Ok(message(if response.complete { COMPLETE } else { OK }, &response.bytes))
    }
}

fn message(status: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(Header::BYTES + payload.len());
    bytes.push(status);
    // Payloads are names and credentials: far below 4 GiB.
    bytes.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::secret::Secret;

    const SAID: Said = Said {
        kerberos: "name the principal",
        login: "log in",
        sasl: "a login",
        no_kerberos: "without a ticket",
        tls: "tls",
        http: "http",
        no_http: "no http",
        protocol: "frames",
    };

    fn plain() -> Handshake {
        Handshake::new(Mechanism::Plain { user: "ann".into(), password: Secret::new("pw") }, &SAID)
    }

    fn header(status: u8, length: u32) -> Result<Header> {
        let l = length.to_be_bytes();
        Header::parse([status, l[0], l[1], l[2], l[3]])
    }

    #[test]
    fn plain_sends_name_and_credentials_at_once_and_is_done_on_complete() {
        let mut handshake = plain();
        assert_eq!(handshake.start().unwrap(), b"\x01\0\0\0\x05PLAIN\x05\0\0\0\x07\0ann\0pw");
        assert_eq!(handshake.receive(header(5, 0).unwrap(), b"").unwrap(), Step::Done);
    }

    #[test]
    fn a_server_that_says_ok_first_is_waited_for() {
        let mut handshake = plain();
        handshake.start().unwrap();
        assert_eq!(handshake.receive(header(2, 0).unwrap(), b"").unwrap(), Step::Wait);
    }

    #[test]
    fn a_refusal_is_an_auth_error_with_the_servers_words_and_without_the_password() {
        let mut handshake = plain();
        handshake.start().unwrap();
        let error = handshake.receive(header(3, 9).unwrap(), b"bad login").unwrap_err();
        assert_eq!(error.kind(), Kind::Auth);
        assert_eq!(error.to_string(), "the server declined user and password: bad login");
    }

    #[test]
    fn a_server_that_wants_a_ticket_is_told_from_one_that_declines_a_password() {
        let mut handshake = plain();
        handshake.start().unwrap();
        let text = b"Unsupported mechanism type PLAIN";
        let error = handshake.receive(header(3, text.len() as u32).unwrap(), text).unwrap_err();
        assert_eq!(error.to_string(), "the server takes no user and password (PLAIN): it wants Kerberos");
        assert_eq!(error.remedy(), Some(SAID.kerberos));
    }

    #[test]
    fn a_server_without_sasl_is_told_apart() {
        assert_eq!(header(0x80, 0x0001_0002).unwrap_err().kind(), Kind::Refused);
        assert_eq!(header(2, MAX_PAYLOAD_BYTES + 1).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn nul_bytes_are_refused() {
        let mechanism = Mechanism::Plain { user: "a\0b".into(), password: Secret::new("pw") };
        let mut handshake = Handshake::new(mechanism, &SAID);
        assert_eq!(handshake.start().unwrap_err().kind(), Kind::Auth);
    }
}
