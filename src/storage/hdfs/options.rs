//! How to reach HDFS: options and site files become addresses and settings for the clients. No network here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::access::{AUTHENTICATION, Access, KERBEROS, SIMPLE};
use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::kerberos::{HDFS_TOKEN, Token};
use crate::net::login::Login;
use crate::net::sasl::Protection;
use crate::site::{self, Site};
use crate::storage::hdfs::address::{self, Address};
use crate::storage::hdfs::protection::{self, Wanted};
use crate::storage::hdfs::rpc::{Caller, DEFAULT_SERVICE, PRINCIPAL};
use crate::storage::hdfs::web::Who;

const DEFAULT_WEB_PORT: u16 = 9870;
const DEFAULT_HTTPS_PORT: u16 = 9871;
/// A cluster with as many datanodes as copies has no replacement for a lost one; going on with fewer is right then.
const BEST_EFFORT: &str = "dfs.client.block.write.replace-datanode-on-failure.best-effort";

/// How NameNodes and DataNodes find out who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// They take our word for it
    None,
    /// By a Kerberos ticket or a delegation token
    Kerberos,
}

/// How to reach HDFS.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HdfsOptions {
    /// Address such as hdfs://localhost:8020 or hdfs://nameservice, or file:/// for the local disk [default:
    /// fs.defaultFS of the site files]
    #[arg(id = "hdfs_url", long = "hdfs-url", value_name = "URL")]
    #[serde(default)]
    pub url: Option<String>,
    /// Directory of core-site.xml and hdfs-site.xml [default: HADOOP_CONF_DIR]
    #[arg(id = "hdfs_config_dir", long = "hdfs-config-dir", value_name = "DIR")]
    #[serde(default)]
    pub config_dir: Option<PathBuf>,
    /// User to act as on a cluster without Kerberos; with it the ticket says who we are [default: HADOOP_USER_NAME, else the
    /// login]
    #[arg(id = "hdfs_user", long = "hdfs-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
    /// How HDFS finds out who we are [default: as core-site.xml says, else none]
    #[arg(id = "hdfs_auth", long = "hdfs-auth", value_name = "HOW", value_enum)]
    #[serde(default)]
    pub auth: Option<Authentication>,
    /// Kerberos principal of the NameNodes, such as hdfs/_HOST@REALM [default: that of hdfs-site.xml]
    #[arg(id = "hdfs_principal", long = "hdfs-principal", value_name = "PRINCIPAL")]
    #[serde(default)]
    pub principal: Option<String>,
    /// How long to wait for a NameNode that is in safe mode [default: 60s]
    #[arg(id = "hdfs_wait", long = "hdfs-wait", value_name = "TIME")]
    #[serde(default)]
    pub wait: Option<Timespan>,
    /// Web address of the NameNode, such as http://localhost:9870, for writing past a dead DataNode;
    /// dfs.namenode.http-address of the site files or port 9870 of its host where absent
    #[arg(id = "hdfs_webhdfs_url", long = "webhdfs-url", value_name = "URL")]
    #[serde(default)]
    pub webhdfs_url: Option<String>,
    /// What the connections of the run share.
    #[arg(skip)]
    #[serde(skip)]
    pub access: Access,
    /// How long the NameNode has to accept a connection and give its first answer; that of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    #[serde(default)]
    pub connect_timeout: Option<Timespan>,
}

impl HdfsOptions {
    /// The directory of the site files: as given, or the one that the environment names.
    pub fn configuration(&self) -> Option<PathBuf> {
        let given = self.config_dir.clone().filter(|directory| !directory.as_os_str().is_empty());
        given.or_else(|| site::directory("HADOOP_CONF_DIR"))
    }

    /// What was said of the login, as the settings of the site files that it wins over.
    pub(crate) fn login(&self) -> Vec<(&str, &str)> {
        let auth = self.auth.or(self.principal.is_some().then_some(Authentication::Kerberos));
        let auth = auth.map(|auth| match auth {
            Authentication::None => (AUTHENTICATION, SIMPLE),
            Authentication::Kerberos => (AUTHENTICATION, KERBEROS),
        });
        let principal = self.principal.as_deref().map(|principal| (PRINCIPAL, principal));
        auth.into_iter().chain(principal).collect()
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }
}

