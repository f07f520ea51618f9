//! Exports: files of the cluster, or those of a Hive table, into a MySQL or MariaDB table or through a procedure.
//!
//! Files are cut into ranges that several connections take from a queue. Records become rows of exact literals; one
//! that does not fit is an error, or is put aside with its place and the reason, up to a limit. Rows are committed by
//! transactions, so that an export that fails leaves those visible that are committed, and says how many they are;
//! with a staging table all rows become visible at once or none does.

mod plan;
mod read;
mod reject;
mod row;
mod session;
mod unit;
mod value;
mod work;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;

pub use self::plan::ExportPlan;
use self::plan::ExportSource;
pub use self::reject::Reject;
use self::reject::Rejects;
pub use self::row::{Origin, Shape};
use self::work::{Counts, Job, work};
use super::args::ExportArgs;
use super::cleanup;
use super::input::{self, Dataset, FileSet, hive, options};
use crate::error::{self, Effect, Error, Kind, Result};
use crate::load::Cluster;
use crate::mysql::MySqlClient;
use crate::mysql::table::{Procedure, Table};
use crate::mysql::write::{Action, Staging, Target};
use crate::shutdown::Stop;
use crate::telemetry::progress;
use crate::telemetry::summary::{Outcome, StepSummary};

/// Looks up source and target and decides the export; reads the heads of files and writes nothing.
///
/// # Errors
/// Config: options that do not fit together. NotFound: no such table, directory, column. Schema: the files do not fit
/// the table. Data: files of several kinds.
pub async fn plan(args: &ExportArgs, client: &MySqlClient, cluster: &Cluster, run_id: &str) -> Result<ExportPlan> {
    let mut conn = client.connect().await?;
    let database = client.database();
    let target = match (&args.table, &args.call) {
        (_, Some(procedure)) => Target::procedure(&Procedure::describe(&mut conn, database, procedure).await?)?,
        (Some(table), None) => {
            let table = Table::describe(&mut conn, database, table).await?;
            if args.columns.is_empty() {
                table.check_all_columns(&mut conn).await?;
            }
            Target::table(&table)?
        }
        (None, None) => return Err(error::config("the export names no table").hint("give table")),
    };
    let staging = match &args.staging_table {
        Some(name) => Some(Target::table(&Table::describe(&mut conn, database, name).await?)?),
        None => None,
    };
    let user = conn.user_session().await?;
    conn.close().await;
    let source = source(args, cluster).await?;
    let mut plan = ExportPlan::new(args, target, staging, source, run_id)?;
    let mut held = vec![None; plan.shape.columns.len()];
    if let Some(data) = plan.data.clone().filter(|data| !data.kind().is_text()) {
        // A column that is missing is found before anything is written.
        held = plan.shape.bind(&data, 0, &data.head().schema)?.types(&data.head().schema);
    }
    let columns = plan.shape.columns.iter().map(|(column, _)| column).zip(&held);
    let (session, note) = session::decide(columns, user)?;
    plan.session = session;
    plan.notes.extend(note);
    Ok(plan)
}

/// The files, and what is known of them; all are of one format.
async fn source(args: &ExportArgs, cluster: &Cluster) -> Result<ExportSource> {
    let style = options::style(args.compat);
    let (hive, files, options) = match (&args.hive_table, &args.export_dir) {
        (Some(table), _) => {
            let source = hive::HiveSource {
                database: args.hive_database.as_deref(),
                table,
                partition: args.hive_partition.as_ref(),
                text: &args.text,
                style,
                calendar: args.calendar,
            };
            let mut table = hive::find(&source, cluster).await?;
            let (files, options) = (std::mem::take(&mut table.files), table.options.clone());
            (Some(table), files, options)
        }
        (None, Some(path)) => {
            let mut files = input::list(cluster.fs.as_ref(), path).await?;
            files.retain(|file| file.len_bytes > 0);
            (None, files, options::of_directory(&args.text, style, args.calendar)?)
        }
        (None, None) => {
            return Err(error::config("the export has no export-dir").hint("name the directory of the files"));
        }
    };
    if files.is_empty() {
        return Ok(ExportSource { data: None, hive });
    }
    let data = FileSet::open(cluster.fs.clone(), files, options).await?;
    data.check_kinds().await?;
    Ok(ExportSource { data: Some(data), hive })
}

