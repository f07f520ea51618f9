//! The rows of Parquet files in other Parquet files, in their order and as they are: a file of another schema than the one
//! before it begins a new file. What was written is read back and held against what was read.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use tokio::sync::{mpsc, oneshot};

use crate::error::{self, Error, Result};
use crate::format::decode::{BatchOptions, ParquetDecoder, RowGroups};
use crate::format::{Compression, FileFormat, ParquetOptions};
use crate::load::part::{PartWriter, empty_part};
use crate::load::{Partition, StagedPart, bridge};
use crate::storage::{CreateOptions, FileStatus, Filesystem};

const BATCH_ROWS: usize = 4 << 10;
/// Batches that wait for whoever takes them.
const BATCHES: usize = 2;

/// What new files hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub files: usize,
    pub rows: u64,
    pub bytes: u64,
}

/// Writes the rows of `files` into the directory `into`.
///
/// # Errors
/// Those of [`Compactor::rewrite`](super::Compactor::rewrite).
pub(super) async fn rewrite(
    fs: &Arc<dyn Filesystem>,
    files: &[FileStatus],
    into: &str,
    id: &str,
    file_bytes: u64,
) -> Result<Written> {
    let (mut open, mut done): (Option<Open>, Vec<StagedPart>) = (None, Vec::new());
    for file in files {
        let mut reading = Reading::of(fs.as_ref(), &file.path).await?;
        if open.as_ref().is_some_and(|open| open.schema != reading.head.schema) {
            close(&mut open, &mut done).await?;
        }
        while let Some(batch) = reading.next().await? {
            let writer = match &mut open {
                Some(open) => open,
                None => {
                    let name = format!("part-{id}-{:05}.parquet", done.len());
                    open.insert(Open::new(fs.as_ref(), into, name, &reading.head).await?)
                }
            };
            writer.part.write(&batch).await?;
            if writer.part.size_bytes() >= file_bytes {
                close(&mut open, &mut done).await?;
            }
        }
    }
    close(&mut open, &mut done).await?;
    let new = done.iter().map(|part| format!("{into}/{}", part.file)).collect();
    let old = files.iter().map(|file| file.path.clone()).collect();
    let rows = compare(fs, old, new).await?;
    let written = done.iter().map(|part| part.rows).sum::<u64>();
    if rows != written {
        return Err(error::bug(format!("{written} rows were written and {rows} are there")));
    }
    Ok(Written { files: done.len(), rows, bytes: done.iter().map(|part| part.bytes).sum() })
}

/// A file that is written.
struct Open {
    part: PartWriter,
    schema: SchemaRef,
}

impl Open {
    async fn new(fs: &dyn Filesystem, into: &str, name: String, head: &Head) -> Result<Self> {
        let format = FileFormat::Parquet(ParquetOptions { compression: head.compression, ..ParquetOptions::default() });
        let encoder = format.encoder(head.schema.clone())?;
        let path = format!("{into}/{name}");
        let file = fs.create(&path, CreateOptions { overwrite: true, replication: None }).await?;
        let part = PartWriter::new(path, file, encoder, empty_part(name, Partition::none()));
        Ok(Self { part, schema: head.schema.clone() })
    }
}

async fn close(open: &mut Option<Open>, done: &mut Vec<StagedPart>) -> Result<()> {
    if let Some(open) = open.take() {
        done.push(open.part.finish().await?);
    }
    Ok(())
}

/// What a file says of itself.
struct Head {
    schema: SchemaRef,
    compression: Compression,
    rows: u64,
}

/// A file that is read, on a thread of its own.
struct Reading {
    path: String,
    head: Head,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    /// Rows so far.
    rows: u64,
}

impl Reading {
    async fn of(fs: &dyn Filesystem, path: &str) -> Result<Self> {
        let input = bridge::open(fs, path).await?;
        let (shows, head) = oneshot::channel();
        let (to, batches) = mpsc::channel(BATCHES);
        let name = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let options = BatchOptions { columns: None, rows: BATCH_ROWS, calendar: None };
            let decoder = match ParquetDecoder::new(input, &RowGroups::All, &options) {
                Ok(decoder) if decoder.has_int96() => {
                    let e = error::schema(format!("{name} has times in INT96, which are not written again"));
                    return drop(shows.send(Err(e.hint("it was not written by an agent; leave its partition out"))));
                }
                Ok(decoder) => decoder,
                Err(e) => return drop(shows.send(Err(e))),
            };
            let rows = decoder.row_groups().iter().map(|(rows, _)| rows).sum();
            drop(shows.send(Ok(Head { schema: decoder.schema(), compression: decoder.compression(), rows })));
            for batch in decoder {
                let is_last = batch.is_err();
                if to.blocking_send(batch).is_err() || is_last {
                    break;
                }
            }
        });
        let head = head.await.map_err(|e| error::bug(format!("a thread that reads {path} broke down")).source(e))??;
        Ok(Self { path: path.to_owned(), head, batches, rows: 0 })
    }

    /// The next batch; `None` once all rows are read that the file says it has.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.batches.recv().await.transpose()?;
        self.rows += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        if batch.is_none() && self.rows != self.head.rows {
            let Self { path, rows, head, .. } = self;
            return Err(error::data(format!("{path} has {} rows by its footer, and {rows} were read", head.rows)));
        }
        Ok(batch)
    }
}

/// The rows of some files, one after the other.
struct Rows {
    fs: Arc<dyn Filesystem>,
    files: VecDeque<String>,
    reading: Option<Reading>,
    /// What is left of the batch at hand.
    batch: Option<RecordBatch>,
}

impl Rows {
    fn of(fs: &Arc<dyn Filesystem>, files: Vec<String>) -> Self {
        Self { fs: fs.clone(), files: files.into(), reading: None, batch: None }
    }

    /// The rows at hand; `None` once there are no more.
    async fn look(&mut self) -> Result<Option<&RecordBatch>> {
        while self.batch.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
            let next = match &mut self.reading {
                Some(reading) => reading.next().await?,
                None => None,
            };
            self.batch = next;
            if self.batch.is_none() {
                let Some(file) = self.files.pop_front() else { return Ok(None) };
                self.reading = Some(Reading::of(self.fs.as_ref(), &file).await?);
            }
        }
        Ok(self.batch.as_ref())
    }

    fn pass(&mut self, rows: usize) {
        self.batch = self.batch.take().map(|batch| batch.slice(rows, batch.num_rows() - rows));
    }
}

/// Compares the rows of old and new files, one by one; gives their number.
async fn compare(fs: &Arc<dyn Filesystem>, old: Vec<String>, new: Vec<String>) -> Result<u64> {
    let (mut old, mut new, mut rows) = (Rows::of(fs, old), Rows::of(fs, new), 0);
    loop {
        let both = match (old.look().await?, new.look().await?) {
            (None, None) => return Ok(rows),
            (Some(old), Some(new)) => {
                let both = old.num_rows().min(new.num_rows());
                if old.slice(0, both) != new.slice(0, both) {
                    return Err(differ(rows));
                }
                both
            }
            _ => return Err(differ(rows)),
        };
        old.pass(both);
        new.pass(both);
        rows += both as u64;
    }
}

fn differ(rows: u64) -> Error {
    error::data(format!("the new files differ from the old ones behind row {rows}"))
        .hint("nothing was changed: the old files are what readers see")
}
