//! Where the files of a partition lie whose files were rewritten into fewer: beside those that they were made from, in a
//! directory that the metastore is told of. So whoever reads the old files goes on undisturbed.
//!
//! ```text
//! <target>/k=v/                               the partition's own directory
//! <target>/_compacted/k=v/place.json          which directory holds its files now, and what lay there before
//! <target>/_compacted/k=v/<id>/               its files
//! <target>/_compacted/lock/                   who rewrites files now
//! ```
//!
//! The file is the truth: its rename is the commit of a rewriting, loads add to the directory that it names, and whatever
//! registers the partition registers that. The metastore follows it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Manifest, Partition, StagedPart};
use crate::error::{self, Kind, Result};
use crate::storage::{self, Filesystem};

/// Hidden from Hadoop's readers and from `MSCK REPAIR TABLE`.
const ROOT: &str = "_compacted";
const FILE: &str = "place.json";

/// Where the files of a partition lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Place {
    /// The directory below that of the partition in `_compacted`.
    pub directory: String,
    /// Files that it was made of.
    pub files: usize,
    /// Rows and bytes of these.
    pub rows: u64,
    pub bytes: u64,
    /// When the metastore was told, in milliseconds since 1970; `None` before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// What lay elsewhere before, and is kept for those who read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Before>,
}

/// Files that took part in a rewriting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Before {
    /// The directory of an earlier rewriting; the partition's own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Names of its files.
    pub files: Vec<String>,
}

/// The directory of all rewritten partitions of a target.
pub(super) fn root(target: &str) -> String {
    format!("{target}/{ROOT}")
}

/// The directory below a target that holds the files of a partition in this directory; the partition's own where there is
/// none.
pub(super) fn below(partition: &str, directory: Option<&str>) -> String {
    match directory {
        Some(directory) => format!("{ROOT}/{partition}/{directory}"),
        None => partition.to_owned(),
    }
}

impl Place {
    /// Reads the place of a partition, by its path below the target; `None` where its files are in its own directory.
    ///
    /// # Errors
    /// Data: it cannot be read. Those of the filesystem.
    pub(super) async fn read(fs: &dyn Filesystem, target: &str, partition: &str) -> Result<Option<Self>> {
        let path = format!("{}/{partition}/{FILE}", root(target));
        let bytes = match fs.read(&path).await {
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            read => read?,
        };
        let place = serde_json::from_slice(&bytes);
        place.map(Some).map_err(|e| {
            error::data(format!("{path} does not say where the files of {partition} are"))
                .source(e)
                .hint("its directory is what the metastore has as the location of the partition")
        })
    }

    /// Makes this the place of a partition; safe to repeat.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn write(&self, fs: &dyn Filesystem, target: &str, partition: &str) -> Result<()> {
        let path = format!("{}/{partition}/{FILE}", root(target));
        let json = serde_json::to_vec_pretty(self).map_err(|e| error::bug("cannot write a place as JSON").source(e))?;
        storage::replace_whole(fs, &path, &json).await
    }

    /// The directory below the target that holds the partition's files.
    pub(super) fn below(&self, partition: &str) -> String {
        below(partition, Some(&self.directory))
    }
}

/// Lets the parts of a manifest go where the files of their partitions are.
///
/// # Errors
/// Those of [`Place::read`].
pub(super) async fn fill(fs: &dyn Filesystem, manifest: &mut Manifest) -> Result<()> {
    let (target, parts) = (manifest.target.clone(), &mut manifest.parts);
    let mut parts: Vec<&mut StagedPart> =
        parts.iter_mut().filter(|part| part.directory.is_none() && !part.partition.is_none()).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<String> = list(fs, &root(&target)).await?.into_iter().map(|(name, _)| name).collect();
    let mut places: BTreeMap<Partition, Option<String>> = BTreeMap::new();
    for part in &mut parts {
        let path = part.partition.path();
        let first = path.split('/').next().unwrap_or_default();
        if !places.contains_key(&part.partition) {
            let place = if known.contains(first) { Place::read(fs, &target, &path).await? } else { None };
            places.insert(part.partition.clone(), place.map(|place| place.below(&path)));
        }
        part.place = places.get(&part.partition).cloned().flatten();
    }
    if !known.is_empty() {
        manifest.note_places();
    }
    Ok(())
}

/// All partitions of a target that have a place, by their paths.
///
/// # Errors
/// Those of [`Place::read`].
pub(super) async fn all(fs: &dyn Filesystem, target: &str) -> Result<BTreeMap<String, Place>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![String::new()]);
    while let Some(partition) = open.pop() {
        for (name, is_dir) in list(fs, &format!("{}/{partition}", root(target))).await? {
            if name == FILE && !is_dir {
                if let Some(place) = Place::read(fs, target, &partition).await? {
                    found.insert(partition.clone(), place);
                }
            } else if is_dir && name.contains('=') {
                open.push(if partition.is_empty() { name } else { format!("{partition}/{name}") });
            }
        }
    }
    Ok(found)
}

/// Names in a directory, and which are directories; none where there is no directory.
pub(super) async fn list(fs: &dyn Filesystem, directory: &str) -> Result<Vec<(String, bool)>> {
    match fs.list(directory.trim_end_matches('/')).await {
        Err(e) if e.kind() == Kind::NotFound => Ok(Vec::new()),
        listed => Ok(listed?.into_iter().map(|entry| (entry.name().to_owned(), entry.is_dir)).collect()),
    }
}
