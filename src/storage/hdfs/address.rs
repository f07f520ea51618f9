//! Which filesystem an address means: HDFS by host or nameservice, a ViewFS mount table over several of them, this
//! machine's disk; and why it is not one of these. No network here.
//!
//! Source: Hadoop 3.4 `FileSystem`, `ViewFileSystem`, `ConfigUtil`, `Constants`.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::options::{self, HdfsOptions};
use crate::error::{self, Error, Result};

const DEFAULT_PORT: u16 = 8020;
const DEFAULT_FS: &str = "fs.defaultFS";
const MOUNTS: &str = "fs.viewfs.mounttable.";

/// Object stores, by the schemes of Hadoop's connectors.
const OBJECT_STORES: [&str; 14] =
    ["s3", "s3a", "s3n", "abfs", "abfss", "wasb", "wasbs", "adl", "gs", "oss", "cosn", "obs", "bos", "swift"];

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Address {
    /// `hdfs://host:port` or `hdfs://nameservice`.
    Hdfs(String),
    /// Several of these under one tree.
    View(MountTable),
    /// The disk of this machine.
    Local,
}

/// Finds out what the options and site files mean.
///
/// # Errors
/// Config: there is no address, or files cannot be written to it; it says what it is, and what to give.
pub(in crate::storage) fn of(options: &HdfsOptions) -> Result<Address> {
    match options.url.as_deref().map(str::trim) {
        Some("file:///" | "file://" | "file:/") => Ok(Address::Local),
        _ => read(options.url.as_deref(), &options::settings(options)?),
    }
}

/// The same with the settings at hand.
///
/// # Errors
/// As [`of`].
pub(super) fn read(given: Option<&str>, settings: &BTreeMap<String, String>) -> Result<Address> {
    let (text, whence) = match (given, settings.get(DEFAULT_FS)) {
        (Some(text), _) => (text, ""),
        (None, Some(text)) => (text.as_str(), "fs.defaultFS "),
        (None, None) => {
            return Err(error::config("hdfs has no address")
                .hint("give its url, such as hdfs://localhost:8020, or a configuration directory"));
        }
    };
    let text = text.trim();
    let url = Url::parse(text).map_err(|e| malformed(whence, text).source(e))?;
    if !matches!(url.path(), "" | "/") {
        return Err(malformed(whence, text));
    }
    match url.scheme() {
        "hdfs" => {
            let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| malformed(whence, text))?;
            Ok(Address::Hdfs(of_namenode(host, url.port(), settings)))
        }
        "viewfs" => {
            let default = settings.get("fs.viewfs.mounttable.default.name.key").map_or("default", String::as_str);
            let name = url.host_str().filter(|name| !name.is_empty()).unwrap_or(default);
            MountTable::new(name, settings).map(Address::View)
        }
        other => Err(refused(whence, text, other)),
    }
}

/// A NameNode, with the default port where it names a host.
fn of_namenode(host: &str, port: Option<u16>, settings: &BTreeMap<String, String>) -> String {
    match port {
        Some(port) => format!("hdfs://{host}:{port}"),
        None if settings.contains_key(&format!("dfs.ha.namenodes.{host}")) => format!("hdfs://{host}"),
        None => match settings.get(&format!("dfs.namenode.rpc-address.{host}")) {
            Some(address) => format!("hdfs://{address}"),
            None => format!("hdfs://{host}:{DEFAULT_PORT}"),
        },
    }
}

fn malformed(whence: &str, text: &str) -> Error {
    error::config(format!("{whence}{text:?} is not an hdfs address")).hint("write hdfs://host:8020")
}

/// Says what an address is that files cannot be written to.
fn refused(whence: &str, text: &str, scheme: &str) -> Error {
    let (what, hint) = match scheme {
        "webhdfs" | "swebhdfs" => (
            "is the web side of a namenode (WebHDFS, HttpFS), and files are written by the native protocol",
            "give hdfs://HOST:8020 or hdfs://NAMESERVICE as url in [hdfs]; a web address goes to webhdfs-url",
        ),
        "http" | "https" => (
            "is a web address, as HttpFS and Knox have it, and files are written by the native protocol",
            "give hdfs://HOST:8020 or hdfs://NAMESERVICE as url in [hdfs]; a web address goes to webhdfs-url",
        ),
        store if OBJECT_STORES.contains(&store) => (
            "is an object store, where no directory is renamed in one step, so that a load could be seen half",
            "load into HDFS, with its url in [hdfs], and copy from there: hadoop distcp",
        ),
        "o3fs" | "ofs" => (
            "is Ozone, whose protocol is not spoken here",
            "load into HDFS, with its url in [hdfs], and copy from there: hadoop distcp",
        ),
        _ => ("is not a filesystem that is known here", "give hdfs://HOST:8020 or hdfs://NAMESERVICE as url in [hdfs]"),
    };
    error::config(format!("{whence}{text} {what}")).hint(hint)
}

