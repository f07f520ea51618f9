//! What a table is split by: a column, or several that are compared one after the other, as in a composite primary key.
//!
//! It refuses columns whose order the server does not keep the same in an index, a comparison and an ORDER BY (ENUM, SET),
//! and those that have no order (JSON, GEOMETRY, VECTOR).

use crate::error::{self, Result};
use crate::mysql::session::{self, Session};
use crate::mysql::sql::quote;
use crate::mysql::table::Table;
use crate::mysql::types::Column;

/// How the values of a key column are asked for and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole numbers of up to 64 bits, signed or not, and years.
    Integer,
    /// BIT, compared as a number.
    Bits,
    /// Decimals of any precision.
    Decimal,
    /// FLOAT and DOUBLE.
    Float,
    /// Days.
    Date,
    /// Times of a day, with or without a zone.
    DateTime,
    /// Moments, as seconds since 1970: those of TIMESTAMP columns, where the session's clock is not in UTC.
    Instant,
    /// Durations.
    Time,
    /// Characters, in the order of the column's collation.
    Text,
    /// Bytes.
    Binary,
    /// Values of a type, so named, that the server reads from plain ASCII text and orders in its own way: UUID, INET4,
    /// INET6.
    Native(&'static str),
}

impl KeyKind {
    fn of(column: &Column) -> Option<Self> {
        Some(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Self::Integer,
            "bit" => Self::Bits,
            "decimal" => Self::Decimal,
            "float" | "double" => Self::Float,
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::DateTime,
            "time" => Self::Time,
            "char" | "varchar" | "tinytext" | "text" => Self::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" => Self::Binary,
            "uuid" => Self::Native("UUID"),
            "inet4" => Self::Native("INET4"),
            "inet6" => Self::Native("INET6"),
            _ => return None,
        })
    }
}

/// One column of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Name, as the column is called in the table or in the result of the query.
    pub name: String,
    /// The column as the conditions of a split name it: SQL text.
    pub sql: String,
    /// Kind of its values.
    pub kind: KeyKind,
    /// Whether there may be NULLs.
    pub nullable: bool,
}

/// What a table is split by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitKey {
    /// The columns, the one compared first at the front; at least one.
    pub columns: Vec<KeyColumn>,
}

impl SplitKey {
    /// The key over one column of a table.
    ///
    /// # Errors
    /// Config: a column whose type cannot be split by.
    pub fn new(column: &Column, session: &Session) -> Result<Self> {
        Ok(Self { columns: vec![key_column(column, quote(&column.name), session)?] })
    }

    /// The key over a table's primary key, all of its columns; `None` where there is no such key or it holds a column
    /// that cannot be split by.
    pub fn of_primary_key(table: &Table, session: &Session) -> Option<Self> {
        let part = |name: &String| Self::new(table.column(name).ok()?, session).ok()?.columns.pop();
        let mut columns: Vec<KeyColumn> = table.primary_key.iter().map_while(part).collect();
        // A prefix of the key orders the table too, less finely; an index knows nothing of seconds.
        let instant = columns.iter().skip(1).position(|column| column.kind == KeyKind::Instant);
        columns.truncate(instant.map_or(columns.len(), |at| at + 1));
        Some(Self { columns }).filter(|key| !key.columns.is_empty())
    }

    /// The key over a column of a free-form query: `name` is how the user names it where `$CONDITIONS` stands, such as
    /// `a.id`; `column` describes it in the query's result.
    ///
    /// # Errors
    /// Config: a column whose type cannot be split by, or a name that is an expression.
    pub fn of_query(name: &str, column: &Column, session: &Session) -> Result<Self> {
        let parts = name_parts(name).ok_or_else(|| {
            error::config(format!("split-by {name} is not a column"))
                .hint("name a column of the query's tables, such as a.id")
        })?;
        let sql = parts.iter().map(|p| quote(p)).collect::<Vec<_>>().join(".");
        Ok(Self { columns: vec![key_column(column, sql, session)?] })
    }

    /// The names of the columns, for messages.
    pub fn name(&self) -> String {
        self.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The parts of a column's name as the user wrote it: `a.id` or `` `a`.`my id` ``; `None` for anything else.
pub fn name_parts(name: &str) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), name.trim());
    loop {
        let (part, after) = match rest.strip_prefix('`') {
            Some(quoted) => {
                let end = quoted.find('`')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        if part.is_empty() || (!rest.starts_with('`') && !part.chars().all(plain)) {
            return None;
        }
        parts.push(part.to_owned());
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(parts),
        }
    }
}

fn key_column(column: &Column, sql: String, session: &Session) -> Result<KeyColumn> {
    let kind = KeyKind::of(column).ok_or_else(|| {
        error::config(format!("column {} of type {} cannot be split by", column.name, column.column_type))
            .hint("name a column of numbers, dates, times, short text or bytes in split-by, or set num-mappers to 1")
    })?;
    // By the text of such a clock, the rows of an hour would be in two splits or in none.
    let (sql, kind) = match column.data_type == "timestamp" && !session.is_utc() {
        true => (session::seconds(&sql), KeyKind::Instant),
        false => (sql, kind),
    };
    Ok(KeyColumn { name: column.name.clone(), sql, kind, nullable: column.nullable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::mysql::types::tests::column;

    #[test]
    fn keys_without_a_known_order_are_refused_by_name() {
        for column_type in ["enum('a')", "set('a')", "json", "point", "longtext", "vector(3)"] {
            let error = SplitKey::new(&column("k", column_type), &Session::Ours).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains("column k of type") && error.remedy().is_some(), "{error}");
        }
    }

    #[test]
    fn columns_of_a_query_are_named_as_its_tables_know_them() {
        assert_eq!(SplitKey::of_query("a.id", &column("id", "int"), &Session::Ours).unwrap().columns[0].sql, "`a`.`id`");
        assert_eq!(SplitKey::of_query("`my a`.`i.d`", &column("i.d", "int"), &Session::Ours).unwrap().columns[0].sql, "`my a`.`i.d`");
        for wrong in ["id + 1", "", "a.", "`a", "id; drop table x", "`a`b"] {
            assert_eq!(SplitKey::of_query(wrong, &column("id", "int"), &Session::Ours).unwrap_err().kind(), Kind::Config, "{wrong}");
        }
    }
}
