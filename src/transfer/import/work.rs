//! What one connection does: take an opened table and cut it into shares, take a share, read it, write it. Files are
//! completed beside that, many at once, since that waits for the cluster and needs no connection.
//!
//! All connections see one moment, so any of them can read any share, also once more: a share whose file was lost goes
//! back to the queue, and so does one whose connection was lost, for another.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::check;
use super::cut::{self, Opened};
use super::landing::{Landing, Share};
use super::moment::Moment;
use super::sink::{Sealed, Sink};
use crate::error::{self, Error, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::wire::ReadConnection;
use crate::storage::TRIES;
use crate::telemetry::progress;
use crate::transfer::queue::{Queue, Taken};

/// Batches that wait between the reader and the encoder of a share, which takes all that wait: to hand each over to the
/// thread that encodes takes a tenth of the time that it is encoded in.
const BATCHES_AHEAD: usize = 2;

/// What the queue holds.
#[derive(Debug)]
pub(super) enum Item {
    /// A table whose target is open.
    Table(Box<Opened>),
    /// A share of a table.
    Share(Share),
    /// A table whose shares are all written, to be compared with its source.
    Check(Arc<Landing>),
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub client: &'a MySqlClient,
    pub moment: &'a Moment,
    pub queue: &'a Queue<Item>,
    /// Where shares go whose files are to be completed.
    pub closing: mpsc::Sender<Closing<'a>>,
    /// Where landings go whose last share ended, well or not.
    pub ended: futures::channel::mpsc::UnboundedSender<Arc<Landing>>,
}

/// A share that was read, and whose files are to be completed; until then it is not out of the queue for good.
pub(super) struct Closing<'a> {
    share: Share,
    sealed: Sealed,
    rows: u64,
    taken: Taken<'a, Item>,
}

/// How reading and writing a share ended.
enum End {
    Sealed(Sealed, u64),
    /// The connection is gone; the share is as it was.
    ConnectionLost(Error),
    Failed(Error),
}

impl<'a> Work<'a> {
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
                Some(Item::Check(landing)) => {
                    if let Err(e) = check::check(&mut conn, landing).await {
                        landing.refuse(e);
                    }
                    self.end(landing);
                    taken.finish();
                }
                None => {}
            }
        }
        conn.close().await;
        Ok(())
    }

    /// Reads a share and writes it; gives the connection back if it is still good.
    async fn share(
        &self,
        conn: ReadConnection,
        share: Share,
        taken: Taken<'a, Item>,
    ) -> Result<Option<ReadConnection>> {
        if share.landing.has_failed() {
            self.over(&share.landing, share.landing.skip());
            taken.finish();
            return Ok(Some(conn));
        }
        let (conn, end) = self.transfer(conn, &share).await;
        match end {
            End::Sealed(sealed, rows) => {
                // Whoever completes files is there as long as the connections are.
                let _ = self.closing.send(Closing { share, sealed, rows, taken }).await;
            }
            End::Failed(e) => {
                self.failed(share, e);
                taken.finish();
            }
            End::ConnectionLost(lost) => {
                tracing::warn!(error = %lost, "{}: a connection was lost", share.landing.plan.name);
                // The item, not being finished, goes back to the queue.
                return Err(lost);
            }
        }
        Ok(conn)
    }

    /// Completes the files of a share.
    pub async fn close(&self, closing: Closing<'a>) {
        let Closing { share, sealed, rows, taken } = closing;
        match sealed.close().await {
            Ok(written) => self.over(&share.landing, share.landing.done(written, rows)),
            Err(e) => self.failed(share, e),
        }
        taken.finish();
    }

    /// A share was not written: one whose file was lost is read again, a few times.
    fn failed(&self, share: Share, error: Error) {
        let lost = share.lost + 1;
        if error.kind() == Kind::Lost && lost < TRIES && !share.landing.has_failed() {
            tracing::warn!(%error, lost, "{}: a file was lost, its rows are read again", share.landing.plan.name);
            self.queue.put_first([Item::Share(Share { lost, ..share })]);
        } else {
            self.over(&share.landing, share.landing.fail(error));
        }
    }

    /// A share is over, and with the last one its table, which may have to be looked at first.
    fn over(&self, landing: &Arc<Landing>, last: bool) {
        if last && landing.plan.verify && !landing.has_failed() {
            self.queue.put_first([Item::Check(landing.clone())]);
        } else if last {
            self.end(landing);
        }
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
        let (mut written, mut waiting) = (Ok(()), Vec::new());
        while batches.recv_many(&mut waiting, BATCHES_AHEAD).await > 0 {
            for batch in &waiting {
                line.add(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
            }
            written = sink.write(std::mem::take(&mut waiting)).await;
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
            (Ok(()), Ok(rows)) => sink.seal().await.map_or_else(End::Failed, |sealed| End::Sealed(sealed, rows)),
            // The server still sends the rest: it is told to stop, and the snapshot stays open.
            (Err(e), _) => match conn.cut_short(self.client).await {
                Ok(()) => End::Failed(e),
                Err(_) => return (None, End::Failed(e)),
            },
            (Ok(()), Err(e)) if e.kind() == Kind::Unreachable => return (None, End::ConnectionLost(e)),
            (Ok(()), Err(e)) => End::Failed(e),
        };
        (Some(conn), end)
    }
}
