//! The small files of closed partitions, rewritten into few: by the command while the agent runs or not, or by the sink
//! itself, where files are written beside the epochs and swapped between two of them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use super::{TableSink, Written};
use crate::agent::watermark::Progress;
use crate::error::{self, Kind, Result};
use crate::load::compact::{CompactPlan, Compactor, Due, Rewritten};
use crate::load::{Load, recorded};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// Pause before somebody who holds a target is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// Times that a partition is rewritten to which files are added meanwhile.
const TRIES: usize = 3;

/// When partitions are rewritten, and into what.
#[derive(Clone, Debug)]
pub(in crate::agent) struct CompactOptions {
    /// Those whose end is so long ago; where it is left out those that are complete.
    pub older_than: Option<Duration>,
    /// Bytes after which another file is begun.
    pub file_bytes: u64,
    /// A partition is rewritten where that saves so many files.
    pub min_files: usize,
    /// How long old files stay.
    pub grace: Duration,
    /// How often a sink that does it itself looks for partitions.
    pub every: Duration,
}

impl Default for CompactOptions {
    fn default() -> Self {
        let (grace, every) = (Duration::from_secs(86_400), Duration::from_secs(3_600));
        Self { older_than: None, file_bytes: 128 << 20, min_files: 4, grace, every }
    }
}

/// What the command is asked for.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Order {
    /// Only these, by their names `dt=..`; if none is named, all that are closed.
    pub partitions: Vec<String>,
    pub dry_run: bool,
    /// How long others may hold the target.
    pub wait: Duration,
}

