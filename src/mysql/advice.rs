//! What the server's and the driver's errors mean for the reader: a kind, and one line on what to do about it.
//!
//! Source: MySQL 8.4 "Server Error Message Reference"; the numbers are the same in MariaDB 10 and 11.

use mysql_async::Error as DriverError;

use super::wire::Fault;
use crate::error::{self, Error, Kind};

/// Server error number, the condition behind it, and the remedy.
const SERVER_ERRORS: [(u16, Kind, &str); 21] = [
    (1040, Kind::Busy, "the server has no connection left: use fewer with num-mappers, or raise max_connections"),
    (1044, Kind::Auth, "grant this user the right to read the database"),
    (1045, Kind::Auth, "check user and password"),
    (1049, Kind::NotFound, "check the database in the url"),
    (1054, Kind::NotFound, "check the column names in columns, where and split-by"),
    (1064, Kind::Config, "check the text of where"),
    (1129, Kind::Refused, "the server has blocked this host after failed attempts: run mariadb-admin flush-hosts"),
    (1130, Kind::Auth, "the server lets nobody in from this host: grant the user for it"),
    (1142, Kind::Auth, "grant this user SELECT on the table"),
    (1143, Kind::Auth, "grant this user SELECT on the column, or leave it out with columns"),
    (1146, Kind::NotFound, "check the table's name and the database"),
    (1203, Kind::Busy, "this user has no connection left: use fewer with num-mappers"),
    (1205, Kind::Busy, "somebody holds a lock on the table: try again later"),
    (1213, Kind::Busy, "try again"),
    (1226, Kind::Busy, "this user's quota is used up: use fewer connections with num-mappers, or raise the quota"),
    (1227, Kind::Auth, "grant this user the right that the message names"),
    (1251, Kind::Auth, "the account's authentication plugin is not known here: use caching_sha2_password"),
    (1412, Kind::Busy, "the table's definition was changed during the import: run again"),
    (1698, Kind::Auth, "this account logs in by socket only: use one with a password"),
    (1820, Kind::Auth, "the account's password has expired: set a new one"),
    (1969, Kind::Refused, "the server limits how long a statement may run: raise max_statement_time for this user"),
];

/// Turns a fault of a reading connection into ours. `act` names the object and the attempted act; `address` is host and
/// port.
pub(super) fn explain(fault: Fault, act: &str, address: &str) -> Error {
    match fault {
        Fault::Server { code, message, .. } => server_error(code, &message, act),
        Fault::Io(e) => broken(act, address).source(e),
        Fault::Plugin(name) => unknown_plugin(&name, act),
        Fault::Tls(why) => Error::new(Kind::Auth, format!("{act}: no encrypted connection to {address}: {why}"))
            .hint("check ssl-mode, ssl-ca, ssl-cert and ssl-key against what the server is set up with"),
        Fault::Protocol(what) => Error::new(Kind::Refused, format!("{act}: mysql server {address}: {what}")),
        Fault::Ours(error) => error.context(act),
    }
}

/// A server's error in our words. `act` names the object and the attempted act.
pub(super) fn server_error(code: u16, message: &str, act: &str) -> Error {
    let known = SERVER_ERRORS.iter().find(|(known, ..)| *known == code);
    let (kind, hint) = known.map_or((Kind::Refused, None), |(_, kind, hint)| (*kind, Some(*hint)));
    let ours = Error::new(kind, format!("{act}: {message} (error {code})"));
    match hint {
        Some(hint) => ours.hint(hint),
        None => ours,
    }
}

fn broken(act: &str, address: &str) -> Error {
    error::unreachable(format!("{act}: connection to mysql server {address}"))
        .hint("check host and port, and that the server runs and stays up")
}

fn unknown_plugin(name: &str, act: &str) -> Error {
    error::auth(format!("{act}: authentication plugin {name} is not known"))
        .hint("use an account with caching_sha2_password, mysql_native_password or ed25519")
}

/// Turns a driver error into ours. `act` names the object and the attempted act; `address` is host and port.
pub fn advise(error: DriverError, act: &str, address: &str) -> Error {
    match &error {
        DriverError::Server(server) => server_error(server.code, &server.message, act),
        DriverError::Io(_) => broken(act, address).source(error),
        DriverError::Driver(mysql_async::DriverError::UnknownAuthPlugin { name }) => unknown_plugin(name, act),
        DriverError::Driver(mysql_async::DriverError::ConnectionClosed) => {
            Error::new(Kind::Unreachable, format!("{act}: mysql server {address} closed the connection"))
                .hint("see the server's log; run again")
        }
        _ => Error::new(Kind::Refused, act.to_owned()).source(error),
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    #[test]
    fn server_errors_become_conditions() {
        let of = |code| {
            let server = ServerError { code, message: "No".into(), state: "HY000".into() };
            advise(DriverError::Server(server), "read shop.orders", "localhost:3306")
        };
        assert_eq!(of(1146).kind(), Kind::NotFound);
        assert_eq!(of(1040).exit_code(), 75);
        assert_eq!(of(1142).kind(), Kind::Auth);
        assert_eq!(of(9999).kind(), Kind::Refused);
        assert_eq!(of(1146).to_string(), "read shop.orders: No (error 1146)");
    }

    #[test]
    fn numbers_are_sorted_and_single() {
        assert!(SERVER_ERRORS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_broken_connection_names_the_server() {
        let error = DriverError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        let ours = advise(error, "connect", "localhost:3307");
        assert_eq!(ours.kind(), Kind::Unreachable);
        assert!(ours.to_string().contains("localhost:3307"), "{ours}");
    }
}
