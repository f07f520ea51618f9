//! What a column of a table being filled holds, and whether a value fits: decided here where the server would bend a
//! value without an error (rounded decimals and fractions of a second, blanks cut off, numbers taken for the place of
//! an ENUM member), left to the server's strict mode everywhere else.
//!
//! Values are written as SQL literals. Their quoted forms are escaped such that the text between the quotes is a field
//! of LOAD DATA too.

use super::literal;
use super::text;
use super::value::{Kind, Reading, Unfit, Value};
use crate::mysql::wire::Parameter;

impl Kind {
    /// Whether Java would hold the values as a String: then the null string is the one of strings, and an empty text
    /// is a value.
    pub fn is_string(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Choice { .. })
    }

    /// Writes a text as a literal of this column; NULL is decided before.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn write_text(&self, text: &str, reading: Reading, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let lenient = reading == Reading::Sqoop;
        match self {
            Self::Text { max_chars, max_bytes } => {
                check_length(text, *max_chars, *max_bytes)?;
                literal::quoted(out, text.as_bytes());
                Ok(())
            }
            Self::Choice { members } => {
                check_choice(text, members)?;
                literal::quoted(out, text.as_bytes());
                Ok(())
            }
            Self::Bool => text::boolean(text, reading, out),
            Self::Integer => text::integer(text, out),
            Self::Year => text::year(text, out),
            Self::Bit(bits) => text::bit(text, *bits, reading, out),
            Self::Decimal { scale } => text::decimal(text, if lenient { u8::MAX } else { *scale }, out),
            Self::Float => text::float(text, out),
            Self::Double => text::double(text, out),
            Self::Date => text::date(text, out),
            Self::DateTime { digits } => text::date_time(text, *digits, lenient, out),
            Self::Time { digits } => text::time(text, *digits, lenient, out),
            Self::Binary => text::bytes(text, reading, out),
        }
    }

    /// Writes a value as a literal of this column.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn write(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match (self, value) {
            (_, Value::Null) => {
                out.extend_from_slice(b"NULL");
                Ok(())
            }
            // Numbers, days and times as text, which is how Sqoop keeps decimals in Avro files.
            (Self::Binary, Value::Text(text)) => self.write_bytes(text.as_bytes(), out),
            (_, Value::Text(text)) => self.write_text(text, Reading::Exact, out),
            (Self::Binary | Self::Bit(_) | Self::Text { .. } | Self::Choice { .. }, Value::Bytes(bytes)) => {
                self.write_bytes(bytes, out)
            }
            (Self::Text { .. }, value) => self.write_as_text(value, out),
            (_, Value::Integer(n)) => self.write_integer(n, out),
            (Self::Bool | Self::Integer | Self::Bit(_) | Self::Decimal { .. }, Value::Bool(yes)) => {
                out.push(if yes { b'1' } else { b'0' });
                Ok(())
            }
            (_, Value::Decimal(digits)) => self.write_decimal(digits, out),
            (Self::Decimal { scale }, Value::Single(n)) => text::decimal(&format!("{n}"), *scale, out),
            (Self::Decimal { scale }, Value::Double(n)) => text::decimal(&format!("{n}"), *scale, out),
            (Self::Float | Self::Double, Value::Single(n)) => text::finite(f64::from(n), out),
            (Self::Float | Self::Double, Value::Double(n)) => self.write_double(n, out),
            (Self::Time { digits }, Value::Clock(micros)) => literal::clock(out, micros, *digits),
            (Self::Date | Self::DateTime { .. }, Value::Day(_) | Value::Moment(_)) => self.write_day(value, out),
            (_, value) => Err(self.unlike(value)),
        }
    }

    /// The error of a value whose type does not go into this column.
    fn unlike(&self, value: Value<'_>) -> Unfit {
        format!("{} does not go into a column of {}", name_of(value), self.name()).into()
    }

    fn write_bytes(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self {
            Self::Bit(bits) => text::bit_bytes(bytes, *bits, out),
            Self::Text { .. } | Self::Choice { .. } => match std::str::from_utf8(bytes) {
                Ok(text) => self.write_text(text, Reading::Exact, out),
                Err(_) => Err("the bytes are not valid UTF-8".into()),
            },
            _ => {
                literal::hex(out, bytes);
                Ok(())
            }
        }
    }

    fn write_integer(&self, n: i128, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self {
            Self::Year => return text::year(&n.to_string(), out),
            Self::Bit(bits) => return text::bit_number(n, *bits, out),
            Self::Bool | Self::Integer | Self::Decimal { .. } => literal::integer(out, n),
            Self::Float | Self::Double => {
                let exact = if *self == Self::Float { (n as f32) as i128 == n } else { (n as f64) as i128 == n };
                if !exact {
                    return Err(format!("{n} has more digits than the column's floating point holds").into());
                }
                literal::double(out, n as f64);
            }
            _ => return Err(self.unlike(Value::Integer(n))),
        }
        Ok(())
    }

    fn write_decimal(&self, digits: &str, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self {
            Self::Decimal { scale } => text::decimal(digits, *scale, out),
            Self::Integer | Self::Bool => text::decimal(digits, 0, out),
            Self::Bit(bits) => match digits.parse() {
                Ok(n) => text::bit_number(n, *bits, out),
                Err(_) => Err(format!("{digits} is not a whole number").into()),
            },
            Self::Float | Self::Double => text::decimal_as_double(digits, self, out),
            _ => Err(self.unlike(Value::Decimal(digits))),
        }
    }

    fn write_double(&self, n: f64, out: &mut Vec<u8>) -> Result<(), Unfit> {
        // The bits are compared, so that a negative zero stays one.
        if *self == Self::Float && f64::from(n as f32).to_bits() != n.to_bits() {
            return Err(format!("{n:?} has more digits than single precision holds").into());
        }
        text::finite(n, out)
    }

    /// A day or a moment in a column of days or of moments.
    fn write_day(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match (self, value) {
            (Self::Date, Value::Day(day)) => literal::day(out, day),
            (Self::Date, Value::Moment(micros)) if micros.rem_euclid(literal::DAY) == 0 => {
                literal::day(out, micros.div_euclid(literal::DAY))
            }
            (Self::Date, Value::Moment(_)) => Err("the time of the day would be lost in a DATE".into()),
            (Self::DateTime { .. }, Value::Day(day)) => {
                let micros = day.checked_mul(literal::DAY).ok_or("the day is outside the calendar")?;
                literal::moment(out, micros, 0)
            }
            (Self::DateTime { digits }, Value::Moment(micros)) => literal::moment(out, micros, *digits),
            (_, value) => Err(self.unlike(value)),
        }
    }

    /// Any value in a column of characters, as it is printed.
    fn write_as_text(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let text = match value {
            Value::Bool(yes) => yes.to_string(),
            Value::Integer(n) => n.to_string(),
            Value::Single(n) => n.to_string(),
            Value::Double(n) => n.to_string(),
            Value::Decimal(digits) => digits.to_owned(),
            Value::Day(_) | Value::Moment(_) | Value::Clock(_) => {
                let mut quoted = Vec::new();
                match value {
                    Value::Day(day) => literal::day(&mut quoted, day)?,
                    Value::Moment(micros) => literal::moment(&mut quoted, micros, 6)?,
                    Value::Clock(micros) => literal::clock(&mut quoted, micros, 6)?,
                    _ => {}
                }
                String::from_utf8_lossy(&quoted).trim_matches('\'').to_owned()
            }
            Value::Null | Value::Text(_) | Value::Bytes(_) => return Err("not printable".into()),
        };
        self.write_text(&text, Reading::Exact, out)
    }

    /// What the literals of this kind travel as where rows go in bulk: the type that the server makes of them itself
    /// when it reads them in a statement, so that both ways store the same.
    pub(super) fn parameter(&self) -> Parameter {
        match self {
            Self::Bool | Self::Integer => Parameter::Integer,
            // Digits would be taken for bytes.
            Self::Bit(_) => Parameter::Unsigned,
            Self::Decimal { .. } => Parameter::Decimal,
            Self::Float | Self::Double => Parameter::Double,
            Self::Binary => Parameter::Bytes,
            // Days and times as text, which the server checks; their binary forms it bends without an error.
            Self::Year | Self::Date | Self::DateTime { .. } | Self::Time { .. } => Parameter::Text,
            Self::Text { .. } | Self::Choice { .. } => Parameter::Text,
        }
    }

    /// The kind in SQL's words, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bool => "BOOLEAN",
            Self::Integer => "whole numbers",
            Self::Year => "YEAR",
            Self::Bit(_) => "BIT",
            Self::Decimal { .. } => "DECIMAL",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Date => "DATE",
            Self::DateTime { .. } => "DATETIME or TIMESTAMP",
            Self::Time { .. } => "TIME",
            Self::Text { .. } => "text",
            Self::Choice { .. } => "ENUM or SET",
            Self::Binary => "bytes",
        }
    }
}

