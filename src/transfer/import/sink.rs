//! Where the rows of one share go: files, or cells.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::landing::{Landing, Target};
use crate::error::Result;
use crate::load::StagedPart;
use crate::transfer::cells::CellWriter;
use crate::transfer::route::{Router, SealedFiles};

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

    /// Writes the rows of some batches. A cancelled call spoils the sink.
    ///
    /// # Errors
    /// Those of the target; Lost: the file has to be written again.
    pub async fn write(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        match self {
            Self::Files(router) => router.write(batches).await,
            Self::Cells(cells, written) => {
                for batch in &batches {
                    let (rows, bytes) = cells.write(batch).await?;
                    (written.rows, written.bytes) = (written.rows + rows, written.bytes + bytes);
                }
                Ok(())
            }
        }
    }

    /// Sends off all that is left; what remains is to wait until it is durable.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub async fn seal(self) -> Result<Sealed> {
        Ok(match self {
            Self::Files(router) => Sealed::Files(router.seal().await?),
            Self::Cells(_, written) => Sealed::Cells(written),
        })
    }
}

/// What was written of a share, and may still be on its way.
pub(super) enum Sealed {
    Files(SealedFiles),
    Cells(Written),
}

impl Sealed {
    /// Completes what was written.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub async fn close(self) -> Result<Written> {
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
