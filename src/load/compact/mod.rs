//! A partition's many small files rewritten into few, by location: the new files are written where nobody looks, the
//! metastore is told that the partition is there, and the old files stay for as long as somebody may read them.
//!
//! ```text
//! look      the files of the partition, and whether fewer would do
//! rewrite   all rows in order, into a directory of their own; read back and compared with the old ones
//! swap      with the target's lease: the files are still those that were read; place.json names the new directory: the
//!           commit point; the metastore follows
//! tidy      once the grace time is over: what nobody reads any more is deleted
//! ```
//!
//! Killed before the commit point, it leaves a directory that the next run deletes; after it, loads already go to the new
//! directory, and [`Compactor::settle`] tells the metastore. A load that adds rows finds out where the partition is
//! (`place`), so what comes late is visible, too. Files that were added while the others were read spoil the
//! swap, and the partition is rewritten anew.
//!
//! Why by location: files cannot be swapped inside a directory so that every reader sees all old ones or all new ones, and
//! a directory that is renamed is lost to a query that was planned before. It takes a table of Hive's, whose readers ask the
//! metastore where a partition is: a directory without one is refused by the caller.

mod rewrite;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::rewrite::Written;
use super::place::{self, Before, Place};
use super::strangers::is_data;
use super::{Cluster, Load};
use crate::error::{self, Error, Kind, Result};
use crate::lease::Lease;
use crate::metastore::{MetastoreClient, Statistics};
use crate::storage::{DeleteOptions, DirectoryLease, FileStatus};

/// What is rewritten, and into what.
#[derive(Clone, Debug)]
pub struct CompactPlan {
    /// Directory of the table.
    pub target: String,
    /// Database and name of the table.
    pub table: (String, String),
    /// Bytes after which another file is begun.
    pub file_bytes: u64,
    /// A partition is rewritten where that saves so many files.
    pub min_files: usize,
    /// How long old files stay.
    pub grace: Duration,
}

/// The one who rewrites files of a target, until it is dropped.
#[derive(Debug)]
pub struct Compactor {
    cluster: Cluster,
    plan: CompactPlan,
    lease: Lease,
}

/// A partition that is worth rewriting.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its path below the target.
    pub partition: String,
    place: Option<Place>,
    files: Vec<FileStatus>,
}

impl Due {
    /// How many files it has, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.files.len(), self.files.iter().map(|file| file.len_bytes).sum())
    }
}

/// A partition whose rows are in new files, too.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// What it was made from.
    pub due: Due,
    directory: String,
    written: Written,
}

impl Rewritten {
    /// Files, rows and bytes of the new files.
    pub fn size(&self) -> (usize, u64, u64) {
        let Written { files, rows, bytes } = self.written;
        (files, rows, bytes)
    }
}

