//! Which rows survive a merge. Pure but for reading; bounded memory whatever the sizes.
//!
//! The keys of the new rows are held in one set of at most [`MergeOptions::key_memory_bytes`]. Where they do not fit,
//! they are divided into classes by their hashes and each class takes a pass of its own over the new keys and the old
//! ones; only key columns are read where the format allows it. What is remembered of a row is one bit.

use std::sync::{Arc, Mutex, PoisonError};

use super::dead::DeadRows;
use super::key::Keys;
use super::set::{Class, Inserted, KeySet};
use crate::error::{self, Result};
use crate::transfer::input::{Cancelled, Dataset, for_each};

/// Bits of a place that number the row in its file.
const ROW_BITS: u32 = 40;

/// Greatest memory for keys: offsets in it are 32 bits.
const MAX_KEY_MEMORY: usize = 1 << 30;

/// How a merge uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct MergeOptions {
    /// Memory for the keys of new rows; less of it means more passes over the key columns.
    pub key_memory_bytes: usize,
    /// Files read at once.
    pub workers: usize,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { key_memory_bytes: 64 << 20, workers: 4 }
    }
}

/// The rows of one data set that do not survive.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Dead rows of each file.
    pub dead: Vec<Arc<DeadRows>>,
    /// Rows of each file.
    pub rows: Vec<u64>,
}

impl Judged {
    /// Rows in all.
    pub fn total(&self) -> u64 {
        self.rows.iter().sum()
    }

    /// Rows that do not survive.
    pub fn total_dead(&self) -> u64 {
        self.dead.iter().map(|d| d.count()).sum()
    }
}

/// Which rows survive.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Old rows die where a new row has their key.
    pub old: Judged,
    /// New rows die where a later new row, in the order of the files, has their key.
    pub new: Judged,
    /// Passes over the key columns.
    pub passes: u32,
}

/// Reads the keys and decides which rows survive.
///
/// # Errors
/// Data: a key is NULL. NotFound: there is no such column. Those of the data sets.
pub async fn judge(
    old: &Arc<dyn Dataset>,
    new: &Arc<dyn Dataset>,
    keys: &[String],
    options: &MergeOptions,
) -> Result<Verdict> {
    let budget = options.key_memory_bytes.min(MAX_KEY_MEMORY);
    let mut verdict = Verdict::default();
    let (mut class, mut index) = (Class::ALL, 0);
    let (mut old_dead, mut new_dead) = (vec![DeadRows::default(); old.files().len()], Vec::new());
    while index < class.of {
        let searched = Class { index, of: class.of };
        let found = new_keys(new, keys, KeySet::new(searched, budget), index == 0, options.workers).await?;
        merge_into(&mut new_dead, &found.dead);
        (class, verdict.new.rows) = (found.set.class(), found.rows);
        verdict.old.rows = mark_old(old, keys, Arc::new(found.set), &mut old_dead, options.workers).await?;
        index += 1;
    }
    verdict.passes = class.of;
    verdict.old.dead = old_dead.into_iter().map(Arc::new).collect();
    verdict.new.dead = new_dead.into_iter().map(Arc::new).collect();
    Ok(verdict)
}

fn merge_into(dead: &mut Vec<DeadRows>, found: &[DeadRows]) {
    dead.resize(found.len(), DeadRows::default());
    for (known, more) in dead.iter_mut().zip(found) {
        known.extend(more);
    }
}

/// One class of new keys.
struct NewKeys {
    set: KeySet,
    dead: Vec<DeadRows>,
    rows: Vec<u64>,
}

/// Collects the keys of one class; where `may_shrink`, of as many of the classes as fit.
async fn new_keys(
    new: &Arc<dyn Dataset>,
    keys: &[String],
    set: KeySet,
    may_shrink: bool,
    workers: usize,
) -> Result<NewKeys> {
    let dead = vec![DeadRows::default(); new.files().len()];
    let shared = Arc::new(Mutex::new((set, dead)));
    let (data, names, state) = (new.clone(), keys.to_vec(), shared.clone());
    let rows = for_each(new.files().len(), workers, move |file, cancelled| {
        scan(data.as_ref(), file, &names, cancelled, |first, rows| {
            // Every insertion leaves the set whole, so a panic elsewhere does no harm.
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (set, dead) = &mut *state;
            for (row, key) in (first..).zip(rows) {
                if let Inserted::Double(earlier) = set.insert(key.as_ref(), place(file, row)) {
                    mark(dead, earlier);
                }
                if may_shrink {
                    set.shrink();
                }
            }
        })
    });
    let rows = rows.await?;
    let state = Arc::try_unwrap(shared).map_err(|_| error::bug("a thread still reads keys"))?;
    let (set, dead) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(NewKeys { set, dead, rows })
}

fn place(file: usize, row: u64) -> u64 {
    ((file as u64) << ROW_BITS) | row
}

fn mark(dead: &mut [DeadRows], place: u64) {
    if let Some(file) = usize::try_from(place >> ROW_BITS).ok().and_then(|file| dead.get_mut(file)) {
        file.mark(place & ((1 << ROW_BITS) - 1));
    }
}

/// Marks the old rows whose key is in the set; gives the rows of each file.
async fn mark_old(
    old: &Arc<dyn Dataset>,
    keys: &[String],
    set: Arc<KeySet>,
    dead: &mut [DeadRows],
    workers: usize,
) -> Result<Vec<u64>> {
    let (data, names) = (old.clone(), keys.to_vec());
    let found = for_each(old.files().len(), workers, move |file, cancelled| {
        let mut dead = DeadRows::default();
        let rows = scan(data.as_ref(), file, &names, cancelled, |first, rows| {
            for (row, key) in (first..).zip(rows) {
                if set.contains(key.as_ref()) {
                    dead.mark(row);
                }
            }
        })?;
        Ok((dead, rows))
    });
    let found = found.await?;
    for (known, (more, _)) in dead.iter_mut().zip(&found) {
        known.extend(more);
    }
    Ok(found.into_iter().map(|(_, rows)| rows).collect())
}

/// Hands on the keys of a file, batch by batch with the number of the first row; gives the file's rows.
fn scan(
    data: &dyn Dataset,
    file: usize,
    names: &[String],
    cancelled: &Cancelled,
    mut each: impl FnMut(u64, &arrow_row::Rows),
) -> Result<u64> {
    let path = data.files().get(file).map_or("", |f| f.path.as_str());
    let (mut keys, mut rows) = (Keys::new(names), 0);
    for batch in data.read(file, Some(names))? {
        let batch = batch?;
        cancelled.check()?;
        each(rows, &keys.of(&batch, path, rows)?);
        rows += batch.num_rows() as u64;
        if rows >> ROW_BITS != 0 {
            return Err(error::data(format!("{path} has more rows than a merge can number")));
        }
    }
    Ok(rows)
}
