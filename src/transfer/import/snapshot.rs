//! The snapshot that all tables of an import are read in: one moment over several connections.

use super::plan::ImportPlan;
use crate::error::Result;
use crate::mysql::Connection;
use crate::mysql::snapshot::{Position, Snapshot, SnapshotOptions};
use crate::transfer::ends::Ends;

/// When the rows were read, and how sure that is.
#[derive(Clone, Debug)]
pub(super) struct SnapshotPoint {
    /// Where in the binlog it lies, if the server says it.
    pub position: Option<Position>,
    /// How it was obtained, in words.
    pub detail: String,
}

impl SnapshotPoint {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut detail = match &snapshot.position {
            Some(position) => format!("snapshot {position}"),
            None => "snapshot without a position".to_owned(),
        };
        for note in &snapshot.notes {
            detail = format!("{detail}, {note}");
        }
        Self { position: snapshot.position.clone(), detail }
    }
}

/// Opens the snapshot that all plans need, over this connection and others.
///
/// # Errors
/// Those of [`Snapshot::open_over`].
pub(super) async fn open(ends: &Ends<'_>, conn: Connection, plans: &[ImportPlan]) -> Result<Snapshot> {
    let connections = plans.iter().map(|p| p.connections).max().unwrap_or(1);
    let tables: Vec<_> = plans.iter().filter_map(|p| p.table().cloned()).collect();
    let mut options = SnapshotOptions { tables: &tables, ..SnapshotOptions::default() };
    if let Some(first) = plans.first() {
        (options.consistency, options.read_uncommitted) = (first.consistency, first.relaxed);
    }
    Snapshot::open_over(conn, ends.mysql, connections as usize, &options).await
}

/// The server's time for each plan whose bound that is. It has to be asked before the snapshot: what is written later
/// belongs to the next run.
///
/// # Errors
/// As the server says.
pub(super) async fn server_times(conn: &mut Connection, plans: &[ImportPlan]) -> Result<Vec<Option<String>>> {
    let mut times = Vec::with_capacity(plans.len());
    for plan in plans {
        times.push(match plan.incremental.as_ref().filter(|incremental| incremental.bound_is_time()) {
            Some(incremental) => incremental.column.server_time(conn).await?,
            None => None,
        });
    }
    Ok(times)
}
