//! What a plan can say of the server before anything is read: the way to one moment, and the splits.

use crate::error::Result;
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::split::{self, Planned};
use crate::mysql::wire::ReadConnection;
use crate::transfer::ends::Ends;
use crate::transfer::plan::{ImportPlan, Preview};

/// Looks ahead; takes no lock.
///
/// # Errors
/// As the server says.
pub(super) async fn preview(ends: &Ends<'_>, conn: &mut ReadConnection, plan: &ImportPlan) -> Result<Preview> {
    let planned = match &plan.key {
        Some(key) => split::plan(conn, &plan.source, key, &plan.splits).await?,
        None => Planned::whole(),
    };
    let tables: Vec<_> = plan.table().cloned().into_iter().collect();
    let options = SnapshotOptions { consistency: plan.consistency, tables: &tables, ..SnapshotOptions::default() };
    let moment = Snapshot::preview(ends.mysql, plan.connections as usize, &options).await?;
    Ok(Preview { moment, splits: planned.splits })
}
