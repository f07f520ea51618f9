//! The columns of the log and of the dimension, as HiveServer2 describes them.

use crate::error::{self, Result};
use crate::hiveserver2::{Rows, Session, Value, quote};
use crate::shutdown::Stop;

/// A column of the log or of the dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceColumn {
    pub name: String,
    /// As DDL writes it.
    pub hive_type: String,
    pub comment: String,
}

impl SourceColumn {
    /// The column as `CREATE TABLE` and `ALTER TABLE` take it.
    pub(super) fn definition(&self) -> String {
        let comment =
            if self.comment.is_empty() { String::new() } else { format!(" COMMENT {}", quote::text(&self.comment)) };
        format!("{} {}{comment}", quote::name(&self.name), self.hive_type)
    }
}

/// Columns of these names and types.
#[cfg(test)]
pub(super) fn typed(pairs: &[(&str, &str)]) -> Vec<SourceColumn> {
    let column = |(name, hive_type): &(&str, &str)| SourceColumn {
        name: (*name).to_owned(),
        hive_type: (*hive_type).to_owned(),
        comment: String::new(),
    };
    pairs.iter().map(column).collect()
}

/// The columns of `table`.
///
/// # Errors
/// NotFound: there is no such table. Else what the server says.
pub(super) async fn columns(session: &Session, table: &str, stop: &Stop) -> Result<Vec<SourceColumn>> {
    let rows = session.query(&describe(table), stop).await?;
    Ok(described(&rows))
}

/// Where Hive would keep a new table: below the location of its database, of which Spark tells it.
///
/// # Errors
/// Refused: it does not tell it. Else what the server says.
pub(super) async fn location_of_new(session: &Session, table: &str, stop: &Stop) -> Result<String> {
    let (database, table) = table.split_once('.').unwrap_or_default();
    let rows = session.query(&format!("DESCRIBE DATABASE {}", quote::name(database)), stop).await?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let told = rows.rows.iter().find(|row| text(row.first()) == "Location").map(|row| text(row.get(1)));
    let Some(location) = told.filter(|location| !location.is_empty()) else {
        return Err(error::refused(format!("the server does not say where database {database} lies"))
            .hint("make the database, and give it a location"));
    };
    Ok(format!("{}/{}", location.trim_end_matches('/'), table.to_lowercase()))
}

/// The statement that asks for the columns of `table`.
pub(crate) fn describe(table: &str) -> String {
    format!("DESCRIBE {}", quote::qualified(table))
}

/// The columns proper end where the answer goes on about partitions; those are columns too and listed before.
fn described(rows: &Rows) -> Vec<SourceColumn> {
    let text = |value: Option<&Value>| quote::described(value.and_then(Value::as_str).unwrap_or("").trim());
    let columns = rows.rows.iter().map(|row| SourceColumn {
        name: text(row.first()),
        hive_type: text(row.get(1)),
        comment: text(row.get(2)),
    });
    columns.take_while(|column| !column.name.is_empty() && !column.name.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_ends_at_the_partition_chapter() {
        let row = |cells: [&str; 3]| cells.map(|cell| Value::Text(cell.to_owned())).to_vec();
        let rows = Rows {
            columns: Vec::new(),
            rows: vec![
                row(["id  ", "decimal(20,0)", r#"it's the \"key\""#]),
                row(["month", "string", ""]),
                vec![Value::Text(String::new()), Value::Null, Value::Null],
                row(["# Partition Information", "", ""]),
                row(["month", "string", ""]),
            ],
        };
        let columns = described(&rows);
        assert_eq!(columns.len(), 2);
        assert_eq!(columns[0].definition(), r#"`id` decimal(20,0) COMMENT 'it\'s the "key"'"#);
        assert_eq!(columns[1].definition(), "`month` string");
    }
}
