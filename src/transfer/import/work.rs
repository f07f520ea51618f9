//! What one connection does: take an opened table and cut it into shares, take a share, read it, write it.
//!
//! All connections see one moment, so any of them can read any share, also once more: a share whose file was lost is
//! read again over the same connection, and one whose connection was lost goes back to the queue for another.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::check;
use super::cut::{self, Opened};
use super::landing::{Landing, Share};
use super::moment::Moment;
use super::sink::{Sink, Written};
use crate::error::{self, Error, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::wire::ReadConnection;
use crate::storage::TRIES;
use crate::telemetry::progress;
use crate::transfer::queue::{Queue, Taken};

/// Batches that wait between the reader and the encoder of a share.
const BATCHES_AHEAD: usize = 1;

/// What the queue holds.
#[derive(Debug)]
pub(super) enum Item {
    /// A table whose target is open.
    Table(Box<Opened>),
    /// A share of a table.
    Share(Share),
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub client: &'a MySqlClient,
    pub moment: &'a Moment,
    pub queue: &'a Queue<Item>,
    /// Where landings go whose last share ended, well or not.
    pub ended: futures::channel::mpsc::UnboundedSender<Arc<Landing>>,
}

/// How reading and writing a share ended.
enum End {
    Done(Written, u64),
    /// The connection is gone; the share is as it was.
    ConnectionLost(Error),
    /// The file is gone; the connection is fit for another try.
    FileLost(Error),
    Failed(Error),
}

impl Work<'_> {
    /// Works until the queue ends.
    ///
    /// # Errors
    /// Unreachable: the connection was lost; what it was reading is back in the queue for the others.
    pub async fn run(&self, mut conn: ReadConnection) -> Result<()> {
        while let Some(taken) = self.queue.take().await {
            match taken.item() {
                Some(Item::Share(share)) => {
                    let share = share.clone();
                    match self.share(conn, share, taken).await? {
                        Some(good) => conn = good,
                        None => return Ok(()),
                    }
                }
                Some(Item::Table(opened)) => {
                    let (landing, splits) = cut::cut(self.moment, &mut conn, opened).await;
                    let shares = landing.shares(splits);
                    if shares.is_empty() {
                        self.end(&landing);
                    }
                    self.queue.put_first(shares.into_iter().map(Item::Share));
                    taken.finish();
                }
                None => {}
            }
        }
        conn.close().await;
        Ok(())
    }

    /// Reads and writes one share; gives the connection back if it is still good.
    async fn share(
        &self,
        conn: ReadConnection,
        share: Share,
        taken: Taken<'_, Item>,
    ) -> Result<Option<ReadConnection>> {
        if share.landing.has_failed() {
            if share.landing.skip() {
                self.end(&share.landing);
            }
            taken.finish();
            return Ok(Some(conn));
        }
        let (mut conn, mut end) = self.transfer(conn, &share).await;
        for tries in 1..TRIES {
            if !matches!(end, End::FileLost(_)) {
                break;
            }
            let (End::FileLost(lost), Some(again)) = (&end, conn.take()) else { break };
            tracing::warn!(error = %lost, tries, "{}: a file was lost, its rows are read again", share.landing.plan.name);
            (conn, end) = self.transfer(again, &share).await;
        }
        let landing = share.landing;
        let last = match end {
            End::Done(written, rows) => landing.done(written, rows),
            End::FileLost(e) | End::Failed(e) => landing.fail(e),
            End::ConnectionLost(lost) => {
                tracing::warn!(error = %lost, "{}: a connection was lost", landing.plan.name);
                // The item, not being finished, goes back to the queue.
                return Err(lost);
            }
        };
        if last {
            if let Some(conn) = conn.as_mut().filter(|_| landing.plan.verify && !landing.has_failed()) {
                match check::check(conn, &landing).await {
                    Ok(()) => {}
                    Err(e) => landing.refuse(e),
                }
            }
            self.end(&landing);
        }
        taken.finish();
        Ok(conn)
    }

    fn end(&self, landing: &Arc<Landing>) {
        // Nobody takes it only when everything is being given up.
        let _ = self.ended.unbounded_send(landing.clone());
    }

    /// Reads the rows of a share and writes them, both at once.
    async fn transfer(&self, conn: ReadConnection, share: &Share) -> (Option<ReadConnection>, End) {
        let plan = &share.landing.plan;
        let Some(mut sink) = Sink::new(&share.landing, share.number) else {
            return (Some(conn), End::Failed(error::bug("a share was left over from a table that failed")));
        };
        let line = progress::line(format!("{} {}", plan.name, share.split.label), share.split.estimated_rows);
        let sql = plan.selection.sql(share.split.condition.as_deref());
        let (to, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let reader = AbortOnDropHandle::new(tokio::spawn({
            let (selection, mut conn) = (plan.selection.clone(), conn);
            async move {
                let read = selection.read(&mut conn, &sql, &to).await;
                (conn, read)
            }
        }));
        let mut written = Ok(());
        while let Some(batch) = batches.recv().await {
            line.add(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
            written = sink.write(&batch).await;
            if share.landing.has_failed() {
                written = Err(error::bug("another share of the table failed"));
            }
            if written.is_err() {
                break;
            }
        }
        drop(batches);
        let (mut conn, read) = match reader.await {
            Ok(ended) => ended,
            Err(e) => return (None, End::Failed(error::bug("the reader of a share broke down").source(e))),
        };
        let end = match (written, read) {
            (Ok(()), Ok(rows)) => sink.finish().await.map_or_else(lost_or_failed, |written| End::Done(written, rows)),
            // The server still sends the rest: it is told to stop, and the snapshot stays open.
            (Err(e), _) => match conn.cut_short(self.client).await {
                Ok(()) => lost_or_failed(e),
                Err(_) => return (None, End::Failed(e)),
            },
            (Ok(()), Err(e)) if e.kind() == Kind::Unreachable => return (None, End::ConnectionLost(e)),
            (Ok(()), Err(e)) => End::Failed(e),
        };
        (Some(conn), end)
    }
}

fn lost_or_failed(error: Error) -> End {
    if error.kind() == Kind::Lost { End::FileLost(error) } else { End::Failed(error) }
}
