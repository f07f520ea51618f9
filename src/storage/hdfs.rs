//! HDFS without a JVM: over its native protocol and, past a dead datanode, over WebHDFS.
//!
//! Every call has a time limit, since the client below has none; files are written in tasks of their own; a NameNode in
//! safe mode is waited for, bounded. It refuses other schemes than `hdfs`. Checked on Hadoop 3.4.2.

mod health;
mod native;
mod options;
mod web;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hdfs_native::client::FileStatus as HdfsStatus;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use url::Url;

use self::health::{Health, Way};
use self::native::{NativeReader, NativeSink, READ_TIMEOUT};
use self::options::FileDefaults;
pub use self::options::HdfsOptions;
use self::web::WebHdfs;
use super::writer::TaskWriter;
use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions, fault};
use crate::config::Timespan;
use crate::error::{self, Error, Kind, Result};
use crate::net::Server;
use crate::retry::Retry;
use crate::shutdown::Stop;

/// How long a NameNode in safe mode is waited for, where the options do not say.
const SAFE_MODE_WAIT: Duration = Duration::from_secs(60);
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for finding out, after a file failed, whether the NameNode answers, and for a probe.
const LOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// With one NameNode there is nobody to fail over to: the client's 15 attempts would only delay the bad news by a
/// minute. These bridge about five seconds, such as a dropped connection.
const SINGLE_NAMENODE: [(&str, &str); 3] = [
    ("dfs.client.failover.max.attempts", "4"),
    ("dfs.client.failover.sleep.base.millis", "250"),
    ("dfs.client.failover.sleep.max.millis", "2000"),
];

/// Connects to HDFS; waits a while for a NameNode in safe mode.
///
/// # Errors
/// Config: no usable address. Unreachable: nobody answers there. Busy: still in safe mode. Auth: not let in.
pub async fn connect(options: &HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    connect_by(options, false).await
}

/// Connects, and writes over WebHDFS from the beginning; for tests of that way.
#[doc(hidden)]
pub async fn connect_over_webhdfs(options: &HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    connect_by(options, true).await
}

async fn connect_by(options: &HdfsOptions, web_only: bool) -> Result<Arc<dyn Filesystem>> {
    let mut settings = options::settings(options).await?;
    let url = options::address(options, &settings)?;
    let defaults = options::file_defaults(&settings)?;
    let web = match options::web_addresses(options, &settings, &url)? {
        Ok(namenodes) => {
            Some(WebHdfs::new(namenodes, options::user(options), defaults.block_bytes, options.connect_timeout())?)
        }
        Err(why) => {
            tracing::debug!(why, "a dead datanode cannot be written past over WebHDFS");
            None
        }
    };
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
    let patience = options.wait.map_or(SAFE_MODE_WAIT, Timespan::get);
    let fs = Hdfs { client, uri: url, defaults, web, web_only, health: Health::default(), patience };
    fs.greet(options.connect_timeout()).await?;
    // Making the root directory changes nothing, and a NameNode in safe mode refuses it.
    fs.patiently("making directory /".to_owned(), || fs.client.mkdirs("/", 0o755, true)).await?;
    Ok(Arc::new(HdfsFilesystem(Arc::new(fs))))
}

/// HDFS behind the house's trait.
#[derive(Debug)]
struct HdfsFilesystem(Arc<Hdfs>);

/// What the filesystem and its open files share.
#[derive(Debug)]
struct Hdfs {
    client: Client,
    uri: String,
    defaults: FileDefaults,
    web: Option<WebHdfs>,
    web_only: bool,
    health: Health,
    /// How long a NameNode in safe mode is waited for.
    patience: Duration,
}

impl Hdfs {
    /// Makes sure that a NameNode answers, soon: the client below would go on trying.
    async fn greet(&self, limit: Duration) -> Result<()> {
        let authority = self.uri.trim_start_matches("hdfs://");
        let server = Server::new("an hdfs namenode", authority, limit);
        // The name of a nameservice has no port.
        if authority.contains(':') {
            let mut refused = None;
            for address in server.addresses().await? {
                match server.open(address).await {
                    Ok(_) => {
                        refused = None;
                        break;
                    }
                    Err(e) => refused = Some(e),
                }
            }
            if let Some(error) = refused {
                return Err(error
                    .hint("check that the namenode runs there and that its address is right: hdfs dfsadmin -report"));
            }
        }
        server.first_answer(async { self.stat("/").await.map(drop) }).await
    }

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

