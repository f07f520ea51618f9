//! A value of a result as text: as Hive sends it, or as Hive's JDBC driver has Java print it.

use crate::format::text::value;
use crate::hiveserver2::{Cell, Column};

/// Whose text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Exactly what Hive sends.
    Hive,
    /// What beeline makes of it: times have at least one digit of a second's fraction, and a decimal whose first digit
    /// comes late has an exponent.
    Beeline,
}

/// What has to be known of a column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Numbers that JSON can have; the server sends decimals as text.
    Number,
    /// A number that is sent as text.
    Decimal,
    /// A time without a zone.
    Timestamp,
    /// Bytes.
    Binary,
    /// All that is text in every look.
    Other,
}

impl Type {
    /// The type of a column.
    pub(crate) fn of(column: &Column) -> Self {
        let name = column.hive_type.split('(').next().unwrap_or_default();
        match name {
            "tinyint" | "smallint" | "int" | "bigint" | "float" | "double" => Self::Number,
            "decimal" => Self::Decimal,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            _ => Self::Other,
        }
    }
}

/// Appends a value; nothing for NULL, and `false`.
pub(crate) fn write(out: &mut Vec<u8>, cell: Cell<'_>, of: Type, look: Look) -> bool {
    match cell {
        Cell::Null => return false,
        Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Int(value) => value::signed(out, value),
        Cell::Double(value) => value::double(out, value),
        Cell::Bytes(bytes) => match (look, of) {
            (Look::Beeline, Type::Timestamp) => {
                out.extend_from_slice(bytes);
                if !bytes.contains(&b'.') {
                    out.extend_from_slice(b".0");
                }
            }
            (Look::Beeline, Type::Decimal) => big_decimal(out, bytes),
            _ => out.extend_from_slice(bytes),
        },
    }
    true
}

/// Writes a plain decimal as Java's `BigDecimal.toString` does: with an exponent where the first digit comes later than
/// the seventh behind the point.
fn big_decimal(out: &mut Vec<u8>, plain: &[u8]) {
    let (sign, rest) = plain.split_at(usize::from(plain.first() == Some(&b'-')));
    let point = rest.iter().position(|byte| *byte == b'.');
    let scale = point.map_or(0, |point| rest.len() - point - 1);
    let digits: Vec<u8> = rest.iter().copied().filter(u8::is_ascii_digit).collect();
    let leading = digits.iter().take_while(|digit| **digit == b'0').count().min(digits.len().saturating_sub(1));
    let digits = &digits[leading..];
    // What is behind the point and no digit of the number are zeros before its first digit.
    let exponent = scale + 1 - digits.len().min(scale + 1);
    if exponent <= 6 {
        return out.extend_from_slice(plain);
    }
    let (first, others) = digits.split_at(1);
    out.extend_from_slice(sign);
    out.extend_from_slice(first);
    if !others.is_empty() {
        out.push(b'.');
        out.extend_from_slice(others);
    }
    out.extend_from_slice(b"E-");
    value::unsigned(out, exponent as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cell: Cell<'_>, hive_type: &str, look: Look) -> String {
        let column = Column { name: "c".to_owned(), hive_type: hive_type.to_owned() };
        let mut out = Vec::new();
        assert!(write(&mut out, cell, Type::of(&column), look));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn beeline_prints_what_java_makes_of_times_and_decimals() {
        let cases = [
            ("timestamp", "2020-01-01 00:00:00", "2020-01-01 00:00:00.0"),
            ("timestamp", "2020-01-01 00:00:00.12", "2020-01-01 00:00:00.12"),
            ("date", "2020-01-01", "2020-01-01"),
            ("decimal(5,2)", "-1.50", "-1.50"),
            ("decimal(9,7)", "0.0000001", "1E-7"),
            ("decimal(9,7)", "-0.0000012", "-0.0000012"),
            ("decimal(9,8)", "-0.00000012", "-1.2E-7"),
            ("decimal(9,6)", "0.000001", "0.000001"),
            ("decimal(38,10)", "0.0000000000", "0E-10"),
            ("decimal(38,6)", "0.000000", "0.000000"),
            ("decimal(38,0)", "0", "0"),
            ("decimal(38,10)", "12345678901234567890.0000000001", "12345678901234567890.0000000001"),
        ];
        for (hive_type, sent, shown) in cases {
            assert_eq!(text(Cell::Bytes(sent.as_bytes()), hive_type, Look::Beeline), shown, "{hive_type} {sent}");
            assert_eq!(text(Cell::Bytes(sent.as_bytes()), hive_type, Look::Hive), sent);
        }
        assert_eq!(text(Cell::Double(1e10), "double", Look::Hive), "1.0E10");
        assert_eq!(text(Cell::Bool(true), "boolean", Look::Beeline), "true");
        assert!(!write(&mut Vec::new(), Cell::Null, Type::Other, Look::Hive));
    }
}
