//! Records that do not go into the table: where they stand, why, and the file that keeps them.

use serde::Serialize;
use tokio::sync::Mutex;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{self, Error, Result};
use crate::storage::{CreateOptions, FileWriter, Filesystem};

/// A record that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// Path of its file.
    pub file: Arc<str>,
    /// Its line or row, where counted from the beginning of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Where it begins, or where the range begins that it was counted in.
    pub offset: u64,
    /// The column at fault, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why.
    pub reason: String,
    /// The record as it stood in the file, or its values as SQL.
    pub raw: String,
}

impl Reject {
    /// The record as the error that ends an export.
    pub fn error(&self) -> Error {
        let place = match self.line {
            Some(line) => format!("line {line}"),
            None => format!("byte {}", self.offset),
        };
        let column = self.column.as_ref().map(|name| format!(", column {name}")).unwrap_or_default();
        error::data(format!("{} {place}{column}: {}", self.file, self.reason))
    }
}

/// The count of rejected records and the file that they go to.
#[derive(Debug)]
pub(super) struct Rejects {
    limit: u64,
    count: AtomicU64,
    path: Option<String>,
    fs: Arc<dyn Filesystem>,
    file: Mutex<Option<OpenFile>>,
}

struct OpenFile(Box<dyn FileWriter>);

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenFile")
    }
}

impl Rejects {
    /// No rejects yet; `path` is the file that is made with the first one.
    pub(super) fn new(fs: Arc<dyn Filesystem>, path: Option<String>, limit: u64) -> Self {
        Self { limit, count: AtomicU64::new(0), path, fs, file: Mutex::new(None) }
    }

    /// Counts records that are left out.
    ///
    /// # Errors
    /// Data: they are more than the limit; names the first of these.
    pub(super) fn count(&self, rejects: &[Reject]) -> Result<()> {
        let Some(first) = rejects.first() else { return Ok(()) };
        let before = self.count.fetch_add(rejects.len() as u64, Ordering::SeqCst);
        if before + rejects.len() as u64 <= self.limit {
            return Ok(());
        }
        let at_fault = usize::try_from(self.limit.saturating_sub(before)).ok().and_then(|at| rejects.get(at));
        let error = at_fault.unwrap_or(first).error();
        Err(match self.limit {
            0 => error.hint("mend the record, or let some be put aside with reject-limit and reject-dir"),
            limit => error
                .context(format!("more than {limit} records are rejected"))
                .hint("see the reject file; mend the records or raise reject-limit"),
        })
    }

    /// Takes records out of the count, because their transaction is tried again.
    pub(super) fn uncount(&self, rejects: usize) {
        self.count.fetch_sub(rejects as u64, Ordering::SeqCst);
    }

    /// Records counted.
    pub(super) fn total(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// The file, if one is kept.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Writes records to the file.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn keep(&self, rejects: &[Reject]) -> Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| !rejects.is_empty()) else { return Ok(()) };
        let mut lines = Vec::new();
        for reject in rejects {
            serde_json::to_writer(&mut lines, reject).map_err(|e| error::bug("cannot write a reject").source(e))?;
            lines.push(b'\n');
        }
        let mut file = self.file.lock().await;
        if file.is_none() {
            *file = Some(OpenFile(self.fs.create(path, CreateOptions::default()).await?));
        }
        match &mut *file {
            Some(OpenFile(writer)) => writer.write(lines.into()).await,
            None => Ok(()),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn close(&self) -> Result<()> {
        match self.file.lock().await.take() {
            Some(OpenFile(writer)) => writer.close().await.map(drop),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::local::LocalFilesystem;

    fn reject(line: u64) -> Reject {
        Reject {
            file: "/d/p".into(),
            line: Some(line),
            offset: 7,
            column: Some("n".into()),
            reason: "no".into(),
            raw: "x\n".into(),
        }
    }

    #[tokio::test]
    async fn rejects_are_kept_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Filesystem> = Arc::new(LocalFilesystem::new(dir.path()));
        let rejects = Rejects::new(fs.clone(), Some("/r/rejects.jsonl".into()), 2);
        rejects.count(&[reject(1)]).unwrap();
        rejects.keep(&[reject(1)]).await.unwrap();
        let error = rejects.count(&[reject(2), reject(3)]).unwrap_err();
        assert_eq!(error.to_string(), "more than 2 records are rejected: /d/p line 3, column n: no");
        rejects.close().await.unwrap();
        let text = fs.read("/r/rejects.jsonl").await.unwrap();
        let line: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            (line["line"].as_u64(), line["raw"].as_str(), line["column"].as_str()),
            (Some(1), Some("x\n"), Some("n"))
        );
        assert_eq!(rejects.total(), 3);
    }
}
