//! Imports of several tables as of one moment, in three stages.
//!
//! ```text
//! describe   look the tables up, decide their imports
//! snapshot   open the connections that see one moment
//! transfer   open the targets, split, read, write; complete files and settle tables beside that
//! ```

use std::sync::Arc;

use futures::channel::mpsc;
use futures::future::{join, join_all};
use futures::{StreamExt, stream};

use super::complete::{self, Completion, Settling, TableEnd};
use super::plan::ImportPlan;
use super::queue::Queue;
use super::run::Item;
use super::snapshot::SnapshotPoint;
use super::work::Worker;
use super::{describe, open, snapshot};
use crate::error::{Error, Kind, Result};
use crate::mysql::Connection;
use crate::mysql::snapshot::Snapshot;
use crate::shutdown::Stop;
use crate::transfer::args::ImportArgs;
use crate::transfer::cleanup;
use crate::transfer::ends::Ends;

/// Tables whose targets are opened at once: each waits for NameNode and metastore most of its time.
const TABLES_AT_ONCE: usize = 64;

/// How all tables ended.
pub(super) struct Done {
    pub tables: Vec<TableEnd>,
    /// The connections to the database were all lost before the tables were read.
    pub lost: Option<Error>,
    /// The snapshot, in words.
    pub snapshot: String,
}

/// An import that was decided, before its target is open.
struct Planned {
    plan: ImportPlan,
    server_time: Option<String>,
}

/// Imports tables as of one moment.
///
/// # Errors
/// Those of the snapshot; Stopped. What keeps one table from being imported is told as its end.
pub(super) async fn import(
    args: &[&ImportArgs],
    ends: &Ends<'_>,
    run_id: &str,
    stop: &Stop,
    all_or_none: bool,
) -> Result<Done> {
    let mut conn = stop.or(ends.mysql.connect()).await?;
    let (plans, mut tables) = describe_all(args, ends, run_id, stop, &mut conn).await?;
    let times = stop.or(snapshot::server_times(&mut conn, &plans)).await?;
    let snapshot = stop.or(snapshot::open(ends, conn, &plans)).await?;
    let point = SnapshotPoint::of(&snapshot);
    let planned = plans.into_iter().zip(times).map(|(plan, server_time)| Planned { plan, server_time }).collect();
    let with = Settling { ends, stop, point: &point, all_or_none };
    let (ended, lost) = transfer(planned, snapshot, with).await?;
    tables.extend(ended);
    Ok(Done { tables, lost, snapshot: point.detail })
}

/// Decides the imports; those that cannot be are told beside them.
async fn describe_all(
    args: &[&ImportArgs],
    ends: &Ends<'_>,
    run_id: &str,
    stop: &Stop,
    conn: &mut Connection,
) -> Result<(Vec<ImportPlan>, Vec<TableEnd>)> {
    let (mut plans, mut failed) = (Vec::new(), Vec::new());
    for args in args {
        match stop.or(describe::plan(ends, conn, args, run_id)).await {
            Ok(plan) => plans.push(plan),
            Err(e) if matches!(e.kind(), Kind::Stopped(_)) => return Err(e),
            Err(e) => failed.push(TableEnd { name: describe::name(args), end: Err(e) }),
        }
    }
    Ok((plans, failed))
}

/// Reads and writes all tables; says how they ended, and whether the database was lost on the way.
async fn transfer(
    planned: Vec<Planned>,
    snapshot: Snapshot,
    with: Settling<'_>,
) -> Result<(Vec<TableEnd>, Option<Error>)> {
    let ids: Vec<u32> = snapshot.connections.iter().map(Connection::id).collect();
    let queue = Queue::new([]);
    let (steps, to_complete) = mpsc::unbounded();
    let completion = Completion::new(with, &queue, steps);
    let worker = Worker { client: with.ends.mysql, point: with.point, queue: &queue, completion: &completion };
    let mut failed_opening = Vec::new();
    let reading = async {
        let opening = open_all(with.ends, planned, &queue, &mut failed_opening);
        let reading = join_all(snapshot.connections.into_iter().map(|conn| worker.run(conn)));
        let read = with.stop.or(async { Ok(join(opening, reading).await.1) }).await;
        completion.no_more();
        read
    };
    let (read, ()) = join(reading, completion.run(to_complete)).await;
    let mut tables = completion.into_ended();
    tables.extend(failed_opening);
    let left = queue.drain();
    let unfinished = read.is_err() || !left.is_empty() || tables.iter().any(|table| table.end.is_err());
    complete::give_up(left).await;
    if unfinished {
        cleanup::end_connections(with.ends.mysql, &ids, "import").await;
    }
    let ends = read?;
    let all_lost = !ends.is_empty() && ends.iter().all(Result::is_err);
    Ok((tables, ends.into_iter().find_map(Result::err).filter(|_| all_lost)))
}

/// Opens the targets, many at once; what is open goes to the queue.
async fn open_all(ends: &Ends<'_>, planned: Vec<Planned>, queue: &Queue<Item>, failed: &mut Vec<TableEnd>) {
    let _more = queue.hold();
    let opening = stream::iter(planned).map(|Planned { plan, server_time }| async {
        let name = plan.name.clone();
        match open::open(ends, Arc::new(plan), server_time).await {
            Ok(opened) => {
                queue.put_last(Item::Table(Box::new(opened)));
                None
            }
            Err(e) => Some(TableEnd { name, end: Err(e) }),
        }
    });
    let ended: Vec<Option<TableEnd>> = opening.buffer_unordered(TABLES_AT_ONCE).collect().await;
    failed.extend(ended.into_iter().flatten());
}
