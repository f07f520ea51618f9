//! Where the rows of one share go: files, or cells.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::landing::{Landing, Target};
use crate::error::Result;
use crate::load::StagedPart;
use crate::transfer::cells::CellWriter;
use crate::transfer::route::Router;

/// The open end of a share.
pub(super) enum Sink<'a> {
    Files(Router<'a>),
    Cells(Arc<CellWriter>, Written),
}

/// What was written of a share.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Files, closed and unseen.
    pub parts: Vec<StagedPart>,
    /// Rows in them, or rows changed in a table.
    pub rows: u64,
    /// Bytes of the files, or sent.
    pub bytes: u64,
}

impl<'a> Sink<'a> {
    /// The end of the share `number`; `None` where the landing failed already.
    pub fn new(landing: &'a Landing, number: usize) -> Option<Self> {
        Some(match landing.target()? {
            Target::Files(load) => Self::Files(Router::new(load, number, landing.plan.partitioner())),
            Target::Cells(cells) => Self::Cells(cells, Written::default()),
        })
    }

    /// Writes the rows of a batch. A cancelled call spoils the sink.
    ///
    /// # Errors
    /// Those of the target; Lost: the file has to be written again.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Files(router) => router.write(batch).await,
            Self::Cells(cells, written) => {
                let (rows, bytes) = cells.write(batch).await?;
                (written.rows, written.bytes) = (written.rows + rows, written.bytes + bytes);
                Ok(())
            }
        }
    }

    /// Completes what was written.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub async fn finish(self) -> Result<Written> {
        match self {
            Self::Files(router) => {
                let parts = router.finish().await?;
                let (rows, bytes) = (parts.iter().map(|p| p.rows).sum(), parts.iter().map(|p| p.bytes).sum());
                Ok(Written { parts, rows, bytes })
            }
            Self::Cells(_, written) => Ok(written),
        }
    }
}
