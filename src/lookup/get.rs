//! One row looked up by its id: a table with a line for each column for people, or JSON.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::error::{self, Result};
use crate::hbase::{HBaseClient, HBaseOptions, Row, TableSchema};
use crate::telemetry::terminal::harmless;

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The table, as HBase prints it.
    pub table: String,
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
    /// The value, bytes that are not UTF-8 in hexadecimal; absent where the row has no such cell.
    pub value: Option<String>,
    /// Whether the value is hexadecimal.
    pub is_hex: bool,
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
            let text = cell.map(|cell| std::str::from_utf8(&cell.value).map(str::to_owned));
            Line {
                column: column.name.clone(),
                is_hex: matches!(text, Some(Err(_))),
                value: text.zip(cell).map(|(text, cell)| text.unwrap_or_else(|_| hex(&cell.value))),
                timestamp_ms: cell.map(|cell| cell.timestamp_ms),
            }
        });
        Self { table: schema.qualified_name(), row_key, lines: lines.collect() }
    }

    /// The row as a table: column, value, and the time that its cell carries.
    pub fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED).set_header(["column", "value", "as of"]);
        table.add_row(["row key", &self.row_key, ""]);
        for line in &self.lines {
            let time = line.timestamp_ms.map(utc).unwrap_or_default();
            let value = line.value.as_deref().unwrap_or("");
            // Before the table is laid out: what is shown in another way has another width.
            let value = if line.is_hex { format!("0x{value}") } else { harmless(value).into_owned() };
            table.add_row([line.column.as_str(), &value, &time]);
        }
        table.to_string()
    }

    /// The row as one JSON object: `table`, `row-key`, and `columns` with `value` (`value-hex` for bytes that are not
    /// UTF-8) and `timestamp-ms` each; a column without a cell is null.
    pub fn to_json(&self) -> String {
        let columns = self.lines.iter().map(|line| {
            let key = if line.is_hex { "value-hex" } else { "value" };
            let column = line.value.as_ref().map(|value| json!({ key: value, "timestamp-ms": line.timestamp_ms }));
            (line.column.clone(), column.unwrap_or(Value::Null))
        });
        let columns: serde_json::Map<String, Value> = columns.collect();
        let row = json!({ "table": self.table, "row-key": self.row_key, "columns": columns });
        // An object of strings and numbers always serialises.
        serde_json::to_string_pretty(&row).unwrap_or_default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    fn found(country: &[u8]) -> Found {
        let cell = Cell { value: country.to_vec(), timestamp_ms: 1_323_434_220_123 };
        let row = Row { key: b"k".to_vec(), cells: [(b"p:country".to_vec(), cell)].into() };
        Found::of(&schema(), "k".into(), &row)
    }

    #[test]
    fn a_row_is_a_line_for_each_column() {
        insta::assert_snapshot!(found(b"Cyprus").to_table(), @r"
        +---------------------------------------------+
        | column    value    as of                    |
        +=============================================+
        | row key   k                                 |
        | country   Cyprus   2011-12-09T12:37:00.123Z |
        | city                                        |
        +---------------------------------------------+
        ");
    }

    #[test]
    fn a_row_is_one_json_object() {
        let json = |country: &[u8]| serde_json::from_str::<Value>(&found(country).to_json()).unwrap();
        let column = json!({ "value": "Cyp\u{1b}rus", "timestamp-ms": 1_323_434_220_123_i64 });
        let row = json!({ "table": "t", "row-key": "k", "columns": { "country": column, "city": null } });
        assert_eq!(json(b"Cyp\x1brus"), row);
        assert_eq!(json(b"\0\xff")["columns"]["country"]["value-hex"], "00ff");
    }
}
