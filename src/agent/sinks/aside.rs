//! Events that a sink puts aside on this host, for sinks that write no files of their own.
//!
//! What an epoch puts aside is a file, named after where the epoch begins in its channel. An epoch that comes again begins
//! where it did before, and replaces its file: each event is in the directory once, whatever is killed and when.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::agent::channels::cursor::Cursor;
use crate::agent::disk::{self, failed};
use crate::agent::event::Event;
use crate::agent::rejects::Rejects;
use crate::error::Result;
use crate::private;

/// What one epoch puts aside.
pub(super) struct Aside {
    directory: PathBuf,
    name: String,
    /// The sink, as the lines name it.
    sink: String,
    /// Open from the first event on.
    file: Option<File>,
    rows: u64,
    first_reason: Option<String>,
}

impl Aside {
    /// Nothing yet, of the epoch that begins at `from`.
    pub(super) fn new(directory: &str, sink: &str, from: &Cursor) -> Self {
        Self {
            directory: directory.into(),
            name: format!("rejects-{}-{:016}.json", from.channel, from.record),
            sink: sink.to_owned(),
            file: None,
            rows: 0,
            first_reason: None,
        }
    }

    /// Puts an event aside.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn add(&mut self, event: &Event, reason: &str) -> Result<()> {
        let mut line = Rejects::default();
        line.add(event, reason, &self.sink)?;
        let hidden = self.hidden();
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                private::create_dir_all(&self.directory).map_err(failed("create", &self.directory))?;
                self.file.insert(private::create(&hidden).map_err(failed("create", &hidden))?)
            }
        };
        file.write_all(&line.bytes).map_err(failed("write", &hidden))?;
        self.rows += 1;
        self.first_reason.get_or_insert_with(|| reason.to_owned());
        Ok(())
    }

    /// How many events were put aside.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes the file visible and durable, or removes that of an earlier attempt where nothing was put aside; gives why the
    /// first event was. Safe to repeat.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn finish(self) -> Result<Option<String>> {
        let (path, hidden) = (self.directory.join(&self.name), self.hidden());
        match self.file {
            Some(file) => {
                file.sync_all().map_err(failed("write", &hidden))?;
                fs::rename(&hidden, &path).map_err(failed("replace", &path))?;
            }
            None if !remove(&path)? => return Ok(None),
            None => {}
        }
        disk::sync_dir(&self.directory)?;
        Ok(self.first_reason)
    }

    /// Where the file lies until the epoch is complete.
    fn hidden(&self) -> PathBuf {
        self.directory.join(format!(".{}", self.name))
    }
}

/// Removes a file; whether there was one.
fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(failed("remove", path)(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(directory: &Path) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.retain(|file| !file.file_name().unwrap().to_str().unwrap().starts_with('.'));
        files
            .iter()
            .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// An epoch from a record on that puts these bodies aside.
    fn epoch(directory: &Path, record: u64, bodies: &[&str]) -> Aside {
        let from = Cursor { record, ..Cursor::new("c".to_owned()) };
        let mut aside = Aside::new(directory.to_str().unwrap(), "s", &from);
        for body in bodies {
            aside.add(&Event { body: body.to_string().into(), ..Event::default() }, "why").unwrap();
        }
        aside
    }

    #[test]
    fn an_epoch_that_comes_again_replaces_what_it_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects");
        drop(epoch(&path, 5, &["lost"]));
        assert!(lines(&path).is_empty(), "it was killed before its commit");
        for (record, bodies, left) in [
            (5, &["a", "b", "c"][..], 3),
            (5, &["a", "b"], 2),
            (5, &[], 0),
            (5, &["a"], 1),
            (8, &["c"], 2),
            (9, &[], 2),
        ] {
            let reason = epoch(&path, record, bodies).finish().unwrap();
            assert_eq!((lines(&path).len(), reason.is_some()), (left, !bodies.is_empty()), "{record} {bodies:?}");
        }
        assert!(lines(&path)[0].contains(r#""reason":"why""#) && lines(&path)[0].contains(r#""line":"a""#));
    }
}
