//! Runs a merge of two directories as one load.

use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::write::{JudgedData, write};
use super::{MergeOptions, Rewrite, Verdict, judge};
use crate::error::{self, Error, Result};
use crate::format::decode::TextDecodeOptions;
use crate::format::text::TextStyle;
use crate::load::{Cluster, EncoderFactory, Load, LoadMode, LoadPlan, PartNames, StagedPart, recorded_columns};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};
use crate::transfer::args::{FileNames, MergeArgs, refuse};
use crate::transfer::cleanup;
use crate::transfer::input::{self, Batches, DataFile, Dataset, FileSet, FileSetOptions, options};

/// A data set without files.
pub(super) struct NoFiles;

impl Dataset for NoFiles {
    fn files(&self) -> &[DataFile] {
        &[]
    }

    fn read(&self, _: usize, _: Option<&[String]>) -> Result<Batches> {
        Ok(Box::new(std::iter::empty()))
    }
}

/// A merge whose files have been looked at.
pub(super) struct Prepared {
    pub old: Arc<dyn Dataset>,
    pub new: Arc<dyn Dataset>,
    pub rewrite: Rewrite,
    /// Into the place of the old data.
    pub in_place: bool,
    /// Names of the fields of text.
    columns: Vec<String>,
}

/// Writes the newest row of each key into the target directory, which may be that of the old rows.
///
/// # Errors
/// Schema: the two have different columns, or columns that cannot be written again exactly. Data: a key is NULL.
/// NotFound: no such directory or key column. Config: the directories do not fit together. Those of [`Load::open`] and
/// [`Load::commit`]; Stopped.
pub async fn run(args: &MergeArgs, cluster: &Cluster, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let options = MergeOptions {
        workers: args.num_mappers.map_or(MergeOptions::default().workers, |m| m.max(1) as usize),
        ..MergeOptions::default()
    };
    run_with(args, cluster, run_id, stop, &options).await
}

/// [`run`] with a memory of its own.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    args: &MergeArgs,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
    options: &MergeOptions,
) -> Result<StepSummary> {
    let started = Instant::now();
    let prepared = stop.or(prepare(args, cluster)).await?;
    let plan = load_plan(args, &prepared, run_id);
    let load = stop.or(Load::open(cluster, plan)).await?;
    let mut summary = match stop.or(fill(args, &load, &prepared, cluster, options)).await {
        Ok(filled) => settle(load, filled).await?,
        Err(error) => return Err(give_up(load, error).await),
    };
    (summary.step, summary.elapsed) = (format!("merge {}", args.target_dir), started.elapsed());
    Ok(summary)
}

pub(super) async fn prepare(args: &MergeArgs, cluster: &Cluster) -> Result<Prepared> {
    refuse(args.check())?;
    let plain = |path: &str| path.trim_end_matches('/').to_owned();
    let (onto, new, target) = (plain(&args.onto), plain(&args.new_data), plain(&args.target_dir));
    let text = options::of_written(&args.text, TextStyle::Exact, false)?;
    let columns = columns(args, cluster, [&onto, &new]).await?;
    let set_options = || FileSetOptions {
        calendar: args.calendar,
        ..FileSetOptions::new(TextDecodeOptions::new(text.clone()), columns.clone())
    };
    let old = open(cluster, &onto, set_options()).await?;
    let new = open(cluster, &new, set_options()).await?;
    if let (Some(old), Some(new)) = (&old, &new) {
        same(old, new)?;
    }
    let Some(first) = old.as_ref().or(new.as_ref()).cloned() else {
        return Err(error::not_found(format!("neither {onto} nor {} holds a file", args.new_data)));
    };
    let rewrite = Rewrite::of(&first, args.compression)?;
    let data = |set: Option<FileSet>| -> Arc<dyn Dataset> {
        match set {
            Some(set) => Arc::new(set),
            None => Arc::new(NoFiles),
        }
    };
    Ok(Prepared { old: data(old), new: data(new), rewrite, in_place: onto == target, columns })
}

/// Names of the fields of text: as given, or as they were recorded when the older or the newer files were written.
async fn columns(args: &MergeArgs, cluster: &Cluster, directories: [&str; 2]) -> Result<Vec<String>> {
    let mut columns = args.columns.clone();
    for directory in directories {
        if columns.is_empty() {
            columns = recorded_columns(cluster.fs.as_ref(), directory).await?;
        }
    }
    Ok(columns)
}

async fn open(cluster: &Cluster, directory: &str, options: FileSetOptions) -> Result<Option<FileSet>> {
    let files = input::list(cluster.fs.as_ref(), directory).await?;
    if files.is_empty() {
        return Ok(None);
    }
    Ok(Some(FileSet::open(cluster.fs.clone(), files, options).await?))
}

