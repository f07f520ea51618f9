//! Rows of literals as the packets of MariaDB's bulk execution.

use super::literal::{unescaped, unhexed};
use super::rows::Rows;
use crate::mysql::wire::{self, Parameter, begin_bulk, put_length};

/// Rows of one packet unless fewer are asked for; more would not be faster.
pub const BULK_ROWS: usize = 2000;

/// What stands in front of a value.
const VALUE: u8 = 0;
/// What stands for one.
const NULL: u8 = 1;

/// A prepared statement and the packet that it is executed with next.
#[derive(Debug)]
pub(super) struct Bulk {
    statement: wire::Statement,
    parameters: Vec<Parameter>,
    /// Most rows of a packet.
    most: usize,
    /// Bytes above which a packet takes no more rows.
    fill_bytes: usize,
    /// Bytes that the server takes.
    max_bytes: usize,
    packet: Vec<u8>,
}

/// Why a literal cannot be packed.
#[derive(Debug, PartialEq, Eq)]
enum Unpacked {
    /// A whole number of more than 64 bits.
    Wide,
    /// It is not a literal of the parameter's kind.
    Strange,
}

impl Bulk {
    pub(super) fn new(
        statement: wire::Statement,
        parameters: &[Parameter],
        most: usize,
        fill_bytes: usize,
        max_bytes: usize,
    ) -> Self {
        let (most, parameters) = (most.max(1), parameters.to_vec());
        Self { statement, parameters, most, fill_bytes, max_bytes, packet: Vec::new() }
    }

    /// The packet.
    pub(super) fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// Packs rows from this one on; where they end. If none fits, the row has to be sent some other way.
    pub(super) fn pack(&mut self, rows: &Rows, from: usize) -> usize {
        loop {
            self.packet.clear();
            begin_bulk(&mut self.packet, &self.statement, &self.parameters);
            match self.pack_rows(rows, from) {
                Ok(to) => return to,
                // All values of a column have one type. It stays the wide one: where one is wide, more will be.
                Err(column) => self.parameters[column] = Parameter::Decimal,
            }
        }
    }

    /// Where the rows end that were packed, or a column whose whole numbers have more than 64 bits.
    fn pack_rows(&mut self, rows: &Rows, from: usize) -> Result<usize, usize> {
        for row in from..rows.len().min(from + self.most) {
            let before = self.packet.len();
            for (column, literal) in rows.row(row).enumerate() {
                match pack(self.parameters[column], literal, &mut self.packet) {
                    Ok(()) => {}
                    Err(Unpacked::Wide) => return Err(column),
                    Err(Unpacked::Strange) => {
                        self.packet.truncate(before);
                        return Ok(row);
                    }
                }
            }
            let most = if row == from { self.max_bytes } else { self.fill_bytes };
            if self.packet.len() > most {
                self.packet.truncate(before);
                return Ok(row);
            }
        }
        Ok(rows.len().min(from + self.most))
    }
}

