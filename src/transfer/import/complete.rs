//! What follows the reading: files are completed and tables settled, many at once and beside the reading, since that
//! waits for the cluster most of its time and needs no connection to the database.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use futures::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::queue::{Queue, Taken};
use super::run::{ImportRun, Item, SplitTask};
use super::settle;
use super::sink::Sealed;
use super::snapshot::SnapshotPoint;
use crate::error::{Error, Kind, Result};
use crate::shutdown::Stop;
use crate::storage::TRIES;
use crate::telemetry::summary::StepSummary;
use crate::transfer::ends::Ends;

/// Splits whose files are completed at once; each may hold a few MiB that are still on their way.
const FILES_AT_ONCE: usize = 32;

/// Tables that are settled at once: each waits for NameNode and metastore most of its time.
const TABLES_AT_ONCE: usize = 64;

/// How a table ended.
pub(super) struct TableEnd {
    pub name: String,
    pub end: Result<StepSummary>,
}

/// A split that was read, and whose files are to be completed; until then it is not out of the queue for good.
pub(super) struct SealedSplit<'a> {
    pub task: SplitTask,
    pub sealed: Sealed,
    pub rows: u64,
    pub taken: Taken<'a, Item>,
}

/// What is to be completed.
pub(super) enum Step<'a> {
    Files(SealedSplit<'a>, Option<OwnedSemaphorePermit>),
    Table(Arc<ImportRun>),
}

/// What settling needs, and what nothing else of an import does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling<'a> {
    pub ends: &'a Ends<'a>,
    pub stop: &'a Stop,
    pub point: &'a SnapshotPoint,
    /// Whether the tables that wait are given up once one has failed.
    pub all_or_none: bool,
}

/// Completes files and tables.
pub(super) struct Completion<'a> {
    with: Settling<'a>,
    queue: &'a Queue<Item>,
    steps: UnboundedSender<Step<'a>>,
    files: Arc<Semaphore>,
    tables: Semaphore,
    ended: Mutex<Vec<TableEnd>>,
}

impl<'a> Completion<'a> {
    /// What is to be completed goes through `steps`, whose other end [`Completion::run`] gets.
    pub(super) fn new(with: Settling<'a>, queue: &'a Queue<Item>, steps: UnboundedSender<Step<'a>>) -> Self {
        let (files, tables) = (Arc::new(Semaphore::new(FILES_AT_ONCE)), Semaphore::new(TABLES_AT_ONCE));
        Self { with, queue, steps, files, tables, ended: Mutex::default() }
    }

    /// Completes what it is given until nothing more can come.
    pub(super) async fn run(&self, steps: UnboundedReceiver<Step<'a>>) {
        steps.for_each_concurrent(None, |step| self.step(step)).await;
    }

    /// Nothing more will be read; what is under way is completed.
    pub(super) fn no_more(&self) {
        self.steps.close_channel();
    }

    /// How the tables ended.
    pub(super) fn into_ended(self) -> Vec<TableEnd> {
        self.ended.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the files of a split; waits while too many are under way.
    pub(super) async fn close(&self, split: SealedSplit<'a>) {
        let permit = self.files.clone().acquire_owned().await.ok();
        self.give(Step::Files(split, permit));
    }

    /// A split was not written: one whose file was lost is read again, a few times.
    pub(super) fn failed(&self, task: SplitTask, error: Error, taken: Taken<'a, Item>) {
        if let Some(run) = self.fail(task, error) {
            self.settle(run);
        }
        taken.finish();
    }

    /// Hands over a table with which nothing more happens.
    pub(super) fn settle(&self, run: Arc<ImportRun>) {
        self.give(Step::Table(run));
    }

    fn give(&self, step: Step<'a>) {
        // It is only refused once everything is being given up.
        let _ = self.steps.unbounded_send(step);
    }

    async fn step(&self, step: Step<'a>) {
        let (SealedSplit { task, sealed, rows, taken }, permit) = match step {
            Step::Files(split, permit) => (split, permit),
            Step::Table(run) => return self.settled(run).await,
        };
        let over = match self.with.stop.or(sealed.close()).await {
            Ok(written) => {
                let last = task.run.done(written, rows);
                self.last(task.run, last)
            }
            Err(e) => self.fail(task, e),
        };
        drop(permit);
        taken.finish();
        if let Some(run) = over {
            self.settled(run).await;
        }
    }

    /// The run of a split that failed, if it is to be settled now.
    fn fail(&self, task: SplitTask, error: Error) -> Option<Arc<ImportRun>> {
        let lost = task.lost + 1;
        if error.kind() == Kind::Lost && lost < TRIES && !task.run.has_failed() {
            tracing::warn!(%error, lost, "{}: a file was lost, its rows are read again", task.run.plan.name);
            self.queue.put_first([Item::Split(SplitTask { lost, ..task })]);
            return None;
        }
        let last = task.run.fail(error);
        self.last(task.run, last)
    }

    /// The run of the last split, if it is to be settled now: it may have to be compared with its source first.
    fn last(&self, run: Arc<ImportRun>, last: bool) -> Option<Arc<ImportRun>> {
        if last && run.plan.verify && !run.has_failed() {
            self.queue.put_first([Item::Verify(run)]);
            return None;
        }
        Some(run).filter(|_| last)
    }

    async fn settled(&self, run: Arc<ImportRun>) {
        let _permit = self.tables.acquire().await;
        let name = run.plan.name.clone();
        let end = settle::settle(self.with.ends, self.with.stop, self.with.point, run).await;
        if end.is_err() && self.with.all_or_none {
            give_up(self.queue.drain()).await;
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(TableEnd { name, end });
    }
}

/// Throws away what was staged for tables that were not finished.
pub(super) async fn give_up(left: Vec<Item>) {
    let runs = left.into_iter().map(|item| match item {
        Item::Table(opened) => Arc::new(opened.given_up()),
        Item::Split(task) => task.run,
        Item::Verify(run) => run,
    });
    let runs: Vec<Arc<ImportRun>> = runs.collect();
    join_all(runs.iter().map(|run| settle::give_up(run))).await;
}
