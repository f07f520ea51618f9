//! One load from its opening to its end: recover, stage, record, publish, register, done.

use std::sync::Arc;

use serde_json::Value;

use super::layout::Layout;
use super::names::Names;
use super::part::{self, PartWriter, SideWriter};
use super::publish::mark;
use super::recover::{finish, pending, read_manifest, record, recover, unregistered};
use super::register::{self, Registration};
use super::{
    Cluster, LoadMode, LoadPlan, Manifest, Partition, StagedPart, account, fields, place, prepare, strangers, trash,
};
use crate::error::{self, Error, Result};
use crate::format::Encoder;
use crate::lease::Lease;
use crate::storage::{CreateOptions, DeleteOptions, DirectoryLease, FileStatus, Filesystem};

/// A load under way; holds the target's lease until it is committed, discarded or dropped.
#[derive(Debug)]
pub struct Load {
    cluster: Cluster,
    plan: LoadPlan,
    table: Option<Registration>,
    /// The table, if one is wanted, knows of all files of earlier loads.
    registered: bool,
    layout: Layout,
    names: Names,
    load_id: String,
    previous: Option<Manifest>,
    /// Files of earlier loads that are not there any more, and are no longer accounted for.
    forgotten: Vec<String>,
    /// The encryption zone that the target is in.
    zone: Option<String>,
    lease: Lease,
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
    /// other columns. Busy: somebody is loading there. Config: the plan makes no sense, or the target is in an encryption
    /// zone without a way to its keys. An error after the files of
    /// the earlier load became visible has the effect [`Effect::RegistrationPending`](error::Effect::RegistrationPending).
    pub async fn open(cluster: &Cluster, plan: LoadPlan) -> Result<Self> {
        strangers::check_plan(&plan)?;
        let (layout, root) = register::layout(&plan)?;
        let load_id = plan.load_id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        if load_id.is_empty() || !load_id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(error::config(format!("{load_id:?} cannot be a load id"))
                .hint("use letters, digits, minus, underscore and dot"));
        }
        let table = register::registration(cluster, &root, &plan)?;
        let fs = cluster.fs.as_ref();
        let zone = layout.zone(fs).await?;
        let place = Arc::new(DirectoryLease::new(cluster.fs.clone(), layout.lock()));
        let lease = Lease::acquire(place, &format!("run {}", plan.run_id)).await?;
        let mut previous = read_manifest(fs, &layout).await?;
        recover(cluster, &layout, previous.as_mut(), &plan, table.as_ref()).await?;
        strangers::refuse(fs, &layout, previous.as_ref(), &plan).await?;
        fields::check(&plan, previous.as_ref())?;
        let registered = match &table {
            Some(table) => prepare::check(cluster, &layout, table, &plan, previous.as_ref()).await?,
            None => true,
        };
        let names = Names::new(fs, &layout, &plan, &load_id).await?;
        let load = Self {
            cluster: cluster.clone(),
            plan,
            table,
            registered,
            layout,
            names,
            load_id,
            previous,
            forgotten: Vec::new(),
            zone,
            lease,
        };
        if load.refuse_again().is_ok() {
            let staged = load.layout.staged_data(&load.load_id);
            fs.mkdirs(&staged).await?;
            // Files are moved from there, or it becomes the target: either way it is to be like it.
            fs.take_after(&load.layout.target, &staged).await?;
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

    /// Where the source was read up to by the last committed load.
    pub fn checkpoint(&self) -> Option<&Value> {
        self.previous.as_ref().map(|manifest| &manifest.checkpoint)
    }

    /// The data files in the target, whoever put them there, sorted by path; those of this load are not yet among
    /// them. No other load changes them while this one is open.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn files(&self) -> Result<Vec<FileStatus>> {
        strangers::files(self.cluster.fs.as_ref(), &self.layout.target).await
    }

    /// Says which files a replacing load was made from, where that was not known when it was planned; the plan's
    /// `replaces` has to be there, and is replaced.
    ///
    /// # Errors
    /// Bug: the plan does not replace named files.
    pub fn replace_files(&mut self, paths: Vec<String>) -> Result<()> {
        match &mut self.plan.replaces {
            Some(replaces) => *replaces = paths,
            None => return Err(error::bug("the plan of this load replaces no named files")),
        }
        Ok(())
    }

    /// The name of this load in file names and table parameters.
    pub fn id(&self) -> &str {
        &self.load_id
    }

    /// Starts the file `number`, unique within partition and load; `roll` counts from 0 the files that one number is
    /// divided into. Many may be written at once. A file that was begun before, and lost, is begun anew.
    ///
    /// # Errors
    /// Schema: the partition does not fit the table. Those of the filesystem.
    pub async fn part(&self, number: usize, roll: usize, partition: &Partition) -> Result<PartWriter> {
        self.part_with(number, roll, partition, (self.plan.encoder)(partition)?).await
    }