/// A mount table of ViewFS, `fs.viewfs.mounttable.NAME.link./PATH` in core-site.xml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage) struct MountTable {
    /// The name in `viewfs://NAME`.
    pub name: String,
    /// The deepest first.
    mounts: Vec<Mount>,
    fallback: Option<Mount>,
}

/// A directory of another filesystem in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage) struct Mount {
    /// Where it is in the tree; empty for the root.
    pub at: String,
    /// The filesystem, `hdfs://host:port` or `hdfs://nameservice`.
    pub url: String,
    /// The directory there; empty for the root.
    pub path: String,
}

impl MountTable {
    fn new(name: &str, settings: &BTreeMap<String, String>) -> Result<Self> {
        let prefix = format!("{MOUNTS}{name}.");
        let mut table = Self { name: name.to_owned(), mounts: Vec::new(), fallback: None };
        for (key, target) in settings {
            let Some(link) = key.strip_prefix(&prefix) else { continue };
            let mount = |at: &str| Mount::new(at, target, settings).map_err(|e| e.context(key));
            match link.split_once('.').map_or((link, ""), |(kind, at)| (kind, at)) {
                ("link", at) if at.starts_with('/') => table.mounts.push(mount(at.trim_end_matches('/'))?),
                ("linkFallback" | "linkSlash", "") => table.fallback = Some(mount("")?),
                ("linkMerge" | "linkMergeSlash" | "linkNfly" | "linkRegex", _) => {
                    return Err(error::config(format!("{key}: such a link of ViewFS is not known here"))
                        .hint("give the url of one cluster in [hdfs], such as hdfs://NAMESERVICE"));
                }
                _ => {}
            }
        }
        if table.mounts.is_empty() && table.fallback.is_none() {
            return Err(error::config(format!("viewfs://{name} has no mounts in the site files"))
                .hint(format!("its mounts are {prefix}link./PATH in core-site.xml")));
        }
        table.mounts.sort_by_key(|mount| std::cmp::Reverse(mount.at.len()));
        Ok(table)
    }

    /// The filesystem that a path is on, and the path there; `None` above all mounts.
    pub(in crate::storage) fn resolve(&self, path: &str) -> Option<(&Mount, String)> {
        let path = path.trim_end_matches('/');
        let found = self.mounts.iter().find(|mount| below(path, &mount.at));
        // What leads to a mount is there, whatever the fallback has.
        let found = found.or_else(|| self.fallback.as_ref().filter(|_| self.children(path).is_empty()));
        found.map(|mount| (mount, rooted(format!("{}{}", mount.path, &path[mount.at.len()..]))))
    }

    /// The names in a directory above mounts.
    pub(in crate::storage) fn children(&self, path: &str) -> BTreeSet<String> {
        let path = path.trim_end_matches('/');
        let inside = self.mounts.iter().filter(|mount| below(&mount.at, path) && mount.at.len() > path.len());
        inside.filter_map(|mount| mount.at[path.len() + 1..].split('/').next().map(str::to_owned)).collect()
    }

    /// The path in the tree at which a path of a filesystem is seen.
    pub(in crate::storage) fn seen(&self, url: &str, path: &str) -> Option<String> {
        let mounts = self.mounts.iter().chain(&self.fallback).filter(|mount| mount.url == url);
        let mut seen = mounts.filter(|mount| below(path, &mount.path)).map(|mount| mount.seen(path));
        seen.find(|seen| self.resolve(seen).is_some_and(|(mount, back)| mount.url == url && back == path))
    }

    /// All mounts.
    pub(in crate::storage) fn mounts(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().chain(&self.fallback)
    }
}

impl Mount {
    fn new(at: &str, target: &str, settings: &BTreeMap<String, String>) -> Result<Self> {
        let url = Url::parse(target).map_err(|e| malformed("", target).source(e))?;
        match (url.scheme(), url.host_str()) {
            ("hdfs", Some(host)) if !host.is_empty() => Ok(Self {
                at: at.to_owned(),
                url: of_namenode(host, url.port(), settings),
                path: url.path().trim_end_matches('/').to_owned(),
            }),
            ("hdfs", _) => Err(malformed("", target)),
            (other, _) => Err(refused("", target, other)),
        }
    }

    /// A path of the filesystem as the tree shows it.
    pub(in crate::storage) fn seen(&self, path: &str) -> String {
        rooted(format!("{}{}", self.at, path.strip_prefix(&self.path).unwrap_or(path)))
    }
}