    /// Makes a call that changes something; waits while the NameNode is in safe mode, which did not do it then.
    async fn patiently<T, F, A>(&self, what: String, call: F) -> Result<T>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, HdfsError>>,
    {
        let attempt = || async {
            match tokio::time::timeout(CALL_TIMEOUT, call()).await {
                Ok(Err(e)) if fault::is_safe_mode(&e) => Err(fault::hdfs(&what, e)),
                // Waiting is for safe mode; a wrong address should be told at once.
                done => Ok(done),
            }
        };
        match Retry::for_time(self.patience).run(&Stop::new(), attempt).await {
            Ok(Ok(done)) => done.map_err(|e| self.named(fault::hdfs(&what, e))),
            Ok(Err(_)) => {
                Err(self.named(error::unreachable(format!("{what}: no answer for {} s", CALL_TIMEOUT.as_secs()))))
            }
            Err(e) => Err(e.context(format!("{} is not ready after {} s", self.uri, self.patience.as_secs()))),
        }
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        match self.call(format!("looking at {path}"), self.client.get_file_info(path)).await {
            Ok(status) => Ok(Some(FileStatus { path: path.to_owned(), ..ours(status) })),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn create_native(&self, path: &str, options: CreateOptions) -> Result<TaskWriter> {
        let mut native = WriteOptions::default().overwrite(options.overwrite).create_parent(true);
        (native.replication, native.block_size) = (options.replication, self.defaults.block_bytes);
        let create = || self.client.create(path, native.clone());
        let file = self.patiently(format!("creating {path}"), create).await?;
        Ok(TaskWriter::spawn(path, NativeSink { file, what: format!("writing {path}") }))
    }

    /// Over the web an existing file would show only once it is written.
    async fn create_web(&self, web: &WebHdfs, path: &str, options: CreateOptions) -> Result<TaskWriter> {
        if !options.overwrite && self.stat(path).await?.is_some() {
            return Err(error::exists(format!("creating {path}: it exists already")));
        }
        let attempt = || async {
            match web.create(path, options).await {
                Err(e) if e.kind() != Kind::Busy => Ok(Err(e)),
                done => done.map(Ok),
            }
        };
        let sink = Retry::for_time(self.patience).run(&Stop::new(), attempt).await??;
        Ok(TaskWriter::spawn(path, sink))
    }

    /// Tells a lost file from a lost NameNode: if that answers, a datanode is to blame, or it itself asked to wait.
    async fn judge(&self, path: &str, native: bool, error: Error) -> Error {
        let blame = match error.kind() {
            Kind::Busy => false,
            Kind::Unreachable => {
                let look = tokio::time::timeout(LOOK_TIMEOUT, self.client.get_file_info(path)).await;
                match look {
                    Ok(Ok(_) | Err(HdfsError::FileNotFound(_) | HdfsError::RPCError(..))) => native,
                    _ => return error,
                }
            }
            Kind::Lost => false,
            _ => return error,
        };
        if blame {
            self.health.lost();
        }
        let lost = error::lost(format!("{path} was lost while it was written")).source(error);
        lost.hint("check the datanodes: hdfs dfsadmin -report; then run again: nothing of this file is visible")
    }

    /// Writes a byte by the native protocol.
    async fn probe(self: Arc<Self>, replication: Option<u32>) {
        let path = format!("/tmp/.sakia-probe-{}", uuid::Uuid::now_v7().simple());
        let options = WriteOptions { replication, ..WriteOptions::default() };
        // In a task of its own, because the client may panic.
        let (client, file) = (self.client.clone(), path.clone());
        let write = tokio::spawn(async move {
            let mut file = client.create(&file, options).await?;
            file.write_bytes(Bytes::from_static(b"?")).await?;
            file.close().await
        });
        let abort = write.abort_handle();
        match tokio::time::timeout(LOOK_TIMEOUT, write).await {
            Ok(Ok(Ok(()))) => self.health.recovered(),
            Ok(Ok(Err(error))) => tracing::debug!(%error, "native writes do not work yet"),
            Ok(Err(error)) => tracing::debug!(%error, "native writes do not work yet"),
            Err(_) => abort.abort(),
        }
        // Should this fail, a byte stays in the directory for such things.
        let _ = tokio::time::timeout(LOOK_TIMEOUT, self.client.delete(&path, false)).await;
    }
}

/// A file being written either way.
struct HdfsWriter {
    hdfs: Arc<Hdfs>,
    path: String,
    native: bool,
    task: TaskWriter,
}

#[async_trait]
impl FileWriter for HdfsWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match self.task.write(bytes).await {
            Err(e) => Err(self.hdfs.judge(&self.path, self.native, e).await),
            Ok(()) => Ok(()),
        }
    }

