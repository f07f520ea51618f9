//! MySQL and MariaDB as a source: connections with a decided session, the tables' columns as Arrow fields, splits over
//! a key, one snapshot over several connections, and rows as batches.
//!
//! Rows are read by prepared statements only: the binary protocol carries numbers, dates and floats exactly.

pub mod advice;
pub mod check_column;
pub mod checksum;
pub mod connect;
pub mod decode;
pub mod read;
pub mod snapshot;
pub mod split;
pub mod sql_text;
pub mod table;
pub mod types;
pub mod wire;
pub mod write;

pub use self::connect::{MySqlClient, MySqlOptions};

/// A name in back quotes, as SQL text.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in single quotes, as SQL text for a session without NO_BACKSLASH_ESCAPES.
pub fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_are_doubled() {
        assert_eq!(quote("a`b"), "`a``b`");
        assert_eq!(quote_text(r"o'cl\ock"), r"'o''cl\\ock'");
    }
}
