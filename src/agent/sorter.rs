//! Events become rows, sorted by the partition that their time says.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use jiff::Timestamp;

use super::event::{Event, names};
use super::parsers::Parser;
use super::rejects::Rejects;
use super::roll::TimePartition;
use super::rows::{self, ColumnSpec, Rows};
use super::watermark::Latest;
use crate::error::Result;
use crate::load::Partition;

/// How events become rows.
#[derive(Debug)]
pub(super) struct Sorting {
    pub parser: Box<dyn Parser>,
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// How the rows are partitioned.
    pub partition: TimePartition,
    /// The sink, as rejects name it.
    pub sink: String,
}

impl Sorting {
    pub(super) fn new(parser: Box<dyn Parser>, partition: TimePartition) -> Self {
        Self { schema: rows::schema(parser.columns()), parser, partition, sink: String::new() }
    }

    /// Nothing sorted yet.
    pub(super) fn sorter(&self) -> Sorter {
        Sorter {
            parser: self.parser.boxed(),
            columns: self.parser.columns().to_vec(),
            schema: self.schema.clone(),
            partition: self.partition,
            sink: self.sink.clone(),
            open: BTreeMap::new(),
            rejects: Rejects::default(),
            latest: Latest::default(),
            bytes: 0,
        }
    }
}

/// Rows of some events, by partition, and the events that did not become one.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub parts: Vec<(Partition, RecordBatch)>,
    /// How many there are, by the number of the day or hour.
    pub rows: BTreeMap<i64, u64>,
    /// The latest time of a row that is not ahead of the clock.
    pub latest: Option<Timestamp>,
    pub rejects: Rejects,
}

/// Sorts events.
#[derive(Debug)]
pub(super) struct Sorter {
    parser: Box<dyn Parser>,
    columns: Vec<ColumnSpec>,
    schema: SchemaRef,
    partition: TimePartition,
    sink: String,
    /// By the number of the day or hour.
    open: BTreeMap<i64, Rows>,
    rejects: Rejects,
    latest: Latest,
    /// About how much memory the rows take.
    bytes: usize,
}

impl Sorter {
    /// Sorts an event.
    ///
    /// # Errors
    /// Bug: the parser's rows do not fit its columns.
    pub(super) fn add(&mut self, event: &Event) -> Result<()> {
        if let Some(length) = event.headers.get(names::CUT) {
            let reason = format!("longer than max-line-bytes: {length} bytes");
            return self.reject(event, &reason);
        }
        if event.headers.get(names::TORN).is_some() {
            return self.reject(event, "torn: a hole of NUL bytes follows it");
        }
        let Self { parser, columns, partition, open, latest, bytes, .. } = self;
        let mut added = Ok(());
        let parsed = parser.parse(event, &mut |row| {
            latest.see(row.time);
            let rows = open.entry(partition.number(row.time)).or_insert_with(|| Rows::new(columns));
            match rows.add(&row) {
                Ok(more) => *bytes += more,
                Err(e) => added = Err(e),
            }
        });
        added?;
        parsed.or_else(|reason| self.reject(event, &reason))
    }

    fn reject(&mut self, event: &Event, reason: &str) -> Result<()> {
        let before = self.rejects.bytes.len();
        self.rejects.add(event, reason, &self.sink)?;
        self.bytes += self.rejects.bytes.len() - before;
        Ok(())
    }

    /// About how much memory the rows take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives what was sorted since the last time.
    ///
    /// # Errors
    /// Bug: the rows do not fit their schema.
    pub(super) fn take(&mut self) -> Result<Sorted> {
        self.bytes = 0;
        let parts = std::mem::take(&mut self.open);
        let (mut sorted, mut rows) = (Vec::new(), BTreeMap::new());
        for (number, part) in parts {
            let batch = part.finish(&self.schema)?;
            rows.insert(number, batch.num_rows() as u64);
            sorted.push((self.partition.partition(number)?, batch));
        }
        let (latest, rejects) = (self.latest.take(), std::mem::take(&mut self.rejects));
        Ok(Sorted { parts: sorted, rows, latest, rejects })
    }
}
