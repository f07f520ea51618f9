//! What a plan can say of the server before anything is read: the way to one moment, and the splits.

use crate::error::{Kind, Result};
use crate::mysql::snapshot::{Consistency, Snapshot, SnapshotOptions};
use crate::mysql::split::{self, Planned};
use crate::mysql::wire::ReadConnection;
use crate::transfer::ends::Ends;
use crate::transfer::plan::{ImportPlan, Preview};

/// The ways that lock nothing, in the order in which they are tried.
const WITHOUT_LOCKS: [Consistency; 2] = [Consistency::BinlogPosition, Consistency::Gtid];

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
    for consistency in WITHOUT_LOCKS {
        let options = SnapshotOptions { consistency, tables: &tables, ..SnapshotOptions::default() };
        match Snapshot::open(ends.mysql, plan.connections as usize, &options).await {
            Ok(snapshot) => return Ok(snapshot.rung.label().to_owned()),
            Err(e) if e.kind() == Kind::Refused => {}
            Err(e) => return Err(e),
        }
    }
    Ok("snapshots under a short lock where the user may lock, else one connection".to_owned())
}
