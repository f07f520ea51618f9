//! One load from its opening to its end: recover, stage, record, publish, register, done.

use bytes::Bytes;
use serde_json::Value;

use super::layout::Layout;
use super::lock::Lock;
use super::part::{self, PartWriter, SideWriter};
use super::publish::publish;
use super::{Cluster, LoadMode, LoadPlan, Manifest, Partition, StagedPart, register, strangers};
use crate::error::{self, Effect, Error, Kind, Result};
use crate::metastore::TableSpec;
use crate::storage::{CreateOptions, DeleteOptions, Filesystem, RenameOptions};

/// A load under way; holds the target's lock until it is committed, discarded or dropped.
#[derive(Debug)]
pub struct Load {
    cluster: Cluster,
    plan: LoadPlan,
    table: Option<TableSpec>,
    layout: Layout,
    load_id: String,
    previous: Option<Manifest>,
    lock: Lock,
}

/// A load that is done.
#[derive(Clone, Debug)]
pub struct Committed {
    /// What it consists of.
    pub manifest: Manifest,
}

impl Load {
    /// Locks the target, finishes a load that was recorded but not completed, and removes what was only staged.
    ///
    /// # Errors
    /// Exists: the target holds files that no manifest of ours names, or the table is not ours. Schema: the table has
    /// other columns. Busy: somebody is loading there. Config: the plan makes no sense. An error after the files of
    /// the earlier load became visible has the effect [`Effect::RegistrationPending`].
    pub async fn open(cluster: &Cluster, plan: LoadPlan) -> Result<Self> {
        let layout = Layout::new(&plan.target)?;
        let load_id = plan.load_id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        if load_id.is_empty() || !load_id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(error::config(format!("{load_id:?} cannot be a load id"))
                .hint("use letters, digits, minus, underscore and dot"));
        }
        let table = register::table_spec(cluster, &layout, &plan)?;
        let fs = cluster.fs.as_ref();
        let lock = Lock::acquire(&cluster.fs, &layout.lock(), &format!("run {}", plan.run_id)).await?;
        let previous = read_manifest(fs, &layout).await?;
        recover(cluster, &layout, previous.as_ref()).await?;
        strangers::refuse(fs, &layout, previous.as_ref(), plan.mode).await?;
        if let Some(spec) = &table {
            register::check(cluster, spec).await?;
        }
        let load = Self { cluster: cluster.clone(), plan, table, layout, load_id, previous, lock };
        if load.refuse_again().is_ok() {
            fs.mkdirs(&load.layout.staged_data(&load.load_id)).await?;
        }
        Ok(load)
    }

    /// A committed load cannot be staged again: its stage directory would look like unfinished business.
    fn refuse_again(&self) -> Result<()> {
        match &self.previous {
            Some(previous) if previous.load_id == self.load_id => {
                let what = format!("load {} of {} is committed already", self.load_id, self.layout.target);
                Err(error::exists(what).hint("go on after its checkpoint, or choose another load id"))
            }
            _ => Ok(()),
        }
    }

    /// The last committed load of this target.
    pub fn previous(&self) -> Option<&Manifest> {
        self.previous.as_ref()
    }

    /// The name of this load in file names and table parameters.
    pub fn id(&self) -> &str {
        &self.load_id
    }

    /// Starts a file; `name` is unique within the load. Many may be written at once.
    ///
    /// # Errors
    /// Schema: the partition does not fit the table. Exists: the name was used before. Those of the filesystem.
    pub async fn part(&self, name: &str, partition: &Partition) -> Result<PartWriter> {
        self.refuse_again()?;
        if let Some(table) = &self.table
            && !table.partition_columns.iter().map(|c| c.name.as_str()).eq(partition.names())
        {
            let what = format!("partition {:?} does not fit the columns of {}", partition.path(), table.full_name());
            return Err(error::schema(what));
        }
        let file = format!("part-{}-{}.{}", self.load_id, checked_name(name)?, self.plan.extension);
        let part = part::empty_part(file, partition.clone());
        let path = self.layout.staged(&self.load_id, &part);
        let encoder = (self.plan.encoder)(partition)?;
        let file = self.cluster.fs.create(&path, CreateOptions::default()).await?;
        Ok(PartWriter::new(path, file, encoder, part))
    }

    /// Starts a file of ready bytes that is published as `directory/name` by the same commit.
    ///
    /// A file of that name that is there already is replaced.
    ///
    /// # Errors
    /// Config: the directory is not an absolute path. Exists: the name was used before. Those of the filesystem.
    pub async fn side_part(&self, directory: &str, name: &str) -> Result<SideWriter> {
        self.refuse_again()?;
        let directory = Layout::new(directory)?.target;
        let mut part = part::empty_part(checked_name(name)?.to_owned(), Partition::none());
        part.directory = Some(directory.clone());
        let path = self.layout.staged(&self.load_id, &part);
        let file = self.cluster.fs.create(&path, CreateOptions::default()).await?;
        Ok(SideWriter::new(path, file, directory, name.to_owned()))
    }

    /// Whether the target holds exactly these rows already: the previous load replaced it by files of the same
    /// content in the same partitions, they are still there, and the table is the same. The caller then discards.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn is_unchanged(&self, parts: &[StagedPart]) -> Result<bool> {
        let Some(previous) = &self.previous else { return Ok(false) };
        let contents = |parts: &[StagedPart]| {
            let mut contents: Vec<_> =
                parts.iter().map(|p| (p.directory.clone(), p.partition.clone(), p.sha256.clone())).collect();
            contents.sort_unstable();
            contents
        };
        if (self.plan.mode, previous.mode) != (LoadMode::Replace, LoadMode::Replace)
            || previous.table != self.table
            || contents(&previous.parts) != contents(parts)
        {
            return Ok(false);
        }
        for part in &previous.parts {
            let there = self.cluster.fs.stat(&self.layout.published(part)).await?;
            if there.is_none_or(|file| file.len_bytes != part.bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Commits: record, publish, register, done. `checkpoint` is kept for the next load.
    ///
    /// # Errors
    /// Exists: somebody put a file into the target that would be lost. Before the manifest is recorded nothing has
    /// changed. Afterwards the next [`Load::open`] of this target goes on
    /// where this one failed; where the data is visible the effect is [`Effect::RegistrationPending`].
    pub async fn commit(self, mut parts: Vec<StagedPart>, checkpoint: Value) -> Result<Committed> {
        self.refuse_again()?;
        strangers::refuse(self.cluster.fs.as_ref(), &self.layout, self.previous.as_ref(), self.plan.mode).await?;
        let Self { cluster, plan, table, layout, load_id, previous: _, lock } = self;
        parts
            .sort_unstable_by(|a, b| (&a.directory, &a.partition, &a.file).cmp(&(&b.directory, &b.partition, &b.file)));
        let mut manifest =
            Manifest::new(load_id, plan.mode, layout.target.clone(), plan.run_id.clone(), plan.fingerprint.clone());
        (manifest.parts, manifest.checkpoint, manifest.table) = (parts, checkpoint, table);
        lock.check().await?;
        let context = |e: Error| e.context(format!("committing load {} of {}", manifest.load_id, layout.target));
        record(cluster.fs.as_ref(), &layout, &manifest).await.map_err(context)?;
        finish(&cluster, &layout, &manifest).await.map_err(context)?;
        lock.release().await.map_err(pending)?;
        Ok(Committed { manifest })
    }

    /// Registers the previous load once more, for a table that was dropped or changed by hand.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn register_again(&self) -> Result<()> {
        match &self.previous {
            Some(previous) => register::register(&self.cluster, &self.layout, previous).await,
            None => Ok(()),
        }
    }

    /// Throws away what was staged; the target stays as it is.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn discard(self) -> Result<()> {
        let stage = self.layout.stage(&self.load_id);
        self.cluster.fs.delete(&stage, DeleteOptions { recursive: true }).await?;
        self.lock.release().await
    }
}