fn name_of(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "a boolean",
        Value::Integer(_) => "a whole number",
        Value::Single(_) | Value::Double(_) => "a floating point number",
        Value::Decimal(_) => "a decimal",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "a value of bytes",
        Value::Day(_) => "a date",
        Value::Moment(_) => "a timestamp",
        Value::Clock(_) => "a time",
    }
}

/// The server cuts blanks at the end of what is too long without an error.
fn check_length(text: &str, max_chars: Option<u64>, max_bytes: Option<u64>) -> Result<(), Unfit> {
    let bytes = text.len() as u64;
    if let Some(max) = max_chars.filter(|max| bytes > *max) {
        let chars = text.chars().count() as u64;
        if chars > max {
            return Err(format!("{chars} characters are too long for {max}").into());
        }
    }
    match max_bytes {
        Some(max) if bytes > max => Err(format!("{bytes} bytes are too long for {max}").into()),
        _ => Ok(()),
    }
}

/// The server takes a number that is not a member for the position of one, or for a set of bits.
fn check_choice(text: &str, members: &[String]) -> Result<(), Unfit> {
    let is_number = text.trim().parse::<f64>().is_ok();
    if is_number && !members.iter().any(|m| m == text) {
        return Err(format!("{text:?} is not one of the column's values").into());
    }
    Ok(())
}
