//! Which errors of the server speak of a row and not of the statement, and which ask to try the transaction again.
//!
//! Source: MySQL 8.4 "Server Error Message Reference", MariaDB "Error Codes"; SQLSTATE classes 01 (a
//! warning that strict mode turned into an error), 22 (data), 23 (integrity) and 45 (SIGNAL of a trigger) are about rows.

use mysql_async::{Error as DriverError, ServerError};

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

/// What an error of a statement means.
#[derive(Debug)]
pub enum Fault {
    /// One of its rows is bad: the server's words.
    Row(ServerError),
    /// The whole transaction may be tried again: it lost a conflict.
    Conflict(DriverError),
    /// Anything else.
    Other(DriverError),
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::Server(server) if is_about_a_row(&server) => Self::Row(server),
            DriverError::Server(ServerError { code: 1205 | 1213, .. }) => Self::Conflict(error),
            _ => Self::Other(error),
        }
    }
}

fn is_about_a_row(error: &ServerError) -> bool {
    let class = error.state.get(..2).unwrap_or("");
    matches!(class, "01" | "22" | "23" | "45") || ABOUT_ROWS.binary_search(&error.code).is_ok()
}

/// The column that the server's words name, if they do.
pub fn column_in(message: &str) -> Option<&str> {
    let after = message.split_once("olumn '")?.1;
    let name = after.split_once('\'')?.0;
    // MariaDB says `db`.`table`.`column`.
    Some(name.rsplit('.').next().unwrap_or(name).trim_matches('`')).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u16, state: &str) -> Fault {
        DriverError::Server(ServerError { code, message: "m".into(), state: state.into() }).into()
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
        assert!(matches!(fault(1146, "42S02"), Fault::Other(_)));
        assert!(matches!(fault(1142, "42000"), Fault::Other(_)));
    }

    #[test]
    fn the_column_is_in_the_message() {
        assert_eq!(column_in("Data too long for column 'v' at row 2"), Some("v"));
        assert_eq!(column_in("Incorrect integer value: 'x' for column `d`.`t`.`n` at row 1"), None);
        assert_eq!(column_in("Column 'n' cannot be null"), Some("n"));
        assert_eq!(column_in("Duplicate entry '1' for key 'PRIMARY'"), None);
    }
}
