//! Opening the target of an import.

use std::sync::Arc;

use super::cells::CellWriter;
use super::checkpoint::Checkpoint;
use super::plan::{ImportPlan, TargetPlan};
use super::run::Opened;
use super::target::OpenTarget;
use crate::error::{self, Result};
use crate::load::Load;
use crate::transfer::ends::Ends;

/// Opens the target of a plan: takes its lock and finishes what an earlier load left, or connects to HBase.
///
/// # Errors
/// Exists: the target is there and must not be. Those of [`Load::open`] and of the gateway.
pub(super) async fn open(ends: &Ends<'_>, plan: Arc<ImportPlan>, server_time: Option<String>) -> Result<Opened> {
    let files = match &plan.target {
        TargetPlan::Files(files) => files,
        TargetPlan::Cells(cells) => {
            let writer = CellWriter::open(ends.hbase()?, cells.clone()).await?;
            return Ok(Opened { plan, server_time, target: OpenTarget::Cells(Arc::new(writer)), checkpoint: None });
        }
    };
    let (cluster, target) = (ends.cluster()?, &files.load.target);
    if let Some(hint) = files.refuse_existing
        && cluster.fs.stat(target).await?.is_some()
    {
        return Err(error::exists(format!("output directory {target} already exists")).hint(hint));
    }
    let load = Load::open(cluster, files.load.clone()).await?;
    let checkpoint = load.checkpoint().map(Checkpoint::from_json).transpose();
    let checkpoint = checkpoint.map_err(|e| e.context(target))?;
    Ok(Opened { plan, server_time, target: OpenTarget::Files(Arc::new(load)), checkpoint })
}
