//! An import of changed rows keeps the older rows of the target that did not change: the staged rows and the files that
//! are there are judged by key, and what survives of the files is written into further parts of the same load.

use super::plan::{FilesPlan, ImportPlan};
use crate::error::{self, Result};
use crate::format::decode::TextDecodeOptions;
use crate::load::{Cluster, Load, StagedPart};
use crate::transfer::input::{self, FileSetOptions};
use crate::transfer::merge::{self, Keeping, Kept, MergeOptions};

/// Writes the older rows that stay into parts of the load, which will replace exactly the files that were read. No file
/// of the import has a number from `first` on.
///
/// # Errors
/// Data: a key is NULL, or two new rows have the same. Schema: the files there have other columns. Those of the load.
pub(super) async fn keep(
    cluster: &Cluster,
    load: &mut Load,
    plan: &ImportPlan,
    new: &[StagedPart],
    first: usize,
) -> Result<Kept> {
    let (Some(files), Some(incremental)) = (plan.files(), &plan.incremental) else {
        return Err(error::bug("a merge of rows that are not in files"));
    };
    let there = load.files().await?;
    let old = match there.is_empty() {
        true => Vec::new(),
        false => input::list(cluster.fs.as_ref(), &files.load.target).await?,
    };
    let options = MergeOptions { workers: plan.connections as usize, ..MergeOptions::default() };
    let set = set_options(files);
    let keeping = Keeping { fs: &cluster.fs, keys: &incremental.merge_key, set: &set, options: &options };
    let kept = merge::keep_survivors(load, old, new, first, keeping).await?;
    if kept.doubles > 0 {
        return Err(error::data(format!("{} new rows share their merge-key with another", kept.doubles))
            .hint("name columns in merge-key that tell all rows apart"));
    }
    load.replace_files(there.into_iter().map(|file| file.path).collect())?;
    Ok(kept)
}

/// How the files of an import are read again.
pub(super) fn set_options(files: &FilesPlan) -> FileSetOptions {
    let columns = files.load.schema.fields().iter().map(|f| f.name().clone()).collect();
    FileSetOptions::new(TextDecodeOptions::new(files.text_options()), columns)
}
