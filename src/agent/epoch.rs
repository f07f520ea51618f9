//! An epoch: the records of the channel up to a bound, parsed and sorted by partition. It becomes one load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::bots::Bots;
use super::channels::cursor::Cursor;
use super::channels::file::{FileChannel, Take};
use super::click::{Clicks, schema};
use super::line::LogLine;
use super::parsers::LogFormat;
use super::rejects::Rejects;
use super::roll::{Roll, TimePartition};
use crate::error::Result;
use crate::load::Partition;

/// Everything one load writes.
#[derive(Debug)]
pub(super) struct Epoch {
    /// The cursor it begins at.
    pub from: Cursor,
    /// The cursor once it is in the target.
    pub to: Cursor,
    /// The rows of each partition.
    pub parts: Vec<(Partition, RecordBatch)>,
    /// The malformed lines.
    pub rejects: Rejects,
    /// Lines taken.
    pub rows: u64,
}

/// How lines become rows of an epoch.
#[derive(Clone, Debug)]
pub(super) struct Sorting {
    /// How lines are written.
    pub format: Arc<LogFormat>,
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// How the rows are partitioned.
    pub partition: TimePartition,
}

impl Sorting {
    /// # Errors
    /// Config: the format cannot be that of clicks.
    pub(super) fn new(format: LogFormat, partition: TimePartition) -> Result<Self> {
        Ok(Self { schema: schema(&format)?, format: Arc::new(format), partition })
    }
}

/// Collects the epoch that begins at `from`; waits until a bound is reached, the channel is full or the source has
/// ended. `None` if there is nothing more, or the channel was closed.
///
/// # Errors
/// Those of [`FileChannel::take`].
pub(super) fn collect(channel: &FileChannel, from: Cursor, roll: Roll, sorting: &Sorting) -> Result<Option<Epoch>> {
    let mut sorted = Sorted::new(&from, sorting);
    let mut deadline: Option<Instant> = None;
    while sorted.rows < roll.rows && sorted.bytes < roll.bytes {
        let patience = deadline.map_or(roll.age, |deadline| deadline.saturating_duration_since(Instant::now()));
        if patience.is_zero() {
            break;
        }
        match channel.take(patience)? {
            Take::Record(record) => {
                let file = &record.batch.after.path;
                for line in &record.batch.lines {
                    sorted.add(line, file)?;
                }
                sorted.to.record = record.number + 1;
                sorted.to.positions.put(record.batch.after);
                if sorted.rows > 0 {
                    deadline = deadline.or_else(|| Some(Instant::now() + roll.age));
                }
            }
            Take::Nothing if deadline.is_none() => {}
            Take::Nothing | Take::End => break,
            Take::Closed => return Ok(None),
        }
    }
    // Positions without lines wait for the next lines.
    if sorted.rows == 0 {
        return Ok(None);
    }
    if let Some(gone) = channel.gone() {
        sorted.to.positions.note(&gone);
    }
    sorted.finish(from).map(Some)
}

/// Lines sorted into partitions.
struct Sorted<'a> {
    sorting: &'a Sorting,
    to: Cursor,
    /// By the number of the day or hour.
    clicks: BTreeMap<i64, Clicks>,
    bots: Bots,
    rejects: Rejects,
    rows: u64,
    bytes: u64,
}

impl<'a> Sorted<'a> {
    fn new(from: &Cursor, sorting: &'a Sorting) -> Self {
        let to = Cursor { epoch: from.epoch + 1, follows: None, ..from.clone() };
        let (clicks, bots, rejects) = Default::default();
        Self { sorting, to, clicks, bots, rejects, rows: 0, bytes: 0 }
    }

    fn add(&mut self, line: &LogLine, file: &str) -> Result<()> {
        self.rows += 1;
        self.bytes += line.body.len() as u64;
        if line.is_cut() {
            let reason = format!("longer than max-line-bytes: {} bytes", line.line_bytes);
            return self.rejects.add(line, file, &reason);
        }
        if line.torn {
            return self.rejects.add(line, file, "torn: a hole of NUL bytes follows it");
        }
        let format = &self.sorting.format;
        match format.parse(&line.body) {
            Ok(entry) => {
                let number = self.sorting.partition.number(entry.time);
                let is_bot = format.has_user_agent().then(|| self.bots.is_bot(entry.user_agent.as_deref()));
                let clicks = self.clicks.entry(number).or_insert_with(|| Clicks::new(format));
                clicks.add(&entry, is_bot, file, line.offset)
            }
            Err(reason) => self.rejects.add(line, file, &reason),
        }
    }

    fn finish(self, from: Cursor) -> Result<Epoch> {
        let Sorting { partition, schema, .. } = self.sorting;
        let mut parts = Vec::with_capacity(self.clicks.len());
        for (number, clicks) in self.clicks {
            parts.push((partition.partition(number)?, clicks.finish(schema)?));
        }
        Ok(Epoch { from, to: self.to, parts, rejects: self.rejects, rows: self.rows })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn sorting(by: TimePartition) -> Sorting {
        Sorting::new(LogFormat::new("combined").unwrap(), by).unwrap()
    }

    fn sort(by: TimePartition, lines: &[&str]) -> Epoch {
        let from = Cursor::new("c".into());
        let sorting = sorting(by);
        let mut sorted = Sorted::new(&from, &sorting);
        for line in lines {
            let body = Bytes::copy_from_slice(line.as_bytes());
            sorted.add(&LogLine { offset: 0, line_bytes: body.len() as u64, body, torn: false }, "/log").unwrap();
        }
        sorted.finish(from).unwrap()
    }

    fn line(time: &str) -> String {
        format!(r#"h - - [{time}] "GET / HTTP/1.1" 200 1 "-" "-""#)
    }

    fn shape(epoch: &Epoch) -> Vec<(String, usize)> {
        epoch.parts.iter().map(|(partition, rows)| (partition.path(), rows.num_rows())).collect()
    }

    #[test]
    fn lines_go_to_the_partition_of_their_time_in_utc() {
        let lines = [
            line("02/Dec/2010:00:30:00 +0100"),
            line("01/Dec/2010:08:00:00 +0000"),
            line("31/Dec/1969:23:59:59 +0000"),
            "broken".to_owned(),
            line("02/Dec/2010:00:00:00 +0000"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let days = sort(TimePartition::Day, &lines);
        assert_eq!(
            shape(&days),
            [("dt=1969-12-31".to_owned(), 1), ("dt=2010-12-01".to_owned(), 2), ("dt=2010-12-02".to_owned(), 1)]
        );
        assert_eq!((days.rows, days.rejects.rows), (5, 1));
        let hours = sort(TimePartition::Hour, &lines[..2]);
        assert_eq!(shape(&hours), [("dt=2010-12-01/hr=08".to_owned(), 1), ("dt=2010-12-01/hr=23".to_owned(), 1)]);
    }

    #[test]
    fn a_line_that_was_cut_is_rejected_with_its_length() {
        let sorting = sorting(TimePartition::Day);
        let mut sorted = Sorted::new(&Cursor::new("c".into()), &sorting);
        let cut = LogLine { offset: 3, body: Bytes::from_static(b"abc"), line_bytes: 9, torn: false };
        sorted.add(&cut, "/log").unwrap();
        let text = String::from_utf8(sorted.rejects.bytes).unwrap();
        assert!(text.contains("longer than max-line-bytes: 9 bytes"), "{text}");
    }
}
