//! Shows which partitions of a table are complete, to whoever waits for them: a file of the name that Hadoop's jobs leave
//! behind and Oozie waits for, in the partition's directory, and a parameter of the partition in the metastore.
//!
//! What is to be shown is part of the checkpoint of the epoch that made it so, and is shown before the next one is recorded.
//! Each step looks at what is there: a mark that was set stays as it is, whatever is killed and comes late.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, Unit};

use crate::agent::roll::TimePartition;
use crate::agent::watermark::{Lateness, Progress};
use crate::error::{self, Error, Kind, Result};
use crate::load::{Cluster, Partition};
use crate::metastore::MetastoreClient;
use crate::storage::{self, CreateOptions};

/// The parameter of a partition that says how many rows came after it was complete.
pub(in crate::agent) const LATE_ROWS: &str = "sakia.late.rows";

/// When partitions are complete, and what says so.
#[derive(Clone, Debug)]
pub(in crate::agent) struct CompleteOptions {
    /// How much later than others a row may come.
    pub lateness: Duration,
    /// After so long without an event the clock says what time it is.
    pub idle_after: Option<Duration>,
    /// Name of the file in the partition's directory.
    pub marker: Option<String>,
    /// Parameter of the partition, which gets the time when it was complete.
    pub parameter: Option<String>,
}

/// Where partitions are marked.
#[derive(Clone, Debug)]
pub(super) struct Marking {
    pub cluster: Cluster,
    /// Directory of the table.
    pub target: String,
    /// Database and name.
    pub table: Option<(String, String)>,
    pub partition: TimePartition,
    pub options: CompleteOptions,
}

impl Marking {
    pub(super) fn lateness(&self) -> Lateness {
        Lateness { partition: self.partition, allowed: self.options.lateness }
    }

    /// Adds the late rows of earlier epochs to those of an epoch that is about to be recorded.
    ///
    /// # Errors
    /// Those of the metastore.
    pub(super) async fn add_up(&self, progress: &mut Progress) -> Result<()> {
        let Some((metastore, table)) = self.metastore()? else { return Ok(()) };
        for (number, late) in &mut progress.late {
            let name = self.partition.partition(*number)?.path();
            let parameters = metastore.partition_parameters(table, &name).await?.unwrap_or_default();
            late.total += earlier(&parameters, &name);
        }
        Ok(())
    }

    /// Shows what an epoch that is recorded and visible says. Safe to repeat.
    ///
    /// # Errors
    /// Those of the filesystem and of the metastore.
    pub(super) async fn show(&self, progress: &Progress) -> Result<()> {
        for number in &progress.complete {
            let partition = self.partition.partition(*number)?;
            self.complete(&partition).await.map_err(|e| of(&partition, e))?;
        }
        let Some((metastore, table)) = self.metastore()? else { return Ok(()) };
        for (number, late) in &progress.late {
            let partition = self.partition.partition(*number)?;
            let set = |all: &mut BTreeMap<String, String>| {
                all.insert(LATE_ROWS.to_owned(), late.total.to_string());
            };
            let is_there = metastore.change_partition(table, &partition.path(), set).await;
            warn_where_gone(is_there.map_err(|e| of(&partition, e))?, &partition);
        }
        Ok(())
    }

    /// Marks a partition as complete, the one with the parameter last: who sees it may take the file for granted.
    async fn complete(&self, partition: &Partition) -> Result<()> {
        let mut is_new = false;
        if let Some(marker) = &self.options.marker {
            let path = format!("{}/{}/{marker}", self.target.trim_end_matches('/'), partition.path());
            match storage::write_whole(self.cluster.fs.as_ref(), &path, &[], CreateOptions::default()).await {
                Err(e) if e.kind() != Kind::Exists => return Err(e),
                made => is_new |= made.is_ok(),
            }
        }
        if let (Some(parameter), Some((metastore, table))) = (&self.options.parameter, self.metastore()?) {
            let now =
                Timestamp::now().round(Unit::Second).map_err(|e| error::bug("the clock has no time").source(e))?;
            let set = |all: &mut BTreeMap<String, String>| {
                is_new |= !all.contains_key(parameter);
                all.entry(parameter.clone()).or_insert_with(|| now.to_string());
            };
            warn_where_gone(metastore.change_partition(table, &partition.path(), set).await?, partition);
        }
        if is_new {
            tracing::info!(target = self.target, partition = partition.path(), "the partition is complete");
        }
        Ok(())
    }

    fn metastore(&self) -> Result<Option<(&MetastoreClient, (&str, &str))>> {
        let Some((database, table)) = &self.table else { return Ok(None) };
        let metastore = self.cluster.metastore.as_deref();
        let metastore = metastore.ok_or_else(|| error::bug("a table has no metastore"))?;
        Ok(Some((metastore, (database.as_str(), table.as_str()))))
    }
}

/// The late rows that a partition had before.
fn earlier(parameters: &BTreeMap<String, String>, name: &str) -> u64 {
    let Some(said) = parameters.get(LATE_ROWS) else { return 0 };
    said.parse().unwrap_or_else(|_| {
        tracing::warn!(partition = name, said, "{LATE_ROWS} is not a number any more: it is counted anew");
        0
    })
}

fn warn_where_gone(is_there: bool, partition: &Partition) {
    if !is_there {
        let partition = partition.path();
        tracing::warn!(partition, "somebody dropped the partition: nothing in the metastore says that it is complete");
    }
}

fn of(partition: &Partition, error: Error) -> Error {
    error.context(format!("marking the partition {} as complete", partition.path()))
}
