//! What we ask the metastore to hold, in our own words: columns, storage, tables, partitions. Plain data, no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Statistics;
use crate::error::{self, Result};

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

/// Columns as `name type, ..` for an error: the first of them, and how many more there are.
pub fn listed<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    const SHOWN: usize = 20;
    let all: Vec<String> = columns.into_iter().map(|c| format!("{} {}", c.name, c.hive_type)).collect();
    match all.get(..SHOWN) {
        Some(first) if all.len() > SHOWN => format!("{} and {} more", first.join(", "), all.len() - SHOWN),
        _ => all.join(", "),
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
    /// Lines of delimited fields.
    #[serde(rename_all = "kebab-case")]
    Text {
        /// Between two fields.
        fields: char,
        /// Between two rows; Hive knows the line feed only.
        lines: char,
        /// In front of a character that would end a field.
        escaped_by: Option<char>,
        /// What stands for NULL; `\\N` where absent.
        null: Option<String>,
    },
    /// SequenceFiles whose values are delimited fields.
    #[serde(rename_all = "kebab-case")]
    Sequence {
        /// Between two fields.
        fields: char,
        /// In front of a character that would end a field.
        escaped_by: Option<char>,
        /// What stands for NULL; `\\N` where absent.
        null: Option<String>,
    },
}

impl HiveStorage {
    /// Whether the values of the files are text that Hive parses.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Sequence { .. })
    }

    /// Refuses delimiters that Hive would not read the files by.
    ///
    /// # Errors
    /// Config: a delimiter that is not ASCII or means two things, rows that do not end with a line feed.
    pub fn check(&self) -> Result<()> {
        let (fields, escaped_by) = match self {
            Self::Parquet | Self::Avro { .. } => return Ok(()),
            Self::Text { lines, .. } if *lines != '\n' => {
                return Err(error::config(format!("hive cannot read rows that end with {lines:?}"))
                    .hint("end the lines of a hive table with a line feed"));
            }
            Self::Text { fields, escaped_by, .. } | Self::Sequence { fields, escaped_by, .. } => (*fields, *escaped_by),
        };
        if let Some(wide) = [Some(fields), escaped_by].into_iter().flatten().find(|c| !c.is_ascii()) {
            return Err(error::config(format!("hive cannot read fields with the delimiter {wide:?}"))
                .hint("choose delimiters from \\0 to \\0177"));
        }
        if fields == '\n' || escaped_by == Some(fields) || escaped_by == Some('\n') {
            return Err(error::config(format!("the delimiter {fields:?} of a hive table means two things")));
        }
        Ok(())
    }
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
    /// Takes an external table of others over, if it lies in the same place and has the same columns and file format.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
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
    /// Its name, `k=v/k2=v2` with Hive's escapes.
    pub name: String,
    /// Full location.
    pub location: String,
    /// Partition parameters.
    pub parameters: BTreeMap<String, String>,
    /// What a load did to its files, where that is known.
    pub statistics: Option<Statistics>,
}

/// What the metastore says about a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Java class that splits the files.
    pub input_format: String,
    /// Java class that reads a row.
    pub serde: String,
    /// What that class is told.
    pub serde_parameters: BTreeMap<String, String>,
    /// All table parameters.
    pub parameters: BTreeMap<String, String>,
}

impl TableInfo {
    /// Whether the table was made by us.
    pub fn is_ours(&self) -> bool {
        self.parameters.get(super::OWNER_PARAMETER).is_some_and(|owner| owner == super::OWNER)
    }
}