/// Writes the records of the files to the table.
///
/// # Errors
/// Those of [`plan`]; Data: a record does not fit, or more than may be rejected. An error says how many rows are
/// visible all the same, and has the effect Partial then. Stopped.
pub async fn run(
    args: &ExportArgs,
    client: &MySqlClient,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let started = Instant::now();
    let plan = Arc::new(stop.or(plan(args, client, cluster, run_id)).await?);
    let mut staging = match (&plan.staging, &args.staging_table) {
        (Some((_, clear)), Some(name)) => {
            let mut staging = stop.or(Staging::check(client, &plan.target, name)).await?;
            stop.or(staging.prepare(*clear)).await?;
            Some(staging)
        }
        _ => None,
    };
    let job = Arc::new(job(&plan, client, cluster, staging.as_ref()));
    let exported = stop.or(export(&job, staging.as_mut())).await;
    if exported.is_err() {
        take_back(&job).await;
    }
    let closed = job.rejects.close().await;
    let outcome = match (exported, closed) {
        (Ok(rows), Ok(())) => Ok(rows),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
    };
    if let Some(staging) = staging {
        staging.close().await;
    }
    match outcome {
        Ok(rows) => Ok(summary(&job, rows, started.elapsed())),
        Err(error) => Err(explain(&job, error)),
    }
}

fn job(plan: &Arc<ExportPlan>, client: &MySqlClient, cluster: &Cluster, staging: Option<&Staging>) -> Job {
    Job {
        client: client.clone(),
        data: plan.data.clone(),
        queue: Mutex::new(plan.units().into()),
        rejects: Rejects::new(cluster.fs.clone(), plan.reject_file.clone(), plan.reject_limit),
        line: progress::line(format!("export {}", plan.target.name), None),
        ids: Mutex::new(staging.iter().map(|s| s.id()).collect()),
        counts: Counts::default(),
        plan: plan.clone(),
    }
}

/// Fills the table over all connections, and moves the rows over where there is a staging table; rows written.
async fn export(job: &Arc<Job>, staging: Option<&mut Staging>) -> Result<u64> {
    let plan = &job.plan;
    let before = if plan.verify { count(job).await? } else { 0 };
    let units = job.queue.lock().unwrap_or_else(PoisonError::into_inner).len();
    let connections = (plan.connections as usize).min(units);
    let workers = (0..connections).map(|_| {
        let job = job.clone();
        let worker = tokio::spawn(async move { work(&job).await });
        let worker = tokio_util::task::AbortOnDropHandle::new(worker);
        async move { worker.await.map_err(|e| error::bug("a connection of an export broke down").source(e))? }
    });
    let refused = try_join_all(workers).await?.into_iter().flatten();
    job.counts.refused.store(refused.count() as u64, Ordering::SeqCst);
    // What was put back after the others had ended.
    while job.has_more() {
        if let Some(refused) = work(job).await? {
            return Err(refused);
        }
    }
    let rows = job.counts.committed.load(Ordering::SeqCst);
    let rows = match staging {
        Some(staging) => publish(job, staging, rows).await?,
        None => rows,
    };
    if plan.verify {
        let gained = count(job).await?.wrapping_sub(before);
        if gained != rows {
            let what = format!("{} gained {gained} rows, {rows} were written", plan.target.full_name());
            return Err(error::data(what)
                .hint("somebody else writes to the table, or a trigger does")
                .effect(Effect::Partial));
        }
    }
    Ok(rows)
}

/// Moves the rows from the staging table to the target.
async fn publish(job: &Job, staging: &mut Staging, staged: u64) -> Result<u64> {
    let (plan, counts) = (&job.plan, &job.counts);
    let moved = staging.move_to(&plan.target, &plan.columns(), staged, &plan.session).await?;
    counts.moving.store(moved, Ordering::SeqCst);
    staging.commit(&plan.target).await?;
    counts.published.store(moved, Ordering::SeqCst);
    Ok(moved)
}

