//! An import compared with its source before it becomes visible: the staged files are read back and summed up, and the
//! server sums up the table in the same snapshot.

use super::merge::set_options;
use super::run::ImportRun;
use super::target::OpenTarget;
use crate::error::{self, Result};
use crate::mysql::Connection;
use crate::transfer::args::ZeroDates;
use crate::transfer::input::FileSet;
use crate::transfer::merge;
use crate::transfer::verify::{Checksums, Comparison, ComparisonOptions, compare};

/// Compares what was staged with the source.
///
/// # Errors
/// Data: they differ. Those of the filesystem and the server.
pub(super) async fn verify(conn: &mut Connection, run: &ImportRun) -> Result<()> {
    let plan = &run.plan;
    let (Some(OpenTarget::Files(load)), Some(files)) = (run.target(), plan.files()) else { return Ok(()) };
    let staged = merge::staged_files(&load, &run.staged());
    let zero_dates_are_null = plan.zero_dates == ZeroDates::Null;
    let options = ComparisonOptions { zero_dates_are_null };
    let (comparison, found) = if staged.is_empty() {
        let comparison = Comparison::with_nothing(&plan.selection)?;
        let nothing = Checksums::new(comparison.columns().len());
        (comparison, nothing)
    } else {
        let set = FileSet::open(load.filesystem(), staged, set_options(files)).await?;
        let comparison = Comparison::of(&plan.selection, &set, &options).await?;
        let found = comparison.found(&set, plan.connections as usize).await?;
        (comparison, found)
    };
    let expected = comparison.expected(conn, None).await?;
    let report = compare((&plan.name, &expected), ("the files", &found), comparison.columns(), Vec::new());
    report.verdict().map_err(|e: error::Error| e.hint("nothing became visible; run again with -v to see more"))
}
