//! An epoch: the records of the channel up to a bound, parsed and sorted by partition. It becomes one load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use jiff::Timestamp;

use super::bots::Bots;
use super::channels::cursor::Cursor;
use super::channels::file::{FileChannel, Take};
use super::click::Clicks;
use super::config::PartitionBy;
use super::event::Event;
use super::parsers::combined::Line;
use super::rejects::Rejects;
use crate::error::{self, Result};
use crate::load::Partition;

/// The bounds of an epoch; the first one reached completes it.
#[derive(Clone, Copy, Debug)]
pub struct Roll {
    /// Lines.
    pub rows: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Time since the first line.
    pub age: Duration,
}

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

/// Collects the epoch that begins at `from`; waits until a bound is reached, the channel is full or the source has
/// ended. `None` if there is nothing more, or the channel was closed.
///
/// # Errors
/// Those of [`FileChannel::take`].
pub(super) fn collect(
    channel: &FileChannel,
    from: Cursor,
    roll: Roll,
    partition: PartitionBy,
) -> Result<Option<Epoch>> {
    let mut sorting = Sorting::new(&from, partition);
    let mut deadline: Option<Instant> = None;
    while sorting.rows < roll.rows && sorting.bytes < roll.bytes {
        let patience = deadline.map_or(roll.age, |deadline| deadline.saturating_duration_since(Instant::now()));
        if patience.is_zero() {
            break;
        }
        match channel.take(patience)? {
            Take::Record(record) => {
                let file = &record.batch.after.path;
                for event in &record.batch.events {
                    sorting.add(event, file)?;
                }
                sorting.to.record = record.number + 1;
                sorting.to.positions.put(record.batch.after);
                if sorting.rows > 0 {
                    deadline = deadline.or_else(|| Some(Instant::now() + roll.age));
                }
            }
            Take::Nothing if deadline.is_none() => {}
            Take::Nothing | Take::End => break,
            Take::Closed => return Ok(None),
        }
    }
    // Positions without lines wait for the next lines.
    if sorting.rows == 0 { Ok(None) } else { sorting.finish(from).map(Some) }
}

/// Lines being sorted into partitions.
struct Sorting {
    to: Cursor,
    partition: PartitionBy,
    /// By the hours or days since 1970.
    clicks: BTreeMap<i64, Clicks>,
    bots: Bots,
    rejects: Rejects,
    rows: u64,
    bytes: u64,
}

impl Sorting {
    fn new(from: &Cursor, partition: PartitionBy) -> Self {
        let to = Cursor { epoch: from.epoch + 1, follows: None, ..from.clone() };
        let (clicks, bots, rejects) = Default::default();
        Self { to, partition, clicks, bots, rejects, rows: 0, bytes: 0 }
    }

    fn add(&mut self, event: &Event, file: &str) -> Result<()> {
        self.rows += 1;
        self.bytes += event.body.len() as u64;
        if event.is_cut() {
            let reason = format!("longer than max-line-bytes: {} bytes", event.line_bytes);
            return self.rejects.add(event, file, &reason);
        }
        match Line::parse(&event.body) {
            Ok(line) => {
                let key = line.time.as_second().div_euclid(seconds(self.partition));
                let is_bot = self.bots.is_bot(line.user_agent.as_deref());
                self.clicks.entry(key).or_default().add(&line, is_bot, file, event.offset)
            }
            Err(reason) => self.rejects.add(event, file, reason),
        }
    }

    fn finish(self, from: Cursor) -> Result<Epoch> {
        let mut parts = Vec::with_capacity(self.clicks.len());
        for (key, clicks) in self.clicks {
            parts.push((partition(self.partition, key)?, clicks.finish()?));
        }
        Ok(Epoch { from, to: self.to, parts, rejects: self.rejects, rows: self.rows })
    }
}

fn seconds(partition: PartitionBy) -> i64 {
    match partition {
        PartitionBy::Day => 86_400,
        PartitionBy::Hour => 3_600,
    }
}

/// The partition of the day or hour `key` since 1970.
fn partition(by: PartitionBy, key: i64) -> Result<Partition> {
    let start = Timestamp::from_second(key * seconds(by))
        .map_err(|e| error::bug(format!("{} {key} is out of range", by.name())).source(e))?;
    let day = ("dt", start.strftime("%Y-%m-%d").to_string());
    Ok(match by {
        PartitionBy::Day => Partition::new([day]),
        PartitionBy::Hour => Partition::new([day, ("hr", start.strftime("%H").to_string())]),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn sort(by: PartitionBy, lines: &[&str]) -> Epoch {
        let from = Cursor::new("c".into());
        let mut sorting = Sorting::new(&from, by);
        for line in lines {
            let body = Bytes::copy_from_slice(line.as_bytes());
            sorting.add(&Event { offset: 0, line_bytes: body.len() as u64, body }, "/log").unwrap();
        }
        sorting.finish(from).unwrap()
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
        let days = sort(PartitionBy::Day, &lines);
        assert_eq!(
            shape(&days),
            [("dt=1969-12-31".to_owned(), 1), ("dt=2010-12-01".to_owned(), 2), ("dt=2010-12-02".to_owned(), 1)]
        );
        assert_eq!((days.rows, days.rejects.rows), (5, 1));
        let hours = sort(PartitionBy::Hour, &lines[..2]);
        assert_eq!(shape(&hours), [("dt=2010-12-01/hr=08".to_owned(), 1), ("dt=2010-12-01/hr=23".to_owned(), 1)]);
    }

    #[test]
    fn a_line_that_was_cut_is_rejected_with_its_length() {
        let mut sorting = Sorting::new(&Cursor::new("c".into()), PartitionBy::Day);
        sorting.add(&Event { offset: 3, body: Bytes::from_static(b"abc"), line_bytes: 9 }, "/log").unwrap();
        let text = String::from_utf8(sorting.rejects.bytes).unwrap();
        assert!(text.contains("longer than max-line-bytes: 9 bytes"), "{text}");
    }
}
