//! A result as a Parquet file: whole numbers, floats, decimals, dates and times in their own types, exactly. Nested types,
//! intervals and times with a zone are the text that Hive makes of them.
//!
//! Refuses times finer than a microsecond, which Parquet's readers in Hive do not know, rather than cut them.

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::civil;

use crate::error::{self, Result};
use crate::format::{Encoder, FileFormat, Output, ParquetOptions};
use crate::hiveserver2::{Batch, Cell, Column};

/// The first day of the count.
const EPOCH: civil::Date = civil::date(1970, 1, 1);

/// Writes one result.
pub(crate) struct Parquet {
    schema: SchemaRef,
    encoder: Box<dyn Encoder>,
    pieces: Output,
}

impl Parquet {
    pub(super) fn begin(columns: &[Column]) -> Result<Self> {
        if let Some((_, column)) =
            columns.iter().enumerate().find(|(at, c)| columns[..*at].iter().any(|e| e.name == c.name))
        {
            return Err(error::schema(format!("two columns of the result are called {}", column.name))
                .hint("a file has each name once: name them apart by `as`"));
        }
        let field = |column: &Column| Field::new(&column.name, data_type(&column.hive_type), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let encoder = FileFormat::Parquet(ParquetOptions::default()).encoder(schema.clone())?;
        Ok(Self { schema, encoder, pieces: Output::default() })
    }

    pub(super) fn rows(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let column = |(at, field): (usize, &Arc<Field>)| {
            let cells = (0..batch.height()).map(|row| batch.cell(row, at));
            array(cells, field.data_type()).map_err(|e| e.context(format!("column {} of the result", field.name())))
        };
        let columns = self.schema.fields().iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| error::bug("columns of a result do not make a batch").source(e))?;
        self.encoder.encode(&batch, &mut self.pieces)?;
        self.give(out);
        Ok(())
    }

    pub(super) fn end(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.encoder.finish(&mut self.pieces)?;
        self.give(out);
        Ok(())
    }

    fn give(&mut self, out: &mut Vec<u8>) {
        self.pieces.take().iter().for_each(|piece| out.extend_from_slice(piece));
    }
}

/// The type of a column, of its type as DDL writes it.
fn data_type(hive_type: &str) -> DataType {
    let (name, arguments) = hive_type.split_once('(').unwrap_or((hive_type, ""));
    match name {
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "binary" => DataType::Binary,
        "decimal" => {
            let mut numbers = arguments.trim_end_matches(')').split(',');
            let precision = numbers.next().and_then(|p| p.trim().parse().ok()).unwrap_or(38);
            let scale = numbers.next().and_then(|s| s.trim().parse().ok()).unwrap_or(0);
            DataType::Decimal128(precision, scale)
        }
        _ => DataType::Utf8,
    }
}

/// Collects cells into an array: what a cell is for the type, or an error.
macro_rules! collected {
    ($cells:expr, $builder:expr, $pattern:pat => $value:expr) => {{
        let mut builder = $builder;
        for cell in $cells {
            match cell {
                Cell::Null => builder.append_null(),
                $pattern => builder.append_value($value),
                other => return Err(misfit(other)),
            }
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    }};
}

fn array<'b>(cells: impl Iterator<Item = Cell<'b>>, of: &DataType) -> Result<ArrayRef> {
    match of {
        DataType::Boolean => collected!(cells, BooleanBuilder::new(), Cell::Bool(v) => v),
        DataType::Int8 => collected!(cells, Int8Builder::new(), Cell::Int(v) => narrow(v)?),
        DataType::Int16 => collected!(cells, Int16Builder::new(), Cell::Int(v) => narrow(v)?),
        DataType::Int32 => collected!(cells, Int32Builder::new(), Cell::Int(v) => narrow(v)?),
        DataType::Int64 => collected!(cells, Int64Builder::new(), Cell::Int(v) => v),
        // The server sends the decimal digits of the float, which name it.
        DataType::Float32 => collected!(cells, Float32Builder::new(), Cell::Double(v) => v as f32),
        DataType::Float64 => collected!(cells, Float64Builder::new(), Cell::Double(v) => v),
        DataType::Binary => collected!(cells, BinaryBuilder::new(), Cell::Bytes(v) => v),
        DataType::Date32 => collected!(cells, Date32Builder::new(), Cell::Bytes(v) => day(text(v)?)?),
        DataType::Timestamp(..) => {
            collected!(cells, TimestampMicrosecondBuilder::new(), Cell::Bytes(v) => micros(text(v)?)?)
        }
        DataType::Decimal128(precision, scale) => {
            let builder = Decimal128Builder::new()
                .with_precision_and_scale(*precision, *scale)
                .map_err(|e| error::schema("hive names a decimal that there cannot be").source(e))?;
            collected!(cells, builder, Cell::Bytes(v) => unscaled(text(v)?, *scale)?)
        }
        _ => collected!(cells, StringBuilder::new(), Cell::Bytes(v) => text(v)?),
    }
}

