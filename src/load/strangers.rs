//! Files of somebody else in a target. A replacing load takes out the whole tree it replaces, so it first makes sure
//! that all of it is its own or named in the plan; a first load of any kind wants an absent or empty directory, unless
//! the plan says what to do with strangers.

use std::collections::BTreeSet;

use super::layout::Layout;
use super::{LoadMode, LoadPlan, Manifest, StagedPart, Strangers};
use crate::error::{self, Error, Kind, Result};
use crate::storage::{FileStatus, Filesystem};

/// Refuses a plan whose mode and ways with strangers do not fit together.
pub(super) fn check_plan(plan: &LoadPlan) -> Result<()> {
    let fits = match plan.strangers {
        Strangers::Refuse => true,
        Strangers::Keep => plan.mode == LoadMode::Append,
        Strangers::Replace => plan.mode == LoadMode::Replace && plan.replaces.is_none(),
    };
    if !fits || (plan.replaces.is_some() && plan.mode == LoadMode::Append) {
        let what = format!("a load cannot {:?} and at once {:?} strangers", plan.mode, plan.strangers);
        return Err(error::bug(what.to_lowercase()));
    }
    Ok(())
}

/// Refuses a target in which the load would meet files that it may not touch, looked at when the load is opened.
///
/// # Errors
/// Exists: there is such a file, which the text names, or what earlier loads added. Those of the filesystem.
pub(super) async fn refuse(
    fs: &dyn Filesystem,
    layout: &Layout,
    previous: Option<&Manifest>,
    plan: &LoadPlan,
) -> Result<()> {
    if plan.replaces.is_some() {
        // What was read is known in full only once it was read: looked at before the commit.
        return Ok(());
    }
    match (previous, plan.mode, plan.strangers) {
        (_, _, Strangers::Keep | Strangers::Replace) => Ok(()),
        (None, ..) => match first_file(fs, &layout.target).await? {
            Some(path) => Err(stranger(layout, &path[layout.target.len() + 1..])),
            None => Ok(()),
        },
        (Some(Manifest { mode: LoadMode::Append, .. }), LoadMode::Replace, _) => Err(error::exists(format!(
            "{} holds the files of appending loads, which a replacing load would remove",
            layout.target
        ))
        .hint("choose another target directory")),
        (Some(previous), LoadMode::Replace, _) => {
            let named: BTreeSet<String> = previous.data_parts().map(|part| layout.published(part)).collect();
            refuse_unnamed(fs, layout, &named).await.map(drop)
        }
        // Added files leave those that are there alone.
        (Some(_), LoadMode::Append, _) => Ok(()),
    }
}

/// The same before the commit, when the files of the load are known.
pub(super) async fn refuse_at_commit(
    fs: &dyn Filesystem,
    layout: &Layout,
    previous: Option<&Manifest>,
    plan: &LoadPlan,
    parts: &[StagedPart],
) -> Result<()> {
    if let Some(replaces) = &plan.replaces {
        let named: BTreeSet<String> = replaces.iter().cloned().collect();
        let found = refuse_unnamed(fs, layout, &named).await?;
        return match named.iter().find(|path| !found.contains(*path)) {
            Some(gone) => {
                let what = format!("{gone} was removed by somebody else while it was being replaced");
                Err(error::exists(what).hint("run again: nothing was changed"))
            }
            None => Ok(()),
        };
    }
    refuse(fs, layout, previous, plan).await?;
    if plan.mode == LoadMode::Append && plan.strangers == Strangers::Keep {
        let there: BTreeSet<String> = files(fs, &layout.target).await?.into_iter().map(|file| file.path).collect();
        if let Some(taken) = parts.iter().map(|part| layout.published(part)).find(|path| there.contains(path)) {
            let what = format!("{taken} was put there by somebody else during the load");
            return Err(error::exists(what).hint("run again: nothing was changed"));
        }
    }
    Ok(())
}

/// Walks the target for a file that is not named; gives the files.
async fn refuse_unnamed(fs: &dyn Filesystem, layout: &Layout, named: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let found: BTreeSet<String> = files(fs, &layout.target).await?.into_iter().map(|file| file.path).collect();
    match found.difference(named).next() {
        Some(path) => Err(stranger(layout, &path[layout.target.len() + 1..])),
        None => Ok(found),
    }
}

/// Hidden files are not data.
pub(super) fn is_data(name: &str) -> bool {
    !name.starts_with(['.', '_'])
}

/// The data files below a directory, sorted by path; none where there is no directory.
pub(super) async fn files(fs: &dyn Filesystem, directory: &str) -> Result<Vec<FileStatus>> {
    let (mut found, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in list(fs, &directory).await?.into_iter().filter(|e| is_data(e.name())) {
            if entry.is_dir {
                directories.push(entry.path);
            } else {
                found.push(entry);
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// A file below a directory, hidden ones too. Empty directories are nobody's: a load that was killed before it was
/// recorded may have left them.
async fn first_file(fs: &dyn Filesystem, directory: &str) -> Result<Option<String>> {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in list(fs, &directory).await? {
            if !entry.is_dir {
                return Ok(Some(entry.path));
            }
            directories.push(entry.path);
        }
    }
    Ok(None)
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
