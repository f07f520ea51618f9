//! Registering: the table over a target, and the partitions a load wrote, in the metastore. Every step compares
//! before it changes, so that it may be repeated.

use std::collections::BTreeMap;

use super::layout::Layout;
use super::{Cluster, LoadMode, LoadPlan, Manifest, Partition};
use crate::error::{self, Result};
use crate::metastore::{MetastoreClient, PartitionSpec, TableSpec, types};

/// Longest parameter value that every metastore schema holds.
const MAX_PARAMETER_BYTES: usize = 4000;

/// What the plan's table looks like to the metastore; `None` if no table is wanted.
pub(super) fn table_spec(cluster: &Cluster, layout: &Layout, plan: &LoadPlan) -> Result<Option<TableSpec>> {
    let Some(table) = &plan.table else { return Ok(None) };
    let name = format!("{}.{}", table.database, table.table);
    if cluster.metastore.is_none() {
        return Err(error::config(format!("table {name} is wanted and no metastore is configured"))
            .hint("give the metastore's uris, such as thrift://localhost:9083"));
    }
    let columns = types::columns(&plan.schema).map_err(|e| e.context(format!("table {name}")))?;
    if let Some(twice) = table.partition_columns.iter().find(|p| columns.iter().any(|c| c.name == p.name)) {
        return Err(error::schema(format!("table {name}: {} is a column and a partition column", twice.name))
            .hint("leave it out of the files or choose another name for the partition column"));
    }
    Ok(Some(TableSpec {
        database: table.database.to_lowercase(),
        table: table.table.to_lowercase(),
        comment: table.comment.clone(),
        columns,
        partition_columns: table.partition_columns.clone(),
        location: format!("{}{}", cluster.fs.uri(), layout.target),
        storage: table.storage.clone(),
        parameters: BTreeMap::new(),
    }))
}

/// Fails early if the table of a plan could not be registered later.
pub(super) async fn check(cluster: &Cluster, spec: &TableSpec) -> Result<()> {
    metastore(cluster, spec)?.check_table(spec).await
}

/// Registers a published load.
pub(super) async fn register(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let Some(spec) = &manifest.table else { return Ok(()) };
    let metastore = metastore(cluster, spec)?;
    let mut spec = spec.clone();
    spec.parameters = parameters(cluster, layout, manifest);
    if spec.partition_columns.is_empty() && manifest.mode == LoadMode::Replace {
        spec.parameters.extend(statistics(manifest.rows(), manifest.bytes()));
    }
    metastore.ensure_database(&spec.database).await?;
    metastore.ensure_table(&spec).await?;
    if spec.partition_columns.is_empty() {
        return Ok(());
    }
    let partitions = partitions(&spec, manifest);
    metastore.ensure_partitions(&spec, &partitions).await?;
    if manifest.mode == LoadMode::Replace {
        metastore.drop_other_partitions(&spec, &partitions).await?;
    }
    Ok(())
}

fn metastore<'a>(cluster: &'a Cluster, spec: &TableSpec) -> Result<&'a MetastoreClient> {
    cluster.metastore.as_deref().ok_or_else(|| {
        error::config(format!("table {} is to be registered and no metastore is configured", spec.full_name()))
            .hint("give the metastore's uris, such as thrift://localhost:9083")
    })
}

/// What every table and partition says about the load that touched it last.
fn parameters(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        ("sakia.load.id".to_owned(), manifest.load_id.clone()),
        ("sakia.run.id".to_owned(), manifest.run_id.clone()),
        ("sakia.rows".to_owned(), manifest.rows().to_string()),
        ("sakia.manifest".to_owned(), format!("{}{}", cluster.fs.uri(), layout.manifest())),
    ]);
    let checkpoint = manifest.checkpoint.to_string();
    if checkpoint.len() <= MAX_PARAMETER_BYTES {
        parameters.insert("sakia.checkpoint".to_owned(), checkpoint);
    }
    parameters
}

fn statistics(rows: u64, bytes: u64) -> [(String, String); 2] {
    [("numRows".to_owned(), rows.to_string()), ("totalSize".to_owned(), bytes.to_string())]
}

/// The partitions a load wrote to, each with the rows it got.
fn partitions(spec: &TableSpec, manifest: &Manifest) -> Vec<PartitionSpec> {
    let mut sums: BTreeMap<&Partition, (u64, u64)> = BTreeMap::new();
    for part in manifest.data_parts() {
        let (rows, bytes) = sums.entry(&part.partition).or_default();
        *rows += part.rows;
        *bytes += part.bytes;
    }
    let partition = |(partition, (rows, bytes)): (&Partition, (u64, u64))| {
        let mut parameters = BTreeMap::from([
            ("sakia.load.id".to_owned(), manifest.load_id.clone()),
            ("sakia.run.id".to_owned(), manifest.run_id.clone()),
            ("sakia.rows".to_owned(), rows.to_string()),
        ]);
        if manifest.mode == LoadMode::Replace {
            parameters.extend(statistics(rows, bytes));
        }
        PartitionSpec {
            values: partition.values().map(str::to_owned).collect(),
            location: format!("{}/{}", spec.location, partition.path()),
            parameters,
        }
    };
    sums.into_iter().map(partition).collect()
}
