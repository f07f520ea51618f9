//! Where the Thrift gateways are and how long to wait for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

const CONNECT_TIMEOUT_MS: u64 = 5_000;
const READ_TIMEOUT_MS: u64 = 60_000;

/// The connection table `[hbase]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HBaseOptions {
    /// HBase Thrift gateway (thrift1), host:port; several are tried in order
    #[arg(id = "hbase_thrift", long = "hbase-thrift", value_name = "HOST:PORT", value_delimiter = ',')]
    #[arg(default_value = "localhost:9090")]
    pub thrift: Vec<String>,
    /// Milliseconds to wait for a connection to one gateway
    #[arg(id = "hbase_connect_timeout_ms", long = "hbase-connect-timeout-ms", value_name = "MS")]
    #[arg(default_value_t = CONNECT_TIMEOUT_MS)]
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Milliseconds to wait for the answer to one call
    #[arg(id = "hbase_read_timeout_ms", long = "hbase-read-timeout-ms", value_name = "MS")]
    #[arg(default_value_t = READ_TIMEOUT_MS)]
    #[serde(default = "read_timeout_ms")]
    pub read_timeout_ms: u64,
}

fn connect_timeout_ms() -> u64 {
    CONNECT_TIMEOUT_MS
}

fn read_timeout_ms() -> u64 {
    READ_TIMEOUT_MS
}

impl HBaseOptions {
    /// Options with the default times.
    pub fn new(thrift: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            thrift: thrift.into_iter().map(Into::into).collect(),
            connect_timeout_ms: CONNECT_TIMEOUT_MS,
            read_timeout_ms: READ_TIMEOUT_MS,
        }
    }

    /// Refuses what cannot be tried.
    ///
    /// # Errors
    /// Config: no gateway, an address that is not `host:port`, a time of zero.
    pub fn validate(&self) -> Result<()> {
        if self.thrift.is_empty() {
            return Err(error::config("hbase names no thrift gateway").hint("give thrift = [\"host:9090\"]"));
        }
        for endpoint in &self.thrift {
            let port = endpoint.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
            if port.and_then(|port| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
                return Err(error::config(format!("hbase thrift gateway \"{endpoint}\" is not host:port"))
                    .hint("the gateway's usual port is 9090"));
            }
        }
        if self.connect_timeout_ms == 0 || self.read_timeout_ms == 0 {
            return Err(error::config("an hbase timeout of 0 ms would never connect").hint("give it in milliseconds"));
        }
        Ok(())
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
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
        let options: HBaseOptions = toml::from_str("thrift = [\"h:1\"]\nread-timeout-ms = 7").unwrap();
        assert_eq!((options.read_timeout_ms, options.connect_timeout_ms), (7, CONNECT_TIMEOUT_MS));
        assert!(toml::from_str::<HBaseOptions>("thrift = []\nthrfit = []").is_err());
    }
}