async fn count(job: &Job) -> Result<u64> {
    let target = &job.plan.target;
    let mut conn = job.client.connect().await?;
    let act = format!("cannot count the rows of {}", target.full_name());
    let found = conn.number(&format!("SELECT COUNT(*) FROM {}", target.quoted()), &act).await?;
    conn.close().await;
    Ok(found.unwrap_or(0))
}

/// Ends the connections whatever they are doing; the server takes back what they have not committed.
async fn take_back(job: &Job) {
    let ids = job.ids.lock().unwrap_or_else(PoisonError::into_inner).clone();
    cleanup::end_connections(&job.client, &ids, "export").await;
}

/// Adds to an error what the export left behind.
fn explain(job: &Job, error: Error) -> Error {
    let error = match job.rejects.path().filter(|_| job.rejects.total() > 0) {
        Some(path) if error.kind() == Kind::Data => error.context(format!("rejected records are in {path}")),
        _ => error,
    };
    let (visible, what) = left_behind(job);
    let error = if visible { error.effect(Effect::Partial) } else { error };
    error.context(what)
}

/// What a failed export left behind, and whether rows of it are visible or may be.
fn left_behind(job: &Job) -> (bool, String) {
    let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
    let (committed, in_doubt) = (of(&job.counts.committed), of(&job.counts.in_doubt));
    let target = job.plan.target.full_name();
    let Some((staging, _)) = &job.plan.staging else {
        return match (committed, in_doubt) {
            (0, 0) if !job.plan.target.transactional => {
                (true, format!("{target} cannot take rows back, some may stay"))
            }
            (0, 0) => (false, format!("no row was added to {target}")),
            (_, 0) => (true, format!("{committed} rows are committed to {target} and stay, the rest is not")),
            _ => (
                true,
                format!("{committed} rows are committed to {target} and stay, {in_doubt} more may be, the rest is not"),
            ),
        };
    };
    let staging = staging.full_name();
    match (of(&job.counts.published), of(&job.counts.moving)) {
        (0, 0) => {}
        (0, moving) => {
            return (true, format!("{moving} rows may have been moved from {staging} to {target}"));
        }
        (published, _) => return (true, format!("{published} rows are committed to {target} and stay")),
    }
    let next_time = "(give clear-staging-table next time)";
    let what = match (committed, in_doubt) {
        (0, 0) => format!("{target} is as it was"),
        (_, 0) => format!("{target} is as it was, {staging} holds {committed} rows {next_time}"),
        _ => format!("{target} is as it was, {staging} holds {committed} rows, perhaps {in_doubt} more {next_time}"),
    };
    (false, what)
}

fn summary(job: &Job, rows: u64, elapsed: Duration) -> StepSummary {
    let (plan, counts) = (&job.plan, &job.counts);
    let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
    let mut summary = StepSummary::new(format!("export {}", plan.target.name));
    summary.rows_in = of(&counts.read);
    summary.rows_out = rows;
    summary.rejects = job.rejects.total();
    summary.files = plan.data.as_ref().map_or(0, |data| data.files().len() as u64);
    summary.bytes = plan.data.as_ref().map_or(0, FileSet::len_bytes);
    summary.elapsed = elapsed;
    summary.outcome = if rows > 0 { Outcome::Done } else { Outcome::Unchanged };
    let mut details = Vec::new();
    details.push(match (&plan.staging, plan.rows_per_transaction) {
        (Some(_), _) => "all rows in one transaction".to_owned(),
        (None, 0) => format!("visible by {} transactions", plan.connections),
        (None, rows) => format!("visible by transactions of {rows} rows"),
    });
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            details.push(format!("{count} {what}"));
        }
    };
    if matches!(plan.statement.action, Action::Update { .. }) {
        say(of(&counts.unmatched), "records found no row");
    }
    say(of(&counts.longer), "records have more fields than columns: the rest is ignored");
    say(of(&counts.shorter), "records have fewer fields than columns: the rest is NULL");
    say(of(&counts.refused), "connections fewer than asked for: the server gives this user no more");
    say(of(&counts.retries), "transactions were tried again after a conflict");
    if let Some(path) = job.rejects.path().filter(|_| summary.rejects > 0) {
        details.push(format!("rejects in {path}"));
    }
    details.extend(plan.notes.iter().cloned());
    summary.detail = details.join("; ");
    summary
}
