//! Rows on their way to the gateways.
//!
//! A call of thrift1 has one timestamp for all of its cells, so rows are sent by their timestamps, on several connections
//! at once. Rows with one key and one timestamp are one row of a call, in which the last value of a cell counts: HBase
//! would not say which of two.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;

use super::mapping::Made;
use crate::error::{self, Error, Kind, Result};
use crate::hbase::{BatchLimits, HBaseClient, HBaseOptions, RowMutation};

/// The gateways, connected as they are needed.
pub(super) struct Gateways {
    options: HBaseOptions,
    table: String,
    limits: BatchLimits,
    connections: usize,
    clients: Vec<HBaseClient>,
    is_checked: bool,
    /// The last time of writing: it does not go back with the clock.
    newest_ms: i64,
}

/// A row of one key and one timestamp, and the rows of single events that it was made of.
struct Merged {
    row: RowMutation,
    /// Numbers of events, and what each wrote.
    of: Vec<(usize, RowMutation)>,
}

/// Events that the gateway would not take, by their number, and why.
pub(super) type Refused = BTreeMap<usize, String>;

impl Gateways {
    pub(super) fn new(options: HBaseOptions, table: String, limits: BatchLimits, connections: usize) -> Self {
        let (clients, connections) = (Vec::new(), connections.max(1));
        Self { options, table, limits, connections, clients, is_checked: false, newest_ms: 0 }
    }

    /// A connection, once the table is known to have the families.
    ///
    /// # Errors
    /// NotFound: no such table. Schema: a family is missing. Those of the gateway.
    pub(super) async fn ready(&mut self, families: &[&str]) -> Result<HBaseClient> {
        let client = self.client(0).await?;
        if !self.is_checked {
            let there = client.families(&self.table).await.map_err(|e| match e.kind() {
                Kind::NotFound => missing_table(&self.table, families, e),
                _ => e,
            })?;
            let missing: Vec<&str> =
                families.iter().copied().filter(|family| !there.iter().any(|known| known == family)).collect();
            if !missing.is_empty() {
                return Err(missing_families(&self.table, &missing, &there));
            }
            self.is_checked = true;
        }
        Ok(client)
    }

    async fn client(&mut self, number: usize) -> Result<HBaseClient> {
        if self.clients.len() <= number {
            // Each begins at another gateway, and tries the others behind it.
            let mut options = self.options.clone();
            let gateways = options.urls.len().max(1);
            options.urls.rotate_left(self.clients.len() % gateways);
            self.clients.push(HBaseClient::connect(&options).await?);
        }
        Ok(self.clients[number.min(self.clients.len() - 1)].clone())
    }

    /// Refuses a row that HBase would not take; nothing is sent.
    pub(super) fn check(client: &HBaseClient, table: &str, made: &Made) -> Result<(), String> {
        client.check(table, std::slice::from_ref(&made.row)).map_err(|e| e.to_string())
    }

    /// Writes rows, each of the event of this number, and returns when the gateway has all of them but those of the events
    /// that it refuses. Rows without a timestamp get `now_ms`.
    ///
    /// # Errors
    /// Those of the gateway: some rows may be there, which are the same when they are written again.
    pub(super) async fn put(&mut self, rows: Vec<(usize, Made)>, now_ms: i64) -> Result<Refused> {
        self.newest_ms = self.newest_ms.max(now_ms);
        let batches = batches(rows, self.newest_ms, self.limits);
        let ways = self.connections.min(batches.len());
        for number in 0..ways {
            self.client(number).await?;
        }
        let (waiting, refused) = (RefCell::new(batches.into_iter()), RefCell::new(Refused::new()));
        let (waiting, kept, table) = (&waiting, &refused, self.table.as_str());
        let way = |client: &HBaseClient| {
            let client = client.clone();
            async move {
                loop {
                    let Some((stamp_ms, batch)) = waiting.borrow_mut().next() else { return Ok::<_, Error>(()) };
                    send(&client, table, batch, stamp_ms, kept).await?;
                }
            }
        };
        try_join_all(self.clients.iter().take(ways).map(way)).await?;
        Ok(refused.into_inner())
    }
}

/// The error where there is no such table.
fn missing_table(table: &str, families: &[&str], e: Error) -> Error {
    let (named, needed) = (quoted(families), families.join(", "));
    error::not_found(format!("there is no hbase table {table}, which a sink writes to, into the families {needed}"))
        .hint(format!("make it in the hbase shell: create '{table}', {named}; nothing was taken from the channel"))
        .source(e)
}

/// The error where the table lacks families.
fn missing_families(table: &str, missing: &[&str], there: &[String]) -> Error {
    let (named, lacked) = (quoted(missing), missing.join(", "));
    let what = format!("hbase table {table} has the column families {}, but not {lacked}", there.join(", "));
    error::schema(what).hint(format!(
        "add it in the hbase shell (alter '{table}', {named}), or name another one; nothing was taken from the channel"
    ))
}

