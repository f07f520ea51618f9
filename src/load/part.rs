//! Writing one file of a load: batches through an encoder, or ready bytes, into the stage directory.

use std::num::NonZero;
use std::sync::LazyLock;

use arrow_array::RecordBatch;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::{Partition, StagedPart};
use crate::error::{self, Result};
use crate::format::{Encoder, Output};
use crate::storage::FileWriter;

/// Hashes and counts what goes to the file.
struct StagedFile {
    path: String,
    file: Box<dyn FileWriter>,
    part: StagedPart,
    hash: Sha256,
}

impl StagedFile {
    async fn ship(&mut self, pieces: Vec<Vec<u8>>) -> Result<()> {
        self.part.bytes += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        for mut rest in pieces.into_iter().map(Bytes::from) {
            // Large pieces in slices, so that few bytes wait for the filesystem.
            while !rest.is_empty() {
                let slice = rest.split_to(rest.len().min(Output::PIECE_BYTES));
                self.file.write(slice).await.map_err(|e| e.context(format!("writing {}", self.path)))?;
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<StagedPart> {
        let closed = self.file.close().await.map_err(|e| e.context(format!("closing {}", self.path)))?;
        if closed != self.part.bytes {
            let what = format!("{} has {closed} bytes after {} were written", self.path, self.part.bytes);
            return Err(error::unreachable(what).hint("run again: nothing of this load is visible"));
        }
        self.part.sha256 = hex(&self.hash.finalize());
        Ok(self.part)
    }
}

/// How many files are encoded at once. More of them than cores only take threads and memory.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Semaphore::new((2 * cores).max(4))
});

/// What is moved to a thread for computing and back.
struct Encoding {
    encoder: Box<dyn Encoder>,
    out: Output,
    hash: Sha256,
}

/// A file of the target being written from batches.
pub struct PartWriter {
    staged: StagedFile,
    /// Absent while a batch is being encoded, and for good if that was cancelled.
    encoding: Option<Encoding>,
}

impl PartWriter {
    pub(super) fn new(path: String, file: Box<dyn FileWriter>, encoder: Box<dyn Encoder>, part: StagedPart) -> Self {
        let staged = StagedFile { path, file, part, hash: Sha256::new() };
        Self { staged, encoding: Some(Encoding { encoder, out: Output::default(), hash: Sha256::new() }) }
    }

    /// Encodes a batch, away from the async threads, and ships what is ready. A cancelled call spoils the writer.
    ///
    /// # Errors
    /// Those of the encoder and of the filesystem.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.write_all(vec![batch.clone()]).await
    }

    /// Encodes some batches one after the other, as [`PartWriter::write`] does one.
    ///
    /// # Errors
    /// Those of the encoder and of the filesystem.
    pub async fn write_all(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let encode = move |encoder: &mut dyn Encoder, out: &mut Output| {
            // Each is freed once it is encoded.
            batches.into_iter().try_for_each(|batch| encoder.encode(&batch, out))
        };
        let out = self.encode(encode, Output::PIECE_BYTES).await?;
        self.staged.part.rows += rows;
        self.staged.ship(out).await
    }

    /// Lets the encoder hold what it has in less memory, at the price of smaller pages.
    ///
    /// # Errors
    /// Those of the encoder.
    pub async fn shrink(&mut self) -> Result<()> {
        let out = self.encode(|encoder, _| encoder.shrink(), Output::PIECE_BYTES).await?;
        self.staged.ship(out).await
    }

    /// Ships what the encoder holds, at the price of a smaller row group or block; the file goes on.
    ///
    /// # Errors
    /// Those of the encoder and of the filesystem.
    pub async fn flush(&mut self) -> Result<()> {
        let out = self.encode(|encoder, out| encoder.flush(out), 1).await?;
        self.staged.ship(out).await
    }

    /// Completes the file and makes it durable; it stays unseen until the load is committed.
    ///
    /// # Errors
    /// Those of the encoder and of the filesystem.
    pub async fn finish(self) -> Result<StagedPart> {
        self.seal().await?.close().await
    }

    /// Ships all that is left of the file; what remains is to wait until it is durable.
    ///
    /// # Errors
    /// Those of the encoder and of the filesystem.
    pub async fn seal(mut self) -> Result<SealedPart> {
        let rest = self.encode(|encoder, out| encoder.finish(out), 1).await?;
        self.staged.ship(rest).await?;
        if let Some(encoding) = self.encoding {
            self.staged.hash = encoding.hash;
        }
        Ok(SealedPart(self.staged))
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.staged.part.rows
    }

    /// Bytes shipped, waiting or held by the encoder; for callers that roll files by size.
    pub fn size_bytes(&self) -> u64 {
        self.staged.part.bytes + self.buffered_bytes() as u64
    }

    /// Bytes held in memory: those of the encoder and those that wait to be shipped.
    pub fn buffered_bytes(&self) -> usize {
        self.encoding.as_ref().map_or(0, |e| e.out.len() + e.encoder.buffered_bytes())
    }

    /// Runs `work` on a thread for computing; gives the bytes to ship if there are at least so many.
    async fn encode<F>(&mut self, work: F, least: usize) -> Result<Vec<Vec<u8>>>
    where
        F: FnOnce(&mut dyn Encoder, &mut Output) -> Result<()> + Send + 'static,
    {
        // They are never closed.
        let _turn = TURNS.acquire().await;
        let Some(mut encoding) = self.encoding.take() else {
            return Err(error::bug(format!("{} was written to after a cancelled or failed write", self.staged.path)));
        };
        let done = tokio::task::spawn_blocking(move || {
            work(encoding.encoder.as_mut(), &mut encoding.out)?;
            let ready = if encoding.out.len() >= least { encoding.out.take() } else { Vec::new() };
            ready.iter().for_each(|piece| encoding.hash.update(piece));
            Ok((encoding, ready))
        });
        let path = &self.staged.path;
        let done = done.await.map_err(|e| error::bug(format!("the encoder of {path} broke down")).source(e))?;
        let (encoding, ready) = done.map_err(|e: error::Error| e.context(format!("encoding {path}")))?;
        self.encoding = Some(encoding);
        Ok(ready)
    }
}

/// A file all of whose bytes are on their way.
pub struct SealedPart(StagedFile);

impl SealedPart {
    /// Makes the file durable, which waits for the cluster and does little else.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn close(self) -> Result<StagedPart> {
        self.0.finish().await
    }
}

/// A file beside the target being written from ready bytes: rejected events, a report.
pub struct SideWriter(StagedFile);

impl SideWriter {
    pub(super) fn new(path: String, file: Box<dyn FileWriter>, directory: String, name: String) -> Self {
        let mut part = empty_part(name, Partition::none());
        part.directory = Some(directory);
        Self(StagedFile { path, file, part, hash: Sha256::new() })
    }

    /// Appends bytes that hold `rows` rows. A cancelled call spoils the writer.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn write(&mut self, bytes: Vec<u8>, rows: u64) -> Result<()> {
        self.0.part.rows += rows;
        self.0.hash.update(&bytes);
        self.0.ship(vec![bytes]).await
    }

    /// Completes the file and makes it durable; it stays unseen until the load is committed.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn finish(self) -> Result<StagedPart> {
        self.0.finish().await
    }
}

pub(super) fn empty_part(file: String, partition: Partition) -> StagedPart {
    StagedPart { file, partition, directory: None, place: None, rows: 0, bytes: 0, sha256: String::new() }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
