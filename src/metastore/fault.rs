//! The exceptions a metastore declares, and calls that got no answer, as our errors: one table for all methods.

use super::hive_metastore::{
    AlreadyExistsException, InvalidObjectException, InvalidOperationException, MetaException, NoSuchObjectException,
};
use crate::error::{Error, Kind};
use crate::net::Server;
use crate::net::thrift::why;
use crate::policy;

/// The condition that a declared exception stands for, and the server's words.
fn declared<'a>(exception: &'a (dyn std::error::Error + 'static)) -> Option<(Kind, &'a str)> {
    macro_rules! kinds {
        ($($exception:ty => $kind:ident,)*) => {
            $(if let Some(e) = exception.downcast_ref::<$exception>() {
                return Some((Kind::$kind, e.message.as_deref().unwrap_or_default()));
            })*
        };
    }
    kinds! {
        AlreadyExistsException => Exists,
        NoSuchObjectException => NotFound,
        InvalidObjectException => Schema,
        InvalidOperationException => Refused,
        MetaException => Refused,
    }
    None
}

/// The words of an exception that the metastore declares.
pub(super) fn words(error: &thrift::Error) -> Option<&str> {
    match error {
        thrift::Error::User(exception) => declared(exception.as_ref()).map(|(_, words)| words),
        _ => None,
    }
}

/// A failed call: what was attempted, on which server.
pub(super) fn of_call(what: &str, server: &Server, error: thrift::Error) -> Error {
    let address = &server.address;
    match error {
        thrift::Error::User(exception) => match declared(exception.as_ref()) {
            Some((kind, message)) => {
                if let Some(denial) = policy::denial(message) {
                    return denial.into_error(what);
                }
                // The metastore passes on what the filesystem told it only as the text of a MetaException.
                let passed_on = match kind {
                    Kind::Refused if message.contains("AccessControlException") => Kind::Auth,
                    Kind::Refused if message.contains("QuotaExceededException") => Kind::Full,
                    kind => kind,
                };
                Error::new(passed_on, what).source(cut(message.to_owned()))
            }
            None => Error::new(Kind::Refused, format!("{what}: {server}")).source(exception.to_string()),
        },
        thrift::Error::Application(e) => Error::new(Kind::Refused, format!("{what}: {server}")).source(e.message),
        thrift::Error::Transport(e) => {
            let failed = Error::new(Kind::Unreachable, format!("{what}: {server} does not answer"));
            failed.source(why(&e)).hint("check that the metastore runs there and that its address is right")
        }
        thrift::Error::Protocol(_) => {
            Error::new(Kind::Unreachable, format!("{what}: {address} does not answer as {}", server.what)).hint(NOT_ONE)
        }
    }
}

/// What to look at where something else answers.
const NOT_ONE: &str = "check host and port, and whether the metastore wants Kerberos (auth, principal) or TLS (tls)";

/// A failure inside a metastore comes with the whole SQL statement that failed.
fn cut(mut message: String) -> String {
    const LONGEST_CHARS: usize = 300;
    if let Some((end, _)) = message.char_indices().nth(LONGEST_CHARS) {
        message.truncate(end);
        message.push_str("...");
    }
    message
}
