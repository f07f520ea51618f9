//! Publishing: the renames that make a recorded load visible. Each looks at what is there first, so that it may be
//! repeated after a crash or a lost answer.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::layout::{Layout, parent};
use super::{LoadMode, Manifest, StagedPart};
use crate::error::{self, Kind, Result};
use crate::storage::{self, CreateOptions, DeleteOptions, Filesystem, RenameOptions};

/// Renames under way at once: each is a round trip to the NameNode and little else.
pub(super) const AT_ONCE: usize = 32;

/// The empty file that says a job of Hadoop's is done.
const SUCCESS: &str = "_SUCCESS";

/// Makes the files of a recorded load visible.
pub(super) async fn publish(fs: &dyn Filesystem, layout: &Layout, manifest: &Manifest) -> Result<()> {
    match manifest.mode {
        LoadMode::Replace => swap(fs, layout, &manifest.load_id).await?,
        LoadMode::Append => {
            fs.mkdirs(&layout.target).await?;
            let parts = manifest.data_parts().map(|part| move_in(fs, layout, &manifest.load_id, part));
            stream::iter(parts).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
            if manifest.success_marker {
                mark(fs, &layout.target).await?;
            }
        }
    }
    let sides = manifest.parts.iter().filter(|p| p.directory.is_some());
    let sides = sides.map(|part| move_in(fs, layout, &manifest.load_id, part));
    stream::iter(sides).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Puts the success marker into a directory; safe to repeat.
pub(super) async fn mark(fs: &dyn Filesystem, directory: &str) -> Result<()> {
    let over = CreateOptions { overwrite: true, replication: None };
    storage::write_whole(fs, &format!("{directory}/{SUCCESS}"), &[], over).await
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
    // Where the target is one partition of several columns, nobody may have made the directory above it.
    fs.mkdirs(parent(&layout.target)).await?;
    fs.rename(&staged, &layout.target, RenameOptions::default()).await
}

/// Renames one staged file to its place. A side part takes the place of an earlier one of its name; a data part replaces
/// none.
async fn move_in(fs: &dyn Filesystem, layout: &Layout, load_id: &str, part: &StagedPart) -> Result<()> {
    let (from, to) = (layout.staged(load_id, part), layout.published(part));
    if fs.stat(&from).await?.is_some() {
        fs.mkdirs(parent(&to)).await?;
        let over = RenameOptions { overwrite: part.directory.is_some() };
        return match fs.rename(&from, &to, over).await {
            Err(e) if e.kind() == Kind::Exists => Err(e
                .context(format!("{to} was put there by somebody else during the load"))
                .hint("move it away, then run again: the load is recorded and only has to be published")),
            renamed => renamed,
        };
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
