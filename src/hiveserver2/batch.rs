//! Result rows as the server sends them: by columns, each with its bitmap of NULLs. Nothing is copied, so that what reads
//! them row by row allocates nothing.

use super::tcli_service::{TColumn, TRowSet};
use crate::error::{self, Result};

/// Some rows of a result.
#[derive(Debug)]
pub struct Batch {
    columns: Vec<TColumn>,
    height: usize,
}

/// One value of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'b> {
    /// SQL NULL of any type.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// TINYINT to BIGINT.
    Int(i64),
    /// FLOAT and DOUBLE.
    Double(f64),
    /// BINARY, and everything that Hive sends as text, which need not be UTF-8.
    Bytes(&'b [u8]),
}

impl Batch {
    /// The rows of one answer.
    ///
    /// # Errors
    /// Data: columns of different lengths, or no columns where there should be some.
    pub(super) fn new(set: TRowSet, width: usize) -> Result<Self> {
        let columns = set.columns.unwrap_or_default();
        let height = columns.first().map_or(0, length);
        if (columns.len() != width && !columns.is_empty()) || columns.iter().any(|column| length(column) != height) {
            return Err(error::data("hiveserver2 sent columns that do not fit each other"));
        }
        Ok(Self { columns, height })
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// One value; NULL where there is none.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(column) = self.columns.get(column) else { return Cell::Null };
        match column {
            TColumn::BoolVal(c) => of(&c.values, &c.nulls, row, |v| Cell::Bool(*v)),
            TColumn::ByteVal(c) => of(&c.values, &c.nulls, row, |v| Cell::Int((*v).into())),
            TColumn::I16Val(c) => of(&c.values, &c.nulls, row, |v| Cell::Int((*v).into())),
            TColumn::I32Val(c) => of(&c.values, &c.nulls, row, |v| Cell::Int((*v).into())),
            TColumn::I64Val(c) => of(&c.values, &c.nulls, row, |v| Cell::Int(*v)),
            TColumn::DoubleVal(c) => of(&c.values, &c.nulls, row, |v| Cell::Double((*v).into())),
            TColumn::StringVal(c) => of(&c.values, &c.nulls, row, |v| Cell::Bytes(v)),
            TColumn::BinaryVal(c) => of(&c.values, &c.nulls, row, |v| Cell::Bytes(v)),
        }
    }

    /// About as many bytes as the rows take in memory.
    pub fn bytes(&self) -> usize {
        /// A value of few bytes, and what a text takes beside its bytes.
        const EACH: usize = 8;
        const TEXT: usize = 40;
        let texts = |values: &[Vec<u8>]| values.iter().map(|value| value.len() + TEXT).sum();
        let of = |column: &TColumn| match column {
            TColumn::StringVal(c) => texts(&c.values),
            TColumn::BinaryVal(c) => texts(&c.values),
            other => length(other) * EACH,
        };
        self.columns.iter().map(of).sum()
    }

    /// Rows of the tests.
    #[cfg(test)]
    pub(crate) fn of_cells(rows: &[Vec<Cell<'_>>]) -> Self {
        use super::tcli_service::{TBinaryColumn, TBoolColumn, TDoubleColumn, TI64Column};
        let width = rows.first().map_or(0, Vec::len);
        let column = |at: usize| {
            let cells: Vec<Cell<'_>> = rows.iter().map(|row| row[at]).collect();
            let mut nulls = vec![0; cells.len().div_ceil(8)];
            for (row, _) in cells.iter().enumerate().filter(|(_, cell)| **cell == Cell::Null) {
                nulls[row / 8] |= 1 << (row % 8);
            }
            let first = cells.iter().find(|cell| **cell != Cell::Null);
            match first {
                Some(Cell::Bool(_)) => {
                    let values = cells.iter().map(|cell| *cell == Cell::Bool(true)).collect();
                    TColumn::BoolVal(TBoolColumn { values, nulls })
                }
                Some(Cell::Int(_)) => {
                    let values = cells.iter().map(|cell| if let Cell::Int(v) = cell { *v } else { 0 }).collect();
                    TColumn::I64Val(TI64Column { values, nulls })
                }
                Some(Cell::Double(_)) => {
                    let value = |cell: &Cell<'_>| if let Cell::Double(v) = cell { *v } else { 0.0 };
                    TColumn::DoubleVal(TDoubleColumn { values: cells.iter().map(|c| value(c).into()).collect(), nulls })
                }
                _ => {
                    let value = |cell: &Cell<'_>| if let Cell::Bytes(v) = cell { v.to_vec() } else { Vec::new() };
                    TColumn::BinaryVal(TBinaryColumn { values: cells.iter().map(value).collect(), nulls })
                }
            }
        };
        Self { columns: (0..width).map(column).collect(), height: rows.len() }
    }
}

fn length(column: &TColumn) -> usize {
    match column {
        TColumn::BoolVal(c) => c.values.len(),
        TColumn::ByteVal(c) => c.values.len(),
        TColumn::I16Val(c) => c.values.len(),
        TColumn::I32Val(c) => c.values.len(),
        TColumn::I64Val(c) => c.values.len(),
        TColumn::DoubleVal(c) => c.values.len(),
        TColumn::StringVal(c) => c.values.len(),
        TColumn::BinaryVal(c) => c.values.len(),
    }
}

/// Bit `row`, lowest first, of the bitmap says that the value is NULL; the bitmap may end early.
fn of<'b, T>(values: &'b [T], nulls: &[u8], row: usize, make: impl Fn(&'b T) -> Cell<'b>) -> Cell<'b> {
    let is_null = nulls.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1);
    values.get(row).filter(|_| !is_null).map_or(Cell::Null, make)
}

#[cfg(test)]
mod tests {
    use super::super::tcli_service::{TI32Column, TStringColumn};
    use super::*;

    #[test]
    fn the_bitmap_of_nulls_may_end_early() {
        let ints = TColumn::I32Val(TI32Column { values: (0..10).collect(), nulls: vec![0b1] });
        let texts = TColumn::StringVal(TStringColumn { values: vec![b"t".to_vec(); 10], nulls: vec![0b10, 0b10] });
        let set = TRowSet { start_row_offset: 0, rows: Vec::new(), columns: Some(vec![ints, texts]) };
        let batch = Batch::new(set, 2).unwrap();
        assert_eq!((batch.height(), batch.width()), (10, 2));
        assert_eq!((batch.cell(0, 0), batch.cell(0, 1)), (Cell::Null, Cell::Bytes(b"t")));
        assert_eq!((batch.cell(9, 0), batch.cell(9, 1)), (Cell::Int(9), Cell::Null));
        assert_eq!((batch.cell(10, 0), batch.cell(0, 2)), (Cell::Null, Cell::Null));
    }

    #[test]
    fn columns_of_different_lengths_are_refused() {
        let column = |n| TColumn::I32Val(TI32Column { values: (0..n).collect(), nulls: Vec::new() });
        let set = |columns| TRowSet { start_row_offset: 0, rows: Vec::new(), columns: Some(columns) };
        assert!(Batch::new(set(vec![column(2), column(1)]), 2).is_err());
        assert!(Batch::new(set(vec![column(2)]), 2).is_err());
        assert_eq!(Batch::new(set(vec![]), 2).unwrap().height(), 0);
    }
}
