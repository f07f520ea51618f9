//! An import of changed rows keeps the older rows of the target that did not change: the staged rows and the files that
//! are there are judged by key, and what survives of the files is written into further parts of the same load.

use std::sync::Arc;

use crate::error::{self, Result};
use crate::load::{Cluster, Load, StagedPart};
use crate::transfer::input::{self, DataFile, Dataset, FileSet, FileSetOptions, words};
use crate::transfer::merge::{self, JudgedData, MergeOptions, Rewrite};
use crate::transfer::plan::{FilesPlan, ImportPlan};

/// What of the target is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Files of the rows that stay.
    pub parts: Vec<StagedPart>,
    /// Rows that were there.
    pub older: u64,
    /// Those of them that gave way to new ones.
    pub replaced: u64,
}

/// Writes the older rows that stay into parts of the load, which will replace exactly the files that were read. `first`
/// is a number that no file of the import bears, nor any after it.
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
    let Some(files) = plan.files() else { return Ok(Kept::default()) };
    let there = load.files().await?;
    load.replace_files(there.iter().map(|file| file.path.clone()).collect())?;
    if there.iter().all(|file| file.len_bytes == 0) {
        return Ok(Kept::default());
    }
    let old = input::list(cluster.fs.as_ref(), &files.load.target).await?;
    let old = FileSet::open(cluster.fs.clone(), old, set_options(files)).await?;
    let new = FileSet::open(cluster.fs.clone(), staged(load, new), set_options(files)).await?;
    if old.kind() != new.kind() || !input::same_columns(&old.schema(), &new.schema()) {
        return Err(input::differ((&files.load.target, &old.schema()), ("the import", &new.schema())));
    }
    let rewrite = {
        let old = old.clone();
        let of_old = tokio::task::spawn_blocking(move || Rewrite::of(&old, None)).await;
        of_old.map_err(|e| error::bug("a thread that reads files broke down").source(e))??
    };
    // Set by nobody else: a load is settled once.
    let _ = files.rewrite.set(rewrite.clone());
    let (old, new): (Arc<dyn Dataset>, Arc<dyn Dataset>) = (Arc::new(old), Arc::new(new));
    let options = MergeOptions { workers: plan.connections as usize, ..MergeOptions::default() };
    let verdict = merge::judge(&old, &new, &plan.merge_key, &options).await?;
    if verdict.new.total_dead() > 0 {
        let what = format!("{} new rows share their merge-key with another", verdict.new.total_dead());
        return Err(error::data(what).hint("name columns in merge-key that tell all rows apart"));
    }
    let (older, replaced) = (verdict.old.total(), verdict.old.total_dead());
    let judged = JudgedData { data: old, judged: verdict.old };
    let parts = merge::write(load, &[&judged], &rewrite, first, options.workers).await?;
    Ok(Kept { parts, older, replaced })
}

/// The staged files of a load as a data set.
pub(super) fn staged(load: &Load, parts: &[StagedPart]) -> Vec<DataFile> {
    let file = |part: &StagedPart| DataFile {
        path: load.staged_path(part),
        len_bytes: part.bytes,
        partition: part.partition.clone(),
    };
    parts.iter().filter(|part| part.rows > 0).map(file).collect()
}

/// How the files of an import are read again.
pub(super) fn set_options(files: &FilesPlan) -> FileSetOptions {
    let columns = files.load.schema.fields().iter().map(|f| f.name().clone()).collect();
    FileSetOptions { text: words::decoding(files.text_options()), columns }
}
