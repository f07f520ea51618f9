//! MySQL and MariaDB, as a source and as a target.
//!
//! From the ground up: `login` is everything that a connection is opened with, `wire` the protocol, `client` connections
//! whose errors say what was attempted. Above them: `table` describes tables, `types` maps their columns to Arrow,
//! `split` cuts rows into shares, `snapshot` shows one moment to several connections, `read` and `decode` make batches of
//! rows, and `write` brings rows back.
//!
//! Rows are read by prepared statements only: the binary protocol carries numbers, dates and floats exactly.

pub mod check_column;
pub mod checksum;
mod client;
pub mod decode;
mod login;
pub mod read;
pub mod session;
pub mod snapshot;
pub mod split;
mod sql;
pub mod sql_text;
pub mod table;
pub mod types;
pub mod wire;
pub mod write;

pub use self::client::{Answer, AnswerColumn, Connection, MySqlClient};
pub use self::login::tls::SslMode;
pub use self::login::{JdbcParameters, MySqlOptions};
pub use self::sql::{quote, quote_text};
