//! What is written: rows of puts and deletes, cut into batches by rows and bytes.
//!
//! The gateway answers an empty row key or a row without changes with "internal error", so both are refused here.

use super::thrift1::{BatchMutation, Mutation};
use crate::error::{self, Result};

/// Longest row key that HBase takes.
const MAX_ROW_KEY_BYTES: usize = 32_767;

/// Bytes that a row and a cell cost on the wire beside their own: type, field and length marks.
const ROW_OVERHEAD_BYTES: usize = 24;
const CELL_OVERHEAD_BYTES: usize = 32;

/// Bytes of a cell as HBase stores and measures it, beside key, column and value: lengths, timestamp and type.
const STORED_OVERHEAD_BYTES: usize = 20;

/// The changes of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMutation {
    key: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Put { column: String, value: Vec<u8> },
    Delete { column: String },
}

impl Change {
    fn column(&self) -> &str {
        let (Self::Put { column, .. } | Self::Delete { column }) = self;
        column
    }
}

impl RowMutation {
    /// Starts the changes of the row `key`.
    ///
    /// # Errors
    /// Data: the key is empty or longer than HBase allows.
    pub fn new(key: impl Into<Vec<u8>>) -> Result<Self> {
        let key = key.into();
        if key.is_empty() {
            return Err(error::data("an hbase row key is empty").hint("every row needs a key"));
        }
        if key.len() > MAX_ROW_KEY_BYTES {
            return Err(error::data(format!(
                "an hbase row key of {} bytes is longer than {MAX_ROW_KEY_BYTES}",
                key.len()
            )));
        }
        Ok(Self { key, changes: Vec::new() })
    }

    /// Puts a value into `family:qualifier`; an empty value is a value.
    pub fn put(&mut self, column: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.changes.push(Change::Put { column: column.into(), value: value.into() });
    }

    /// Deletes the versions of `family:qualifier` up to the timestamp that the batch is sent with.
    pub fn delete(&mut self, column: impl Into<String>) {
        self.changes.push(Change::Delete { column: column.into() });
    }

    /// Adds the changes of another one of the same row, which is later: where both change a cell, its change counts.
    pub fn overlay(&mut self, later: &Self) {
        for change in &later.changes {
            match self.changes.iter_mut().find(|known| known.column() == change.column()) {
                Some(known) => *known = change.clone(),
                None => self.changes.push(change.clone()),
            }
        }
    }

    /// The row key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// How many cells are put and how many deleted.
    pub fn counts(&self) -> (usize, usize) {
        let puts = self.changes.iter().filter(|change| matches!(change, Change::Put { .. })).count();
        (puts, self.changes.len() - puts)
    }

    /// The changes in order: column, and the value of a put or `None` of a delete.
    pub fn cells(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.changes.iter().map(|change| match change {
            Change::Put { column, value } => (column.as_str(), Some(value.as_slice())),
            Change::Delete { column } => (column.as_str(), None),
        })
    }

    /// About how many bytes the row takes on the wire.
    pub fn len_bytes(&self) -> usize {
        let cells = self.changes.iter().map(|change| match change {
            Change::Put { column, value } => column.len() + value.len() + CELL_OVERHEAD_BYTES,
            Change::Delete { column } => column.len() + CELL_OVERHEAD_BYTES,
        });
        self.key.len() + ROW_OVERHEAD_BYTES + cells.sum::<usize>()
    }

