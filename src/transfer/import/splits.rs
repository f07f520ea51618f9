//! What is decided of an opened table inside the snapshot: is there anything to read, up to where, and in which splits?

use std::sync::Arc;

use super::plan::rows_to_split;
use super::run::{ImportRun, Opened, Reading};
use super::snapshot::SnapshotPoint;
use super::target::OpenTarget;
use crate::error::Result;
use crate::mysql::Connection;
use crate::mysql::split::{self, Planned, SplitOptions};

/// Splits a table; a failure is kept in the run, which then has no splits. No splits without a failure: there is
/// nothing to read.
pub(super) async fn split(point: &SnapshotPoint, conn: &mut Connection, opened: &Opened) -> Arc<ImportRun> {
    let (plan, target) = (opened.plan.clone(), opened.target.clone());
    Arc::new(match reading(point, conn, opened).await {
        Ok(reading) => ImportRun::new(plan, target, reading),
        Err(error) => ImportRun::failed(plan, target, error),
    })
}

async fn reading(point: &SnapshotPoint, conn: &mut Connection, opened: &Opened) -> Result<Reading> {
    let mut reading = Reading::nothing(&opened.plan);
    if is_unchanged(point, opened).await? {
        reading.unchanged = true;
        return Ok(reading);
    }
    if !narrow(conn, opened, &mut reading).await? {
        return Ok(reading);
    }
    let plan = &opened.plan;
    let planned = match &plan.key {
        Some(key) => {
            let kept = opened.same_import().and_then(|(_, checkpoint)| checkpoint.cuts.clone());
            let options = SplitOptions { kept, ..plan.splits.clone() };
            split::plan(conn, &rows_to_split(&reading.selection), key, &options).await?
        }
        None => Planned::whole(),
    };
    (reading.splits, reading.cuts) = (planned.splits, planned.cuts);
    Ok(reading)
}

/// Leaves the rows that an incremental import reads; says whether there can be some.
async fn narrow(conn: &mut Connection, opened: &Opened, reading: &mut Reading) -> Result<bool> {
    let Some(incremental) = &opened.plan.incremental else { return Ok(true) };
    let (column, rows) = (&incremental.column, &opened.plan.selection);
    let state = opened.checkpoint.as_ref().and_then(|checkpoint| checkpoint.incremental.as_ref());
    let last = incremental.start(state)?;
    let bound = match &opened.server_time {
        Some(time) => Some(time.clone()),
        None => column.greatest(conn, rows).await?,
    };
    if let (Some(last), Some(bound)) = (&last, &bound) {
        reading.notes.extend(incremental.clock_went_back(last, bound)?);
        reading.notes.extend(incremental.fell_back(last, bound));
    }
    reading.last_watermark = state.cloned();
    reading.watermark = Some(incremental.watermark(last.as_deref(), bound.as_deref()));
    let unknown = column.nulls(conn, rows).await?;
    if unknown > 0 {
        reading.notes.push(format!("{unknown} rows with NULL in {} are never read", column.name()));
    }
    let Some(condition) = incremental.condition(last.as_deref(), bound.as_deref()) else { return Ok(false) };
    reading.selection.narrow(&condition);
    Ok(true)
}

/// Whether nothing was written to the server since the target was filled by the same import.
async fn is_unchanged(point: &SnapshotPoint, opened: &Opened) -> Result<bool> {
    let (OpenTarget::Files(load), Some((previous, checkpoint))) = (&opened.target, opened.same_import()) else {
        return Ok(false);
    };
    Ok(point.position.is_some()
        && checkpoint.position == point.position
        && opened.plan.has_snapshots()
        && load.is_unchanged(&previous.parts).await?)
}
