//! A table in HDFS and Hive: an epoch becomes an appending load, and the load's checkpoint is the channel's next cursor.
//!
//! So rows, rejects and the position behind them become visible and durable by one rename of the manifest. Before an
//! epoch is written its own cursor is compared with the manifest's: an epoch that is there already is not written
//! again, and one that another agent's epoch has overtaken is refused.
//!
//! Where partitions are to be marked as complete, what is known of the time of the rows is in the checkpoint, too.

mod compact;
mod complete;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::Value;

use self::compact::Background;
pub(in crate::agent) use self::compact::{CompactOptions, Order};
pub(in crate::agent) use self::complete::CompleteOptions;
use self::complete::Marking;
use super::{Begun, Chunk, EpochWriter, Kept, RejectFile, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::sorter::{Sorted, Sorter, Sorting};
use crate::agent::watermark::Progress;
use crate::error::{self, Error, Result};
use crate::format::{FileFormat, ParquetOptions};
use crate::load::{Cluster, Load, LoadMode, LoadPlan, Manifest, PartWriter, Partition, StagedPart, TablePlan};
use crate::metastore::HiveStorage;

/// Files that are opened, written or closed at once: in HDFS that is mostly waiting.
const FILES_AT_ONCE: usize = 48;
/// Files of an epoch that are open at once; of more partitions some have several files.
const OPEN_FILES: usize = 64;
/// How long somebody may hold the target before an epoch is begun anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the clock completes a partition, while no event comes.
const REST: Duration = Duration::from_secs(60);
/// Bytes that the encoders of an epoch may hold before they make room.
const HELD_BYTES: usize = 6 << 20;

/// What the sink is told.
#[derive(Debug)]
pub(in crate::agent) struct TableOptions {
    pub target: String,
    pub reject_dir: String,
    /// Database and name.
    pub table: Option<(String, String)>,
    pub sorting: Sorting,
    /// When partitions are complete, if that is wanted.
    pub complete: Option<CompleteOptions>,
    /// How files of closed partitions are rewritten while the sink is open, if that is wanted.
    pub compact: Option<CompactOptions>,
}

/// Where the checkpoint of an epoch has its [`Progress`].
const PROGRESS: &str = "time";

/// Where epochs go.
#[derive(Debug)]
pub(in crate::agent) struct TableSink {
    cluster: Cluster,
    options: TableOptions,
    run_id: String,
    /// When it was looked last whether the clock completes a partition.
    rested: Option<Instant>,
    /// What was shown last of partitions.
    shown: Option<Progress>,
    background: Background,
}

impl TableSink {
    pub(in crate::agent) fn new(cluster: Cluster, options: TableOptions, run_id: String) -> Self {
        Self { cluster, options, run_id, rested: None, shown: None, background: Background::default() }
    }

    fn plan(&self, load_id: Option<String>) -> LoadPlan {
        let partition_columns = self.options.sorting.partition.columns();
        let schema = self.options.sorting.schema.clone();
        let format = FileFormat::Parquet(ParquetOptions::default());
        let extension = format.extension();
        let table = |(database, table): &(String, String)| TablePlan {
            comment: Some(self.options.sorting.parser.comment().to_owned()),
            partition_columns,
            ..TablePlan::new(database, table, HiveStorage::Parquet)
        };
        let encoder = Arc::new(move |_: &Partition| format.encoder(schema.clone()));
        LoadPlan {
            extension: extension.map(str::to_owned),
            table: self.options.table.as_ref().map(table),
            fingerprint: self.fingerprint(),
            run_id: self.run_id.clone(),
            load_id,
            ..LoadPlan::new(&self.options.target, LoadMode::Append, self.options.sorting.schema.clone(), encoder)
        }
    }

    /// What the files of the target have in common.
    fn fingerprint(&self) -> String {
        format!("agent {} 1, parquet, by {}", self.options.sorting.parser.kind(), self.options.sorting.partition.name())
    }

    /// Opens a load of the target. Who compacts it from outside holds it for a moment, which is waited for.
    async fn open(&self, load_id: Option<String>) -> Result<Load> {
        compact::while_busy(PATIENCE, async || Load::open(&self.cluster, self.plan(load_id.clone())).await).await
    }

    fn marking(&self) -> Option<Marking> {
        let TableOptions { target, table, sorting, complete, .. } = &self.options;
        complete.clone().map(|options| Marking {
            cluster: self.cluster.clone(),
            target: target.clone(),
            table: table.clone(),
            partition: sorting.partition,
            options,
        })
    }

    /// What the target keeps of the channel and of the time of its rows.
    fn kept(&self, manifest: Option<&Manifest>) -> Result<(Option<Cursor>, Progress)> {
        let Some(manifest) = manifest else { return Ok((None, Progress::default())) };
        if manifest.fingerprint != self.fingerprint() {
            let what =
                format!("{} holds {:?}, not {:?}", self.options.target, manifest.fingerprint, self.fingerprint());
            return Err(error::config(what).hint("choose another target directory, or set partition as it was"));
        }
        let mut checkpoint = manifest.checkpoint.clone();
        let progress = checkpoint.as_object_mut().and_then(|all| all.remove(PROGRESS)).unwrap_or_default();
        let progress: Option<Progress> = serde_json::from_value(progress).map_err(|e| {
            error::data(format!("the checkpoint of {} has another {PROGRESS:?} than an agent's", self.options.target))
                .source(e)
        })?;
        let cursor = Cursor::of_checkpoint(&checkpoint, &self.options.target)?;
        Ok((Some(cursor), progress.unwrap_or_default()))
    }

    /// Shows what the last epoch says of partitions, where an earlier attempt may not have come to it.
    async fn show(&mut self, progress: &Progress) -> Result<()> {
        if let Some(marking) = self.marking()
            && progress.is_to_be_shown()
            && self.shown.as_ref() != Some(progress)
        {
            marking.show(progress).await?;
            self.shown = Some(progress.clone());
        }
        Ok(())
    }
}

/// A cursor, and what is known of the time of the rows, as a manifest keeps them.
fn checkpoint(cursor: &Cursor, progress: &Progress) -> Result<Value> {
    let mut checkpoint = cursor.to_checkpoint()?;
    let progress = serde_json::to_value(progress).map_err(|e| error::bug("cannot write a time as JSON").source(e))?;
    checkpoint[PROGRESS] = progress;
    Ok(checkpoint)
}

/// What an epoch that has landed became.
fn written(manifest: &Manifest, reject_dir: &str, progress: &Progress, marking: Option<&Marking>) -> Written {
    Written {
        late: progress.late_rows(),
        complete: progress.complete.len() as u64,
        watermark: marking.and_then(|marking| progress.watermark(marking.lateness())),
        ..Written::of(&manifest.parts, reject_dir)
    }
}

#[async_trait(?Send)]
impl Sink for TableSink {
    fn name(&self) -> String {
        let directory = self.options.target.trim_end_matches('/').rsplit('/').next();
        let table = self.options.table.as_ref().map(|(_, table)| table.as_str());
        format!("agent {}", table.or(directory).unwrap_or_default())
    }

    fn sorter(&self) -> Option<Sorter> {
        Some(self.options.sorting.sorter())
    }

    /// Also registers what was loaded before, if the table was asked for later.
    async fn recover(&mut self) -> Result<Kept> {
        let load = self.open(None).await?;
        let kept = match self.kept(load.previous()) {
            Ok(kept) if load.is_registration_due() => load.register_again().await.map(|()| kept),
            kept => kept,
        };
        load.discard().await?;
        let (cursor, progress) = kept?;
        self.show(&progress).await?;
        Ok(Kept::Target(cursor))
    }

    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        self.compact_behind().await;
        let load = self.open(Some(from.next_load())).await?;
        let (there, progress) = self.kept(load.previous())?;
        self.show(&progress).await?;
        let marking = self.marking();
        let TableOptions { target, reject_dir, .. } = &self.options;
        if from.agrees_with(there.as_ref()) {
            let marking = marking.map(|marking| (marking, progress));
            let epoch = TableEpoch::new(load, reject_dir.clone(), marking, self.background.done());
            return Ok(Begun::Epoch(Box::new(epoch)));
        }
        let written = load.previous().map(|previous| written(previous, reject_dir, &progress, marking.as_ref()));
        load.discard().await?;
        match there {
            Some(there) if there.is_next_of(from) => Ok(Begun::There(there, Box::new(written.unwrap_or_default()))),
            _ => Err(super::overtaken(target)),
        }
    }

    /// Completes partitions by the clock.
    async fn rest(&mut self, quiet: Duration) -> Result<Written> {
        self.compact_behind().await;
        let nothing = Ok(self.background.done());
        let Some(marking) = self.marking() else { return nothing };
        let Some(after) = marking.options.idle_after.filter(|after| quiet >= *after) else { return nothing };
        if self.rested.is_some_and(|last| last.elapsed() < after.min(REST)) {
            return nothing;
        }
        self.rested = Some(Instant::now());
        let load = self.open(None).await?;
        let (cursor, progress) = self.kept(load.previous())?;
        // An earlier attempt may not have come to it, and it has to be seen before it is forgotten.
        let shown = self.show(&progress).await;
        let rested = progress.rested(Timestamp::now(), marking.lateness());
        let (Some(cursor), Some(rested)) = (cursor, rested) else {
            load.discard().await?;
            return shown.and(nothing);
        };
        shown?;
        load.commit_checkpoint(checkpoint(&cursor, &rested)?).await?;
        self.show(&rested).await?;
        let watermark = rested.watermark(marking.lateness());
        Ok(Written { complete: rested.complete.len() as u64, watermark, ..nothing? })
    }
}

