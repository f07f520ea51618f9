//! Row groups: each column is written by us ([`PlainChunk`]) or by the library's writer, which has dictionaries; when the
//! group ends, all are put into the file in their order.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::SchemaDescriptor;

use super::chunk::PlainChunk;
use super::codec::PageCodec;
use super::failed;
use super::plain::Plain;
use crate::error::Result;
use crate::format::Output;

/// Rows between two looks at the size of the row group.
const ROWS_AT_ONCE: usize = 8192;

/// A row group has no more rows than this, however narrow they are.
const GROUP_ROWS: usize = 1 << 20;

/// Writes the row groups of a file and its end.
pub(super) struct GroupWriter {
    file: SerializedFileWriter<Output>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// How each column is written; nothing where the library writes it.
    ways: Vec<Option<Plain>>,
    codec: PageCodec,
    row_group_bytes: usize,
    row_groups: usize,
    open: Option<RowGroup>,
}

/// The row group that fills.
struct RowGroup {
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    Plain(Box<PlainChunk>),
    Library(Box<ArrowColumnWriter>),
}

impl Column {
    /// Encoded bytes, as far as they are known.
    fn encoded_bytes(&self) -> usize {
        match self {
            Self::Plain(chunk) => chunk.encoded_bytes(),
            Self::Library(writer) => writer.get_estimated_total_bytes(),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Plain(chunk) => chunk.memory_bytes(),
            Self::Library(writer) => writer.memory_size(),
        }
    }

    fn append_to(self, group: &mut SerializedRowGroupWriter<'_, Output>, codec: &mut PageCodec) -> Result<()> {
        match self {
            Self::Plain(chunk) => {
                let (pieces, result) = chunk.close(codec)?;
                group.append_column(&pieces, result)
            }
            Self::Library(writer) => writer.close().and_then(|chunk| chunk.append_to_row_group(group)),
        }
        .map_err(failed)
    }
}

impl GroupWriter {
    /// Begins a file. Columns that `properties` want a dictionary for are written by the library.
    pub(super) fn new(
        schema: SchemaRef,
        descriptor: &SchemaDescriptor,
        properties: WriterProperties,
        codec: PageCodec,
        row_group_bytes: usize,
    ) -> Result<Self> {
        let way = |(field, column): (&arrow_schema::FieldRef, &parquet::schema::types::ColumnDescPtr)| {
            let plain = Plain::of(field.data_type(), column.physical_type(), column.type_length());
            plain.filter(|_| !properties.dictionary_enabled(column.path()))
        };
        let ways = schema.fields().iter().zip(descriptor.columns()).map(way).collect();
        let root = descriptor.root_schema_ptr();
        let file = SerializedFileWriter::new(Output::default(), root, properties.into()).map_err(failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&file, schema.clone());
        Ok(Self { file, factory, schema, ways, codec, row_group_bytes, row_groups: 0, open: None })
    }

    fn begin(&self) -> Result<RowGroup> {
        let writers = self.factory.create_column_writers(self.row_groups).map_err(failed)?;
        let descriptors = self.file.schema_descr().columns();
        let columns =
            writers.into_iter().zip(descriptors).zip(&self.ways).map(|((writer, descriptor), way)| match way {
                Some(plain) => Column::Plain(Box::new(PlainChunk::new(descriptor.clone(), *plain))),
                None => Column::Library(Box::new(writer)),
            });
        Ok(RowGroup { columns: columns.collect(), rows: 0 })
    }

    /// Writes the rows of a batch; whole row groups go to `out`. A failed call spoils the writer.
    ///
    /// # Errors
    /// Data: a value that its column cannot hold; names the column.
    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = batch.slice(at, ROWS_AT_ONCE.min(batch.num_rows() - at));
            at += rows.num_rows();
            let mut group = match self.open.take() {
                Some(group) => group,
                None => self.begin()?,
            };
            for (index, (column, array)) in group.columns.iter_mut().zip(rows.columns()).enumerate() {
                self.write_column(index, column, array)?;
            }
            group.rows += rows.num_rows();
            let bytes = group.columns.iter().map(Column::encoded_bytes).sum::<usize>();
            let is_full = bytes >= self.row_group_bytes || group.rows >= GROUP_ROWS;
            self.open = Some(group);
            if is_full {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    fn write_column(&mut self, index: usize, column: &mut Column, array: &ArrayRef) -> Result<()> {
        let field = self.schema.field(index);
        match column {
            Column::Plain(chunk) => {
                chunk.write(array, &mut self.codec).map_err(|e| e.context(format!("column {}", field.name())))
            }
            Column::Library(writer) => {
                let leaves = compute_leaves(field, array).map_err(failed)?;
                leaves.iter().try_for_each(|leaf| writer.write(leaf)).map_err(failed)
            }
        }
    }

    /// Compresses the pages that fill; the row group goes on.
    pub(super) fn shrink(&mut self) -> Result<()> {
        let Some(group) = &mut self.open else { return Ok(()) };
        group.columns.iter_mut().try_for_each(|column| match column {
            Column::Plain(chunk) => chunk.shrink(&mut self.codec),
            // The library ends a page when it likes; a dictionary keeps little open.
            Column::Library(_) => Ok(()),
        })
    }

    /// Ends the row group, if one is open.
    pub(super) fn flush(&mut self, out: &mut Output) -> Result<()> {
        let Some(group) = self.open.take() else { return Ok(()) };
        let mut writer = self.file.next_row_group().map_err(failed)?;
        group.columns.into_iter().try_for_each(|column| column.append_to(&mut writer, &mut self.codec))?;
        writer.close().map_err(failed)?;
        self.row_groups += 1;
        // The library counts what passes through it, so taking the bytes away does not change its offsets.
        out.append(self.file.inner_mut());
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(&mut self, out: &mut Output) -> Result<()> {
        self.flush(out)?;
        self.file.finish().map_err(failed)?;
        out.append(self.file.inner_mut());
        Ok(())
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        self.open.iter().flat_map(|group| &group.columns).map(Column::memory_bytes).sum()
    }
}
