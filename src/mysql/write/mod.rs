//! Rows into MySQL and MariaDB: what a column holds, literals that lose nothing, the statements, and a writer that
//! finds the bad row in a refused statement.
//!
//! Values are literals of SQL: the server reads decimals, days, fractions of a second and unsigned numbers exactly from
//! them, and a statement of many rows costs one exchange. Where MariaDB executes a statement in bulk, the literals become
//! parameters of the types that it makes of them itself, which spares it the reading of SQL. What the server would bend
//! without an error is refused before it is sent ([`Kind`]).

mod bulk;
mod fault;
mod fit;
mod literal;
mod rows;
mod staging;
mod statement;
mod target;
mod text;
mod value;
mod writer;

pub use self::bulk::BULK_ROWS;
pub use self::rows::Rows;
pub use self::staging::Staging;
pub use self::statement::{Action, Statement};
pub use self::target::{Target, TargetColumn};
pub use self::value::{Kind, Reading, Unfit, Value};
pub use self::writer::{BadRow, Broken, Means, Writer, Written};
