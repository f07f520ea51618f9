//! The end of the way: an epoch becomes an appending load, and the load's checkpoint is the channel's next cursor.
//!
//! So rows, rejects and the position behind them become visible and durable by one rename of the manifest. Before an
//! epoch is written its own cursor is compared with the manifest's: an epoch that is there already is not written
//! again, and one that another agent's epoch has overtaken is refused.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::channels::cursor::Cursor;
use super::epoch::{Epoch, Sorting};
use crate::error::{self, Result};
use crate::format::{FileFormat, ParquetOptions};
use crate::load::{Cluster, Load, LoadMode, LoadPlan, Manifest, Partition, StagedPart, TablePlan};
use crate::metastore::HiveStorage;

/// Files of an epoch that are written at once: closing a file in HDFS is mostly waiting.
const FILES_AT_ONCE: usize = 48;

/// Where epochs go.
#[derive(Debug)]
pub(super) struct Sink {
    pub cluster: Cluster,
    pub target: String,
    pub reject_dir: String,
    /// Database and name.
    pub table: Option<(String, String)>,
    pub sorting: Sorting,
    pub run_id: String,
}

impl Sink {
    /// What the summary calls the step.
    pub(super) fn name(&self) -> String {
        let directory = self.target.trim_end_matches('/').rsplit('/').next();
        let table = self.table.as_ref().map(|(_, table)| table.as_str());
        format!("agent {}", table.or(directory).unwrap_or_default())
    }

    /// Finishes what an earlier agent left half done, and registers what it loaded if the table was asked for later;
    /// gives the cursor of the last epoch in the target.
    ///
    /// # Errors
    /// Those of [`Load::open`]. Config: the target holds something else than such clicks.
    pub(super) async fn recover(&self) -> Result<Option<Cursor>> {
        let load = Load::open(&self.cluster, self.plan(None)).await?;
        let cursor = match self.cursor(load.previous()) {
            Ok(cursor) if load.is_registration_due() => load.register_again().await.map(|()| cursor),
            cursor => cursor,
        };
        load.discard().await?;
        cursor
    }

    /// Writes an epoch unless it is in the target already; gives the files of its load. Safe to repeat.
    ///
    /// # Errors
    /// Those of [`Load`]. Config: another agent fills the target.
    pub(super) async fn write(&self, epoch: &Epoch) -> Result<Vec<StagedPart>> {
        let load = Load::open(&self.cluster, self.plan(Some(&epoch.to))).await?;
        let there = self.cursor(load.previous())?;
        if there.as_ref() == Some(&epoch.to) {
            let parts = load.previous().map(|manifest| manifest.parts.clone()).unwrap_or_default();
            load.discard().await?;
            return Ok(parts);
        }
        if !epoch.from.agrees_with(there.as_ref()) {
            load.discard().await?;
            return Err(error::config(format!("another agent has added to {} meanwhile", self.target))
                .hint("give each agent a target of its own"));
        }
        let checkpoint: Value =
            serde_json::to_value(&epoch.to).map_err(|e| error::bug("cannot write a cursor as JSON").source(e))?;
        let parts = self.stage(&load, epoch).await?;
        Ok(load.commit(parts, checkpoint).await?.manifest.parts)
    }

    async fn stage(&self, load: &Load, epoch: &Epoch) -> Result<Vec<StagedPart>> {
        let files = epoch.parts.iter().enumerate().map(|(i, (partition, rows))| async move {
            let mut part = load.part(i, 0, partition).await?;
            part.write(rows).await?;
            part.finish().await
        });
        let data = stream::iter(files).buffer_unordered(FILES_AT_ONCE).try_collect::<Vec<_>>();
        let rejects = async {
            if epoch.rejects.rows == 0 {
                return Ok(None);
            }
            let mut part = load.side_part(&self.reject_dir, &format!("rejects-{}.json", load.id())).await?;
            part.write(epoch.rejects.bytes.clone(), epoch.rejects.rows).await?;
            part.finish().await.map(Some)
        };
        let (mut parts, rejects) = futures::try_join!(data, rejects)?;
        parts.extend(rejects);
        Ok(parts)
    }

    fn plan(&self, to: Option<&Cursor>) -> LoadPlan {
        let partition_columns = self.sorting.partition.columns();
        let schema = self.sorting.schema.clone();
        let format = FileFormat::Parquet(ParquetOptions::default());
        let extension = format.extension();
        let table = |(database, table): &(String, String)| TablePlan {
            comment: Some("clicks of the web log, one row a line".to_owned()),
            partition_columns,
            ..TablePlan::new(database, table, HiveStorage::Parquet)
        };
        let encoder = Arc::new(move |_: &Partition| format.encoder(schema.clone()));
        LoadPlan {
            extension: extension.map(str::to_owned),
            table: self.table.as_ref().map(table),
            fingerprint: self.fingerprint(),
            run_id: self.run_id.clone(),
            load_id: to.map(|to| format!("{}-{:08}", to.channel, to.epoch)),
            ..LoadPlan::new(&self.target, LoadMode::Append, self.sorting.schema.clone(), encoder)
        }
    }

    /// What the files of the target have in common.
    fn fingerprint(&self) -> String {
        format!("agent clicks 1, parquet, by {}", self.sorting.partition.name())
    }

    fn cursor(&self, manifest: Option<&Manifest>) -> Result<Option<Cursor>> {
        let Some(manifest) = manifest else { return Ok(None) };
        if manifest.fingerprint != self.fingerprint() {
            let what = format!("{} holds {:?}, not {:?}", self.target, manifest.fingerprint, self.fingerprint());
            return Err(error::config(what).hint("choose another target directory, or set partition as it was"));
        }
        serde_json::from_value(manifest.checkpoint.clone())
            .map(Some)
            .map_err(|e| error::data(format!("the checkpoint of {} is not an agent's", self.target)).source(e))
    }
}
