//! Values of the binary protocol into Arrow builders, exactly or not at all.
//!
//! It refuses zero and impossible dates (`0000-00-00`, `2010-02-31`), text that is not UTF-8, and numbers that the
//! column's type cannot hold; never silently.

use std::fmt::Display;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder,
    Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use mysql_async::{Row, Value};

use super::types::Carrier;
use crate::error::{self, Error, Result};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Collects rows into one batch.
pub struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// An empty builder; `carriers` are those of the schema's columns.
    pub fn new(schema: SchemaRef, carriers: &[Carrier]) -> Self {
        let columns = carriers.iter().map(|c| ColumnBuilder::new(*c)).collect();
        Self { schema, columns, rows: 0, bytes: 0 }
    }

    /// Appends a row. After an error the builder is fit for nothing.
    ///
    /// # Errors
    /// Data: a value cannot be carried exactly; names the column and the value.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let value = row.as_ref(index).unwrap_or(&Value::NULL);
            let done = column.append(value);
            self.bytes += done.map_err(|e| e.context(format!("column {}", self.schema.field(index).name())))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows collected.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes collected, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows collected, as a batch; the builder is empty afterwards.
    ///
    /// # Errors
    /// Data: a NULL in a column that the server declared NOT NULL.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| error::data("a column declared NOT NULL holds a NULL").source(e))
    }
}

/// The builder of one column.
enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Bits(Int64Builder),
    WideBits(Decimal128Builder),
    Decimal(Decimal128Builder, u8),
    Float(Float32Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(StringBuilder, u8),
    Text(StringBuilder),
    Binary(BinaryBuilder),
}

/// Runs an expression on the Arrow builder inside, whatever its type.
macro_rules! on_builder {
    ($self:expr, $builder:ident => $do:expr) => {
        match $self {
            Self::Boolean($builder) => $do,
            Self::Int8($builder) => $do,
            Self::Int16($builder) => $do,
            Self::Int32($builder) => $do,
            Self::Int64($builder) | Self::Bits($builder) => $do,
            Self::WideBits($builder) | Self::Decimal($builder, _) => $do,
            Self::Float($builder) => $do,
            Self::Double($builder) => $do,
            Self::Date($builder) => $do,
            Self::Timestamp($builder) => $do,
            Self::Time($builder, _) | Self::Text($builder) => $do,
            Self::Binary($builder) => $do,
        }
    };
}

