//! Where HiveServer2 is and how to log in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::transport::TimeLimits;
use crate::config::{self, CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::sasl::Mechanism;
use crate::secret::{Secret, SecretSource};

/// How a session logs in; what the server calls `hive.server2.authentication`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// SASL PLAIN with user and password: the server's NONE, LDAP, PAM and CUSTOM
    #[default]
    Plain,
    /// No SASL: the server's NOSASL
    Nosasl,
}

/// Where HiveServer2 is and how to log in; the `[hiveserver2]` table of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HiveServer2Options {
    /// HiveServer2, as jdbc:hive2://HOST:PORT or HOST:PORT; several are tried in order
    #[arg(id = "hiveserver2_url", long = "hiveserver2-url", value_name = "URL", value_delimiter = ',')]
    #[arg(value_parser = checked)]
    #[serde(rename = "url", deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
    pub urls: Vec<String>,
    /// User to act as in Hive
    #[arg(id = "hiveserver2_user", long = "hiveserver2-user", value_name = "USER", default_value_t = default_user())]
    #[serde(default = "default_user")]
    pub user: String,
    /// File that holds the password for HiveServer2; one trailing newline is dropped
    #[arg(id = "hiveserver2_password_file", long = "hiveserver2-password-file", value_name = "FILE")]
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password for HiveServer2
    #[arg(id = "hiveserver2_password_env", long = "hiveserver2-password-env", value_name = "NAME")]
    #[serde(default)]
    pub password_env: Option<String>,
    /// How to log in to HiveServer2
    #[arg(id = "hiveserver2_auth", long = "hiveserver2-auth", value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub auth: Authentication,
    /// Hive settings of every session, by name.
    #[arg(skip)]
    #[serde(default)]
    pub configuration: BTreeMap<String, String>,
    /// How long HiveServer2 has to accept a connection and give its first answer; that of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    #[serde(default)]
    pub connect_timeout: Option<Timespan>,
    /// How long to wait for HiveServer2's answer to one call: opening a session, compiling a statement, a batch of rows
    ///
    /// Statements themselves may run as long as they like.
    #[arg(id = "hiveserver2_call_timeout", long = "hiveserver2-call-timeout", value_name = "TIME")]
    #[arg(default_value_t = default_call_timeout())]
    #[serde(default = "default_call_timeout")]
    pub call_timeout: Timespan,
}

/// The scheme that Hive's own clients write before the address.
const SCHEME: &str = "jdbc:hive2://";

fn urls<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, checked)
}

fn checked(url: &str) -> Result<String> {
    config::host_and_port(url, SCHEME)
}

fn default_user() -> String {
    "hive".to_owned()
}

fn default_call_timeout() -> Timespan {
    Timespan::from_secs(300)
}

impl HiveServer2Options {
    /// Options for one server, logging in as `user` by SASL PLAIN without a password.
    pub fn new(endpoint: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            urls: vec![endpoint.into()],
            user: user.into(),
            password_file: None,
            password_env: None,
            auth: Authentication::Plain,
            configuration: BTreeMap::new(),
            connect_timeout: None,
            call_timeout: default_call_timeout(),
        }
    }

    /// Adds a Hive setting of the session; one that is there already stays.
    #[must_use]
    pub fn default_setting(mut self, name: &str, value: &str) -> Self {
        self.configuration.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        self
    }

    /// Sets a Hive setting of the session, whatever it was.
    #[must_use]
    pub(super) fn setting(mut self, name: &str, value: &str) -> Self {
        self.configuration.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes relative paths as below `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.password_file = self.password_file.map(|file| base.join(file));
        self
    }

    /// Each `HOST:PORT`.
    ///
    /// # Errors
    /// Config: there is none, or one without a port.
    pub(super) fn endpoints(&self) -> Result<Vec<String>> {
        if self.urls.is_empty() {
            return Err(
                error::config("hiveserver2 has no address").hint("give its url, such as jdbc:hive2://host:10000")
            );
        }
        self.urls.iter().map(|url| checked(url)).collect()
    }

    /// The SASL mechanism to log in with, if any.
    ///
    /// # Errors
    /// Config: the password cannot be read.
    pub(super) fn mechanism(&self) -> Result<Option<Mechanism>> {
        let source = SecretSource {
            password_file: self.password_file.clone(),
            password_env: self.password_env.clone(),
            ..SecretSource::default()
        };
        match self.auth {
            Authentication::Nosasl => Ok(None),
            Authentication::Plain => {
                // Servers that check nothing still refuse an empty password.
                let password = source.read(Path::new(""))?.unwrap_or_else(|| Secret::new("anonymous"));
                Ok(Some(Mechanism::Plain { user: self.user.clone(), password }))
            }
        }
    }

    pub(super) fn time_limits(&self) -> TimeLimits {
        TimeLimits {
            connect: self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get),
            call: self.call_timeout.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn toml_needs_a_url_only_and_refuses_unknown_keys() {
        let options: HiveServer2Options = toml::from_str("url = ['jdbc:hive2://a:10000', '[::1]:10000']").unwrap();
        assert_eq!((options.user.as_str(), options.auth), ("hive", Authentication::Plain));
        assert_eq!(options.endpoints().unwrap(), ["a:10000", "[::1]:10000"]);
        let unknown = toml::from_str::<HiveServer2Options>("url = 'a:1'\nurls = 'b:2'").unwrap_err();
        assert!(unknown.to_string().contains("urls"), "{unknown}");
    }

    #[test]
    fn addresses_without_a_port_are_config_errors() {
        for endpoint in ["", "host", "host:", ":10000", "host:0", "host:70000", "host:x"] {
            let error = HiveServer2Options::new(endpoint, "u").endpoints().unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{endpoint}");
        }
    }
}
