//! One row looked up by its id, for people: a table with a line for each column.

use comfy_table::{Table, presets};

use crate::error::{self, Result};
use crate::hbase::{HBaseClient, HBaseOptions, Row, TableSchema};

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The row key.
    pub row_key: String,
    /// A line for each column of the schema, in its order.
    pub lines: Vec<Line>,
}

/// One column of a found row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name of the column.
    pub column: String,
    /// The value; absent where the row has no such cell.
    pub value: Option<String>,
    /// The cell's timestamp, milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
}

/// Reads the row of `id` from the table of `schema`: one get.
///
/// # Errors
/// Data: the id makes no row key. NotFound: no such row, table or family. Unreachable, Auth, Busy, Refused.
pub async fn get(options: &HBaseOptions, schema: &TableSchema, id: &str) -> Result<Found> {
    let row_key = schema.row_key.encode(id)?;
    let table = schema.qualified_name();
    let client = HBaseClient::connect(options).await?;
    let row = client.get(&table, row_key.as_bytes(), &schema.cells()).await?.ok_or_else(|| {
        error::not_found(format!("hbase table {table} holds no row {row_key} for {} {id}", schema.row_key.column))
            .hint("run the lookup step of the pipeline, or check the id")
    })?;
    Ok(Found::of(schema, row_key, &row))
}

impl Found {
    fn of(schema: &TableSchema, row_key: String, row: &Row) -> Self {
        let lines = schema.columns.iter().map(|column| {
            let cell = row.cell(&column.cell);
            Line {
                column: column.name.clone(),
                value: cell.map(|cell| String::from_utf8_lossy(&cell.value).into_owned()),
                timestamp_ms: cell.map(|cell| cell.timestamp_ms),
            }
        });
        Self { row_key, lines: lines.collect() }
    }

    /// The row as a table: column, value, and the time that its cell carries.
    pub fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED).set_header(["column", "value", "as of"]);
        table.add_row(["row key", &self.row_key, ""]);
        for line in &self.lines {
            let time = line.timestamp_ms.map(utc).unwrap_or_default();
            table.add_row([line.column.as_str(), line.value.as_deref().unwrap_or(""), &time]);
        }
        table.to_string()
    }
}

/// A time in UTC to the millisecond; the bare number where it is out of every calendar.
fn utc(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hbase::Cell;
    use crate::lookup::diff::tests::schema;

    #[test]
    fn a_row_is_a_line_for_each_column() {
        let cell = Cell { value: b"Cyprus".to_vec(), timestamp_ms: 1_323_434_220_123 };
        let row = Row { key: b"k".to_vec(), cells: [(b"p:country".to_vec(), cell)].into() };
        insta::assert_snapshot!(Found::of(&schema(), "k".into(), &row).to_table(), @r"
        +---------------------------------------------+
        | column    value    as of                    |
        +=============================================+
        | row key   k                                 |
        | country   Cyprus   2011-12-09T12:37:00.123Z |
        | city                                        |
        +---------------------------------------------+
        ");
    }
}
