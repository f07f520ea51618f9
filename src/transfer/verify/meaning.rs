//! What a column of a source is compared as, given how the target holds it.

use arrow_schema::{DataType, TimeUnit};

use crate::error::{self, Result};
use crate::mysql::checksum::Meaning;
use crate::mysql::types::Column;

/// How a target holds a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// As an Arrow type.
    As(DataType),
    /// As text: delimited fields, values in the names of partitions.
    AsText,
}

/// What `column` is compared as.
///
/// # Errors
/// Schema: the target's type cannot hold the column's values, or the column's type is not known.
pub(super) fn meaning_of(column: &Column, held: &Held) -> Result<Meaning> {
    let meaning = Meaning::of(column)?;
    let Held::As(data_type) = held else { return Ok(meaning) };
    held_in(meaning, data_type, column).ok_or_else(|| {
        let what = format!("column {}: {} cannot be compared with {data_type}", column.name, column.column_type);
        error::schema(what).hint("leave the column out with columns")
    })
}

/// The meaning as far as an Arrow type carries it; `None` if it cannot.
fn held_in(meaning: Meaning, data_type: &DataType, column: &Column) -> Option<Meaning> {
    use DataType as T;
    let text = matches!(data_type, T::Utf8 | T::LargeUtf8);
    let bytes = matches!(data_type, T::Binary | T::LargeBinary | T::FixedSizeBinary(_));
    let integer = matches!(data_type, T::Int8 | T::Int16 | T::Int32 | T::Int64);
    let decimal = matches!(data_type, T::Decimal128(..) | T::Decimal256(..));
    let instant = column.data_type == "timestamp";
    let fits = match meaning {
        Meaning::Integer if *data_type == T::Boolean => return Some(Meaning::Truth),
        Meaning::Integer => integer || decimal || text || (bytes && column.data_type == "bit"),
        Meaning::Truth => *data_type == T::Boolean,
        Meaning::Decimal { scale, .. } => decimal || text || (integer && scale == 0),
        Meaning::Float => matches!(data_type, T::Float32 | T::Float64) || text,
        Meaning::Double => *data_type == T::Float64 || text,
        Meaning::Date => matches!(data_type, T::Date32 | T::Int64 | T::Timestamp(..)) || text,
        Meaning::Timestamp { .. } => match data_type {
            T::Timestamp(TimeUnit::Millisecond, _) | T::Int64 => {
                return Some(Meaning::Timestamp { digits: 3, instant });
            }
            T::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _) => {
                return Some(Meaning::Timestamp { digits: 6, instant });
            }
            _ => text,
        },
        Meaning::Time => matches!(data_type, T::Int64 | T::Int32 | T::Time32(_) | T::Time64(_)) || text,
        Meaning::Text => text || bytes,
        Meaning::Bytes => bytes,
    };
    fits.then_some(meaning)
}

/// In words, for reports.
pub(super) fn in_words(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Integer => "digits",
        Meaning::Truth => "true or false",
        Meaning::Decimal { .. } => "decimal digits",
        Meaning::Float | Meaning::Double => "bits",
        Meaning::Date => "day",
        Meaning::Timestamp { digits: 3, .. } => "time, to the millisecond",
        Meaning::Timestamp { .. } => "time",
        Meaning::Time => "duration",
        Meaning::Text => "characters",
        Meaning::Bytes => "bytes",
    }
}
