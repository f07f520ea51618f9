//! Rows as Avro records: each value is written straight into the block, a branch of its union in front where it may be
//! null. Column by column types are settled once per batch, so that a value costs a `match` and its bytes.
//!
//! Source: Apache Avro specification 1.11, "Binary encoding".

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, TimeUnit};

use super::container::{put_bytes, put_long};
use super::{AvroOptions, AvroTimestamps};
use crate::error::{self, Error, Result};

/// Branches of the union of null and a type, as Avro numbers them.
const NULL: u8 = 0;
const VALUE: u8 = 2;

/// The rows of a batch, ready to be written.
pub(super) struct Rows<'a>(Vec<Column<'a>>);

struct Column<'a> {
    name: &'a str,
    in_union: bool,
    nulls: Option<&'a NullBuffer>,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    /// Days too.
    Int32(&'a [i32]),
    /// Microseconds too, where they are written as they are.
    Int64(&'a [i64]),
    ToMillis(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Decimal128(&'a [i128]),
    Decimal256(&'a [arrow_buffer::i256]),
}

impl<'a> Rows<'a> {
    /// Settles the types of a batch.
    pub(super) fn new(
        batch: &'a RecordBatch,
        fields: &'a [std::sync::Arc<Field>],
        options: &AvroOptions,
    ) -> Result<Self> {
        let columns = fields.iter().zip(batch.columns()).map(|(field, array)| {
            Ok(Column {
                name: field.name(),
                in_union: options.is_nullable(field),
                nulls: array.nulls().filter(|nulls| nulls.null_count() > 0),
                cells: cells(array, options.timestamps)?,
            })
        });
        Ok(Self(columns.collect::<Result<Vec<_>>>()?))
    }

    /// Appends a record.
    ///
    /// # Errors
    /// Data: a time that does not fit the file's unit.
    #[inline]
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        for column in &self.0 {
            if column.in_union {
                if column.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    out.push(NULL);
                    continue;
                }
                out.push(VALUE);
            }
            column.value(row, out)?;
        }
        Ok(())
    }
}

fn cells(array: &ArrayRef, timestamps: AvroTimestamps) -> Result<Cells<'_>> {
    Ok(match array.data_type() {
        DataType::Boolean => Cells::Boolean(array.as_boolean()),
        DataType::Int8 => Cells::Int8(array.as_primitive::<Int8Type>().values()),
        DataType::Int16 => Cells::Int16(array.as_primitive::<Int16Type>().values()),
        DataType::Int32 => Cells::Int32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => Cells::Int64(array.as_primitive::<Int64Type>().values()),
        DataType::Float32 => Cells::Float32(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => Cells::Float64(array.as_primitive::<Float64Type>().values()),
        DataType::Utf8 => Cells::Text(array.as_string()),
        DataType::Binary => Cells::Bytes(array.as_binary()),
        DataType::Date32 => Cells::Int32(array.as_primitive::<Date32Type>().values()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().values();
            if timestamps == AvroTimestamps::Millis { Cells::ToMillis(micros) } else { Cells::Int64(micros) }
        }
        DataType::Decimal128(_, _) => Cells::Decimal128(array.as_primitive::<Decimal128Type>().values()),
        DataType::Decimal256(_, _) => Cells::Decimal256(array.as_primitive::<Decimal256Type>().values()),
        other => return Err(error::bug(format!("no avro type for {other}"))),
    })
}

impl Column<'_> {
    #[inline]
    fn value(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        match &self.cells {
            Cells::Boolean(a) => out.push(u8::from(a.value(row))),
            Cells::Int8(a) => put_long(out, a[row].into()),
            Cells::Int16(a) => put_long(out, a[row].into()),
            Cells::Int32(a) => put_long(out, a[row].into()),
            Cells::Int64(a) => put_long(out, a[row]),
            Cells::ToMillis(a) => match a[row] % 1000 {
                0 => put_long(out, a[row] / 1000),
                _ => return Err(finer_than_millis(self.name, a[row])),
            },
            Cells::Float32(a) => out.extend_from_slice(&a[row].to_le_bytes()),
            Cells::Float64(a) => out.extend_from_slice(&a[row].to_le_bytes()),
            Cells::Text(a) => put_bytes(out, a.value(row).as_bytes()),
            Cells::Bytes(a) => put_bytes(out, a.value(row)),
            Cells::Decimal128(a) => put_bytes(out, shortest(&a[row].to_be_bytes())),
            Cells::Decimal256(a) => put_bytes(out, shortest(&a[row].to_be_bytes())),
        }
        Ok(())
    }
}

/// The shortest two's complement of a number, as Java's `BigInteger` writes it.
fn shortest(bytes: &[u8]) -> &[u8] {
    let fill = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let mut from = 0;
    while from + 1 < bytes.len() && bytes[from] == fill && (bytes[from + 1] ^ fill) & 0x80 == 0 {
        from += 1;
    }
    &bytes[from..]
}

#[cold]
fn finer_than_millis(column: &str, micros: i64) -> Error {
    let fraction = micros.rem_euclid(1_000_000);
    error::data(format!("column {column}: a time with the fraction .{fraction:06} does not fit avro's milliseconds"))
        .hint(
            "write parquet, which carries microseconds, or avro with timestamps in micros where hive is not the reader",
        )
}