/// Repeats an attempt while somebody else holds what it needs.
///
/// # Errors
/// Busy: it is still held, the text says by whom. Those of the attempt.
pub(super) async fn while_busy<T>(wait: Duration, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Err(e) if e.kind() == Kind::Busy && began.elapsed() < wait => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

/// What a sink does beside its epochs.
#[derive(Debug, Default)]
pub(super) struct Background {
    /// When it looks next.
    next: Option<Instant>,
    task: Option<AbortOnDropHandle<Result<Step>>>,
    /// What was done and not counted yet.
    done: Written,
}

impl Background {
    /// What was done since the last call.
    pub(super) fn done(&mut self) -> Written {
        std::mem::take(&mut self.done)
    }
}

/// Where a round of partitions is.
#[derive(Debug)]
struct Step {
    compactor: Compactor,
    /// Partitions that were not looked at yet.
    left: Vec<String>,
    /// A partition that can be swapped; where there is none the round is over.
    rewritten: Option<Rewritten>,
}

/// Looks for the next partition that is worth it, and rewrites it.
async fn step(compactor: Compactor, mut left: Vec<String>) -> Result<Step> {
    while let Some(partition) = left.pop() {
        if let Some(due) = compactor.look(&partition).await? {
            let rewritten = Some(compactor.rewrite(due).await?);
            return Ok(Step { compactor, left, rewritten });
        }
    }
    compactor.tidy().await?;
    Ok(Step { compactor, left, rewritten: None })
}

impl TableSink {
    /// Goes on with compacting where that is asked for. Its errors are counted and said, and do not hold up the epochs.
    pub(super) async fn compact_behind(&mut self) {
        let Some(options) = self.options.compact.clone() else { return };
        if let Err(error) = self.compact_on(&options).await {
            let again = options.every.as_secs();
            tracing::error!(%error, target = self.options.target, "compacting failed, next time in {again} s");
            self.background.done.compact_failures += 1;
            (self.background.task, self.background.next) = (None, Some(Instant::now() + options.every));
        }
    }

    async fn compact_on(&mut self, options: &CompactOptions) -> Result<()> {
        match self.background.task.take() {
            Some(task) if !task.is_finished() => self.background.task = Some(task),
            Some(task) => {
                let broken = |e: JoinError| error::bug("the task that compacts broke down").source(e);
                let Step { compactor, left, rewritten } = task.await.map_err(broken)??;
                let Some(rewritten) = rewritten else {
                    self.background.next = Some(Instant::now() + options.every);
                    return compactor.close().await;
                };
                let (partition, (files, rows, _)) = (rewritten.due.partition.clone(), rewritten.size());
                if self.swap(&compactor, rewritten).await? {
                    tracing::info!(partition, files, rows, "compacted");
                    self.background.done.compacted += 1;
                } else {
                    tracing::info!(
                        partition,
                        "rows came while the partition was rewritten: it waits for the next time"
                    );
                }
                self.background.task = Some(AbortOnDropHandle::new(tokio::spawn(step(compactor, left))));
            }
            None if self.background.next.is_none_or(|next| next <= Instant::now()) => {
                let compactor = Compactor::open(&self.cluster, self.compact_plan(options)?, &self.run_id).await?;
                self.settle(&compactor, Duration::ZERO).await?;
                let left = self.closed(&compactor, options, &[]).await?;
                self.background.task = Some(AbortOnDropHandle::new(tokio::spawn(step(compactor, left))));
            }
            None => {}
        }
        Ok(())
    }

    async fn swap(&self, compactor: &Compactor, rewritten: Rewritten) -> Result<bool> {
        let load = self.open(None).await?;
        let swapped = compactor.swap(&load, rewritten).await;
        load.discard().await?;
        swapped
    }

    /// Tells the metastore what a killed run did not come to tell.
    async fn settle(&self, compactor: &Compactor, wait: Duration) -> Result<()> {
        if compactor.is_unsettled().await? {
            let load = while_busy(wait, async || self.open(None).await).await?;
            let settled = compactor.settle(&load).await;
            load.discard().await?;
            settled?;
        }
        Ok(())
    }

    fn compact_plan(&self, options: &CompactOptions) -> Result<CompactPlan> {
        let CompactOptions { file_bytes, min_files, grace, .. } = *options;
        let Some(table) = self.options.table.clone() else {
            return Err(error::config(format!("{} is not registered as a table of Hive's", self.options.target))
                .hint("give the sink a hive-table: only the metastore can send all readers to other files at once"));
        };
        let target = self.options.target.trim_end_matches('/').to_owned();
        Ok(CompactPlan { target, table, file_bytes, min_files, grace })
    }

    /// The partitions that get no rows any more, or late ones at most.
    async fn closed(&self, compactor: &Compactor, options: &CompactOptions, only: &[String]) -> Result<Vec<String>> {
        let manifest = recorded(self.cluster.fs.as_ref(), &self.options.target).await?;
        let (_, progress) = self.kept(manifest.as_ref())?;
        let mut names = compactor.partitions().await?;
        if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
            return Err(error::not_found(format!("the table has no partition {unknown}"))
                .hint("name partitions as `show partitions` does, such as dt=2010-12-01"));
        }
        names.retain(|name| match only {
            [] => self.is_closed(name, options, &progress),
            only => only.contains(name),
        });
        // The latest one first: a list that is emptied from its end.
        names.sort_unstable();
        Ok(names)
    }

    fn is_closed(&self, name: &str, options: &CompactOptions, progress: &Progress) -> bool {
        let partition = self.options.sorting.partition;
        let Some(number) = partition.number_of(name) else { return false };
        match options.older_than {
            None => progress.is_complete(number),
            Some(age) => partition.end(number).is_some_and(|end| {
                let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                end.as_second().saturating_add(age) <= Timestamp::now().as_second()
            }),
        }
    }

    /// Rewrites what is worth it, and deletes old files whose grace time is over.
    ///
    /// # Errors
    /// Config: there is no table. Busy: somebody else rewrites files of it, or fills it for longer than may be waited.
    /// NotFound: a partition that was named is not there. Those of [`Compactor`]; Stopped.
    pub(in crate::agent) async fn compact(
        &self,
        options: &CompactOptions,
        order: &Order,
        stop: &Stop,
    ) -> Result<StepSummary> {
        let plan = self.compact_plan(options)?;
        let open = async || Compactor::open(&self.cluster, plan.clone(), &self.run_id).await;
        let compactor = stop.or(while_busy(order.wait, open)).await?;
        let done = stop.or(self.compact_with(&compactor, options, order)).await;
        compactor.close().await?;
        done
    }

    async fn compact_with(
        &self,
        compactor: &Compactor,
        options: &CompactOptions,
        order: &Order,
    ) -> Result<StepSummary> {
        let mut summary = StepSummary::new(String::new());
        let mut left = self.closed(compactor, options, &order.partitions).await?;
        if !order.dry_run {
            self.settle(compactor, order.wait).await?;
        }
        let (mut partitions, mut old_files) = (0_u64, 0);
        while let Some(name) = left.pop() {
            let Some(due) = compactor.look(&name).await? else { continue };
            let (files, bytes) = due.size();
            (partitions, old_files) = (partitions + 1, old_files + files as u64);
            if order.dry_run {
                summary.bytes += bytes;
                continue;
            }
            let (new_files, rows, new_bytes) = self.compact_one(compactor, due, order).await?;
            summary.outcome = Outcome::Done;
            (summary.rows_in, summary.rows_out) = (summary.rows_in + rows, summary.rows_out + rows);
            (summary.files, summary.bytes) = (summary.files + new_files as u64, summary.bytes + new_bytes);
        }
        let deleted = if order.dry_run { 0 } else { compactor.tidy().await? };
        if deleted > 0 {
            summary.outcome = Outcome::Done;
        }
        let of =
            format!("{} of {}", counted(old_files, "file", "files"), counted(partitions, "partition", "partitions"));
        summary.detail = match order.dry_run {
            true => format!("{of} would be rewritten"),
            false => {
                let deleted = counted(deleted as u64, "old file", "old files");
                format!("{of} became {}, {deleted} deleted", summary.files)
            }
        };
        Ok(summary)
    }

    /// Rewrites a partition; again where rows come for it meanwhile. Gives files, rows and bytes of it.
    async fn compact_one(&self, compactor: &Compactor, due: Due, order: &Order) -> Result<(usize, u64, u64)> {
        let partition = due.partition.clone();
        let mut next = Some(due);
        for _ in 0..TRIES {
            let Some(due) = next.take() else { break };
            let rewritten = compactor.rewrite(due).await?;
            let size = rewritten.size();
            let load: Load = while_busy(order.wait, async || self.open(None).await).await?;
            let swapped = compactor.swap(&load, rewritten).await;
            load.discard().await?;
            if swapped? {
                tracing::info!(partition, files = size.0, rows = size.1, "compacted");
                return Ok(size);
            }
            next = compactor.look(&partition).await?;
        }
        Err(error::busy(format!("{partition} gets rows faster than it is rewritten"))
            .hint("compact it once it is closed"))
    }
}
