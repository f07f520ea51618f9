//! Where the metastore is, and who new tables belong to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::discovery;
use crate::access::Access;
use crate::config::{self, CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::net::{Said, Server};

const DEFAULT_PORT: u16 = 9083;

/// Where it is said how a metastore is spoken to.
const SAID: Said = Said {
    kerberos: "give principal = \"hive/_HOST@REALM\" in [metastore], or name the cluster's hive-site.xml by HIVE_CONF_DIR",
    login: "where it wants Kerberos, give principal = \"hive/_HOST@REALM\" in [metastore], or name the cluster's \
            hive-site.xml (hive.metastore.sasl.enabled) by HIVE_CONF_DIR",
    sasl: "a kerberos ticket",
    no_kerberos: "where it wants no Kerberos, give auth = \"none\" in [metastore]",
    tls: "where it wants TLS, give tls = true in [metastore], or hive.metastore.use.SSL in hive-site.xml",
    http: "where it speaks HTTP, write its url as http://HOST:PORT/metastore",
    no_http: "where it does not speak HTTP, write its url as thrift://HOST:PORT",
    protocol: "where it wants frames or the compact protocol, set hive.metastore.thrift.framed.transport.enabled or \
               hive.metastore.thrift.compact.protocol.enabled in hive-site.xml",
};

/// How a metastore finds out who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// It does not
    None,
    /// By a Kerberos ticket or a delegation token, over SASL
    Kerberos,
}

/// How to reach the metastore.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MetastoreOptions {
    /// Address such as thrift://localhost:9083, or http://HOST:PORT/PATH; several are tried in order [default:
    /// hive.metastore.uris of hive-site.xml]
    #[arg(id = "metastore_url", long = "metastore-url", value_name = "URL", value_delimiter = ',')]
    #[arg(value_parser = checked)]
    #[serde(rename = "url", default, deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
    pub urls: Vec<String>,
    /// User that new databases and tables belong to [default: the HDFS user]
    #[arg(id = "metastore_user", long = "metastore-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
    /// How the metastore finds out who we are [default: as hive-site.xml says, else none]
    #[arg(id = "metastore_auth", long = "metastore-auth", value_name = "HOW", value_enum)]
    #[serde(default)]
    pub auth: Option<Authentication>,
    /// Kerberos principal of the metastore, such as hive/_HOST@REALM [default: that of hive-site.xml]
    #[arg(id = "metastore_principal", long = "metastore-principal", value_name = "PRINCIPAL")]
    #[serde(default)]
    pub principal: Option<String>,
    /// Whether the metastore is spoken to inside TLS [default: as hive-site.xml says, else false]
    #[arg(id = "metastore_tls", long = "metastore-tls", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(default)]
    pub tls: Option<bool>,
    /// What the connections of the run share.
    #[arg(skip)]
    #[serde(skip)]
    pub access: Access,
    /// How long the metastore has to accept a connection and give its first answer; that of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    #[serde(default)]
    pub connect_timeout: Option<Timespan>,
}

fn urls<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, checked)
}

fn checked(url: &str) -> Result<String> {
    Endpoint::parse(url).map(|_| url.trim().to_owned())
}

impl MetastoreOptions {
    /// Options for one metastore.
    pub fn new(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], ..Self::default() }
    }

    /// The metastores: those that were named, else those of `hive-site.xml`, where a ZooKeeper may know them. Blocks then.
    ///
    /// # Errors
    /// Config: there is none. Those of the ZooKeeper.
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>> {
        if !self.urls.is_empty() {
            return self.urls.iter().map(|url| Endpoint::parse(url)).collect();
        }
        let site = self.access.hive();
        let Some(list) = site.get("hive.metastore.uris") else {
            return Err(error::config("the metastore has no address")
                .hint("give its url, such as thrift://localhost:9083, or name hive-site.xml by HIVE_CONF_DIR"));
        };
        let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
        match site.get(discovery::MODE) {
            None => items.map(Endpoint::parse).collect(),
            Some(mode) => discovery::registered(mode, items, site, self.connect_timeout()),
        }
    }

    /// The server at an address.
    pub(super) fn server(&self, endpoint: &Endpoint) -> Server {
        Server::new("a hive metastore", endpoint.address.as_str(), self.connect_timeout()).said(&SAID)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }

    /// The user that new objects belong to: where it is not given, the one in whose name all is done, or who logs in;
    /// on an open cluster the one that Hadoop's own clients would act as. Blocks where a ticket is looked at.
    pub(super) fn user(&self) -> String {
        let from_environment =
            || ["HADOOP_USER_NAME", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let given = self.user.clone().or_else(|| self.access.proxy_user().map(str::to_owned));
        given.or_else(|| self.access.short_name()).or_else(from_environment).unwrap_or_default()
    }
}

/// The address of a metastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `host:port`.
    pub address: String,
    /// Whether inside TLS, and the path, where the address says that it speaks HTTP.
    pub http: Option<(bool, String)>,
}

impl Endpoint {
    /// Reads `thrift://HOST[:PORT]`, `http://HOST[:PORT][/PATH]` or `https://..`.
    ///
    /// # Errors
    /// Config: it is written in another way.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let malformed =
            || error::config(format!("{url:?} is not thrift://HOST:PORT")).hint("write it as thrift://host:9083");
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(malformed)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The text is not repeated where it may hold a password.
        if rest.contains(['@', '?']) {
            return Err(error::config("the metastore's address names a user, or has parameters")
                .hint("write it as thrift://host:9083, or http://host:port/path"));
        }
        let http = match scheme {
            "thrift" if path.is_empty() => None,
            "http" => Some((false, path.to_owned())),
            "https" => Some((true, path.to_owned())),
            _ => return Err(malformed()),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse::<u16>().map_err(|_| malformed())?),
            None => (authority, DEFAULT_PORT),
        };
        if host.is_empty() { Err(malformed()) } else { Ok(Self { address: format!("{host}:{port}"), http }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn addresses_are_checked_before_a_call() {
        let address = |url: &str| Endpoint::parse(url).unwrap().address;
        assert_eq!(address("thrift://127.0.0.1"), "127.0.0.1:9083");
        assert_eq!(address(" thrift://127.0.0.1:9084/"), "127.0.0.1:9084");
        let http = Endpoint::parse("https://h:1/metastore").unwrap();
        assert_eq!((http.address.as_str(), http.http), ("h:1", Some((true, "metastore".to_owned()))));
        for uri in [
            "localhost:9083",
            "thrift://",
            "thrift://:1",
            "thrift://h:x",
            "thrift://h:1/p",
            "ftp://h:1",
            "thrift://u:p@h:1",
            "http://h:1/x?token=t",
        ] {
            assert_eq!(Endpoint::parse(uri).unwrap_err().kind(), Kind::Config, "{uri}");
        }
    }

    #[test]
    fn without_an_address_nothing_is_tried() {
        assert_eq!(MetastoreOptions::default().endpoints().unwrap_err().kind(), Kind::Config);
    }
}
