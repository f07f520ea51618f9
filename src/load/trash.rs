//! What a load takes out of a target is moved to the trash, if its plan says so and the cluster keeps what is deleted:
//! under the path that it had, as Hadoop's shell does it. Otherwise it is deleted with the stage.
//!
//! Source: Hadoop 3.4 `TrashPolicyDefault.moveToTrash`.

use std::time::{SystemTime, UNIX_EPOCH};

use super::layout::{Layout, parent};
use crate::error::{Error, Kind, Result};
use crate::storage::{Filesystem, RenameOptions};

/// Makes sure, before a load is recorded, that the trash will take what it replaces.
///
/// # Errors
/// Those of making the trash.
pub(super) async fn check(fs: &dyn Filesystem, layout: &Layout) -> Result<()> {
    if !holds_something(fs, &layout.target).await? {
        return Ok(());
    }
    fs.trash(&layout.target).await.map(drop).map_err(|e| named(e, &layout.target))
}

/// Moves what a load took out to the trash; safe to repeat.
///
/// # Errors
/// Those of the filesystem.
pub(super) async fn keep(fs: &dyn Filesystem, layout: &Layout, load_id: &str) -> Result<()> {
    let old = layout.replaced_data(load_id);
    if !holds_something(fs, &old).await? {
        return Ok(());
    }
    let moved = async {
        let Some(trash) = fs.trash(&layout.target).await? else { return Ok(()) };
        let place = free_place(fs, &trash, &layout.target).await?;
        fs.mkdirs(parent(&place)).await?;
        fs.rename(&old, &place, RenameOptions::default()).await?;
        tracing::info!(target = layout.target, trash = place, "what was replaced is in the trash");
        Ok(())
    };
    moved.await.map_err(|e| named(e, &old))
}

async fn holds_something(fs: &dyn Filesystem, directory: &str) -> Result<bool> {
    match fs.list(directory).await {
        Err(e) if e.kind() == Kind::NotFound => Ok(false),
        listed => listed.map(|entries| !entries.is_empty()),
    }
}

/// The path below the trash; the time is put behind a name that is taken, or is a file where a directory has to be.
async fn free_place(fs: &dyn Filesystem, trash: &str, path: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let (mut place, mut names) = (trash.to_owned(), path.split('/').filter(|name| !name.is_empty()).peekable());
    while let Some(name) = names.next() {
        place = format!("{place}/{name}");
        let last = names.peek().is_none();
        if fs.stat(&place).await?.is_some_and(|there| last || !there.is_dir) {
            place.push_str(&now.to_string());
        }
    }
    Ok(place)
}

fn named(error: Error, path: &str) -> Error {
    error.context(format!("what {path} holds is to go to the trash")).hint(
        "let the user's home directory be made, or in an encryption zone its trash (hdfs crypto -provisionTrash); \
         without fs.trash.interval what is replaced is deleted",
    )
}
