//! HDFS over its native protocol, without a JVM.
//!
//! Every call has a time limit, since the client below has none; files are written in tasks of their own. It refuses
//! other schemes than `hdfs`. Checked on Hadoop 3.4.2.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hdfs_native::client::FileStatus as HdfsStatus;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use serde::Deserialize;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::writer::{Sink, TaskWriter};
use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions, fault, site};
use crate::error::{self, Error, Kind, Result};
use crate::retry::Retry;
use crate::shutdown::Stop;

const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const READ_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_PORT: u16 = 8020;
const DEFAULT_FS: &str = "fs.defaultFS";
/// A cluster with as many datanodes as copies has no replacement for a lost one; going on with fewer is right then.
const BEST_EFFORT: &str = "dfs.client.block.write.replace-datanode-on-failure.best-effort";

/// With one NameNode there is nobody to fail over to: the client's 15 attempts would only delay the bad news by a
/// minute. These bridge about five seconds, such as a dropped connection.
const SINGLE_NAMENODE: [(&str, &str); 3] = [
    ("dfs.client.failover.max.attempts", "4"),
    ("dfs.client.failover.sleep.base.millis", "250"),
    ("dfs.client.failover.sleep.max.millis", "2000"),
];

/// How to reach HDFS.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HdfsOptions {
    /// Address such as hdfs://localhost:8020 or hdfs://nameservice; fs.defaultFS of the site files where absent
    #[arg(long = "hdfs-url", value_name = "URL")]
    #[serde(default)]
    pub url: Option<String>,
    /// Directory of core-site.xml and hdfs-site.xml; HADOOP_CONF_DIR where absent
    #[arg(long = "hdfs-config-dir", value_name = "DIR")]
    #[serde(default)]
    pub config_dir: Option<PathBuf>,
    /// User to act as on a cluster without Kerberos; HADOOP_USER_NAME or the login where absent
    #[arg(long = "hdfs-user", value_name = "USER")]
    #[serde(default)]
    pub user: Option<String>,
    /// Seconds to wait for a NameNode that is in safe mode (60)
    #[arg(long = "hdfs-wait", value_name = "SECONDS")]
    #[serde(default)]
    pub wait: Option<u64>,
}

