//! Fills an HBase table from a Hive query, one row a key, and looks one row up.
//!
//! The query's result is the state the table should show. It is checked whole before the first put, then compared
//! cell by cell with what the table shows, and only the difference is written; a second run writes nothing. Rows that
//! the query does not give are counted and left alone: a lookup never empties a page because a query went wrong.
//!
//! **Timestamps.** All cells of a run carry one timestamp: the newest of the query's timestamp column, or one more
//! than the newest timestamp in the rows to be changed, whichever is later. One for the whole run because thrift1
//! carries one per call; comparing first makes it safe to repeat.
//!
//! **NULL.** A value that became NULL is deleted, which leaves a tombstone that would hide a later put with an equal or
//! older timestamp. Every write of a row therefore also puts the id of its run into the schema's `written-by` cell: it
//! is as new as any tombstone in the row, so the next run goes above it. Tombstones of somebody else (a `deleteall` in
//! the shell) cannot be seen; the run reads its rows back at the end and fails if one stays hidden.
//!
//! One run at a time fills a table; a lease in HBase keeps a second one away. A cell that HBase would not take is refused
//! before anything is written.
//!
//! Not atomic: readers see a row of the last run or of this one, each row whole.

mod diff;
mod external;
mod fit;
mod get;
mod pages;
mod query;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::config;
use crate::error::{self, Effect, Result};
use crate::hbase::{BatchLimits, CellLease, HBaseClient, HBaseOptions, RowMutation, Scan, TableSchema};
use crate::hiveserver2::{HiveServer2Options, Session};
use crate::lease::Lease;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};
use diff::{Diff, Differ};
use pages::Pages;

pub use external::create_statement;
pub use get::{Found, get};

/// What a lookup is asked for: a Hive query to one HBase row a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LookupArgs {
    /// File that describes the HBase table, such as hbase-schemas/customer_360.toml
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true, value_parser = config::path)]
    pub schema: PathBuf,
    /// File with the HiveQL query that gives one row a key; ${database} stands for the database
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true, value_parser = config::path)]
    pub query_file: PathBuf,
    /// Hive database that the query reads and that the external table is made in
    #[arg(
        id = "lookup_database",
        long = "database",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub database: String,
    /// External Hive table over the HBase table, made if missing [default: none]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub hive_table: Option<String>,
    /// Result column with the time a row was last true, in milliseconds since the epoch [default: the time of the run]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub timestamp_column: Option<String>,
}

/// Everything decided, before anything is asked of a server.
struct Plan {
    schema: TableSchema,
    query: String,
    external: Option<external::ExternalTable>,
    timestamp_column: Option<String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  fills       hbase table {}, made if missing; only cells that differ",
            self.schema.qualified_name()
        )?;
        if let Some(external) = &self.external {
            writeln!(f, "  hive table  {}, made if missing", external.name())?;
        }
        match &self.timestamp_column {
            Some(column) => writeln!(f, "  timestamps  the newest of column {column}")?,
            None => writeln!(f, "  timestamps  the time of the run")?,
        }
        write!(f, "  query       {}", self.query.replace('\n', "\n              "))
    }
}

impl LookupArgs {
    /// Reads the files named, relative ones below `base`, and checks all that can be checked without a server.
    fn plan(&self, base: &Path) -> Result<Plan> {
        let schema = TableSchema::read(&base.join(&self.schema))?;
        let query = query::read(&base.join(&self.query_file), &self.database)?;
        let external = match &self.hive_table {
            Some(table) => Some(external::ExternalTable::new(&schema, &self.database, table)?),
            None => None,
        };
        Ok(Plan { schema, query, external, timestamp_column: self.timestamp_column.clone() })
    }
}

/// Refuses what makes no sense, before anything is asked of a server; reads the files named.
///
/// # Errors
/// Config: a file that cannot be read or is wrong, a name that Hive cannot take.
pub fn check(args: &LookupArgs, base: &Path) -> Result<()> {
    args.plan(base).map(drop)
}

/// The query of a lookup, with its database; for whoever asks whether it can be made.
///
/// # Errors
/// Those of [`check`].
pub(crate) fn query(args: &LookupArgs, base: &Path) -> Result<String> {
    query::read(&base.join(&args.query_file), &args.database)
}

/// What a lookup would do, in words: the query, the table and the external table over it. Nothing is read or changed.
///
/// # Errors
/// Those of [`check`].
pub fn plan(args: &LookupArgs, base: &Path) -> Result<String> {
    args.plan(base).map(|plan| plan.to_string())
}