    /// Refuses a cell that HBase would not take.
    ///
    /// # Errors
    /// Data: names the row, the column, its size and the limit.
    pub(super) fn check_cells(&self, table: &str, max_cell_bytes: usize) -> Result<()> {
        for (column, value) in self.cells() {
            let bytes = STORED_OVERHEAD_BYTES + self.key.len() + column.len() + value.map_or(0, <[u8]>::len);
            if bytes > max_cell_bytes {
                let row = String::from_utf8_lossy(&self.key);
                let what = format!(
                    "cell {column} of row {row} of hbase table {table} takes {bytes} bytes, more than the limit of \
                     {max_cell_bytes}"
                );
                return Err(error::data(what).hint(
                    "store less, or raise hbase.client.keyvalue.maxsize and hbase.server.keyvalue.maxsize in hbase and \
                     max-cell-bytes in [hbase]",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn to_thrift(&self) -> Result<BatchMutation> {
        if self.changes.is_empty() {
            return Err(error::data(format!(
                "row {} is to be written without a cell",
                String::from_utf8_lossy(&self.key)
            )));
        }
        let changes = self.changes.iter().map(|change| match change {
            Change::Put { column, value } => Mutation::new(false, column.clone().into_bytes(), value.clone(), true),
            Change::Delete { column } => Mutation::new(true, column.clone().into_bytes(), None, true),
        });
        Ok(BatchMutation::new(self.key.clone(), changes.collect::<Vec<_>>()))
    }
}

/// How much goes into one call.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Rows of a batch.
    pub max_rows: usize,
    /// Bytes of a batch, except where a single row is larger.
    pub max_bytes: usize,
}

impl Default for BatchLimits {
    /// 1,000 rows, 1 MB: a framed gateway closes the connection above 2 MB without a word.
    fn default() -> Self {
        Self { max_rows: 1_000, max_bytes: 1_000_000 }
    }
}

impl BatchLimits {
    /// Cuts rows into batches, in order; no batch is empty.
    pub fn cut<'a>(&self, rows: &'a [RowMutation]) -> Vec<&'a [RowMutation]> {
        let mut rest = rows;
        let counts = self.counts(rows.iter().map(RowMutation::len_bytes)).into_iter();
        counts.filter_map(|count| rest.split_off(..count)).collect()
    }

    /// How many rows go into each batch, by the bytes of the rows in their order; no batch is empty.
    pub fn counts(&self, lengths: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let (mut counts, mut bytes) = (Vec::new(), 0);
        for len in lengths {
            match counts.last_mut() {
                Some(count) if *count < self.max_rows && bytes + len <= self.max_bytes => {
                    *count += 1;
                    bytes += len;
                }
                _ => {
                    counts.push(1);
                    bytes = len;
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(key: &str, value_bytes: usize) -> RowMutation {
        let mut row = RowMutation::new(key).unwrap();
        row.put("f:q", vec![b'x'; value_bytes]);
        row
    }

    #[test]
    fn empty_keys_and_empty_rows_are_refused_here() {
        assert!(RowMutation::new("").is_err());
        assert!(RowMutation::new(vec![b'k'; MAX_ROW_KEY_BYTES + 1]).is_err());
        let error = RowMutation::new("k").unwrap().to_thrift().unwrap_err();
        assert!(error.to_string().contains("row k "), "{error}");
    }

    #[test]
    fn an_empty_value_is_a_put_and_a_delete_carries_none() {
        let mut row = RowMutation::new("k").unwrap();
        row.put("f:a", "");
        row.delete("f:b");
        assert_eq!(row.counts(), (1, 1));
        let changes = row.to_thrift().unwrap().mutations.unwrap();
        assert_eq!((changes[0].is_delete, changes[0].value.as_deref()), (Some(false), Some(&b""[..])));
        assert_eq!((changes[1].is_delete, changes[1].value.as_deref()), (Some(true), None));
    }

    #[test]
    fn a_cell_that_is_too_large_is_named() {
        let row = row("k", 100 - 20 - 1 - 3);
        row.check_cells("t", 100).unwrap();
        let error = row.check_cells("t", 99).unwrap_err();
        let said = "cell f:q of row k of hbase table t takes 100 bytes, more than the limit of 99";
        assert_eq!((error.to_string().as_str(), error.exit_code()), (said, 1));
    }

    proptest! {
        #[test]
        fn batches_cover_the_rows_in_order_and_keep_the_limits(
            sizes in prop::collection::vec(0usize..3_000, 0..60),
            max_rows in 1usize..10,
            max_bytes in 1usize..5_000,
        ) {
            let rows: Vec<_> = sizes.iter().enumerate().map(|(i, size)| row(&format!("{i:04}"), *size)).collect();
            let batches = BatchLimits { max_rows, max_bytes }.cut(&rows);
            prop_assert_eq!(&batches.concat(), &rows);
            for batch in batches {
                let bytes: usize = batch.iter().map(RowMutation::len_bytes).sum();
                prop_assert!(!batch.is_empty() && batch.len() <= max_rows);
                prop_assert!(batch.len() == 1 || bytes <= max_bytes);
            }
        }
    }
}