/// An epoch being written.
struct TableEpoch {
    load: Load,
    reject_dir: String,
    /// By the path of the partition.
    open: BTreeMap<String, OpenFile>,
    /// Files that were opened, to number them.
    opened: usize,
    /// Chunks that were written, to know which file was not used for longest.
    chunks: usize,
    done: Vec<StagedPart>,
    rejects: RejectFile,
    /// What was known of the time of the rows before, where that is kept.
    marking: Option<(Marking, Progress)>,
    /// Rows of this epoch, by the number of their day or hour.
    rows: BTreeMap<i64, u64>,
    /// The latest time of them.
    latest: Option<Timestamp>,
    /// What was compacted before.
    behind: Written,
}

struct OpenFile {
    writer: PartWriter,
    /// The chunk that wrote to it last.
    used: usize,
}

impl TableEpoch {
    fn new(load: Load, reject_dir: String, marking: Option<(Marking, Progress)>, behind: Written) -> Self {
        let (open, done, rows) = Default::default();
        let rejects = RejectFile::default();
        Self { load, reject_dir, open, opened: 0, chunks: 0, done, rejects, marking, rows, latest: None, behind }
    }

    async fn write_parts(&mut self, parts: Vec<(Partition, RecordBatch)>) -> Result<()> {
        self.chunks += 1;
        let mut work = Vec::with_capacity(parts.len());
        for (partition, rows) in parts {
            let open = self.open.remove(&partition.path());
            self.opened += usize::from(open.is_none());
            work.push((partition, rows, open, self.opened));
        }
        let (load, chunk) = (&self.load, self.chunks);
        let work = work.into_iter().map(|(partition, rows, open, number)| async move {
            let mut writer = match open {
                Some(open) => open.writer,
                None => load.part(number - 1, 0, &partition).await?,
            };
            writer.write(&rows).await?;
            Ok::<_, Error>((partition.path(), OpenFile { writer, used: chunk }))
        });
        let written: Vec<(String, OpenFile)> = stream::iter(work).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
        self.open.extend(written);
        self.close(self.open.len().saturating_sub(OPEN_FILES)).await?;
        self.make_room().await
    }

