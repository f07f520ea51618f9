//! Partitions of our tables: added in batches, corrected where they differ, forgotten where a load replaced them.
//!
//! A load adds the partitions that it fills before it publishes anything, while their directories are empty: what the
//! metastore declines is known then, and the files of all partitions become visible to Hive in one step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::hive_metastore::{AddPartitionsRequest, Partition, TThriftHiveMetastoreSyncClient};
use super::pool::Thrift;
use super::{MetastoreClient, PartitionSpec, TableSpec, structures};
use crate::error::{self, Error, Kind, Result};

/// Partitions sent in one call: large enough to be quick, small enough for every server's time limit.
const BATCH: usize = 200;

impl MetastoreClient {
    /// Adds the partitions that are missing, and corrects location and parameters of those that are there.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn ensure_partitions(&self, spec: &TableSpec, partitions: &[PartitionSpec]) -> Result<()> {
        for batch in partitions.chunks(BATCH) {
            let mut found = self.partitions_like(spec, batch).await?;
            let (mut missing, mut differing) = (Vec::new(), Vec::new());
            for wanted in batch {
                match found.remove(&wanted.values) {
                    None => missing.push(structures::partition(spec, wanted)),
                    Some(there) => differing.extend(corrected(there, wanted)),
                }
            }
            self.add(spec, missing).await?;
            self.alter_partitions(spec, differing).await?;
        }
        Ok(())
    }

    /// Adds the partitions that are missing, without a word about rows, and takes back what the metastore claims about
    /// the rows of the others, which are about to change. Where one is declined, none is added.
    ///
    /// # Errors
    /// Those of the metastore; the text names the partition that it declines.
    pub async fn prepare_partitions(&self, spec: &TableSpec, partitions: &[PartitionSpec]) -> Result<()> {
        let mut added = Vec::new();
        for batch in partitions.chunks(BATCH) {
            if let Err(error) = self.prepare_batch(spec, batch, &mut added).await {
                for partition in added {
                    if let Err(e) = self.drop_partition(spec, &partition.name).await {
                        tracing::warn!(error = %e, "an empty partition stays behind");
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn prepare_batch<'a>(
        &self,
        spec: &TableSpec,
        batch: &'a [PartitionSpec],
        added: &mut Vec<&'a PartitionSpec>,
    ) -> Result<()> {
        let mut found = self.partitions_named(spec, batch).await?;
        let (mut missing, mut claiming) = (Vec::new(), Vec::new());
        for wanted in batch {
            match found.remove(&wanted.values) {
                None => missing.push(wanted),
                Some(mut there) => {
                    let withdraw =
                        |all: &mut BTreeMap<String, String>| wanted.statistics.iter().for_each(|s| s.withdraw(all));
                    if structures::change(&mut there.parameters, withdraw) {
                        claiming.push(there);
                    }
                }
            }
        }
        let bare = |p: &PartitionSpec| {
            structures::partition(spec, &PartitionSpec { parameters: BTreeMap::new(), statistics: None, ..p.clone() })
        };
        match self.add(spec, missing.iter().map(|p| bare(p)).collect()).await {
            Ok(()) => added.extend(&missing),
            Err(e) if e.is_transient() || missing.len() == 1 => return Err(named(e, spec, &missing)),
            // One call adds all or none; one by one they show which of them it was.
            Err(_) => {
                for partition in &missing {
                    self.add(spec, vec![bare(partition)]).await.map_err(|e| named(e, spec, &[partition]))?;
                    added.push(partition);
                }
            }
        }
        // What is left was not asked for: to the metastore's database it has the name of one that was.
        if !found.is_empty() || are_doubtful(&missing) {
            self.check_kept(spec, &missing).await?;
        }
        self.alter_partitions(spec, claiming).await
    }

    /// [`Self::partitions_like`], whose error names the partition that cannot even be asked for.
    async fn partitions_named(
        &self,
        spec: &TableSpec,
        batch: &[PartitionSpec],
    ) -> Result<HashMap<Vec<String>, Partition>> {
        let declined = match self.partitions_like(spec, batch).await {
            Err(e) if !e.is_transient() => e,
            done => return done,
        };
        for partition in batch {
            let one = self.partitions_like(spec, std::slice::from_ref(partition)).await;
            one.map_err(|e| named(e, spec, &[partition]))?;
        }
        Err(declined)
    }

    /// Makes sure that partitions are there as they were added: a database that cannot hold a character may keep
    /// another one, and one that pads or folds names takes two for one.
    async fn check_kept(&self, spec: &TableSpec, added: &[&PartitionSpec]) -> Result<()> {
        let wanted: Vec<PartitionSpec> = added.iter().map(|p| (*p).clone()).collect();
        let kept = self.partitions_like(spec, &wanted).await?;
        match added.iter().find(|p| !kept.contains_key(&p.values)) {
            None => Ok(()),
            Some(lost) => {
                let why = error::refused("it is kept with other characters, or taken for another partition");
                Err(named(why, spec, &[lost]))
            }
        }
    }

    /// Partitions of the table below the directory `within`, such as `k=v`, that are not among these, by their names
    /// `k=v/k2=v2`; all that are not, where `within` is empty.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn other_partitions(
        &self,
        spec: &TableSpec,
        within: &str,
        these: &[PartitionSpec],
    ) -> Result<Vec<String>> {
        let these: BTreeSet<&str> = these.iter().map(|p| p.name.as_str()).collect();
        let below = format!("{within}/");
        let mut names = self.partition_names((&spec.database, &spec.table)).await?;
        names.retain(|name| {
            let inside = within.is_empty() || name == within || name.starts_with(&below);
            inside && !these.contains(name.as_str())
        });
        Ok(names)
    }

    /// Makes the metastore forget a partition, where it knows it; the files are not touched.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn drop_partition(&self, spec: &TableSpec, name: &str) -> Result<()> {
        let act = format!("forgetting partition {name} of {}", spec.full_name());
        let (database, table, name) = (spec.database.clone(), spec.table.clone(), name.to_owned());
        let drop = move |c: &mut Thrift| c.drop_partition_by_name(database.clone(), table.clone(), name.clone(), false);
        match self.call(act, drop).await {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == Kind::NotFound => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// All partitions of a table as `k=v/k2=v2`.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn partition_names(&self, table: (&str, &str)) -> Result<Vec<String>> {
        let act = format!("listing the partitions of {}.{}", table.0, table.1);
        let (database, table) = (table.0.to_lowercase(), table.1.to_lowercase());
        self.call(act, move |c| c.get_partition_names(database.clone(), table.clone(), -1)).await
    }

    /// Those of the wanted partitions that exist, by their values.
    async fn partitions_like(
        &self,
        spec: &TableSpec,
        wanted: &[PartitionSpec],
    ) -> Result<HashMap<Vec<String>, Partition>> {
        let act = format!("looking at partitions of {}", spec.full_name());
        let (database, table) = (spec.database.clone(), spec.table.clone());
        let names: Vec<String> = wanted.iter().map(|p| p.name.clone()).collect();
        let get = move |c: &mut Thrift| c.get_partitions_by_names(database.clone(), table.clone(), names.clone());
        let found = self.call(act, get).await?;
        Ok(found.into_iter().map(|p| (p.values.clone().unwrap_or_default(), p)).collect())
    }

    async fn add(&self, spec: &TableSpec, parts: Vec<Partition>) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let request = AddPartitionsRequest {
            db_name: Some(spec.database.clone()),
            tbl_name: Some(spec.table.clone()),
            parts: Some(parts),
            if_not_exists: Some(true),
            need_result: Some(false),
        };
        let act = format!("adding partitions to {}", spec.full_name());
        self.call(act, move |c| c.add_partitions_req(request.clone())).await.map(drop)
    }

    async fn alter_partitions(&self, spec: &TableSpec, parts: Vec<Partition>) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let act = format!("updating partitions of {}", spec.full_name());
        self.alter((&spec.database, &spec.table), act, parts).await
    }
}