/// Brings the HBase table to what the query says.
///
/// # Errors
/// Config (files, names), Schema (result or table do not fit the schema), Data (a NULL or doubled key, a text that is
/// not a timestamp, a cell that is too large), Unreachable, Auth, Busy, Refused; with the effect Partial once the first row may be visible.
pub async fn run(
    args: &LookupArgs,
    base: &Path,
    hbase: &HBaseOptions,
    hiveserver2: &HiveServer2Options,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let started = Instant::now();
    let plan = args.plan(base)?;
    let table = plan.schema.qualified_name();
    let client = HBaseClient::connect(hbase).await?;
    let lease = Lease::acquire(Arc::new(CellLease::new(client.clone(), &table)), &format!("run {run_id}")).await?;
    let done = fill(&plan, &client, &lease, hiveserver2, run_id, stop).await;
    // What was done is done; a lease that cannot be removed dies with this process.
    if let Err(error) = lease.release().await {
        tracing::warn!(%error, table, "cannot give back the lease");
    }
    let mut summary = done?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// Does the work under the lease.
async fn fill(
    plan: &Plan,
    client: &HBaseClient,
    lease: &Lease,
    hiveserver2: &HiveServer2Options,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let table = plan.schema.qualified_name();
    let session = Session::open_exact(hiveserver2).await?;

    let result =
        session.query(&plan.query, stop).await.map_err(|e| e.context(format!("filling hbase table {table}")))?;
    let pages = Pages::of(&plan.schema, plan.timestamp_column.as_deref(), result, now_ms()?)?;
    let made_table = client.ensure_table(&plan.schema).await?;
    let made_hive_table = match &plan.external {
        Some(external) => external.ensure(&session, stop).await?,
        None => false,
    };
    session.close().await?;

    let diff = compare(client, &plan.schema, &pages, run_id, stop).await?;
    let timestamp_ms = diff.timestamp_ms(pages.watermark_ms());
    client.check(&table, &diff.changes)?;
    lease.check().await?;
    let bytes = write(client, &table, &diff.changes, timestamp_ms, stop).await?;
    if !diff.changes.is_empty() {
        verify(client, &plan.schema, &pages, timestamp_ms, stop).await?;
    }
    let mut summary = StepSummary::new(format!("lookup {table}"));
    if !diff.changes.is_empty() || made_table || made_hive_table {
        summary.outcome = Outcome::Done;
    }
    summary.rows_in = pages.len() as u64;
    summary.rows_out = diff.changes.len() as u64;
    summary.bytes = bytes;
    summary.detail = diff.detail();
    Ok(summary)
}

/// Scans the mapped columns of the whole table and says what differs from the pages.
async fn compare(client: &HBaseClient, schema: &TableSchema, pages: &Pages, run_id: &str, stop: &Stop) -> Result<Diff> {
    let mut differ = Differ::new(schema, pages, run_id);
    let mut scanner = client.scan(&schema.qualified_name(), Scan { columns: schema.cells(), ..Scan::default() });
    while let Some(rows) = stop.or(scanner.next_rows()).await? {
        rows.iter().try_for_each(|row| differ.see(row))?;
    }
    differ.finish()
}

/// Writes the changes in batches; gives the bytes sent.
async fn write(
    client: &HBaseClient,
    table: &str,
    changes: &[RowMutation],
    timestamp_ms: i64,
    stop: &Stop,
) -> Result<u64> {
    for batch in BatchLimits::default().cut(changes) {
        stop.check().map_err(|e| e.effect(Effect::Partial))?;
        client.mutate(table, batch, timestamp_ms).await.map_err(|e| e.effect(Effect::Partial))?;
    }
    Ok(changes.iter().map(|row| row.len_bytes() as u64).sum())
}

/// Reads the table again: after the writes nothing may differ.
async fn verify(
    client: &HBaseClient,
    schema: &TableSchema,
    pages: &Pages,
    timestamp_ms: i64,
    stop: &Stop,
) -> Result<()> {
    let left = compare(client, schema, pages, "", stop).await.map_err(|e| e.effect(Effect::Partial))?;
    if left.changes.is_empty() {
        return Ok(());
    }
    let table = schema.qualified_name();
    let example = left.changes.first().map_or_else(String::new, |row| String::from_utf8_lossy(row.key()).into_owned());
    Err(error::refused(format!(
        "{} rows of hbase table {table} do not show what was written at timestamp {timestamp_ms}, such as {example}",
        left.changes.len()
    ))
    .hint(format!(
        "a delete with a newer timestamp hides them (run major_compact '{table}' in the hbase shell, then this again), \
         or another writer is at work"
    ))
    .effect(Effect::Partial))
}

fn now_ms() -> Result<i64> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since_epoch.ok().and_then(|since| i64::try_from(since.as_millis()).ok());
    ms.ok_or_else(|| error::config("this machine's clock is before 1970").hint("set the clock"))
}
