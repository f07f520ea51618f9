//! One value of a row, whatever its type: for conversions and for messages, not for the fast way.

use std::fmt;

use super::time::{Dated, Duration};
use crate::mysql::wire::{Bytes, Fault, FieldType, ResultColumn};

/// How values of a column lie in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mysql) enum Layout {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// A length, and as many parts of date and time as are not zero.
    Dated {
        timed: bool,
    },
    /// A length, and as many parts of a duration as are not zero.
    Duration,
    /// A length and bytes, the most significant first.
    Bits,
    /// A length and characters.
    Bytes,
}

impl Layout {
    pub(crate) fn of(column: &ResultColumn) -> Self {
        use FieldType::*;
        match (column.field_type, column.is_unsigned()) {
            (MYSQL_TYPE_TINY, false) => Self::I8,
            (MYSQL_TYPE_TINY, true) => Self::U8,
            (MYSQL_TYPE_SHORT, false) => Self::I16,
            (MYSQL_TYPE_SHORT, true) | (MYSQL_TYPE_YEAR, _) => Self::U16,
            (MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG, false) => Self::I32,
            (MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG, true) => Self::U32,
            (MYSQL_TYPE_LONGLONG, false) => Self::I64,
            (MYSQL_TYPE_LONGLONG, true) => Self::U64,
            (MYSQL_TYPE_FLOAT, _) => Self::F32,
            (MYSQL_TYPE_DOUBLE, _) => Self::F64,
            (MYSQL_TYPE_DATE, _) => Self::Dated { timed: false },
            (MYSQL_TYPE_DATETIME | MYSQL_TYPE_TIMESTAMP, _) => Self::Dated { timed: true },
            (MYSQL_TYPE_TIME, _) => Self::Duration,
            (MYSQL_TYPE_BIT, _) => Self::Bits,
            _ => Self::Bytes,
        }
    }
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::mysql) enum Scalar<'a> {
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Dated { date: Dated, timed: bool, digits: u8 },
    Duration { time: Duration, digits: u8 },
    Bytes(&'a [u8]),
}

impl<'a> Scalar<'a> {
    /// The next value of a row, in a column that the server describes so.
    pub(crate) fn of(rest: &mut Bytes<'a>, column: &ResultColumn) -> Result<Self, Fault> {
        Self::read(rest, Layout::of(column), column.decimals.min(6))
    }

    /// The next value of a row; `digits` of a second are shown.
    pub(crate) fn read(rest: &mut Bytes<'a>, layout: Layout, digits: u8) -> Result<Self, Fault> {
        Ok(match layout {
            Layout::I8 => Self::Int(i8::from_le_bytes(rest.array()?).into()),
            Layout::U8 => Self::UInt(rest.byte()?.into()),
            Layout::I16 => Self::Int(i16::from_le_bytes(rest.array()?).into()),
            Layout::U16 => Self::UInt(u16::from_le_bytes(rest.array()?).into()),
            Layout::I32 => Self::Int(i32::from_le_bytes(rest.array()?).into()),
            Layout::U32 => Self::UInt(u32::from_le_bytes(rest.array()?).into()),
            Layout::I64 => Self::Int(i64::from_le_bytes(rest.array()?)),
            Layout::U64 => Self::UInt(u64::from_le_bytes(rest.array()?)),
            Layout::F32 => Self::Float(f32::from_le_bytes(rest.array()?)),
            Layout::F64 => Self::Double(f64::from_le_bytes(rest.array()?)),
            Layout::Dated { timed } => Self::Dated { date: Dated::read(rest)?, timed, digits },
            Layout::Duration => Self::Duration { time: Duration::read(rest)?, digits },
            Layout::Bits => {
                bits(rest.string()?).map(Self::UInt).ok_or(Fault::Protocol("a BIT of more than 64 bits"))?
            }
            Layout::Bytes => Self::Bytes(rest.string()?),
        })
    }
}

/// The number that the bits make.
#[inline]
pub(super) fn bits(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl fmt::Display for Scalar<'_> {
    /// As MySQL shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::Float(number) => float(f, number, f64::from(number.abs())),
            Self::Double(number) => float(f, number, number.abs()),
            Self::Dated { date, timed, digits } => date.write(*timed, *digits, f),
            Self::Duration { time, digits } => time.write(*digits, f),
            Self::Bytes(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
        }
    }
}

/// The shortest digits that say the number exactly, with an exponent where there would be too many zeros.
fn float<T: fmt::Display + fmt::LowerExp>(f: &mut fmt::Formatter<'_>, number: &T, size: f64) -> fmt::Result {
    match size == 0.0 || (1e-5..1e15).contains(&size) || !size.is_finite() {
        true => write!(f, "{number}"),
        false => write!(f, "{number:e}"),
    }
}
