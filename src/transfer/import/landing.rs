//! One table (or query) on its way: its plan, the load it lands in, and what of it is done.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::sink::Written;
use crate::error::{self, Error, Result};
use crate::load::{Load, StagedPart};
use crate::mysql::split::{KeptCuts, Split};
use crate::transfer::cells::CellWriter;
use crate::transfer::incremental::Watermark;
use crate::transfer::plan::ImportPlan;

/// Where rows go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Files of a load.
    Files(Arc<Load>),
    /// Cells of an HBase table.
    Cells(Arc<CellWriter>),
}

/// A table on its way; shared by all who read splits of it.
#[derive(Debug)]
pub(super) struct Landing {
    pub plan: ImportPlan,
    /// The state that this run leaves, where it is incremental.
    pub watermark: Option<Watermark>,
    /// Whether nothing was written to the server since the target was filled.
    pub unmoved: bool,
    /// What the summary says beside the counts.
    pub notes: Vec<String>,
    /// Where it was cut.
    pub cuts: Option<KeptCuts>,
    target: Mutex<Option<Target>>,
    written: Mutex<Written>,
    rows: AtomicU64,
    /// Rows of the largest split.
    most: AtomicU64,
    failed: Mutex<Option<Error>>,
    /// Splits that are not done.
    left: AtomicUsize,
    /// Splits in all; their numbers are below.
    pub count: AtomicUsize,
}

/// One share of a landing's rows.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub landing: Arc<Landing>,
    /// Number of the split, which its files bear.
    pub number: usize,
    pub split: Split,
    /// How often its files were lost.
    pub lost: u32,
}

/// What was read and staged.
pub(super) struct Landed {
    pub target: Target,
    pub written: Written,
    /// Rows read.
    pub rows: u64,
}

impl Landing {
    /// A table of which nothing was read yet.
    pub fn new(plan: ImportPlan, target: Target) -> Self {
        Self {
            plan,
            watermark: None,
            unmoved: false,
            notes: Vec::new(),
            cuts: None,
            target: Mutex::new(Some(target)),
            written: Mutex::default(),
            rows: AtomicU64::new(0),
            most: AtomicU64::new(0),
            failed: Mutex::default(),
            left: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        }
    }

    /// The shares that the splits make.
    pub fn shares(self: &Arc<Self>, splits: Vec<Split>) -> Vec<Share> {
        self.left.store(splits.len(), Ordering::SeqCst);
        self.count.store(splits.len(), Ordering::SeqCst);
        let share = |(number, split)| Share { landing: self.clone(), number, split, lost: 0 };
        splits.into_iter().enumerate().map(share).collect()
    }

    /// Where rows go; `None` once the landing failed or was given up.
    pub fn target(&self) -> Option<Target> {
        lock(&self.target).clone()
    }

    /// A share is done; says whether it was the last.
    pub fn done(&self, written: Written, rows: u64) -> bool {
        let mut all = lock(&self.written);
        all.parts.extend(written.parts);
        (all.rows, all.bytes) = (all.rows + written.rows, all.bytes + written.bytes);
        drop(all);
        self.rows.fetch_add(rows, Ordering::SeqCst);
        self.most.fetch_max(rows, Ordering::SeqCst);
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// A share failed for good, and with it the landing; the first error is the one to tell.
    pub fn fail(&self, error: Error) -> bool {
        lock(&self.failed).get_or_insert(error);
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// A share is not read, since another failed; says whether it was the last.
    pub fn skip(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// The landing failed before it had shares.
    pub fn refuse(&self, error: Error) {
        lock(&self.failed).get_or_insert(error);
    }

    /// Whether a share failed: the others need not be read.
    pub fn has_failed(&self) -> bool {
        lock(&self.failed).is_some()
    }

    /// The files that are staged so far.
    pub fn staged(&self) -> Vec<StagedPart> {
        lock(&self.written).parts.clone()
    }

    /// The cuts that the next import of all these rows is to take again: with them the same rows come to lie in the same
    /// files. `None` where a split has by now so many rows that cutting anew is worth more.
    pub fn cuts_to_keep(&self) -> Option<&KeptCuts> {
        let [rows, most] = [&self.rows, &self.most].map(|n| n.load(Ordering::SeqCst));
        let at_once = (self.count.load(Ordering::SeqCst) as u64).min(self.plan.connections.into());
        // Half as much again as a connection's share.
        let even = most.saturating_mul(2 * at_once) <= rows.saturating_mul(3);
        self.cuts.as_ref().filter(|_| self.plan.check.is_none() && even)
    }

    /// Takes out what landed, once all shares are done; the error of a share that failed.
    pub fn take(&self) -> Result<Landed> {
        if let Some(error) = lock(&self.failed).take() {
            return Err(error);
        }
        let target = lock(&self.target).take().ok_or_else(|| error::bug("a table landed twice"))?;
        let written = std::mem::take(&mut *lock(&self.written));
        Ok(Landed { target, written, rows: self.rows.load(Ordering::SeqCst) })
    }

    /// Takes the target out of a landing that is given up.
    pub fn give_up(&self) -> Option<Target> {
        lock(&self.target).take()
    }
}

/// The values behind these locks are whole after every panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
