//! Reads a unit of work and turns its records into chunks of rows; runs on a thread that may block.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::input::{SourceFile, Unit, compression};
use super::plan::ExportPlan;
use super::reject::Reject;
use super::row::{Binding, Misfit};
use crate::error::{self, Error, Kind, Result};
use crate::format::decode::{
    AvroDecoder, FileKind, Input, ParquetDecoder, RangeRead, RowGroups, SequenceDecoder, TextDecoder, TextRecord,
};
use crate::mysql::write::Rows;
use crate::storage::{FileReader, Filesystem};

/// Rows of a batch that a file is decoded in.
const BATCH_ROWS: usize = 1024;

/// Most bytes of the literals of a chunk.
const CHUNK_BYTES: usize = 4 << 20;

/// Rows to be written together, and where they come from.
#[derive(Debug)]
pub(super) struct Chunk {
    pub rows: Rows,
    pub places: Vec<Place>,
    /// The text of the rows' records, side by side.
    pub raw: String,
    /// Records that never became rows.
    pub rejects: Vec<Reject>,
    /// Records read.
    pub read: u64,
    /// Text records with more fields than columns.
    pub longer: u64,
    /// Text records with fewer fields than columns.
    pub shorter: u64,
    pub file: Arc<str>,
}

/// Where a row stands in its file.
#[derive(Debug)]
pub(super) struct Place {
    pub line: Option<u64>,
    pub offset: u64,
    /// Where its text stands among those of the chunk; for other kinds of files the literals say as much.
    pub raw: Option<Range<usize>>,
}

impl Chunk {
    fn new(file: &SourceFile, width: usize) -> Self {
        Self {
            rows: Rows::new(width),
            places: Vec::new(),
            raw: String::new(),
            rejects: Vec::new(),
            read: 0,
            longer: 0,
            shorter: 0,
            file: file.path.clone(),
        }
    }

    /// A row of the chunk that the server refused.
    pub fn reject(&self, row: usize, column: Option<String>, reason: String) -> Reject {
        let place = self.places.get(row);
        let text = place.and_then(|p| p.raw.clone()).and_then(|range| self.raw.get(range));
        let raw = text.map_or_else(|| literals(&self.rows, row), str::to_owned);
        Reject {
            file: self.file.clone(),
            line: place.and_then(|p| p.line),
            offset: place.map_or(0, |p| p.offset),
            column,
            reason,
            raw,
        }
    }
}

fn literals(rows: &Rows, row: usize) -> String {
    rows.row(row).map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// Reads a unit; ends early where nobody takes its chunks any more.
pub(super) fn read(plan: &ExportPlan, unit: &Unit, fs: &dyn Filesystem, to: mpsc::Sender<Chunk>) -> Result<()> {
    let file = plan.files.files.get(unit.file).ok_or_else(|| error::bug("a unit without a file"))?;
    let handle = Handle::current();
    let reader = handle.block_on(fs.open(&file.path))?;
    let input = Input::new(file.path.clone(), Arc::new(Bridge { reader, handle }));
    let mut out = Out { plan, file, unit, chunk: Chunk::new(file, plan.shape.columns.len()), to };
    match plan.files.kind {
        FileKind::Text => {
            let mut decoder = TextDecoder::new(input, unit.part(), compression(&file.path), &plan.text)?;
            while let Some(record) = decoder.next() {
                let more = match record {
                    Ok(record) => {
                        let more = out.record(&record);
                        decoder.recycle(record);
                        more
                    }
                    Err(error) => out.no_record(error, decoder.is_broken())?,
                };
                if !more {
                    return Ok(());
                }
            }
        }
        FileKind::Sequence => {
            let mut decoder = SequenceDecoder::new(input, unit.part(), &plan.text)?;
            while let Some(record) = decoder.next() {
                let more = match record {
                    Ok(record) => out.record(&record),
                    Err(error) => out.no_record(error, decoder.is_broken())?,
                };
                if !more {
                    return Ok(());
                }
            }
        }
        FileKind::Avro => {
            let decoder = AvroDecoder::new(input, unit.part(), None, BATCH_ROWS)?;
            let binding = plan.shape.bind(&decoder.schema(), &file.path)?;
            out.batches(&binding, decoder)?;
        }
        FileKind::Parquet => {
            let groups = unit.part().map_or(RowGroups::All, RowGroups::Bytes);
            let decoder = ParquetDecoder::new(input, &groups, None, BATCH_ROWS)?;
            let binding = plan.shape.bind(&decoder.schema(), &file.path)?;
            out.batches(&binding, decoder)?;
        }
    }
    out.hand_over();
    Ok(())
}

/// The schema of the first file, to be checked before anything is written; text has none.
pub(super) fn check_schema(plan: &ExportPlan, file: &SourceFile, fs: &dyn Filesystem) -> Result<()> {
    let handle = Handle::current();
    let reader = handle.block_on(fs.open(&file.path))?;
    let input = Input::new(file.path.clone(), Arc::new(Bridge { reader, handle }));
    let schema = match plan.files.kind {
        FileKind::Text | FileKind::Sequence => return Ok(()),
        FileKind::Avro => AvroDecoder::new(input, None, None, 1)?.schema(),
        FileKind::Parquet => ParquetDecoder::new(input, &RowGroups::Numbers(0..0), None, 1)?.schema(),
    };
    plan.shape.bind(&schema, &file.path).map(drop)
}

/// Collects rows and hands them over by chunks.
struct Out<'a> {
    plan: &'a ExportPlan,
    file: &'a SourceFile,
    unit: &'a Unit,
    chunk: Chunk,
    to: mpsc::Sender<Chunk>,
}

