//! A scan in key order that survives a lost connection or an expired scanner: it goes on after the last row it gave.

use std::collections::BTreeMap;

use super::client::HBaseClient;
use super::fault;
use super::gateway::Gateway;
use super::row::Row;
use super::thrift1::{THbaseSyncClient, TRowResult, TScan};
use crate::error::Result;
use crate::net::thrift::is_lost_connection;

/// What to scan.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Only rows whose key starts with this.
    pub prefix: Vec<u8>,
    /// Only these columns, as `family:qualifier` or `family`; none means all.
    pub columns: Vec<String>,
    /// Only the first cell of each row, without its value: for counting rows.
    pub keys_only: bool,
    /// Rows of one call; 1,000 where 0.
    pub batch_rows: usize,
}

/// The rows of a scan, a batch at a time.
pub struct Scanner {
    client: HBaseClient,
    progress: Option<Progress>,
}

/// Travels to the blocking thread and back; a cancelled call takes it along, which ends the scan.
struct Progress {
    table: String,
    scan: Scan,
    /// Where the scanner is opened, or opened again.
    start: Vec<u8>,
    id: Option<i32>,
}

impl HBaseClient {
    /// Starts a scan; nothing is sent before the first rows are asked for.
    pub fn scan(&self, table: &str, scan: Scan) -> Scanner {
        let start = scan.prefix.clone();
        Scanner { client: self.clone(), progress: Some(Progress { table: table.to_owned(), scan, start, id: None }) }
    }
}

impl Scanner {
    /// The next rows, or `None` after the last.
    ///
    /// # Cancel safety
    /// A cancelled call ends the scan: later calls give `None`. Drop the scanner.
    ///
    /// # Errors
    /// NotFound (table or family), Unreachable, Busy, Auth, Refused; the scan is over then.
    pub async fn next_rows(&mut self) -> Result<Option<Vec<Row>>> {
        let Some(mut progress) = self.progress.take() else { return Ok(None) };
        let (progress, rows) = self
            .client
            .with_gateway(move |gateway| {
                let rows = progress.next(gateway)?;
                Ok((progress, rows))
            })
            .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        self.progress = Some(progress);
        Ok(Some(rows.into_iter().map(Row::from).collect()))
    }
}

impl Progress {
    fn next(&mut self, gateway: &mut Gateway) -> Result<Vec<TRowResult>> {
        let act = format!("cannot scan hbase table {}", self.table);
        let batch = i32::try_from(self.batch_rows()).unwrap_or(i32::MAX);
        let mut opened_again = false;
        loop {
            let id = match self.id {
                Some(id) => id,
                None => self.open(gateway, &act)?,
            };
            match gateway.attempt(|c| c.scanner_get_list(id, batch))? {
                Ok(rows) => {
                    self.advance(gateway, &rows);
                    return Ok(rows);
                }
                Err(e) if !opened_again && (is_lost_connection(&e) || fault::is_unknown_scanner(&e)) => {
                    tracing::debug!(table = self.table, error = %e, "scanner lost, opening it again");
                    opened_again = true;
                    self.id = None;
                }
                Err(e) => return Err(fault::explain(e, &act, gateway.endpoint())),
            }
        }
    }

    fn open(&mut self, gateway: &mut Gateway, act: &str) -> Result<i32> {
        let (table, scan) = (self.table.clone().into_bytes(), self.to_thrift());
        let id = gateway.call(act, |c| c.scanner_open_with_scan(table.clone(), scan.clone(), BTreeMap::new()))?;
        self.id = Some(id);
        Ok(id)
    }

    /// Remembers where to go on; closes the scanner on the gateway after the last row.
    fn advance(&mut self, gateway: &mut Gateway, rows: &[TRowResult]) {
        if let Some(key) = rows.last().and_then(|row| row.row.as_ref()) {
            // The smallest key after `key`.
            self.start = [key.as_slice(), &[0]].concat();
        } else if let Some(id) = self.id.take() {
            // All rows are here; what is left on the gateway expires by itself if this does not reach it.
            if let Ok(Err(e)) = gateway.attempt(|c| c.scanner_close(id)) {
                tracing::debug!(table = self.table, error = %e, "scanner not closed");
            }
        }
    }

    fn batch_rows(&self) -> usize {
        if self.scan.batch_rows == 0 { 1_000 } else { self.scan.batch_rows }
    }

    fn to_thrift(&self) -> TScan {
        let columns: Vec<Vec<u8>> = self.scan.columns.iter().map(|column| column.clone().into_bytes()).collect();
        TScan {
            start_row: Some(self.start.clone()),
            stop_row: prefix_end(&self.scan.prefix),
            timestamp: None,
            columns: (!columns.is_empty()).then_some(columns),
            caching: i32::try_from(self.batch_rows()).ok(),
            filter_string: self.scan.keys_only.then(|| b"FirstKeyOnlyFilter() AND KeyOnlyFilter()".to_vec()),
            batch_size: None,
            sort_columns: None,
            reversed: None,
            cache_blocks: Some(false),
        }
    }
}

/// The smallest key after all keys that start with `prefix`; `None` where no key is after them.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_of_ff_has_no_end() {
        assert_eq!(prefix_end(b""), None);
        assert_eq!(prefix_end(&[0xff, 0xff]), None);
        assert_eq!(prefix_end(b"0a|"), Some(b"0a}".to_vec()));
        assert_eq!(prefix_end(&[1, 0xff]), Some(vec![2]));
    }

    proptest! {
        #[test]
        fn a_key_is_in_the_range_exactly_if_it_has_the_prefix(
            prefix in prop::collection::vec(prop::sample::select(vec![0u8, 1, 0xfe, 0xff]), 0..4),
            key in prop::collection::vec(prop::sample::select(vec![0u8, 1, 0xfe, 0xff]), 0..6),
        ) {
            let inside = key >= prefix && prefix_end(&prefix).is_none_or(|end| key < end);
            prop_assert_eq!(inside, key.starts_with(&prefix));
        }
    }
}
