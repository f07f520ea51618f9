//! Host and port of one server.

use std::fmt;

/// The port of MySQL and MariaDB.
pub(super) const DEFAULT_PORT: u16 = 3306;

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mysql) struct Address {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
