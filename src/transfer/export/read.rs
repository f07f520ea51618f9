//! Reads a unit of work and turns its records into chunks of rows; runs on a thread that may block.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::plan::ExportPlan;
use super::reject::Reject;
use super::row::{Binding, Misfit};
use super::unit::Unit;
use super::value;
use crate::error::{self, Error, Kind, Result};
use crate::format::decode::{BadRecord, TextRecord};
use crate::mysql::write::Rows;
use crate::transfer::input::{Batches, DataFile, Dataset, FileSet, Records};

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
    fn new(file: &Arc<str>, width: usize) -> Self {
        Self {
            rows: Rows::new(width),
            places: Vec::new(),
            raw: String::new(),
            rejects: Vec::new(),
            read: 0,
            longer: 0,
            shorter: 0,
            file: file.clone(),
        }
    }

    /// A row of the chunk that the server refused.
    pub(super) fn reject(&self, row: usize, column: Option<String>, reason: String) -> Reject {
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

/// Reads a unit; ends early where nobody takes its chunks any more. Blocking: for threads that compute.
///
/// # Errors
/// Those of the filesystem and the decoder. Schema: the file lacks a column.
pub(super) fn read(plan: &ExportPlan, data: &FileSet, unit: &Unit, to: mpsc::Sender<Chunk>) -> Result<()> {
    let path = data.files().get(unit.file).map(|file: &DataFile| Arc::<str>::from(file.path.as_str()));
    let path = path.ok_or_else(|| error::bug("a unit without a file"))?;
    let chunk = Chunk::new(&path, plan.shape.columns.len());
    let mut out = Out { plan, path, unit, chunk, to };
    if data.kind().is_text() {
        let binding = plan.shape.bind(data, unit.file, &data.head().schema)?;
        out.records(&binding, data.records(unit.file, unit.part())?)?;
    } else {
        let (schema, batches) = data.batches(unit.file, unit.part(), None)?;
        out.batches(&plan.shape.bind(data, unit.file, &schema)?, batches)?;
    }
    out.hand_over();
    Ok(())
}

/// Collects rows and hands them over by chunks.
struct Out<'a> {
    plan: &'a ExportPlan,
    path: Arc<str>,
    unit: &'a Unit,
    chunk: Chunk,
    to: mpsc::Sender<Chunk>,
}

impl Out<'_> {
    fn records(&mut self, binding: &Binding, mut records: Records) -> Result<()> {
        while let Some(record) = records.next() {
            let more = match record {
                Ok(record) => {
                    let more = self.record(binding, &record);
                    records.recycle(record);
                    more
                }
                Err(bad) => self.bad_record(bad)?,
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Takes a record of text; false where nobody takes chunks any more.
    fn record(&mut self, binding: &Binding, record: &TextRecord) -> bool {
        let chunk = &mut self.chunk;
        chunk.read += 1;
        chunk.longer += u64::from(record.fields.len() > binding.fields);
        chunk.shorter += u64::from(record.fields.len() < binding.fields);
        let pushed = self.plan.shape.push_text(binding, record, &mut chunk.rows);
        let line = self.unit.is_from_the_beginning().then_some(record.line);
        match pushed {
            Ok(()) => {
                let from = chunk.raw.len();
                chunk.raw.push_str(&record.raw);
                chunk.places.push(Place { line, offset: record.offset, raw: Some(from..chunk.raw.len()) });
            }
            Err(Misfit { column, reason }) => chunk.rejects.push(Reject {
                file: self.path.clone(),
                line,
                offset: record.offset,
                column: Some(column),
                reason: reason.into_owned(),
                raw: record.raw.clone(),
            }),
        }
        self.hand_over_if_full()
    }

    /// Takes a record that could not be taken apart: a reject, unless the file cannot be read any further.
    fn bad_record(&mut self, bad: BadRecord) -> Result<bool> {
        let Some(offset) = bad.offset().filter(|_| bad.kind() == Kind::Data) else { return Err(Error::from(bad)) };
        self.chunk.read += 1;
        self.chunk.rejects.push(Reject {
            file: self.path.clone(),
            line: bad.line().filter(|_| self.unit.is_from_the_beginning()),
            offset,
            column: None,
            reason: bad.cause().to_string(),
            raw: String::new(),
        });
        Ok(self.hand_over_if_full())
    }

    fn batches(&mut self, binding: &Binding, batches: Batches) -> Result<()> {
        let mut number = 0;
        let (whole, offset) = (self.unit.is_from_the_beginning(), self.unit.range.start);
        for batch in batches {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                number += 1;
                let chunk = &mut self.chunk;
                chunk.read += 1;
                let line = whole.then_some(number);
                match self.plan.shape.push_row(binding, &batch, row, &mut chunk.rows) {
                    Ok(()) => chunk.places.push(Place { line, offset, raw: None }),
                    Err(Misfit { column, reason }) => chunk.rejects.push(Reject {
                        file: self.path.clone(),
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
        let chunk = std::mem::replace(&mut self.chunk, Chunk::new(&self.path, self.plan.shape.columns.len()));
        self.to.blocking_send(chunk).is_ok()
    }
}

/// A row of a batch for the reject file.
fn shown(batch: &arrow_array::RecordBatch, row: usize) -> String {
    let mut scratch = String::new();
    let mut values = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = match value::of(column.as_ref(), row, &mut scratch) {
            Ok(value) => format!("{value:?}"),
            Err(why) => why.into_owned(),
        };
        values.push(format!("{}={value}", field.name()));
    }
    values.join(" ")
}
