//! A file writer in a task of its own: what happens inside the client library, a panic included, comes out as an
//! error, and bytes travel while the caller computes the next ones.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::FileWriter;
use crate::error::{self, Result};

/// Slices under way between caller and task; each is memory that every open file may take. A row group comes all at
/// once: as many slices as it has, so that the next one is encoded while it is on its way.
const QUEUE: usize = 16;

/// Time the slowest pipeline may need for one slice, or for closing.
const STALL: Duration = Duration::from_secs(180);

/// The writer of a client library, as the task drives it.
#[async_trait]
pub(super) trait Sink: Send + 'static {
    async fn write(&mut self, bytes: Bytes) -> Result<()>;
    async fn close(&mut self) -> Result<()>;
}

/// The caller's end.
pub(super) struct TaskWriter {
    what: String,
    /// Dropped to ask for the close.
    queue: Option<mpsc::Sender<Bytes>>,
    /// Gives the length of the file; absent once it ended.
    task: Option<AbortOnDropHandle<Result<u64>>>,
}

impl TaskWriter {
    pub(super) fn spawn(path: &str, sink: impl Sink) -> Self {
        let what = format!("writing {path}");
        let (queue, slices) = mpsc::channel(QUEUE);
        let task = AbortOnDropHandle::new(tokio::spawn(drive(what.clone(), sink, slices)));
        Self { what, queue: Some(queue), task: Some(task) }
    }

    /// What the task ended with.
    async fn end(&mut self) -> Result<u64> {
        self.queue = None;
        let Some(task) = self.task.take() else {
            return Err(error::bug(format!("{}: the file was written to after it failed", self.what)));
        };
        task.await
            .unwrap_or_else(|e| Err(error::unreachable(format!("{}: the writer broke down", self.what)).source(e)))
    }
}

#[async_trait]
impl FileWriter for TaskWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if let Some(queue) = &self.queue
            && queue.send(bytes).await.is_ok()
        {
            return Ok(());
        }
        // The task ended before it was asked to: it has the reason.
        match self.end().await {
            Err(e) => Err(e),
            Ok(_) => Err(error::bug(format!("{}: the writer ended early", self.what))),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<u64> {
        self.end().await
    }
}

async fn drive(what: String, mut sink: impl Sink, mut slices: mpsc::Receiver<Bytes>) -> Result<u64> {
    let stalled = |_| {
        error::unreachable(format!("{what}: nothing moved for {} s", STALL.as_secs()))
            .hint("check the datanodes: hdfs dfsadmin -report")
    };
    let mut len_bytes = 0;
    while let Some(bytes) = slices.recv().await {
        len_bytes += bytes.len() as u64;
        tokio::time::timeout(STALL, sink.write(bytes)).await.map_err(stalled)??;
    }
    tokio::time::timeout(STALL, sink.close()).await.map_err(stalled)??;
    Ok(len_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    struct Panics;

    #[async_trait]
    impl Sink for Panics {
        async fn write(&mut self, _: Bytes) -> Result<()> {
            panic!("index out of bounds");
        }
        async fn close(&mut self) -> Result<()> {
            Ok(())
        }
    }

    struct Stalls;

    #[async_trait]
    impl Sink for Stalls {
        async fn write(&mut self, _: Bytes) -> Result<()> {
            std::future::pending().await
        }
        async fn close(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_inside_is_an_error_outside() {
        let mut writer = Box::new(TaskWriter::spawn("/f", Panics));
        writer.write(Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(writer.close().await.unwrap_err().kind(), Kind::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_pipeline_ends() {
        let mut writer = Box::new(TaskWriter::spawn("/f", Stalls));
        writer.write(Bytes::from_static(b"x")).await.unwrap();
        let error = writer.close().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains("nothing moved"), "{error}");
    }
}
