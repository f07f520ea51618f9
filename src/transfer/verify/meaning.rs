//! What the values of a column mean, so that a source and a target that hold them in different types can be compared:
//! a number as its digits, a time as its text on the clock, text and bytes as bytes, a float as its bits.
//!
//! | column of MySQL | compared as | sums |
//! |---|---|---|
//! | integers, BIT, YEAR | digits | exact sum; sum of CRC-32 |
//! | the same, held as a boolean | 0 or 1 | exact sum; sum of CRC-32 |
//! | DECIMAL | digits at the column's scale | exact sum up to 43 digits; sum of CRC-32 |
//! | FLOAT, DOUBLE | bits, read over the binary protocol | exact sum of the bits |
//! | DATE | `yyyy-MM-dd` | sum of CRC-32 |
//! | DATETIME, TIMESTAMP | `yyyy-MM-dd HH:mm:ss.ffffff` in UTC, or to the millisecond where the files hold no more | sum of CRC-32 |
//! | TIME | `[-]HH:mm:ss.ffffff` | sum of CRC-32 |
//! | text, ENUM, SET, JSON, UUID, INET | UTF-8 | sum of CRC-32 |
//! | bytes, GEOMETRY | bytes | sum of CRC-32 |
//!
//! Values that are not NULL are counted in every column. A value that changed alone changes an exact sum always, and a
//! sum of CRC-32 but for one chance in 2^32; values that only changed places between rows are not told apart.

use std::fmt;

use arrow_schema::{DataType, TimeUnit};

use crate::error::{self, Result};
use crate::mysql::quote;
use crate::mysql::types::Column;

/// Most digits of a decimal whose sum the server holds exactly over any number of rows: it has 65 and adds 22.
const MAX_SUMMED_DIGITS: u64 = 43;

/// What the values of a column are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Digits of a whole number.
    Integer,
    /// 0 or 1.
    Truth,
    /// Digits of a number with a scale.
    Decimal {
        /// Digits behind the point.
        scale: i8,
        /// Whether the server's sum is exact.
        summed: bool,
    },
    /// Bits of single precision.
    Float,
    /// Bits of double precision.
    Double,
    /// A day.
    Date,
    /// A time of a day, with so many digits of a second.
    Timestamp {
        /// 6, or 3 where the files hold milliseconds.
        digits: u8,
    },
    /// A duration.
    Time,
    /// Characters.
    Text,
    /// Bytes.
    Bytes,
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("whole numbers"),
            Self::Truth => f.write_str("0 or 1"),
            Self::Decimal { scale, summed: true } => write!(f, "decimals with {scale} digits behind the point"),
            Self::Decimal { scale, summed: false } => {
                write!(f, "decimals with {scale} digits behind the point, by their checksum alone")
            }
            Self::Float => f.write_str("bits of floats, summed here"),
            Self::Double => f.write_str("bits of doubles, summed here"),
            Self::Date => f.write_str("days"),
            Self::Timestamp { digits } => write!(f, "times with {digits} digits of a second"),
            Self::Time => f.write_str("durations"),
            Self::Text => f.write_str("characters"),
            Self::Bytes => f.write_str("bytes"),
        }
    }
}

/// How a target holds a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// As an Arrow type.
    As(DataType),
    /// As text: delimited fields, values in the names of partitions.
    AsText,
}

impl Meaning {
    /// What `column` is compared as, given how the target holds it.
    ///
    /// # Errors
    /// Schema: the target's type cannot hold the column's values.
    pub fn of(column: &Column, held: &Held) -> Result<Self> {
        let meaning = Self::of_source(column)?;
        let fits = match held {
            Held::AsText => return Ok(meaning),
            Held::As(data_type) => meaning.held_in(data_type, column),
        };
        let Held::As(data_type) = held else { return Ok(meaning) };
        fits.ok_or_else(|| {
            let what = format!("column {}: {} cannot be compared with {data_type}", column.name, column.column_type);
            error::schema(what).hint("leave the column out with columns")
        })
    }