impl ColumnBuilder {
    fn new(carrier: Carrier) -> Self {
        let data_type = carrier.data_type();
        match carrier {
            Carrier::Boolean => Self::Boolean(BooleanBuilder::new()),
            Carrier::Int8 => Self::Int8(Int8Builder::new()),
            Carrier::Int16 => Self::Int16(Int16Builder::new()),
            Carrier::Int32 => Self::Int32(Int32Builder::new()),
            Carrier::Int64 => Self::Int64(Int64Builder::new()),
            Carrier::Bits => Self::Bits(Int64Builder::new()),
            Carrier::WideBits => Self::WideBits(Decimal128Builder::new().with_data_type(data_type)),
            Carrier::Decimal { scale, .. } => Self::Decimal(Decimal128Builder::new().with_data_type(data_type), scale),
            Carrier::Float => Self::Float(Float32Builder::new()),
            Carrier::Double => Self::Double(Float64Builder::new()),
            Carrier::Date => Self::Date(Date32Builder::new()),
            Carrier::DateTime | Carrier::Instant => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type))
            }
            Carrier::Time { digits } => Self::Time(StringBuilder::new(), digits),
            Carrier::Text => Self::Text(StringBuilder::new()),
            Carrier::Binary => Self::Binary(BinaryBuilder::new()),
        }
    }

    /// Appends a value and says how many bytes it takes.
    fn append(&mut self, value: &Value) -> Result<usize> {
        if matches!(value, Value::NULL) {
            on_builder!(self, b => b.append_null());
            return Ok(1);
        }
        match self {
            Self::Boolean(b) => append(bits(value).map(|v| b.append_value(v != 0)), 1),
            Self::Int8(b) => append(integer(value).map(|v| b.append_value(v)), 1),
            Self::Int16(b) => append(integer(value).map(|v| b.append_value(v)), 2),
            Self::Int32(b) => append(integer(value).map(|v| b.append_value(v)), 4),
            Self::Int64(b) => append(integer(value).map(|v| b.append_value(v)), 8),
            Self::Bits(b) => append(
                bits(value).and_then(|v| i64::try_from(v).map_err(|_| unfit(value))).map(|v| b.append_value(v)),
                8,
            ),
            Self::WideBits(b) => append(bits(value).map(|v| b.append_value(v.into())), 16),
            Self::Decimal(b, scale) => append(decimal(value, *scale).map(|v| b.append_value(v)), 16),
            Self::Float(b) => match value {
                Value::Float(v) => {
                    b.append_value(*v);
                    Ok(4)
                }
                _ => Err(unfit(value)),
            },
            Self::Double(b) => match value {
                Value::Double(v) => {
                    b.append_value(*v);
                    Ok(8)
                }
                _ => Err(unfit(value)),
            },
            Self::Date(b) => append(days(value).map(|v| b.append_value(v)), 4),
            Self::Timestamp(b) => append(micros(value).map(|v| b.append_value(v)), 8),
            Self::Time(b, digits) => {
                let text = duration(value, *digits)?;
                b.append_value(&text);
                Ok(text.len() + 4)
            }
            Self::Text(b) => {
                let text = std::str::from_utf8(bytes(value)?).map_err(|e| {
                    error::data("text that is not UTF-8")
                        .hint("correct the row, or import a view that converts the column")
                        .source(e)
                })?;
                b.append_value(text);
                Ok(text.len() + 4)
            }
            Self::Binary(b) => {
                let bytes = bytes(value)?;
                b.append_value(bytes);
                Ok(bytes.len() + 4)
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        on_builder!(self, b => Arc::new(b.finish()))
    }
}

fn append(done: Result<()>, bytes: usize) -> Result<usize> {
    done.map(|()| bytes)
}

fn unfit(value: &Value) -> Error {
    error::data(format!("the value {} does not fit the column's type", value.as_sql(true)))
        .hint("was the table altered during the import? run it again")
}

fn bytes(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(unfit(value)),
    }
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(value: &Value) -> Result<T> {
    let fitting = match value {
        Value::Int(v) => T::try_from(*v).ok(),
        Value::UInt(v) => T::try_from(*v).ok(),
        _ => None,
    };
    fitting.ok_or_else(|| unfit(value))
}

/// A BIT value: its bytes, the most significant first.
fn bits(value: &Value) -> Result<u64> {
    let bytes = bytes(value)?;
    if bytes.len() > 8 { Err(unfit(value)) } else { Ok(bytes.iter().fold(0, |v, b| v << 8 | u64::from(*b))) }
}

/// A decimal as a whole number of units of its last digit.
fn decimal(value: &Value, scale: u8) -> Result<i128> {
    let unscaled = match value {
        Value::Int(v) if scale == 0 => Some(i128::from(*v)),
        Value::UInt(v) if scale == 0 => Some(i128::from(*v)),
        Value::Bytes(text) => parse_decimal(text, scale),
        _ => None,
    };
    unscaled.ok_or_else(|| unfit(value))
}

pub(super) fn parse_decimal(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let mut point = digits.splitn(2, |b| *b == b'.');
    let (whole, fraction) = (point.next()?, point.next().unwrap_or_default());
    if whole.len() + fraction.len() == 0 || fraction.len() > usize::from(scale) {
        return None;
    }
    let zeros = std::iter::repeat_n(&b'0', usize::from(scale) - fraction.len());
    let unscaled = whole.iter().chain(fraction).chain(zeros).try_fold(0i128, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { -unscaled } else { unscaled })
}

fn days(value: &Value) -> Result<i32> {
    match *value {
        Value::Date(year, month, day, 0, 0, 0, 0) => civil(year, month, day),
        _ => Err(unfit(value)),
    }
}

fn micros(value: &Value) -> Result<i64> {
    match *value {
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let days = i64::from(civil(year, month, day)?);
            let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
            Ok((days * SECONDS_PER_DAY + seconds) * MICROS_PER_SECOND + i64::from(micros))
        }
        _ => Err(unfit(value)),
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, which MySQL reckons with at all times.
pub(in crate::mysql) fn civil(year: u16, month: u8, day: u8) -> Result<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        let kind = if (year, month, day) == (0, 0, 0) { "zero" } else { "impossible" };
        return Err(error::data(format!("the {kind} date {year:04}-{month:02}-{day:02}"))
            .hint("correct the row or leave it out with where; a zero date has no counterpart in hive"));
    }
    // Years are counted from March, so that the leap day is the last: see Howard Hinnant, "chrono-compatible
    // low-level date algorithms".
    let year = i32::from(year) - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i32::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Ok(era * 146_097 + day_of_era - 719_468)
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A TIME as text: `[-]hhh:mm:ss[.ffffff]`.
fn duration(value: &Value, digits: u8) -> Result<String> {
    let Value::Time(negative, days, hours, minutes, seconds, micros) = *value else { return Err(unfit(value)) };
    let sign = if negative { "-" } else { "" };
    let hours = days * 24 + u32::from(hours);
    let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
    Ok(match digits {
        0 => text,
        _ => format!("{text}.{}", fraction(micros, digits)),
    })
}

fn fraction(micros: u32, digits: u8) -> impl Display {
    let mut text = format!("{micros:06}");
    text.truncate(usize::from(digits));
    text
}

#[cfg(test)]
mod tests;
