//! Sums over the rows of a target, fed with its batches or its records of text.

use arrow_array::cast::AsArray;
use arrow_array::types as t;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

use super::meaning::Meaning;
use super::sums::{Sums, decimal_text, scaled};
use super::value::Value;
use crate::error::{self, Result};

/// A column of the target as it is summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summed {
    /// Name in the source.
    pub name: String,
    /// What its values are compared as.
    pub meaning: Meaning,
    /// How text stands for bytes, where the target holds text.
    pub bytes_as: BytesAs,
}

/// How delimited text holds bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BytesAs {
    /// Base64, as Hive's text tables.
    #[default]
    Base64,
    /// Pairs of hexadecimal digits, as Sqoop.
    HexPairs,
}

/// Row count and sums of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// Rows.
    pub rows: u64,
    /// Sums of the columns, in the order they were asked for.
    pub columns: Vec<Sums>,
    /// For each column, values of the target that are none of what the source's column holds.
    pub unreadable: Vec<u64>,
}

impl Checksums {
    /// No rows yet, of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { rows: 0, columns: vec![Sums::default(); columns], unreadable: vec![0; columns] }
    }

    /// Adds those of other rows.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        for (sums, more) in self.columns.iter_mut().zip(&other.columns) {
            sums.add(more);
        }
        for (count, more) in self.unreadable.iter_mut().zip(&other.unreadable) {
            *count += more;
        }
    }

    /// Counts rows whose columns are taken one by one.
    pub fn take_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// Takes the columns of a batch; `places` says where each summed column stands in it. The rows are counted.
    ///
    /// # Errors
    /// Schema: a column of a type that cannot be compared.
    pub fn take(&mut self, batch: &RecordBatch, columns: &[Summed], places: &[Option<usize>]) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        for (number, (column, place)) in columns.iter().zip(places).enumerate() {
            if let Some(place) = place {
                self.take_array(number, column, batch.column(*place).as_ref())?;
            }
        }
        Ok(())
    }

    /// Takes one value that is text, of `rows` rows; the rows are not counted.
    pub fn take_text(&mut self, number: usize, column: &Summed, text: Option<&str>, rows: u64) {
        let Some(text) = text else { return };
        let mut one = Sums::default();
        let readable = Value::of_text(text, column.meaning, column.bytes_as).map(|value| value.add_to(&mut one));
        if readable.is_none() {
            one.take(text.as_bytes());
            self.unreadable[number] += rows;
        }
        let sums = &mut self.columns[number];
        sums.values += rows;
        sums.sum = sums.sum.wrapping_add(one.sum.wrapping_mul(i256::from_i128(rows.into())));
        sums.checksum = sums.checksum.wrapping_add(one.checksum.wrapping_mul(rows.into()));
    }

    fn take_array(&mut self, number: usize, column: &Summed, array: &dyn Array) -> Result<()> {
        if array.data_type() == &DataType::Null {
            return Ok(());
        }
        if let Some(texts) = array.as_string_opt::<i32>() {
            texts.iter().flatten().for_each(|text| self.take_text(number, column, Some(text), 1));
            return Ok(());
        }
        let (sums, unreadable) = (&mut self.columns[number], &mut self.unreadable[number]);
        let mut each = |value: Option<Value<'_>>| match value {
            Some(value) => value.add_to(sums),
            None => {
                *unreadable += 1;
                sums.values += 1;
            }
        };
        let rows = (0..array.len()).filter(|row| array.is_valid(*row));
        match value_at(array, column)? {
            Reader::Whole(at) => rows.for_each(|row| each(Value::of_integer(at(row), column.meaning))),
            Reader::Scaled(at, scale) => rows.for_each(|row| each(of_decimal(at(row), scale, column.meaning))),
            Reader::Float(at) => rows.for_each(|row| each(Some(Value::float(at(row), column.meaning)))),
            Reader::Micros(at) => rows.for_each(|row| each(Value::of_micros(at(row), column.meaning))),
            Reader::Bytes(at) => rows.for_each(|row| each(Value::of_bytes(at(row), column.meaning))),
        }
        Ok(())
    }
}

