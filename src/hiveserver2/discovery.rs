//! HiveServer2s that register in ZooKeeper: all of them, or the active one of several (active-passive).
//!
//! Source: Hive 4.0 `ZooKeeperHiveClientHelper`, `HS2ActivePassiveHARegistry` and `ZkRegistryBase`; the record of the
//! latter is Hadoop's `ServiceRecord` as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::url::JdbcUrl;
use crate::error::{self, Error, Kind, Result};
use crate::net::zookeeper::{Node, nodes};

/// Where servers register if neither they nor the address say otherwise.
const NAMESPACE: &str = "hiveserver2";
/// The same for active and passive ones.
const HA_NAMESPACE: &str = "hs2ActivePassiveHA";
/// What follows that name: whether the servers log in to ZooKeeper.
const HA_SUFFIXES: [&str; 2] = ["sasl", "unsecure"];
/// The endpoint that only the active server has.
const ACTIVE: &str = "activeEndpoint";
/// The setting that holds `host:port`.
const ADDRESS: &str = "hive.server2.instance.uri";

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// `host:port`.
    pub address: String,
    /// Its settings, by Hive's names; old servers say none.
    pub settings: BTreeMap<String, String>,
}

/// The servers that the ZooKeeper of an address knows; one where only the active one takes sessions. Blocks.
///
/// # Errors
/// Unreachable: no ZooKeeper answers, or no server is active. NotFound: nobody is
/// registered. Refused: it does not let us read.
pub(super) fn registered(url: &JdbcUrl, limit: Duration) -> Result<Vec<Registered>> {
    let namespace = url.get("zookeepernamespace").map(|name| name.trim_matches('/'));
    match url.get("servicediscoverymode").unwrap_or_default().to_ascii_lowercase().as_str() {
        "zookeeperha" => active(&url.hosts, namespace.unwrap_or(HA_NAMESPACE), limit).map(|server| vec![server]),
        _ => all(&url.hosts, namespace.unwrap_or(NAMESPACE), limit),
    }
}

fn all(quorum: &[String], namespace: &str, limit: Duration) -> Result<Vec<Registered>> {
    let path = format!("/{namespace}");
    let found: Vec<Registered> = nodes(quorum, &path, limit)?.iter().filter_map(of_node).collect();
    if found.is_empty() { Err(nobody(&path, quorum)) } else { Ok(found) }
}

/// A node's name is `serverUri=HOST:PORT;version=..;sequence=..`; its data that address, or settings.
fn of_node(node: &Node) -> Option<Registered> {
    let by_name = node.name.strip_prefix("serverUri=")?.split(';').next()?;
    let text = String::from_utf8_lossy(&node.data);
    let settings: BTreeMap<String, String> = text
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let address = settings.get(ADDRESS).map_or(by_name, String::as_str).to_owned();
    Some(Registered { address, settings })
}

fn active(quorum: &[String], namespace: &str, limit: Duration) -> Result<Registered> {
    let mut last = None;
    for suffix in HA_SUFFIXES {
        let path = format!("/{namespace}-{suffix}/instances");
        let found = match nodes(quorum, &path, limit) {
            Ok(found) => found,
            Err(e) if e.kind() == Kind::NotFound => {
                last = Some(e);
                continue;
            }
            Err(e) => return Err(e),
        };
        let records: Vec<Record> = found.iter().filter_map(|node| serde_json::from_slice(&node.data).ok()).collect();
        if let Some(server) = records.iter().find_map(Record::active) {
            return Ok(server);
        }
        last = Some(match records.len() {
            0 => nobody(&path, quorum),
            count => error::unreachable(format!("none of the {count} hiveserver2s in {path} is active"))
                .hint("they choose one within seconds of the end of the last: run again; or look at their logs"),
        });
    }
    Err(last.unwrap_or_else(|| nobody(namespace, quorum)))
}

fn nobody(path: &str, quorum: &[String]) -> Error {
    error::not_found(format!("no hiveserver2 is registered in {path} of the zookeeper at {}", quorum.join(",")))
        .hint("check zooKeeperNamespace in the url, and that a hiveserver2 runs")
}

/// Hadoop's `ServiceRecord`.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    internal: Vec<Endpoint>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// One of its endpoints.
#[derive(Deserialize)]
struct Endpoint {
    api: String,
    #[serde(default)]
    addresses: Vec<BTreeMap<String, String>>,
}

impl Record {
    /// The server, if it is the active one.
    fn active(&self) -> Option<Registered> {
        let endpoint = self.internal.iter().find(|endpoint| endpoint.api == ACTIVE)?;
        let text = |(name, value): (&String, &serde_json::Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let settings: BTreeMap<String, String> = self.rest.iter().filter_map(text).collect();
        let by_endpoint =
            || endpoint.addresses.first().and_then(|a| Some(format!("{}:{}", a.get("host")?, a.get("port")?)));
        let address = settings.get(ADDRESS).cloned().or_else(by_endpoint)?;
        Some(Registered { address, settings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_where_it_is_and_how_it_is_spoken_to() {
        let name = "serverUri=h:10000;version=4.0.1;sequence=0000000001".to_owned();
        let new = b"hive.server2.instance.uri=h:10001;hive.server2.transport.mode=http;hive.server2.use.SSL=false";
        let found = of_node(&Node { name: name.clone(), data: new.to_vec() }).unwrap();
        assert_eq!(
            (found.address.as_str(), found.settings["hive.server2.transport.mode"].as_str()),
            ("h:10001", "http")
        );
        assert_eq!(of_node(&Node { name, data: b"h:10000".to_vec() }).unwrap().address, "h:10000");
        assert_eq!(of_node(&Node { name: "leader".to_owned(), data: Vec::new() }), None);
    }
}
