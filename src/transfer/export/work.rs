//! One connection's share of an export: units from the queue, rows by transactions, conflicts tried again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::plan::ExportPlan;
use super::read::{Chunk, read};
use super::reject::{Reject, Rejects};
use super::unit::Unit;
use crate::error::{self, Error, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::write::{Broken, Writer};
use crate::telemetry::progress::Line;
use crate::transfer::input::FileSet;

/// Times a transaction is tried that loses against others.
const TRIES: u32 = 6;

/// Bytes of rows that are kept to be written again; a transaction of more is not tried again.
const KEPT_BYTES: usize = 64 << 20;

/// Chunks that wait between the reader and the writer.
const CHUNKS_AHEAD: usize = 1;

/// What all connections share.
pub(super) struct Job {
    pub plan: Arc<ExportPlan>,
    pub client: MySqlClient,
    pub data: Option<FileSet>,
    pub queue: Mutex<VecDeque<Unit>>,
    pub rejects: Rejects,
    pub line: Line,
    /// Connections to be killed when somebody asks to stop.
    pub ids: Mutex<Vec<u32>>,
    pub counts: Counts,
}

/// Counts of what is done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Records read.
    pub read: AtomicU64,
    /// Rows committed, in the staging table where there is one.
    pub committed: AtomicU64,
    /// Rows of commits that were sent and not answered: after a stop or a lost connection nobody knows about them.
    pub in_doubt: AtomicU64,
    /// Rows whose move from the staging table to the target is being committed.
    pub moving: AtomicU64,
    /// Rows that were moved from the staging table to the target.
    pub published: AtomicU64,
    /// Rows of an update that were not there.
    pub unmatched: AtomicU64,
    pub longer: AtomicU64,
    pub shorter: AtomicU64,
    pub retries: AtomicU64,
    /// Connections that the server did not give.
    pub refused: AtomicU64,
}

impl Job {
    fn next(&self) -> Option<Unit> {
        // A queue of plain values is whole after every panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn put_back(&self, unit: Unit) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_front(unit);
    }

    /// Whether units are left.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Writes units until none is left. Where the server gives this user no more connections, its units are left to the
/// others, and the error is given back.
pub(super) async fn work(job: &Arc<Job>) -> Result<Option<Error>> {
    let (Some(mut unit), Some(data)) = (job.next(), job.data.clone()) else { return Ok(None) };
    let plan = &job.plan;
    let written = plan.written_table().full_name();
    let writer = match Writer::open(&job.client, plan.statement.clone(), plan.means, &written, &plan.session).await {
        Err(e) if e.kind() == Kind::Busy => {
            job.put_back(unit);
            return Ok(Some(e));
        }
        opened => opened?,
    };
    job.ids.lock().unwrap_or_else(PoisonError::into_inner).push(writer.id());
    let mut open = Transaction { job, writer, chunks: Vec::new(), pending: Pending::default() };
    loop {
        let (to, mut from) = mpsc::channel(CHUNKS_AHEAD);
        let reader = {
            let (job, data) = (job.clone(), data.clone());
            tokio::task::spawn_blocking(move || read(&job.plan, &data, &unit, to))
        };
        while let Some(chunk) = from.recv().await {
            open.write(chunk).await?;
        }
        reader.await.map_err(|e| error::bug("the reader of an export broke down").source(e))??;
        match job.next() {
            Some(next) => unit = next,
            None => break,
        }
    }
    open.commit().await?;
    open.writer.close().await;
    Ok(None)
}

/// What is written and not yet committed.
struct Transaction<'a> {
    job: &'a Job,
    writer: Writer,
    /// What would have to be written again after a conflict; empty where the transaction is too large for that.
    chunks: Vec<Chunk>,
    pending: Pending,
}

#[derive(Default)]
struct Pending {
    rows: u64,
    /// Rows offered to the server, bad ones too: what transactions are measured by.
    offered: u64,
    unmatched: u64,
    bytes: usize,
    rejects: Vec<Reject>,
    /// No longer kept to be written again.
    too_large: bool,
}