/// Connects to HDFS; waits a while for a NameNode in safe mode.
///
/// # Errors
/// Config: no usable address. Unreachable: nobody answers there. Busy: still in safe mode. Auth: not let in.
pub async fn connect(options: &HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    let mut settings = settings(options).await?;
    let url = address(options, &settings)?;
    if Url::parse(&url).is_ok_and(|url| url.port().is_some()) {
        for (name, value) in SINGLE_NAMENODE {
            settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let mut builder = ClientBuilder::new().with_url(url.clone()).with_config(settings);
    if let Some(directory) = &options.config_dir {
        builder = builder.with_config_dir(directory.display().to_string());
    }
    if let Some(user) = &options.user {
        builder = builder.with_user(user.clone());
    }
    let client = builder.build().map_err(|e| fault::hdfs(&format!("connecting to {url}"), e))?;
    let fs = HdfsFilesystem { client, uri: url };
    fs.wait_until_writable(Duration::from_secs(options.wait.unwrap_or(60))).await?;
    Ok(Arc::new(fs))
}

/// The settings of the site files, made fit for a client that reads them literally.
async fn settings(options: &HdfsOptions) -> Result<BTreeMap<String, String>> {
    let directory = options.config_dir.clone().or_else(|| std::env::var_os("HADOOP_CONF_DIR").map(PathBuf::from));
    let mut settings = match directory {
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

/// The address to connect to, with the default port where it names a host.
fn address(options: &HdfsOptions, settings: &BTreeMap<String, String>) -> Result<String> {
    let text = options.url.as_ref().or_else(|| settings.get(DEFAULT_FS)).ok_or_else(|| {
        error::config("hdfs has no address")
            .hint("give its url, such as hdfs://localhost:8020, or a configuration directory")
    })?;
    let malformed = || error::config(format!("{text:?} is no hdfs address")).hint("write hdfs://host:8020");
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

/// HDFS behind the house's trait.
#[derive(Debug)]
struct HdfsFilesystem {
    client: Client,
    uri: String,
}

impl HdfsFilesystem {
    /// Makes a call of the client with the time limit and our errors.
    async fn call<T>(&self, what: String, call: impl Future<Output = Result<T, HdfsError>>) -> Result<T> {
        self.limited(CALL_TIMEOUT, what, call).await
    }

    async fn limited<T>(
        &self,
        limit: Duration,
        what: String,
        call: impl Future<Output = Result<T, HdfsError>>,
    ) -> Result<T> {
        match tokio::time::timeout(limit, call).await {
            Ok(done) => done.map_err(|e| self.named(fault::hdfs(&what, e))),
            Err(_) => Err(self.named(error::unreachable(format!("{what}: no answer for {} s", limit.as_secs())))),
        }
    }

    /// Says which NameNode could not be reached.
    fn named(&self, error: Error) -> Error {
        if error.kind() != Kind::Unreachable || error.remedy().is_some() {
            return error;
        }
        error
            .context(format!("cannot work with {}", self.uri))
            .hint("check that the namenode runs there and that its address is right: hdfs dfsadmin -report")
    }

    /// Making the root directory changes nothing, and a NameNode in safe mode refuses it.
    async fn wait_until_writable(&self, budget: Duration) -> Result<()> {
        let attempt = || async {
            match self.mkdirs("/").await {
                // Waiting is for safe mode; a wrong address should be told at once.
                Err(e) if e.kind() != Kind::Busy => Ok(Err(e)),
                Err(e) => Err(e),
                Ok(()) => Ok(Ok(())),
            }
        };
        match Retry::for_time(budget).run(&Stop::new(), attempt).await {
            Ok(done) => done,
            Err(e) => Err(e.context(format!("{} is not ready after {} s", self.uri, budget.as_secs()))),
        }
    }
}

#[async_trait]
impl Filesystem for HdfsFilesystem {
    fn uri(&self) -> String {
        self.uri.clone()
    }

    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>> {
        let what = format!("reading {path}");
        let file = self.call(what.clone(), self.client.read(path)).await?;
        Ok(Box::new(HdfsReader { file: Arc::new(file), what }))
    }

    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>> {
        let mut native = WriteOptions::default().overwrite(options.overwrite).create_parent(true);
        native.replication = options.replication;
        let file = self.call(format!("creating {path}"), self.client.create(path, native)).await?;
        Ok(Box::new(TaskWriter::spawn(path, HdfsSink { file, what: format!("writing {path}") })))
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let what = format!("reading {path}");
        let read = async {
            let mut file = self.client.read(path).await?;
            let len = file.file_length();
            file.read_bytes(len).await
        };
        self.limited(READ_TIMEOUT, what, read).await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        match self.call(format!("looking at {path}"), self.client.get_file_info(path)).await {
            Ok(status) => Ok(Some(FileStatus { path: path.to_owned(), ..ours(status) })),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn list(&self, path: &str) -> Result<Vec<FileStatus>> {
        let found = self.call(format!("listing {path}"), self.client.list_status(path, false)).await?;
        let mut found: Vec<FileStatus> = found.into_iter().map(ours).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        self.call(format!("making directory {path}"), self.client.mkdirs(path, 0o755, true)).await
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        self.call(format!("renaming {from} to {to}"), self.client.rename(from, to, options.overwrite)).await
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        self.call(format!("deleting {path}"), self.client.delete(path, options.recursive)).await
    }
}

fn ours(status: HdfsStatus) -> FileStatus {
    FileStatus {
        path: status.path,
        len_bytes: status.length as u64,
        is_dir: status.isdir,
        modified_ms: status.modification_time,
    }
}

/// A file being read; other replicas are tried by the client where a datanode does not answer.
struct HdfsReader {
    file: Arc<hdfs_native::file::FileReader>,
    what: String,
}

#[async_trait]
impl FileReader for HdfsReader {
    fn len_bytes(&self) -> u64 {
        self.file.file_length() as u64
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let Some((offset, len)) = super::range(self.len_bytes(), offset, len) else { return Ok(Bytes::new()) };
        let file = self.file.clone();
        // In a task of its own, because the client panics on what it does not expect.
        let task = AbortOnDropHandle::new(tokio::spawn(async move { file.read_range(offset as usize, len).await }));
        let read = tokio::time::timeout(READ_TIMEOUT, task).await.map_err(|_| {
            error::unreachable(format!("{}: no answer for {} s", self.what, READ_TIMEOUT.as_secs()))
                .hint("check the datanodes: hdfs dfsadmin -report")
        })?;
        let read = read.map_err(|e| error::unreachable(format!("{}: the reader broke down", self.what)).source(e))?;
        let bytes = read.map_err(|e| fault::hdfs(&self.what, e))?;
        if bytes.len() != len {
            return Err(error::unreachable(format!("{}: {} bytes came instead of {len}", self.what, bytes.len())));
        }
        Ok(bytes)
    }
}

struct HdfsSink {
    file: hdfs_native::file::FileWriter,
    what: String,
}

#[async_trait]
impl Sink for HdfsSink {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.file.write_bytes(bytes).await.map(drop).map_err(|e| fault::hdfs(&self.what, e))
    }

    /// The last packet of every block is synced by the DataNodes, so that a closed file is durable.
    async fn close(&mut self) -> Result<()> {
        self.file.close().await.map_err(|e| fault::hdfs(&self.what, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: Option<&str>, settings: &[(&str, &str)]) -> Result<String> {
        let options = HdfsOptions { url: url.map(str::to_owned), ..Default::default() };
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        address(&options, &settings)
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

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_named_with_a_remedy() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = HdfsOptions { url: Some(format!("hdfs://{free}")), ..Default::default() };
        let error = connect(&options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable, "{error}");
        assert!(error.to_string().contains(&free.to_string()), "{error}");
        assert!(error.remedy().is_some());
    }
}
