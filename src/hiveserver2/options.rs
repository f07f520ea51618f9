//! Where HiveServer2 is and how to log in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::url::{DISCOVERY, JdbcUrl, QUORUM, SCHEME};
use crate::access::Access;
use crate::config::{self, CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::net::{Said, Server};
use crate::secret::{Secret, with_password_source};

/// Where it is said how a HiveServer2 is spoken to.
const SAID: Said = Said {
    kerberos: "give principal = \"hive/_HOST@REALM\" in [hiveserver2], or ;principal=hive/_HOST@REALM in a jdbc url, or \
               name the cluster's hive-site.xml by HIVE_CONF_DIR",
    login: "where it wants Kerberos, give principal = \"hive/_HOST@REALM\" in [hiveserver2], or name the cluster's \
            hive-site.xml (hive.server2.authentication) by HIVE_CONF_DIR; for the others auth = \"plain\"",
    sasl: "a kerberos ticket, or user and password",
    no_kerberos: "where it wants no Kerberos, give auth = \"plain\", or \"nosasl\", in [hiveserver2]",
    tls: "where it wants TLS, give tls = true in [hiveserver2], or ;ssl=true in a jdbc url",
    http: "where it speaks HTTP (hive.server2.transport.mode), give http-path = \"cliservice\" in [hiveserver2], or \
           ;transportMode=http;httpPath=cliservice in a jdbc url",
    no_http: "where its transport is the binary one, leave http-path, and transportMode in a jdbc url, out",
    protocol: "where its protocol is another one, name its own port",
};

/// How a session logs in; what the server calls `hive.server2.authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// SASL PLAIN with user and password: the server's NONE, LDAP, PAM and CUSTOM
    Plain,
    /// No SASL: the server's NOSASL
    Nosasl,
    /// By a Kerberos ticket, or a delegation token where there is one: the server's KERBEROS
    Kerberos,
}

with_password_source! {
    flags: "hiveserver2-", whose: " for HiveServer2";
    /// Where HiveServer2 is and how to log in; the `[hiveserver2]` table of a pipeline.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    pub struct HiveServer2Options {
        /// HiveServer2, as HOST:PORT or as a jdbc:hive2:// URL with Hive's own parameters; several are tried in order
        /// [default: those that register in the ZooKeeper of hive-site.xml]
        #[arg(id = "hiveserver2_url", long = "hiveserver2-url", value_name = "URL", value_parser = checked)]
        #[serde(rename = "url", default, deserialize_with = "urls", serialize_with = "config::write_one_or_more")]
        pub urls: Vec<String>,
        /// User to act as in Hive [default: that of the URL, else hive]
        #[arg(id = "hiveserver2_user", long = "hiveserver2-user", value_name = "USER")]
        #[serde(default)]
        pub user: Option<String>,
        /// How to log in to HiveServer2 [default: as the URL or hive-site.xml says, else plain]
        #[arg(id = "hiveserver2_auth", long = "hiveserver2-auth", value_name = "HOW", value_enum)]
        #[serde(default)]
        pub auth: Option<Authentication>,
        /// Kerberos principal of HiveServer2, such as hive/_HOST@REALM [default: that of the URL or of hive-site.xml]
        #[arg(id = "hiveserver2_principal", long = "hiveserver2-principal", value_name = "PRINCIPAL")]
        #[serde(default)]
        pub principal: Option<String>,
        /// Levels of protection that will do, best first: auth-conf,auth-int,auth [default: the best that is offered]
        #[arg(id = "hiveserver2_protection", long = "hiveserver2-protection", value_name = "LEVELS")]
        #[serde(default)]
        pub protection: Option<String>,
        /// Whether HiveServer2 is spoken to inside TLS [default: as the URL or hive-site.xml says, else false]
        #[arg(id = "hiveserver2_tls", long = "hiveserver2-tls", value_name = "BOOL")]
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        #[serde(default)]
        pub tls: Option<bool>,
        /// Path of HiveServer2's HTTP transport, such as cliservice [default: the binary transport]
        #[arg(id = "hiveserver2_http_path", long = "hiveserver2-http-path", value_name = "PATH")]
        #[serde(default)]
        pub http_path: Option<String>,
        /// What the connections of the run share.
        #[arg(skip)]
        #[serde(skip)]
        pub access: Access,
        /// Hive settings of every session, by name.
        #[arg(skip)]
        #[serde(default)]
        pub configuration: BTreeMap<String, String>,
        /// For sessions whose statements are a user's own: their variables (`hivevar`). The server fills in `${..}` there
        /// and names columns as it is set to, which it does not where statements are ours.
        #[arg(skip)]
        #[serde(skip)]
        pub shell: Option<BTreeMap<String, String>>,
        /// The password itself, where it was typed.
        #[arg(skip)]
        #[serde(skip)]
        pub password: Option<Secret>,
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
}

