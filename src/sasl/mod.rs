//! SASL as state machines without I/O: bytes from the server go in, bytes for the server come out.
//!
//! [`Mechanism`] is what a client proves itself with; [`Handshake`] is the envelope that Thrift servers (HiveServer2,
//! the metastore, HBase's gateway) put around it. Only PLAIN is known; a mechanism that also wraps messages will add
//! that to [`Mechanism`] and nowhere else.

mod handshake;

pub(crate) use handshake::{Handshake, Header, Step};

use crate::error::{self, Result};
use crate::secret::Secret;

/// What a client proves itself with.
#[derive(Clone, Debug)]
pub(crate) enum Mechanism {
    /// RFC 4616: user and password in the clear. Servers without authentication take any password but not an empty one.
    Plain {
        /// The user to act as.
        user: String,
        /// The password sent along.
        password: Secret,
    },
}

impl Mechanism {
    /// The registered name, as sent in the first message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
        }
    }

    /// The response to a challenge; the first call has an empty one.
    ///
    /// # Errors
    /// Auth: a user or password holding the NUL that PLAIN separates them by.
    fn respond(&mut self, _challenge: &[u8]) -> Result<Response> {
        match self {
            Self::Plain { user, password } => {
                if user.contains('\0') || password.expose().contains('\0') {
                    return Err(error::auth("user and password must not hold a NUL byte"));
                }
                let bytes = format!("\0{user}\0{}", password.expose()).into_bytes();
                Ok(Response { bytes, complete: true })
            }
        }
    }
}

/// What a mechanism answers, and whether it is done from its side.
struct Response {
    bytes: Vec<u8>,
    complete: bool,
}
