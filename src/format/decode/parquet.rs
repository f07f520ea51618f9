//! Parquet files read as batches: chosen columns, chosen row groups. INT96 timestamps become microseconds without a
//! zone, which hold all their years; digits below the microsecond, which MySQL does not have, are cut. Days and times
//! are in the proleptic calendar, whichever the file was written in.

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression as Codec, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::calendar::Conversion;
use super::{BatchOptions, Input};
use crate::error::{self, Error, Result};
use crate::format::Compression;

/// The row groups that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RowGroups {
    /// All of them.
    #[default]
    All,
    /// Those that begin in a range of the file.
    Bytes(Range<u64>),
    /// Those of these numbers.
    Numbers(Range<usize>),
}

/// Reads the rows of a Parquet file as batches.
pub struct ParquetDecoder {
    reader: ParquetRecordBatchReader,
    input: Input,
    schema: SchemaRef,
    metadata: Arc<ParquetMetaData>,
    conversion: Conversion,
    rows: u64,
    failed: bool,
}

impl ParquetDecoder {
    /// Opens row groups of a file; the columns of the batches are in the file's order.
    ///
    /// # Errors
    /// Data: not a Parquet file, or damaged, or written in an unknown time zone. Schema: a type without a column, or no
    /// column of a wanted name.
    pub fn new(input: Input, groups: &RowGroups, options: &BatchOptions<'_>) -> Result<Self> {
        let source = Chunks { input: input.clone(), window: Mutex::default() };
        let bad = |e: ParquetError| {
            input.explain_or(e, |e| error::data(format!("{}: cannot read its parquet footer", input.name())).source(e))
        };
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let found = ArrowReaderMetadata::load(&source, plain.clone()).map_err(bad)?;
        let exact = plain.with_schema(exact_times(&found));
        let found = ArrowReaderMetadata::try_new(found.metadata().clone(), exact).map_err(bad)?;
        let metadata = found.metadata().clone();
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(source, found).with_batch_size(options.rows);
        if let Some(columns) = options.columns {
            let places = columns.iter().map(|c| place(&input, builder.schema(), c)).collect::<Result<Vec<_>>>()?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), places);
            builder = builder.with_projection(mask);
        }
        let reader = builder.with_row_groups(wanted(&metadata, groups)).build().map_err(bad)?;
        let schema = arrow_array::RecordBatchReader::schema(&reader);
        let pairs = |key: &str| key_value(&metadata, key).map(str::to_owned);
        let created_by = metadata.file_metadata().created_by().unwrap_or_default();
        let is_int96 = |name: &str| is_int96(&metadata, name);
        let conversion = Conversion::of_parquet(input.name(), &pairs, created_by, &schema, is_int96, options.calendar)?;
        Ok(Self { reader, schema, metadata, conversion, input, rows: 0, failed: false })
    }

    /// Schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Rows of each row group of the file, and where it begins.
    pub fn row_groups(&self) -> Vec<(u64, u64)> {
        self.metadata.row_groups().iter().map(|g| (g.num_rows().max(0) as u64, start(g))).collect()
    }

    /// A value of the footer's key-value metadata.
    pub fn key_value(&self, key: &str) -> Option<&str> {
        key_value(&self.metadata, key)
    }

    /// The codec of the first column; Snappy, the most usual, where the file has no codec or one that we do not write.
    pub fn compression(&self) -> Compression {
        let column = self.metadata.row_groups().first().and_then(|group| group.columns().first());
        match column.map(parquet::file::metadata::ColumnChunkMetaData::compression) {
            Some(Codec::UNCOMPRESSED) => Compression::None,
            Some(Codec::GZIP(_)) => Compression::Gzip,
            Some(Codec::ZSTD(_)) => Compression::Zstd,
            Some(Codec::LZ4 | Codec::LZ4_RAW) => Compression::Lz4,
            _ => Compression::Snappy,
        }
    }

    /// Whether Java's library wrote INT96 times and nobody said on which clock: old Hive and Spark mean their servers',
    /// which is not known here.
    pub fn has_unnamed_zone(&self) -> bool {
        let is_javas = self.metadata.file_metadata().created_by().is_some_and(|by| by.starts_with("parquet-mr"));
        let named = ["writer.time.zone", "org.apache.spark.version"].iter().any(|key| self.key_value(key).is_some());
        self.has_int96() && is_javas && !named
    }

    /// Whether a column is INT96.
    pub fn has_int96(&self) -> bool {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        columns.iter().any(|column| column.physical_type() == Type::INT96)
    }
}

