//! The end of a table: what was staged is committed, or thrown away where the target holds the same already.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::landing::{Landing, Target};
use super::moment::Moment;
use super::older;
use super::sink::Written;
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
    moment: &Moment,
    landing: Arc<Landing>,
) -> Result<StepSummary> {
    let landing = landing.as_ref();
    let landed = match landing.take() {
        Ok(landed) => landed,
        Err(error) => {
            give_up(landing).await;
            return Err(error);
        }
    };
    let mut summary = StepSummary::new(format!("import {}", landing.plan.name));
    summary.rows_in = landed.rows;
    summary.detail = detail(landing, moment);
    summary.last_value = landing.watermark.as_ref().and_then(|w| w.last_value.clone());
    match landed.target {
        Target::Cells(cells) => {
            (summary.rows_out, summary.bytes) = (landed.written.rows, landed.written.bytes);
            summary.detail = format!("{}, hbase table {}", summary.detail, cells.table());
            summary.outcome = if landed.rows > 0 { Outcome::Done } else { Outcome::Unchanged };
            Ok(summary)
        }
        Target::Files(load) => {
            // Whoever read a share has given its hold on the load up by now.
            let load = Arc::into_inner(load).ok_or_else(|| error::bug("a load is settled while it is written to"))?;
            let summary = files(ends, moment, landing, load, landed.written, landed.rows, summary).await?;
            carry(ends, stop, landing, &summary).await?;
            Ok(summary)
        }
    }
}

async fn files(
    ends: &Ends<'_>,
    moment: &Moment,
    landing: &Landing,
    mut load: Load,
    written: Written,
    rows: u64,
    mut summary: StepSummary,
) -> Result<StepSummary> {
    let plan = &landing.plan;
    let Written { parts, rows: rows_out, .. } = written;
    if landing.unmoved || load.is_unchanged(&parts).await? {
        load.register_again().await?;
        load.discard().await?;
        return Ok(summary);
    }
    let merging = !plan.merge_key.is_empty();
    if plan.check.is_some() && rows == 0 && (merging || unmoved_state(landing, &load)) {
        load.discard().await?;
        return Ok(summary);
    }
    if rows != rows_out {
        let what = format!("{} rows were read and {} written", rows, rows_out);
        let bug = error::bug(what).context(&plan.name);
        cleanup::discard(load, "import").await;
        return Err(bug);
    }
    let mut parts = parts;
    if merging {
        let first = landing.count.load(Ordering::SeqCst);
        match older::keep(ends.cluster()?, &mut load, plan, &parts, first).await {
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
    if plan.verify {
        summary.detail = format!("{}, verified", summary.detail);
    }
    summary.outcome = Outcome::Done;
    summary.rows_out = rows_out;
    (summary.bytes, summary.files) = (parts.iter().map(|p| p.bytes).sum(), parts.len() as u64);
    load.commit(parts, moment.checkpoint(landing.watermark.as_ref(), landing.cuts_to_keep())).await?;
    Ok(summary)
}

/// Carries the staged rows on into a table that Hive manages. Replacing is safe to repeat, and is repeated even where
/// the stage did not change: the run before may have broken off here.
async fn carry(ends: &Ends<'_>, stop: &Stop, landing: &Landing, summary: &StepSummary) -> Result<()> {
    let Some(insert) = landing.plan.files().and_then(|files| files.managed.as_ref()) else { return Ok(()) };
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

/// Whether the bound of an incremental import stands where it stood.
fn unmoved_state(landing: &Landing, load: &Load) -> bool {
    let before = load.checkpoint().and_then(|c| c.get(crate::transfer::incremental::INCREMENTAL));
    before.is_some() && before == landing.watermark.as_ref().map(|w| w.to_json()).as_ref()
}

fn detail(landing: &Landing, moment: &Moment) -> String {
    let mut detail = moment.detail.clone();
    if let Some(engine) = landing.plan.without_snapshots() {
        detail = format!("{detail}, which does not bind {engine}");
    }
    let no_dates = landing.plan.selection.no_dates();
    if no_dates > 0 {
        detail = format!("{detail}, {no_dates} zero or partial dates became NULL");
    }
    for note in landing.plan.notes.iter().chain(&landing.notes) {
        detail = format!("{detail}, {note}");
    }
    detail
}

/// Throws away what was staged for a table that failed.
pub(super) async fn give_up(landing: &Landing) {
    if let Some(Target::Files(load)) = landing.give_up()
        && let Some(load) = Arc::into_inner(load)
    {
        cleanup::discard(load, "import").await;
    }
}
