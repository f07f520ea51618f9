//! What the values of a column mean, and what the server makes of them when two copies of a table are compared: a number
//! as its digits, a time as its text on the clock, text and bytes as bytes.
//!
//! | column | compared as | asked of the server |
//! |---|---|---|
//! | integers, BIT, YEAR | digits | exact sum; CRC-32 |
//! | the same, held as a boolean | 0 or 1 | exact sum; CRC-32 |
//! | DECIMAL | digits at the column's scale | exact sum up to 43 digits; CRC-32 |
//! | FLOAT, DOUBLE | bits, read over the binary protocol | nothing |
//! | DATE | `yyyy-MM-dd` | CRC-32 |
//! | DATETIME, TIMESTAMP | `yyyy-MM-dd HH:mm:ss.ffffff` (instants in UTC, text by the session's clock), or to the millisecond where the copy holds no more | CRC-32 |
//! | TIME | `[-]HH:mm:ss.ffffff` | CRC-32 |
//! | text, ENUM, SET, JSON, UUID, INET | UTF-8 | CRC-32 |
//! | bytes, GEOMETRY | bytes | CRC-32 |
//!
//! A column is compared by the count of its values that are not NULL, their exact sum and the sum of their CRC-32. Rows
//! are compared as wholes by the sum of a 64-bit checksum of each, cut from the SHA-256 of the CRC-32 of its columns:
//! values that changed places between rows show there, and a row that is there twice does not hide one that is missing.
//! A change escapes the columns for one chance in 2^32, and rows for one in 2^64 beyond that.

use std::fmt;

use super::quote;
use super::session::{self, Session};
use super::types::Column;
use crate::error::{self, Result};

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
        /// Whether it is an instant, compared in UTC; if not, it is what the clock of the session shows.
        instant: bool,
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
            Self::Timestamp { digits, .. } => write!(f, "times with {digits} digits of a second"),
            Self::Time => f.write_str("durations"),
            Self::Text => f.write_str("characters"),
            Self::Bytes => f.write_str("bytes"),
        }
    }
}

/// What is asked of the server about one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSql {
    /// Count of the values that are not NULL.
    pub count: String,
    /// Exact sum of the numbers, or NULL.
    pub sum: String,
    /// CRC-32 of the value of a row.
    pub checksum: String,
}

impl Meaning {
    /// What the values of a column mean.
    ///
    /// # Errors
    /// Schema: a type that is not known.
    pub fn of(column: &Column) -> Result<Self> {
        Ok(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" | "year" => Self::Integer,
            "decimal" | "numeric" => Self::Decimal {
                scale: column.scale.and_then(|s| i8::try_from(s).ok()).unwrap_or(0),
                summed: column.precision.is_some_and(|p| p <= MAX_SUMMED_DIGITS),
            },
            "float" => Self::Float,
            "double" | "real" => Self::Double,
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::Timestamp { digits: 6, instant: false },
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

    /// Whether the values are compared by their bits, which the server cannot sum up.
    pub fn is_by_bits(self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// What is asked about a column; `None` for floats, which the server does not print exactly.
    pub fn sql(self, column: &Column, zero_dates_are_null: bool, session: &Session) -> Option<ColumnSql> {
        let name = quote(&column.name);
        let x = match self {
            Self::Timestamp { instant: true, .. } if !session.is_utc() => {
                session::utc_of_seconds(&session::seconds(&name))
            }
            Self::Text if column.data_type == "char" && session.pads() => format!("TRIM(TRAILING ' ' FROM {name})"),
            _ => name.clone(),
        };
        let dated = zero_dates_are_null && matches!(self, Self::Date | Self::Timestamp { .. });
        // A month or a day of 0 makes a date that does not exist.
        let value = if dated { format!("IF(MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0, NULL, {x})") } else { x };
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
            Self::Timestamp { digits, .. } => {
                let text = as_text(&format!("CAST({value} AS DATETIME(6))"));
                (None, if digits == 3 { format!("LEFT({text}, 23)") } else { text })
            }
            Self::Time => (None, as_text(&format!("CAST({value} AS TIME(6))"))),
            Self::Text => (None, format!("CONVERT({} USING utf8mb4)", as_characters(column, &value))),
            Self::Bytes => (None, value.clone()),
        };
        Some(ColumnSql {
            count: format!("COUNT({value})"),
            sum: sum.map_or("NULL".to_owned(), |sum| format!("SUM({sum})")),
            checksum: format!("CRC32({canonical})"),
        })
    }
}

/// The checksum of a row, made of those of its columns; `None` if it has no columns.
pub fn row_checksum_sql(columns: &[ColumnSql]) -> Option<String> {
    let checksums: Vec<String> = columns.iter().map(|column| format!("IFNULL({}, '-')", column.checksum)).collect();
    let digest = format!("SHA2(CONCAT_WS(',', {}), 256)", checksums.join(", "));
    (!columns.is_empty()).then(|| format!("CAST(CONV(LEFT({digest}, 16), 16, 10) AS UNSIGNED)"))
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

#[cfg(test)]
mod tests {
    use super::super::types::tests::column;
    use super::*;

    #[test]
    fn an_instant_is_asked_in_utc_and_a_text_by_the_clock() {
        let user = Session::Users(std::sync::Arc::default());
        let asked = |instant, session: &Session| {
            let meaning = Meaning::Timestamp { digits: 6, instant };
            meaning.sql(&column("c", "timestamp"), false, session).unwrap().checksum
        };
        assert!(asked(true, &user).contains("INTERVAL IFNULL(UNIX_TIMESTAMP(`c`)"));
        assert_eq!(asked(false, &user), "CRC32(CAST(CAST(`c` AS DATETIME(6)) AS CHAR))");
        assert_eq!(asked(true, &Session::Ours), asked(false, &user));
    }

    fn sql(column_type: &str, meaning: Meaning, zero_dates_are_null: bool) -> Option<String> {
        let sql = meaning.sql(&column("c", column_type), zero_dates_are_null, &Session::Ours)?;
        Some([sql.count, sql.sum, sql.checksum].join(" | "))
    }

    #[test]
    fn the_server_is_asked_in_the_words_that_are_compared() {
        assert_eq!(
            sql("int(8) unsigned zerofill", Meaning::Integer, false).unwrap(),
            "COUNT(`c`) | SUM(CAST(`c` AS UNSIGNED)) | CRC32(CAST(CAST(`c` AS UNSIGNED) AS CHAR))"
        );
        assert_eq!(
            sql("datetime(6)", Meaning::Timestamp { digits: 3, instant: false }, true).unwrap(),
            "COUNT(IF(MONTH(`c`) = 0 OR DAYOFMONTH(`c`) = 0, NULL, `c`)) | NULL | CRC32(LEFT(CAST(CAST(IF(MONTH(`c`) = 0 \
             OR DAYOFMONTH(`c`) = 0, NULL, `c`) AS DATETIME(6)) AS CHAR), 23))"
        );
        assert_eq!(sql("double", Meaning::Double, false), None);
    }

    #[test]
    fn a_row_is_the_digest_of_its_columns() {
        let of =
            |name: &str| ColumnSql { count: String::new(), sum: String::new(), checksum: format!("CRC32({name})") };
        assert_eq!(
            row_checksum_sql(&[of("a"), of("b")]).unwrap(),
            "CAST(CONV(LEFT(SHA2(CONCAT_WS(',', IFNULL(CRC32(a), '-'), IFNULL(CRC32(b), '-')), 256), 16), 16, 10) AS \
             UNSIGNED)"
        );
        assert_eq!(row_checksum_sql(&[]), None);
    }
}