fn key_value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

/// Whether a column of the top level is INT96.
fn is_int96(metadata: &ParquetMetaData, name: &str) -> bool {
    let columns = metadata.file_metadata().schema_descr().columns();
    columns.iter().any(|column| column.path().parts() == [name] && column.physical_type() == Type::INT96)
}

impl Iterator for ParquetDecoder {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        Some(match self.reader.next()? {
            Ok(batch) => {
                self.rows += batch.num_rows() as u64;
                let converted = self.conversion.apply(&self.input, batch);
                self.failed = converted.is_err();
                converted
            }
            Err(e) => {
                self.failed = true;
                Err(self.input.explain_or(e, |e| {
                    error::data(format!("{}: cannot read rows behind row {}", self.input.name(), self.rows)).source(e)
                }))
            }
        })
    }
}

/// The columns of the file, those of INT96 in microseconds: nanoseconds reach from 1677 to 2262 only.
fn exact_times(found: &ArrowReaderMetadata) -> SchemaRef {
    let parquet = found.parquet_schema();
    let is_int96 = |root: usize| {
        let leaf = (0..parquet.num_columns()).find(|leaf| parquet.get_column_root_idx(*leaf) == root);
        leaf.is_some_and(|leaf| parquet.column(leaf).physical_type() == Type::INT96)
    };
    let field = |(root, field): (usize, &Arc<Field>)| match field.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, None) if is_int96(root) => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None)))
        }
        _ => field.clone(),
    };
    let fields: Vec<_> = found.schema().fields().iter().enumerate().map(field).collect();
    Arc::new(Schema::new(fields))
}

fn place(input: &Input, schema: &Schema, column: &str) -> Result<usize> {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names.iter().position(|name| *name == column).ok_or_else(|| {
        error::schema(format!("{}: there is no column {column}", input.name()))
            .hint(format!("its columns are {}", names.join(", ")))
    })
}

fn start(group: &parquet::file::metadata::RowGroupMetaData) -> u64 {
    let first = group.columns().iter().map(|c| c.byte_range().0).min();
    first.or_else(|| group.file_offset().and_then(|o| u64::try_from(o).ok())).unwrap_or(0)
}

fn wanted(metadata: &ParquetMetaData, groups: &RowGroups) -> Vec<usize> {
    let all = 0..metadata.num_row_groups();
    match groups {
        RowGroups::All => all.collect(),
        RowGroups::Numbers(numbers) => all.filter(|n| numbers.contains(n)).collect(),
        RowGroups::Bytes(range) => all.filter(|n| range.contains(&start(metadata.row_group(*n)))).collect(),
    }
}

impl Input {
    /// What the storage said, if it was the storage; else what `or` makes of the error.
    fn explain_or<E>(&self, error: E, or: impl FnOnce(E) -> Error) -> Error {
        self.kept().unwrap_or_else(|| or(error))
    }
}

/// Bytes fetched for the head of a page; small pages come whole with it.
const WINDOW_BYTES: u64 = 64 << 10;

/// The file as the Parquet reader wants it.
struct Chunks {
    input: Input,
    /// Last bytes fetched and where they begin.
    window: Mutex<(u64, Bytes)>,
}

impl Chunks {
    fn fetch(&self, start: u64, len: usize) -> Result<Bytes, ParquetError> {
        let failed = |e: Error| ParquetError::External(Box::new(self.input.remember(e)));
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, bytes) = &*window;
        let inside = start.checked_sub(*from).map(|skip| skip as usize);
        if let Some(skip) = inside.filter(|skip| skip.saturating_add(len) <= bytes.len()) {
            return Ok(bytes.slice(skip..skip + len));
        }
        let left = self.input.len_bytes().saturating_sub(start);
        if len as u64 >= WINDOW_BYTES || len as u64 > left {
            return self.input.read_at(start, len).map_err(failed);
        }
        let bytes = self.input.read_at(start, WINDOW_BYTES.min(left) as usize).map_err(failed)?;
        let wanted = bytes.slice(..len);
        *window = (start, bytes);
        Ok(wanted)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.input.len_bytes()
    }
}

impl ChunkReader for Chunks {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let left = self.input.len_bytes().saturating_sub(start);
        let first = self.fetch(start, left.min(WINDOW_BYTES / 4) as usize)?;
        let rest = self.input.reader(start + first.len() as u64..self.input.len_bytes());
        Ok(Box::new(std::io::Cursor::new(first).chain(rest)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.fetch(start, length)
    }
}
