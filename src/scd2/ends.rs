//! The servers that a dimension is kept with.

use crate::error::{self, Result};
use crate::hiveserver2::HiveServer2Options;
use crate::load::Cluster;
use crate::metastore::MetastoreOptions;
use crate::storage::hdfs::HdfsOptions;

/// HiveServer2, which does the work; and for dimensions whose files are swapped, the metastore and the filesystem.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Where HiveQL is run.
    pub hive: HiveServer2Options,
    /// Where the files of dimensions lie.
    pub hdfs: Option<HdfsOptions>,
    /// Where the locations of their partitions are kept.
    pub metastore: Option<MetastoreOptions>,
}

impl Ends {
    /// HiveServer2 alone; enough for dimensions that Hive itself changes in place.
    pub fn of_hive(hive: HiveServer2Options) -> Self {
        Self { hive, hdfs: None, metastore: None }
    }

    /// Connects to what swaps the files of `table`.
    ///
    /// # Errors
    /// Config: nobody says where it is. Those of [`Cluster::connect`].
    pub(super) async fn cluster(&self, table: &str) -> Result<Cluster> {
        let (Some(hdfs), Some(metastore)) = (&self.hdfs, &self.metastore) else {
            let what = format!("the files of {table} are swapped, and nothing says where HDFS and the metastore are");
            return Err(error::config(what)
                .hint("add [hdfs] and [metastore] tables, or on the command line --hdfs-url and --metastore-url"));
        };
        Cluster::connect(hdfs, Some(metastore)).await
    }
}
