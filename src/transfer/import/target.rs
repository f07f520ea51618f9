//! Where the rows of an import go once its target is open, and what was written there.

use std::sync::Arc;

use super::cells::CellWriter;
use crate::load::{Load, StagedPart};

/// An open target.
#[derive(Clone, Debug)]
pub(super) enum OpenTarget {
    /// Files of a load.
    Files(Arc<Load>),
    /// Cells of an HBase table.
    Cells(Arc<CellWriter>),
}

/// What was written of some rows.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Files, closed and unseen.
    pub parts: Vec<StagedPart>,
    /// Rows in them, or rows changed in a table.
    pub rows: u64,
    /// Bytes of the files, or sent.
    pub bytes: u64,
}

impl Written {
    /// Adds what was written of other rows.
    pub(super) fn add(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}
