//! The load: the one transaction by which anything lands in a cluster.
//!
//! ```text
//! stage     parts are written and closed below a hidden directory; nobody reads them
//! prepare   the table's new partitions are added, still empty: what the metastore declines is known now
//! record    a manifest (parts, rows, bytes, checksums, checkpoint) replaces the old one: the commit point
//! publish   the files are renamed into the target; safe to repeat
//! register  the table and its partitions are made or brought up to date; safe to repeat
//! done      what was replaced goes to the trash, where there is one; the stage directory, the mark of unfinished
//!           business, is deleted
//! ```
//!
//! [`Load::open`] first finishes what an earlier load recorded and throws away what it only staged, so there is one
//! recovery path for every kind of work. A replacing load swaps the whole target by two renames: a reader sees the
//! old files, for an instant none, then the new ones, never a mixture. So does Hive: while the swap is done its table has
//! the partitions of both, those without rows as empty directories. An appending load adds whole files one by one.
//!
//! A registration never outlives the settings that asked for it: what an earlier load could not register is registered
//! by the next one that asks for the same table, and left behind by any other.
//!
//! It refuses a second load on the same target while the first is alive and, unless the plan says otherwise, a target
//! with files that no load of ours put there and a table that is not ours.

mod account;
pub(crate) mod bridge;
pub mod compact;
mod fields;
mod layout;
pub mod managed;
mod manifest;
mod names;
mod part;
mod partition;
mod place;
mod plan;
mod prepare;
mod publish;
mod recover;
mod register;
mod run;
mod strangers;
#[cfg(test)]
mod tests;
mod trash;

use std::sync::Arc;

pub use self::layout::{check_target, directory_name, visible_path};
pub use self::manifest::{Manifest, StagedPart};
pub use self::part::{PartWriter, SealedPart, SideWriter};
pub use self::partition::{DEFAULT_PARTITION, Partition};
pub use self::plan::{EncoderFactory, LoadMode, LoadPlan, PartNames, Strangers, TablePlan};
pub use self::run::{Committed, Load, recorded, recorded_columns};
use crate::error::Result;
use crate::metastore::{MetastoreClient, MetastoreOptions};
use crate::storage::Filesystem;
use crate::storage::hdfs::HdfsOptions;

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
    /// Those of [`connect`](crate::storage::connect) and [`MetastoreClient::connect`].
    pub async fn connect(storage: &HdfsOptions, metastore: Option<&MetastoreOptions>) -> Result<Self> {
        let fs = crate::storage::connect(storage).await?;
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
