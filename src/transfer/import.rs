//! Runs an import: one snapshot over several connections, splits from a queue, rows through encoders into staged files,
//! one commit.
//!
//! Until the commit nothing is visible; a failed or stopped import throws away what it staged and gives back the
//! connections. It reads before it decides that nothing changed, unless the server's binlog stands still.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::args::ImportArgs;
use super::plan::ImportPlan;
use super::route::Router;
use crate::error::{self, Error, Result};
use crate::load::{Cluster, Load, StagedPart};
use crate::mysql::MySqlClient;
use crate::mysql::snapshot::{BinlogPosition, Snapshot};
use crate::mysql::split::Split;
use crate::mysql::table::Table;
use crate::mysql::wire::ReadConnection;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// Batches that wait between the reader and the encoder of a split.
const BATCHES_AHEAD: usize = 1;

/// Time for throwing away what a failed import staged; the next one does it otherwise.
const CLEANUP_TIME: Duration = Duration::from_secs(4);

/// Key of the binlog position in a load's checkpoint.
const POSITION: &str = "position";

/// Looks the table up and decides the import; reads no row and touches no target.
///
/// # Errors
/// Those of [`MySqlClient::connect`], [`Table::describe`] and [`ImportPlan::new`].
pub async fn plan(args: &ImportArgs, client: &MySqlClient, run_id: &str) -> Result<ImportPlan> {
    let Some(name) = &args.table else {
        return Err(error::config("the import names no table").hint("give table"));
    };
    let mut conn = ReadConnection::connect(client).await?;
    let table = Table::describe(&mut conn, client.database(), name).await?;
    conn.close().await;
    ImportPlan::new(args, table, client.address(), run_id)
}

/// Brings the target to what the table holds.
///
/// # Errors
/// Those of [`plan`], [`Load::open`] and [`Load::commit`]; Data: a value that cannot be carried exactly; Stopped.
pub async fn run(
    args: &ImportArgs,
    client: &MySqlClient,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let started = Instant::now();
    let mut summary = import(args, client, cluster, run_id, stop).await?;
    (summary.step, summary.elapsed) =
        (format!("import {}", args.table.as_deref().unwrap_or_default()), started.elapsed());
    Ok(summary)
}

async fn import(
    args: &ImportArgs,
    client: &MySqlClient,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let plan = Arc::new(stop.or(plan(args, client, run_id)).await?);
    let load = stop.or(Load::open(cluster, plan.load.clone())).await?;
    let snapshot = match stop.or(Snapshot::open(client, plan.connections as usize)).await {
        Ok(snapshot) => snapshot,
        Err(error) => return Err(give_up(load, client, Vec::new(), error).await),
    };
    let ids: Vec<u32> = snapshot.connections.iter().map(ReadConnection::id).collect();
    let moment = Moment::of(&plan, &snapshot);
    match stop.or(fill(&plan, &load, snapshot)).await {
        Ok(filled) => settle(&plan, load, filled, &moment).await,
        Err(error) => Err(give_up(load, client, ids, error).await),
    }
}

/// When the rows were read, and how sure that is.
struct Moment {
    position: Option<BinlogPosition>,
    detail: String,
}

impl Moment {
    fn of(plan: &ImportPlan, snapshot: &Snapshot) -> Self {
        let mut detail = match &snapshot.position {
            Some(position) => format!("snapshot {position}"),
            None => "snapshot without a position".to_owned(),
        };
        if let Some(why) = snapshot.narrowed {
            detail = format!("{detail}, one connection: {why}");
        }
        if !plan.table.has_snapshots() {
            let engine = plan.table.engine.as_deref().unwrap_or("a view");
            detail = format!("{detail}, which does not bind {engine}");
        }
        Self { position: snapshot.position.clone(), detail }
    }

    fn checkpoint(&self) -> Value {
        json!({ POSITION: self.position })
    }
}

/// What was staged.
struct Filled {
    parts: Vec<StagedPart>,
    /// Rows read; `None` if nothing had to be read because nothing was written to the server since the last load.
    rows: Option<u64>,
}

