//! HDFS without a JVM: over its native protocol and, past a dead datanode, over WebHDFS.
//!
//! Every call has a time limit, since the client below has none; files are written in tasks of their own; a NameNode in
//! safe mode is waited for, bounded. It refuses other schemes than `hdfs`. Checked on Hadoop 3.4.2.

mod address;
mod connect;
mod defaults;
mod examine;
mod health;
mod keys;
mod line;
mod modes;
mod native;
mod options;
mod places;
mod protection;
mod rpc;
mod web;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use hdfs_native::client::FileStatus as HdfsStatus;
use hdfs_native::{Client, HdfsError, WriteOptions};

pub(in crate::storage) use self::address::{Address, Mount, MountTable, of as address_of};
pub use self::connect::{connect, connect_over_webhdfs};
use self::defaults::FileDefaults;
pub(crate) use self::examine::examine;
use self::health::{Health, Way};
use self::line::Line;
use self::modes::Modes;
use self::native::{NativeReader, NativeSink, READ_TIMEOUT};
pub use self::options::HdfsOptions;
pub(crate) use self::places::{Place, Usage};
use self::web::WebHdfs;
use super::writer::TaskWriter;
use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions, fault};
use crate::error::{self, Error, Kind, Result};
use crate::net::{Seconds, Server, thrift};
use crate::retry::Retry;
use crate::shutdown::Stop;

/// How long a NameNode in safe mode is waited for, where the options do not say.
const SAFE_MODE_WAIT: Duration = Duration::from_secs(60);
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for finding out, after a file failed, whether the NameNode answers, and for a probe.
const LOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// Nobody else's business, as Hadoop's shell makes it.
const TRASH_MODE: u32 = 0o700;

/// HDFS behind the house's trait.
#[derive(Debug)]
struct HdfsFilesystem(Arc<Hdfs>);

/// The ways on which files may be written.
#[derive(Clone, Copy, Debug)]
enum Ways {
    Both,
    Native,
    Web,
}

/// What the filesystem and its open files share.
#[derive(Debug)]
struct Hdfs {
    client: Client,
    uri: String,
    defaults: FileDefaults,
    modes: Modes,
    line: Line,
    web: WebHdfs,
    ways: Ways,
    health: Health,
    /// How long a NameNode in safe mode is waited for.
    patience: Duration,
}

