//! What we ask the metastore to hold, in our own words: columns, storage, tables, partitions. Plain data, no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A column or partition column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Column {
    /// Lower-case name.
    pub name: String,
    /// Hive type name such as `decimal(10,2)`.
    pub hive_type: String,
    /// Text shown by `describe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Column {
    /// A column without a comment.
    pub fn new(name: impl Into<String>, hive_type: impl Into<String>) -> Self {
        Self { name: name.into(), hive_type: hive_type.into(), comment: None }
    }
}

/// How the files of a table are read by Hive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiveStorage {
    /// Parquet files.
    Parquet,
    /// Avro object container files; Hive reads them with this schema.
    #[serde(rename_all = "kebab-case")]
    Avro {
        /// Avro record schema as JSON text.
        schema_json: String,
    },
}

/// An external table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableSpec {
    /// Database.
    pub database: String,
    /// Name inside the database.
    pub table: String,
    /// Text shown by `describe formatted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Columns held in the files, in order; see [`types::columns`](crate::metastore::types::columns).
    pub columns: Vec<Column>,
    /// Columns held in directory names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_columns: Vec<Column>,
    /// Full location such as `hdfs://localhost:8020/lake/orders`.
    pub location: String,
    /// File format.
    pub storage: HiveStorage,
    /// Table parameters besides the ones that make it external and ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl TableSpec {
    /// `database.table`, for messages.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }
}

/// A partition of a [`TableSpec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    /// One value for each partition column, as text.
    pub values: Vec<String>,
    /// Full location.
    pub location: String,
    /// Partition parameters.
    pub parameters: BTreeMap<String, String>,
}

/// What the metastore says about a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Columns held in the files.
    pub columns: Vec<Column>,
    /// Columns held in directory names.
    pub partition_columns: Vec<Column>,
    /// Full location.
    pub location: String,
    /// `EXTERNAL_TABLE`, `MANAGED_TABLE`, `VIRTUAL_VIEW`.
    pub table_type: String,
    /// User the metastore holds responsible.
    pub owner: String,
    /// All table parameters.
    pub parameters: BTreeMap<String, String>,
}

impl TableInfo {
    /// Whether the table was made by us.
    pub fn is_ours(&self) -> bool {
        self.parameters.get(super::OWNER_PARAMETER).is_some_and(|owner| owner == super::OWNER)
    }
}
