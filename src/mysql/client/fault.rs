//! What the server's errors and a broken connection mean for the reader: a kind, and one line on what to do about it.
//!
//! Source: MySQL 8.4 "Server Error Message Reference"; the numbers are the same in MariaDB 10 and 11.

use crate::error::{self, Error, Kind};
use crate::mysql::wire::Fault;

/// Server error number, the condition behind it, and the remedy; empty where the server's words say all. A hint names no
/// option: who asked knows which of them were used.
const SERVER_ERRORS: [(u16, Kind, &str); 26] = [
    (1040, Kind::Busy, "the server has no connection left: try again later, or raise max_connections"),
    (1044, Kind::Auth, "grant this user the right to read the database"),
    (1045, Kind::Auth, "check user and password"),
    (1049, Kind::NotFound, "check the database in the url"),
    (1054, Kind::NotFound, ""),
    (1064, Kind::Config, ""),
    (1129, Kind::Refused, "the server has blocked this host after failed attempts: run mariadb-admin flush-hosts"),
    (1130, Kind::Auth, "the server accepts no connections from this host: grant the user for it"),
    (1142, Kind::Auth, "grant this user the right that the message names"),
    (1143, Kind::Auth, "grant this user the right that the message names, or leave the column out with columns"),
    (1146, Kind::NotFound, "check the table's name and the database"),
    (1203, Kind::Busy, "this user has no connection left: end others, or raise max_user_connections"),
    (1205, Kind::Busy, "somebody holds a lock on the table: try again later"),
    (1213, Kind::Busy, "try again"),
    (1226, Kind::Busy, "this user's quota is used up: end other connections, wait, or raise the quota"),
    (1227, Kind::Auth, "grant this user the right that the message names"),
    (1251, Kind::Auth, "the account's authentication plugin is not known here: use caching_sha2_password"),
    (1345, Kind::Auth, "grant this user SHOW VIEW on the view, and SELECT on its tables"),
    (1356, Kind::NotFound, "a table or column of the view is gone, or its definer may not read it: mend the view"),
    (1370, Kind::Auth, "grant this user the right that the message names"),
    (1412, Kind::Busy, "the table's definition was changed meanwhile: run again"),
    (1449, Kind::Auth, "the view or trigger runs as a user that is gone: define it anew"),
    (1698, Kind::Auth, "this account logs in by socket only: use one with a password"),
    (1820, Kind::Auth, "the account's password has expired: set a new one"),
    (1969, Kind::Refused, "somebody limits how long a statement may run: raise max_statement_time for this user"),
    (3024, Kind::Refused, "somebody limits how long a statement may run: raise max_execution_time for this user"),
];

/// A fault in our words. `act` names the object and the attempted act; `address` is host and
/// port.
pub(in crate::mysql) fn explain(fault: Fault, act: &str, address: &str) -> Error {
    match fault {
        Fault::Server { code, message, .. } => server_error(code, &message, act),
        Fault::Io(e) => broken(act, address).source(e),
        Fault::Plugin(name) => unknown_plugin(&name, act),
        Fault::Tls(why, remedy) => {
            Error::new(Kind::Auth, format!("{act}: no encrypted connection to {address}: {why}")).hint(remedy)
        }
        Fault::Protocol(what) => Error::new(Kind::Refused, format!("{act}: mysql server {address}: {what}")),
        Fault::Ours(error) => error.context(act),
    }
}

/// A server's error in our words. `act` names the object and the attempted act.
pub(in crate::mysql) fn server_error(code: u16, message: &str, act: &str) -> Error {
    let known = SERVER_ERRORS.iter().find(|(known, ..)| *known == code);
    let (kind, hint) = known.map_or((Kind::Refused, None), |(_, kind, hint)| (*kind, Some(*hint)));
    let ours = Error::new(kind, format!("{act}: {message} (error {code})"));
    if let Some(grant) = grant(code, message) {
        return ours.hint(grant);
    }
    match hint {
        Some(hint) if !hint.is_empty() => ours.hint(hint),
        _ => ours,
    }
}

