//! Rows that wait to be written: literals side by side, without an allocation each.

use std::ops::Range;

/// Rows of literals.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    /// Where each literal ends, row by row.
    ends: Vec<usize>,
    width: usize,
    /// Literals of rows that are finished.
    kept: usize,
}

impl Rows {
    /// No rows of so many columns yet.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Where the next literal is to be appended; [`Rows::end_field`] follows.
    pub fn field(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends a literal.
    pub fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Keeps the row if it has all its literals.
    pub fn end_row(&mut self) {
        debug_assert_eq!(self.ends.len(), self.kept + self.width);
        self.kept = self.ends.len();
    }

    /// Drops what was appended since the last whole row.
    pub fn drop_row(&mut self) {
        self.ends.truncate(self.kept);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.kept.checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all literals.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of the literals of some rows.
    pub fn bytes_of(&self, rows: Range<usize>) -> usize {
        self.end_of(rows.end * self.width) - self.end_of(rows.start * self.width)
    }

    /// The literal of a column of a row.
    pub fn literal(&self, row: usize, column: usize) -> &[u8] {
        let at = row * self.width + column;
        &self.bytes[self.end_of(at)..self.ends[at]]
    }

    /// The literals of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        (0..self.width).map(move |column| self.literal(row, column))
    }

    /// Where the literal in front of this one ends.
    fn end_of(&self, literal: usize) -> usize {
        if literal == 0 { 0 } else { self.ends[literal - 1] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_row_leaves_nothing() {
        let mut rows = Rows::new(2);
        for (a, b) in [("1", "'x'"), ("2", "NULL")] {
            rows.field().extend_from_slice(a.as_bytes());
            rows.end_field();
            rows.field().extend_from_slice(b.as_bytes());
            rows.end_field();
            rows.end_row();
        }
        rows.field().extend_from_slice(b"half");
        rows.end_field();
        rows.field().extend_from_slice(b"a");
        rows.drop_row();
        assert_eq!((rows.len(), rows.len_bytes()), (2, 9));
        assert_eq!(rows.row(1).collect::<Vec<_>>(), [&b"2"[..], b"NULL"]);
        assert_eq!((rows.bytes_of(0..1), rows.bytes_of(1..2), rows.bytes_of(0..2)), (4, 5, 9));
    }
}
