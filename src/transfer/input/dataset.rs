//! The rows of a data set, file by file, each as often as wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::DataFile;
use crate::error::{self, Result};

/// The batches of a file in order. Blocking: for threads that compute.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Files whose rows have one schema.
pub trait Dataset: Send + Sync {
    /// The files in order.
    fn files(&self) -> &[DataFile];

    /// Begins to read a file; with `columns`, only these need be in the batches, in any order. Blocking: for threads
    /// that compute.
    ///
    /// # Errors
    /// Those of the filesystem and the decoder; NotFound: there is no such column.
    fn read(&self, file: usize, columns: Option<&[String]>) -> Result<Batches>;
}

/// Says to threads that compute that nobody waits for them any more.
#[derive(Clone, Debug, Default)]
pub struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// Fails once nobody waits.
    ///
    /// # Errors
    /// Bug, which nobody sees: whoever waited has gone with another error.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(error::bug("a file is read that nobody waits for"));
        }
        Ok(())
    }
}

/// Cancels when dropped.
struct Waiting(Cancelled);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` for each of `count` numbers on threads that compute, `at_once` of them at a time; gives the results in
/// order. Dropping the future tells the threads, which look at [`Cancelled`] between batches.
///
/// # Errors
/// The first of the work's.
pub async fn for_each<T, F>(count: usize, at_once: usize, work: F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Fn(usize, &Cancelled) -> Result<T> + Send + Sync + 'static,
{
    let (work, waiting) = (Arc::new(work), Waiting(Cancelled::default()));
    let tasks = stream::iter(0..count).map(|number| {
        let (work, cancelled) = (work.clone(), waiting.0.clone());
        async move {
            let done = tokio::task::spawn_blocking(move || work(number, &cancelled)).await;
            done.map_err(|e| error::bug("a thread that reads files broke down").source(e))?
        }
    });
    tasks.buffered(at_once.max(1)).try_collect().await
}

/// Reads a file on a thread that computes and sends what `each` makes of its batches, given the number of the first
/// row; gives the file's rows. Ends early, without an error, when nobody receives any more.
///
/// # Errors
/// Those of the data set and of `each`.
pub async fn send<F>(data: Arc<dyn Dataset>, file: usize, to: mpsc::Sender<RecordBatch>, each: F) -> Result<u64>
where
    F: Fn(u64, RecordBatch) -> Result<RecordBatch> + Send + 'static,
{
    let read = tokio::task::spawn_blocking(move || {
        let mut rows = 0;
        for batch in data.read(file, None)? {
            let batch = batch?;
            let first = rows;
            rows += batch.num_rows() as u64;
            let batch = each(first, batch)?;
            if batch.num_rows() > 0 && to.blocking_send(batch).is_err() {
                break;
            }
        }
        Ok(rows)
    });
    read.await.map_err(|e| error::bug("a thread that reads files broke down").source(e))?
}
