//! Registering: the table over a target, and the partitions a load wrote, in the metastore. Every step compares
//! before it changes, so that it may be repeated.
//!
//! What the metastore may decline was asked before anything was published, by [`prepare`](super::prepare).

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::layout::Layout;
use super::{Cluster, LoadMode, LoadPlan, Manifest, Partition, place, strangers};
use crate::error::{self, Kind, Result};
use crate::metastore::{MetastoreClient, PartitionSpec, Statistics, TableSpec, names, types};
use crate::storage::{DeleteOptions, FileStatus};

/// Longest parameter value that every metastore schema holds.
const MAX_PARAMETER_BYTES: usize = 4000;

/// Says on a table that every partition with files was registered once; loads then add only their own. A table that was
/// asked for later than its first files, or dropped and made again, lacks it.
pub(super) const COMPLETE_PARAMETER: (&str, &str) = ("sakia.partitions", "complete");

/// The table a load is registered as, and the one partition of it that the target is.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub spec: TableSpec,
    pub static_partition: Partition,
}

/// Where the load keeps what, and the directory of its table.
pub(super) fn layout(plan: &LoadPlan) -> Result<(Layout, String)> {
    let Some(table) = &plan.table else { return Layout::of_partition(&plan.target, &Partition::none()) };
    let fixed = &table.static_partition;
    let first = table.partition_columns.iter().take(fixed.names().count()).map(|c| c.name.as_str());
    if !first.eq(fixed.names()) {
        let what = format!("{} does not name the first partition columns of {}", fixed.path(), table.table);
        return Err(error::config(what).hint("give the partition keys in the order of the table"));
    }
    Layout::of_partition(&plan.target, fixed)
}

/// What the plan's table looks like to the metastore; `None` if no table is wanted.
pub(super) fn registration(cluster: &Cluster, root: &str, plan: &LoadPlan) -> Result<Option<Registration>> {
    let Some(table) = &plan.table else { return Ok(None) };
    let name = format!("{}.{}", table.database, table.table);
    if cluster.metastore.is_none() {
        return Err(error::config(format!("table {name} is wanted and no metastore is configured"))
            .hint("give the metastore's url, such as thrift://localhost:9083"));
    }
    let mut columns = types::table_columns(&plan.schema, &table.storage, &table.columns)
        .map_err(|e| e.context(format!("table {name}")))?;
    if let Some(column) = names::cut_comments(&mut columns).first() {
        tracing::warn!(table = name, column, "a comment is cut to the length that a metastore holds");
    }
    table.storage.check().map_err(|e| e.context(format!("table {name}")))?;
    let spec = TableSpec {
        database: table.database.to_lowercase(),
        table: table.table.to_lowercase(),
        comment: table.comment.clone(),
        columns,
        partition_columns: table.partition_columns.clone(),
        location: format!("{}{root}", cluster.fs.uri()),
        storage: table.storage.clone(),
        parameters: BTreeMap::new(),
        adopt: table.adopt,
    };
    Ok(Some(Registration { spec, static_partition: table.static_partition.clone() }))
}

/// Whether no partition of earlier loads can be missing from a table that has these parameters. A replacing load
/// registers all there is.
pub(super) fn is_complete(spec: &TableSpec, mode: LoadMode, parameters: &BTreeMap<String, String>) -> bool {
    let (name, value) = COMPLETE_PARAMETER;
    mode == LoadMode::Replace
        || spec.partition_columns.is_empty()
        || parameters.get(name).is_some_and(|found| found == value)
}

/// Registers a published load.
pub(super) async fn register(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let Some(spec) = &manifest.table else { return Ok(()) };
    let metastore = metastore(cluster, spec)?;
    let mut spec = spec.clone();
    spec.parameters = parameters(cluster, layout, manifest);
    metastore.ensure_database(&spec.database).await?;
    if spec.partition_columns.is_empty() {
        let mut statistics = statistics(manifest);
        statistics.present = present(cluster, &layout.target).await?;
        return metastore.ensure_table(&spec, Some(&statistics)).await.map(drop);
    }
    let before = metastore.ensure_table(&spec, None).await?;
    let mut partitions = partitions(&spec, manifest);
    let is_complete = is_complete(&spec, manifest.mode, &before);
    if !is_complete {
        let earlier = earlier_partitions(cluster, layout, &spec, manifest, &partitions).await?;
        partitions.extend(earlier);
    }
    let moved = manifest.data_parts().filter(|part| part.place.is_some());
    let moved: BTreeMap<String, &str> = moved.map(|part| (part.partition.path(), part.file.as_str())).collect();
    for partition in &mut partitions {
        if let Some(statistics) = &mut partition.statistics {
            let directory = partition.location.strip_prefix(&cluster.fs.uri()).unwrap_or(&partition.location);
            let files = strangers::files(cluster.fs.as_ref(), directory).await?;
            statistics.present = added_up(&files);
            // Rewritten since then, they were counted with the files that took their place.
            if moved.get(&partition.name).is_some_and(|own| files.iter().all(|file| file.name() != *own)) {
                (statistics.rows, statistics.bytes, statistics.files) = (0, 0, 0);
            }
        }
    }
    metastore.ensure_partitions(&spec, &partitions).await?;
    if !is_complete {
        let (name, value) = COMPLETE_PARAMETER;
        let complete = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        metastore.set_table_parameters(&spec.database, &spec.table, &complete).await?;
    }
    if manifest.mode == LoadMode::Replace {
        forget(cluster, &spec, manifest, &partitions).await?;
    }
    Ok(())
}

