//! What a metastore may decline is asked before anything is published: the table when a load is opened, its partitions
//! before the load is recorded. So a load that is recorded can be registered, whatever its settings.
//!
//! The partitions are added while they are empty, and those that a load takes out stay until it is published, which
//! makes Hive see all of them change in one step.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::layout::{Layout, parent};
use super::publish::AT_ONCE;
use super::register::{COMPLETE_PARAMETER, Registration, is_complete, metastore, parameters, partitions, statistics};
use super::{Cluster, LoadMode, LoadPlan, Manifest};
use crate::error::{self, Result};
use crate::metastore::{PartitionSpec, TableSpec};
use crate::storage::DeleteOptions;

/// Fails early if the table of a plan could not be registered later. Says whether it knows of all files of earlier
/// loads.
///
/// # Errors
/// Those of [`MetastoreClient::check_table`](crate::metastore::MetastoreClient::check_table). Exists: it is there and
/// was asked to be new.
pub(super) async fn check(
    cluster: &Cluster,
    layout: &Layout,
    table: &Registration,
    plan: &LoadPlan,
    previous: Option<&Manifest>,
) -> Result<bool> {
    let (metastore, spec) = (metastore(cluster, &table.spec)?, &table.spec);
    let scratch = format!("{}{}", cluster.fs.uri(), layout.state);
    let Some(found) = metastore.check_table(spec, &scratch).await? else { return Ok(false) };
    if plan.table.as_ref().is_some_and(|t| t.create_only) {
        return Err(error::exists(format!("table {} exists already", spec.full_name()))
            .hint("choose another table, or do not ask for a new one"));
    }
    if !is_complete(spec, plan.mode, &found.parameters) {
        return Ok(false);
    }
    // The last load was registered elsewhere or nowhere: whatever the table says of itself, it lacks that one.
    let elsewhere = previous.is_some_and(|p| p.table.as_ref().is_none_or(|t| t.full_name() != spec.full_name()));
    if elsewhere && plan.mode == LoadMode::Append && !spec.partition_columns.is_empty() {
        let unknown = BTreeMap::from([(COMPLETE_PARAMETER.0.to_owned(), "unknown".to_owned())]);
        metastore.set_table_parameters(&spec.database, &spec.table, &unknown).await?;
        return Ok(false);
    }
    Ok(true)
}

/// Makes the table and its partitions ready for a load that is about to be recorded: partitions that are new get an
/// empty directory in the target, partitions that the load takes out get one among the staged files, and nothing is
/// claimed about rows until they are counted. Without partitions there is nothing that could be declined any more.
///
/// # Errors
/// Those of the metastore; what was added for the load is taken back then.
pub(super) async fn prepare(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let Some(spec) = &manifest.table else { return Ok(()) };
    let mut spec = spec.clone();
    spec.parameters = parameters(cluster, layout, manifest);
    if spec.partition_columns.is_empty() {
        return metastore(cluster, &spec)?.prepare_table(&spec, Some(&statistics(manifest))).await.map(drop);
    }
    let partitions = partitions(&spec, manifest);
    let root = path_of(cluster, &spec.location).to_owned();
    let new: Vec<String> = partitions.iter().map(|p| path_of(cluster, &p.location).to_owned()).collect();
    // A metastore makes directories that are missing, as its own user.
    make_directories(cluster, new.iter().chain([&root])).await?;
    let prepared = partitioned(cluster, layout, &spec, manifest, &partitions).await;
    if prepared.is_err() {
        for path in &new {
            remove_empty(cluster, path, parent(&root)).await;
        }
    }
    prepared
}

async fn partitioned(
    cluster: &Cluster,
    layout: &Layout,
    spec: &TableSpec,
    manifest: &Manifest,
    partitions: &[PartitionSpec],
) -> Result<()> {
    let metastore = metastore(cluster, spec)?;
    metastore.ensure_database(&spec.database).await?;
    let made = metastore.prepare_table(spec, None).await?;
    if !made && manifest.mode == LoadMode::Replace {
        let within = manifest.static_partition.path();
        let gone = metastore.other_partitions(spec, &within, partitions).await?;
        let staged = layout.staged_data(&manifest.load_id);
        let below = |name: &String| name.strip_prefix(&within).map(|rest| rest.trim_start_matches('/').to_owned());
        let empty = gone.iter().filter_map(below).filter(|name| !name.is_empty());
        let empty: Vec<String> = empty.map(|name| format!("{staged}/{name}")).collect();
        make_directories(cluster, empty.iter()).await?;
    }
    let prepared = metastore.prepare_partitions(spec, partitions).await;
    if made
        && prepared.is_err()
        && let Err(e) = metastore.drop_table(&spec.database, &spec.table).await
    {
        tracing::warn!(error = %e, table = spec.full_name(), "an empty table stays behind");
    }
    prepared
}

fn path_of<'a>(cluster: &Cluster, location: &'a str) -> &'a str {
    location.strip_prefix(&cluster.fs.uri()).unwrap_or(location)
}

async fn make_directories(cluster: &Cluster, paths: impl Iterator<Item = &String>) -> Result<()> {
    let made = paths.map(|path| async move { cluster.fs.mkdirs(path).await });
    stream::iter(made).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}

/// Removes a directory that was made for nothing, and those above it, as long as they are empty and below `end`.
async fn remove_empty(cluster: &Cluster, path: &str, end: &str) {
    let mut path = path;
    while path.len() > end.len() && cluster.fs.delete(path, DeleteOptions::default()).await.is_ok() {
        path = parent(path);
    }
}
