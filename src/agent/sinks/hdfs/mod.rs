//! Files in HDFS of events as they are, in directories that the events' headers and times say, as Flume's HDFS sink
//! writes them; but each event once, and no file before it is complete.
//!
//! An epoch is one load: its files lie hidden until all of them are complete, and become visible by the same commit that
//! keeps the channel's cursor. So there is never a file in use beside the others, and `inUsePrefix` and `inUseSuffix` have
//! nothing to name. Events that have no place to go (a path of a time, and no time) and those that cannot stand in such a
//! file (a body that is not of its schema) are put aside with their reason.

pub(in crate::agent) mod bucket;
pub(in crate::agent) mod content;
pub(in crate::agent) mod escape;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
pub(in crate::agent) mod schemas;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use self::bucket::{Bucket, FileRules, Numbers, Place};
use self::content::{Content, Serializer};
use self::escape::{Clock, Template, confined, is_prefix};
use self::schemas::{SchemaPlace, Schemas};
use super::place::EventDirectory;
use super::{Begun, Chunk, EpochWriter, Kept, RejectFile, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::event::Event;
use crate::agent::rejects::Rejects;
use crate::agent::sorter::Sorter;
use crate::error::{self, Result};
use crate::load::{Cluster, Load, StagedPart};

/// Files that are written or completed at once: in HDFS that is mostly waiting.
const FILES_AT_ONCE: usize = 48;

/// Bytes that may wait in the open files of an epoch, for their blocks to be full and for a piece that is worth sending;
/// then all are sent.
const MOST_HELD_BYTES: usize = 128 << 20;

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct HdfsOptions {
    /// The directory, with escapes.
    pub path: Template,
    /// How the names of files begin, with escapes.
    pub prefix: Template,
    pub clock: Clock,
    /// Where events go that have no place, as JSON lines.
    pub reject_dir: String,
    /// The sink, as rejects name it.
    pub sink: String,
    pub rules: FileRules,
    /// The schema of bodies of Avro whose headers do not name one.
    pub schema: Option<SchemaPlace>,
    /// Files of an epoch that are open at once.
    pub max_open_files: usize,
}

impl HdfsOptions {
    /// The directory that all events go to or below: that of the path before its first escape.
    pub(in crate::agent) fn root(&self) -> &str {
        let fixed = self.path.fixed();
        let root = if self.path.is_fixed() { fixed } else { fixed.rsplit_once('/').map_or("", |(root, _)| root) };
        root.trim_end_matches('/')
    }

    /// The directory and the prefix of an event.
    ///
    /// # Errors
    /// Why it has none.
    pub(in crate::agent) fn place(&self, event: &Event, now: Timestamp) -> Result<(String, String), String> {
        event.is_whole()?;
        let Self { path, prefix, clock, .. } = self;
        self.rules.content.check(event)?;
        let path = path.fill(event, clock, now)?;
        confined(&path, self.root())?;
        let prefix = prefix.fill(event, clock, now)?;
        is_prefix(&prefix)?;
        let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
        Ok((format!("/{}", components.join("/")), prefix))
    }
}

/// Where epochs go.
#[derive(Debug)]
pub(super) struct HdfsSink {
    pub cluster: Cluster,
    pub options: HdfsOptions,
    pub run_id: String,
    /// Others empty its channel, too.
    pub shares: bool,
}

impl HdfsSink {
    fn directory(&self) -> EventDirectory<'_> {
        EventDirectory {
            cluster: &self.cluster,
            path: self.options.root(),
            reject_dir: &self.options.reject_dir,
            run_id: &self.run_id,
            fingerprint: "agent events 1",
            holds: "events of an agent",
            shares: self.shares,
        }
    }
}

#[async_trait(?Send)]
impl Sink for HdfsSink {
    fn name(&self) -> String {
        format!("agent {}", self.options.root())
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        self.directory().recover().await
    }

    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        Ok(match self.directory().begin(from).await? {
            Ok(load) => Begun::Epoch(Box::new(HdfsEpoch::new(load, self.options.clone()))),
            Err(there) => there,
        })
    }
}

/// An epoch being written.
struct HdfsEpoch {
    load: Load,
    options: HdfsOptions,
    /// Where bodies have schemas.
    schemas: Option<Schemas>,
    buckets: BTreeMap<Place, Bucket>,
    numbers: Numbers,
    done: Vec<StagedPart>,
    rejects: RejectFile,
    /// Chunks that were written, to know which bucket was not used for longest.
    chunks: usize,
}

