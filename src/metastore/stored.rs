//! A table of anybody's as its files are to be read: formats, what the row reader is told, where the partitions are.

use std::collections::BTreeMap;

use super::hive_metastore::{Partition, StorageDescriptor, TThriftHiveMetastoreSyncClient};
use super::{Column, MetastoreClient, structures};
use crate::error::Result;

/// A table and its partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredTable {
    /// Columns held in the files.
    pub columns: Vec<Column>,
    /// Columns held in directory names.
    pub partition_columns: Vec<Column>,
    /// `EXTERNAL_TABLE`, `MANAGED_TABLE`, `VIRTUAL_VIEW`.
    pub table_type: String,
    /// Table parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where and how the files of a table without partitions are kept.
    pub storage: StoredFiles,
    /// Its partitions, if it has partition columns.
    pub partitions: Vec<StoredPartition>,
}

/// Where files are, and the Java classes that read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredFiles {
    /// Full location.
    pub location: String,
    /// Class that splits the files.
    pub input_format: String,
    /// Class that reads a row.
    pub serde: String,
    /// What that class is told.
    pub serde_parameters: BTreeMap<String, String>,
    /// Columns that are declared for these files: those of a partition are the table's when it was made.
    pub columns: Vec<Column>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredPartition {
    /// One value for each partition column, as text.
    pub values: Vec<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where and how its files are kept.
    pub storage: StoredFiles,
}

impl MetastoreClient {
    /// Looks at a table and all its partitions; `None` where there is none.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn stored_table(&self, database: &str, table: &str) -> Result<Option<StoredTable>> {
        let Some(raw) = self.raw_table(database, table).await? else { return Ok(None) };
        let info = structures::table_info(&raw);
        let partitions = if info.partition_columns.is_empty() { Vec::new() } else { self.all(database, table).await? };
        Ok(Some(StoredTable {
            columns: info.columns,
            partition_columns: info.partition_columns,
            table_type: info.table_type,
            parameters: info.parameters,
            storage: files(raw.sd),
            partitions: partitions
                .into_iter()
                .map(|p| StoredPartition {
                    values: p.values.unwrap_or_default(),
                    parameters: p.parameters.unwrap_or_default(),
                    storage: files(p.sd),
                })
                .collect(),
        }))
    }

    async fn all(&self, database: &str, table: &str) -> Result<Vec<Partition>> {
        let act = format!("reading the partitions of {database}.{table}");
        let (database, table) = (database.to_lowercase(), table.to_lowercase());
        self.call(act, move |c| c.get_partitions(database.clone(), table.clone(), -1)).await
    }
}

fn files(sd: Option<StorageDescriptor>) -> StoredFiles {
    let Some(sd) = sd else { return StoredFiles::default() };
    let (serde, serde_parameters) =
        sd.serde_info.map_or((None, None), |serde| (serde.serialization_lib, serde.parameters));
    StoredFiles {
        location: sd.location.unwrap_or_default(),
        input_format: sd.input_format.unwrap_or_default(),
        serde: serde.unwrap_or_default(),
        serde_parameters: serde_parameters.unwrap_or_default(),
        columns: structures::columns(sd.cols),
    }
}