/// The GRANT that a denial asks for, made of the server's words. They name the host that we come from, where the account may
/// have a pattern for it.
fn grant(code: u16, message: &str) -> Option<String> {
    let text = message;
    let between = |before: &str, after: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once(after).map(|(found, _)| found)
    };
    let right = || text.split_once(" command denied").map(|(right, _)| right);
    let what = match code {
        // Access denied for user 'u'@'h' to database 'd'
        1044 => format!("SELECT ON {}.*", quoted(between("to database '", "'")?)),
        // SELECT command denied to user 'u'@'h' for table `d`.`t`; MySQL leaves the database out.
        1142 => {
            let table = text.split_once("for table ")?.1.trim();
            match table.strip_prefix('\'').and_then(|table| table.strip_suffix('\'')) {
                Some(table) => format!("{} ON DATABASE.{}", right()?, quoted(table)),
                None => format!("{} ON {table}", right()?),
            }
        }
        // SELECT command denied to user 'u'@'h' for column 'c' in table 't'
        1143 => {
            let (column, table) = (between("for column '", "'")?, between("in table '", "'")?);
            format!("{} ({}) ON DATABASE.{}", right()?, quoted(column), quoted(table))
        }
        // execute command denied to user 'u'@'h' for routine 'd.r'
        1370 => {
            let (database, routine) = between("for routine '", "'")?.split_once('.')?;
            let right = right()?.to_uppercase();
            format!("{right} ON PROCEDURE {}.{} (or FUNCTION)", quoted(database), quoted(routine))
        }
        // Access denied; you need (at least one of) the A, B privilege(s) for this operation
        1227 => {
            let rights = between("(at least one of) the ", " privilege(s)")?;
            match rights.split_once(", ") {
                Some((one, others)) => format!("{one} ON *.* ({others} will do, too)"),
                None => format!("{rights} ON *.*"),
            }
        }
        _ => return None,
    };
    let user = between("user '", "'").map_or_else(|| "this user".to_owned(), |user| format!("'{user}'@'HOST'"));
    let host = if user.contains('@') { ", with the host of SELECT CURRENT_USER()" } else { "" };
    Some(format!("let an administrator run GRANT {what} TO {user}{host}"))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn broken(act: &str, address: &str) -> Error {
    error::unreachable(format!("{act}: connection to mysql server {address}"))
        .hint("check host and port, and that the server runs and stays up")
}

fn unknown_plugin(name: &str, act: &str) -> Error {
    error::auth(format!("{act}: authentication plugin {name} is not known"))
        .hint("use an account with caching_sha2_password, mysql_native_password or ed25519")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_errors_become_conditions() {
        let of = |code| {
            let fault = Fault::Server { code, message: "No".into(), state: "HY000".into() };
            explain(fault, "read shop.orders", "localhost:3306")
        };
        assert_eq!(of(1146).kind(), Kind::NotFound);
        assert_eq!(of(1040).exit_code(), 75);
        assert_eq!(of(1142).kind(), Kind::Auth);
        assert_eq!(of(9999).kind(), Kind::Refused);
        assert_eq!(of(1146).to_string(), "read shop.orders: No (error 1146)");
    }

    #[test]
    fn a_denial_says_which_grant_is_missing() {
        for (code, message, remedy) in [
            (
                1044,
                "Access denied for user 'etl'@'%' to database 'shop'",
                "GRANT SELECT ON `shop`.* TO 'etl'@'HOST', with",
            ),
            (
                1142,
                "SELECT command denied to user 'etl'@'10.0.0.7' for table `shop`.`orders`",
                "GRANT SELECT ON `shop`.`orders` TO",
            ),
            (
                1142,
                "INSERT command denied to user 'etl'@'h' for table 'orders'",
                "GRANT INSERT ON DATABASE.`orders` TO 'etl'",
            ),
            (
                1143,
                "SELECT command denied to user 'etl'@'h' for column 'price' in table 'orders'",
                "GRANT SELECT (`price`) ON DATABASE.`orders` TO",
            ),
            (
                1370,
                "execute command denied to user 'etl'@'h' for routine 'shop.f'",
                "GRANT EXECUTE ON PROCEDURE `shop`.`f`",
            ),
            (
                1227,
                "Access denied; you need (at least one of) the RELOAD privilege(s) for this operation",
                "GRANT RELOAD ON *.* TO this user",
            ),
        ] {
            let error = server_error(code, message, "read");
            assert!(error.remedy().unwrap().contains(remedy), "{error:?}");
            assert_eq!(error.kind(), Kind::Auth);
        }
        assert!(server_error(1142, "in other words", "read").remedy().unwrap().contains("grant this user"));
    }

    #[test]
    fn numbers_are_sorted_and_single() {
        assert!(SERVER_ERRORS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_broken_connection_names_the_server() {
        let fault = Fault::Io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        let ours = explain(fault, "connect", "localhost:3307");
        assert_eq!(ours.kind(), Kind::Unreachable);
        assert!(ours.to_string().contains("localhost:3307"), "{ours}");
    }
}
