//! What follows the commit point, and what the next load does about an earlier one: finish what was recorded, throw away
//! what was only staged, and bring the registration up to what this run asks for.

use super::layout::Layout;
use super::publish::publish;
use super::register::{self, Registration};
use super::{Cluster, LoadMode, LoadPlan, Manifest, trash};
use crate::error::{Effect, Error, Kind, Result};
use crate::metastore::TableSpec;
use crate::storage::{self, DeleteOptions, Filesystem};

/// Finishes the recorded load if its stage is still there, and removes everything else from the state directory.
pub(super) async fn recover(
    cluster: &Cluster,
    layout: &Layout,
    mut recorded: Option<&mut Manifest>,
    plan: &LoadPlan,
    table: Option<&Registration>,
) -> Result<()> {
    let fs = cluster.fs.as_ref();
    for entry in fs.list(&layout.state).await? {
        match (Layout::load_of_stage(entry.name()), recorded.as_deref_mut()) {
            _ if [layout.manifest(), layout.lock()].contains(&entry.path) => {}
            (Some(id), Some(manifest)) if id == manifest.load_id => {
                tracing::info!(load = id, target = layout.target, "finishing an earlier load");
                finish_earlier(cluster, layout, manifest, plan, table)
                    .await
                    .map_err(|e| e.context(format!("finishing the earlier load {id} of {}", layout.target)))?;
            }
            _ => {
                fs.delete(&entry.path, DeleteOptions { recursive: true }).await?;
            }
        }
    }
    Ok(())
}

/// Publishes an earlier load, and registers it where this one asks for the same table: a registration never outlives
/// the settings that asked for it. One that the metastore declines is left behind where this load replaces the files.
async fn finish_earlier(
    cluster: &Cluster,
    layout: &Layout,
    manifest: &mut Manifest,
    plan: &LoadPlan,
    table: Option<&Registration>,
) -> Result<()> {
    let fs = cluster.fs.as_ref();
    publish(fs, layout, manifest).await.map_err(unpublished)?;
    let name = manifest.table.as_ref().map(TableSpec::full_name);
    if name == table.map(|t| t.spec.full_name()) {
        match register::register(cluster, layout, manifest).await {
            Err(e) if e.is_transient() || keeps_files(plan) => return Err(unregistered(e)),
            Err(e) => leave_behind(fs, layout, manifest, &e.to_string()).await?,
            Ok(()) => {}
        }
    } else if name.is_some() {
        leave_behind(fs, layout, manifest, "this run has other settings").await?;
    }
    remove_stage(fs, layout, manifest).await
}

/// Notes that the files of a load are registered nowhere, so that a later run that wants a table registers them all.
async fn leave_behind(fs: &dyn Filesystem, layout: &Layout, manifest: &mut Manifest, why: &str) -> Result<()> {
    let table = manifest.table.take().map(|spec| spec.full_name()).unwrap_or_default();
    tracing::warn!(load = manifest.load_id, table, why, "the registration of an earlier load is left behind");
    record(fs, layout, manifest).await
}

/// Whether files that lie in the target stay there after this load.
fn keeps_files(plan: &LoadPlan) -> bool {
    plan.mode == LoadMode::Append || plan.replaces.is_some()
}

/// The commit point.
pub(super) async fn record(fs: &dyn Filesystem, layout: &Layout, manifest: &Manifest) -> Result<()> {
    storage::replace_whole(fs, &layout.manifest(), &manifest.to_json()?).await
}

/// All that follows the commit point; safe to repeat.
pub(super) async fn finish(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let fs = cluster.fs.as_ref();
    publish(fs, layout, manifest).await.map_err(unpublished)?;
    register::register(cluster, layout, manifest).await.map_err(unregistered)?;
    remove_stage(fs, layout, manifest).await
}

async fn remove_stage(fs: &dyn Filesystem, layout: &Layout, manifest: &Manifest) -> Result<()> {
    if manifest.keeps_replaced {
        trash::keep(fs, layout, &manifest.load_id).await.map_err(pending)?;
    }
    let stage = layout.stage(&manifest.load_id);
    fs.delete(&stage, DeleteOptions { recursive: true }).await.map_err(pending).map(drop)
}

fn unpublished(error: Error) -> Error {
    match error.remedy() {
        Some(_) => error,
        None => error.hint("run again: the load is recorded and only has to be published"),
    }
}

pub(super) fn pending(error: Error) -> Error {
    error.effect(Effect::RegistrationPending)
}

/// The files are visible: what could not be reached may be later, what was declined will be declined again.
pub(super) fn unregistered(error: Error) -> Error {
    if error.is_transient() {
        return pending(error);
    }
    error.effect(Effect::RegistrationRefused).hint(
        "the data is complete in its directory: mend what the metastore says and run again, or run with another \
         hive-table or none, which leaves this registration behind",
    )
}

pub(super) async fn read_manifest(fs: &dyn Filesystem, layout: &Layout) -> Result<Option<Manifest>> {
    match fs.read(&layout.manifest()).await {
        Ok(bytes) => Manifest::from_json(&bytes).map(Some).map_err(|e| e.context(layout.manifest())),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
