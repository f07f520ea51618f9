//! The end of a table: what was staged is committed, or thrown away where the target holds the same already.

use std::sync::Arc;

use super::incremental::Incremental;
use super::merge;
use super::run::{Complete, ImportRun};
use super::snapshot::SnapshotPoint;
use super::target::{OpenTarget, Written};
use crate::error::{self, Result};
use crate::hiveserver2::Session;
use crate::load::{Load, LoadMode};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};
use crate::transfer::cleanup;
use crate::transfer::ends::Ends;

/// Ends a table all of whose shares ended.
///
/// # Errors
/// That of the share that failed; those of [`Load::commit`]; Data: the target does not hold what the source says.
pub(super) async fn settle(
    ends: &Ends<'_>,
    stop: &Stop,
    point: &SnapshotPoint,
    run: Arc<ImportRun>,
) -> Result<StepSummary> {
    let run = run.as_ref();
    let Complete { target, written, rows } = match run.take() {
        Ok(complete) => complete,
        Err(error) => {
            give_up(run).await;
            return Err(error);
        }
    };
    let mut summary = StepSummary::new(format!("import {}", run.plan.name));
    summary.rows_in = rows;
    summary.detail = detail(run, point);
    summary.last_value = run.last_value();
    match target {
        OpenTarget::Cells(cells) => {
            (summary.rows_out, summary.bytes) = (written.rows, written.bytes);
            summary.detail = format!("{}, hbase table {}", summary.detail, cells.table());
            summary.outcome = if rows > 0 { Outcome::Done } else { Outcome::Unchanged };
        }
        OpenTarget::Files(load) => {
            // All who read a split have let go of the load by now.
            let load = Arc::into_inner(load).ok_or_else(|| error::bug("a load is settled while it is written to"))?;
            commit(ends, point, run, load, written, &mut summary).await?;
            carry(ends, stop, run, &summary).await?;
        }
    }
    Ok(summary)
}

/// Commits the files, unless the target holds the same already.
async fn commit(
    ends: &Ends<'_>,
    point: &SnapshotPoint,
    run: &ImportRun,
    mut load: Load,
    written: Written,
    summary: &mut StepSummary,
) -> Result<()> {
    let Written { mut parts, rows: rows_out, .. } = written;
    let checkpoint = run.checkpoint(point.position.clone());
    if run.reading.unchanged || (!run.plan.always_adds() && load.is_unchanged(&parts).await?) {
        load.register_again().await?;
        return load.discard().await;
    }
    let merges = run.plan.incremental.as_ref().is_some_and(Incremental::merges);
    if run.plan.incremental.is_some() && summary.rows_in == 0 && (merges || run.stands_still()) {
        if load.is_registration_due() {
            load.register_again().await?;
        }
        return load.discard().await;
    }
    if summary.rows_in != rows_out {
        let what = format!("{} rows were read and {rows_out} written", summary.rows_in);
        cleanup::discard(load, "import").await;
        return Err(error::bug(what).context(&run.plan.name));
    }
    if merges {
        let first = run.reading.splits.len();
        match merge::keep(ends.cluster()?, &mut load, &run.plan, &parts, first).await {
            Ok(kept) => {
                summary.detail = format!("{}, {} older rows replaced", summary.detail, kept.replaced_rows);
                parts.extend(kept.parts);
            }
            Err(e) => {
                cleanup::discard(load, "import").await;
                return Err(e);
            }
        }
    }
    if run.plan.verify {
        summary.detail = format!("{}, verified", summary.detail);
    }
    summary.outcome = Outcome::Done;
    summary.rows_out = rows_out;
    (summary.bytes, summary.files) = (parts.iter().map(|p| p.bytes).sum(), parts.len() as u64);
    load.commit(parts, checkpoint.to_json()?).await.map(drop)
}

/// Carries the staged rows on into a table that Hive manages. Replacing is safe to repeat, and is repeated even where
/// the stage did not change: the run before may have broken off here.
async fn carry(ends: &Ends<'_>, stop: &Stop, run: &ImportRun, summary: &StepSummary) -> Result<()> {
    let Some(insert) = run.plan.files().and_then(|files| files.managed.as_ref()) else { return Ok(()) };
    if insert.mode == LoadMode::Append && summary.outcome == Outcome::Unchanged {
        return Ok(());
    }
    let metastore = ends.cluster()?.metastore.as_ref().ok_or_else(|| error::bug("a hive table without a metastore"))?;
    let session = Session::open(ends.hiveserver2()?).await?;
    let done = insert.run(metastore, &session, summary.rows_in, stop).await;
    // A session that does not close well has done its work all the same.
    let _ = session.close().await;
    done
}

fn detail(run: &ImportRun, point: &SnapshotPoint) -> String {
    let mut detail = point.detail.clone();
    if let Some(engine) = run.plan.without_snapshots() {
        detail = format!("{detail}, which does not bind {engine}");
    }
    let no_dates = run.reading.selection.no_dates();
    if no_dates > 0 {
        detail = format!("{detail}, {no_dates} zero or partial dates became NULL");
    }
    for note in run.plan.notes.iter().chain(&run.reading.notes) {
        detail = format!("{detail}, {note}");
    }
    detail
}

/// Throws away what was staged for a table that failed.
pub(super) async fn give_up(run: &ImportRun) {
    if let Some(OpenTarget::Files(load)) = run.give_up()
        && let Some(load) = Arc::into_inner(load)
    {
        cleanup::discard(load, "import").await;
    }
}