    fn of_source(column: &Column) -> Result<Self> {
        Ok(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" | "year" => Self::Integer,
            "decimal" | "numeric" => Self::Decimal {
                scale: column.scale.and_then(|s| i8::try_from(s).ok()).unwrap_or(0),
                summed: column.precision.is_some_and(|p| p <= MAX_SUMMED_DIGITS),
            },
            "float" => Self::Float,
            "double" | "real" => Self::Double,
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::Timestamp { digits: 6 },
            "time" => Self::Time,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "json" | "enum" | "set" | "uuid"
            | "inet4" | "inet6" => Self::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
            | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
            | "geomcollection" | "vector" => Self::Bytes,
            _ => {
                return Err(error::schema(format!("column {}: type {} is not known", column.name, column.column_type))
                    .hint("leave the column out with columns"));
            }
        })
    }

    /// The meaning as far as an Arrow type carries it; `None` if it cannot.
    fn held_in(self, data_type: &DataType, column: &Column) -> Option<Self> {
        use DataType as T;
        let text = matches!(data_type, T::Utf8 | T::LargeUtf8);
        let bytes = matches!(data_type, T::Binary | T::LargeBinary | T::FixedSizeBinary(_));
        let integer = matches!(data_type, T::Int8 | T::Int16 | T::Int32 | T::Int64);
        let decimal = matches!(data_type, T::Decimal128(..) | T::Decimal256(..));
        let fits = match self {
            Self::Integer if *data_type == T::Boolean => return Some(Self::Truth),
            Self::Integer => integer || decimal || text || (bytes && column.data_type == "bit"),
            Self::Truth => *data_type == T::Boolean,
            Self::Decimal { scale, .. } => decimal || text || (integer && scale == 0),
            Self::Float => matches!(data_type, T::Float32 | T::Float64) || text,
            Self::Double => *data_type == T::Float64 || text,
            Self::Date => matches!(data_type, T::Date32 | T::Int64 | T::Timestamp(..)) || text,
            Self::Timestamp { .. } => match data_type {
                T::Timestamp(TimeUnit::Millisecond, _) | T::Int64 => return Some(Self::Timestamp { digits: 3 }),
                T::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _) => true,
                _ => text,
            },
            Self::Time => matches!(data_type, T::Int64 | T::Int32 | T::Time32(_) | T::Time64(_)) || text,
            Self::Text => text || bytes,
            Self::Bytes => bytes,
        };
        fits.then_some(self)
    }

    /// Whether the values are compared by their bits, which the server cannot sum up.
    pub fn is_by_bits(self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// In words, for reports.
    pub fn how(self) -> &'static str {
        match self {
            Self::Integer => "digits",
            Self::Truth => "true or false",
            Self::Decimal { .. } => "decimal digits",
            Self::Float | Self::Double => "bits",
            Self::Date => "day",
            Self::Timestamp { digits: 3 } => "time, to the millisecond",
            Self::Timestamp { .. } => "time",
            Self::Time => "duration",
            Self::Text => "characters",
            Self::Bytes => "bytes",
        }
    }

    /// The server's count of values, sum (or NULL) and sum of CRC-32 of a column, as SQL; `None` for floats.
    pub fn sql(self, column: &Column, zero_dates_are_null: bool) -> Option<[String; 3]> {
        let x = quote(&column.name);
        let dated = zero_dates_are_null && matches!(self, Self::Date | Self::Timestamp { .. });
        // A month or a day of 0 makes a date that is none.
        let value = if dated { format!("IF(MONTH({x}) = 0 OR DAYOFMONTH({x}) = 0, NULL, {x})") } else { x };
        // ZEROFILL would fill up the digits.
        let number = match column.column_type.contains("zerofill") {
            true => match self {
                Self::Decimal { scale, .. } => {
                    format!("CAST({value} AS DECIMAL({}, {scale}))", column.precision.unwrap_or(65))
                }
                _ => format!("CAST({value} AS UNSIGNED)"),
            },
            false => value.clone(),
        };
        let (sum, canonical) = match self {
            Self::Float | Self::Double => return None,
            Self::Integer => {
                let number =
                    if matches!(column.data_type.as_str(), "bit" | "year") { format!("({value} + 0)") } else { number };
                (Some(number.clone()), as_text(&number))
            }
            Self::Truth => {
                let truth = format!("IF({value} IS NULL, NULL, {value} <> 0)");
                (Some(truth.clone()), as_text(&truth))
            }
            Self::Decimal { summed, .. } => (summed.then(|| number.clone()), as_text(&number)),
            Self::Date => (None, as_text(&value)),
            Self::Timestamp { digits } => {
                let text = as_text(&format!("CAST({value} AS DATETIME(6))"));
                (None, if digits == 3 { format!("LEFT({text}, 23)") } else { text })
            }
            Self::Time => (None, as_text(&format!("CAST({value} AS TIME(6))"))),
            Self::Text => (None, format!("CONVERT({} USING utf8mb4)", as_characters(column, &value))),
            Self::Bytes => (None, value.clone()),
        };
        let sum = sum.map_or("NULL".to_owned(), |sum| format!("SUM({sum})"));
        Some([format!("COUNT({value})"), sum, format!("SUM(CRC32({canonical}))")])
    }
}

fn as_text(expression: &str) -> String {
    format!("CAST({expression} AS CHAR)")
}

/// Types that are characters only once they are cast.
fn as_characters(column: &Column, value: &str) -> String {
    match column.data_type.as_str() {
        "json" | "uuid" | "inet4" | "inet6" => as_text(value),
        _ => value.to_owned(),
    }
}
