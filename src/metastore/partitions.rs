//! Partitions of our tables: added in batches, corrected where they differ, forgotten where a load replaced them.

use std::collections::{BTreeSet, HashMap};

use hive_metastore::{AddPartitionsRequest, Partition, ThriftHiveMetastoreClient};
use volo::FastStr;

use super::tables::keep_statistics;
use super::{MetastoreClient, PartitionSpec, TableSpec, thrift};
use crate::error::{Kind, Result};

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
                    None => missing.push(thrift::partition(spec, wanted)),
                    Some(there) => differing.extend(corrected(there, wanted)),
                }
            }
            self.add(spec, missing).await?;
            self.alter_partitions(spec, differing).await?;
        }
        Ok(())
    }

    /// Makes the metastore forget every partition of the table below the directory `within`, such as `k=v`, but these;
    /// the files are not touched. All of them where `within` is empty.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn drop_other_partitions(&self, spec: &TableSpec, within: &str, keep: &[PartitionSpec]) -> Result<()> {
        let keep: BTreeSet<String> = keep.iter().map(|p| directory_name(spec, p).to_owned()).collect();
        for name in self.partition_names(spec).await? {
            let inside = within.is_empty() || name == within || name.starts_with(&format!("{within}/"));
            if keep.contains(&name) || !inside {
                continue;
            }
            let drop = |c: ThriftHiveMetastoreClient| {
                let (database, table, name) = (database(spec), table(spec), FastStr::from(name.clone()));
                async move { c.drop_partition_by_name(database, table, name, false).await }
            };
            match self.call(&format!("forgetting partition {name} of {}", spec.full_name()), drop).await {
                Ok(_) => {}
                Err(e) if e.kind() == Kind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// All partitions of a table as `k=v/k2=v2`.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn partition_names(&self, spec: &TableSpec) -> Result<Vec<String>> {
        let get = |c: ThriftHiveMetastoreClient| {
            let (database, table) = (database(spec), table(spec));
            async move { c.get_partition_names(database, table, -1).await }
        };
        let names = self.call(&format!("listing the partitions of {}", spec.full_name()), get).await?;
        Ok(names.into_iter().map(|n| n.to_string()).collect())
    }

    /// Those of the wanted partitions that exist, by their values.
    async fn partitions_like(
        &self,
        spec: &TableSpec,
        wanted: &[PartitionSpec],
    ) -> Result<HashMap<Vec<String>, Partition>> {
        let names: Vec<FastStr> = wanted.iter().map(|p| FastStr::from(directory_name(spec, p).to_owned())).collect();
        let get = |c: ThriftHiveMetastoreClient| {
            let (database, table, names) = (database(spec), table(spec), names.clone());
            async move { c.get_partitions_by_names(database, table, names).await }
        };
        let found = self.call(&format!("looking at partitions of {}", spec.full_name()), get).await?;
        let values = |p: &Partition| p.values.iter().flatten().map(ToString::to_string).collect();
        Ok(found.into_iter().map(|p| (values(&p), p)).collect())
    }

    async fn add(&self, spec: &TableSpec, parts: Vec<Partition>) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let request = AddPartitionsRequest {
            db_name: database(spec),
            tbl_name: table(spec),
            parts,
            if_not_exists: true,
            need_result: Some(false),
            cat_name: None,
        };
        let add = |c: ThriftHiveMetastoreClient| {
            let request = request.clone();
            async move { c.add_partitions_req(request).await }
        };
        self.call(&format!("adding partitions to {}", spec.full_name()), add).await?;
        Ok(())
    }

    async fn alter_partitions(&self, spec: &TableSpec, parts: Vec<Partition>) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let alter = |c: ThriftHiveMetastoreClient| {
            let (database, table, parts) = (database(spec), table(spec), parts.clone());
            async move { c.alter_partitions_with_environment_context(database, table, parts, keep_statistics()).await }
        };
        self.call(&format!("updating partitions of {}", spec.full_name()), alter).await
    }
}

/// The partition with the wanted location and parameters; `None` if it has them.
fn corrected(mut there: Partition, wanted: &PartitionSpec) -> Option<Partition> {
    let changed = thrift::change(&mut there.parameters, |all| {
        all.extend(wanted.parameters.clone());
        wanted.statistics.iter().for_each(|s| s.apply(all));
    });
    let mut storage = there.sd.take().unwrap_or_default();
    let location = thrift::text(storage.location.take());
    if !changed && location.trim_end_matches('/') == wanted.location {
        return None;
    }
    storage.location = Some(wanted.location.clone().into());
    there.sd = Some(storage);
    Some(there)
}

/// `k=v/k2=v2` of a partition: what its location has below the table's.
fn directory_name<'a>(spec: &TableSpec, partition: &'a PartitionSpec) -> &'a str {
    partition.location.strip_prefix(&spec.location).unwrap_or(&partition.location).trim_start_matches('/')
}

fn database(spec: &TableSpec) -> FastStr {
    spec.database.clone().into()
}

fn table(spec: &TableSpec) -> FastStr {
    spec.table.clone().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metastore::HiveStorage;

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
            location: "hdfs://nn:8020/clicks/dt=1".into(),
            parameters: BTreeMap::from([("sakia.rows".into(), "7".into())]),
            statistics: None,
        };
        assert_eq!(directory_name(&spec, &wanted), "dt=1");
        let there = thrift::partition(&spec, &wanted);
        assert!(corrected(there.clone(), &wanted).is_none());
        wanted.parameters.insert("sakia.rows".into(), "8".into());
        let sent = corrected(there, &wanted).unwrap();
        assert_eq!(thrift::unmap(sent.parameters.as_ref())["sakia.rows"], "8");
    }
}