/// The settings of the site files, made fit for a client that reads them literally.
///
/// # Errors
/// Config: files that cannot be read, or a user where a ticket says who we are.
pub(super) fn settings(options: &HdfsOptions) -> Result<BTreeMap<String, String>> {
    let mut settings = match options.configuration() {
        Some(directory) => {
            let found = Site::of_directory(&directory, &["core-site.xml", "hdfs-site.xml"])?.ok_or_else(|| {
                error::config(format!("there is no core-site.xml or hdfs-site.xml in {}", directory.display()))
                    .hint("name the directory that holds the cluster's client configuration")
            })?;
            found.settings().clone()
        }
        None => BTreeMap::new(),
    };
    // What a run was told on top of its files.
    settings.extend(options.access.hadoop().settings().clone());
    if let (true, Some(user)) = (options.access.is_secure(), &options.user) {
        return Err(error::config(format!(
            "user {user} is asked for in [hdfs] or by --hdfs-user, and with Kerberos the ticket says who it is"
        ))
        .hint(format!(
            "leave it out and log in as {user}, or let proxy-user = \"{user}\" (--proxy-user) act as {user}"
        )));
    }
    // The client below takes whatever is not this word for Kerberos.
    let authentication = if options.access.is_secure() { KERBEROS } else { SIMPLE };
    settings.insert(AUTHENTICATION.to_owned(), authentication.to_owned());
    for (name, value) in &mut settings {
        if name.starts_with("dfs.ha.namenodes.") || name == "dfs.nameservices" {
            *value = site::tidy_list(value);
        }
    }
    settings.entry(BEST_EFFORT.to_owned()).or_insert_with(|| "true".to_owned());
    Ok(settings)
}

/// The cluster to connect to.
///
/// # Errors
/// Config: there is no address, or it is not that of one cluster.
pub(super) fn address(options: &HdfsOptions, settings: &BTreeMap<String, String>) -> Result<String> {
    match address::read(options.url.as_deref(), settings)? {
        Address::Hdfs(url) => Ok(url),
        Address::View(_) | Address::Local => Err(error::bug("a tree of filesystems was taken for one cluster")),
    }
}

