//! Where the rows of one split go: files, or cells.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::cells::CellWriter;
use super::route::{Partitioner, Router, SealedFiles};
use super::target::{OpenTarget, Written};
use crate::error::Result;

/// The open end of a split.
pub(super) enum Sink<'a> {
    Files(Router<'a>),
    Cells(Arc<CellWriter>, Written),
}

impl<'a> Sink<'a> {
    /// The end of the split `number`.
    pub(super) fn new(target: OpenTarget, number: usize, partitioner: Option<&'a Partitioner>) -> Self {
        match target {
            OpenTarget::Files(load) => Self::Files(Router::new(load, number, partitioner)),
            OpenTarget::Cells(cells) => Self::Cells(cells, Written::default()),
        }
    }

    /// Writes the rows of some batches. A cancelled call spoils the sink.
    ///
    /// # Errors
    /// Those of the target; Lost: the file has to be written again.
    pub(super) async fn write(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        match self {
            Self::Files(router) => router.write(batches).await,
            Self::Cells(cells, written) => {
                for batch in &batches {
                    let (rows, bytes) = cells.write(batch).await?;
                    written.add(Written { rows, bytes, parts: Vec::new() });
                }
                Ok(())
            }
        }
    }

    /// Sends off all that is left; what remains is to wait until it is durable.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(super) async fn seal(self) -> Result<Sealed> {
        Ok(match self {
            Self::Files(router) => Sealed::Files(router.seal().await?),
            Self::Cells(_, written) => Sealed::Cells(written),
        })
    }
}

/// What was written of a split, and may still be on its way.
pub(super) enum Sealed {
    Files(SealedFiles),
    Cells(Written),
}

impl Sealed {
    /// Completes what was written.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(super) async fn close(self) -> Result<Written> {
        match self {
            Self::Files(files) => {
                let parts = files.close().await?;
                let (rows, bytes) = (parts.iter().map(|p| p.rows).sum(), parts.iter().map(|p| p.bytes).sum());
                Ok(Written { parts, rows, bytes })
            }
            Self::Cells(written) => Ok(written),
        }
    }
}