/// Forgets the partitions that a replacing load took out, and removes the empty directories that stood for them.
async fn forget(cluster: &Cluster, spec: &TableSpec, manifest: &Manifest, kept: &[PartitionSpec]) -> Result<()> {
    let metastore = metastore(cluster, spec)?;
    let root = spec.location.strip_prefix(&cluster.fs.uri()).unwrap_or(&spec.location);
    for name in metastore.other_partitions(spec, &manifest.static_partition.path(), kept).await? {
        metastore.drop_partition(spec, &name).await?;
        match cluster.fs.delete(&format!("{root}/{name}"), DeleteOptions::default()).await {
            // Whoever put a file there meanwhile keeps it.
            Err(e) if e.kind() != Kind::Refused => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn metastore<'a>(cluster: &'a Cluster, spec: &TableSpec) -> Result<&'a MetastoreClient> {
    cluster.metastore.as_deref().ok_or_else(|| {
        error::config(format!("table {} is to be registered and no metastore is configured", spec.full_name()))
            .hint("give the metastore's url, such as thrift://localhost:9083")
    })
}

/// What every table and partition says about the load that touched it last.
pub(super) fn parameters(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        ("sakia.load.id".to_owned(), manifest.load_id.clone()),
        ("sakia.run.id".to_owned(), manifest.run_id.clone()),
        ("sakia.rows".to_owned(), manifest.rows().to_string()),
        ("sakia.manifest".to_owned(), format!("{}{}", cluster.fs.uri(), layout.manifest())),
    ]);
    parameters.insert("sakia.checkpoint".to_owned(), shown_checkpoint(&manifest.checkpoint));
    parameters
}