/// Appends a literal as a value.
fn pack(parameter: Parameter, literal: &[u8], out: &mut Vec<u8>) -> Result<(), Unpacked> {
    if literal == b"NULL" {
        out.push(NULL);
        return Ok(());
    }
    out.push(VALUE);
    match (parameter, literal) {
        (Parameter::Text, [b'\'', text @ .., b'\'']) => {
            let text = unescaped(text);
            put_length(out, text.len());
            out.extend_from_slice(&text);
        }
        (Parameter::Bytes, [b'X', b'\'', digits @ .., b'\'']) => {
            put_length(out, digits.len() / 2);
            unhexed(digits, out);
        }
        (_, [b'\'' | b'X', ..]) | (Parameter::Bytes, _) => return Err(Unpacked::Strange),
        // A year.
        (Parameter::Text | Parameter::Decimal, number) => {
            put_length(out, number.len());
            out.extend_from_slice(number);
        }
        (Parameter::Integer, digits) => {
            out.extend_from_slice(&parsed::<i64>(digits).ok_or(Unpacked::Wide)?.to_le_bytes());
        }
        (Parameter::Unsigned, digits) => {
            out.extend_from_slice(&parsed::<u64>(digits).ok_or(Unpacked::Strange)?.to_le_bytes());
        }
        (Parameter::Double, number) => {
            out.extend_from_slice(&parsed::<f64>(number).ok_or(Unpacked::Strange)?.to_le_bytes());
        }
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(literal: &[u8]) -> Option<T> {
    std::str::from_utf8(literal).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::write::{Kind, Value};

    fn rows(width: usize, literals: &[&[u8]]) -> Rows {
        let mut rows = Rows::new(width);
        for row in literals.chunks(width) {
            for literal in row {
                rows.field().extend_from_slice(literal);
                rows.end_field();
            }
            rows.end_row();
        }
        rows
    }

    fn bulk(parameters: &[Parameter], most: usize, fill_bytes: usize, max_bytes: usize) -> Bulk {
        Bulk::new(wire::Statement::default(), parameters, most, fill_bytes, max_bytes)
    }

    /// A literal as it stands in a packet.
    fn packed(parameter: Parameter, literal: &[u8]) -> Result<Vec<u8>, Unpacked> {
        let mut out = Vec::new();
        pack(parameter, literal, &mut out).map(|()| out)
    }

    #[test]
    fn literals_become_values() {
        let number = |n: i64| Ok([&[0], n.to_le_bytes().as_slice()].concat());
        assert_eq!(packed(Parameter::Integer, b"-5"), number(-5));
        assert_eq!(packed(Parameter::Integer, b"0007"), number(7));
        assert_eq!(packed(Parameter::Integer, b"9223372036854775808"), Err(Unpacked::Wide));
        assert_eq!(packed(Parameter::Unsigned, b"18446744073709551615"), number(-1));
        assert_eq!(packed(Parameter::Double, b"1e-1"), Ok([&[0], 0.1f64.to_le_bytes().as_slice()].concat()));
        assert_eq!(packed(Parameter::Decimal, b"-1.50"), Ok(b"\0\x05-1.50".to_vec()));
        assert_eq!(packed(Parameter::Text, b"'a\\'b\\\\'"), Ok(b"\0\x04a'b\\".to_vec()));
        assert_eq!(packed(Parameter::Text, b"2024"), Ok(b"\0\x042024".to_vec()));
        assert_eq!(packed(Parameter::Text, b"'NULL'"), Ok(b"\0\x04NULL".to_vec()));
        assert_eq!(packed(Parameter::Bytes, b"X'00FE'"), Ok(b"\0\x02\x00\xfe".to_vec()));
        for parameter in [Parameter::Integer, Parameter::Unsigned, Parameter::Decimal, Parameter::Double] {
            assert_eq!(packed(parameter, b"NULL"), Ok(vec![NULL]));
            assert_eq!(packed(parameter, b"'1'"), Err(Unpacked::Strange));
        }
        assert_eq!(packed(Parameter::Text, b"X'00'"), Err(Unpacked::Strange));
        assert_eq!(packed(Parameter::Bytes, b"'a'"), Err(Unpacked::Strange));
    }

    #[test]
    fn a_long_text_has_a_long_length() {
        let mut literal = vec![b'\''];
        literal.extend(std::iter::repeat_n(*b"\\'", 300).flatten());
        literal.push(b'\'');
        let value = packed(Parameter::Text, &literal).unwrap();
        assert_eq!((&value[..4], value.len()), (&[0, 0xfc, 44, 1][..], 304));
    }

    #[test]
    fn every_kind_has_a_parameter_for_its_literals() {
        let text = Kind::Text { max_chars: None, max_bytes: None };
        let choice = Kind::Choice { members: vec!["a".into()] };
        for (kind, values) in [
            (Kind::Bool, vec![Value::Bool(true), Value::Integer(-128), Value::Text("no")]),
            (Kind::Integer, vec![Value::Integer(i64::MIN.into()), Value::Decimal("12.0")]),
            (Kind::Year, vec![Value::Integer(2024), Value::Text("0")]),
            (Kind::Bit(64), vec![Value::Integer(u64::MAX.into()), Value::Bytes(&[1, 2])]),
            (Kind::Decimal { scale: 2 }, vec![Value::Decimal("-0.50"), Value::Integer(i128::MAX), Value::Double(1.5)]),
            (Kind::Float, vec![Value::Single(f32::MIN), Value::Integer(1 << 24), Value::Decimal("0.5")]),
            (Kind::Double, vec![Value::Double(f64::MAX), Value::Double(-0.0), Value::Text("1e-300")]),
            (Kind::Date, vec![Value::Day(0), Value::Text("0000-00-00")]),
            (Kind::DateTime { digits: 6 }, vec![Value::Moment(-1), Value::Day(3)]),
            (Kind::Time { digits: 6 }, vec![Value::Clock(-1)]),
            (text, vec![Value::Text("it's\0"), Value::Double(1.5), Value::Day(1)]),
            (choice, vec![Value::Text("a"), Value::Text("")]),
            (Kind::Binary, vec![Value::Bytes(&[0, 255]), Value::Text("x"), Value::Bytes(&[])]),
        ] {
            for value in values.into_iter().chain([Value::Null]) {
                let mut literal = Vec::new();
                kind.write(value, &mut literal).unwrap();
                assert!(packed(kind.parameter(), &literal).is_ok(), "{kind:?} {value:?}");
            }
        }
    }

    #[test]
    fn packets_are_bounded_by_rows_and_bytes() {
        let five = rows(1, &[&b"'aaaaaaaaaa'"[..]; 5]);
        let (head, row) = (9, 12);
        assert_eq!(bulk(&[Parameter::Text], 2, 1000, 1000).pack(&five, 0), 2);
        assert_eq!(bulk(&[Parameter::Text], 9, 1000, 1000).pack(&five, 2), 5);
        let mut three = bulk(&[Parameter::Text], 9, head + 3 * row, 1000);
        assert_eq!((three.pack(&five, 1), three.packet().len()), (4, head + 3 * row));
        assert_eq!(bulk(&[Parameter::Text], 9, 1, 1000).pack(&five, 1), 2, "one row whatever its size");
        assert_eq!(bulk(&[Parameter::Text], 9, 1, 20).pack(&five, 1), 1, "but none that the server refuses");
        assert_eq!(bulk(&[Parameter::Text], 9, 1, 20).pack(&five, 5), 5);
    }

    #[test]
    fn a_wide_number_makes_its_column_wide() {
        let mixed = rows(2, &[b"1", b"2", b"3", b"18446744073709551615", b"5", b"X'00'"]);
        let mut wide = bulk(&[Parameter::Integer, Parameter::Integer], 9, 1000, 1000);
        assert_eq!(wide.pack(&mixed, 0), 2, "the third row goes into no packet");
        assert_eq!(wide.parameters, [Parameter::Integer, Parameter::Decimal]);
        assert_eq!(wide.packet().len(), 7 + 4 + 9 + 3 + 9 + 22);
        assert_eq!(wide.pack(&mixed, 2), 2);
    }
}
