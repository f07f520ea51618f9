//! Which errors of the server speak of a row and not of the statement, and which ask to try the transaction again.
//!
//! Source: MySQL 8.4 "Server Error Message Reference", MariaDB "Error Codes"; SQLSTATE classes 01 (a
//! warning that strict mode turned into an error), 22 (data), 23 (integrity) and 45 (SIGNAL of a trigger) are about rows.

use crate::error::Error;
use crate::mysql::client::MySqlClient;
use crate::mysql::client::fault::{explain, server_error};
use crate::mysql::wire;

/// Errors about a row that come with a general SQLSTATE, sorted.
const ABOUT_ROWS: [u16; 17] = [
    1263, // NULL where none may be
    1364, // no default
    1366, // incorrect value
    1411, // incorrect value for a function
    1416, // no geometry
    1526, // no partition
    1690, // out of range
    1748, // no partition chosen
    3140, // JSON
    3141, // JSON
    3143, // JSON path
    3144, // JSON charset
    3155, // JSON cast
    3643, // SRID
    3819, // CHECK of MySQL
    4025, // CONSTRAINT of MariaDB
    4038, // JSON of MariaDB
];

/// What the server says of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Error number.
    pub code: u16,
    /// Its words.
    pub message: String,
}

/// What an error of a statement means.
#[derive(Debug)]
pub(super) enum Fault {
    /// One of its rows is bad.
    Row(Said),
    /// The whole transaction may be tried again: it lost a conflict.
    Conflict(Said),
    /// The server does not do it.
    Refused(Said),
    /// The connection broke.
    Broken(wire::Fault),
}

impl From<wire::Fault> for Fault {
    fn from(fault: wire::Fault) -> Self {
        match fault {
            wire::Fault::Server { code, state, message } => Self::of_server(code, &state, message),
            fault => Self::Broken(fault),
        }
    }
}

impl Fault {
    fn of_server(code: u16, state: &str, message: String) -> Self {
        let said = Said { code, message };
        match (state.get(..2).unwrap_or(""), code) {
            ("01" | "22" | "23" | "45", _) => Self::Row(said),
            _ if ABOUT_ROWS.binary_search(&code).is_ok() => Self::Row(said),
            (_, 1205 | 1213) => Self::Conflict(said),
            _ => Self::Refused(said),
        }
    }

    /// In our words; `act` names the object and the attempted act.
    pub(super) fn explain(self, client: &MySqlClient, act: &str) -> Error {
        match self {
            Self::Row(said) | Self::Conflict(said) | Self::Refused(said) => server_error(said.code, &said.message, act),
            Self::Broken(fault) => explain(fault, act, client.address()),
        }
    }
}

/// The column that the server's words name, if they do.
pub(super) fn column_in(message: &str) -> Option<&str> {
    let after = message.split_once("olumn '")?.1;
    let name = after.split_once('\'')?.0;
    // MariaDB says `db`.`table`.`column`.
    Some(name.rsplit('.').next().unwrap_or(name).trim_matches('`')).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u16, state: &str) -> Fault {
        Fault::from(wire::Fault::Server { code, message: "m".into(), state: state.into() })
    }

    #[test]
    fn rows_conflicts_and_the_rest_are_told_apart() {
        assert!(ABOUT_ROWS.is_sorted());
        assert!(matches!(fault(1062, "23000"), Fault::Row(_)));
        assert!(matches!(fault(1406, "22001"), Fault::Row(_)));
        assert!(matches!(fault(1265, "01000"), Fault::Row(_)));
        assert!(matches!(fault(1364, "HY000"), Fault::Row(_)));
        assert!(matches!(fault(1644, "45000"), Fault::Row(_)));
        assert!(matches!(fault(1213, "40001"), Fault::Conflict(_)));
        assert!(matches!(fault(1146, "42S02"), Fault::Refused(_)));
        assert!(matches!(fault(1142, "42000"), Fault::Refused(_)));
    }

    #[test]
    fn the_column_is_in_the_message() {
        assert_eq!(column_in("Data too long for column 'v' at row 2"), Some("v"));
        assert_eq!(column_in("Incorrect integer value: 'x' for column `d`.`t`.`n` at row 1"), None);
        assert_eq!(column_in("Column 'n' cannot be null"), Some("n"));
        assert_eq!(column_in("Duplicate entry '1' for key 'PRIMARY'"), None);
    }
}
