//! Where the Thrift gateways are and how long to wait for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::security::Endpoint;
use crate::access::Access;
use crate::config::{self, CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::net::{Said, Server};

/// HBase's own default of `hbase.client.keyvalue.maxsize` and `hbase.server.keyvalue.maxsize`.
const MAX_CELL_BYTES: usize = 10 * 1024 * 1024;

/// Where it is said how a gateway is spoken to.
const SAID: Said = Said {
    kerberos: "give principal = \"hbase/_HOST@REALM\" in [hbase] (auth = \"kerberos\" over http), or name the cluster's \
               hbase-site.xml by HBASE_CONF_DIR",
    login: "where it wants Kerberos, give principal = \"hbase/_HOST@REALM\" in [hbase], or name the cluster's \
            hbase-site.xml (hbase.thrift.security.qop) by HBASE_CONF_DIR",
    sasl: "a kerberos ticket",
    no_kerberos: "where it wants no Kerberos, give auth = \"none\" in [hbase]",
    tls: "where it wants TLS, give tls = true in [hbase], or https://HOST:PORT as its url where it speaks HTTP",
    http: "where it speaks HTTP, write its url as http://HOST:PORT",
    no_http: "where it does not speak HTTP, write its url as thrift://HOST:PORT",
    protocol: "where it wants frames or the compact protocol, give framed = true or compact = true in [hbase]",
};

/// Where a gateway listens if nobody says otherwise.
const LOCAL: &str = "localhost:9090";

/// How a gateway finds out who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// It does not
    None,
    /// By a Kerberos ticket: over SASL, or SPNEGO where the gateway speaks HTTP
    Kerberos,
}

/// The connection table `[hbase]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HBaseOptions {
    /// HBase Thrift gateway (thrift1), as thrift://HOST:PORT, HOST:PORT, http:// or https://HOST:PORT; several are
    /// tried in order [default: localhost:9090]
    #[arg(id = "hbase_url", long = "hbase-url", value_name = "URL", value_delimiter = ',', value_parser = checked)]
    #[serde(rename = "url", deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
    pub urls: Vec<String>,
    /// How the gateway finds out who we are [default: as hbase-site.xml says, else none]
    #[arg(id = "hbase_auth", long = "hbase-auth", value_name = "HOW", value_enum)]
    #[serde(default)]
    pub auth: Option<Authentication>,
    /// Kerberos principal of the gateway, such as hbase/_HOST@REALM [default: that of hbase-site.xml]
    #[arg(id = "hbase_principal", long = "hbase-principal", value_name = "PRINCIPAL")]
    #[serde(default)]
    pub principal: Option<String>,
    /// Whether the gateway is spoken to inside TLS [default: as the URL or hbase-site.xml says, else false]
    #[arg(id = "hbase_tls", long = "hbase-tls", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(default)]
    pub tls: Option<bool>,
    /// Whether the gateway takes calls in frames (started with -f) [default: as hbase-site.xml says, else false]
    #[arg(id = "hbase_framed", long = "hbase-framed", value_name = "BOOL", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    #[serde(default)]
    pub framed: Option<bool>,
    /// Whether the gateway speaks the compact protocol (started with -c) [default: as hbase-site.xml says, else false]
    #[arg(id = "hbase_compact", long = "hbase-compact", value_name = "BOOL", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    #[serde(default)]
    pub compact: Option<bool>,
    /// What the connections of the run share.
    #[arg(skip)]
    #[serde(skip)]
    pub access: Access,
    /// How long a gateway has to accept a connection and give its first answer; that of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    #[serde(default)]
    pub connect_timeout: Option<Timespan>,
    /// How long to wait for the gateway's answer to one call
    #[arg(id = "hbase_call_timeout", long = "hbase-call-timeout", value_name = "TIME")]
    #[arg(default_value_t = default_call_timeout())]
    #[serde(default = "default_call_timeout")]
    pub call_timeout: Timespan,
    /// Bytes of the largest cell that HBase takes, by its settings hbase.client.keyvalue.maxsize and
    /// hbase.server.keyvalue.maxsize; a larger one is refused before it is sent.
    #[arg(skip = MAX_CELL_BYTES)]
    #[serde(default = "max_cell_bytes", skip_serializing_if = "is_max_cell_bytes")]
    pub max_cell_bytes: usize,
}

fn max_cell_bytes() -> usize {
    MAX_CELL_BYTES
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_max_cell_bytes(bytes: &usize) -> bool {
    *bytes == MAX_CELL_BYTES
}

fn default_call_timeout() -> Timespan {
    Timespan::from_secs(60)
}

fn urls<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, checked)
}

fn checked(url: &str) -> Result<String> {
    Endpoint::parse(url).map(|endpoint| endpoint.to_string())
}

impl HBaseOptions {
    /// Options with the default times.
    pub fn new(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            urls: urls.into_iter().map(Into::into).collect(),
            auth: None,
            principal: None,
            tls: None,
            framed: None,
            compact: None,
            access: Access::default(),
            connect_timeout: None,
            call_timeout: default_call_timeout(),
            max_cell_bytes: MAX_CELL_BYTES,
        }
    }

    /// The same, with the gateway of this host where none is named.
    #[must_use]
    pub(crate) fn or_local(mut self) -> Self {
        if self.urls.is_empty() {
            self.urls.push(LOCAL.to_owned());
        }
        self
    }

    /// Refuses what cannot be tried.
    ///
    /// # Errors
    /// Config: there is no gateway, or an address that is not `HOST:PORT`.
    pub fn validate(&self) -> Result<()> {
        if self.urls.is_empty() {
            return Err(error::config("hbase has no thrift gateway").hint("give its url, such as thrift://host:9090"));
        }
        self.urls.iter().try_for_each(|url| checked(url).map(drop))
    }

    /// The server at an address.
    pub(super) fn server(&self, endpoint: &Endpoint) -> Server {
        Server::new("an hbase thrift1 gateway", endpoint.address.as_str(), self.connect_timeout()).said(&SAID)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }

    pub(super) fn read_timeout(&self) -> Duration {
        self.call_timeout.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn addresses_need_a_host_and_a_port() {
        assert!(HBaseOptions::new(["h:9090", "[::1]:9090"]).validate().is_ok());
        for wrong in ["h", ":9090", "h:", "h:port", "h:0", "h:70000"] {
            let error = HBaseOptions::new([wrong]).validate().unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{wrong}");
            assert!(error.to_string().contains(wrong), "{error}");
        }
        assert!(HBaseOptions::new([""; 0]).validate().is_err());
    }

    #[test]
    fn unknown_keys_are_refused() {
        let options: HBaseOptions = toml::from_str("url = [\"thrift://h:1\"]\ncall-timeout = '7ms'").unwrap();
        assert_eq!((options.read_timeout(), options.connect_timeout()), (Duration::from_millis(7), CONNECT_TIMEOUT));
        assert_eq!(options.urls, ["h:1"]);
        assert!(toml::from_str::<HBaseOptions>("url = 'h:1'\nulr = 'h:1'").is_err());
    }
}
