//! Files over the native protocol.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
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

/// Time for the NameNode to hear of a block that the DataNodes have.
const HEARSAY: Duration = Duration::from_millis(5);

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
            match unhurried(self.file.close()).await {
                Err(HdfsError::OperationFailed(text)) if text.contains("complete file") && rounds < COMPLETE_ROUNDS => {
                    rounds += 1;
                }
                done => return done.map_err(|e| fault::hdfs(&self.what, e)),
            }
        }
    }
}

/// Awaits `work`, which goes on only a few milliseconds after what it waits for has come.
///
/// The client closes a file in one call: it waits until the DataNodes have the last block and asks the NameNode in the
/// same instant whether the file is complete. Often the NameNode has not heard of the block yet, and the client sleeps for
/// 500 ms (hdfs-native 0.14.8; with one replica of Hadoop 3.4.2 nearly always). A moment later it has.
async fn unhurried<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return done;
        }
        let mut polled = false;
        // Ready when the task is woken, which `work` will see to.
        let woken = poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending });
        woken.await;
        tokio::time::sleep(HEARSAY).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn unhurried_work_goes_on_a_moment_after_it_could() {
        let began = Instant::now();
        let (to, from) = oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            to.send(()).unwrap();
        });
        unhurried(async { from.await.unwrap() }).await;
        assert_eq!(began.elapsed(), Duration::from_secs(1) + HEARSAY);
        // What need not wait does not.
        assert_eq!(unhurried(async { 7 }).await, 7);
        assert_eq!(began.elapsed(), Duration::from_secs(1) + HEARSAY);
    }
}
