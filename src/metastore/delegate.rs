//! Calls in the name of another user: a metastore takes nobody's word for it in a login, but gives whoever may act as
//! others a delegation token of theirs (`hadoop.proxyuser.*` on the metastore).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault;
use super::hive_metastore::TThriftHiveMetastoreSyncClient;
use super::pool::Thrift;
use crate::error::{self, Result};
use crate::kerberos::Token;
use crate::net::login::Login;
use crate::net::thrift::Transport;
use crate::policy;

/// Tokens live for a day where nobody set it otherwise; a new one costs one call.
const LIFE: Duration = Duration::from_secs(3600);

/// Another user, and the token of theirs that is in use.
#[derive(Debug)]
pub(super) struct Delegate {
    user: String,
    token: Mutex<Option<(Token, Instant)>>,
}

impl Delegate {
    pub(super) fn new(user: String) -> Self {
        Self { user, token: Mutex::default() }
    }

    /// The transport with the user's token, which is asked for over a connection by ticket if there is none or it is old.
    pub(super) fn login(&self, by_ticket: &Transport, connect: impl FnOnce() -> Result<Thrift>) -> Result<Transport> {
        let protection = match &by_ticket.login {
            Login::Kerberos { protection, .. } => protection.clone(),
            _ => Vec::new(),
        };
        // A token is whole after every panic.
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(_, since)| since.elapsed() > LIFE) {
            *kept = Some((self.ask(&mut connect()?)?, Instant::now()));
        }
        let token = kept.as_ref().map(|(token, _)| token.clone());
        let token = token.ok_or_else(|| error::bug("a token that was just got is gone"))?;
        Ok(Transport { login: Login::Token { token, protection }, ..by_ticket.clone() })
    }

    fn ask(&self, thrift: &mut Thrift) -> Result<Token> {
        let text = thrift.get_delegation_token(self.user.clone(), self.user.clone()).map_err(|e| {
            let what = format!("the metastore gives no delegation token of {}", self.user);
            match fault::words(&e).and_then(policy::denial) {
                Some(denial) => denial.into_error(&what),
                None => error::auth(what).source(e).hint(
                    "let the metastore allow it: hadoop.proxyuser.NAME.hosts and .groups, where NAME is who logs in",
                ),
            }
        })?;
        Token::of_url(&text).map_err(|e| e.context("the metastore's delegation token"))
    }
}
