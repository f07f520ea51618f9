//! The systems that a transfer works on.

use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::load::Cluster;
use crate::mysql::MySqlClient;

/// Connections, or what is needed to make them when they are needed.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// The database.
    pub mysql: &'a MySqlClient,
    /// Filesystem and metastore; `None` where the rows go to HBase only.
    pub cluster: Option<&'a Cluster>,
    /// The HBase gateway, where one is configured.
    pub hbase: Option<&'a HBaseOptions>,
    /// HiveServer2, where one is configured.
    pub hiveserver2: Option<&'a HiveServer2Options>,
}

impl<'a> Ends<'a> {
    /// A database and a cluster, which is what most transfers need.
    pub fn new(mysql: &'a MySqlClient, cluster: &'a Cluster) -> Self {
        Self { mysql, cluster: Some(cluster), hbase: None, hiveserver2: None }
    }

    /// The cluster.
    ///
    /// # Errors
    /// Config: none is configured.
    pub fn cluster(&self) -> Result<&'a Cluster> {
        self.cluster.ok_or_else(|| {
            error::config("the files have no filesystem to go to")
                .hint("say where HDFS is: hdfs-url or HADOOP_CONF_DIR")
        })
    }

    /// The HBase gateway.
    ///
    /// # Errors
    /// Config: none is configured.
    pub fn hbase(&self) -> Result<&'a HBaseOptions> {
        self.hbase.ok_or_else(|| {
            error::config("no hbase gateway is configured").hint("give hbase-thrift, such as localhost:9090")
        })
    }

    /// HiveServer2.
    ///
    /// # Errors
    /// Config: none is configured.
    pub fn hiveserver2(&self) -> Result<&'a HiveServer2Options> {
        self.hiveserver2.ok_or_else(|| {
            error::config("no hiveserver2 is configured, which fills managed tables").hint("give its endpoints")
        })
    }
}
