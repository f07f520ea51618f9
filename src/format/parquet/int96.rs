//! Files with INT96 timestamps, which the Arrow writer cannot write: the other columns go through its column writers,
//! the timestamps are held until the row group ends and spliced in at their place.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Type;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::failed;
use crate::error::{self, Error, Result};
use crate::format::Output;

/// Julian day of 1970-01-01.
const EPOCH_DAY: i64 = 2_440_588;

/// 1582-10-15, the first day of the Gregorian calendar. Hive takes INT96 before it for days of the Julian one and moves
/// them, whatever the footer says (seen with 4.0.1), so earlier times are refused.
const FIRST_GREGORIAN: i64 = -12_219_292_800_000_000;

const DAY_MICROS: i64 = 86_400_000_000;

/// Rows between two looks at the size of the row group.
const ROWS_AT_ONCE: usize = 8192;

/// Writes row groups of ordinary and INT96 columns.
pub(super) struct Int96Writer {
    file: SerializedFileWriter<Output>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    row_group_bytes: usize,
    row_groups: usize,
    open: Option<RowGroup>,
}

/// The row group that fills.
struct RowGroup {
    columns: Vec<Column>,
}

enum Column {
    Arrow(Box<ArrowColumnWriter>),
    Int96(Vec<ArrayRef>),
}

impl Column {
    /// Encoded bytes, as far as they are known.
    fn encoded_bytes(&self) -> usize {
        match self {
            Self::Arrow(writer) => writer.get_estimated_total_bytes(),
            Self::Int96(arrays) => arrays.iter().map(|a| a.len() * 12).sum(),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Arrow(writer) => writer.memory_size(),
            Self::Int96(arrays) => arrays.iter().map(|a| a.len() * 8 + a.len() / 8).sum(),
        }
    }
}

impl Int96Writer {
    pub fn new(writer: ArrowWriter<Output>, schema: SchemaRef, row_group_bytes: usize) -> Result<Self> {
        let (file, factory) = writer.into_serialized_writer().map_err(failed)?;
        Ok(Self { file, factory, schema, row_group_bytes, row_groups: 0, open: None })
    }

    fn begin(&self) -> Result<RowGroup> {
        let writers = self.factory.create_column_writers(self.row_groups).map_err(failed)?;
        let descriptors = self.file.schema_descr().columns();
        let column = |(writer, descriptor): (ArrowColumnWriter, &std::sync::Arc<_>)| {
            let descriptor: &parquet::schema::types::ColumnDescriptor = descriptor;
            if descriptor.physical_type() == Type::INT96 {
                Column::Int96(Vec::new())
            } else {
                Column::Arrow(Box::new(writer))
            }
        };
        Ok(RowGroup { columns: writers.into_iter().zip(descriptors).map(column).collect() })
    }

    pub fn write(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = batch.slice(at, ROWS_AT_ONCE.min(batch.num_rows() - at));
            at += rows.num_rows();
            let mut group = match self.open.take() {
                Some(group) => group,
                None => self.begin()?,
            };
            for ((column, field), array) in group.columns.iter_mut().zip(self.schema.fields()).zip(rows.columns()) {
                match column {
                    Column::Int96(arrays) => {
                        let times = array.as_primitive::<TimestampMicrosecondType>();
                        if times.iter().flatten().any(|micros| micros < FIRST_GREGORIAN) {
                            return Err(too_early(field.name()));
                        }
                        arrays.push(array.clone());
                    }
                    Column::Arrow(writer) => {
                        for leaf in compute_leaves(field, array).map_err(failed)? {
                            writer.write(&leaf).map_err(failed)?;
                        }
                    }
                }
            }
            let is_full = group.columns.iter().map(Column::encoded_bytes).sum::<usize>() >= self.row_group_bytes;
            self.open = Some(group);
            if is_full {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    pub fn flush(&mut self, out: &mut Output) -> Result<()> {
        let Some(group) = self.open.take() else { return Ok(()) };
        let mut writer = self.file.next_row_group().map_err(failed)?;
        for (column, field) in group.columns.into_iter().zip(self.schema.fields()) {
            match column {
                Column::Arrow(column) => {
                    column.close().and_then(|chunk| chunk.append_to_row_group(&mut writer)).map_err(failed)?;
                }
                Column::Int96(arrays) => write_int96(&mut writer, &arrays, field.is_nullable())?,
            }
        }
        writer.close().map_err(failed)?;
        self.row_groups += 1;
        out.append(self.file.inner_mut());
        Ok(())
    }

    pub fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.flush(out)?;
        self.file.finish().map_err(failed)?;
        out.append(self.file.inner_mut());
        Ok(())
    }

    pub fn memory_bytes(&self) -> usize {
        let columns = self.open.iter().flat_map(|group| &group.columns);
        columns.map(Column::memory_bytes).sum()
    }
}

fn too_early(column: &str) -> Error {
    error::data(format!("column {column}: hive would move an int96 timestamp before 1582-10-15"))
        .hint("store timestamps as int64, or the column as a string")
}

fn write_int96(group: &mut SerializedRowGroupWriter<'_, Output>, arrays: &[ArrayRef], nullable: bool) -> Result<()> {
    let next = group.next_column().map_err(failed)?;
    let mut column = next.ok_or_else(|| error::bug("parquet has fewer columns than its schema"))?;
    for array in arrays {
        let micros = array.as_primitive::<TimestampMicrosecondType>();
        let values: Vec<Int96> = micros.iter().flatten().map(int96).collect();
        let levels: Vec<i16> = (0..array.len()).map(|row| i16::from(array.is_valid(row))).collect();
        column.typed::<Int96Type>().write_batch(&values, nullable.then_some(&levels[..]), None).map_err(failed)?;
    }
    column.close().map_err(failed)
}

/// A Julian day in the last word, the nanoseconds of the day in the others.
fn int96(micros: i64) -> Int96 {
    let day = micros.div_euclid(DAY_MICROS) + EPOCH_DAY;
    let nanos = micros.rem_euclid(DAY_MICROS) as u64 * 1000;
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, day as i32 as u32);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_julian_day_and_nanoseconds() {
        assert_eq!(int96(0).data(), [0, 0, 2_440_588]);
        assert_eq!(int96(-1).data(), [2_437_872_664, 20_116, 2_440_587]);
        for micros in [0, 1, -1, i64::MAX, i64::MIN, 253_402_300_799_999_999, -62_135_596_800_000_000] {
            assert_eq!(int96(micros).to_micros(), micros);
        }
    }
}
