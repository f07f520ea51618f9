//! A column chunk of PLAIN values, page by page, with its statistics and page index.
//!
//! Written by us and not by the library's column writer because it is half of what an import spends after zstd: texts
//! compared with the bounds by their first bytes, decimals written without an allocation, one compressor for all columns.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBufferBuilder;
use parquet::basic::{BoundaryOrder, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::{Bounds, Seen};
use super::codec::PageCodec;
use super::pieces::Pieces;
use super::plain::Plain;
use super::{PAGE_BYTES, failed, statistics};
use crate::error::Result;
use crate::format::Output;

/// Most rows of a page, so that an index is fine enough where values are narrow; parquet-java's number.
const PAGE_ROWS: usize = 20_000;

/// Room in front of the values of a page for the most that definition levels take.
const LEVELS_ROOM: usize = 4 + 4 + PAGE_ROWS.div_ceil(8);

/// A page that is smaller goes on filling when memory is short.
const SHRINKABLE_BYTES: usize = 8 << 10;

/// Writes one column chunk.
pub(super) struct PlainChunk {
    descriptor: ColumnDescPtr,
    plain: Plain,
    page: OpenPage,
    pages: Output,
    /// Bytes of the pages.
    page_bytes: usize,
    rows: usize,
    nulls: usize,
    seen: Seen,
    uncompressed_bytes: usize,
    page_count: i32,
    /// Bounds of the page before that had some.
    last_bounds: Option<Bounds>,
    ascending: bool,
    descending: bool,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
}

/// The page that fills.
struct OpenPage {
    /// Room for the levels, then the values.
    bytes: Vec<u8>,
    /// Which rows have a value, if the column has NULLs at all.
    valid: Option<BooleanBufferBuilder>,
    rows: usize,
    nulls: usize,
    seen: Seen,
}

impl OpenPage {
    fn new(nullable: bool) -> Self {
        let valid = nullable.then(|| BooleanBufferBuilder::new(0));
        Self { bytes: vec![0; LEVELS_ROOM], valid, rows: 0, nulls: 0, seen: Seen::default() }
    }

    fn value_bytes(&self) -> usize {
        self.bytes.len() - LEVELS_ROOM
    }

    fn append(&mut self, plain: Plain, array: &ArrayRef) -> Result<()> {
        self.seen.join(&plain.append(array, &mut self.bytes)?);
        if let Some(valid) = &mut self.valid {
            match array.nulls() {
                Some(nulls) => valid.append_buffer(nulls.inner()),
                None => valid.append_n(array.len(), true),
            }
        }
        self.rows += array.len();
        self.nulls += array.null_count();
        Ok(())
    }

    /// The page as it is before compression: levels, if the column has them, and values.
    fn content(&mut self) -> &[u8] {
        let Some(valid) = &mut self.valid else { return &self.bytes[LEVELS_ROOM..] };
        let levels = levels(valid, self.rows, self.nulls);
        let start = LEVELS_ROOM - levels.len();
        self.bytes[start..LEVELS_ROOM].copy_from_slice(&levels);
        &self.bytes[start..]
    }

    fn clear(&mut self) {
        self.bytes.truncate(LEVELS_ROOM);
        if let Some(valid) = &mut self.valid {
            valid.truncate(0);
        }
        (self.rows, self.nulls, self.seen) = (0, 0, Seen::default());
    }
}

/// Definition levels of one bit, behind their length: one run where all rows are alike, else bits as they are.
///
/// Source: parquet-format, "Run Length Encoding / Bit-Packing Hybrid".
fn levels(valid: &BooleanBufferBuilder, rows: usize, nulls: usize) -> Vec<u8> {
    let mut levels = vec![0; 4];
    if nulls == 0 || nulls == rows {
        varint(rows << 1, &mut levels);
        levels.push(u8::from(nulls == 0));
    } else {
        let bytes = rows.div_ceil(8);
        varint(bytes << 1 | 1, &mut levels);
        levels.extend_from_slice(&valid.as_slice()[..bytes]);
    }
    let length = levels.len() as u32 - 4;
    levels[..4].copy_from_slice(&length.to_le_bytes());
    levels
}

fn varint(mut number: usize, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

impl PlainChunk {
    pub(super) fn new(descriptor: ColumnDescPtr, plain: Plain) -> Self {
        let column_index = ColumnIndexBuilder::new(descriptor.physical_type());
        Self {
            page: OpenPage::new(descriptor.max_def_level() > 0),
            descriptor,
            plain,
            pages: Output::default(),
            page_bytes: 0,
            rows: 0,
            nulls: 0,
            seen: Seen::default(),
            uncompressed_bytes: 0,
            page_count: 0,
            last_bounds: None,
            ascending: true,
            descending: true,
            column_index,
            offset_index: OffsetIndexBuilder::new(),
        }
    }

    /// Bytes of the chunk so far, those of the open page not compressed yet.
    pub(super) fn encoded_bytes(&self) -> usize {
        self.page_bytes + self.page.value_bytes()
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        self.page_bytes + self.page.bytes.capacity()
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// Data: a value that the column's type cannot hold.
    pub(super) fn write(&mut self, array: &ArrayRef, codec: &mut PageCodec) -> Result<()> {
        let mut rest = array.clone();
        while !rest.is_empty() {
            let room = PAGE_BYTES.saturating_sub(self.page.value_bytes());
            let rows = self.plain.fitting(&rest, room).min(PAGE_ROWS - self.page.rows);
            self.page.append(self.plain, &rest.slice(0, rows))?;
            rest = rest.slice(rows, rest.len() - rows);
            if !rest.is_empty() || self.page.rows == PAGE_ROWS || self.page.value_bytes() >= PAGE_BYTES {
                self.end_page(codec)?;
            }
        }
        Ok(())
    }

    /// Compresses the open page, so that its room can be given back, unless it is very small.
    pub(super) fn shrink(&mut self, codec: &mut PageCodec) -> Result<()> {
        if self.page.value_bytes() >= SHRINKABLE_BYTES {
            self.end_page(codec)?;
            self.page.bytes.shrink_to_fit();
        }
        Ok(())
    }

    fn end_page(&mut self, codec: &mut PageCodec) -> Result<()> {
        let content = self.page.content();
        let uncompressed_bytes = content.len();
        let page = Page::DataPage {
            buf: codec.compress(content)?,
            num_values: self.page.rows as u32,
            encoding: Encoding::PLAIN,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = CompressedPage::new(page, uncompressed_bytes);
        // Made for each page: one that is kept holds its buffer in every column of every open file.
        let mut out = TrackedWrite::new(&mut self.pages);
        let written = SerializedPageWriter::new(&mut out).write_page(page).map_err(failed)?;
        let page_bytes = out.bytes_written();
        out.into_inner().map_err(failed)?;
        self.uncompressed_bytes += written.uncompressed_size;
        self.page_count += 1;
        self.offset_index.append_row_count(self.page.rows as i64);
        let offset = self.page_bytes as i64 + written.offset as i64;
        self.offset_index.append_offset_and_size(offset, written.compressed_size as i32);
        self.page_bytes += page_bytes;
        self.index_page();
        self.rows += self.page.rows;
        self.nulls += self.page.nulls;
        self.page.clear();
        Ok(())
    }

    /// Notes the bounds of the open page in the index and in the statistics of the chunk.
    fn index_page(&mut self) {
        let OpenPage { rows, nulls, seen, .. } = &mut self.page;
        let seen = std::mem::take(seen);
        self.seen.join(&seen);
        let (nulls, all_null) = (*nulls as i64, nulls == rows);
        let nans = seen.nans.map(|nans| nans as i64);
        let Some(bounds) = seen.bounds else {
            match all_null {
                true => self.column_index.append(true, Vec::new(), Vec::new(), nulls, nans),
                // A page without bounds that has values: the index would tell a reader to leave it out.
                false => self.column_index.to_invalid(),
            }
            return;
        };
        let (least, most) = statistics::bound_bytes(&self.descriptor, &bounds);
        self.column_index.append(false, least, most, nulls, nans);
        if let Some(last) = &self.last_bounds {
            let (up, down) = bounds.order_after(last);
            (self.ascending, self.descending) = (self.ascending && up, self.descending && down);
        }
        self.last_bounds = Some(bounds);
    }

    /// Ends the chunk: its bytes, and what the footer and the page index say of it.
    ///
    /// # Errors
    /// Bug: the library refuses what is to be said.
    pub(super) fn close(mut self, codec: &mut PageCodec) -> Result<(Pieces, ColumnCloseResult)> {
        if self.page.rows > 0 {
            self.end_page(codec)?;
        }
        let bytes = self.page_bytes;
        let mut metadata = ColumnChunkMetaData::builder(self.descriptor.clone())
            .set_compression(codec.name())
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_page_encoding_stats(vec![PageEncodingStats {
                page_type: PageType::DATA_PAGE,
                encoding: Encoding::PLAIN,
                count: self.page_count,
            }])
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(self.uncompressed_bytes as i64)
            .set_num_values(self.rows as i64)
            .set_data_page_offset(0);
        if self.plain.has_bounds() {
            let statistics = statistics::statistics(&self.descriptor, &self.seen, self.nulls);
            metadata = metadata.set_statistics(statistics);
        }
        self.column_index.set_boundary_order(match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        let indexed = self.plain.has_bounds() && self.column_index.valid();
        let column_index = indexed.then(|| self.column_index.build()).transpose().map_err(failed)?;
        let result = ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build().map_err(failed)?,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offset_index.build()),
        };
        Ok((Pieces::new(self.pages), result))
    }
}
