//! A counter of events, in the form of HBase's increments: eight bytes, the highest first.
//!
//! An increment that is sent twice counts twice. So the counter is not incremented: beside it, in the same row, stands how
//! far the channel was counted, and both are written as one, at the end of an epoch. An event that comes again is known by
//! its place. That is exact as long as nobody else writes the counter, so another channel's mark is an error.

use super::key::Origin;
use crate::agent::channels::cursor::Cursor;
use crate::error::{self, Result};
use crate::hbase::{Cell, HBaseClient, RowMutation};

/// What the qualifier of the mark has behind that of the counter.
const MARK: &str = ".counted";

/// Where events are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct CounterPlace {
    pub row: String,
    /// `family:qualifier`.
    pub cell: String,
}

/// The counter while an epoch is written.
#[derive(Debug)]
pub(super) struct Counter {
    place: CounterPlace,
    /// What it says.
    value: i64,
    /// The first record that is not counted.
    next: u64,
    /// The newest timestamp of its cells.
    newest_ms: i64,
    more: i64,
}

impl Counter {
    /// Reads it, for the epoch that begins at `from`.
    ///
    /// # Errors
    /// Config: another channel counts there. Data: what is there is not a counter. Those of the gateway.
    pub(super) async fn read(client: &HBaseClient, table: &str, place: &CounterPlace, from: &Cursor) -> Result<Self> {
        let columns = [place.cell.clone(), format!("{}{MARK}", place.cell)];
        let row = client.get(table, place.row.as_bytes(), &columns).await?.unwrap_or_default();
        let newest_ms = row.newest_ms().unwrap_or(0);
        let value = row.cell(&columns[0]).map_or(Ok(0), |cell| {
            let bytes = <[u8; 8]>::try_from(&*cell.value).map(i64::from_be_bytes);
            bytes.map_err(|_| {
                error::data(format!("cell {} of row {} of hbase table {table} is not a counter", place.cell, place.row))
                    .hint("name another row or cell for the counter")
            })
        })?;
        let next = match row.cell(&columns[1]) {
            None => 0,
            Some(mark) => counted(mark, &from.channel).ok_or_else(|| {
                let what = format!("row {} of hbase table {table} is counted by another channel", place.row);
                error::config(what).hint(format!(
                    "give each agent a row of its own; where the other one is gone for good, delete its mark in the hbase \
                     shell: deleteall '{table}', '{}', '{}'",
                    place.row, columns[1]
                ))
            })?,
        };
        Ok(Self { place: place.clone(), value, next, newest_ms, more: 0 })
    }

    /// Counts an event, unless it was counted before.
    pub(super) fn count(&mut self, origin: Origin<'_>) {
        self.more += i64::from(origin.place.record >= self.next);
    }

    /// What is written once the epoch ends at `to`, and with which timestamp.
    ///
    /// # Errors
    /// Data: the row cannot be one.
    pub(super) fn row(&self, to: &Cursor, now_ms: i64) -> Result<(RowMutation, i64)> {
        let mut row = RowMutation::new(self.place.row.as_str())?;
        row.put(self.place.cell.as_str(), self.value.saturating_add(self.more).to_be_bytes());
        let mark = format!("{} {}", to.channel, self.next.max(to.record));
        row.put(format!("{}{MARK}", self.place.cell), mark);
        // Above what is there, also where a region server's clock is ahead of ours.
        Ok((row, now_ms.max(self.newest_ms.saturating_add(1))))
    }
}

/// The first record that is not counted, if the mark is the channel's.
fn counted(mark: &Cell, channel: &str) -> Option<u64> {
    let text = std::str::from_utf8(&mark.value).ok()?;
    let (of, next) = text.split_once(' ')?;
    next.parse().ok().filter(|_| of == channel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::sinks::Place;

    fn counter(value: i64, next: u64) -> Counter {
        let place = CounterPlace { row: "r".to_owned(), cell: "f:n".to_owned() };
        Counter { place, value, next, newest_ms: 50, more: 0 }
    }

    /// What a counter becomes with the events of these records, at the end of an epoch.
    fn after(mut counter: Counter, records: &[u64], to: u64) -> (i64, String, i64) {
        for record in records {
            counter.count(Origin { channel: "c", place: Place { record: *record, index: 0 }, row: 0 });
        }
        let to = Cursor { record: to, ..Cursor::new("c".to_owned()) };
        let (row, stamp) = counter.row(&to, 7).unwrap();
        let cells: Vec<_> = row.cells().map(|(_, value)| value.unwrap().to_vec()).collect();
        (i64::from_be_bytes(cells[0][..].try_into().unwrap()), String::from_utf8(cells[1].clone()).unwrap(), stamp)
    }

    #[test]
    fn an_event_counts_once_however_epochs_are_cut() {
        assert_eq!(after(counter(10, 0), &[0, 0, 1, 2], 3), (14, "c 3".to_owned(), 51));
        assert_eq!(after(counter(14, 3), &[0, 0, 1], 2), (14, "c 3".to_owned(), 51), "again, and shorter");
        assert_eq!(after(counter(14, 3), &[0, 0, 1, 2, 3, 3], 4), (16, "c 4".to_owned(), 51), "again, and longer");
    }

    #[test]
    fn marks_of_other_channels_are_known() {
        let mark = |text: &str| Cell { value: text.as_bytes().to_vec(), timestamp_ms: 1 };
        assert_eq!(counted(&mark("c 12"), "c"), Some(12));
        for other in ["d 12", "c x", "c", ""] {
            assert_eq!(counted(&mark(other), "c"), None, "{other}");
        }
    }
}