/// Refuses two sets of different formats or columns.
fn same(old: &FileSet, new: &FileSet) -> Result<()> {
    let path = |set: &FileSet| set.files().first().map(|f| f.path.clone()).unwrap_or_default();
    if old.kind() != new.kind() {
        let what = format!("{} is {}, {} is {}", path(old), old.kind(), path(new), new.kind());
        return Err(error::schema(what).hint("merge data sets of one format"));
    }
    let (ours, theirs) = (&old.head().schema, &new.head().schema);
    match input::same_columns(ours, theirs) {
        true => Ok(()),
        false => Err(input::differ((&path(old), ours), (&path(new), theirs))),
    }
}

fn load_plan(args: &MergeArgs, prepared: &Prepared, run_id: &str) -> LoadPlan {
    let Rewrite { format, schema } = prepared.rewrite.clone();
    let encoder: EncoderFactory = {
        let (format, schema) = (format.clone(), schema.clone());
        Arc::new(move |_| format.encoder(schema.clone()))
    };
    let asked = serde_json::json!({"merge": args, "format": format}).to_string();
    LoadPlan {
        extension: format.extension().map(str::to_owned),
        names: match args.file_names {
            FileNames::Load => PartNames::Load,
            FileNames::Sqoop => PartNames::Sqoop,
        },
        // Known once the target is locked.
        replaces: prepared.in_place.then(Vec::new),
        success_marker: args.success_file,
        columns: prepared.columns.clone(),
        fingerprint: Sha256::digest(asked).iter().map(|byte| format!("{byte:02x}")).collect(),
        run_id: run_id.to_owned(),
        ..LoadPlan::new(args.target_dir.clone(), LoadMode::Replace, schema, encoder)
    }
}

/// What was staged.
struct Filled {
    parts: Vec<StagedPart>,
    verdict: Verdict,
    /// Files of the target that the parts replace.
    replaced: Option<Vec<String>>,
    /// There was nothing new: the target stays as it is.
    nothing: bool,
}

async fn fill(
    args: &MergeArgs,
    load: &Load,
    prepared: &Prepared,
    cluster: &Cluster,
    options: &MergeOptions,
) -> Result<Filled> {
    let Prepared { old, new, rewrite, in_place, .. } = prepared;
    let mut replaced = None;
    if *in_place {
        // Listed before the lock was taken: a load that ended in between may have changed it.
        let now = input::list(cluster.fs.as_ref(), &args.onto).await?;
        if now != old.files() {
            return Err(error::busy(format!("{} was written to while it was looked at", args.onto)).hint("run again"));
        }
        replaced = Some(load.files().await?.into_iter().map(|file| file.path).collect());
    }
    let verdict = judge(old, new, &args.merge_key, options).await?;
    if *in_place && new.files().is_empty() {
        return Ok(Filled { parts: Vec::new(), verdict, replaced: None, nothing: true });
    }
    let judged = |data: &Arc<dyn Dataset>, judged| JudgedData { data: data.clone(), judged };
    let (old, new) = (judged(old, verdict.old.clone()), judged(new, verdict.new.clone()));
    let parts = write(load, &[&old, &new], rewrite, 0, options.workers).await?;
    Ok(Filled { parts, verdict, replaced, nothing: false })
}

async fn settle(mut load: Load, filled: Filled) -> Result<StepSummary> {
    let Filled { parts, verdict, replaced, nothing } = filled;
    let Verdict { old, new, passes } = verdict;
    let mut summary = StepSummary::new(String::new());
    summary.rows_in = old.total() + new.total();
    summary.detail =
        format!("{} new rows took the place of {} old ones", new.total() - new.total_dead(), old.total_dead());
    if new.total_dead() > 0 {
        summary.detail =
            format!("{}; {} new rows gave way to later ones of their key", summary.detail, new.total_dead());
    }
    if passes > 1 {
        summary.detail = format!("{}; {passes} passes over the keys", summary.detail);
    }
    if nothing {
        load.discard().await?;
        return Ok(summary);
    }
    let (kept, written) =
        (summary.rows_in - old.total_dead() - new.total_dead(), parts.iter().map(|p| p.rows).sum::<u64>());
    if kept != written {
        let error = error::bug(format!("{kept} rows survive the merge and {written} were written"));
        return Err(give_up(load, error).await);
    }
    summary.outcome = Outcome::Done;
    summary.rows_out = written;
    summary.bytes = parts.iter().map(|p| p.bytes).sum();
    summary.files = parts.len() as u64;
    if let Some(paths) = replaced {
        load.replace_files(paths)?;
    }
    // Where an incremental import goes on is still true of the merged rows.
    let checkpoint = load.checkpoint().cloned().unwrap_or_default();
    load.commit(parts, checkpoint).await?;
    Ok(summary)
}

/// Throws away what was staged; gives back the error that led here.
async fn give_up(load: Load, error: Error) -> Error {
    cleanup::discard(load, "merge").await;
    error
}