/// Whether a database may not tell these partitions apart, or not keep what they are called.
fn are_doubtful(partitions: &[&PartitionSpec]) -> bool {
    let mut folded = BTreeSet::new();
    partitions.iter().any(|p| {
        let odd = p.values.iter().any(|value| !value.is_ascii() || value.ends_with(' '));
        odd || !folded.insert(p.values.iter().map(|value| value.to_lowercase()).collect::<Vec<_>>())
    })
}

/// Says which partition it is about, and what to do.
fn named(error: Error, spec: &TableSpec, partitions: &[&PartitionSpec]) -> Error {
    let [partition] = partitions else { return error };
    if error.is_transient() {
        return error;
    }
    let what = format!("the metastore cannot hold the partition {} of {}", partition.name, spec.full_name());
    Error::new(Kind::Data, what).source(error).hint(
        "partition by another column, or let the metastore's database keep partition names in utf8 without padding: \
         PARTITIONS.PART_NAME and PARTITION_KEY_VALS.PART_KEY_VAL",
    )
}

/// The partition with the wanted location and parameters; `None` if it has them.
fn corrected(mut there: Partition, wanted: &PartitionSpec) -> Option<Partition> {
    let changed = structures::change(&mut there.parameters, |all| {
        all.extend(wanted.parameters.clone());
        wanted.statistics.iter().for_each(|s| s.apply(all));
    });
    let mut storage = there.sd.take().unwrap_or_default();
    let location = storage.location.take().unwrap_or_default();
    if !changed && location.trim_end_matches('/') == wanted.location {
        return None;
    }
    storage.location = Some(wanted.location.clone());
    there.sd = Some(storage);
    Some(there)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metastore::HiveStorage;

    #[test]
    fn partitions_that_a_database_may_confuse_are_looked_at_again() {
        let of = |values: &[&str]| -> Vec<PartitionSpec> {
            let partition = |value: &&str| PartitionSpec {
                values: vec![(*value).to_owned()],
                name: format!("dt={value}"),
                location: format!("hdfs://nn:8020/t/dt={value}"),
                parameters: BTreeMap::new(),
                statistics: None,
            };
            values.iter().map(partition).collect()
        };
        for (values, doubtful) in [
            (&["a", "b", "a b"][..], false),
            (&["a", "A"], true),
            (&["a", "a "], true),
            (&["日本"], true),
            (&[], false),
        ] {
            let partitions = of(values);
            assert_eq!(are_doubtful(&partitions.iter().collect::<Vec<_>>()), doubtful, "{values:?}");
        }
    }

    #[test]
    fn only_what_differs_is_sent_back() {
        let spec = TableSpec {
            database: "shop".into(),
            table: "clicks".into(),
            comment: None,
            columns: Vec::new(),
            partition_columns: Vec::new(),
            location: "hdfs://nn:8020/clicks".into(),
            storage: HiveStorage::Parquet,
            parameters: BTreeMap::new(),
            adopt: false,
        };
        let mut wanted = PartitionSpec {
            values: vec!["1".into()],
            name: "dt=1".into(),
            location: "hdfs://nn:8020/clicks/dt=1".into(),
            parameters: BTreeMap::from([("sakia.rows".into(), "7".into())]),
            statistics: None,
        };
        let there = structures::partition(&spec, &wanted);
        assert!(corrected(there.clone(), &wanted).is_none());
        wanted.parameters.insert("sakia.rows".into(), "8".into());
        let sent = corrected(there, &wanted).unwrap();
        assert_eq!(sent.parameters.unwrap()["sakia.rows"], "8");
    }
}
