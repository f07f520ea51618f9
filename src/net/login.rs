//! What a server is shown so that it lets us in.

use std::fmt;

use super::Server;
use super::sasl::{Mechanism, Protection};
use crate::error::{Error, Result};
use crate::kerberos::gssapi::{self, Context};
use crate::kerberos::{Credentials, Token, server_principal};
use crate::secret::Secret;

/// What to do where a token is not taken.
pub(super) const OLD_TOKEN: &str = "it may have expired or been cancelled: get a new one";

/// What a server is shown.
#[derive(Clone, Default)]
pub(crate) enum Login {
    /// Nothing.
    #[default]
    Nothing,
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A Kerberos ticket.
    Kerberos {
        /// Whose.
        credentials: Credentials,
        /// The principal of the server, in which `_HOST` stands for its host; or its service alone, such as `HTTP`.
        server: String,
        /// Levels of protection that will do, best first; empty takes the best that the server offers.
        protection: Vec<Protection>,
    },
    /// A delegation token.
    Token {
        /// The token.
        token: Token,
        /// As for Kerberos.
        protection: Vec<Protection>,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Login {
    /// What it is, in a word.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Password { .. } => "user and password",
            Self::Kerberos { .. } => "a kerberos ticket",
            Self::Token { .. } => "a delegation token",
        }
    }

    /// What SASL makes of it for one connection; `None` where there is no SASL. Blocks where a KDC is asked.
    ///
    /// # Errors
    /// Those of the ticket. Config: not the principal of a server.
    pub(crate) fn mechanism(&self, server: &Server) -> Result<Option<Mechanism>> {
        Ok(match self {
            Self::Nothing => None,
            Self::Password { user, password } => {
                Some(Mechanism::Plain { user: user.clone(), password: password.clone() })
            }
            Self::Kerberos { credentials, server: principal, protection } => {
                let context = context(credentials, principal, server, gssapi::Mechanism::Krb5)?;
                Some(Mechanism::kerberos(context, protection.clone()))
            }
            Self::Token { token, protection } => Some(Mechanism::token(token, protection.clone())),
        })
    }
}

/// Begins a conversation with a server.
///
/// # Errors
/// Those of the ticket. Config: not the principal of a server.
pub(super) fn context(
    credentials: &Credentials,
    principal: &str,
    server: &Server,
    mechanism: gssapi::Mechanism,
) -> Result<Context> {
    let target = match principal.contains('/') {
        true => server_principal(principal, server.host())?,
        // A service alone: its realm is the business of the Kerberos configuration.
        false => format!("{principal}@{}", server.host().to_lowercase()),
    };
    let named = |e: Error| e.context(format!("cannot log in to {server} as {target}"));
    credentials.context(&target, mechanism).map_err(named)
}