/// A checkpoint as a table shows it; the manifest has it whole. Of one that is too long for a parameter only the plain
/// values are shown: lists, such as an agent's files, may grow without bounds.
fn shown_checkpoint(checkpoint: &Value) -> String {
    let whole = checkpoint.to_string();
    if whole.len() <= MAX_PARAMETER_BYTES {
        return whole;
    }
    let members = checkpoint.as_object().into_iter().flatten();
    let plain = members.filter(|(_, value)| !value.is_array() && !value.is_object());
    let plain = Value::Object(plain.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string();
    // An old value must not stay, so there is always a new one.
    if plain.len() <= MAX_PARAMETER_BYTES { plain } else { "{}".to_owned() }
}

/// What the files of a load add up to.
pub(super) fn statistics(manifest: &Manifest) -> Statistics {
    let (rows, bytes, files) = (manifest.rows(), manifest.bytes(), manifest.data_parts().count() as u64);
    Statistics { rows, bytes, files, present: (files, bytes), load_id: manifest.load_id.clone() }
}

/// Number and bytes of the data files that lie in a directory, whoever put them there.
async fn present(cluster: &Cluster, directory: &str) -> Result<(u64, u64)> {
    Ok(added_up(&strangers::files(cluster.fs.as_ref(), directory).await?))
}

fn added_up(files: &[FileStatus]) -> (u64, u64) {
    (files.len() as u64, files.iter().map(|file| file.len_bytes).sum())
}

/// The partitions a load wrote to, each with what it got. A static partition is there even without a row.
pub(super) fn partitions(spec: &TableSpec, manifest: &Manifest) -> Vec<PartitionSpec> {
    let mut sums: BTreeMap<&Partition, Statistics> = BTreeMap::new();
    let mut places: BTreeMap<&Partition, &str> = BTreeMap::new();
    let nothing = || Statistics { rows: 0, bytes: 0, files: 0, ..statistics(manifest) };
    let none = Partition::none();
    if manifest.static_partition.names().count() == spec.partition_columns.len() {
        sums.insert(&none, nothing());
    }
    for part in manifest.data_parts() {
        let sum = sums.entry(&part.partition).or_insert_with(nothing);
        sum.rows += part.rows;
        sum.bytes += part.bytes;
        sum.files += 1;
        places.extend(part.place.as_ref().map(|place| (&part.partition, place.as_str())));
    }
    let partition = |(dynamic, statistics): (&Partition, Statistics)| {
        let partition = manifest.static_partition.join(dynamic);
        let name = partition.path();
        PartitionSpec {
            values: partition.values().map(str::to_owned).collect(),
            location: format!("{}/{}", spec.location, places.get(dynamic).copied().unwrap_or(&name)),
            name,
            parameters: BTreeMap::from([
                ("sakia.load.id".to_owned(), manifest.load_id.clone()),
                ("sakia.run.id".to_owned(), manifest.run_id.clone()),
                ("sakia.rows".to_owned(), statistics.rows.to_string()),
            ]),
            statistics: Some(statistics),
        }
    };
    sums.into_iter().map(partition).collect()
}

/// The partitions that hold files of other loads than this one, and are not among `known`.
async fn earlier_partitions(
    cluster: &Cluster,
    layout: &Layout,
    spec: &TableSpec,
    manifest: &Manifest,
    known: &[PartitionSpec],
) -> Result<Vec<PartitionSpec>> {
    let files = strangers::files(cluster.fs.as_ref(), &layout.target).await?;
    let names: Vec<&str> = spec.partition_columns.iter().map(|c| c.name.as_str()).collect();
    let dynamic = &names[manifest.static_partition.names().count().min(names.len())..];
    // The path of each below the target, and where its files are.
    let directories = files.iter().filter_map(|file| directory_below(&file.path, layout));
    let mut directories: BTreeMap<String, String> =
        directories.map(|path| (path.to_owned(), path.to_owned())).collect();
    for (path, place) in place::all(cluster.fs.as_ref(), &layout.target).await? {
        directories.insert(path.clone(), place.below(&path));
    }
    let fixed = manifest.static_partition.path();
    let found = directories.into_iter().filter_map(|(path, directory)| {
        let values = partition_values(&path, dynamic)?;
        let name = if fixed.is_empty() { path } else { format!("{fixed}/{path}") };
        Some((name, format!("{}/{directory}", layout.target), values))
    });
    let partition = |(name, directory, values): (String, String, Vec<String>)| PartitionSpec {
        values: manifest.static_partition.values().map(str::to_owned).chain(values).collect(),
        name,
        location: format!("{}{directory}", cluster.fs.uri()),
        parameters: BTreeMap::new(),
        statistics: Some(Statistics { rows: 0, bytes: 0, files: 0, ..statistics(manifest) }),
    };
    Ok(found.map(partition).filter(|found| known.iter().all(|known| known.values != found.values)).collect())
}

/// The directory of a file below the target.
fn directory_below<'a>(path: &'a str, layout: &Layout) -> Option<&'a str> {
    let below = path.strip_prefix(&layout.target)?.strip_prefix('/')?;
    below.rsplit_once('/').map(|(directory, _)| directory)
}

/// The values in a path such as `k=v/k2=v2`; `None` if it does not name exactly these columns.
fn partition_values(path: &str, columns: &[&str]) -> Option<Vec<String>> {
    let components: Vec<&str> = path.split('/').collect();
    if components.len() != columns.len() {
        return None;
    }
    let value = |(component, column): (&str, &&str)| {
        let (name, value) = component.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        name.eq_ignore_ascii_case(column).then(|| value.into_owned())
    };
    components.into_iter().zip(columns).map(value).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_checkpoint_is_shown_without_its_lists() {
        let short = json!({"epoch": 3, "positions": [{"path": "/a"}]});
        assert_eq!(shown_checkpoint(&short), short.to_string());
        let positions = vec![json!({"path": "x".repeat(100)}); 100];
        let long = json!({"channel": "c", "epoch": 3, "positions": positions});
        assert_eq!(shown_checkpoint(&long), r#"{"channel":"c","epoch":3}"#);
        assert_eq!(shown_checkpoint(&json!("x".repeat(9000))), "{}");
    }

    #[test]
    fn directories_that_are_not_partitions_of_the_table_are_passed_over() {
        let values = |path| partition_values(path, &["dt", "hr"]);
        assert_eq!(values("dt=2024-01-01/hr=08%3A30").unwrap(), ["2024-01-01", "08:30"]);
        assert_eq!(values("DT=x/hr=__HIVE_DEFAULT_PARTITION__").unwrap(), ["x", "__HIVE_DEFAULT_PARTITION__"]);
        for other in ["", "dt=x", "hr=1/dt=x", "dt=x/hr=1/more=2", "dt/hr"] {
            assert_eq!(values(other), None, "{other}");
        }
    }
}