fn misfit(cell: Cell<'_>) -> error::Error {
    error::data(format!("{cell:?} is not of the type that hiveserver2 says"))
}

fn narrow<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| error::data(format!("{value} is not of the type that hiveserver2 says")))
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| error::data("a text is not UTF-8").source(e).hint("cast it to binary"))
}

fn day(text: &str) -> Result<i32> {
    let date: civil::Date = text.parse().map_err(|e| error::data(format!("{text} is not a date")).source(e))?;
    narrow(date.duration_since(EPOCH).as_hours() / 24)
}

fn micros(text: &str) -> Result<i64> {
    let time: civil::DateTime = text.parse().map_err(|e| error::data(format!("{text} is not a time")).source(e))?;
    let nanos = time.duration_since(EPOCH.at(0, 0, 0, 0)).as_nanos();
    if nanos % 1_000 != 0 {
        return Err(error::data(format!("{text} is finer than a microsecond, which a parquet file cannot hold here"))
            .hint("cast the column to string, or cut it by date_trunc or a cast in the query"));
    }
    i64::try_from(nanos / 1_000).map_err(|_| error::data(format!("{text} is beyond what a parquet file can hold")))
}

/// The digits of a decimal without its point, with as many behind it as the type has.
fn unscaled(text: &str, scale: i8) -> Result<i128> {
    let wrong = || error::data(format!("{text} is not a decimal with {scale} digits behind the point"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::try_from(scale).ok().and_then(|scale| scale.checked_sub(fraction.len())).ok_or_else(wrong)?;
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_dates_and_times_are_exact_or_refused() {
        assert_eq!(unscaled("-12.5", 3).unwrap(), -12_500);
        assert_eq!(unscaled("99999999999999999999999999999999999999", 0).unwrap(), 10_i128.pow(38) - 1);
        assert_eq!(unscaled("-0.05", 2).unwrap(), -5);
        assert!(unscaled("0.123", 2).is_err() && unscaled("1e3", 2).is_err());
        assert_eq!((day("1970-01-02").unwrap(), day("0001-01-01").unwrap()), (1, -719_162));
        assert_eq!(micros("1970-01-01 00:00:01.000001").unwrap(), 1_000_001);
        assert_eq!(micros("1969-12-31 23:59:59.5").unwrap(), -500_000);
        assert_eq!(micros("9999-12-31 23:59:59.999999").unwrap(), 253_402_300_799_999_999);
        let error = micros("2020-01-01 00:00:00.0000001").unwrap_err();
        assert!(error.to_string().contains("finer than a microsecond"), "{error}");
    }

    #[test]
    fn types_are_those_of_the_result() {
        assert_eq!(data_type("decimal(10,2)"), DataType::Decimal128(10, 2));
        assert_eq!(data_type("varchar(20)"), DataType::Utf8);
        assert_eq!(data_type("timestamp with local time zone"), DataType::Utf8);
    }

    #[test]
    fn a_file_holds_the_rows() {
        let columns = [
            ("b", "boolean"),
            ("i", "bigint"),
            ("d", "double"),
            ("n", "decimal(5,2)"),
            ("t", "timestamp"),
            ("s", "string"),
        ]
        .map(|(name, of)| Column { name: name.to_owned(), hive_type: of.to_owned() });
        let row = vec![
            Cell::Bool(true),
            Cell::Int(i64::MIN),
            Cell::Double(0.1),
            Cell::Bytes(b"-1.5"),
            Cell::Bytes(b"2020-02-29 12:00:00.000001"),
            Cell::Bytes("Zo\u{eb}".as_bytes()),
        ];
        let batch = Batch::of_cells(&[row, vec![Cell::Null; 6]]);
        let (mut file, mut writer) = (Vec::new(), Parquet::begin(&columns).unwrap());
        writer.rows(&batch, &mut file).unwrap();
        writer.end(&mut file).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes::Bytes::from(file), 10);
        let read = reader.unwrap().next().unwrap().unwrap();
        let text = |column: usize, row: usize| {
            arrow_array::cast::AsArray::as_string_opt::<i32>(read.column(column)).map(|t| t.value(row).to_owned())
        };
        assert_eq!((read.num_rows(), text(5, 0).as_deref()), (2, Some("Zo\u{eb}")));
        assert!((0..6).all(|column| read.column(column).is_null(1) && read.column(column).is_valid(0)));
        let decimals = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Decimal128Type>(read.column(3));
        assert_eq!((decimals.value(0), decimals.scale()), (-150, 2));
    }
}