fn urls<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, checked)
}

/// An address that can be taken apart; a mere host and port loses the scheme and the closing slash.
fn checked(text: &str) -> Result<String> {
    let url = JdbcUrl::parse(text)?;
    match &url {
        JdbcUrl { hosts, database: None, configuration, .. } if url.has_no_parameters() && configuration.is_empty() => {
            Ok(hosts.join(","))
        }
        _ => Ok(text.trim().to_owned()),
    }
}

fn default_call_timeout() -> Timespan {
    Timespan::from_secs(300)
}

impl HiveServer2Options {
    /// Options for one server, logging in as `user` by SASL PLAIN without a password.
    pub fn new(endpoint: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            urls: vec![endpoint.into()],
            user: Some(user.into()),
            password_file: None,
            password_env: None,
            password_prompt: false,
            password_alias: None,
            credential_provider: None,
            auth: None,
            principal: None,
            protection: None,
            tls: None,
            http_path: None,
            access: Access::default(),
            configuration: BTreeMap::new(),
            shell: None,
            password: None,
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

    /// For the statements of a team: the server fills in their variables. Who is named nowhere acts as in any other session.
    ///
    /// # Errors
    /// Config: a wrong address.
    pub fn with_variables(mut self, variables: BTreeMap<String, String>) -> Result<Self> {
        if self.user.is_none() && self.addresses()?.iter().all(|url| url.get("user").is_none()) {
            self.user = Some(super::security::UNNAMED.to_owned());
        }
        self.shell = Some(variables);
        Ok(self)
    }

    /// Takes relative paths as below `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.password_file = self.password_file.map(|file| base.join(file));
        self
    }

    /// The addresses, taken apart: those that are given, else the ZooKeeper that `hive-site.xml` names.
    ///
    /// # Errors
    /// Config: there is none, or one without a port, or a setting that is not known.
    pub(super) fn addresses(&self) -> Result<Vec<JdbcUrl>> {
        if self.urls.is_empty() {
            let found = JdbcUrl::of_site(self.access.hive(), super::security::FILE)?;
            return found.map(|url| vec![url]).ok_or_else(|| {
                error::config("hiveserver2 has no address").hint(format!(
                    "give its url, such as {SCHEME}host:10000, or name a hive-site.xml with {DISCOVERY} and {QUORUM} by \
                     HIVE_CONF_DIR"
                ))
            });
        }
        // A list without a scheme has its commas between addresses, one with it inside.
        let lists = self.urls.iter().flat_map(|text| match text.contains(SCHEME) {
            true => vec![text.as_str()],
            false => text.split(',').collect(),
        });
        lists.map(JdbcUrl::parse).collect()
    }

    /// The server at `host:port`.
    pub(super) fn server(&self, address: &str) -> Server {
        Server::new("hiveserver2", address, self.connect_timeout()).said(&SAID)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn toml_needs_a_url_only_and_refuses_unknown_keys() {
        let options: HiveServer2Options = toml::from_str("url = ['jdbc:hive2://a:10000', '[::1]:10000']").unwrap();
        let hosts: Vec<_> = options.addresses().unwrap().into_iter().flat_map(|url| url.hosts).collect();
        assert_eq!(hosts, ["a:10000", "[::1]:10000"]);
        assert_eq!(options.urls[0], "a:10000", "written as short as it can be");
        let unknown = toml::from_str::<HiveServer2Options>("url = 'a:1'\nurls = 'b:2'").unwrap_err();
        assert!(unknown.to_string().contains("urls"), "{unknown}");
    }

    #[test]
    fn addresses_without_a_port_are_config_errors() {
        for endpoint in ["", "host", "host:", ":10000", "host:0", "host:70000", "host:x"] {
            let error = HiveServer2Options::new(endpoint, "u").addresses().unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{endpoint}");
        }
    }
}
