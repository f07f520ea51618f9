//! A wrapper that makes a filesystem fail on purpose, for tests of everything that must survive it.
//!
//! It counts the calls on the filesystem and on its writers. At the chosen call it fails once, or it "crashes": that
//! call and all later ones fail. The call may be lost before it was done, or its answer after it was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::{CreateOptions, DeleteOptions, FileReader, FileStatus, FileWriter, Filesystem, RenameOptions};
use crate::error::{self, Error, Result};

/// Lives the life of one process, which may end with calls under way: what of them still runs in the background has
/// ended when this returns, as it has when a real process is dead.
#[allow(clippy::unwrap_used, reason = "for tests, which are to end without a runtime")]
pub fn life<T>(lived: impl Future<Output = T>) -> T {
    // A runtime that is dropped waits for the threads that work for it.
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(lived)
}

/// What goes wrong, and when; calls count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; for counting the calls of a clean run.
    Never,
    /// The call is not done and fails; later ones work.
    Fail(usize),
    /// The call is not done and fails, as do all later ones.
    Crash(usize),
    /// The call is done, but its answer and all later calls fail.
    CrashAfter(usize),
    /// The call is not done; if it is one of a writer, its file is lost, otherwise the call works after all.
    Lose(usize),
    /// Behind the first so many calls, as many of this name are not done and fail.
    Named { call: &'static str, after: usize, times: usize },
}

/// A filesystem that fails as told.
#[derive(Clone, Debug)]
pub struct FaultyFilesystem {
    inner: Arc<dyn Filesystem>,
    script: Script,
}

#[derive(Clone, Debug)]
struct Script {
    fault: Fault,
    calls: Arc<AtomicUsize>,
    /// Calls of the name that the fault is about.
    named: Arc<AtomicUsize>,
}

impl Script {
    /// Counts a call and fails it as told.
    async fn call<T>(&self, what: &str, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fault {
            Fault::Named { call: name, after, times } if name == what && number > after => {
                match self.named.fetch_add(1, Ordering::SeqCst) < times {
                    true => Err(injected(what, number)),
                    false => call.await,
                }
            }
            Fault::Fail(at) if number == at => Err(injected(what, number)),
            Fault::Crash(at) if number >= at => Err(injected(what, number)),
            Fault::CrashAfter(at) if number > at => Err(injected(what, number)),
            Fault::CrashAfter(at) if number == at => {
                call.await?;
                Err(injected(what, number))
            }
            _ => call.await,
        }
    }

    /// The same for a call of a writer, which can also lose its file.
    async fn write<T>(&self, what: &str, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if self.fault == Fault::Lose(self.calls.load(Ordering::SeqCst) + 1) {
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            return Err(error::lost(format!("{what}: injected loss at call {number}")));
        }
        self.call(what, call).await
    }
}

fn injected(what: &str, number: usize) -> Error {
    error::unreachable(format!("{what}: injected failure of call {number}"))
}

impl FaultyFilesystem {
    /// Wraps a filesystem.
    pub fn new(inner: Arc<dyn Filesystem>, fault: Fault) -> Self {
        Self { inner, script: Script { fault, calls: Arc::default(), named: Arc::default() } }
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.script.calls.load(Ordering::SeqCst)
    }

    /// Calls so far that [`Fault::Named`] is about.
    pub fn named_calls(&self) -> usize {
        self.script.named.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Filesystem for FaultyFilesystem {
    fn uri(&self) -> String {
        self.inner.uri()
    }

    async fn open(&self, path: &str) -> Result<Box<dyn FileReader>> {
        let inner = self.script.call("open", self.inner.open(path)).await?;
        Ok(Box::new(FaultyReader { inner, script: self.script.clone() }))
    }

    async fn create(&self, path: &str, options: CreateOptions) -> Result<Box<dyn FileWriter>> {
        let inner = self.script.write("create", self.inner.create(path, options)).await?;
        Ok(Box::new(FaultyWriter { inner, script: self.script.clone() }))
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        self.script.call("read", self.inner.read(path)).await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.script.call("stat", self.inner.stat(path)).await
    }

    async fn list(&self, path: &str) -> Result<Vec<FileStatus>> {
        self.script.call("list", self.inner.list(path)).await
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        self.script.call("mkdirs", self.inner.mkdirs(path)).await
    }

    async fn rename(&self, from: &str, to: &str, options: RenameOptions) -> Result<()> {
        self.script.call("rename", self.inner.rename(from, to, options)).await
    }

    async fn delete(&self, path: &str, options: DeleteOptions) -> Result<bool> {
        self.script.call("delete", self.inner.delete(path, options)).await
    }

    async fn take_after(&self, model: &str, directory: &str) -> Result<()> {
        self.script.call("take_after", self.inner.take_after(model, directory)).await
    }

    async fn zone(&self, path: &str) -> Result<Option<String>> {
        self.script.call("zone", self.inner.zone(path)).await
    }

    async fn trash(&self, path: &str) -> Result<Option<String>> {
        self.script.call("trash", self.inner.trash(path)).await
    }
}

struct FaultyReader {
    inner: Box<dyn FileReader>,
    script: Script,
}

#[async_trait]
impl FileReader for FaultyReader {
    fn len_bytes(&self) -> u64 {
        self.inner.len_bytes()
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.script.call("read_at", self.inner.read_at(offset, len)).await
    }
}

struct FaultyWriter {
    inner: Box<dyn FileWriter>,
    script: Script,
}

#[async_trait]
impl FileWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.script.write("write", self.inner.write(bytes)).await
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let Self { inner, script } = *self;
        script.write("close", inner.close()).await
    }
}
