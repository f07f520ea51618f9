//! The servers that sinks write to, and how a sink comes by them.

use async_trait::async_trait;

use crate::error::Result;
use crate::hbase::HBaseOptions;
use crate::load::Cluster;

/// What sinks write to, each `None` where no sink does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers {
    pub cluster: Option<Cluster>,
    /// HBase's gateways, which sinks connect to themselves.
    pub hbase: Option<HBaseOptions>,
}

/// Gives the servers when a sink asks for them.
#[async_trait(?Send)]
pub(super) trait Supply {
    /// The servers, the cluster among them where it is wanted. It may be asked again after an error.
    ///
    /// # Errors
    /// Those of the servers.
    async fn servers(&self, with_cluster: bool) -> Result<Servers>;
}

/// They are there already.
#[async_trait(?Send)]
impl Supply for Servers {
    async fn servers(&self, _: bool) -> Result<Servers> {
        Ok(self.clone())
    }
}
