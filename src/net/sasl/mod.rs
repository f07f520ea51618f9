//! SASL as state machines without I/O: bytes from the server go in, bytes for the server come out.
//!
//! [`Mechanism`] is what a client proves itself with; [`Handshake`] is the envelope that Thrift servers (HiveServer2,
//! the metastore, HBase's gateways) put around it; [`Layer`] is what both sides agreed to do with every message
//! afterwards.

mod digest;
mod gssapi;
mod handshake;
mod layer;
mod scram;

use self::digest::{Digest, uri};
use self::gssapi::Gssapi;
pub(crate) use self::handshake::{Handshake, Header, Step, start_of_sasl};
pub(crate) use self::layer::{Layer, Protection};
pub(crate) use self::scram::Hash;
use self::scram::Scram;
use super::login::OLD_TOKEN;
use crate::error::{self, Result};
use crate::kerberos::gssapi::Context;
use crate::kerberos::{HDFS_TOKEN, Token};
use crate::secret::Secret;

/// What a client proves itself with.
#[derive(Debug)]
pub(crate) enum Mechanism {
    /// RFC 4616: user and password in the clear. Servers without authentication take any password but not an empty one.
    Plain {
        /// The user to act as.
        user: String,
        /// The password sent along.
        password: Secret,
    },
    /// RFC 4752: a Kerberos ticket.
    Gssapi(Gssapi),
    /// RFC 2831: a delegation token.
    Digest(Digest),
    /// RFC 5802: user and password, of which neither travels.
    Scram(Box<Scram>),
}

impl Mechanism {
    /// A ticket, in a conversation that was begun with the server's principal, and the levels of protection that are
    /// wanted, best first; empty takes the best that the server offers.
    pub(crate) fn kerberos(context: Context, wanted: Vec<Protection>) -> Self {
        Self::Gssapi(Gssapi::new(context, wanted))
    }

    /// A delegation token, and the levels of protection as for [`kerberos`](Self::kerberos).
    pub(crate) fn token(token: &Token, wanted: Vec<Protection>) -> Self {
        let (user, password) = token.login();
        // The servers take it for whatever protocol they were registered with.
        let uri = if token.kind == HDFS_TOKEN { uri::NAMENODE } else { uri::HIVE };
        Self::Digest(Digest::new(user, password, uri, wanted))
    }

    /// The token of a block, for a DataNode; with the levels of protection as for [`kerberos`](Self::kerberos).
    pub(crate) fn block(user: String, password: Secret, wanted: Vec<Protection>) -> Self {
        Self::Digest(Digest::new(user, password, uri::DATANODE, wanted))
    }

    /// User and password by SCRAM.
    ///
    /// # Errors
    /// Bug: the system has no random bytes.
    pub(crate) fn scram(hash: Hash, user: &str, password: Secret) -> Result<Self> {
        Ok(Self::Scram(Box::new(Scram::new(hash, user, password)?)))
    }

    /// The registered name, as sent in the first message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Gssapi(_) => "GSSAPI",
            Self::Digest(_) => "DIGEST-MD5",
            Self::Scram(scram) => scram.name(),
        }
    }

    /// The response to a challenge; the first call has an empty one. Blocks where a KDC is asked.
    ///
    /// # Errors
    /// Auth: a user or password holding the NUL that PLAIN separates them by; no ticket; a server that cannot prove
    /// itself. Refused: a challenge that is not one, or a level of protection that is not offered.
    pub(crate) fn respond(&mut self, challenge: &[u8]) -> Result<Response> {
        match self {
            Self::Plain { user, password } => {
                if user.contains('\0') || password.expose().contains('\0') {
                    return Err(error::auth("user and password must not hold a NUL byte"));
                }
                let bytes = format!("\0{user}\0{}", password.expose()).into_bytes();
                Ok(Response { bytes, complete: true })
            }
            Self::Gssapi(gssapi) => gssapi.respond(challenge),
            Self::Digest(digest) => digest.respond(challenge),
            Self::Scram(scram) => scram.respond(challenge),
        }
    }

    /// What happens with every message from here on.
    pub(crate) fn into_layer(self) -> Layer {
        match self {
            Self::Plain { .. } | Self::Scram(_) => Layer::None,
            Self::Gssapi(gssapi) => gssapi.into_layer(),
            Self::Digest(digest) => digest.into_layer(),
        }
    }

    /// What the server did not accept, for its refusal.
    pub(crate) fn proof(&self) -> (&'static str, &'static str) {
        match self {
            Self::Plain { .. } | Self::Scram(_) => {
                ("user and password", "check the user name and where the password is read from")
            }
            Self::Gssapi(_) => (
                "the kerberos ticket",
                "check the principal of the server, the clocks of both hosts, and the server's own log",
            ),
            Self::Digest(_) => ("the delegation token", OLD_TOKEN),
        }
    }
}

/// What a mechanism answers, and whether it is done from its side.
pub(crate) struct Response {
    /// For the server.
    pub bytes: Vec<u8>,
    pub complete: bool,
}
