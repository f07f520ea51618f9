//! The choices of an import that have names.

use serde::{Deserialize, Serialize};

/// How all splits come to see one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// The first of the following that the server and our rights allow, down to one connection; never none
    #[default]
    Auto,
    /// Snapshots that name the same binlog position (MariaDB, Percona)
    BinlogPosition,
    /// Snapshots between which nothing was committed, as the GTIDs show (MySQL)
    Gtid,
    /// Snapshots opened under a short FLUSH TABLES WITH READ LOCK
    FlushTables,
    /// Snapshots opened under a short LOCK TABLES ... READ on the tables imported
    LockTables,
    /// One snapshot over one connection
    OneConnection,
    /// Every split at its own moment: rows that move meanwhile may be missing or doubled
    None,
}

/// Whose values and names a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Exact types: decimal, date and timestamp stay what they are
    #[default]
    Exact,
    /// What Sqoop 1.4.7 writes: decimals as text, times as milliseconds, text as Java prints it
    Sqoop,
}

/// What becomes of dates such as 0000-00-00 and 2024-00-31.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroDates {
    /// The import fails and names the row
    #[default]
    Error,
    /// NULL
    Null,
    /// The column becomes text
    Text,
}

/// What becomes of text that is not valid UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidText {
    /// The import fails and names the row
    #[default]
    Error,
    /// Wrong bytes become U+FFFD
    Replace,
}

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

/// How files are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FileNames {
    /// part-LOAD-NNNN: the load that wrote a file is in its name
    #[default]
    Load,
    /// part-m-NNNNN, as Sqoop calls them
    Sqoop,
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
