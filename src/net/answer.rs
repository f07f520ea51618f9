//! What a server's first bytes tell of it, where it does not answer as what was expected: which protocol it speaks, and
//! what has to be set here so that it is spoken to as it wants. Nobody gets to read the words of a library for it.

use super::Server;
use crate::error::{self, Error};

/// As many of the first bytes are looked at.
pub(super) const FIRST_BYTES: usize = 256;
/// The longest message of a SASL negotiation; whoever announces more does not negotiate.
const LONGEST_SASL: u32 = 1 << 20;

/// The first bytes of a server that negotiates by SASL.
pub(super) const SASL: [u8; 5] = [3, 0, 0, 0, 0];

/// Where it is said how a kind of server is spoken to, for the remedies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// For a server that wants a ticket.
    pub kerberos: &'static str,
    /// For a server that wants a login of some kind.
    pub login: &'static str,
    /// What a server wants that negotiates by SASL.
    pub sasl: &'static str,
    /// For a server that wants none, or another one than by ticket.
    pub no_kerberos: &'static str,
    /// For a server inside TLS.
    pub tls: &'static str,
    /// For a server that speaks HTTP.
    pub http: &'static str,
    /// For a server that does not.
    pub no_http: &'static str,
    /// For a server with frames or the compact protocol.
    pub protocol: &'static str,
}

/// What is said of a server of which nothing is known.
pub(super) const SOMEHOW: Said = Said {
    kerberos: "log in to it by Kerberos",
    login: "log in to it",
    sasl: "a login",
    no_kerberos: "log in to it in another way",
    tls: "speak TLS to it",
    http: "speak HTTP to it",
    no_http: "it may be the port of another service",
    protocol: "speak its protocol",
};

/// What speaks like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// It ended the connection without a word.
    Nothing,
    Tls,
    Http,
    /// A page where calls were answered.
    Page,
    /// Thrift behind a login by SASL.
    Sasl,
    /// Thrift in frames, or compact.
    Protocol(&'static str),
    /// A server that greets first, by its name.
    Greeter(&'static str),
    Unknown,
}

/// What speaks, by its first bytes.
pub(super) fn speech(first: &[u8]) -> Speech {
    match first {
        [] => Speech::Nothing,
        // An alert, and the version of the protocol.
        [0x15, 0x03, ..] => Speech::Tls,
        [b'H', b'T', b'T', b'P', ..] => Speech::Http,
        [b'<', ..] => Speech::Page,
        [b'S', b'S', b'H', b'-', ..] => Speech::Greeter("an ssh server"),
        // A greeting of MySQL, which begins alike, is longer than these.
        [1..=5, length @ ..] if is_sasl(length) => Speech::Sasl,
        // Length, number and version of a greeting, or an error before it.
        [_, _, 0, 0, 10 | 0xff, ..] => Speech::Greeter("a mysql server"),
        [0, _, _, _, 0x80 | 0x82, ..] => Speech::Protocol("in frames"),
        [0x82, ..] => Speech::Protocol("in the compact protocol"),
        [0x80, 0x01, ..] => Speech::Protocol("in the binary protocol"),
        _ => Speech::Unknown,
    }
}

fn is_sasl(length: &[u8]) -> bool {
    length.first_chunk().is_some_and(|bytes| u32::from_be_bytes(*bytes) <= LONGEST_SASL)
}

/// The error of a server that answers in another way than what was expected; `first` is what it said first.
pub(super) fn unexpected(server: &Server, first: &[u8]) -> Error {
    let &Said { login, sasl, tls, http, protocol, .. } = server.said;
    let not = format!("{} does not answer as {}", server.address, server.what);
    let port = "or check host and port";
    match speech(first) {
        Speech::Nothing => error::unreachable(format!("{not}: it ended the connection without a word"))
            .hint(format!("check host and port; if they are right: {login}; {tls}; {protocol}")),
        Speech::Tls => error::refused(format!("{not}: it speaks TLS, and was spoken to without it")).hint(tls),
        Speech::Http => error::refused(format!("{not}: it speaks HTTP")).hint(format!("{http}, {port}")),
        Speech::Page => error::refused(format!("{not}: a web page answers"))
            .hint(format!("check host, port and the path of the url; {login}")),
        Speech::Sasl => error::auth(format!("{not}: it wants {sasl}, and was shown nothing")).hint(login),
        Speech::Protocol(how) => error::refused(format!("{not}: it answers {how}")).hint(format!("{protocol}, {port}")),
        Speech::Greeter(who) => error::refused(format!("{not}: {who} answers there")).hint("check host and port"),
        Speech::Unknown => error::refused(format!("{not}: it speaks another protocol"))
            .hint(format!("check host and port; if they are right: {login}; {tls}; {http}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_known_by_its_first_bytes() {
        for (first, spoken) in [
            (&b""[..], Speech::Nothing),
            (b"\x15\x03\x03\0\x02\x02\x50", Speech::Tls),
            (b"HTTP/1.1 400 Bad Request\r\n", Speech::Http),
            (b"<html>", Speech::Page),
            (b"\x04\0\0\0\x13Invalid status -128", Speech::Sasl),
            (b"\x03\x80\0\0\0", Speech::Unknown),
            (b"\0\0\0\x2a\x80\x01\0\x02", Speech::Protocol("in frames")),
            (b"\x82\x41\0", Speech::Protocol("in the compact protocol")),
            (b"\x5b\0\0\0\x0a5.5.5-10.11", Speech::Greeter("a mysql server")),
            (b"\x03\0\0\0\x0aBad status", Speech::Sasl),
            (b"SSH-2.0-OpenSSH", Speech::Greeter("an ssh server")),
            (b"\0\0\0\0\0\0", Speech::Unknown),
        ] {
            assert_eq!(speech(first), spoken, "{first:?}");
        }
    }
}
