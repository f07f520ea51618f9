//! Files of somebody else in a target. A replacing load takes out the whole tree it replaces, so it first makes sure
//! that all of it is its own; a first load of any kind wants an absent or empty directory.

use std::collections::BTreeSet;

use super::layout::Layout;
use super::{LoadMode, Manifest};
use crate::error::{self, Error, Kind, Result};
use crate::storage::{FileStatus, Filesystem};

/// Refuses a target in which a load of `mode` after `previous` would meet files that no load of ours put there.
///
/// # Errors
/// Exists: there is such a file, which the text names, or what earlier loads added. Those of the filesystem.
pub(super) async fn refuse(
    fs: &dyn Filesystem,
    layout: &Layout,
    previous: Option<&Manifest>,
    mode: LoadMode,
) -> Result<()> {
    match (previous, mode) {
        (None, _) => match list(fs, &layout.target).await?.first() {
            Some(entry) => Err(stranger(layout, entry.name())),
            None => Ok(()),
        },
        (Some(Manifest { mode: LoadMode::Append, .. }), LoadMode::Replace) => Err(error::exists(format!(
            "{} is added to by appending loads, which a replacing one would take out",
            layout.target
        ))
        .hint("choose another target directory")),
        (Some(previous), LoadMode::Replace) => refuse_unnamed(fs, layout, previous).await,
        // Added files leave those that are there alone.
        (Some(_), LoadMode::Append) => Ok(()),
    }
}

/// Walks the target for a file that the last manifest does not name. Hidden files are no data of anybody's.
async fn refuse_unnamed(fs: &dyn Filesystem, layout: &Layout, previous: &Manifest) -> Result<()> {
    let named: BTreeSet<String> = previous.data_parts().map(|part| layout.published(part)).collect();
    let mut directories = vec![layout.target.clone()];
    while let Some(directory) = directories.pop() {
        for entry in list(fs, &directory).await?.into_iter().filter(|e| !e.name().starts_with(['.', '_'])) {
            if entry.is_dir {
                directories.push(entry.path);
            } else if !named.contains(&entry.path) {
                return Err(stranger(layout, &entry.path[layout.target.len() + 1..]));
            }
        }
    }
    Ok(())
}

async fn list(fs: &dyn Filesystem, directory: &str) -> Result<Vec<FileStatus>> {
    match fs.list(directory).await {
        Err(e) if e.kind() == Kind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

fn stranger(layout: &Layout, name: &str) -> Error {
    error::exists(format!("{} holds {name}, which was not put there by sakia", layout.target))
        .hint("choose another target directory, or move the file away")
}