fn quoted(families: &[&str]) -> String {
    families.iter().map(|family| format!("'{family}'")).collect::<Vec<_>>().join(", ")
}

/// Rows as they are sent: by timestamp, and in each by key.
fn batches(rows: Vec<(usize, Made)>, now_ms: i64, limits: BatchLimits) -> Vec<(i64, Vec<Merged>)> {
    let mut stamps: BTreeMap<i64, Vec<Merged>> = BTreeMap::new();
    let mut known: HashMap<(i64, Vec<u8>), usize> = HashMap::new();
    for (event, Made { stamp_ms, row }) in rows {
        let stamp_ms = stamp_ms.unwrap_or(now_ms);
        let all = stamps.entry(stamp_ms).or_default();
        match known.entry((stamp_ms, row.key().to_vec())) {
            Entry::Occupied(there) => {
                let merged = &mut all[*there.get()];
                merged.row.overlay(&row);
                merged.of.push((event, row));
            }
            Entry::Vacant(new) => {
                new.insert(all.len());
                all.push(Merged { row: row.clone(), of: vec![(event, row)] });
            }
        }
    }
    let mut cut = Vec::new();
    for (stamp_ms, rows) in stamps {
        let counts = limits.counts(rows.iter().map(|merged| merged.row.len_bytes()));
        let mut rows = rows.into_iter();
        cut.extend(counts.into_iter().map(|count| (stamp_ms, rows.by_ref().take(count).collect::<Vec<_>>())));
    }
    cut
}

/// Sends a batch. Where the gateway refuses what is in it, its halves are sent, down to the events that it is about.
async fn send(
    client: &HBaseClient,
    table: &str,
    batch: Vec<Merged>,
    stamp_ms: i64,
    refused: &RefCell<Refused>,
) -> Result<()> {
    let mut stack = vec![batch];
    while let Some(mut batch) = stack.pop() {
        let rows: Vec<RowMutation> = batch.iter().map(|merged| merged.row.clone()).collect();
        let Err(error) = client.mutate(table, &rows, stamp_ms).await else { continue };
        if error.kind() != Kind::Data {
            return Err(error);
        }
        if batch.len() > 1 {
            let second = batch.split_off(batch.len() / 2);
            stack.extend([second, batch]);
            continue;
        }
        let of: Vec<(usize, RowMutation)> = batch.into_iter().flat_map(|merged| merged.of).collect();
        match &of[..] {
            [(event, _)] => {
                refused.borrow_mut().entry(*event).or_insert_with(|| error.to_string());
            }
            // In their order: the last value of a cell counts.
            several => stack.extend(
                several
                    .iter()
                    .rev()
                    .map(|(event, row)| vec![Merged { row: row.clone(), of: vec![(*event, row.clone())] }]),
            ),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(key: &str, cell: &str, value: &str, stamp_ms: Option<i64>) -> Made {
        let mut row = RowMutation::new(key).unwrap();
        row.put(cell, value);
        Made { stamp_ms, row }
    }

    #[test]
    fn rows_of_one_key_and_time_are_one_row_and_the_last_value_counts() {
        let rows = vec![
            (0, made("a", "f:x", "1", Some(5))),
            (1, made("b", "f:x", "2", Some(5))),
            (2, made("a", "f:x", "3", Some(5))),
            (3, made("a", "f:y", "4", Some(5))),
            (4, made("a", "f:x", "5", Some(4))),
            (5, made("a", "f:x", "6", None)),
        ];
        let limits = BatchLimits { max_rows: 10, max_bytes: 1_000 };
        let cut = batches(rows, 9, limits);
        assert_eq!(
            cut.iter().map(|(stamp, batch)| (*stamp, batch.len())).collect::<Vec<_>>(),
            [(4, 1), (5, 2), (9, 1)]
        );
        let cells: Vec<_> = cut[1].1[0].row.cells().collect();
        assert_eq!(cells, [("f:x", Some(&b"3"[..])), ("f:y", Some(&b"4"[..]))]);
        assert_eq!(cut[1].1[0].of.iter().map(|(event, _)| *event).collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn batches_keep_the_limits() {
        let rows: Vec<_> = (0..25).map(|n| (n, made(&format!("k{n}"), "f:x", "v", Some(1)))).collect();
        let sizes = |limits| batches(rows.clone(), 0, limits).iter().map(|(_, batch)| batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(BatchLimits { max_rows: 10, max_bytes: 1 << 20 }), [10, 10, 5]);
        assert_eq!(sizes(BatchLimits { max_rows: 10, max_bytes: 1 }), vec![1; 25]);
    }
}
