//! Sums over the rows of a target, fed with its batches or its records of text.

use arrow_array::cast::AsArray;
use arrow_array::types as t;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

use super::rows::RowChecksum;
use super::sums::{Sums, decimal_text, scaled};
use super::value::{BytesAs, Value};
use crate::error::{self, Result};
use crate::mysql::checksum::Meaning;

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

/// Row count, checksum of the rows, and sums of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// Rows.
    pub rows: u64,
    /// Sum of the checksums of the rows as wholes.
    pub row_checksum: u128,
    /// Sums of the columns, in the order they were asked for.
    pub columns: Vec<Sums>,
    /// For each column, values of the target that the source's column cannot hold.
    pub unreadable: Vec<u64>,
}

/// Where the values of a column are in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// In the column of this number.
    Column(usize),
    /// The same text in every row; `None` for NULL.
    Constant(Option<&'a str>),
}

impl Checksums {
    /// No rows yet, of so many columns.
    pub fn new(columns: usize) -> Self {
        let (columns, unreadable) = (vec![Sums::default(); columns], vec![0; columns]);
        Self { rows: 0, row_checksum: 0, columns, unreadable }
    }

    /// Adds those of other rows.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.row_checksum = self.row_checksum.wrapping_add(other.row_checksum);
        for (sums, more) in self.columns.iter_mut().zip(&other.columns) {
            sums.add(more);
        }
        for (count, more) in self.unreadable.iter_mut().zip(&other.unreadable) {
            *count += more;
        }
    }

    /// Takes the rows of a batch.
    ///
    /// # Errors
    /// Schema: a column of a type that cannot be compared.
    pub(super) fn take(&mut self, batch: &RecordBatch, columns: &[Summed], places: &[Place<'_>]) -> Result<()> {
        let rows = batch.num_rows();
        let mut checksums = Vec::with_capacity(columns.len());
        for (number, (column, place)) in columns.iter().zip(places).enumerate() {
            checksums.push(match place {
                Place::Column(place) => self.take_array(number, column, batch.column(*place).as_ref())?,
                Place::Constant(text) => vec![self.take_text(number, column, *text, rows as u64); rows],
            });
        }
        let mut whole = RowChecksum::new(columns.iter().map(|column| column.meaning.is_by_bits()));
        for row in 0..rows {
            self.take_row(whole.of(checksums.iter().map(|column| column[row])));
        }
        Ok(())
    }

    /// Takes one row of texts; `None` stands for NULL.
    pub(super) fn take_texts<'a>(
        &mut self,
        columns: &[Summed],
        texts: impl Iterator<Item = Option<&'a str>>,
        whole: &mut RowChecksum,
        scratch: &mut Vec<Option<u64>>,
    ) {
        scratch.clear();
        for (number, (column, text)) in columns.iter().zip(texts).enumerate() {
            scratch.push(self.take_text(number, column, text, 1));
        }
        self.take_row(whole.of(scratch.iter().copied()));
    }

    /// Counts a row by its checksum.
    pub(super) fn take_row(&mut self, checksum: u64) {
        self.rows += 1;
        self.row_checksum = self.row_checksum.wrapping_add(checksum.into());
    }

    /// Takes one value that is text, of `rows` rows, into the sums of its column; its checksum.
    pub(super) fn take_text(&mut self, number: usize, column: &Summed, text: Option<&str>, rows: u64) -> Option<u64> {
        let text = text?;
        let mut one = Sums::default();
        let readable = Value::of_text(text, column.meaning, column.bytes_as).map(|value| value.add_to(&mut one));
        let checksum = readable.unwrap_or_else(|| {
            self.unreadable[number] += rows;
            crc32fast::hash(text.as_bytes()).into()
        });
        let sums = &mut self.columns[number];
        sums.values += rows;
        sums.sum = sums.sum.wrapping_add(one.sum.wrapping_mul(i256::from_i128(rows.into())));
        sums.checksum = sums.checksum.wrapping_add(u128::from(checksum).wrapping_mul(rows.into()));
        Some(checksum)
    }

    /// Takes the values of a column into its sums; the checksum of each.
    pub(super) fn take_array(&mut self, number: usize, column: &Summed, array: &dyn Array) -> Result<Vec<Option<u64>>> {
        if array.data_type() == &DataType::Null {
            return Ok(vec![None; array.len()]);
        }
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Ok(texts.iter().map(|text| self.take_text(number, column, text, 1)).collect());
        }
        let (sums, unreadable) = (&mut self.columns[number], &mut self.unreadable[number]);
        let value_at = value_at(array, column)?;
        let checksum = |row: usize| {
            if array.is_null(row) {
                return None;
            }
            Some(match value_at(row) {
                Some(value) => value.add_to(sums),
                None => {
                    *unreadable += 1;
                    sums.values += 1;
                    0
                }
            })
        };
        Ok((0..array.len()).map(checksum).collect())
    }
}

/// How the value of a row is taken; `None` where the source's column cannot hold it.
type ValueAt<'a> = Box<dyn Fn(usize) -> Option<Value<'a>> + 'a>;

fn value_at<'a>(array: &'a dyn Array, column: &Summed) -> Result<ValueAt<'a>> {
    let meaning = column.meaning;
    macro_rules! whole {
        ($kind:ty) => {{
            let values = array.as_primitive::<$kind>().values();
            Box::new(move |row| Value::of_integer(values[row].into(), meaning))
        }};
    }
    macro_rules! micros {
        ($kind:ty, $times:expr, $over:expr) => {{
            let values = array.as_primitive::<$kind>().values();
            Box::new(move |row| Value::of_micros(i128::from(values[row]) * $times / $over, meaning))
        }};
    }
    let is_time = matches!(meaning, Meaning::Date | Meaning::Timestamp { .. } | Meaning::Time);
    Ok(match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row| Value::of_integer(values.value(row).into(), meaning))
        }
        DataType::Int8 => whole!(t::Int8Type),
        DataType::Int16 => whole!(t::Int16Type),
        // Sqoop's times are milliseconds in plain numbers.
        DataType::Int32 if is_time => micros!(t::Int32Type, 1000, 1),
        DataType::Int64 if is_time => micros!(t::Int64Type, 1000, 1),
        DataType::Int32 => whole!(t::Int32Type),
        DataType::Int64 => whole!(t::Int64Type),
        DataType::Decimal128(_, scale) => {
            let (values, scale) = (array.as_primitive::<t::Decimal128Type>().values(), *scale);
            Box::new(move |row| of_decimal(i256::from_i128(values[row]), scale, meaning))
        }
        DataType::Decimal256(_, scale) => {
            let (values, scale) = (array.as_primitive::<t::Decimal256Type>().values(), *scale);
            Box::new(move |row| of_decimal(values[row], scale, meaning))
        }
        DataType::Float32 => {
            let values = array.as_primitive::<t::Float32Type>().values();
            Box::new(move |row| Some(Value::float(values[row].into(), meaning)))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<t::Float64Type>().values();
            Box::new(move |row| Some(Value::float(values[row], meaning)))
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
            Box::new(move |row| Value::of_bytes(values.value(row), meaning))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            Box::new(move |row| Value::of_bytes(values.value(row), meaning))
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
