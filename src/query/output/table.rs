//! A table in beeline's frames. Widths are those of 1,000 rows at a time, so that a result of any length can be shown; the
//! names of the columns come again after every hundred rows.

use super::Style;
use crate::hiveserver2::{Batch, Column};
use crate::query::text::{self, Look, Type};

/// Rows whose widths are looked at together, as beeline does (`incrementalBufferRows`).
const ROWS: usize = 1_000;
/// Rows that hold more than this are written earlier.
const MAX_BYTES: usize = 8 << 20;

/// Writes one result.
pub(crate) struct Table {
    names: Vec<String>,
    types: Vec<Type>,
    look: Look,
    null: String,
    header: bool,
    interval: usize,
    max_width: usize,
    /// Rows that wait for their widths, and their bytes.
    waiting: Vec<Vec<String>>,
    bytes: usize,
    /// Rows that were written.
    written: usize,
    /// The frame and the names, as wide as the first rows wanted them.
    frame: Option<(String, String)>,
}

impl Table {
    pub(super) fn new(style: &Style, columns: &[Column], types: Vec<Type>) -> Self {
        Self {
            names: columns.iter().map(|column| column.name.clone()).collect(),
            types,
            look: style.look,
            null: style.null.clone(),
            header: style.header,
            interval: style.header_interval,
            max_width: style.max_column_width,
            waiting: Vec::new(),
            bytes: 0,
            written: 0,
            frame: None,
        }
    }

    pub(super) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        for row in 0..batch.height() {
            let cell = |column: usize| cell_text(batch, row, column, &self.types, self.look, &self.null);
            let cells: Vec<String> = (0..batch.width()).map(cell).collect();
            self.bytes += cells.iter().map(String::len).sum::<usize>();
            self.waiting.push(cells);
            if self.waiting.len() >= ROWS || self.bytes >= MAX_BYTES {
                self.flush(out);
            }
        }
    }

    pub(super) fn end(mut self, out: &mut Vec<u8>) {
        self.flush(out);
        if let Some((frame, _)) = &self.frame {
            out.extend_from_slice(frame.as_bytes());
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        // Beeline looks at the names again with each set of rows.
        let width = |column: usize| {
            let of_rows = self.waiting.iter().filter_map(|row| row.get(column)).map(|cell| units(cell));
            (of_rows.chain(self.names.get(column).map(|name| units(name))).max().unwrap_or(0) + 1).min(self.max_width)
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        if self.frame.is_none() {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            // The last rule of beeline's has a joint too, and then the corner.
            let frame = format!("+-{}-+\n", rule.join("-+-"));
            let names: Vec<String> = self.names.iter().zip(&widths).map(|(n, width)| centred(n, *width)).collect();
            let names = format!("| {} |\n", names.join(" | "));
            out.extend_from_slice(frame.as_bytes());
            if self.header {
                out.extend_from_slice(names.as_bytes());
                out.extend_from_slice(frame.as_bytes());
            }
            self.frame = Some((frame, names));
        }
        for cells in std::mem::take(&mut self.waiting) {
            if let Some((frame, names)) = &self.frame
                && self.header
                && self.interval > 0
                && self.written > 0
                && self.written.is_multiple_of(self.interval)
            {
                [frame, names, frame].into_iter().for_each(|line| out.extend_from_slice(line.as_bytes()));
            }
            out.extend_from_slice(b"| ");
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                if column > 0 {
                    out.extend_from_slice(b" | ");
                }
                out.extend_from_slice(cell.as_bytes());
                out.resize(out.len() + width.saturating_sub(units(cell)), b' ');
            }
            out.extend_from_slice(b" |\n");
            self.written += 1;
        }
        self.bytes = 0;
    }
}

/// A value for people; what is not UTF-8 is replaced.
pub(super) fn cell_text(batch: &Batch, row: usize, column: usize, types: &[Type], look: Look, null: &str) -> String {
    let mut bytes = Vec::new();
    let of = types.get(column).copied().unwrap_or(Type::Other);
    match text::write(&mut bytes, batch.cell(row, column), of, look) {
        true => String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
        false => null.to_owned(),
    }
}

/// The length of a text as Java counts it.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// A text in the middle of so many units, rather to the left.
fn centred(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(units(text));
    format!("{}{text}{}", " ".repeat(blanks / 2), " ".repeat(blanks - blanks / 2))
}
