//! What a get or a scan reads.

use std::collections::BTreeMap;

use super::thrift1::TRowResult;

/// One cell: the newest version that the table shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The bytes as they were put.
    pub value: Vec<u8>,
    /// The cell's timestamp in milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// One row: cells by `family:qualifier`; a cell that is absent is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The row key.
    pub key: Vec<u8>,
    /// Cells by `family:qualifier`.
    pub cells: BTreeMap<Vec<u8>, Cell>,
}

impl Row {
    /// The cell of `family:qualifier`, if the row has it.
    pub fn cell(&self, column: &str) -> Option<&Cell> {
        self.cells.get(column.as_bytes())
    }

    /// The newest timestamp of the row's cells.
    pub fn newest_ms(&self) -> Option<i64> {
        self.cells.values().map(|cell| cell.timestamp_ms).max()
    }
}

impl From<TRowResult> for Row {
    fn from(result: TRowResult) -> Self {
        let cells = result.columns.unwrap_or_default().into_iter().map(|(column, cell)| {
            let cell = Cell { value: cell.value.unwrap_or_default(), timestamp_ms: cell.timestamp.unwrap_or_default() };
            (column, cell)
        });
        Self { key: result.row.unwrap_or_default(), cells: cells.collect() }
    }
}
