//! An opened table becomes shares: is there anything to read, up to where, and how is it cut?

use std::sync::Arc;

use serde_json::json;

use super::landing::{Landing, Target};
use super::moment::{CUTS, Moment, POSITION};
use crate::error::{self, Result};
use crate::load::{LoadMode, Manifest};
use crate::mysql::split::{self, KeptCuts, Planned, Split, SplitOptions};
use crate::mysql::wire::ReadConnection;
use crate::transfer::incremental::Watermark;
use crate::transfer::plan::ImportPlan;

/// A table whose target is open.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub plan: ImportPlan,
    pub target: Target,
}

/// Cuts a table; a failure is kept in the landing, which then has no splits. No splits without a failure: there is
/// nothing to read.
pub(super) async fn cut(moment: &Moment, conn: &mut ReadConnection, opened: &Opened) -> (Arc<Landing>, Vec<Split>) {
    match splits(moment, conn, opened).await {
        Ok((landing, splits)) => (Arc::new(landing), splits),
        Err(error) => {
            let landing = Landing::new(opened.plan.clone(), opened.target.clone());
            landing.refuse(error);
            (Arc::new(landing), Vec::new())
        }
    }
}

async fn splits(moment: &Moment, conn: &mut ReadConnection, opened: &Opened) -> Result<(Landing, Vec<Split>)> {
    let mut landing = Landing::new(opened.plan.clone(), opened.target.clone());
    if is_unmoved(moment, opened).await? {
        landing.unmoved = true;
        return Ok((landing, Vec::new()));
    }
    if let Some(check) = &opened.plan.check {
        let state = match &opened.target {
            Target::Files(load) => load.checkpoint().map(Watermark::of_checkpoint).transpose()?.flatten(),
            Target::Cells(_) => None,
        };
        let last = check.start(state.as_ref(), opened.plan.last_value.as_deref())?;
        let bound = match &opened.plan.time {
            Some(time) => Some(time.clone()),
            None => ask(conn, &opened.plan.selection.select(&check.bound(), None)).await?,
        };
        landing.watermark = Some(check.watermark(last.as_deref(), bound.as_deref()));
        let Some(condition) = check.condition(last.as_deref(), bound.as_deref()).filter(|_| last != bound) else {
            return Ok((landing, Vec::new()));
        };
        landing.plan.narrow(&condition);
        if let Some(unknown) = check.unknown() {
            let count = opened.plan.selection.select("CAST(COUNT(*) AS CHAR)", Some(&unknown));
            let rows = ask(conn, &count).await?.unwrap_or_default();
            if rows != "0" {
                landing.notes.push(format!("{rows} rows with NULL in {} are never read", check.name()));
            }
        }
    }
    let plan = &landing.plan;
    let planned = match &plan.key {
        Some(key) => {
            let kept = previous(opened).and_then(kept_cuts);
            split::plan(conn, &plan.source, key, &SplitOptions { kept, ..plan.splits.clone() }).await?
        }
        None => Planned::whole(),
    };
    landing.cuts = planned.cuts;
    Ok((landing, planned.splits))
}

/// What the target was last filled by, if it was replaced by the same import.
fn previous(opened: &Opened) -> Option<&Manifest> {
    let Target::Files(load) = &opened.target else { return None };
    let previous = load.previous().filter(|previous| previous.mode == LoadMode::Replace)?;
    let same = opened.plan.check.is_none() && opened.plan.fingerprint() == Some(previous.fingerprint.as_str());
    same.then_some(previous)
}

/// Where that import cut the rows; without an answer they are cut anew.
fn kept_cuts(previous: &Manifest) -> Option<KeptCuts> {
    serde_json::from_value(previous.checkpoint.get(CUTS)?.clone()).ok()
}

/// Whether nothing was written to the server since the target was filled by the same import.
async fn is_unmoved(moment: &Moment, opened: &Opened) -> Result<bool> {
    let (Target::Files(load), Some(position)) = (&opened.target, &moment.position) else { return Ok(false) };
    let Some(previous) = previous(opened) else { return Ok(false) };
    Ok(opened.plan.has_snapshots()
        && previous.checkpoint.get(POSITION) == Some(&json!(position))
        && load.is_unchanged(&previous.parts).await?)
}

async fn ask(conn: &mut ReadConnection, sql: &str) -> Result<Option<String>> {
    let rows = conn.texts(sql, "cannot find the bound of an incremental import").await?;
    let value = rows.into_iter().next().and_then(|row| row.into_iter().next());
    value.ok_or_else(|| error::bug("the bound of an incremental import has no row"))
}
