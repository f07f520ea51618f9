//! Runs imports: one snapshot over several connections, tables and their splits from a queue, rows through encoders
//! into staged files (or straight into HBase cells), one commit a table.
//!
//! ```text
//! describe -> plan -> open the loads -> queue -> connections: cut, read, write -> close the files -> settle: commit
//! ```
//! Opening, closing and settling wait for the cluster most of their time, so that is done for many tables at once while
//! the connections read others. Until its commit nothing of a table is visible; a failed or stopped import throws away
//! what it staged and ends its statements on the server.

mod cells;
mod checkpoint;
mod complete;
mod describe;
mod incremental;
mod merge;
mod open;
mod partition;
mod plan;
mod preview;
mod queue;
mod route;
mod run;
mod settle;
mod sink;
mod snapshot;
mod splits;
mod tables;
mod target;
mod text;
mod verify;
mod work;

use std::time::Instant;

pub use self::partition::PartitionColumns;
pub use self::plan::ImportPlan;
pub use self::preview::Preview;
use self::tables::Done;
use super::args::{ImportAllArgs, ImportArgs};
use super::ends::Ends;
use crate::error::{self, Error, Kind, Result};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// How often an import is begun whose connections to the database were lost.
const MAX_STARTS: u32 = 3;

/// Looks the table up and decides the import, down to its splits and its way to one moment; reads no row, takes no lock
/// and touches no target.
///
/// # Errors
/// Those of the connection, of the description and of [`ImportPlan::new`].
pub async fn plan(args: &ImportArgs, ends: &Ends<'_>, run_id: &str) -> Result<Preview> {
    let mut conn = ends.mysql.connect().await?;
    let plan = describe::plan(ends, &mut conn, args, run_id).await?;
    let preview = preview::preview(ends, &mut conn, plan).await?;
    conn.close().await;
    Ok(preview)
}

/// Decides the imports of all tables of the database, as [`plan`] does.
///
/// # Errors
/// Those of [`plan`], for the first table that cannot be imported.
pub async fn plan_all(args: &ImportAllArgs, ends: &Ends<'_>, run_id: &str) -> Result<Vec<Preview>> {
    let mut conn = ends.mysql.connect().await?;
    let mut previews = Vec::new();
    for each in describe::each_table(ends, args).await? {
        let plan = describe::plan(ends, &mut conn, &each, run_id).await;
        let plan = plan.map_err(|e| e.context(describe::name(&each)))?;
        previews.push(preview::preview(ends, &mut conn, plan).await?);
    }
    conn.close().await;
    Ok(previews)
}

/// Brings the target to what the table or query holds.
///
/// # Errors
/// Those of [`plan`], of the load and of the database; Data: a value that cannot be carried exactly; Stopped.
pub async fn run(args: &ImportArgs, ends: &Ends<'_>, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let started = Instant::now();
    let mut starts = 0;
    loop {
        starts += 1;
        let done = tables::import(&[args], ends, run_id, stop, false).await?;
        match done.lost {
            Some(lost) if starts < MAX_STARTS => {
                tracing::warn!(error = %lost, starts, "the import starts over with a new snapshot");
            }
            Some(lost) => return Err(lost),
            None => {
                let only = done.tables.into_iter().next();
                let only = only.ok_or_else(|| error::bug("an import ended and said nothing of its table"))?;
                let mut summary = only.end?;
                summary.elapsed = started.elapsed();
                return Ok(summary);
            }
        }
    }
}

/// Brings the targets to what all tables of the database hold, all as of one moment.
///
/// A table that fails does not keep the others from being imported, unless that is asked for.
///
/// # Errors
/// The first table's that failed, naming how many did; Stopped.
pub async fn run_all(args: &ImportAllArgs, ends: &Ends<'_>, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let started = Instant::now();
    let each = stop.or(describe::each_table(ends, args)).await?;
    let each: Vec<&ImportArgs> = each.iter().collect();
    let done = tables::import(&each, ends, run_id, stop, args.stop_at_first_failure).await?;
    if let Some(lost) = done.lost {
        return Err(lost.context("not all tables were imported"));
    }
    let mut summary = StepSummary::new(format!("import-all {}", ends.mysql.database()));
    summary.elapsed = started.elapsed();
    sum_up(summary, done, each.len())
}

/// The sum of all tables, or the first failure.
fn sum_up(mut sum: StepSummary, done: Done, count: usize) -> Result<StepSummary> {
    let (mut failed, mut unchanged): (Vec<(String, Error)>, u64) = (Vec::new(), 0);
    for table in done.tables {
        let name = table.name;
        match table.end {
            Ok(table) => {
                tracing::info!(rows = table.rows_out, files = table.files, "{name}: {}", table.outcome.as_str());
                unchanged += u64::from(table.outcome == Outcome::Unchanged);
                sum.add(&table);
            }
            Err(e) => {
                tracing::error!("{name}: {e}");
                failed.push((name, e));
            }
        }
    }
    sum.detail = format!("{} tables, {unchanged} of them unchanged, {}", count - failed.len(), done.snapshot);
    if failed.is_empty() { Ok(sum) } else { Err(not_all(failed, count, sum.outcome)) }
}

/// The error of an import of all tables of which some failed: the first failure, and how many there are.
fn not_all(failed: Vec<(String, Error)>, count: usize, outcome: Outcome) -> Error {
    let names: Vec<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    let what = format!("{} of {count} tables were not imported ({})", names.len(), error::some_of(&names));
    let Some((name, first)) = failed.into_iter().next() else { return error::bug(what) };
    // An exit code that says that nothing was done is not true where other tables were imported.
    if outcome == Outcome::Done && matches!(first.kind(), Kind::Usage | Kind::Config) {
        let hint = first.remedy().map(str::to_owned);
        let error = error::refused(format!("{what}; {name}")).source(first);
        return hint.into_iter().fold(error, Error::hint);
    }
    first.context(format!("{what}; {name}"))
}
