//! How to reach HDFS: options and site files become addresses and settings for the clients. No network here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::storage::site;

const DEFAULT_PORT: u16 = 8020;
const DEFAULT_WEB_PORT: u16 = 9870;
const DEFAULT_FS: &str = "fs.defaultFS";
/// A cluster with as many datanodes as copies has no replacement for a lost one; going on with fewer is right then.
const BEST_EFFORT: &str = "dfs.client.block.write.replace-datanode-on-failure.best-effort";

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
    /// User to act as on a cluster without Kerberos [default: HADOOP_USER_NAME, else the login]
    #[arg(id = "hdfs_user", long = "hdfs-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
    /// How long to wait for a NameNode that is in safe mode [default: 60s]
    #[arg(id = "hdfs_wait", long = "hdfs-wait", value_name = "TIME")]
    #[serde(default)]
    pub wait: Option<Timespan>,
    /// Web address of the NameNode, such as http://localhost:9870, for writing past a dead DataNode;
    /// dfs.namenode.http-address of the site files or port 9870 of its host where absent
    #[arg(id = "hdfs_webhdfs_url", long = "webhdfs-url", value_name = "URL")]
    #[serde(default)]
    pub webhdfs_url: Option<String>,
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

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.map_or(CONNECT_TIMEOUT, Timespan::get)
    }
}

/// The settings of the site files, made fit for a client that reads them literally.
pub(super) async fn settings(options: &HdfsOptions) -> Result<BTreeMap<String, String>> {
    let mut settings = match options.configuration() {
        Some(directory) => site::read(&directory).await?,
        None => BTreeMap::new(),
    };
    for (name, value) in &mut settings {
        if name.starts_with("dfs.ha.namenodes.") || name == "dfs.nameservices" {
            *value = site::tidy_list(value);
        }
    }
    settings.entry(BEST_EFFORT.to_owned()).or_insert_with(|| "true".to_owned());
    Ok(settings)
}

/// What new files are like where nobody says otherwise. Hadoop's clients decide it, not its servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileDefaults {
    /// Copies of each block; the server's default where absent.
    pub replication: Option<u32>,
    /// Bytes of a block; the server's default where absent.
    pub block_bytes: Option<u64>,
}

/// Reads `dfs.replication` and `dfs.blocksize`, with the endings of numbers that Hadoop knows (`128m`).
///
/// # Errors
/// Config: a setting that is not a number above zero.
pub(super) fn file_defaults(settings: &BTreeMap<String, String>) -> Result<FileDefaults> {
    let number = |name: &str| -> Result<Option<u64>> {
        let Some(text) = settings.get(name) else { return Ok(None) };
        let (digits, shift) = match text.to_ascii_lowercase().chars().last().and_then(|unit| "kmgtpe".find(unit)) {
            Some(unit) => (&text[..text.len() - 1], 10 * (unit + 1)),
            None => (text.as_str(), 0),
        };
        let number = digits.parse().ok().and_then(|n: u64| n.checked_mul(1 << shift)).filter(|n| *n > 0);
        number.map(Some).ok_or_else(|| {
            error::config(format!("{name} is {text:?} in the site files, which is not a number above zero"))
        })
    };
    let replication = number("dfs.replication")?.map(u32::try_from).transpose();
    let replication = replication.map_err(|e| error::config("dfs.replication is too large").source(e))?;
    Ok(FileDefaults { replication, block_bytes: number("dfs.blocksize")? })
}

/// The address to connect to, with the default port where it names a host.
pub(super) fn address(options: &HdfsOptions, settings: &BTreeMap<String, String>) -> Result<String> {
    let text = options.url.as_ref().or_else(|| settings.get(DEFAULT_FS)).ok_or_else(|| {
        error::config("hdfs has no address")
            .hint("give its url, such as hdfs://localhost:8020, or a configuration directory")
    })?;
    let malformed = || error::config(format!("{text:?} is not an hdfs address")).hint("write hdfs://host:8020");
    let url = Url::parse(text.trim()).map_err(|e| malformed().source(e))?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(malformed)?;
    if url.scheme() != "hdfs" || !matches!(url.path(), "" | "/") {
        return Err(malformed());
    }
    match url.port() {
        Some(port) => Ok(format!("hdfs://{host}:{port}")),
        None if settings.contains_key(&format!("dfs.ha.namenodes.{host}")) => Ok(format!("hdfs://{host}")),
        None => match settings.get(&format!("dfs.namenode.rpc-address.{host}")) {
            Some(address) => Ok(format!("hdfs://{address}")),
            None => Ok(format!("hdfs://{host}:{DEFAULT_PORT}")),
        },
    }
}

