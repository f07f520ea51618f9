//! Runs a comparison of a table with files: one snapshot, the table in splits summed up by the server, the files read
//! here at the same time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use futures::future::try_join_all;

use super::target::{self, Target};
use super::{Checksums, Comparison, ComparisonOptions, Report, compare};
use crate::error::{Error, Result};
use crate::load::Cluster;
use crate::mysql::Connection;
use crate::mysql::MySqlClient;
use crate::mysql::read::Selection;
use crate::mysql::session::Session;
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::split::{self, Split, SplitKey, SplitOptions, SplitSource};
use crate::mysql::table::Table;
use crate::mysql::types::TypeOptions;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};
use crate::transfer::args::VerifyArgs;
use crate::transfer::cleanup;
use crate::transfer::input::FileSet;

/// What a comparison found, equal or not: [`Report::verdict`] makes an error of a difference.
#[derive(Clone, Debug)]
pub struct Verified {
    /// For the closing summary.
    pub summary: StepSummary,
    /// Both sides.
    pub report: Report,
}

/// What there is to say of a view whose instants this server does not tell.
const DOUBT: &str = "instants in the hour that comes twice in autumn are not told apart through this view: compare the \
                     table itself, or set the session's zone to UTC in the url";

/// Compares a table with files; writes nothing anywhere.
///
/// # Errors
/// NotFound: no such table, directory or Hive table. Schema: columns that cannot be compared. Config: no target, or two.
/// Those of the server and the filesystem; Stopped. Not that both sides differ.
pub async fn run(args: &VerifyArgs, client: &MySqlClient, cluster: &Cluster, stop: &Stop) -> Result<Verified> {
    let started = Instant::now();
    let target = stop.or(target::find(args, cluster)).await?;
    let (selection, comparison) = stop.or(select(args, client, &target)).await?;
    let snapshot = stop.or(snapshot(args, client, &selection)).await?;
    let (ids, mut notes) = (snapshot.ids(), notes(&snapshot));
    notes.extend(target.set.iter().flat_map(FileSet::notes));
    let workers = args.num_mappers.max(1) as usize;
    let found = async {
        match &target.set {
            Some(set) => comparison.found(set, workers).await,
            None => Ok(Checksums::new(comparison.columns().len())),
        }
    };
    let both = async { tokio::try_join!(expected(&comparison, &selection, snapshot, args.num_mappers), found) };
    let (expected, found) = match stop.or(both).await {
        Ok(both) => both,
        Err(error) => return Err(give_up(client, &ids, error).await),
    };
    let source = selection.of_table().map_or_else(|| selection.name(), Table::full_name);
    let mut report = compare((&source, &expected), (&target.name, &found), comparison.columns(), notes);
    report.doubt = (!selection.keeps_instants()).then_some(DOUBT);
    let mut summary = StepSummary::new(format!("verify {}", args.table));
    (summary.rows_in, summary.elapsed) = (expected.rows, started.elapsed());
    if report.equal {
        summary.outcome = Outcome::Equal;
    }
    let (rows, columns) = (expected.rows, report.columns.len());
    summary.detail = match report.equal {
        true => format!("equal to {}: {rows} rows, each as a whole, and {columns} columns", target.name),
        false => format!("different from {}", target.name),
    };
    Ok(Verified { summary, report })
}

/// What is compared with what.
async fn compared(selection: &Selection, target: &Target) -> Result<Comparison> {
    match &target.set {
        Some(set) => Comparison::of(selection, set, &ComparisonOptions::default()).await,
        None => Comparison::with_nothing(selection),
    }
}

/// The rows of the table, read in the user's session where they have to be, and what they are compared with.
pub(super) async fn select(
    args: &VerifyArgs,
    client: &MySqlClient,
    target: &Target,
) -> Result<(Selection, Comparison)> {
    let mut conn = client.connect().await?;
    let table = Table::describe(&mut conn, client.database(), &args.table).await?;
    let mut types = TypeOptions::default();
    if args.condition.is_some() || table.is_read_in_a_session(&args.columns, &types) {
        types.session = conn.user_session().await?;
    }
    let rows = |types: &TypeOptions| Selection::table(table.clone(), &args.columns, args.condition.clone(), types);
    let mut selection = rows(&types)?;
    let mut comparison = compared(&selection, target).await?;
    if types.session == Session::Ours && comparison.is_by_the_clock() {
        types.session = conn.user_session().await?;
        selection = rows(&types)?;
        comparison = compared(&selection, target).await?;
    }
    selection.ask_for_instants(&mut conn).await?;
    conn.close().await;
    Ok((selection, comparison))
}

async fn snapshot(args: &VerifyArgs, client: &MySqlClient, selection: &Selection) -> Result<Snapshot> {
    let tables: Vec<Table> = selection.of_table().cloned().into_iter().collect();
    let options = SnapshotOptions { consistency: args.consistency, tables: &tables, ..SnapshotOptions::default() };
    Snapshot::open(client, args.num_mappers.max(1) as usize, &options).await
}

fn notes(snapshot: &Snapshot) -> Vec<String> {
    let position = snapshot.position.as_ref().map(|p| format!("snapshot {p}"));
    position.into_iter().chain(snapshot.notes.iter().cloned()).collect()
}

/// Sums of the whole table, split over the connections.
async fn expected(
    comparison: &Comparison,
    selection: &Selection,
    snapshot: Snapshot,
    num_mappers: u32,
) -> Result<Checksums> {
    let mut connections = snapshot.connections;
    let several = if connections.len() > 1 { num_mappers } else { 1 };
    let splits = match connections.first_mut() {
        Some(conn) => splits(conn, selection, several).await?,
        None => vec![Split::all()],
    };
    let queue = Mutex::new(splits.into_iter().collect::<VecDeque<Split>>());
    let work = |mut conn: Connection| {
        let queue = &queue;
        async move {
            let mut sums = Checksums::new(comparison.columns().len());
            // A queue of plain values is whole after every panic.
            while let Some(split) = { queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() } {
                sums.add(&comparison.expected(&mut conn, split.condition.as_deref()).await?);
            }
            conn.close().await;
            Ok::<Checksums, Error>(sums)
        }
    };
    let mut all = Checksums::new(comparison.columns().len());
    try_join_all(connections.into_iter().map(work)).await?.iter().for_each(|sums| all.add(sums));
    Ok(all)
}

/// The shares of the table for so many connections.
pub(super) async fn splits(conn: &mut Connection, selection: &Selection, connections: u32) -> Result<Vec<Split>> {
    let table = selection.of_table().filter(|_| connections > 1);
    let Some((table, key)) =
        table.and_then(|table| Some((table, SplitKey::of_primary_key(table, selection.session())?)))
    else {
        return Ok(vec![Split::all()]);
    };
    let source = SplitSource::table(table, selection.condition.as_deref(), selection.session());
    let options = SplitOptions { connections, per_connection: 1, ..SplitOptions::default() };
    Ok(split::plan(conn, &source, &key, &options).await?.splits)
}

/// Ends the statements that still run; gives back the error that led here.
async fn give_up(client: &MySqlClient, ids: &[u32], error: Error) -> Error {
    cleanup::end_connections(client, ids, "comparison").await;
    error
}
