//! What one connection does: take an opened table and split it, take a split, read it, write it.
//!
//! All connections see one moment, so any of them can read any split, also once more: a split whose file was lost goes
//! back to the queue, and so does one whose connection was lost, for another.

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::complete::{Completion, SealedSplit};
use super::queue::{Queue, Taken};
use super::run::{Item, SplitTask};
use super::sink::{Sealed, Sink};
use super::snapshot::SnapshotPoint;
use super::splits;
use super::verify;
use crate::error::{self, Error, Kind, Result};
use crate::mysql::Connection;
use crate::mysql::MySqlClient;
use crate::mysql::read::Selection;
use crate::storage;
use crate::telemetry::progress;

/// Batches that wait between the reader and the encoder of a split, which takes all that wait: to hand each over to the
/// thread that encodes takes a tenth of the time that it is encoded in.
const BATCHES_AHEAD: usize = 2;

/// One reading connection, and what it shares with the others.
pub(super) struct Worker<'a, 'b> {
    pub client: &'a MySqlClient,
    pub point: &'a SnapshotPoint,
    pub queue: &'a Queue<Item>,
    pub completion: &'b Completion<'a>,
}

/// How reading and writing a split ended.
enum End {
    Sealed(Sealed, u64),
    /// The connection is gone; the split is as it was.
    ConnectionLost(Error),
    Failed(Error),
}

impl<'a> Worker<'a, '_> {
    /// Works until the queue ends.
    ///
    /// # Errors
    /// Unreachable: the connection was lost; what it was reading is back in the queue for the others.
    pub(super) async fn run(&self, mut conn: Connection) -> Result<()> {
        while let Some(taken) = self.queue.take().await {
            match taken.item() {
                Some(Item::Split(task)) => {
                    let task = task.clone();
                    match self.read_split(conn, task, taken).await? {
                        Some(good) => conn = good,
                        None => return Ok(()),
                    }
                }
                Some(Item::Table(opened)) => {
                    let run = splits::split(self.point, &mut conn, opened).await;
                    let tasks = run.tasks();
                    let is_over = tasks.is_empty();
                    self.queue.put_first(tasks.into_iter().map(Item::Split));
                    taken.finish();
                    if is_over {
                        self.completion.settle(run);
                    }
                }
                Some(Item::Verify(run)) => {
                    let run = run.clone();
                    if let Err(e) = verify::verify(&mut conn, &run).await {
                        run.refuse(e);
                    }
                    taken.finish();
                    self.completion.settle(run);
                }
                None => {}
            }
        }
        conn.close().await;
        Ok(())
    }

    /// Reads a split and writes it; gives the connection back if it is still good.
    async fn read_split(
        &self,
        conn: Connection,
        task: SplitTask,
        taken: Taken<'a, Item>,
    ) -> Result<Option<Connection>> {
        storage::pause_after_loss(task.lost).await;
        if task.run.has_failed() {
            if task.run.skip() {
                self.completion.settle(task.run);
            }
            taken.finish();
            return Ok(Some(conn));
        }
        let (conn, end) = self.transfer(conn, &task).await;
        match end {
            End::Sealed(sealed, rows) => self.completion.close(SealedSplit { task, sealed, rows, taken }).await,
            End::Failed(e) => self.completion.failed(task, e, taken),
            End::ConnectionLost(lost) => {
                tracing::warn!(error = %lost, "{}: a connection was lost", task.run.plan.name);
                // The item, not being finished, goes back to the queue.
                return Err(lost);
            }
        }
        Ok(conn)
    }

    /// Reads the rows of a split and writes them, both at once.
    async fn transfer(&self, conn: Connection, task: &SplitTask) -> (Option<Connection>, End) {
        let run = &task.run;
        let (Some(target), Some(split)) = (run.target(), task.split()) else {
            return (Some(conn), End::Failed(error::bug("a split was left over from a table that failed")));
        };
        let mut sink = Sink::new(target, task.number, run.plan.partitioner());
        let selection = &run.reading.selection;
        let line = progress::line(format!("{} {}", run.plan.name, split.label), split.estimated_rows);
        let (reader, mut batches) = read(conn, selection.clone(), selection.sql(split.condition.as_deref()));
        let (mut written, mut waiting) = (Ok(()), Vec::new());
        while batches.recv_many(&mut waiting, BATCHES_AHEAD).await > 0 {
            for batch in &waiting {
                line.add(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
            }
            written = sink.write(std::mem::take(&mut waiting)).await;
            if run.has_failed() {
                written = Err(error::bug("another split of the table failed"));
            }
            if written.is_err() {
                break;
            }
        }
        drop(batches);
        let (mut conn, read) = match reader.await {
            Ok(ended) => ended,
            Err(e) => return (None, End::Failed(error::bug("the reader of a split broke down").source(e))),
        };
        let end = match (written, read) {
            (Ok(()), Ok(rows)) => sink.seal().await.map_or_else(End::Failed, |sealed| End::Sealed(sealed, rows)),
            // The server still sends the rest: it is told to stop, and the snapshot stays open.
            (Err(e), _) => match self.client.cut_short(&mut conn).await {
                Ok(()) => End::Failed(e),
                Err(_) => return (None, End::Failed(e)),
            },
            (Ok(()), Err(e)) if e.kind() == Kind::Unreachable => return (None, End::ConnectionLost(e)),
            (Ok(()), Err(e)) => End::Failed(e),
        };
        (Some(conn), end)
    }
}

/// A task that reads the rows of one statement, and the batches that it makes; it gives the connection back.
fn read(
    mut conn: Connection,
    selection: Selection,
    sql: String,
) -> (AbortOnDropHandle<(Connection, Result<u64>)>, mpsc::Receiver<arrow_array::RecordBatch>) {
    let (to, batches) = mpsc::channel(BATCHES_AHEAD);
    let reader = AbortOnDropHandle::new(tokio::spawn(async move {
        let read = selection.read(&mut conn, &sql, &to).await;
        (conn, read)
    }));
    (reader, batches)
}
