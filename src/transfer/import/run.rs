//! One table or query being imported: its plan, which is final, and beside it the state of the run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::checkpoint::Checkpoint;
use super::incremental::Watermark;
use super::plan::ImportPlan;
use super::target::{OpenTarget, Written};
use crate::error::{self, Error, Result};
use crate::load::{LoadMode, Manifest, StagedPart};
use crate::mysql::read::Selection;
use crate::mysql::snapshot::Position;
use crate::mysql::split::{KeptCuts, Split};

/// A table whose target is open.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub plan: Arc<ImportPlan>,
    /// The server's time before the snapshot, where that is the bound of the import.
    pub server_time: Option<String>,
    pub target: OpenTarget,
    /// What the last import into the target left.
    pub checkpoint: Option<Checkpoint>,
}

impl Opened {
    /// What the target was last filled by, if it was replaced by the same import.
    pub(super) fn same_import(&self) -> Option<(&Manifest, &Checkpoint)> {
        let OpenTarget::Files(load) = &self.target else { return None };
        let previous = load.previous().filter(|previous| previous.mode == LoadMode::Replace)?;
        let same = self.plan.incremental.is_none()
            && !self.plan.always_adds()
            && self.plan.fingerprint() == Some(previous.fingerprint.as_str());
        same.then_some((previous, self.checkpoint.as_ref()?))
    }

    /// A run that reads nothing.
    pub(super) fn given_up(self) -> ImportRun {
        let reading = Reading::nothing(&self.plan);
        ImportRun::new(self.plan, self.target, reading)
    }
}

/// What is to be done with one of the connections.
#[derive(Debug)]
pub(super) enum Item {
    /// A table whose target is open.
    Table(Box<Opened>),
    /// A split of a table.
    Split(SplitTask),
    /// A table whose splits are all written, to be compared with its source.
    Verify(Arc<ImportRun>),
}

/// What was decided inside the snapshot: which rows are read, and in which splits.
#[derive(Debug)]
pub(super) struct Reading {
    /// The plan's rows, or of an incremental import those that are new or changed.
    pub selection: Selection,
    /// None where there is nothing to read.
    pub splits: Vec<Split>,
    /// How far an incremental import gets.
    pub watermark: Option<Watermark>,
    /// How far the last one got.
    pub last_watermark: Option<Watermark>,
    /// Where the rows are cut.
    pub cuts: Option<KeptCuts>,
    /// Whether nothing was written to the server since the target was filled.
    pub unchanged: bool,
    /// What the summary says beside the counts.
    pub notes: Vec<String>,
}

impl Reading {
    /// Nothing of what was planned.
    pub(super) fn nothing(plan: &ImportPlan) -> Self {
        Self {
            selection: plan.selection.clone(),
            splits: Vec::new(),
            watermark: None,
            last_watermark: None,
            cuts: None,
            unchanged: false,
            notes: Vec::new(),
        }
    }
}

/// One table or query being imported; shared by all who read splits of it.
#[derive(Debug)]
pub(super) struct ImportRun {
    pub plan: Arc<ImportPlan>,
    pub reading: Reading,
    target: Mutex<Option<OpenTarget>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    written: Written,
    /// Rows read.
    rows: u64,
    /// Rows of the largest split.
    largest: u64,
    /// Splits that are not done.
    left: usize,
    failed: Option<Error>,
}

/// A split to be read and written.
#[derive(Clone, Debug)]
pub(super) struct SplitTask {
    pub run: Arc<ImportRun>,
    /// Number of the split, which is in the names of its files.
    pub number: usize,
    /// How often its files were lost.
    pub lost: u32,
}

impl SplitTask {
    /// The split.
    pub(super) fn split(&self) -> Option<&Split> {
        self.run.reading.splits.get(self.number)
    }
}

/// What was read and staged.
pub(super) struct Complete {
    pub target: OpenTarget,
    pub written: Written,
    /// Rows read.
    pub rows: u64,
}