impl Compactor {
    /// Takes the lease of all rewriting in the target.
    ///
    /// # Errors
    /// Busy: somebody else rewrites there, who is named. Those of the filesystem.
    pub async fn open(cluster: &Cluster, plan: CompactPlan, run_id: &str) -> Result<Self> {
        let lock = format!("{}/lock", place::root(&plan.target));
        let place = Arc::new(DirectoryLease::new(cluster.fs.clone(), lock));
        let lease = Lease::acquire(place, &format!("compaction by run {run_id}")).await?;
        Ok(Self { cluster: cluster.clone(), plan, lease })
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn close(self) -> Result<()> {
        self.lease.release().await
    }

    fn metastore(&self) -> Result<&MetastoreClient> {
        self.cluster.metastore.as_deref().ok_or_else(|| error::bug("a table is compacted without a metastore"))
    }

    fn table(&self) -> (&str, &str) {
        (&self.plan.table.0, &self.plan.table.1)
    }

    fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.plan.target)
    }

    /// Looks at a partition, by its path below the target; `None` where its files are few enough.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn look(&self, partition: &str) -> Result<Option<Due>> {
        let place = Place::read(self.cluster.fs.as_ref(), &self.plan.target, partition).await?;
        let files = self.files(partition, place.as_ref()).await?;
        let due = Due { partition: partition.to_owned(), place, files };
        let (count, bytes) = due.size();
        let fewest = usize::try_from(bytes.div_ceil(self.plan.file_bytes)).unwrap_or(usize::MAX).max(1);
        // What an earlier run made of them does not become less by another one.
        let fewest = fewest.max(due.place.as_ref().map_or(0, |place| place.files));
        Ok((count >= fewest.saturating_add(self.plan.min_files)).then_some(due))
    }

    async fn files(&self, partition: &str, place: Option<&Place>) -> Result<Vec<FileStatus>> {
        let directory = self.path(&place::below(partition, place.map(|place| place.directory.as_str())));
        let listed = match self.cluster.fs.list(&directory).await {
            Err(e) if e.kind() == Kind::NotFound => return Ok(Vec::new()),
            listed => listed?,
        };
        let data: Vec<FileStatus> = listed.into_iter().filter(|entry| is_data(entry.name())).collect();
        match data.iter().find(|entry| entry.is_dir) {
            Some(entry) => Err(error::refused(format!("{} is a directory in a partition", entry.path))
                .hint("it was not put there by sakia; move its files into the partition's directory, or leave it out")),
            None => Ok(data),
        }
    }

    /// Writes the rows of a partition into new files, and compares them with the old ones. Nobody sees them yet.
    ///
    /// # Errors
    /// Those of the filesystem and the decoder. Schema: a type that cannot be written again as it is. Data: the new files do
    /// not hold the rows of the old ones.
    pub async fn rewrite(&self, due: Due) -> Result<Rewritten> {
        let fs = &self.cluster.fs;
        let home = format!("{}/{}", place::root(&self.plan.target), due.partition);
        self.sweep(&home, due.place.as_ref()).await?;
        let directory = uuid::Uuid::now_v7().simple().to_string();
        let into = format!("{home}/{directory}");
        fs.mkdirs(&into).await?;
        fs.take_after(&self.path(&due.partition), &into).await?;
        let written = rewrite::rewrite(fs, &due.files, &into, &directory, self.plan.file_bytes).await;
        let written = written.map_err(|e| e.context(format!("compacting {}", self.path(&due.partition))))?;
        Ok(Rewritten { due, directory, written })
    }

    /// Deletes what killed runs left of a partition.
    async fn sweep(&self, home: &str, place: Option<&Place>) -> Result<()> {
        for (name, is_dir) in place::list(self.cluster.fs.as_ref(), home).await? {
            let is_known = place.is_some_and(|place| {
                place.directory == name || place.before.iter().any(|before| before.directory.as_ref() == Some(&name))
            });
            if is_dir && !name.contains('=') && !is_known {
                self.cluster.fs.delete(&format!("{home}/{name}"), DeleteOptions { recursive: true }).await?;
            }
        }
        Ok(())
    }

    /// Lets new files take the place of the old ones, which stay; says whether they did. They do not where files were added
    /// to the partition meanwhile; the new ones are deleted then. The load is one of the target that was just opened, so that
    /// no earlier one is unfinished and nobody else publishes.
    ///
    /// # Errors
    /// Those of the filesystem and the metastore. Once the place is recorded, [`Compactor::settle`] goes on.
    pub async fn swap(&self, load: &Load, rewritten: Rewritten) -> Result<bool> {
        let Rewritten { due: Due { partition, place, files }, directory, written } = rewritten;
        let fs = self.cluster.fs.as_ref();
        let now = Place::read(fs, &self.plan.target, &partition).await?;
        let same = |a: &FileStatus, b: &FileStatus| (&a.path, a.len_bytes) == (&b.path, b.len_bytes);
        let there = self.files(&partition, now.as_ref()).await?;
        if now != place || there.len() != files.len() || !there.iter().zip(&files).all(|(a, b)| same(a, b)) {
            let into = self.path(&place::below(&partition, Some(&directory)));
            fs.delete(&into, DeleteOptions { recursive: true }).await?;
            return Ok(false);
        }
        let mut before = place.as_ref().map(|place| place.before.clone()).unwrap_or_default();
        let names = files.iter().map(|file| file.name().to_owned()).collect();
        before.push(Before { directory: place.map(|place| place.directory), files: names });
        let Written { files, rows, bytes } = written;
        let place = Place { directory, files, rows, bytes, since_ms: None, before };
        self.lease.check().await?;
        load.note_places().await?;
        place.write(fs, &self.plan.target, &partition).await?;
        self.register(&partition, place).await?;
        Ok(true)
    }

    /// Whether a killed run recorded a place of which it did not tell the metastore.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn is_unsettled(&self) -> Result<bool> {
        let all = place::all(self.cluster.fs.as_ref(), &self.plan.target).await?;
        Ok(all.values().any(|place| place.since_ms.is_none()))
    }

    /// Partitions of the table, by their paths below the target.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn partitions(&self) -> Result<Vec<String>> {
        self.metastore()?.partition_names(self.table()).await
    }

    /// Tells the metastore what a killed run did not come to tell. The load is one of the target that was just opened.
    ///
    /// # Errors
    /// Those of the filesystem and the metastore.
    pub async fn settle(&self, _load: &Load) -> Result<()> {
        for (partition, place) in place::all(self.cluster.fs.as_ref(), &self.plan.target).await? {
            if place.since_ms.is_none() {
                self.register(&partition, place).await?;
            }
        }
        Ok(())
    }

    /// Gives a partition its location, and notes since when. Safe to repeat.
    async fn register(&self, partition: &str, place: Place) -> Result<()> {
        let present = self.files(partition, Some(&place)).await?;
        let present = (present.len() as u64, present.iter().map(|file| file.len_bytes).sum());
        let Place { rows, bytes, files, .. } = place;
        let statistics = Statistics { rows, bytes, files: files as u64, present, load_id: place.directory.clone() };
        let location = self.location(partition, &place);
        let metastore = self.metastore()?;
        if !metastore.relocate_partition(self.table(), partition, &location, &statistics).await? {
            tracing::warn!(partition, "somebody dropped the partition: a load that adds to it registers it again");
        }
        let place = Place { since_ms: Some(now_ms()), ..place };
        place.write(self.cluster.fs.as_ref(), &self.plan.target, partition).await
    }

    fn location(&self, partition: &str, place: &Place) -> String {
        format!("{}{}", self.cluster.fs.uri(), self.path(&place.below(partition)))
    }

    /// Deletes old files whose grace time is over; gives their number. Where the metastore does not have the location that
    /// it was given, it is given it again, and the grace time begins anew.
    ///
    /// # Errors
    /// Those of the filesystem and the metastore.
    pub async fn tidy(&self) -> Result<usize> {
        let grace_ms = u64::try_from(self.plan.grace.as_millis()).unwrap_or(u64::MAX);
        let mut deleted = 0;
        for (partition, place) in place::all(self.cluster.fs.as_ref(), &self.plan.target).await? {
            let is_over = place.since_ms.is_some_and(|since| since.saturating_add(grace_ms) <= now_ms());
            if place.before.is_empty() || !is_over {
                continue;
            }
            let said = self.metastore()?.partition_location(self.table(), &partition).await?;
            if said.is_some_and(|said| said.trim_end_matches('/') != self.location(&partition, &place)) {
                tracing::warn!(partition, "somebody gave the partition another location: it gets its own again");
                self.register(&partition, place).await?;
                continue;
            }
            self.lease.check().await?;
            deleted += self.forget(&partition, place).await.map_err(|e| old(&partition, e))?;
        }
        Ok(deleted)
    }

    async fn forget(&self, partition: &str, place: Place) -> Result<usize> {
        let fs = self.cluster.fs.as_ref();
        let mut deleted = 0;
        for Before { directory, files } in &place.before {
            let path = self.path(&place::below(partition, directory.as_deref()));
            deleted += files.len();
            if directory.is_some() {
                fs.delete(&path, DeleteOptions { recursive: true }).await?;
                continue;
            }
            // What others put there stays.
            for file in files {
                fs.delete(&format!("{path}/{file}"), DeleteOptions::default()).await?;
            }
        }
        let place = Place { before: Vec::new(), ..place };
        place.write(fs, &self.plan.target, partition).await?;
        Ok(deleted)
    }
}

fn old(partition: &str, error: Error) -> Error {
    error.context(format!("deleting old files of {partition}"))
}

fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}
