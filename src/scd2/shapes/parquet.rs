//! The shape `parquet`: a plain external table of Parquet files, partitioned by hash buckets of the key.
//!
//! ```text
//! stage     what the batch changes goes into a table of its own: the same difference that MERGE would apply
//! rewrite   the buckets that it touches are written anew, as partitions of another table at another place
//! check     the new rows obey the rules of a dimension, and are as many as they must be
//! swap      one call gives the partitions of the dimension the new locations: the commit point
//! drop      the two tables go; the files that were replaced stay for the grace time
//! ```
//!
//! Each attempt has tables and directories of its own, so what a dead run's statements still do on the server meets
//! nobody. Killed before the swap, it leaves them for the next run to remove; killed after it, the next run finds nothing
//! left to change. A bucket that becomes empty is a directory without files.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::directories::Directories;
use super::{Buckets, WORK_OF};
use crate::error::{self, Result};
use crate::hiveserver2::{Session, quote};
use crate::lease::Lease;
use crate::load::Cluster;
use crate::metastore::{MetastoreClient, Relocation, Statistics, StoredPartition};
use crate::scd2::args::Scd2Args;
use crate::scd2::batch::Batch;
use crate::scd2::check::Checks;
use crate::scd2::plan::Plan;
use crate::shutdown::Stop;

/// Partition parameter: its rows.
const ROWS: &str = "sakia.scd2.rows";
const STAGE: &str = "_sakia_stage_";
const SHADOW: &str = "_sakia_shadow_";
/// How long files that were replaced stay.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// What the statements need of the session; the first two they cannot do without.
const SETTINGS: [(&str, &str, bool); 7] = [
    ("hive.exec.dynamic.partition", "true", true),
    ("hive.exec.dynamic.partition.mode", "nonstrict", true),
    ("hive.exec.max.dynamic.partitions.pernode", "1000", false),
    // How many rows a partition has is asked of Hive; what its columns hold is not.
    ("hive.stats.autogather", "true", false),
    ("hive.stats.column.autogather", "false", false),
    // Days and moments before 1582 as every reader of Parquet takes them.
    ("hive.parquet.date.proleptic.gregorian", "true", false),
    ("hive.parquet.timestamp.write.legacy.conversion.enabled", "false", false),
];

/// One run's way to the table.
pub(in crate::scd2) struct Parquet<'a> {
    pub args: &'a Scd2Args,
    pub session: &'a Session,
    pub stop: &'a Stop,
    pub lease: &'a Lease,
    pub cluster: Cluster,
    pub buckets: Buckets,
}

/// What a batch changes in a bucket.
struct Touched {
    bucket: String,
    inserted: u64,
    changed: u64,
    deleted: u64,
}

/// The tables of one attempt.
struct Work {
    id: String,
    stage: String,
    shadow: String,
}

