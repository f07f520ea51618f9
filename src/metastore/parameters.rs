//! Parameters of partitions that are there, for what is said of them beside their loads.

use std::collections::BTreeMap;

use super::hive_metastore::{Partition, TThriftHiveMetastoreSyncClient};
use super::tables::keep_statistics;
use super::{MetastoreClient, Statistics, structures};
use crate::error::Result;

impl MetastoreClient {
    /// The parameters of a partition by its name, `k=v/k2=v2` with Hive's escapes; `None` where it is not there.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn partition_parameters(
        &self,
        table: (&str, &str),
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let found = self.named_partition(table, name).await?;
        Ok(found.map(|partition| partition.parameters.unwrap_or_default()))
    }

    /// Changes the parameters of a partition, where that makes a difference; says whether the partition is there. Safe to
    /// repeat where `change` is.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn change_partition(
        &self,
        table: (&str, &str),
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<bool> {
        let Some(mut partition) = self.named_partition(table, name).await? else { return Ok(false) };
        if structures::change(&mut partition.parameters, change) {
            let act = format!("setting parameters of partition {name} of {}.{}", table.0, table.1);
            self.alter(table, act, vec![partition]).await?;
        }
        Ok(true)
    }

    /// Lets a partition's files be those in another directory, with what is said of them; says whether it is there.
    ///
    /// Whoever reads the partition then goes on with the files that it has begun with. Safe to repeat.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn relocate_partition(
        &self,
        table: (&str, &str),
        name: &str,
        location: &str,
        statistics: &Statistics,
    ) -> Result<bool> {
        let Some(mut partition) = self.named_partition(table, name).await? else { return Ok(false) };
        let changed = structures::change(&mut partition.parameters, |all| statistics.apply(all));
        let storage = partition.sd.get_or_insert_default();
        if changed || storage.location.as_deref() != Some(location) {
            storage.location = Some(location.to_owned());
            let act = format!("giving partition {name} of {}.{} the location {location}", table.0, table.1);
            self.alter(table, act, vec![partition]).await?;
        }
        Ok(true)
    }

    /// The location of a partition; `None` where it is not there.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn partition_location(&self, table: (&str, &str), name: &str) -> Result<Option<String>> {
        let found = self.named_partition(table, name).await?;
        Ok(found.map(|partition| partition.sd.and_then(|storage| storage.location).unwrap_or_default()))
    }

    pub(super) async fn named_partition(&self, table: (&str, &str), name: &str) -> Result<Option<Partition>> {
        let act = format!("looking at partition {name} of {}.{}", table.0, table.1);
        Ok(self.named_partitions(table, act, vec![name.to_owned()]).await?.into_iter().next())
    }

    /// Those of these partitions that are there.
    pub(super) async fn named_partitions(
        &self,
        table: (&str, &str),
        act: String,
        names: Vec<String>,
    ) -> Result<Vec<Partition>> {
        let (database, table) = (table.0.to_lowercase(), table.1.to_lowercase());
        let get = move |c: &mut super::pool::Thrift| {
            c.get_partitions_by_names(database.clone(), table.clone(), names.clone())
        };
        self.call(act, get).await
    }

    /// Puts partitions in the place of those that have their values.
    pub(super) async fn alter(&self, table: (&str, &str), act: String, parts: Vec<Partition>) -> Result<()> {
        let (database, table) = (table.0.to_lowercase(), table.1.to_lowercase());
        let alter = move |c: &mut super::pool::Thrift| {
            let (database, table, parts) = (database.clone(), table.clone(), parts.clone());
            c.alter_partitions_with_environment_context(database, table, parts, keep_statistics())
        };
        self.call(act, alter).await
    }
}