    /// Completes the `count` files that were not written to for longest.
    async fn close(&mut self, count: usize) -> Result<()> {
        let mut by_use: Vec<(usize, String)> = self.open.iter().map(|(path, file)| (file.used, path.clone())).collect();
        by_use.sort();
        let files = by_use.into_iter().take(count).filter_map(|(_, path)| self.open.remove(&path));
        let files: Vec<PartWriter> = files.map(|file| file.writer).collect();
        let done = stream::iter(files.into_iter().map(PartWriter::finish)).buffer_unordered(FILES_AT_ONCE);
        self.done.extend(done.try_collect::<Vec<_>>().await?);
        Ok(())
    }

    /// Once the encoders hold much, they compress what they have open, and where that is not enough end row groups,
    /// those that hold most first, until half of the room is free.
    async fn make_room(&mut self) -> Result<()> {
        let mut held: usize = self.open.values().map(|file| file.writer.buffered_bytes()).sum();
        if held <= HELD_BYTES {
            return Ok(());
        }
        let mut writers: Vec<&mut PartWriter> = self.open.values_mut().map(|file| &mut file.writer).collect();
        for is_row_group_over in [false, true] {
            writers.sort_by_key(|writer| Reverse(writer.buffered_bytes()));
            for writer in &mut writers {
                if held <= HELD_BYTES / 2 {
                    return Ok(());
                }
                held -= writer.buffered_bytes();
                match is_row_group_over {
                    false => writer.shrink().await?,
                    true => writer.flush().await?,
                }
                held += writer.buffered_bytes();
            }
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl EpochWriter for TableEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Rows(sorted) = chunk else { return Err(error::bug("a table was given events that are not rows")) };
        let Sorted { parts, rows, latest, rejects } = sorted;
        for (number, rows) in rows {
            *self.rows.entry(number).or_default() += rows;
        }
        self.latest = self.latest.max(latest);
        self.write_parts(parts).await?;
        self.rejects.add(&self.load, &self.reject_dir, rejects).await
    }

    async fn commit(mut self: Box<Self>, to: &Cursor) -> Result<Written> {
        self.close(usize::MAX).await?;
        self.done.extend(self.rejects.finish().await?);
        let Self { load, reject_dir, done, rejects, marking, rows, latest, behind, .. } = *self;
        let Written { compacted, compact_failures, .. } = behind;
        let first_reject = rejects.first_reason;
        let Some((marking, progress)) = marking else {
            let done = load.commit(done, to.to_checkpoint()?).await?;
            let written = Written::of(&done.manifest.parts, &reject_dir);
            return Ok(Written { first_reject, compacted, compact_failures, ..written });
        };
        let mut progress = progress.after(&rows, latest, marking.lateness());
        marking.add_up(&mut progress).await?;
        let done = load.commit(done, checkpoint(to, &progress)?).await?;
        marking.show(&progress).await?;
        let written = written(&done.manifest, &reject_dir, &progress, Some(&marking));
        Ok(Written { first_reject, compacted, compact_failures, ..written })
    }
}
