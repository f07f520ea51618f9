//! Values between delimiters, one row a line.

use memchr::memchr3;

use super::Style;
use crate::hiveserver2::{Batch, Column};
use crate::query::text::{self, Look, Type};

/// What is done with a value that holds a delimiter, a quote or a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// It is written in double quotes, and double quotes in it twice (RFC 4180). A text that reads as NULL is quoted too.
    Double,
    /// Nothing, as in beeline's csv2, tsv2 and dsv.
    None,
    /// Every value is between apostrophes, whatever is in it, as in beeline's old csv and tsv.
    Apostrophes,
}

/// Writes one result.
pub(crate) struct Separated {
    delimiter: Vec<u8>,
    quoting: Quoting,
    null: Vec<u8>,
    look: Look,
    types: Vec<Type>,
    /// The value that is being written.
    value: Vec<u8>,
}

impl Separated {
    pub(super) fn begin(
        style: &Style,
        delimiter: char,
        quoting: Quoting,
        columns: &[Column],
        types: Vec<Type>,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut this = Self {
            delimiter: delimiter.to_string().into_bytes(),
            quoting,
            null: style.null.clone().into_bytes(),
            look: style.look,
            types,
            value: Vec::new(),
        };
        if style.header {
            for (at, column) in columns.iter().enumerate() {
                this.value.extend_from_slice(column.name.as_bytes());
                this.put(at, out);
            }
            out.push(b'\n');
        }
        this
    }

    pub(super) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        for row in 0..batch.height() {
            for column in 0..batch.width() {
                let of = self.types.get(column).copied().unwrap_or(Type::Other);
                if text::write(&mut self.value, batch.cell(row, column), of, self.look) {
                    self.put(column, out);
                } else {
                    self.put_null(column, out);
                }
            }
            out.push(b'\n');
        }
    }

    fn put_null(&mut self, column: usize, out: &mut Vec<u8>) {
        if self.quoting == Quoting::Apostrophes {
            self.value.extend_from_slice(&self.null);
            return self.put(column, out);
        }
        self.delimit(column, out);
        out.extend_from_slice(&self.null);
    }

    fn delimit(&self, column: usize, out: &mut Vec<u8>) {
        if column > 0 {
            out.extend_from_slice(&self.delimiter);
        }
    }

    /// Writes the value as it has to be quoted, and forgets it.
    fn put(&mut self, column: usize, out: &mut Vec<u8>) {
        self.delimit(column, out);
        match self.quoting {
            Quoting::Double if self.needs_quotes() => {
                out.push(b'"');
                for byte in &self.value {
                    out.extend(std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
                }
                out.push(b'"');
            }
            Quoting::Double | Quoting::None => out.extend_from_slice(&self.value),
            Quoting::Apostrophes => {
                out.push(b'\'');
                out.extend_from_slice(&self.value);
                out.push(b'\'');
            }
        }
        self.value.clear();
    }

    fn needs_quotes(&self) -> bool {
        let value = &self.value[..];
        memchr3(b'"', b'\n', b'\r', value).is_some()
            || value == self.null
            || memchr::memmem::find(value, &self.delimiter).is_some()
    }
}
