//! Runs imports: one snapshot over several connections, tables and their splits from a queue, rows through encoders
//! into staged files (or straight into HBase cells), one commit a table.
//!
//! ```text
//! describe -> plan -> open the loads -> queue -> connections: cut, read, write -> close the files -> settle: commit
//! ```
//! Opening, closing and settling wait for the cluster most of their time, so that is done for many tables at once while
//! the connections read others. Until its commit nothing of a table is visible; a failed or stopped import throws away
//! what it staged and ends its statements on the server.

mod check;
mod cut;
mod landing;
mod moment;
mod older;
mod open;
mod preview;
mod settle;
mod sink;
mod work;

use std::sync::Arc;
use std::time::Instant;

use futures::channel::mpsc;
use futures::future::{join, join_all};
use futures::{StreamExt, stream};

use self::cut::Opened;
use self::landing::Landing;
use self::moment::Moment;
use self::work::{Item, Work};
use super::args::{ImportAllArgs, ImportArgs};
use super::cleanup;
use super::ends::Ends;
use super::plan::ImportPlan;
use super::queue::Queue;
use crate::error::{self, Error, Kind, Result};
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::wire::ReadConnection;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// Tables whose targets are opened at once, and settled at once: each waits for NameNode and metastore most of its time.
const TABLES_AT_ONCE: usize = 64;

/// Shares whose files are completed at once; each may hold a few MiB that are still on their way.
const FILES_AT_ONCE: usize = 32;

/// How often an import is begun whose connections to the database were lost.
const MAX_STARTS: u32 = 3;

/// Looks the table up and decides the import, down to its splits and its way to one moment; reads no row, takes no lock
/// and touches no target.
///
/// # Errors
/// Those of the connection, of the description and of [`ImportPlan::new`].
pub async fn plan(args: &ImportArgs, ends: &Ends<'_>, run_id: &str) -> Result<ImportPlan> {
    let mut conn = ReadConnection::connect(ends.mysql).await?;
    let mut plan = open::plan(ends, &mut conn, args, run_id).await?;
    plan.preview = Some(preview::preview(ends, &mut conn, &plan).await?);
    conn.close().await;
    Ok(plan)
}