impl ImportRun {
    /// A run that has read nothing yet.
    pub(super) fn new(plan: Arc<ImportPlan>, target: OpenTarget, reading: Reading) -> Self {
        let progress = Progress { left: reading.splits.len(), ..Progress::default() };
        Self { plan, reading, target: Mutex::new(Some(target)), progress: Mutex::new(progress) }
    }

    /// A run that failed before its splits were known.
    pub(super) fn failed(plan: Arc<ImportPlan>, target: OpenTarget, error: Error) -> Self {
        let reading = Reading::nothing(&plan);
        let run = Self::new(plan, target, reading);
        run.refuse(error);
        run
    }

    /// How far an incremental import gets, as the user may type it again.
    pub(super) fn last_value(&self) -> Option<String> {
        let value = self.reading.watermark.as_ref()?.last_value.as_ref()?;
        Some(self.plan.incremental.as_ref()?.column.shown(value))
    }

    /// A task for each split.
    pub(super) fn tasks(self: &Arc<Self>) -> Vec<SplitTask> {
        (0..self.reading.splits.len()).map(|number| SplitTask { run: self.clone(), number, lost: 0 }).collect()
    }

    /// Where rows go; `None` once the run failed or was given up.
    pub(super) fn target(&self) -> Option<OpenTarget> {
        lock(&self.target).clone()
    }

    /// A split is done; says whether it was the last.
    pub(super) fn done(&self, written: Written, rows: u64) -> bool {
        let mut progress = lock(&self.progress);
        progress.written.add(written);
        progress.rows += rows;
        progress.largest = progress.largest.max(rows);
        progress.one_less()
    }

    /// A split failed for good, and with it the run; the first error is the one to tell. Says whether it was the last.
    pub(super) fn fail(&self, error: Error) -> bool {
        let mut progress = lock(&self.progress);
        progress.failed.get_or_insert(error);
        progress.one_less()
    }

    /// A split is not read, since another failed; says whether it was the last.
    pub(super) fn skip(&self) -> bool {
        lock(&self.progress).one_less()
    }

    /// The run failed, whatever its splits do.
    pub(super) fn refuse(&self, error: Error) {
        lock(&self.progress).failed.get_or_insert(error);
    }

    /// Whether the run failed: what was not read need not be.
    pub(super) fn has_failed(&self) -> bool {
        lock(&self.progress).failed.is_some()
    }

    /// The files that are staged so far.
    pub(super) fn staged(&self) -> Vec<StagedPart> {
        lock(&self.progress).written.parts.clone()
    }

    /// What the next import goes on from, once all splits are done. The cuts are kept, as with them the same rows come
    /// to lie in the same files, unless a split has by now so many rows that cutting anew is worth more.
    pub(super) fn checkpoint(&self, position: Option<Position>) -> Checkpoint {
        let Progress { rows, largest, .. } = *lock(&self.progress);
        let at_once = (self.reading.splits.len() as u64).min(self.plan.connections.into());
        // Half as much again as a connection's share.
        let even = largest.saturating_mul(2 * at_once) <= rows.saturating_mul(3);
        let cuts = self.reading.cuts.clone().filter(|_| self.plan.incremental.is_none() && even);
        Checkpoint::new(position, self.reading.watermark.clone(), cuts)
    }

    /// Whether an incremental import gets no further than the last one did.
    pub(super) fn stands_still(&self) -> bool {
        self.reading.last_watermark.is_some() && self.reading.last_watermark == self.reading.watermark
    }

    /// Takes out what is complete, once all splits are done; the error of a split that failed.
    pub(super) fn take(&self) -> Result<Complete> {
        let mut progress = lock(&self.progress);
        if let Some(error) = progress.failed.take() {
            return Err(error);
        }
        let target = lock(&self.target).take().ok_or_else(|| error::bug("an import was completed twice"))?;
        Ok(Complete { target, written: std::mem::take(&mut progress.written), rows: progress.rows })
    }

    /// Takes the target out of a run that is given up.
    pub(super) fn give_up(&self) -> Option<OpenTarget> {
        lock(&self.target).take()
    }
}

impl Progress {
    fn one_less(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }
}

/// The values behind these locks are whole after every panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
