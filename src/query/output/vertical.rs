//! One line a value, behind the name of its column, and an empty line after each row.

use super::Style;
use super::table::cell_text;
use crate::hiveserver2::{Batch, Column};
use crate::query::text::{Look, Type};

/// Writes one result.
pub(crate) struct Vertical {
    /// As wide as the longest, and two blanks.
    names: Vec<String>,
    types: Vec<Type>,
    look: Look,
    null: String,
}

impl Vertical {
    pub(super) fn new(style: &Style, columns: &[Column], types: Vec<Type>) -> Self {
        let units = |name: &str| name.encode_utf16().count();
        let width = columns.iter().map(|column| units(&column.name)).max().unwrap_or(0) + 2;
        let padded = |column: &Column| format!("{}{}", column.name, " ".repeat(width - units(&column.name)));
        let names = columns.iter().map(padded).collect();
        Self { names, types, look: style.look, null: style.null.clone() }
    }

    pub(super) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        for row in 0..batch.height() {
            for (column, name) in self.names.iter().enumerate() {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(cell_text(batch, row, column, &self.types, self.look, &self.null).as_bytes());
                out.push(b'\n');
            }
            out.push(b'\n');
        }
    }
}