impl HdfsEpoch {
    fn new(load: Load, options: HdfsOptions) -> Self {
        let has_schemas = matches!(options.rules.content, Content::Stream { serializer: Serializer::AvroBody(_), .. });
        let schemas = has_schemas.then(|| Schemas::new(load.filesystem(), options.schema.clone()));
        Self {
            load,
            options,
            schemas,
            buckets: BTreeMap::new(),
            numbers: Numbers::default(),
            done: Vec::new(),
            rejects: RejectFile::default(),
            chunks: 0,
        }
    }

    /// The place of an event, or why it has none.
    ///
    /// # Errors
    /// A schema cannot be read.
    async fn place(&mut self, event: &Event, now: Timestamp) -> Result<Result<Place, String>> {
        let mut place = match self.options.place(event, now) {
            Ok((directory, prefix)) => Place { directory, prefix, schema: None },
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(schemas) = &mut self.schemas {
            match schemas.of(event).await? {
                Ok(schema) => place.schema = Some(schema),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(place))
    }

    /// The bucket of a place.
    fn bucket(&mut self, place: &Place, now: Timestamp) -> Bucket {
        if let Some(bucket) = self.buckets.remove(place) {
            return bucket;
        }
        let schema = place.schema.and_then(|number| Some(self.schemas.as_ref()?.text(number)));
        Bucket::new(place.clone(), schema, self.options.rules.clone(), self.numbers.of(place, now))
    }

    /// Ships what waits in all files, where that is too much.
    async fn relieve(&mut self) -> Result<()> {
        if self.buckets.values().map(Bucket::held_bytes).sum::<usize>() <= MOST_HELD_BYTES {
            return Ok(());
        }
        let shipped = stream::iter(self.buckets.values_mut().map(Bucket::ship)).buffer_unordered(FILES_AT_ONCE);
        shipped.try_collect::<Vec<()>>().await.map(drop)
    }

    /// Completes the `count` buckets that were not used for longest.
    async fn close(&mut self, count: usize) -> Result<()> {
        let mut by_use: Vec<_> = self.buckets.iter().map(|(place, bucket)| (bucket.used, place.clone())).collect();
        by_use.sort();
        let buckets = by_use.into_iter().take(count).filter_map(|(_, place)| self.buckets.remove(&place));
        let buckets: Vec<Bucket> = buckets.collect();
        let finished = stream::iter(buckets.into_iter().map(Bucket::finish)).buffer_unordered(FILES_AT_ONCE);
        self.done.extend(finished.try_collect::<Vec<_>>().await?.into_iter().flatten());
        Ok(())
    }
}

#[async_trait(?Send)]
impl EpochWriter for HdfsEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Err(error::bug("a sink of events was given rows")) };
        self.chunks += 1;
        let now = Timestamp::now();
        let (mut sorted, mut rejects) = (BTreeMap::<_, Vec<Event>>::new(), Rejects::default());
        for event in events {
            match self.place(&event, now).await? {
                Ok(place) => sorted.entry(place).or_default().push(event),
                Err(reason) => rejects.add(&event, &reason, &self.options.sink)?,
            }
        }
        let mut work = Vec::with_capacity(sorted.len());
        for (place, events) in sorted {
            let bucket = self.bucket(&place, now);
            work.push((place, bucket, events));
        }
        // Not more at once than may be open.
        let mut work = work.into_iter().peekable();
        while work.peek().is_some() {
            let (load, chunk) = (&self.load, self.chunks);
            let some = work.by_ref().take(self.options.max_open_files);
            let some = some.map(|(place, mut bucket, events)| async move {
                bucket.used = chunk;
                bucket.write(load, events, now).await?;
                Ok::<_, error::Error>((place, bucket))
            });
            let written: Vec<_> = stream::iter(some).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
            self.buckets.extend(written);
            self.close(self.buckets.len().saturating_sub(self.options.max_open_files)).await?;
        }
        self.relieve().await?;
        self.rejects.add(&self.load, &self.options.reject_dir, rejects).await
    }

    async fn commit(mut self: Box<Self>, to: &Cursor) -> Result<Written> {
        self.close(usize::MAX).await?;
        self.done.extend(self.rejects.finish().await?);
        let parts = self.load.commit(self.done, to.to_checkpoint()?).await?.manifest.parts;
        Ok(Written { first_reject: self.rejects.first_reason, ..Written::of(&parts, &self.options.reject_dir) })
    }
}
