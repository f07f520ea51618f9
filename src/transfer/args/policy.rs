//! The choices of an import that have names.

use serde::{Deserialize, Serialize};

pub use crate::mysql::snapshot::Consistency;
pub use crate::mysql::types::{Compat, InvalidText, ZeroDates};

/// How Parquet holds times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ParquetTimestamps {
    /// INT96 where the metastore is older than Hive 4, else INT64
    #[default]
    Auto,
    /// As every Hive reads them
    Int96,
    /// Microseconds, as Hive 4 and everybody else reads them
    Int64,
}

/// How files are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FileNames {
    /// part-LOAD-NNNN: the load that wrote a file is in its name
    #[default]
    Load,
    /// part-m-NNNNN, as Sqoop names them
    Sqoop,
}

/// What the columns are called in files and tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnNames {
    /// As in the source; a name that Hive cannot read is an error where there is a Hive table
    #[default]
    Source,
    /// What is not a letter a to z, a digit or an underscore becomes an underscore; a name that is then taken, or that
    /// Hive uses itself, gets a number at its end
    Hive,
}

/// What a NULL does to an HBase cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NullCells {
    /// The cell stays as it is
    #[default]
    Ignore,
    /// The cell is deleted, all its versions
    Delete,
}
