//! Metastores that register in ZooKeeper, where `hive-site.xml` says so.
//!
//! Source: Hive 4.0 `HiveMetaStoreClient.resolveUris` and `ZooKeeperHiveHelper`: `hive.metastore.uris` then names the
//! ZooKeepers, and each node holds the `host:port` of a metastore.

use std::time::Duration;

use super::options::Endpoint;
use crate::error::{self, Result};
use crate::net::zookeeper::nodes;
use crate::site::Site;

/// The setting that says how metastores are found.
pub(super) const MODE: &str = "hive.metastore.service.discovery.mode";
/// Where they register, if nothing else is said.
const NAMESPACE: &str = "hive_metastore";

/// The metastores that the ZooKeepers know. Blocks.
///
/// # Errors
/// Config: another way to find them, or ZooKeeper inside TLS. Unreachable: no ZooKeeper answers. NotFound: nobody is
/// registered.
pub(super) fn registered<'a>(
    mode: &str,
    quorum: impl Iterator<Item = &'a str>,
    site: &Site,
    limit: Duration,
) -> Result<Vec<Endpoint>> {
    let by_name = "name the metastores themselves, by url = \"thrift://HOST:PORT\" in [metastore]";
    if !mode.eq_ignore_ascii_case("zookeeper") {
        return Err(error::config(format!("{MODE} of hive-site.xml is {mode}, which is not supported")).hint(by_name));
    }
    if site.is_true("hive.metastore.zookeeper.ssl.client.enable") {
        let what = "hive-site.xml asks for a zookeeper inside TLS (hive.metastore.zookeeper.ssl.client.enable)";
        return Err(error::config(format!("{what}, which is not supported")).hint(by_name));
    }
    let port = site.get("hive.metastore.zookeeper.client.port").unwrap_or("2181");
    let with_port = |host: &str| if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
    let quorum: Vec<String> = quorum.map(with_port).collect();
    let namespace = site.get("hive.metastore.zookeeper.namespace").unwrap_or(NAMESPACE);
    let path = format!("/{}", namespace.trim_matches('/'));
    let found = nodes(&quorum, &path, limit)?;
    let endpoints: Vec<Endpoint> = found
        .iter()
        .filter_map(|node| Endpoint::parse(&format!("thrift://{}", String::from_utf8_lossy(&node.data))).ok())
        .collect();
    match endpoints.is_empty() {
        true => Err(error::not_found(format!(
            "no metastore is registered in {path} of the zookeeper at {}",
            quorum.join(",")
        ))
        .hint("check hive.metastore.zookeeper.namespace in hive-site.xml, and that a metastore runs")),
        false => Ok(endpoints),
    }
}
