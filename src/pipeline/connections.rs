//! The connections to the servers of a pipeline, opened when first needed and shared by the steps.
//!
//! A password file may lie in the cluster (`hdfs:///user/etl/.pw`), where only its owner can read it.

use std::path::Path;

use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::load::Cluster;
use crate::mysql::{MySqlClient, MySqlOptions};
use crate::secret::Secret;
use crate::shutdown::Stop;
use crate::storage::hdfs::HdfsOptions;

use super::config::Pipeline;
use super::step::StepKind;
use crate::transfer::Ends;

/// The connections of a pipeline; the cluster's is opened once and shared.
pub(super) struct Connections<'a> {
    pub pipeline: &'a Pipeline,
    cluster: Option<Cluster>,
}

impl<'a> Connections<'a> {
    pub(super) fn new(pipeline: &'a Pipeline) -> Self {
        Self { pipeline, cluster: None }
    }

    /// HDFS and the metastore.
    pub(super) async fn cluster(&mut self, stop: &Stop) -> Result<&Cluster> {
        if self.cluster.is_none() {
            let servers = &self.pipeline.servers;
            let hdfs = configured(servers.hdfs.as_ref(), "hdfs")?;
            let connect = Cluster::connect(hdfs, servers.metastore.as_ref());
            self.cluster = Some(stop.or(connect).await?);
        }
        configured(self.cluster.as_ref(), "hdfs")
    }

    /// The database, with its password read.
    pub(super) async fn mysql(&mut self, stop: &Stop) -> Result<MySqlClient> {
        let options = configured(self.pipeline.servers.mysql.as_ref(), "mysql")?.clone();
        let options = match in_cluster(options.password_file.as_deref()) {
            Some(path) => with_password(options, &path, self.cluster(stop).await?).await?,
            None => options,
        };
        MySqlClient::new(&options, &self.pipeline.base)
    }

    /// The ends of an import, an export or a comparison.
    pub(super) async fn ends<'b>(
        &'b mut self,
        mysql: &'b MySqlClient,
        kind: &StepKind,
        stop: &Stop,
    ) -> Result<Ends<'b>> {
        let servers = &self.pipeline.servers;
        let to_hbase = matches!(kind, StepKind::Import(args) if args.hbase.table.is_some());
        let cluster = if to_hbase { None } else { Some(self.cluster(stop).await?) };
        Ok(Ends { mysql, cluster, hbase: servers.hbase.as_ref(), hiveserver2: servers.hiveserver2.as_ref() })
    }

    pub(super) fn hiveserver2(&self) -> Result<HiveServer2Options> {
        let hive = configured(self.pipeline.servers.hiveserver2.as_ref(), "hiveserver2")?;
        Ok(hive.clone().relative_to(&self.pipeline.base))
    }

    pub(super) fn hbase(&self) -> Result<&'a HBaseOptions> {
        configured(self.pipeline.servers.hbase.as_ref(), "hbase")
    }
}

/// The path of a file in the cluster, if it is one.
fn in_cluster(file: Option<&Path>) -> Option<String> {
    let rest = file?.to_str()?.strip_prefix("hdfs:")?;
    let path = match rest.strip_prefix("//") {
        Some(after) => &after[after.find('/')?..],
        None => rest,
    };
    Some(path.to_owned())
}

async fn with_password(mut options: MySqlOptions, path: &str, cluster: &Cluster) -> Result<MySqlOptions> {
    let bytes = cluster.fs.read(path).await.map_err(|e| e.context("cannot read the password file"))?;
    let text = String::from_utf8(bytes.into())
        .map_err(|_| error::config(format!("password file {path} is not UTF-8")).hint("write the password as text"))?;
    options.password = Some(Secret::new(text.strip_suffix('\n').unwrap_or(&text)));
    options.password_file = None;
    Ok(options)
}

/// A pipeline is checked for its connections when it is read; a miss here is a mistake of ours.
fn configured<'a, T>(connection: Option<&'a T>, name: &str) -> Result<&'a T> {
    connection.ok_or_else(|| error::bug(format!("the [{name}] table was not asked for in time")))
}

/// Reads a password file in the cluster for a client that is made outside a pipeline.
///
/// # Errors
/// Those of HDFS; Config: the file is not text.
pub(crate) async fn read_password(options: MySqlOptions, hdfs: Option<&HdfsOptions>) -> Result<MySqlOptions> {
    match in_cluster(options.password_file.as_deref()) {
        None => Ok(options),
        Some(path) => {
            let hdfs = hdfs.cloned().unwrap_or_default();
            with_password(options, &path, &Cluster::connect(&hdfs, None).await?).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_in_the_cluster_is_told_from_a_local_one() {
        let path = |file: &str| in_cluster(Some(Path::new(file)));
        assert_eq!(path("hdfs:///user/etl/.pw").as_deref(), Some("/user/etl/.pw"));
        assert_eq!(path("hdfs://nn:8020/pw").as_deref(), Some("/pw"));
        assert_eq!(path("hdfs:/pw").as_deref(), Some("/pw"));
        assert_eq!(path("/etc/pw"), None);
        assert_eq!(in_cluster(None), None);
    }
}
