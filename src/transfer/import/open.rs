//! Opening the target of an import.

use std::sync::Arc;

use super::cells::CellWriter;
use super::checkpoint::Checkpoint;
use super::incremental::{Incremental, Watermark};
use super::plan::{FilesPlan, ImportPlan, TargetPlan};
use super::run::Opened;
use super::target::OpenTarget;
use crate::error::{self, Kind, Result};
use crate::load::{Cluster, Load};
use crate::storage::Filesystem;
use crate::transfer::args::MissingFiles;
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
    let mut load = open_load(cluster, files).await?;
    let checkpoint = load.checkpoint().map(Checkpoint::from_json).transpose();
    let mut checkpoint = checkpoint.map_err(|e| e.context(target))?;
    if let (Some(incremental), Some(state)) =
        (&plan.incremental, checkpoint.as_ref().and_then(|checkpoint| checkpoint.incremental.as_ref()))
        && !goes_on(cluster, files, incremental, state, &mut load).await?
    {
        checkpoint = None;
    }
    Ok(Opened { plan, server_time, target: OpenTarget::Files(Arc::new(load)), checkpoint })
}

/// Opens the load. The table of a stage that was made for another format is ours alone, and is made anew.
async fn open_load(cluster: &Cluster, files: &FilesPlan) -> Result<Load> {
    match (Load::open(cluster, files.load.clone()).await, &files.managed, &cluster.metastore) {
        (Err(e), Some(managed), Some(metastore)) if e.kind() == Kind::Schema => {
            let (database, stage) = &managed.from;
            tracing::info!(reason = %e, "{database}.{stage} is made anew");
            metastore.drop_table(database, stage).await?;
            Load::open(cluster, files.load.clone()).await
        }
        (opened, ..) => opened,
    }
}

/// Whether an incremental import goes on after what the last one recorded, and not as if it were the first. The record
/// is worth nothing where the rows that it speaks of are gone.
///
/// # Errors
/// Data: files of earlier runs are gone, and the options do not say what that means. Those of the filesystem and the metastore.
async fn goes_on(
    cluster: &Cluster,
    files: &FilesPlan,
    incremental: &Incremental,
    state: &Watermark,
    load: &mut Load,
) -> Result<bool> {
    if incremental.restarts {
        return Ok(false);
    }
    let (gone, nothing_left) = gone(cluster, files, load).await?;
    if gone.is_empty() {
        return Ok(true);
    }
    let (target, reached) = (&files.load.target, state.last_value.as_deref().unwrap_or("the first row"));
    let what = format!("{} of the files of earlier runs in {target} are gone, {} among them", gone.len(), gone[0]);
    if incremental.missing_files == MissingFiles::Ignore || incremental.starts_from_last_value() {
        tracing::warn!("{what}: the import does not bring them back");
        load.forget_files(gone);
        return Ok(true);
    }
    if nothing_left && incremental.has_last_value() {
        tracing::warn!("{what}: the import starts after last-value, as its first run");
        load.forget_files(gone);
        return Ok(false);
    }
    Err(error::data(what).hint(format!(
        "existing delete reads all rows anew, missing-files ignore goes on after {reached} \
         (with sqoop's arguments: -D sakia.step.existing=delete, -D sakia.step.incremental.missing-files=ignore)"
    )))
}

/// What earlier runs left and is not there any more, and whether nothing is left at all.
async fn gone(cluster: &Cluster, files: &FilesPlan, load: &Load) -> Result<(Vec<String>, bool)> {
    let Some(managed) = &files.managed else {
        let gone = load.missing_files().await?;
        let nothing_left = !gone.is_empty() && load.files().await?.is_empty();
        return Ok((gone, nothing_left));
    };
    // The rows are in Hive's own table; the stage holds only those of the last run.
    let (database, table) = &managed.into;
    let had_rows = load.previous().is_some_and(|previous| previous.rows() > 0);
    let metastore = cluster.metastore.as_ref().ok_or_else(|| error::bug("a hive table without a metastore"))?;
    Ok(match metastore.table(database, table).await? {
        Some(table) if !had_rows || holds_rows(cluster.fs.as_ref(), &table.location).await? => (Vec::new(), false),
        // Dropped, or emptied: its directory holds no file of rows.
        _ => (vec![format!("table {database}.{table}")], true),
    })
}

/// Whether a table's directory holds a file that is not empty, at any depth.
async fn holds_rows(fs: &dyn Filesystem, location: &str) -> Result<bool> {
    let mut directories = vec![location.strip_prefix(fs.uri().as_str()).unwrap_or(location).to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs.list(&directory).await? {
            match entry.name() {
                name if name.starts_with(['_', '.']) => {}
                _ if entry.is_dir => directories.push(entry.path),
                _ if entry.len_bytes > 0 => return Ok(true),
                _ => {}
            }
        }
    }
    Ok(false)
}