/// Reads all splits into staged files, unless the binlog shows that it would be the same ones.
async fn fill(plan: &Arc<ImportPlan>, load: &Load, snapshot: Snapshot) -> Result<Filled> {
    if let (Some(previous), Some(position)) = (load.previous(), &snapshot.position)
        && previous.fingerprint == plan.load.fingerprint
        && previous.checkpoint.get(POSITION) == Some(&json!(position))
        && plan.table.has_snapshots()
        && load.is_unchanged(&previous.parts).await?
    {
        return Ok(Filled { parts: previous.parts.clone(), rows: None });
    }
    let mut connections = snapshot.connections;
    let splits = match (&plan.key, connections.first_mut()) {
        (Some(key), Some(conn)) => {
            let bounds = key.bounds(conn, &plan.selection).await?;
            key.splits(bounds, plan.connections)
        }
        _ => vec![Split::All],
    };
    let queue = Mutex::new(splits.into_iter().enumerate().collect::<VecDeque<_>>());
    let workers = connections.into_iter().map(|conn| work(plan, load, conn, &queue));
    let (mut parts, mut rows) = (Vec::new(), 0);
    for (of_worker, read) in try_join_all(workers).await? {
        parts.extend(of_worker);
        rows += read;
    }
    Ok(Filled { parts, rows: Some(rows) })
}

/// Takes splits from the queue until there is none left.
async fn work(
    plan: &Arc<ImportPlan>,
    load: &Load,
    mut conn: ReadConnection,
    queue: &Mutex<VecDeque<(usize, Split)>>,
) -> Result<(Vec<StagedPart>, u64)> {
    let (mut parts, mut rows) = (Vec::new(), 0);
    // A queue of plain values is whole after every panic.
    while let Some((number, split)) = { queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() } {
        let (to, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let reader = {
            let plan = plan.clone();
            tokio::spawn(async move {
                let condition = plan.key.as_ref().and_then(|key| key.condition(split));
                let sql = plan.selection.sql(condition.as_deref());
                let read = plan.selection.read(&mut conn, &sql, &to).await;
                read.map(|rows| (conn, rows))
            })
        };
        let reader = AbortOnDropHandle::new(reader);
        let mut router = Router::new(load, number, plan.partitioner.as_ref());
        while let Some(batch) = batches.recv().await {
            router.write(&batch).await?;
        }
        let read;
        (conn, read) = reader.await.map_err(|e| error::bug("the reader of a split broke down").source(e))??;
        rows += read;
        parts.extend(router.finish().await?);
    }
    conn.close().await;
    Ok((parts, rows))
}

/// Commits what was staged, or throws it away where the target holds the same already.
async fn settle(plan: &ImportPlan, load: Load, filled: Filled, moment: &Moment) -> Result<StepSummary> {
    let Filled { parts, rows } = filled;
    let mut summary = StepSummary::new(String::new());
    summary.rows_in = rows.unwrap_or(0);
    summary.detail.clone_from(&moment.detail);
    if rows.is_none() || load.is_unchanged(&parts).await? {
        load.register_again().await?;
        load.discard().await?;
        return Ok(summary);
    }
    let written: u64 = parts.iter().map(|p| p.rows).sum();
    if rows != Some(written) {
        let what = format!("{} rows were read and {written} written", summary.rows_in);
        return Err(error::bug(what).context(plan.table.full_name()));
    }
    summary.outcome = Outcome::Done;
    summary.rows_out = written;
    summary.bytes = parts.iter().map(|p| p.bytes).sum();
    summary.files = parts.len() as u64;
    load.commit(parts, moment.checkpoint()).await?;
    Ok(summary)
}

/// Throws away what was staged and ends the statements that still run; gives back the error that led here.
async fn give_up(load: Load, client: &MySqlClient, ids: Vec<u32>, error: Error) -> Error {
    let cleanup = async {
        let (discarded, killed) = tokio::join!(load.discard(), client.kill(&ids));
        discarded.and(killed)
    };
    match tokio::time::timeout(CLEANUP_TIME, cleanup).await {
        Ok(Ok(())) => {}
        // The first error is the one to tell; what is left is hidden, and the next load of this target removes it.
        Ok(Err(left)) => tracing::warn!(error = %left, "a failed import left staged files or a running statement"),
        Err(_) => tracing::warn!("a failed import left staged files: the cluster did not answer in time"),
    }
    error
}
