//! Publishing: the renames that make a recorded load visible. Each looks at what is there first, so that it may be
//! repeated after a crash or a lost answer.

use super::layout::{Layout, parent};
use super::{LoadMode, Manifest, StagedPart};
use crate::error::{self, Result};
use crate::storage::{DeleteOptions, Filesystem, RenameOptions};

/// Makes the files of a recorded load visible.
pub(super) async fn publish(fs: &dyn Filesystem, layout: &Layout, manifest: &Manifest) -> Result<()> {
    match manifest.mode {
        LoadMode::Replace => swap(fs, layout, &manifest.load_id).await?,
        LoadMode::Append => {
            for part in manifest.data_parts() {
                move_in(fs, layout, &manifest.load_id, part).await?;
            }
            fs.mkdirs(&layout.target).await?;
        }
    }
    for part in manifest.parts.iter().filter(|p| p.directory.is_some()) {
        move_in(fs, layout, &manifest.load_id, part).await?;
    }
    Ok(())
}

/// Swaps the target for the staged tree: target -> old, staged -> target.
async fn swap(fs: &dyn Filesystem, layout: &Layout, load_id: &str) -> Result<()> {
    let (staged, old) = (layout.staged_data(load_id), layout.replaced_data(load_id));
    if fs.stat(&staged).await?.is_none() {
        return match fs.stat(&layout.target).await? {
            Some(_) => Ok(()),
            None => Err(lost(&layout.target)),
        };
    }
    if fs.stat(&layout.target).await?.is_some() {
        if fs.stat(&old).await?.is_none() {
            fs.rename(&layout.target, &old, RenameOptions::default()).await?;
        } else {
            // The old target is out already; somebody made a new directory in between. An empty one may go.
            fs.delete(&layout.target, DeleteOptions::default()).await.map_err(|e| {
                e.context(format!("{} was made by somebody else during the load", layout.target))
                    .hint("move its files away, then run again")
            })?;
        }
    }
    fs.rename(&staged, &layout.target, RenameOptions::default()).await
}

/// Renames one staged file to its place.
async fn move_in(fs: &dyn Filesystem, layout: &Layout, load_id: &str, part: &StagedPart) -> Result<()> {
    let (from, to) = (layout.staged(load_id, part), layout.published(part));
    if fs.stat(&from).await?.is_some() {
        fs.mkdirs(parent(&to)).await?;
        return fs.rename(&from, &to, RenameOptions { overwrite: true }).await;
    }
    match fs.stat(&to).await? {
        Some(there) if there.len_bytes == part.bytes => Ok(()),
        _ => Err(lost(&to)),
    }
}

fn lost(path: &str) -> error::Error {
    error::data(format!("{path} is neither staged nor in its place, though its load was recorded"))
        .hint("somebody removed it; delete the manifest beside the target to load anew")
}