/// The directory above a path.
pub(super) fn above(path: &str) -> &str {
    match path.trim_end_matches('/').rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

/// Whether a path is a directory or in it.
fn below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn rooted(path: String) -> String {
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn with(url: Option<&str>, settings: &[(&str, &str)]) -> Result<Address> {
        read(url, &settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn hdfs(url: Option<&str>, settings: &[(&str, &str)]) -> String {
        match with(url, settings).unwrap() {
            Address::Hdfs(url) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_directory_above() {
        for (path, directory) in [("/a/b", "/a"), ("/a/b/", "/a"), ("/a", "/"), ("/", "/")] {
            assert_eq!(above(path), directory);
        }
    }

    #[test]
    fn addresses_get_the_default_port_unless_they_are_nameservices() {
        assert_eq!(hdfs(Some("hdfs://nn"), &[]), "hdfs://nn:8020");
        assert_eq!(hdfs(Some("hdfs://nn:9000/"), &[]), "hdfs://nn:9000");
        assert_eq!(hdfs(None, &[("fs.defaultFS", "hdfs://ha")]), "hdfs://ha:8020");
        assert_eq!(hdfs(Some("hdfs://ha"), &[("dfs.ha.namenodes.ha", "a,b")]), "hdfs://ha");
        assert_eq!(hdfs(Some("hdfs://one"), &[("dfs.namenode.rpc-address.one", "h:1")]), "hdfs://h:1");
        for wrong in ["nn:8020", "file:///", "hdfs://", "hdfs://nn/path"] {
            assert_eq!(with(Some(wrong), &[]).unwrap_err().kind(), Kind::Config, "{wrong}");
        }
        assert_eq!(with(None, &[]).unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn what_files_cannot_be_written_to_is_called_by_its_name() {
        for (url, words) in [
            ("webhdfs://nn:9870", "WebHDFS"),
            ("swebhdfs://nn:9871", "WebHDFS"),
            ("https://knox:8443", "Knox"),
            ("s3a://bucket", "object store"),
            ("abfss://c@a.dfs.core.windows.net", "object store"),
            ("ofs://om", "Ozone"),
            ("maprfs://x", "not a filesystem that is known"),
        ] {
            let error = with(None, &[("fs.defaultFS", url)]).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(&format!("fs.defaultFS {url}")), "{error}");
            assert!(error.to_string().contains(words) && error.remedy().is_some(), "{error}");
        }
    }

    #[test]
    fn paths_are_found_through_the_deepest_mount() {
        let site = [
            ("fs.viewfs.mounttable.lake.link./data", "hdfs://ns1/warehouse"),
            ("fs.viewfs.mounttable.lake.link./data/raw", "hdfs://nn2:9000/raw"),
            ("fs.viewfs.mounttable.lake.link./user", "hdfs://ns1/user"),
            ("fs.viewfs.mounttable.lake.homedir", "/user"),
            ("fs.viewfs.mounttable.other.link./data", "s3a://bucket/"),
            ("dfs.ha.namenodes.ns1", "a,b"),
        ];
        let Address::View(table) = with(Some("viewfs://lake/"), &site).unwrap() else { panic!() };
        let at = |path: &str| table.resolve(path).map(|(mount, path)| format!("{}{path}", mount.url));
        assert_eq!(at("/data/orders").as_deref(), Some("hdfs://ns1/warehouse/orders"));
        assert_eq!(at("/data/raw/x").as_deref(), Some("hdfs://nn2:9000/raw/x"));
        assert_eq!(at("/data").as_deref(), Some("hdfs://ns1/warehouse"));
        assert_eq!((at("/database"), at("/")), (None, None));
        assert_eq!(table.children("/"), BTreeSet::from(["data".to_owned(), "user".to_owned()]));
        let (mount, inside) = table.resolve("/data/orders/f").unwrap();
        assert_eq!(mount.seen(&inside), "/data/orders/f");
        assert_eq!(table.seen("hdfs://ns1", "/user/me/.Trash").as_deref(), Some("/user/me/.Trash"));
        assert_eq!(table.seen("hdfs://ns1", "/warehouse/raw"), None, "another mount covers it");
        assert_eq!(table.seen("hdfs://nn2:9000", "/user/me"), None);

        let error = with(Some("viewfs://other"), &site).unwrap_err();
        assert!(
            error.to_string().contains("mounttable.other.link./data") && error.to_string().contains("object store")
        );
        assert!(with(Some("viewfs:///"), &site).unwrap_err().to_string().contains("viewfs://default has no mounts"));
        let slash = [("fs.viewfs.mounttable.whole.linkSlash", "hdfs://nn/x")];
        let Address::View(table) = with(Some("viewfs://whole"), &slash).unwrap() else { panic!() };
        assert_eq!(table.resolve("/a/b").map(|(_, path)| path).as_deref(), Some("/x/a/b"));
        let merged = [("fs.viewfs.mounttable.m.linkMergeSlash", "hdfs://nn/x")];
        assert!(with(Some("viewfs://m"), &merged).unwrap_err().to_string().contains("linkMergeSlash"));
    }
}