/// How the values of an array are taken.
enum Reader<'a> {
    Whole(Box<dyn Fn(usize) -> i64 + 'a>),
    Scaled(Box<dyn Fn(usize) -> i256 + 'a>, i8),
    Float(Box<dyn Fn(usize) -> f64 + 'a>),
    /// Microseconds since the epoch, or of a duration.
    Micros(Box<dyn Fn(usize) -> i128 + 'a>),
    Bytes(Box<dyn Fn(usize) -> &'a [u8] + 'a>),
}

fn value_at<'a>(array: &'a dyn Array, column: &Summed) -> Result<Reader<'a>> {
    macro_rules! whole {
        ($kind:ty) => {{
            let values = array.as_primitive::<$kind>().values();
            Reader::Whole(Box::new(|row| values[row].into()))
        }};
    }
    macro_rules! micros {
        ($kind:ty, $times:expr, $over:expr) => {{
            let values = array.as_primitive::<$kind>().values();
            Reader::Micros(Box::new(|row| i128::from(values[row]) * $times / $over))
        }};
    }
    let is_time = matches!(column.meaning, Meaning::Date | Meaning::Timestamp { .. } | Meaning::Time);
    Ok(match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            Reader::Whole(Box::new(|row| values.value(row).into()))
        }
        DataType::Int8 => whole!(t::Int8Type),
        DataType::Int16 => whole!(t::Int16Type),
        // Sqoop's times are milliseconds in plain numbers.
        DataType::Int32 if is_time => micros!(t::Int32Type, 1000, 1),
        DataType::Int64 if is_time => micros!(t::Int64Type, 1000, 1),
        DataType::Int32 => whole!(t::Int32Type),
        DataType::Int64 => whole!(t::Int64Type),
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<t::Decimal128Type>().values();
            Reader::Scaled(Box::new(|row| i256::from_i128(values[row])), *scale)
        }
        DataType::Decimal256(_, scale) => {
            let values = array.as_primitive::<t::Decimal256Type>().values();
            Reader::Scaled(Box::new(|row| values[row]), *scale)
        }
        DataType::Float32 => {
            let values = array.as_primitive::<t::Float32Type>().values();
            Reader::Float(Box::new(|row| values[row].into()))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<t::Float64Type>().values();
            Reader::Float(Box::new(|row| values[row]))
        }
        DataType::Date32 => micros!(t::Date32Type, 86_400_000_000, 1),
        DataType::Timestamp(TimeUnit::Second, _) => micros!(t::TimestampSecondType, 1_000_000, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => micros!(t::TimestampMillisecondType, 1000, 1),
        DataType::Timestamp(TimeUnit::Microsecond, _) => micros!(t::TimestampMicrosecondType, 1, 1),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => micros!(t::TimestampNanosecondType, 1, 1000),
        DataType::Time32(TimeUnit::Millisecond) => micros!(t::Time32MillisecondType, 1000, 1),
        DataType::Time64(TimeUnit::Microsecond) => micros!(t::Time64MicrosecondType, 1, 1),
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            Reader::Bytes(Box::new(|row| values.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            Reader::Bytes(Box::new(|row| values.value(row)))
        }
        other => return Err(error::schema(format!("column {}: {other} cannot be compared", column.name))),
    })
}

fn of_decimal(number: i256, scale: i8, meaning: Meaning) -> Option<Value<'static>> {
    let wanted = match meaning {
        Meaning::Integer => 0,
        Meaning::Decimal { scale, .. } => scale,
        _ => return None,
    };
    let number = if wanted == scale { number } else { scaled(&decimal_text(number, scale), wanted)? };
    Value::of_number(number, meaning)
}
