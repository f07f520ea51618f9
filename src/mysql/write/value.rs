//! What a column of a table being filled holds, and the values on their way there.

use std::borrow::Cow;

/// Why a value does not go into a column.
pub type Unfit = Cow<'static, str>;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TINYINT(1): a number from -128 to 127 that most take for yes or no.
    Bool,
    /// Whole numbers.
    Integer,
    /// A year: 0 or 1901 to 2155.
    Year,
    /// So many bits.
    Bit(u8),
    /// Exact numbers with so many digits after the point.
    Decimal {
        /// Digits after the point.
        scale: u8,
    },
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// A day.
    Date,
    /// DATETIME and TIMESTAMP with so many digits of a second.
    DateTime {
        /// Digits of the fraction.
        digits: u8,
    },
    /// A duration with so many digits of a second.
    Time {
        /// Digits of the fraction.
        digits: u8,
    },
    /// Characters.
    Text {
        /// Most characters, for CHAR and VARCHAR.
        max_chars: Option<u64>,
        /// Most bytes of UTF-8, for the TEXT types.
        max_bytes: Option<u64>,
    },
    /// ENUM and SET.
    Choice {
        /// Members, as declared.
        members: Vec<String>,
    },
    /// Bytes.
    Binary,
}

/// A value on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// None.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Single precision.
    Single(f32),
    /// Double precision.
    Double(f64),
    /// A decimal in plain digits.
    Decimal(&'a str),
    /// Characters.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Day(i64),
    /// Microseconds since 1970-01-01 00:00, on the wall clock or in UTC.
    Moment(i64),
    /// Microseconds of a duration or since midnight.
    Clock(i64),
}

/// Whose reading of text it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// What does not fit exactly is refused.
    #[default]
    Exact,
    /// As lenient as Sqoop: the server rounds, every unknown word is false, bytes are pairs of hexadecimal digits.
    Sqoop,
}
