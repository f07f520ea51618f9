//! What a plan can say of the server before anything is read: the way to one moment, and the splits.

use std::fmt;

use super::plan::{ImportPlan, rows_to_split};
use crate::error::Result;
use crate::mysql::Connection;
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::split::{self, Planned, Split};
use crate::transfer::ends::Ends;

/// A plan, and what the server says of it now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The plan.
    pub plan: ImportPlan,
    /// How all splits would see the same moment.
    pub snapshot: String,
    /// The splits of now.
    pub splits: Vec<Split>,
}

/// Looks ahead; takes no lock.
///
/// # Errors
/// As the server says.
pub(super) async fn preview(ends: &Ends<'_>, conn: &mut Connection, plan: ImportPlan) -> Result<Preview> {
    let planned = match &plan.key {
        Some(key) => split::plan(conn, &rows_to_split(&plan.selection), key, &plan.splits).await?,
        None => Planned::whole(),
    };
    let tables: Vec<_> = plan.table().cloned().into_iter().collect();
    let options = SnapshotOptions { consistency: plan.consistency, tables: &tables, ..SnapshotOptions::default() };
    let snapshot = Snapshot::preview(ends.mysql, plan.connections as usize, &options).await?;
    Ok(Preview { plan, snapshot, splits: planned.splits })
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, snapshot, splits } = self;
        plan.print_reading(f, snapshot)?;
        for split in splits {
            let sql = plan.selection.sql(split.condition.as_deref());
            writeln!(f, "split       {sql} ({})", split.rows_in_words())?;
        }
        plan.print_writing(f)
    }
}