    /// No longer accounts for files of earlier loads that are not there any more; see [`Load::missing_files`].
    pub fn forget_files(&mut self, paths: Vec<String>) {
        self.forgotten = paths;
    }

    /// Where a published part lies.
    pub(super) fn published_path(&self, part: &StagedPart) -> String {
        self.layout.published(part)
    }

    /// Where a part of this load lies until it is published; it can be read there.
    pub fn staged_path(&self, part: &StagedPart) -> String {
        self.layout.staged(&self.load_id, part)
    }

    /// [`Load::part`] with an encoder of its own, for rows that are copied as they stand in older files.
    ///
    /// # Errors
    /// As [`Load::part`].
    pub async fn part_with(
        &self,
        number: usize,
        roll: usize,
        partition: &Partition,
        encoder: Box<dyn Encoder>,
    ) -> Result<PartWriter> {
        self.refuse_again()?;
        if let Some(table) = &self.plan.table
            && !table.dynamic_columns().eq(partition.names())
        {
            let what = format!("partition {:?} does not fit the columns of", partition.path());
            return Err(error::schema(format!("{what} {}.{}", table.database, table.table)));
        }
        let file = self.names.name(number, roll);
        let part = part::empty_part(file, partition.clone());
        let path = self.layout.staged(&self.load_id, &part);
        let file = self.cluster.fs.create(&path, CreateOptions { overwrite: true, replication: None }).await?;
        Ok(PartWriter::new(path, file, encoder, part))
    }

    /// The filesystem that the load is on.
    pub fn filesystem(&self) -> Arc<dyn Filesystem> {
        self.cluster.fs.clone()
    }

    /// Records that partitions of the target may lie elsewhere than in their own directories, before one does.
    ///
    /// # Errors
    /// Busy: somebody else has taken the target over. Those of the filesystem.
    pub(super) async fn note_places(&self) -> Result<()> {
        self.lease.check().await?;
        let Some(mut previous) = self.previous.clone() else { return Ok(()) };
        if previous.note_places() {
            record(self.cluster.fs.as_ref(), &self.layout, &previous).await?;
        }
        Ok(())
    }

