//! Values as another type than their own, where the user asks for it; what does not fit is refused.

use std::fmt::Write;

use super::column::{Builder, ColumnDecoder, write};
use super::decimal::{checked_pow10, parse_decimal, plain};
use super::scalar::Scalar;
use super::text::no_text;
use super::time::Dated;
use super::{Wrong, unfit};
use crate::mysql::types::{AsDecimal, Mapping};

/// Texts that mean yes and no.
const YES: [&str; 5] = ["true", "t", "1", "on", "yes"];
const NO: [&str; 5] = ["false", "f", "0", "off", "no"];

impl ColumnDecoder {
    /// Appends a value as the type that the column is asked for.
    pub(super) fn append_converted(&mut self, value: Scalar<'_>) -> Result<(), Wrong> {
        let no_date = match value {
            Scalar::Dated { date, .. } if date.days().is_none() => Some(date),
            _ => None,
        };
        match (&mut self.builder, self.mapping, no_date) {
            (Builder::Text(b), Mapping::As(_, AsDecimal::Text), _) if self.mapping.is_decimal() => {
                return decimal_text(b, value);
            }
            (Builder::Text(b), ..) => return text(b, value),
            (_, _, Some(date)) => return self.append_no_date(&date),
            (Builder::Boolean(b), ..) => b.append_value(boolean(value)?),
            (Builder::Int32(b), ..) => b.append_value(fitting(value)?),
            (Builder::Int64(b), ..) => b.append_value(fitting(value)?),
            (Builder::Float(b), ..) => b.append_value(single(value)?),
            (Builder::Double(b), ..) => b.append_value(double(value)?),
            (Builder::Decimal(b), Mapping::As(_, AsDecimal::Scale(scale)), _) => {
                b.append_value(decimal(value, scale).ok_or_else(|| unfit(value))?);
            }
            (Builder::Date(b), ..) => {
                let date = dated(value)?;
                b.append_value(date.days().filter(|_| date.day_micros() == 0).ok_or_else(|| unfit(value))?);
            }
            (Builder::Timestamp(b), ..) => {
                b.append_value(dated(value)?.epoch_micros().ok_or_else(|| unfit(value))?);
            }
            (Builder::Binary(b), ..) => match value {
                Scalar::Bytes(bytes) => b.append_value(bytes),
                other => return Err(unfit(other)),
            },
            _ => return Err(unfit(value)),
        }
        Ok(())
    }
}

fn text(builder: &mut arrow_array::builder::StringBuilder, value: Scalar<'_>) -> Result<(), Wrong> {
    match value {
        Scalar::Bytes(bytes) => builder.append_value(std::str::from_utf8(bytes).map_err(no_text)?),
        other => write(builder, |b| write!(b, "{other}")),
    }
    Ok(())
}

fn decimal_text(builder: &mut arrow_array::builder::StringBuilder, value: Scalar<'_>) -> Result<(), Wrong> {
    match value {
        Scalar::Bytes(bytes) => {
            let (sign, digits) = plain(bytes)?;
            write(builder, |b| b.write_str(sign).and_then(|()| b.write_str(digits)));
        }
        Scalar::Int(_) | Scalar::UInt(_) => write(builder, |b| write!(b, "{value}")),
        // Without an exponent.
        Scalar::Float(number) if number.is_finite() => write(builder, |b| write!(b, "{number}")),
        Scalar::Double(number) if number.is_finite() => write(builder, |b| write!(b, "{number}")),
        other => return Err(unfit(other)),
    }
    Ok(())
}

fn boolean(value: Scalar<'_>) -> Result<bool, Wrong> {
    match value {
        Scalar::Int(number) => Ok(number != 0),
        Scalar::UInt(number) => Ok(number != 0),
        Scalar::Float(number) => Ok(number != 0.0),
        Scalar::Double(number) => Ok(number != 0.0),
        Scalar::Bytes(bytes) => {
            let is = |known: &str| bytes.eq_ignore_ascii_case(known.as_bytes());
            match (YES.iter().any(|t| is(t)), NO.iter().any(|t| is(t))) {
                (false, false) => Err(unfit(value)),
                (yes, _) => Ok(yes),
            }
        }
        other => Err(unfit(other)),
    }
}

/// A whole number that fits; digits after the point must be zeros.
fn fitting<T: TryFrom<i128>>(value: Scalar<'_>) -> Result<T, Wrong> {
    let number = match value {
        Scalar::Int(number) => Some(number.into()),
        Scalar::UInt(number) => Some(number.into()),
        Scalar::Float(number) => exact(number.into()),
        Scalar::Double(number) => exact(number),
        Scalar::Bytes(text) => {
            let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
            let zeros = text.iter().skip(point + 1).all(|b| *b == b'0');
            parse_decimal(&text[..point], 0).filter(|_| zeros)
        }
        _ => None,
    };
    number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| unfit(value))
}

/// A number without a fraction, well within 128 bits.
fn exact(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e30).then_some(number as i128)
}

/// The nearest number of double precision.
fn double(value: Scalar<'_>) -> Result<f64, Wrong> {
    match value {
        Scalar::Int(number) => Ok(number as f64),
        Scalar::UInt(number) => Ok(number as f64),
        Scalar::Float(number) => Ok(number.into()),
        Scalar::Double(number) => Ok(number),
        Scalar::Bytes(text) => parsed(text).ok_or_else(|| unfit(value)),
        other => Err(unfit(other)),
    }
}

/// The nearest number of single precision; one beyond its range is refused.
fn single(value: Scalar<'_>) -> Result<f32, Wrong> {
    let number = match value {
        Scalar::Float(number) => number,
        Scalar::Bytes(text) => parsed(text).ok_or_else(|| unfit(value))?,
        other => double(other)? as f32,
    };
    if number.is_finite() { Ok(number) } else { Err(unfit(value)) }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    // Not a number that only Rust knows, such as "inf".
    let plain = text.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

fn decimal(value: Scalar<'_>, scale: u8) -> Option<i128> {
    let whole = |number: i128| number.checked_mul(checked_pow10(scale.into())?);
    match value {
        Scalar::Int(number) => whole(number.into()),
        Scalar::UInt(number) => whole(number.into()),
        Scalar::Bytes(text) => parse_decimal(text, scale),
        _ => None,
    }
}

fn dated(value: Scalar<'_>) -> Result<Dated, Wrong> {
    match value {
        Scalar::Dated { date, .. } => Ok(date),
        Scalar::Bytes(text) => Dated::parse(text).ok_or_else(|| unfit(value)),
        other => Err(unfit(other)),
    }
}