/// Finishes the recorded load if its stage is still there, and removes everything else from the state directory.
async fn recover(cluster: &Cluster, layout: &Layout, recorded: Option<&Manifest>) -> Result<()> {
    let fs = cluster.fs.as_ref();
    for entry in fs.list(&layout.state).await? {
        match (Layout::load_of_stage(entry.name()), recorded) {
            _ if [layout.manifest(), layout.lock()].contains(&entry.path) => {}
            (Some(id), Some(manifest)) if id == manifest.load_id => {
                tracing::info!(load = id, target = layout.target, "finishing an earlier load");
                finish(cluster, layout, manifest)
                    .await
                    .map_err(|e| e.context(format!("finishing the earlier load {id} of {}", layout.target)))?;
            }
            _ => {
                fs.delete(&entry.path, DeleteOptions { recursive: true }).await?;
            }
        }
    }
    Ok(())
}

/// The commit point.
async fn record(fs: &dyn Filesystem, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let next = format!("{}.next", layout.manifest());
    let mut file = fs.create(&next, CreateOptions { overwrite: true, replication: None }).await?;
    file.write(Bytes::from(manifest.to_json()?)).await?;
    file.close().await?;
    fs.rename(&next, &layout.manifest(), RenameOptions { overwrite: true }).await
}

/// All that follows the commit point; safe to repeat.
async fn finish(cluster: &Cluster, layout: &Layout, manifest: &Manifest) -> Result<()> {
    let fs = cluster.fs.as_ref();
    publish(fs, layout, manifest).await.map_err(|e| match e.remedy() {
        Some(_) => e,
        None => e.hint("run again: the load is recorded and only has to be published"),
    })?;
    register::register(cluster, layout, manifest).await.map_err(pending)?;
    let stage = layout.stage(&manifest.load_id);
    fs.delete(&stage, DeleteOptions { recursive: true }).await.map_err(pending)?;
    Ok(())
}

fn pending(error: Error) -> Error {
    error.effect(Effect::RegistrationPending)
}

async fn read_manifest(fs: &dyn Filesystem, layout: &Layout) -> Result<Option<Manifest>> {
    match fs.read(&layout.manifest()).await {
        Ok(bytes) => Manifest::from_json(&bytes).map(Some).map_err(|e| e.context(layout.manifest())),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn checked_name(name: &str) -> Result<&str> {
    if name.is_empty() || name.starts_with(['.', '_']) || name.contains(['/', ':']) {
        return Err(error::bug(format!("{name:?} cannot be the name of a part")));
    }
    Ok(name)
}