    /// The NameNode has the last word on how long the file is.
    async fn close(self: Box<Self>) -> Result<u64> {
        let Self { hdfs, path, native, task } = *self;
        let len_bytes = match Box::new(task).close().await {
            Err(e) => return Err(hdfs.judge(&path, native, e).await),
            Ok(len_bytes) => len_bytes,
        };
        match hdfs.stat(&path).await?.map(|status| status.len_bytes) {
            Some(found) if found == len_bytes => Ok(len_bytes),
            found => {
                let found = found.map_or_else(|| "is gone".to_owned(), |found| format!("has {found} bytes"));
                Err(error::lost(format!("{path} {found} after {len_bytes} were written")))
            }
        }
    }
}

#[async_trait]
impl Filesystem for HdfsFilesystem {
    fn uri(&self) -> String {
        self.0.uri.clone()
    }

    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>> {
        let what = format!("reading {path}");
        let file = self.0.call(what.clone(), self.0.client.read(path)).await?;
        Ok(Box::new(NativeReader { file: Arc::new(file), what }))
    }

    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>> {
        let hdfs = &self.0;
        let options = CreateOptions { replication: options.replication.or(hdfs.defaults.replication), ..options };
        let way = if hdfs.web_only { Way::Web } else { hdfs.health.way() };
        if way == Way::WebAndProbe {
            tokio::spawn(hdfs.clone().probe(options.replication));
        }
        let (task, native) = match (&hdfs.web, way) {
            (Some(web), Way::Web | Way::WebAndProbe) => (hdfs.create_web(web, path, options).await?, false),
            _ => (hdfs.create_native(path, options).await?, true),
        };
        Ok(Box::new(HdfsWriter { hdfs: hdfs.clone(), path: path.to_owned(), native, task }))
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let what = format!("reading {path}");
        let read = async {
            let mut file = self.0.client.read(path).await?;
            let len = file.file_length();
            file.read_bytes(len).await
        };
        self.0.limited(READ_TIMEOUT, what, read).await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.0.stat(path).await
    }

    async fn list(&self, path: &str) -> Result<Vec<FileStatus>> {
        let found = self.0.call(format!("listing {path}"), self.0.client.list_status(path, false)).await?;
        let mut found: Vec<FileStatus> = found.into_iter().map(ours).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        self.0.patiently(format!("making directory {path}"), || self.0.client.mkdirs(path, 0o755, true)).await
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        let rename = || self.0.client.rename(from, to, options.overwrite);
        self.0.patiently(format!("renaming {from} to {to}"), rename).await
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        let delete = || self.0.client.delete(path, options.recursive);
        self.0.patiently(format!("deleting {path}"), delete).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::{assert_silent, silent_port};

    #[tokio::test]
    async fn a_namenode_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let client = ClientBuilder::new().with_url(format!("hdfs://{address}")).build().unwrap();
        let (defaults, patience) = (FileDefaults::default(), Duration::from_secs(1));
        let uri = format!("hdfs://{address}");
        let fs = Hdfs { client, uri, defaults, web: None, web_only: false, health: Health::default(), patience };
        let began = std::time::Instant::now();
        let error = fs.greet(Duration::from_secs(1)).await.unwrap_err();
        assert_silent(&error, &address, "an hdfs namenode", began);
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