impl Hdfs {
    /// Makes sure that one of the NameNodes lets us in and is the active one, soon: the client below would go on trying.
    async fn greet(&self, namenodes: &[String], limit: Duration) -> Result<()> {
        self.line.greet().await?;
        let answer = async { self.stat("/").await.map(drop) };
        match namenodes {
            [one] => Server::new("an hdfs namenode", one.as_str(), limit).first_answer(answer).await,
            all => tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
                let what = format!("no namenode of {} answers as the active one within {}", self.uri, Seconds(limit));
                Err(error::unreachable(what)
                    .hint(format!("look which one is active, of {}: hdfs haadmin -getAllServiceState", all.join(", "))))
            }),
        }
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
        // The client panics on answers that it does not expect, such as a DataNode that refuses SASL.
        let call = AssertUnwindSafe(call).catch_unwind();
        let done = tokio::time::timeout(limit, call).await.map(|done| {
            done.unwrap_or_else(|_| Err(HdfsError::OperationFailed("the client broke down over an answer".to_owned())))
        });
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(e)) => Err(self.named(fault::hdfs(&what, e)).await),
            Err(_) => Err(self.named(error::unreachable(format!("{what}: no answer for {} s", limit.as_secs()))).await),
        }
    }

    /// Says which NameNode could not be reached, and why there is no new ticket where the old one has ended.
    async fn named(&self, error: Error) -> Error {
        let credentials = self.line.credentials();
        if error.kind() == Kind::Auth && credentials.keytab().is_some() && fault::is_expired(&error) {
            let credentials = credentials.clone();
            return match thrift::blocking(move || credentials.ticket()).await {
                // There is one by now.
                Ok(_) => {
                    Error::new(Kind::Unreachable, error.to_string()).hint("the ticket has been renewed: try again")
                }
                Err(reason) => reason.context(error),
            };
        }
        if error.kind() != Kind::Unreachable || error.remedy().is_some() {
            return error;
        }
        error
            .context(format!("cannot work with {}", self.uri))
            .hint("check that the namenode runs there and that its address is right: hdfs dfsadmin -report")
    }

    /// Makes a call that changes something; waits while the NameNode is in safe mode, which did not do it then.
    async fn patiently<T, F, A>(&self, what: String, repeatable: bool, call: F) -> Result<T>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, HdfsError>>,
    {
        let attempt = || async {
            match tokio::time::timeout(CALL_TIMEOUT, call()).await {
                Ok(Err(e)) if fault::is_safe_mode(&e) => Err(fault::hdfs(&what, e)),
                // The NameNode went away and may have done it: what does no harm twice is done on the other one.
                Ok(Err(e)) if repeatable && fault::is_lost_reply(&e) => Err(fault::hdfs(&what, e)),
                // Waiting is for safe mode; a wrong address should be told at once.
                done => Ok(done),
            }
        };
        match Retry::for_time(self.patience).run(&Stop::new(), attempt).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(e))) => Err(self.named(fault::hdfs(&what, e)).await),
            Ok(Err(_)) => {
                let what = format!("{what}: no answer for {} s", CALL_TIMEOUT.as_secs());
                Err(self.named(error::unreachable(what)).await)
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
        native = native.permission(self.modes.of_file(&self.client, path).await);
        let create = || self.client.create(path, native.clone());
        let file = self.patiently(format!("creating {path}"), options.overwrite, create).await?;
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
            _ => return self.named(error).await,
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
        let way = match hdfs.ways {
            Ways::Both if hdfs.line.is_in_zone(path) => Way::Native,
            Ways::Both => hdfs.health.way(),
            Ways::Native => Way::Native,
            Ways::Web => Way::Web,
        };
        if way == Way::WebAndProbe {
            tokio::spawn(hdfs.clone().probe(options.replication));
        }
        let (task, native) = match way {
            Way::Web | Way::WebAndProbe => (hdfs.create_web(&hdfs.web, path, options).await?, false),
            Way::Native => (hdfs.create_native(path, options).await?, true),
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
        let mode = self.0.modes.of_directory(&self.0.client, path).await;
        self.0.patiently(format!("making directory {path}"), true, || self.0.client.mkdirs(path, mode, true)).await
    }

    async fn take_after(&self, model: &str, directory: &str) -> Result<()> {
        let taking = self.0.modes.take_after(&self.0.client, model, directory);
        self.0.call(format!("giving {directory} the rights of {model}"), taking).await
    }

    async fn zone(&self, path: &str) -> Result<Option<String>> {
        self.0.line.zone(path).await
    }

    async fn trash(&self, path: &str) -> Result<Option<String>> {
        let Some(trash) = self.0.line.trash(path).await? else { return Ok(None) };
        let make = || self.0.client.mkdirs(&trash, TRASH_MODE, true);
        self.0.patiently(format!("making the trash {trash}"), true, make).await?;
        Ok(Some(trash))
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        let rename = || self.0.client.rename(from, to, options.overwrite);
        self.0.patiently(format!("renaming {from} to {to}"), false, rename).await
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        let delete = || self.0.client.delete(path, options.recursive);
        self.0.patiently(format!("deleting {path}"), false, delete).await
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
    use std::collections::BTreeMap;

    use hdfs_native::ClientBuilder;

    use super::*;
    use crate::config::Timespan;
    use crate::net::tests::{assert_silent, silent_port};

    #[tokio::test]
    async fn a_namenode_that_says_nothing_is_not_waited_for() {
        let (_listener, address) = silent_port();
        let client = ClientBuilder::new().with_url(format!("hdfs://{address}")).build().unwrap();
        let (defaults, patience) = (FileDefaults::default(), Duration::from_secs(1));
        let uri = format!("hdfs://{address}");
        let web = WebHdfs::new(Vec::new(), web::Who::default(), defaults, Duration::from_secs(1)).unwrap();
        let hurried = HdfsOptions { connect_timeout: Some(Timespan::from_secs(1)), ..HdfsOptions::default() };
        let (line, modes) =
            (Line::new(&hurried, &BTreeMap::new(), &address).unwrap(), Modes::new(defaults, &BTreeMap::new()));
        let fs =
            Hdfs { client, uri, defaults, modes, line, web, ways: Ways::Both, health: Health::default(), patience };
        let began = std::time::Instant::now();
        let error = fs.greet(std::slice::from_ref(&address), Duration::from_secs(1)).await.unwrap_err();
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
