//! MariaDB's bulk execution: a prepared statement and many rows of parameters in one packet, which the server takes as
//! one statement without reading any SQL.
//!
//! Source: MariaDB knowledge base "COM_STMT_BULK_EXECUTE"; checked on MariaDB 10.11.

use super::{Statement, Wire};

const COM_STMT_BULK_EXECUTE: u8 = 0xfa;

/// The types of the parameters stand in front of the rows.
const WITH_TYPES: u16 = 128;

/// Marks a number without sign.
const UNSIGNED: u8 = 0x80;

/// What a parameter travels as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mysql) enum Parameter {
    /// A whole number of 64 bits with sign.
    Integer,
    /// A whole number of 64 bits without sign.
    Unsigned,
    /// The digits of an exact number.
    Decimal,
    /// Double precision.
    Double,
    /// Characters in UTF-8.
    Text,
    /// Bytes.
    Bytes,
}

impl Parameter {
    /// The protocol's number of the type, and its flags.
    fn code(self) -> [u8; 2] {
        match self {
            Self::Integer => [0x08, 0],
            Self::Unsigned => [0x08, UNSIGNED],
            Self::Decimal => [0xf6, 0],
            Self::Double => [0x05, 0],
            Self::Text => [0xfd, 0],
            Self::Bytes => [0xfc, 0],
        }
    }
}

/// Whether bulk execution of a MariaDB of this version loses nothing: before, statements of a table's triggers took rows
/// out of the packet that the table then missed (MDEV-24411, MDEV-34958).
pub(super) fn is_sound(version: &str) -> bool {
    // A prefix from the days when replicas took a 10 for a 1.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse::<u16>().ok());
    let [Some(major), Some(minor), Some(patch)] = [(); 3].map(|()| numbers.next()) else { return false };
    match (major, minor) {
        (10, 5) => patch >= 28,
        (10, 6) => patch >= 21,
        (10, 11) => patch >= 11,
        (11, 4) => patch >= 5,
        (11, 7) => patch >= 2,
        other => other >= (11, 8),
    }
}

/// Writes the head of a packet; the rows follow: each parameter a 0 and its value, or a 1 for NULL.
pub(in crate::mysql) fn begin_bulk(out: &mut Vec<u8>, statement: &Statement, parameters: &[Parameter]) {
    out.push(COM_STMT_BULK_EXECUTE);
    out.extend_from_slice(&statement.id.to_le_bytes());
    out.extend_from_slice(&WITH_TYPES.to_le_bytes());
    for parameter in parameters {
        out.extend_from_slice(&parameter.code());
    }
}

impl Wire {
    /// Whether the server takes many rows of parameters at a time.
    pub(crate) fn can_bulk(&self) -> bool {
        self.bulk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_whose_triggers_eat_rows_are_left_out() {
        for sound in [
            "5.5.5-10.5.28-MariaDB",
            "10.6.21-17-MariaDB-enterprise",
            "5.5.5-10.11.18-MariaDB-0+deb12u1-log",
            "11.4.5-MariaDB",
            "11.7.2-MariaDB",
            "11.8.1-MariaDB",
            "12.0.1-MariaDB",
        ] {
            assert!(is_sound(sound), "{sound}");
        }
        for unsound in
            ["10.2.44", "5.5.5-10.5.27-MariaDB", "10.6.20", "10.10.99", "10.11.10", "11.4.4", "11.6.2", "11", ""]
        {
            assert!(!is_sound(unsound), "{unsound}");
        }
    }

    #[test]
    fn the_head_names_statement_and_types() {
        let mut out = Vec::new();
        let statement = Statement { id: 0x0102_0304, columns: Vec::new() };
        begin_bulk(&mut out, &statement, &[Parameter::Unsigned, Parameter::Text]);
        assert_eq!(out, [0xfa, 4, 3, 2, 1, 128, 0, 0x08, 0x80, 0xfd, 0]);
    }
}
