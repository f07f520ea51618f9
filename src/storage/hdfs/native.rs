//! Files over the native protocol.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hdfs_native::HdfsError;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{self, Result};
use crate::storage::writer::Sink;
use crate::storage::{FileReader, fault, range};

/// Time for reading a range, or a whole small file.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// Rounds of asking the NameNode to complete a file; each of the client's own takes 15 s.
const COMPLETE_ROUNDS: u32 = 4;

/// A file being read; other replicas are tried by the client where a datanode does not answer.
pub(super) struct NativeReader {
    pub file: Arc<hdfs_native::file::FileReader>,
    pub what: String,
}

#[async_trait]
impl FileReader for NativeReader {
    fn len_bytes(&self) -> u64 {
        self.file.file_length() as u64
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let Some((offset, len)) = range(self.len_bytes(), offset, len) else { return Ok(Bytes::new()) };
        let file = self.file.clone();
        // In a task of its own, because the client panics on what it does not expect.
        let task = AbortOnDropHandle::new(tokio::spawn(async move { file.read_range(offset as usize, len).await }));
        let read = tokio::time::timeout(READ_TIMEOUT, task).await.map_err(|_| {
            error::unreachable(format!("{}: no answer for {} s", self.what, READ_TIMEOUT.as_secs()))
                .hint("check the datanodes: hdfs dfsadmin -report")
        })?;
        let read = read.map_err(|e| error::unreachable(format!("{}: the reader broke down", self.what)).source(e))?;
        let bytes = read.map_err(|e| fault::hdfs(&self.what, e))?;
        if bytes.len() != len {
            return Err(error::unreachable(format!("{}: {} bytes came instead of {len}", self.what, bytes.len())));
        }
        Ok(bytes)
    }
}

/// A file being written.
pub(super) struct NativeSink {
    pub file: hdfs_native::file::FileWriter,
    pub what: String,
}

#[async_trait]
impl Sink for NativeSink {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.file.write_bytes(bytes).await.map(drop).map_err(|e| fault::hdfs(&self.what, e))
    }

    /// The last packet of every block is synced by the DataNodes, so that a closed file is durable.
    ///
    /// A loaded cluster may need longer than the client waits until a DataNode has reported the last block; the client
    /// then may be asked again, because the block itself is done.
    async fn close(&mut self) -> Result<()> {
        let mut rounds = 1;
        loop {
            match self.file.close().await {
                Err(HdfsError::OperationFailed(text)) if text.contains("complete file") && rounds < COMPLETE_ROUNDS => {
                    rounds += 1;
                }
                done => return done.map_err(|e| fault::hdfs(&self.what, e)),
            }
        }
    }
}