/// The user that the native client would act as on a cluster without Kerberos.
pub(super) fn user(options: &HdfsOptions) -> String {
    let named = options.user.clone();
    let from_environment = || ["HADOOP_USER_NAME", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.or_else(from_environment).unwrap_or_else(|| "root".to_owned())
}

/// The web addresses of the NameNodes behind `url`, an outcome of [`address`].
///
/// # Errors
/// Config: a malformed address. The inner error says why there is no way over the web.
pub(super) fn web_addresses(
    options: &HdfsOptions,
    settings: &BTreeMap<String, String>,
    url: &str,
) -> Result<Result<Vec<Url>, &'static str>> {
    if settings.get("hadoop.security.authentication").is_some_and(|kind| kind == "kerberos") {
        return Ok(Err("the cluster is secured by Kerberos"));
    }
    let parse = |text: &str| {
        let address = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.host_str().is_some());
        address.ok_or_else(|| {
            error::config(format!("{text:?} is not the web address of a namenode")).hint("write http://host:9870")
        })
    };
    if let Some(text) = &options.webhdfs_url {
        return Ok(Ok(vec![parse(text.trim())?]));
    }
    if settings.get("dfs.http.policy").is_some_and(|policy| policy == "HTTPS_ONLY") {
        return Ok(Err("the namenode speaks https only"));
    }
    let authority = url.trim_start_matches("hdfs://");
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    const KEY: &str = "dfs.namenode.http-address";
    let found: Vec<&String> = match settings.get(&format!("dfs.ha.namenodes.{authority}")) {
        Some(nodes) => nodes.split(',').filter_map(|nn| settings.get(&format!("{KEY}.{authority}.{nn}"))).collect(),
        // The site files may be those of another cluster than the one that is asked for.
        None => settings
            .iter()
            .filter(|(key, address)| key.starts_with(KEY) && address.rsplit_once(':').is_some_and(|(h, _)| h == host))
            .map(|(_, address)| address)
            .collect(),
    };
    if found.is_empty() {
        return Ok(Ok(vec![parse(&format!("http://{host}:{DEFAULT_WEB_PORT}"))?]));
    }
    found.into_iter().map(|address| parse(&format!("http://{address}"))).collect::<Result<Vec<_>>>().map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn with(url: Option<&str>, settings: &[(&str, &str)]) -> Result<String> {
        let options = HdfsOptions { url: url.map(str::to_owned), ..Default::default() };
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        address(&options, &settings)
    }

    #[test]
    fn files_are_as_the_site_files_want_them() {
        let read = |settings: &[(&str, &str)]| {
            file_defaults(&settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        assert_eq!(read(&[]).unwrap(), FileDefaults::default());
        let both = FileDefaults { replication: Some(1), block_bytes: Some(256 << 20) };
        assert_eq!(read(&[("dfs.replication", "1"), ("dfs.blocksize", "256m")]).unwrap(), both);
        assert_eq!(read(&[("dfs.blocksize", "1048576")]).unwrap().block_bytes, Some(1 << 20));
        for (name, value) in [
            ("dfs.replication", "0"),
            ("dfs.replication", "99999999999"),
            ("dfs.blocksize", "128q"),
            ("dfs.blocksize", "é"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.kind() == Kind::Config && error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn addresses_get_the_default_port_unless_they_are_nameservices() {
        assert_eq!(with(Some("hdfs://nn"), &[]).unwrap(), "hdfs://nn:8020");
        assert_eq!(with(Some("hdfs://nn:9000/"), &[]).unwrap(), "hdfs://nn:9000");
        assert_eq!(with(None, &[("fs.defaultFS", "hdfs://ha")]).unwrap(), "hdfs://ha:8020");
        assert_eq!(with(Some("hdfs://ha"), &[("dfs.ha.namenodes.ha", "a,b")]).unwrap(), "hdfs://ha");
        assert_eq!(with(Some("hdfs://one"), &[("dfs.namenode.rpc-address.one", "h:1")]).unwrap(), "hdfs://h:1");
        for wrong in ["nn:8020", "file:///", "hdfs://", "hdfs://nn/path"] {
            assert_eq!(with(Some(wrong), &[]).unwrap_err().kind(), Kind::Config, "{wrong}");
        }
        assert_eq!(with(None, &[]).unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn the_web_addresses_are_those_of_the_namenodes_asked_for() {
        let of = |webhdfs_url: Option<&str>, url: &str, settings: &[(&str, &str)]| {
            let options = HdfsOptions { webhdfs_url: webhdfs_url.map(str::to_owned), ..Default::default() };
            let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let found = web_addresses(&options, &settings, url)?;
            Ok(found.map(|urls| urls.iter().map(|url| url.as_str().to_owned()).collect::<Vec<_>>()))
        };
        let key = "dfs.namenode.http-address";
        assert_eq!(of(None, "hdfs://nn:8020", &[]).unwrap().unwrap(), ["http://nn:9870/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &[(key, "nn:50070")]).unwrap().unwrap(), ["http://nn:50070/"]);
        assert_eq!(of(None, "hdfs://nn:8020", &[(key, "other:50070")]).unwrap().unwrap(), ["http://nn:9870/"]);
        assert_eq!(of(Some("http://x:1"), "hdfs://nn:8020", &[]).unwrap().unwrap(), ["http://x:1/"]);
        let (a, b) = (format!("{key}.ha.a"), format!("{key}.ha.b"));
        let ha = [("dfs.ha.namenodes.ha", "a,b"), (a.as_str(), "n1:1"), (b.as_str(), "n2:2")];
        assert_eq!(of(None, "hdfs://ha", &ha).unwrap().unwrap(), ["http://n1:1/", "http://n2:2/"]);
        assert!(of(None, "hdfs://nn:8020", &[("hadoop.security.authentication", "kerberos")]).unwrap().is_err());
        let wrong: Result<_> = of(Some("nn:9870"), "hdfs://nn:8020", &[]);
        assert_eq!(wrong.unwrap_err().kind(), Kind::Config);
    }
}
