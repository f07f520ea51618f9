//! Files and directories that cannot be read for now. They do not keep the others waiting: each is named in the log
//! when it first fails and when it can be read again, and is tried in every round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What could not be read in this round.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    now: BTreeMap<PathBuf, Error>,
    /// What could not be read in the round before.
    before: BTreeSet<PathBuf>,
}

impl Troubles {
    /// Begins a round.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.now).into_keys().collect();
    }

    /// Notes why a file or directory could not be read.
    pub(super) fn add(&mut self, path: &Path, error: Error) {
        if !self.before.contains(path) && !self.now.contains_key(path) {
            tracing::warn!("{error}; it is tried again, the other files go on");
        }
        self.now.insert(path.to_owned(), error);
    }

    /// Ends a round.
    pub(super) fn end(&mut self) {
        for path in std::mem::take(&mut self.before) {
            if !self.now.contains_key(&path) {
                tracing::info!("{} is no longer in the way", path.display());
            }
        }
    }

    /// How many files and directories cannot be read.
    pub(super) fn count(&self) -> usize {
        self.now.len()
    }

    /// The first of them, for good.
    pub(super) fn into_first(self) -> Option<Error> {
        self.now.into_values().next()
    }
}