/// The user that the native client would act as on a cluster without Kerberos.
pub(super) fn user(options: &HdfsOptions) -> String {
    let named = options.user.clone();
    let from_environment = || ["HADOOP_USER_NAME", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.or_else(from_environment).unwrap_or_else(|| "root".to_owned())
}

/// The name in our paths, where the cluster did not say what it calls us.
pub(super) fn user_of_paths(options: &HdfsOptions) -> String {
    let named = options.access.proxy_user().map(str::to_owned);
    named.or_else(|| options.access.short_name()).unwrap_or_else(|| user(options))
}

/// The delegation token that stands in for a ticket.
pub(super) fn token(options: &HdfsOptions) -> Option<&Token> {
    options.access.token(HDFS_TOKEN, None)
}

/// Who speaks to the NameNodes where we speak ourselves.
///
/// # Errors
/// Config: `hadoop.rpc.protection` cannot be read.
pub(super) fn caller(options: &HdfsOptions, settings: &BTreeMap<String, String>) -> Result<Caller> {
    let access = &options.access;
    let proxy = access.proxy_user().map(str::to_owned);
    if !access.is_secure() {
        return Ok(Caller { login: Login::Nothing, user: Some(proxy.unwrap_or_else(|| user(options))) });
    }
    // Hadoop's own default.
    let protection = protection::levels(settings, "hadoop.rpc.protection")?.unwrap_or(vec![Protection::Authentication]);
    if let Some(token) = token(options) {
        return Ok(Caller { login: Login::Token { token: token.clone(), protection }, user: None });
    }
    let principal = settings.get(PRINCIPAL).filter(|text| !text.is_empty());
    Ok(Caller { login: access.kerberos(principal.map_or(DEFAULT_SERVICE, String::as_str), protection), user: proxy })
}

/// `host:port` of each NameNode.
pub(super) fn namenodes(settings: &BTreeMap<String, String>, authority: &str) -> Vec<String> {
    match settings.get(&format!("dfs.ha.namenodes.{authority}")) {
        Some(names) => {
            let key = |name: &str| format!("dfs.namenode.rpc-address.{authority}.{name}");
            names.split(',').filter_map(|name| settings.get(&key(name)).cloned()).collect()
        }
        None => vec![authority.to_owned()],
    }
}

/// Who asks over the web.
///
/// # Errors
/// Config, Auth: files of TLS that cannot be read.
pub(super) fn who(options: &HdfsOptions, settings: &BTreeMap<String, String>, namenodes: &[Url]) -> Result<Who> {
    let access = &options.access;
    let tls = namenodes.iter().any(|url| url.scheme() == "https").then(|| access.tls()).transpose()?;
    let proxy = access.proxy_user().map(str::to_owned);
    if !access.is_secure() {
        let user = proxy.unwrap_or_else(|| user(options));
        return Ok(Who { login: Login::Nothing, tls, parameters: vec![("user.name", user)] });
    }
    let mut parameters: Vec<_> = proxy.map(|user| ("doas", user)).into_iter().collect();
    let login = match token(options) {
        Some(token) => {
            parameters.push(("delegation", token.in_url()));
            Login::Nothing
        }
        None => {
            let principal = settings.get("dfs.web.authentication.kerberos.principal").filter(|text| !text.is_empty());
            access.kerberos(principal.map_or("HTTP", String::as_str), Vec::new())
        }
    };
    Ok(Who { login, tls, parameters })
}

/// The web addresses of the NameNodes behind `url`, an outcome of [`address`].
///
/// # Errors
/// Config: a malformed address.
pub(super) fn web_addresses(options: &HdfsOptions, settings: &BTreeMap<String, String>, url: &str) -> Result<Vec<Url>> {
    let parse = |text: &str| {
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        let address = Url::parse(text).ok().filter(is_web);
        address.ok_or_else(|| {
            error::config(format!("{text:?} is not the web address of a namenode")).hint("write http://host:9870")
        })
    };
    if let Some(text) = &options.webhdfs_url {
        let url = parse(text.trim())?;
        return match url.path() {
            "" | "/" => Ok(vec![url]),
            path => Err(error::config(format!("the web address {text} has the path {path}, as Knox has it"))
                .hint("Knox is not spoken to: give the address of a namenode or of HttpFS, such as http://host:9870")),
        };
    }
    // What has to be encrypted on its way to a datanode goes over http only where somebody said so.
    let https = match settings.get("dfs.http.policy").map(String::as_str) {
        Some(policy) if policy.eq_ignore_ascii_case("HTTPS_ONLY") => true,
        Some(policy) if policy.eq_ignore_ascii_case("HTTP_AND_HTTPS") => Wanted::new(settings)?.is_private(),
        _ => false,
    };
    let (scheme, port) = if https { ("https", DEFAULT_HTTPS_PORT) } else { ("http", DEFAULT_WEB_PORT) };
    let authority = url.trim_start_matches("hdfs://");
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let key = format!("dfs.namenode.{scheme}-address");
    let found: Vec<&String> = match settings.get(&format!("dfs.ha.namenodes.{authority}")) {
        Some(nodes) => nodes.split(',').filter_map(|nn| settings.get(&format!("{key}.{authority}.{nn}"))).collect(),
        // The site files may be those of another cluster than the one that is asked for.
        None => settings
            .iter()
            .filter(|(name, address)| {
                name.starts_with(&key) && address.rsplit_once(':').is_some_and(|(h, _)| h == host)
            })
            .map(|(_, address)| address)
            .collect(),
    };
    if found.is_empty() {
        return Ok(vec![parse(&format!("{scheme}://{host}:{port}"))?]);
    }
    found.into_iter().map(|address| parse(&format!("{scheme}://{address}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_login_that_is_asked_for_is_a_setting_that_wins() {
        let said = |auth, principal: Option<&str>| HdfsOptions {
            auth,
            principal: principal.map(str::to_owned),
            ..HdfsOptions::default()
        };
        assert_eq!(said(None, None).login(), []);
        assert_eq!(said(Some(Authentication::None), None).login(), [(AUTHENTICATION, "simple")]);
        let both = [(AUTHENTICATION, "kerberos"), (PRINCIPAL, "nn/_HOST@R")];
        assert_eq!(said(None, Some("nn/_HOST@R")).login(), both);
        assert_eq!(said(Some(Authentication::Kerberos), Some("nn/_HOST@R")).login(), both);
    }

    #[test]
    fn the_web_addresses_are_those_of_the_namenodes_asked_for() {
        let of = |webhdfs_url: Option<&str>, url: &str, settings: &[(&str, &str)]| {
            let options = HdfsOptions { webhdfs_url: webhdfs_url.map(str::to_owned), ..Default::default() };
            let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let found = web_addresses(&options, &settings, url)?;
            Ok(found.iter().map(|url| url.as_str().to_owned()).collect::<Vec<_>>())
        };
        let key = "dfs.namenode.http-address";
        assert_eq!(of(None, "hdfs://nn:8020", &[]).unwrap(), ["http://nn:9870/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &[(key, "nn:50070")]).unwrap(), ["http://nn:50070/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &[(key, "other:50070")]).unwrap(), ["http://nn:9870/"]);
        assert_eq!(of(Some("http://x:1"), "hdfs://nn:8020", &[]).unwrap(), ["http://x:1/"]);
        let (a, b) = (format!("{key}.ha.a"), format!("{key}.ha.b"));
        let ha = [("dfs.ha.namenodes.ha", "a,b"), (a.as_str(), "n1:1"), (b.as_str(), "n2:2")];
        assert_eq!(of(None, "hdfs://ha", &ha).unwrap(), ["http://n1:1/", "http://n2:2/"]);
        let secure = [("dfs.http.policy", "HTTPS_ONLY"), ("dfs.namenode.https-address", "nn:50470")];
        assert_eq!(of(None, "hdfs://nn:8020", &secure).unwrap(), ["https://nn:50470/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &secure[..1]).unwrap(), ["https://nn:9871/"]);
        let private = [("dfs.http.policy", "HTTP_AND_HTTPS"), ("dfs.data.transfer.protection", "privacy")];
        assert_eq!(of(None, "hdfs://nn:8020", &private).unwrap(), ["https://nn:9871/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &private[..1]).unwrap(), ["http://nn:9870/"]);
        let knox: Result<_> = of(Some("https://knox:8443/gateway/default/webhdfs/v1"), "hdfs://nn:8020", &[]);
        assert!(knox.unwrap_err().to_string().contains("Knox"));
        let wrong: Result<_> = of(Some("nn:9870"), "hdfs://nn:8020", &[]);
        assert_eq!(wrong.unwrap_err().kind(), Kind::Config);
    }
}
