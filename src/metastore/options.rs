//! Where the metastore is, and who new tables belong to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{self, CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};

const DEFAULT_PORT: u16 = 9083;

/// How to reach the metastore.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MetastoreOptions {
    /// Address such as thrift://localhost:9083; several are tried in order
    #[arg(id = "metastore_url", long = "metastore-url", value_name = "URL", value_delimiter = ',')]
    #[arg(value_parser = checked)]
    #[serde(rename = "url", deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
    pub urls: Vec<String>,
    /// User that new databases and tables belong to [default: the HDFS user]
    #[arg(id = "metastore_user", long = "metastore-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
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
    host_and_port(url).map(|_| url.trim().to_owned())
}

impl MetastoreOptions {
    /// Options for one metastore.
    pub fn new(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], ..Self::default() }
    }

    /// The addresses.
    ///
    /// # Errors
    /// Config: there is none.
    pub(super) fn checked_urls(&self) -> Result<&[String]> {
        match &self.urls[..] {
            [] => {
                Err(error::config("the metastore has no address").hint("give its url, such as thrift://localhost:9083"))
            }
            urls => Ok(urls),
        }
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }

    /// The user that new objects belong to: where it is not given, the one that Hadoop's own clients would act as on a
    /// cluster without Kerberos.
    pub(super) fn user(&self) -> String {
        let from_environment =
            || ["HADOOP_USER_NAME", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        self.user.clone().or_else(from_environment).unwrap_or_default()
    }
}

/// The `host:port` of `thrift://host[:port]`.
///
/// # Errors
/// Config: it is written in another way.
pub(super) fn host_and_port(url: &str) -> Result<String> {
    let malformed =
        || error::config(format!("{url:?} is not thrift://HOST:PORT")).hint("write it as thrift://host:9083");
    let authority = url.trim().strip_prefix("thrift://").ok_or_else(malformed)?.trim_end_matches('/');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().map_err(|_| malformed())?),
        None => (authority, DEFAULT_PORT),
    };
    if host.is_empty() { Err(malformed()) } else { Ok(format!("{host}:{port}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn addresses_are_checked_before_a_call() {
        assert_eq!(host_and_port("thrift://127.0.0.1").unwrap(), "127.0.0.1:9083");
        assert_eq!(host_and_port(" thrift://127.0.0.1:9084/").unwrap(), "127.0.0.1:9084");
        for uri in ["localhost:9083", "thrift://", "thrift://:1", "thrift://h:x"] {
            assert_eq!(host_and_port(uri).unwrap_err().kind(), Kind::Config, "{uri}");
        }
    }
}
