//! The load: the one transaction by which anything lands in a cluster.
//!
//! ```text
//! stage     parts are written and closed below a hidden directory; nobody reads them
//! record    a manifest (parts, rows, bytes, checksums, checkpoint) replaces the old one: the commit point
//! publish   the files are renamed into the target; safe to repeat
//! register  the table and its partitions are made or brought up to date; safe to repeat
//! done      the stage directory, the mark of unfinished business, is deleted
//! ```
//!
//! [`Load::open`] first finishes what an earlier load recorded and throws away what it only staged, so there is one
//! recovery path for every kind of work. A replacing load swaps the whole target by two renames: a reader sees the
//! old files, for an instant none, then the new ones, never a mixture. An appending load adds whole files one by one.
//!
//! It refuses a target with files that no load of ours put there, a table that is not ours, and a second load on
//! the same target while the first is alive.

mod layout;
mod lock;
mod manifest;
mod part;
mod partition;
mod publish;
mod register;
mod run;
mod strangers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

pub use self::manifest::{Manifest, StagedPart};
pub use self::part::{PartWriter, SideWriter};
pub use self::partition::{DEFAULT_PARTITION, Partition};
pub use self::run::{Committed, Load};
use crate::error::Result;
use crate::format::Encoder;
use crate::metastore::{Column, HiveStorage, MetastoreClient, MetastoreOptions};
use crate::storage::Filesystem;
use crate::storage::hdfs::{self, HdfsOptions};

/// The ends of a cluster that a load works on.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where files land.
    pub fs: Arc<dyn Filesystem>,
    /// Where tables are registered; `None` if no table is asked for.
    pub metastore: Option<Arc<MetastoreClient>>,
}

impl Cluster {
    /// Connects to HDFS and, where given, to the metastore; tables belong to the HDFS user unless said otherwise.
    ///
    /// # Errors
    /// Those of [`hdfs::connect`] and [`MetastoreClient::connect`].
    pub async fn connect(storage: &HdfsOptions, metastore: Option<&MetastoreOptions>) -> Result<Self> {
        let fs = hdfs::connect(storage).await?;
        let metastore = match metastore {
            Some(options) => {
                let mut options = options.clone();
                options.user = options.user.or_else(|| storage.user.clone());
                Some(Arc::new(MetastoreClient::connect(&options).await?))
            }
            None => None,
        };
        Ok(Self { fs, metastore })
    }
}

/// What a load does with the files that are in the target already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadMode {
    /// Swaps them for the new ones.
    Replace,
    /// Keeps them and adds the new ones.
    Append,
}

/// Makes the encoder of one file; the partition is the one the file belongs to.
pub type EncoderFactory = Arc<dyn Fn(&Partition) -> Result<Box<dyn Encoder>> + Send + Sync>;

/// Everything a load has to know before its first row.
#[derive(Clone)]
pub struct LoadPlan {
    /// Directory of the data: an absolute path without a scheme.
    pub target: String,
    /// What happens to files that are there already.
    pub mode: LoadMode,
    /// Schema of the batches, without partition columns.
    pub schema: SchemaRef,
    /// Makes the encoder of each file.
    pub encoder: EncoderFactory,
    /// File name extension without a dot, such as `parquet`.
    pub extension: &'static str,
    /// The table over the target, if one is wanted.
    pub table: Option<TablePlan>,
    /// Sums up what was asked for, so that a later run can tell whether it asks for the same.
    pub fingerprint: String,
    /// The run this load belongs to.
    pub run_id: String,
    /// Names the load; a caller that repeats a load after a failure gives the same one. Sortable and unique if `None`.
    pub load_id: Option<String>,
}

impl fmt::Debug for LoadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadPlan")
            .field("target", &self.target)
            .field("mode", &self.mode)
            .field("extension", &self.extension)
            .field("table", &self.table)
            .field("load_id", &self.load_id)
            .finish_non_exhaustive()
    }
}

/// The external table over a target.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// Database; made where it is missing.
    pub database: String,
    /// Name inside the database.
    pub table: String,
    /// Text shown by `describe formatted`.
    pub comment: Option<String>,
    /// Columns held in directory names; every part names a value for each.
    pub partition_columns: Vec<Column>,
    /// How Hive reads the files.
    pub storage: HiveStorage,
}