impl Transaction<'_> {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let counts = &self.job.counts;
        counts.read.fetch_add(chunk.read, Ordering::Relaxed);
        counts.longer.fetch_add(chunk.longer, Ordering::Relaxed);
        counts.shorter.fetch_add(chunk.shorter, Ordering::Relaxed);
        self.job.line.add(chunk.read, chunk.rows.len_bytes() as u64);
        self.pending.bytes += chunk.rows.len_bytes();
        if self.pending.bytes > KEPT_BYTES || self.job.plan.rows_per_transaction == 0 {
            self.pending.too_large = true;
            self.chunks.clear();
        }
        match self.offer(&chunk).await {
            Ok(()) => {}
            Err(Broken::For(error)) => return Err(error),
            Err(Broken::Conflict(error)) => return self.again(Some(chunk), error).await,
        }
        if !self.pending.too_large {
            self.chunks.push(chunk);
        }
        self.commit_if_full().await
    }

    /// Offers a chunk to the server and counts what comes of it.
    async fn offer(&mut self, chunk: &Chunk) -> Result<(), Broken> {
        let written = self.writer.write(&chunk.rows).await?;
        let mut rejects = chunk.rejects.clone();
        rejects.extend(written.bad.into_iter().map(|bad| chunk.reject(bad.row, bad.column, bad.reason)));
        rejects.sort_by_key(|reject| (reject.line, reject.offset));
        self.pending.rows += written.rows;
        self.pending.offered += chunk.rows.len() as u64;
        self.pending.unmatched += written.unmatched;
        let counted = self.job.rejects.count(&rejects);
        self.pending.rejects.extend(rejects);
        counted.map_err(Broken::For)
    }

    async fn commit_if_full(&mut self) -> Result<()> {
        let most = self.job.plan.rows_per_transaction;
        if most > 0 && (self.pending.offered >= most || self.pending.bytes > KEPT_BYTES) {
            return self.commit().await;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        match self.send_commit().await {
            Ok(()) => self.settle().await,
            Err(Broken::Conflict(error)) => self.again(None, error).await,
            Err(Broken::For(error)) => Err(error),
        }
    }

    /// The rows stay in doubt where no answer comes, also where this future is dropped before it does.
    async fn send_commit(&mut self) -> Result<(), Broken> {
        let counts = &self.job.counts;
        counts.in_doubt.fetch_add(self.pending.rows, Ordering::SeqCst);
        let answer = self.writer.commit().await;
        match &answer {
            Ok(()) => {
                counts.committed.fetch_add(self.pending.rows, Ordering::SeqCst);
            }
            Err(Broken::Conflict(_)) => {}
            Err(Broken::For(_)) => return answer,
        }
        counts.in_doubt.fetch_sub(self.pending.rows, Ordering::SeqCst);
        answer
    }

    async fn settle(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.chunks.clear();
        self.job.counts.unmatched.fetch_add(pending.unmatched, Ordering::Relaxed);
        self.job.rejects.keep(&pending.rejects).await
    }

    /// Writes the whole transaction again after it lost a conflict.
    async fn again(&mut self, last: Option<Chunk>, mut error: Error) -> Result<()> {
        if self.pending.too_large {
            return Err(error.hint(
                "the transaction is too large to be written again: commit more often with statements-per-transaction",
            ));
        }
        self.chunks.extend(last);
        let chunks = std::mem::take(&mut self.chunks);
        for attempt in 1..TRIES {
            self.job.counts.retries.fetch_add(1, Ordering::Relaxed);
            self.job.rejects.uncount(self.pending.rejects.len());
            self.pending = Pending::default();
            self.writer.roll_back().await?;
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            match self.whole(&chunks).await {
                Ok(()) => return self.settle().await,
                Err(Broken::For(error)) => return Err(error),
                Err(Broken::Conflict(next)) => error = next,
            }
        }
        Err(error.context(format!("tried {TRIES} times")))
    }

    async fn whole(&mut self, chunks: &[Chunk]) -> Result<(), Broken> {
        for chunk in chunks {
            self.offer(chunk).await?;
        }
        self.send_commit().await
    }
}