    /// Starts a file of ready bytes that is published as `directory/name` by the same commit.
    ///
    /// A file of that name that is there already is replaced.
    ///
    /// # Errors
    /// Config: the directory is not an absolute path. Those of the filesystem.
    pub async fn side_part(&self, directory: &str, name: &str) -> Result<SideWriter> {
        self.refuse_again()?;
        let directory = Layout::new(directory)?.target;
        if self.cluster.fs.zone(&directory).await? != self.zone {
            let what =
                format!("{directory} is not in the encryption zone of {}, or in another one", self.layout.target);
            return Err(error::config(what).hint("choose directories of one zone, or of none"));
        }
        let mut part = part::empty_part(checked_name(name)?.to_owned(), Partition::none());
        part.directory = Some(directory.clone());
        let path = self.layout.staged(&self.load_id, &part);
        let file = self.cluster.fs.create(&path, CreateOptions { overwrite: true, replication: None }).await?;
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
            || previous.table.as_ref() != self.table.as_ref().map(|t| &t.spec)
            || previous.success_marker != self.plan.success_marker
            || !previous.parts.iter().all(|part| self.names.like(part, &previous.load_id))
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
    /// where this one failed; where the data is visible the effect is [`Effect::RegistrationPending`](error::Effect::RegistrationPending).
    pub async fn commit(self, parts: Vec<StagedPart>, checkpoint: Value) -> Result<Committed> {
        self.refuse_again()?;
        let Self { cluster, plan, table, registered: _, layout, names: _, load_id, previous, forgotten, lease, .. } =
            self;
        let fs = cluster.fs.as_ref();
        strangers::refuse_at_commit(fs, &layout, previous.as_ref(), &plan, &parts).await?;
        if plan.success_marker && plan.mode == LoadMode::Replace {
            mark(fs, &layout.staged_data(&load_id)).await?;
        }
        let parts = sorted(parts)?;
        let mut manifest =
            Manifest::new(load_id, plan.mode, layout.target.clone(), plan.run_id.clone(), plan.fingerprint.clone());
        (manifest.parts, manifest.checkpoint, manifest.success_marker) = (parts, checkpoint, plan.success_marker);
        if plan.mode == LoadMode::Append {
            place::fill(fs, &mut manifest).await?;
        }
        manifest.fields = fields::described(&plan.schema);
        manifest.keeps_replaced = plan.keeps_replaced;
        manifest.columns = plan.columns;
        if plan.accounts_for_earlier {
            let is_forgotten = |part: &StagedPart| forgotten.contains(&layout.published(part));
            manifest.earlier = account::of_earlier(plan.mode, previous.as_ref(), is_forgotten);
        }
        set_table(&mut manifest, table);
        if plan.keeps_replaced {
            trash::check(fs, &layout).await?;
        }
        let context = |e: Error| e.context(format!("committing load {} of {}", manifest.load_id, layout.target));
        lease.check().await?;
        prepare::prepare(&cluster, &layout, &manifest).await.map_err(context)?;
        record(fs, &layout, &manifest).await.map_err(context)?;
        finish(&cluster, &layout, &manifest).await.map_err(context)?;
        lease.release().await.map_err(pending)?;
        Ok(Committed { manifest })
    }

    /// Moves the checkpoint and nothing else: the files, and the manifest's account of them, stay those of the previous
    /// load. For a run that found no new rows. Without a previous load an empty one is committed.
    ///
    /// # Errors
    /// Those of [`Load::commit`].
    pub async fn commit_checkpoint(self, checkpoint: Value) -> Result<Committed> {
        let Some(previous) = self.previous.clone() else { return self.commit(Vec::new(), checkpoint).await };
        let Self { cluster, plan, table, layout, load_id, lease, .. } = self;
        let mut manifest = previous;
        set_table(&mut manifest, table);
        place::fill(cluster.fs.as_ref(), &mut manifest).await?;
        (manifest.checkpoint, manifest.run_id, manifest.fingerprint) = (checkpoint, plan.run_id, plan.fingerprint);
        lease.check().await?;
        let context = |e: Error| e.context(format!("moving the checkpoint of {}", layout.target));
        record(cluster.fs.as_ref(), &layout, &manifest).await.map_err(context)?;
        if load_id != manifest.load_id {
            let stage = layout.stage(&load_id);
            cluster.fs.delete(&stage, DeleteOptions { recursive: true }).await.map_err(pending)?;
        }
        register::register(&cluster, &layout, &manifest).await.map_err(unregistered)?;
        lease.release().await.map_err(pending)?;
        Ok(Committed { manifest })
    }

    /// Whether the table that this plan wants is missing, or may lack partitions of earlier loads: it was asked for
    /// later than they were made, it is another one than before, or it was dropped.
    pub fn is_registration_due(&self) -> bool {
        self.previous.is_some() && !self.registered
    }

    /// Registers what earlier loads made as the table that this plan wants, for one that was asked for later, dropped
    /// or changed by hand.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn register_again(&self) -> Result<()> {
        let Some(mut previous) = self.previous.clone() else { return Ok(()) };
        set_table(&mut previous, self.table.clone());
        place::fill(self.cluster.fs.as_ref(), &mut previous).await?;
        register::register(&self.cluster, &self.layout, &previous).await
    }

    /// Throws away what was staged; the target stays as it is.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn discard(self) -> Result<()> {
        let stage = self.layout.stage(&self.load_id);
        self.cluster.fs.delete(&stage, DeleteOptions { recursive: true }).await?;
        self.lease.release().await
    }
}

/// Names of the fields of the text files in a directory, as the last load recorded them; none where nobody did.
///
/// # Errors
/// Those of the filesystem; Data: the record cannot be read.
pub async fn recorded_columns(fs: &dyn Filesystem, target: &str) -> Result<Vec<String>> {
    // A directory that cannot be a target did not belong to a load.
    let Ok(layout) = Layout::new(target) else { return Ok(Vec::new()) };
    let manifest = read_manifest(fs, &layout).await?;
    Ok(manifest.map(|manifest| manifest.columns).unwrap_or_default())
}

/// What the last load of a target recorded; `None` where there was none.
///
/// # Errors
/// Those of the filesystem; Config, Data: the record cannot be read.
pub async fn recorded(fs: &dyn Filesystem, target: &str) -> Result<Option<Manifest>> {
    read_manifest(fs, &Layout::new(target)?).await
}

/// Lets a manifest name the table of the present plan, or none.
fn set_table(manifest: &mut Manifest, table: Option<Registration>) {
    let none = (None, Partition::none());
    (manifest.table, manifest.static_partition) =
        table.map_or(none, |table| (Some(table.spec), table.static_partition));
}

fn checked_name(name: &str) -> Result<&str> {
    if name.is_empty() || name.starts_with(['.', '_']) || name.contains(['/', ':']) {
        return Err(error::bug(format!("{name:?} cannot be the name of a part")));
    }
    Ok(name)
}

/// A file that was written twice would hold the rows of one writer only.
fn sorted(mut parts: Vec<StagedPart>) -> Result<Vec<StagedPart>> {
    let key = |p: &StagedPart| (p.directory.clone(), p.partition.clone(), p.file.clone());
    parts.sort_by_cached_key(key);
    match parts.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
        Some(pair) => Err(error::bug(format!("the part {} was written twice", pair[0].file))),
        None => Ok(parts),
    }
}
