//! Merging inside a load that is under way: new rows are staged, old ones follow them.

use std::sync::Arc;

use super::write::{JudgedData, write};
use super::{MergeOptions, Rewrite, judge};
use crate::error::Result;
use crate::load::{Load, StagedPart};
use crate::storage::Filesystem;
use crate::transfer::input::{DataFile, Dataset, FileSet, FileSetOptions};

/// What [`keep_survivors`] did.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Further parts of the load: old rows that no staged row takes the place of.
    pub parts: Vec<StagedPart>,
    /// Old rows that a staged row takes the place of.
    pub replaced_rows: u64,
    /// Staged rows that share their key with a later staged row. They are written already, so the caller refuses them
    /// or says so: the key is not one.
    pub doubles: u64,
}

/// How the rows of a target are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keeping<'a> {
    /// The filesystem of the load.
    pub fs: &'a Arc<dyn Filesystem>,
    /// Key columns; in text without names their numbers.
    pub keys: &'a [String],
    /// How text is read, both the old and the staged.
    pub set: &'a FileSetOptions,
    /// Memory and workers.
    pub options: &'a MergeOptions,
}

/// The files of staged parts, which can be read before they are visible.
pub fn staged_files(load: &Load, parts: &[StagedPart]) -> Vec<DataFile> {
    let data = parts.iter().filter(|part| part.directory.is_none() && part.rows > 0);
    let file = |part: &StagedPart| DataFile::new(load.staged_path(part), part.bytes, part.partition.clone());
    data.map(file).collect()
}

/// Reads the keys of the rows that were staged, and writes the rows of `old` with other keys into further parts of the
/// load, numbered from `first` on, as their files have them. The caller then names all files of the target with
/// [`Load::replace_files`] and commits both kinds of parts.
///
/// # Errors
/// Data: a key is NULL. NotFound: there is no such key column. Those of the filesystem and of the load.
pub async fn keep_survivors(
    load: &Load,
    old: Vec<DataFile>,
    staged: &[StagedPart],
    first: usize,
    Keeping { fs, keys, set, options }: Keeping<'_>,
) -> Result<Kept> {
    let staged = staged_files(load, staged);
    if old.is_empty() {
        return Ok(Kept { parts: Vec::new(), replaced_rows: 0, doubles: 0 });
    }
    let old = FileSet::open(fs.clone(), old, set.clone()).await?;
    let rewrite = Rewrite::of(&old, None)?;
    let old: Arc<dyn Dataset> = Arc::new(old);
    let new: Arc<dyn Dataset> = match staged.is_empty() {
        true => Arc::new(super::run::NoFiles),
        false => Arc::new(FileSet::open(fs.clone(), staged, set.clone()).await?),
    };
    let verdict = judge(&old, &new, keys, options).await?;
    let (replaced_rows, doubles) = (verdict.old.total_dead(), verdict.new.total_dead());
    let data = JudgedData { data: old, judged: verdict.old };
    let parts = write(load, &[&data], &rewrite, first, options.workers).await?;
    Ok(Kept { parts, replaced_rows, doubles })
}
