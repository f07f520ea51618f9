//! The connections to the servers of a pipeline, opened when first needed and shared by the steps.
//!
//! A password file may lie in the cluster (`hdfs:///user/etl/.pw`), where only its owner can read it.

use std::path::Path;

use crate::access::Access;
use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::load::Cluster;
use crate::metastore::MetastoreOptions;
use crate::mysql::{MySqlClient, MySqlOptions};
use crate::retry::Retry;
use crate::scd2;
use crate::secret::Secret;
use crate::shutdown::Stop;
use crate::storage;

use super::config::Pipeline;
use super::servers::Servers;
use super::step::StepKind;
use crate::transfer::Ends;

/// The connections of a pipeline; the cluster's is opened once and shared.
pub(super) struct Connections<'a> {
    pub pipeline: &'a Pipeline,
    /// The servers with what their connections share.
    servers: Servers,
    access: Access,
    cluster: Option<Cluster>,
}

impl Pipeline {
    /// HBase's gateways, if they are named, with a login: for those who speak to nothing else.
    ///
    /// # Errors
    /// Config: site files or others that the servers' settings name cannot be read.
    pub(crate) fn hbase(&self) -> Result<Option<HBaseOptions>> {
        let access = self.servers.access(&self.base)?;
        Ok(self.servers.clone().with_access(&access).hbase)
    }

    /// HiveServer2 with a login, for those who speak to nothing else; where nothing is said of it, that of `hive-site.xml`.
    ///
    /// # Errors
    /// Config: site files or others that the servers' settings name cannot be read.
    pub(crate) fn hiveserver2(&self) -> Result<HiveServer2Options> {
        let access = self.servers.access(&self.base)?;
        let servers = self.servers.clone().with_access(&access);
        let options = servers.hiveserver2.ok_or_else(|| {
            error::config("there is no [hiveserver2] table").hint("say where the server is, there or by -u")
        })?;
        Ok(options.relative_to(&self.base))
    }
}

impl<'a> Connections<'a> {
    /// Prepares them; nothing is opened yet.
    ///
    /// # Errors
    /// Config: site files or others that the servers' settings name cannot be read, or HDFS has an address that files
    /// cannot be written to.
    pub(super) fn new(pipeline: &'a Pipeline) -> Result<Self> {
        let access = pipeline.servers.access(&pipeline.base)?;
        let mut servers = pipeline.servers.clone().with_access(&access);
        // Where a step wants a table and nothing is said of the metastore, hive-site.xml says it, as for Sqoop.
        let wants_table = |kind: &StepKind| kind.hive_database().is_some() || matches!(kind, StepKind::Scd2(_));
        let registers = pipeline.steps.iter().any(|step| wants_table(&step.kind));
        if registers && servers.metastore.is_none() && access.hive().get("hive.metastore.uris").is_some() {
            servers.metastore = Some(MetastoreOptions { access: access.clone(), ..MetastoreOptions::default() });
        }
        if let Some(hdfs) = servers.hdfs.as_ref()
            && pipeline.steps.iter().any(|step| step.kind.needs().contains(&"hdfs"))
        {
            storage::check_address(hdfs)?;
        }
        Ok(Self { pipeline, servers, access, cluster: None })
    }

    /// The servers with what their connections share.
    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// What the connections to the cluster share.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// HDFS and the metastore.
    pub(super) async fn cluster(&mut self, stop: &Stop) -> Result<&Cluster> {
        if self.cluster.is_none() {
            let servers = &self.servers;
            let hdfs = configured(servers.hdfs.as_ref(), "hdfs")?;
            let connect = Cluster::connect(hdfs, servers.metastore.as_ref());
            self.cluster = Some(stop.or(connect).await?);
        }
        configured(self.cluster.as_ref(), "hdfs")
    }

    /// The same, which is waited for where it is away.
    pub(super) async fn patient_cluster(&mut self, patience: Retry, stop: &Stop) -> Result<&Cluster> {
        let mut pauses = patience.pauses();
        while let Err(e) = self.cluster(stop).await {
            stop.or(pauses.after(e)).await?;
        }
        self.cluster(stop).await
    }

    /// The database for a step that speaks to it: a first connection is on its way while the cluster's are made.
    pub(super) async fn database(&mut self, stop: &Stop) -> Result<MySqlClient> {
        let client = self.mysql(stop).await?;
        client.connect_ahead();
        Ok(client)
    }

    /// The database, with its password read.
    pub(super) async fn mysql(&mut self, stop: &Stop) -> Result<MySqlClient> {
        let options = configured(self.servers.mysql.as_ref(), "mysql")?.clone();
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
        let to_hbase = matches!(kind, StepKind::Import(args) if args.hbase.table.is_some());
        if !to_hbase {
            self.cluster(stop).await?;
        }
        let Self { servers, cluster, .. } = self;
        let cluster = cluster.as_ref().filter(|_| !to_hbase);
        let (hbase, hiveserver2) = (servers.hbase.as_ref(), servers.hiveserver2.as_ref());
        Ok(Ends { mysql, cluster, hbase, hiveserver2 })
    }

    pub(super) fn hiveserver2(&self) -> Result<HiveServer2Options> {
        let hive = configured(self.servers.hiveserver2.as_ref(), "hiveserver2")?;
        Ok(hive.clone().relative_to(&self.pipeline.base))
    }

    /// The servers of a dimension.
    pub(super) fn of_dimension(&self) -> Result<scd2::Ends> {
        let Servers { hdfs, metastore, .. } = self.servers.clone();
        Ok(scd2::Ends { hive: self.hiveserver2()?, hdfs, metastore })
    }

    pub(super) fn hbase(&self) -> Result<&HBaseOptions> {
        configured(self.servers.hbase.as_ref(), "hbase")
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
/// Those of HDFS; Config: the file is not text, or site files cannot be read.
pub(crate) async fn read_password(options: MySqlOptions, servers: &Servers) -> Result<MySqlOptions> {
    match in_cluster(options.password_file.as_deref()) {
        None => Ok(options),
        Some(path) => {
            let servers = servers.clone().with_access(&servers.access(Path::new(""))?);
            let hdfs = servers.hdfs.unwrap_or_default();
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