/// Decides the imports of all tables of the database, as [`plan`] does.
///
/// # Errors
/// Those of [`plan`], for the first table that cannot be imported.
pub async fn plan_all(args: &ImportAllArgs, ends: &Ends<'_>, run_id: &str) -> Result<Vec<ImportPlan>> {
    let mut conn = ReadConnection::connect(ends.mysql).await?;
    let mut plans = Vec::new();
    for each in open::each_table(ends, args).await? {
        let plan = open::plan(ends, &mut conn, &each, run_id).await;
        let mut plan = plan.map_err(|e| e.context(open::name(&each)))?;
        plan.preview = Some(preview::preview(ends, &mut conn, &plan).await?);
        plans.push(plan);
    }
    conn.close().await;
    Ok(plans)
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
        let done = tables(&[args], ends, run_id, stop, false).await?;
        match done.lost {
            Some(lost) if starts < MAX_STARTS => {
                tracing::warn!(error = %lost, starts, "the import starts over with a new snapshot");
            }
            Some(lost) => return Err(lost),
            None => {
                let only =
                    done.tables.into_iter().next().ok_or_else(|| error::bug("an import ended without an end"))?;
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
    let each = stop.or(open::each_table(ends, args)).await?;
    let each: Vec<&ImportArgs> = each.iter().collect();
    let done = tables(&each, ends, run_id, stop, args.stop_at_first_failure).await?;
    if let Some(lost) = done.lost {
        return Err(lost.context("not all tables were imported"));
    }
    let mut sum = StepSummary::new(format!("import-all {}", ends.mysql.database()));
    let (mut failed, mut unchanged) = (Vec::new(), 0);
    for Table { name, end } in done.tables {
        match end {
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
    sum.elapsed = started.elapsed();
    sum.detail = format!("{} tables, {unchanged} of them unchanged, {}", each.len() - failed.len(), done.moment);
    let others: Vec<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    match failed.into_iter().next() {
        None => Ok(sum),
        Some((name, first)) => Err(first.context(format!(
            "{} of {} tables were not imported ({}); {name}",
            others.len(),
            each.len(),
            others.join(", ")
        ))),
    }
}

/// How a table ended.
struct Table {
    name: String,
    end: Result<StepSummary>,
}

/// How all of them ended.
struct Done {
    tables: Vec<Table>,
    /// The connections to the database were all lost before the tables were read.
    lost: Option<Error>,
    moment: String,
}

/// Imports tables as of one moment.
async fn tables(args: &[&ImportArgs], ends: &Ends<'_>, run_id: &str, stop: &Stop, all_or_none: bool) -> Result<Done> {
    let mut conn = stop.or(ReadConnection::connect(ends.mysql)).await?;
    let mut tables = Vec::new();
    let mut plans = Vec::new();
    for args in args {
        match stop.or(open::plan(ends, &mut conn, args, run_id)).await {
            Ok(plan) => plans.push(plan),
            Err(e) if matches!(e.kind(), Kind::Stopped(_)) => return Err(e),
            Err(end) => tables.push(Table { name: open::name(args), end: Err(end) }),
        }
    }
    let snapshot = stop.or(snapshot(ends, &mut conn, &mut plans)).await?;
    conn.close().await;
    let moment = Moment::of(&snapshot);
    let ids: Vec<u32> = snapshot.connections.iter().map(ReadConnection::id).collect();
    let queue = Queue::new([]);
    let (ended, settling) = mpsc::unbounded();
    let (closing, mut to_close) = tokio::sync::mpsc::channel(1);
    let work = Work { client: ends.mysql, moment: &moment, queue: &queue, closing, ended };
    let mut failed_opening = Vec::new();
    let working = async {
        let opening = open_all(ends, plans, &queue, &mut failed_opening);
        let reading = join_all(snapshot.connections.into_iter().map(|conn| work.run(conn)));
        let to_close = stream::poll_fn(|cx| to_close.poll_recv(cx));
        // Never ends of itself: as long as a file is being completed, the connections are not done either.
        let closing = to_close.for_each_concurrent(FILES_AT_ONCE, |closing| work.close(closing));
        let read = stop.or(async {
            tokio::select! {
                (_, read) = join(opening, reading) => Ok(read),
                () = closing => Err(error::bug("the files of an import were given up")),
            }
        });
        let read = read.await;
        // Whatever was waiting to be settled is settled; nothing more will come.
        drop(work);
        read
    };
    let settled = settling
        .map(|landing: Arc<Landing>| {
            let (queue, moment) = (&queue, &moment);
            async move {
                let name = landing.plan.name.clone();
                let end = settle::settle(ends, stop, moment, landing).await;
                if end.is_err() && all_or_none {
                    give_up(queue.drain()).await;
                }
                Table { name, end }
            }
        })
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<Vec<Table>>();
    let (read, settled) = tokio::join!(working, settled);
    tables.extend(failed_opening);
    tables.extend(settled);
    let left = queue.drain();
    let all_lost = |ends: &Vec<Result<()>>| !ends.is_empty() && ends.iter().all(Result::is_err);
    let unfinished = read.is_err() || !left.is_empty() || tables.iter().any(|t| t.end.is_err());
    give_up(left).await;
    if unfinished {
        cleanup::end_connections(ends.mysql, &ids, "import").await;
    }
    let lost = match read {
        Ok(ends) if all_lost(&ends) => ends.into_iter().find_map(Result::err),
        Ok(_) => None,
        Err(stopped) => return Err(stopped),
    };
    Ok(Done { tables, lost, moment: moment.detail.clone() })
}

/// Opens the snapshot that all plans need; asks for the time first where a plan's bound is the time.
async fn snapshot(ends: &Ends<'_>, conn: &mut ReadConnection, plans: &mut [ImportPlan]) -> Result<Snapshot> {
    for plan in plans.iter_mut() {
        open::ask_time(conn, plan).await?;
    }
    let connections = plans.iter().map(|p| p.connections).max().unwrap_or(1);
    let tables: Vec<_> = plans.iter().filter_map(|p| p.table().cloned()).collect();
    let mut options = SnapshotOptions { tables: &tables, ..SnapshotOptions::default() };
    if let Some(first) = plans.first() {
        (options.consistency, options.read_uncommitted) = (first.consistency, first.relaxed);
    }
    Snapshot::open(ends.mysql, connections as usize, &options).await
}

/// Opens the targets, many at once; what is open goes to the queue.
async fn open_all(ends: &Ends<'_>, plans: Vec<ImportPlan>, queue: &Queue<Item>, failed: &mut Vec<Table>) {
    let _more = queue.hold();
    let opening = stream::iter(plans).map(|plan| async {
        let name = plan.name.clone();
        match open::open(ends, plan).await {
            Ok(opened) => {
                queue.put_last(Item::Table(Box::new(opened)));
                None
            }
            Err(e) => Some(Table { name, end: Err(e) }),
        }
    });
    let ended: Vec<Option<Table>> = opening.buffer_unordered(TABLES_AT_ONCE).collect().await;
    failed.extend(ended.into_iter().flatten());
}

/// Throws away what was staged for tables that were not finished.
async fn give_up(left: Vec<Item>) {
    let landings = left.into_iter().map(|item| match item {
        Item::Table(opened) => {
            let Opened { plan, target, .. } = *opened;
            Arc::new(Landing::new(plan, target))
        }
        Item::Share(share) => share.landing,
        Item::Check(landing) => landing,
    });
    let landings: Vec<Arc<Landing>> = landings.collect();
    join_all(landings.iter().map(|landing| settle::give_up(landing))).await;
}
