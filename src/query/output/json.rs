//! Rows as JSON objects. NULL is null, numbers and decimals are numbers with the digits that Hive sends; NaN and infinity,
//! which JSON does not have, are texts. Nested values are the text that Hive makes of them. Bytes are base64.

use super::super::text::{self, Look, Type};
use crate::error::{self, Result};
use crate::format::text::value;
use crate::hiveserver2::{Batch, Cell, Column};

/// What is around the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// A list, one object a line.
    List,
    /// Nothing: one object a line, as beeline's `jsonfile`.
    Lines,
    /// beeline's `json`: an object whose `resultset` is the list, in one line.
    ResultSet,
}

impl Wrapping {
    /// What stands before the first object, between two, and behind the last.
    fn marks(self) -> [&'static str; 3] {
        match self {
            Self::List => ["[\n", ",\n", "\n]\n"],
            Self::Lines => ["", "\n", "\n"],
            Self::ResultSet => ["{\"resultset\":[", ",", "]}\n"],
        }
    }
}

/// Writes one result.
pub(crate) struct Json {
    look: Look,
    wrapping: Wrapping,
    types: Vec<Type>,
    /// As JSON writes them, with the colon.
    keys: Vec<Vec<u8>>,
    is_empty: bool,
    value: Vec<u8>,
}

impl Json {
    pub(super) fn begin(
        look: Look,
        wrapping: Wrapping,
        columns: &[Column],
        types: Vec<Type>,
        out: &mut Vec<u8>,
    ) -> Result<Self> {
        let twice = columns.iter().enumerate().find(|(at, c)| columns[..*at].iter().any(|e| e.name == c.name));
        if let Some((_, column)) = twice {
            return Err(error::schema(format!("two columns of the result are called {}", column.name))
                .hint("an object has each name once: name them apart by `as`"));
        }
        let key = |column: &Column| {
            let mut key = Vec::new();
            string(&column.name, &mut key);
            key.push(b':');
            key
        };
        let keys = columns.iter().map(key).collect();
        out.extend_from_slice(wrapping.marks()[0].as_bytes());
        Ok(Self { look, wrapping, types, keys, is_empty: true, value: Vec::new() })
    }

    pub(super) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        for row in 0..batch.height() {
            if !std::mem::take(&mut self.is_empty) {
                out.extend_from_slice(self.wrapping.marks()[1].as_bytes());
            }
            out.push(b'{');
            for column in 0..self.keys.len() {
                if column > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(&self.keys[column]);
                let of = self.types.get(column).copied().unwrap_or(Type::Other);
                self.put(batch.cell(row, column), of, out);
            }
            out.push(b'}');
        }
    }

    pub(super) fn end(self, out: &mut Vec<u8>) {
        let end = match (self.wrapping, self.is_empty) {
            (Wrapping::Lines, true) => "",
            (Wrapping::List, true) => "]\n",
            (wrapping, _) => wrapping.marks()[2],
        };
        out.extend_from_slice(end.as_bytes());
    }

    fn put(&mut self, cell: Cell<'_>, of: Type, out: &mut Vec<u8>) {
        match (cell, of) {
            (Cell::Null, _) => return out.extend_from_slice(b"null"),
            (Cell::Double(number), _) if !number.is_finite() => {
                out.push(b'"');
                value::double(out, number);
                return out.push(b'"');
            }
            (Cell::Bool(_) | Cell::Int(_) | Cell::Double(_), _) => {
                text::write(out, cell, of, self.look);
                return;
            }
            (Cell::Bytes(digits), Type::Decimal) if is_number(digits) => {
                text::write(out, cell, of, self.look);
                return;
            }
            (Cell::Bytes(bytes), Type::Binary) if self.look == Look::Hive => value::base64(&mut self.value, bytes),
            (Cell::Bytes(_), _) => drop(text::write(&mut self.value, cell, of, self.look)),
        }
        string(&String::from_utf8_lossy(&self.value), out);
        self.value.clear();
    }
}

/// Whether a decimal is written as JSON writes numbers.
fn is_number(digits: &[u8]) -> bool {
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    let leading_zero = digits.len() > 1 && digits[0] == b'0' && digits[1] != b'.';
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.last().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && !leading_zero
}

fn string(text: &str, out: &mut Vec<u8>) {
    // A text always serialises, and memory takes it.
    let _ = serde_json::to_writer(out, text);
}
