//! What a plan can say of the server before anything is read: the way to one moment, and the splits.

use crate::error::Result;
use crate::mysql::snapshot::{Consistency, Snapshot};
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
    Ok(Preview { moment: moment(ends, plan).await?, splits: planned.splits })
}

async fn moment(ends: &Ends<'_>, plan: &ImportPlan) -> Result<String> {
    if plan.consistency != Consistency::Auto {
        return Ok("as asked for".to_owned());
    }
    let tables: Vec<_> = plan.table().cloned().into_iter().collect();
    Snapshot::preview(ends.mysql, plan.connections as usize, &tables).await
}