impl Parquet<'_> {
    fn names(&self) -> (&str, &str) {
        self.args.target.split_once('.').unwrap_or_default()
    }

    fn metastore(&self) -> Result<&MetastoreClient> {
        self.cluster.metastore.as_deref().ok_or_else(|| error::bug("a dimension is swapped without a metastore"))
    }

    async fn execute(&self, statement: &str) -> Result<()> {
        self.session.execute(statement, self.stop).await.map(drop)
    }

    /// Gets the session and the table ready: removes what killed runs left, and makes partitions that are missing.
    ///
    /// # Errors
    /// Those of the servers. Schema: the table is not partitioned as it was made.
    pub(in crate::scd2) async fn begin(&self, plan: &Plan) -> Result<()> {
        for (name, value, is_needed) in SETTINGS {
            match self.execute(&format!("SET {name}={value}")).await {
                Err(error) if is_needed || error.is_transient() => return Err(error),
                Err(error) => tracing::debug!(%error, "the server does not take a setting"),
                Ok(()) => {}
            }
        }
        self.sweep().await?;
        let there = self.partitions().await?;
        let directories = self.directories().await?;
        let location = directories.location(&Uuid::now_v7().simple().to_string());
        let missing: Vec<_> = self
            .buckets
            .all()
            .filter(|bucket| !there.contains_key(bucket))
            .map(|bucket| (bucket.clone(), Some(format!("{location}/{}={bucket}", self.buckets.column))))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.execute(&plan.add_buckets(&self.args.target, &missing)).await
    }

    /// Removes the tables of attempts that did not come to do so. Their files are deleted as unused ones.
    async fn sweep(&self) -> Result<()> {
        let (database, target) = self.names();
        let target = target.to_lowercase();
        let rows = self.session.query(&format!("SHOW TABLES IN {}", quote::name(database)), self.stop).await?;
        // Spark tells the database first.
        let column = rows.columns.iter().position(|column| column.name == "tableName").unwrap_or(0);
        for name in rows.rows.iter().filter_map(|row| row.get(column)?.as_str()) {
            let of_attempt = |kind| name.strip_prefix(target.as_str()).is_some_and(|rest| rest.starts_with(kind));
            if !of_attempt(STAGE) && !of_attempt(SHADOW) {
                continue;
            }
            let found = self.metastore()?.table(database, name).await?;
            let of = found.and_then(|table| table.parameters.get(WORK_OF).cloned());
            if !of.is_some_and(|of| of.eq_ignore_ascii_case(&self.args.target)) {
                continue;
            }
            tracing::info!(table = name, "removing what a run that broke off left");
            self.remove(&format!("{database}.{name}"), of_attempt(SHADOW)).await?;
        }
        Ok(())
    }

    /// Drops a table of an attempt. The files of a shadow may be those of the dimension by now, and stay.
    async fn remove(&self, table: &str, is_shadow: bool) -> Result<()> {
        if is_shadow {
            let (database, table) = table.split_once('.').unwrap_or_default();
            return self.metastore()?.drop_table(database, table).await.map(drop);
        }
        self.execute(&format!("DROP TABLE IF EXISTS {}", quote::qualified(table))).await
    }

    /// The partitions of the table, by bucket.
    async fn partitions(&self) -> Result<BTreeMap<String, StoredPartition>> {
        self.partitions_of(&self.args.target).await
    }

    async fn partitions_of(&self, table: &str) -> Result<BTreeMap<String, StoredPartition>> {
        let (database, name) = table.split_once('.').unwrap_or_default();
        let Some(found) = self.metastore()?.stored_table(database, name).await? else {
            return Err(error::not_found(format!("there is no table {table}")).hint("somebody dropped it; run again"));
        };
        let is_by_bucket =
            matches!(&found.partition_columns[..], [one] if one.name.eq_ignore_ascii_case(&self.buckets.column));
        if !is_by_bucket {
            return Err(error::schema(format!("table {table} is not partitioned by {} alone", self.buckets.column))
                .hint("name another target, which is built from the whole log"));
        }
        let of = |mut partition: StoredPartition| Some((partition.values.pop()?, partition));
        Ok(found.partitions.into_iter().filter_map(of).collect())
    }

    async fn directories(&self) -> Result<Directories> {
        let (database, table) = self.names();
        let location = self.metastore()?.table_location(database, table).await?;
        Directories::new(self.cluster.fs.clone(), &location)
    }

    /// Applies a batch; gives the rows that it changed.
    ///
    /// # Errors
    /// Data: what was written is not what it must be. Busy: the lease is lost. Those of the servers. The dimension is as it
    /// was.
    pub(in crate::scd2) async fn apply(&self, plan: &Plan, batch: &Batch, until: &str, batch_id: &str) -> Result<u64> {
        let id = Uuid::now_v7().simple().to_string();
        let (stage, shadow) = (format!("{}{STAGE}{id}", self.args.target), format!("{}{SHADOW}{id}", self.args.target));
        let work = Work { id, stage, shadow };
        self.execute(&plan.stage(&work.stage, batch, until)?).await?;
        let touched = self.touched(&work).await?;
        if !touched.is_empty() {
            self.rewrite(plan, &work, &touched, batch_id).await?;
            self.remove(&work.shadow, true).await?;
        }
        self.remove(&work.stage, false).await?;
        Ok(touched.iter().map(|one| one.inserted + one.changed + one.deleted).sum())
    }

    async fn touched(&self, work: &Work) -> Result<Vec<Touched>> {
        let rows = self.session.query(&Plan::touched(&work.stage), self.stop).await?;
        let mut touched = Vec::new();
        for row in 0..rows.rows.len() {
            let [inserted, changed, deleted] = ["inserted", "changed", "deleted"].map(|name| rows.count(row, name));
            let bucket = rows.text(row, "bucket")?.unwrap_or_default().to_owned();
            touched.push(Touched { bucket, inserted: inserted?, changed: changed?, deleted: deleted? });
        }
        touched.sort_by(|a, b| a.bucket.cmp(&b.bucket));
        Ok(touched)
    }

    async fn rewrite(&self, plan: &Plan, work: &Work, touched: &[Touched], batch_id: &str) -> Result<()> {
        let directories = self.directories().await?;
        let buckets: Vec<String> = touched.iter().map(|one| one.bucket.clone()).collect();
        self.execute(&plan.shadow(&work.shadow, &directories.location(&work.id))).await?;
        self.execute(&plan.rewrite(&work.shadow, &work.stage, &buckets, batch_id)?).await?;
        let mut new = self.partitions_of(&work.shadow).await?;
        let empty: Vec<_> = buckets.iter().filter(|bucket| !new.contains_key(*bucket)).cloned().collect();
        if !empty.is_empty() {
            let empty: Vec<_> = empty.into_iter().map(|bucket| (bucket, None)).collect();
            self.execute(&plan.add_buckets(&work.shadow, &empty)).await?;
            new = self.partitions_of(&work.shadow).await?;
        }
        let old = self.partitions().await?;
        let rows = self.check(plan, work, touched, &old, &new).await?;
        let mut moves = Vec::new();
        for bucket in &buckets {
            let (Some(old), Some(new)) = (old.get(bucket), new.get(bucket)) else {
                let what = format!("partition {}={bucket} of {} is gone", self.buckets.column, self.args.target);
                return Err(error::busy(what).hint("somebody dropped it; run again"));
            };
            moves.push(self.relocation(bucket, old, new, &directories, &rows, &work.id).await?);
        }
        self.lease.check().await?;
        self.metastore()?.relocate_partitions(self.names(), &moves).await
    }

    async fn relocation(
        &self,
        bucket: &str,
        old: &StoredPartition,
        new: &StoredPartition,
        directories: &Directories,
        rows: &BTreeMap<String, u64>,
        id: &str,
    ) -> Result<Relocation> {
        let to = new.storage.location.clone();
        let (files, bytes) = directories.size(&to).await?;
        let rows = rows.get(bucket).copied().unwrap_or(0);
        Ok(Relocation {
            name: format!("{}={bucket}", self.buckets.column),
            values: vec![bucket.to_owned()],
            from: old.storage.location.clone(),
            to,
            statistics: Statistics { rows, bytes, files, present: (files, bytes), load_id: id.to_owned() },
            parameters: vec![(ROWS.to_owned(), rows.to_string())],
        })
    }

    /// Refuses new rows that break the rules of a dimension, or are more or fewer than the old ones and what the batch
    /// changes make; gives their number by bucket.
    async fn check(
        &self,
        plan: &Plan,
        work: &Work,
        touched: &[Touched],
        old: &BTreeMap<String, StoredPartition>,
        new: &BTreeMap<String, StoredPartition>,
    ) -> Result<BTreeMap<String, u64>> {
        let checks = Checks { args: self.args, session: self.session, stop: self.stop };
        let verified = checks.verify_by(&plan.verify_of(&work.shadow)?).await?;
        // What Hive says it wrote, where it says so and that is what was read back.
        let written = |partition: &StoredPartition| partition.parameters.get("numRows")?.parse::<u64>().ok();
        let written = new.iter().map(|(bucket, partition)| Some((bucket.clone(), written(partition)?)));
        let written: Option<BTreeMap<String, u64>> = written.collect();
        let rows = match written.filter(|written| written.values().sum::<u64>() == verified.versions) {
            Some(written) => written,
            None => self.counted(plan, work).await?,
        };
        for one in touched {
            let was = old.get(&one.bucket).and_then(|partition| partition.parameters.get(ROWS)?.parse::<u64>().ok());
            let wanted = (was.unwrap_or(0) + one.inserted).checked_sub(one.deleted);
            let found = rows.get(&one.bucket).copied().unwrap_or(0);
            if wanted != Some(found) {
                return Err(error::data(format!(
                    "bucket {} of {} would have {found} rows, and {} rows with {} inserted and {} deleted were expected",
                    one.bucket,
                    self.args.target,
                    was.unwrap_or(0),
                    one.inserted,
                    one.deleted
                ))
                .hint("somebody else wrote to the table; drop it to have it built anew from the log"));
            }
        }
        if verified.versions != rows.values().sum::<u64>() {
            return Err(error::data(format!("hive counts the rows of {} differently each time", work.shadow))
                .hint("run again; the dimension was not changed"));
        }
        Ok(rows)
    }

    async fn counted(&self, plan: &Plan, work: &Work) -> Result<BTreeMap<String, u64>> {
        let counted = self.session.query(&plan.rows_of(&work.shadow), self.stop).await?;
        let one =
            |row| Ok((counted.text(row, "bucket")?.unwrap_or_default().to_owned(), counted.count(row, "versions")?));
        (0..counted.rows.len()).map(one).collect()
    }

    /// Deletes files that nobody needs any more.
    ///
    /// # Errors
    /// Those of the metastore and the filesystem.
    pub(in crate::scd2) async fn tidy(&self) -> Result<()> {
        let used: Vec<String> =
            self.partitions().await?.into_values().map(|partition| partition.storage.location).collect();
        let grace = self.args.grace.map_or(GRACE, |grace| grace.get());
        let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let directories = self.directories().await?;
        let deleted = directories.tidy(&used, grace, now_ms, self.lease).await;
        let deleted = deleted.map_err(|e| e.context("deleting replaced files"))?;
        if deleted > 0 {
            tracing::info!(target = self.args.target, deleted, "deleted directories that were replaced");
        }
        Ok(())
    }
}