impl Out<'_> {
    /// Takes a record of text; false where nobody takes chunks any more.
    fn record(&mut self, record: &TextRecord) -> bool {
        let chunk = &mut self.chunk;
        chunk.read += 1;
        chunk.longer += u64::from(record.fields.len() > self.plan.shape.fields);
        chunk.shorter += u64::from(record.fields.len() < self.plan.shape.fields);
        let pushed = self.plan.shape.push_text(record, &self.file.partition, &mut chunk.rows);
        let line = self.unit.is_from_the_beginning().then_some(record.line);
        match pushed {
            Ok(()) => {
                let from = chunk.raw.len();
                chunk.raw.push_str(&record.raw);
                chunk.places.push(Place { line, offset: record.offset, raw: Some(from..chunk.raw.len()) });
            }
            Err(Misfit { column, reason }) => chunk.rejects.push(Reject {
                file: self.file.path.clone(),
                line,
                offset: record.offset,
                column: Some(column),
                reason: reason.into_owned(),
                raw: record.raw.clone(),
            }),
        }
        self.hand_over_if_full()
    }

    /// Takes what is no record: a reject, unless the file cannot be read any further.
    fn no_record(&mut self, error: Error, broken: bool) -> Result<bool> {
        if broken || error.kind() != Kind::Data {
            return Err(error);
        }
        self.chunk.read += 1;
        let reject = self.malformed(&error);
        self.chunk.rejects.push(reject);
        Ok(self.hand_over_if_full())
    }

    /// A record that could not be taken apart; its error names the place.
    fn malformed(&self, error: &Error) -> Reject {
        let text = error.to_string();
        let number = |after: &str| {
            let digits: String = text.split_once(after)?.1.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        };
        let line = number(": line ").or_else(|| number(": record "));
        let reason = text.split_once("): ").map_or(text.as_str(), |(_, reason)| reason).to_owned();
        Reject {
            file: self.file.path.clone(),
            line: line.filter(|_| self.unit.is_from_the_beginning()),
            offset: number(" (byte ").unwrap_or(self.unit.range.start),
            column: None,
            reason,
            raw: String::new(),
        }
    }

    fn batches(
        &mut self,
        binding: &Binding,
        decoder: impl Iterator<Item = Result<arrow_array::RecordBatch>>,
    ) -> Result<()> {
        let mut number = 0;
        let (whole, offset) = (self.unit.is_from_the_beginning(), self.unit.range.start);
        for batch in decoder {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                number += 1;
                let chunk = &mut self.chunk;
                chunk.read += 1;
                let line = whole.then_some(number);
                match self.plan.shape.push_row(binding, &batch, row, &self.file.partition, &mut chunk.rows) {
                    Ok(()) => chunk.places.push(Place { line, offset, raw: None }),
                    Err(Misfit { column, reason }) => chunk.rejects.push(Reject {
                        file: self.file.path.clone(),
                        line,
                        offset,
                        column: Some(column),
                        reason: reason.into_owned(),
                        raw: shown(&batch, row),
                    }),
                }
                if !self.hand_over_if_full() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn hand_over_if_full(&mut self) -> bool {
        let full = self.chunk.rows.len() >= self.plan.chunk_rows
            || self.chunk.rows.len_bytes() >= CHUNK_BYTES
            || self.chunk.rejects.len() >= self.plan.chunk_rows;
        !full || self.hand_over()
    }

    fn hand_over(&mut self) -> bool {
        if self.chunk.read == 0 {
            return true;
        }
        let chunk = std::mem::replace(&mut self.chunk, Chunk::new(self.file, self.plan.shape.columns.len()));
        self.to.blocking_send(chunk).is_ok()
    }
}

/// A row of a batch for the reject file.
fn shown(batch: &arrow_array::RecordBatch, row: usize) -> String {
    let mut scratch = String::new();
    let mut values = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = match super::arrow::value(column.as_ref(), row, &mut scratch) {
            Ok(value) => format!("{value:?}"),
            Err(why) => why.into_owned(),
        };
        values.push(format!("{}={value}", field.name()));
    }
    values.join(" ")
}

/// A file of the storage for decoders that block.
struct Bridge {
    reader: Box<dyn FileReader>,
    handle: Handle,
}

impl RangeRead for Bridge {
    fn len_bytes(&self) -> u64 {
        self.reader.len_bytes()
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.handle.block_on(self.reader.read_at(offset, len))
    }
}
