//! Merges: of all rows with one key the newest stays.
//!
//! [`judge`] reads the key columns of two data sets and decides which rows survive; [`survivors`] reads a file once
//! more and hands on those. Memory is bounded whatever the sizes: one set of keys with a budget, one bit a row.
//!
//! An import that merges stages the new rows as parts of its load, lets [`keep_survivors`] judge the files of the target
//! against the staged ones and write what survives into further parts of the same load, and commits with exactly the
//! files that it read as those to be replaced.
//!
//! It refuses NULL in a key. Old rows that share a key among themselves and meet no new one all stay: nobody said
//! which of them is right.

mod dead;
mod judge;
mod key;
mod plan;
mod rewrite;
mod run;
#[cfg(test)]
mod run_tests;
mod set;
mod staged;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::filter::filter_record_batch;
use tokio::sync::mpsc;

pub use self::dead::DeadRows;
pub use self::judge::{Judged, MergeOptions, Verdict, judge};
pub use self::plan::{MergePlan, plan};
pub use self::rewrite::Rewrite;
pub use self::run::{run, run_with};
pub use self::staged::{Keeping, Kept, keep_survivors, staged_files};
pub use self::write::{JudgedData, write};
use super::input::{self, Dataset};
use crate::error::{self, Result};

/// Reads a file that was judged and sends the rows that survive, in order; gives their number.
///
/// # Errors
/// Data: the file has changed since it was judged. Those of the data set. Not for a receiver that is gone: whoever
/// dropped it knows why.
pub async fn survivors(
    data: Arc<dyn Dataset>,
    judged: &Judged,
    file: usize,
    to: mpsc::Sender<RecordBatch>,
) -> Result<u64> {
    let (Some(dead), Some(rows)) = (judged.dead.get(file).cloned(), judged.rows.get(file).copied()) else {
        return Err(error::bug(format!("file {file} was not judged")));
    };
    let path = data.files().get(file).map(|f| f.path.clone()).unwrap_or_default();
    let killed = dead.count();
    let (gone, to_watch) = (to.clone(), to);
    let read = input::send(data, file, to_watch, move |first, batch| match dead.survivors(first, batch.num_rows()) {
        None => Ok(batch),
        Some(alive) => {
            filter_record_batch(&batch, &alive).map_err(|e| error::bug("a batch cannot be filtered").source(e))
        }
    });
    let read = read.await?;
    if read != rows && !gone.is_closed() {
        return Err(error::data(format!("{path} has {read} rows now and had {rows} when its keys were read"))
            .hint("let nobody write to a data set that is being merged, then run again"));
    }
    Ok(read.saturating_sub(killed))
}
