//! Where results go: standard output, or a file that is there when it is whole.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::error::{self, Error, Result};
use crate::telemetry::terminal::harmless;

/// Takes the bytes of results.
pub(crate) struct Sink {
    out: Box<dyn Write + Send>,
    /// Whether a terminal reads them, which would obey some.
    is_terminal: bool,
    /// The reader went away, as `head` does.
    is_gone: bool,
    file: Option<Pending>,
}

/// A file under another name until it is whole.
struct Pending {
    hidden: PathBuf,
    name: PathBuf,
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Where it was renamed there is nothing to remove; where it cannot be removed nobody is left to tell.
        let _ = std::fs::remove_file(&self.hidden);
    }
}

impl Sink {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Self { out: Box::new(BufWriter::with_capacity(64 << 10, stdout)), is_terminal, is_gone: false, file: None }
    }

    /// A file, which takes the place of another one of that name at the end. What is no file, such as a pipe, is written
    /// as it stands.
    ///
    /// # Errors
    /// Usage: it cannot be made.
    pub(crate) fn file(name: &Path) -> Result<Self> {
        let failed = |e: io::Error| error::usage(format!("cannot write {}", name.display())).source(e);
        let is_special = name.metadata().is_ok_and(|known| !known.is_file());
        let hidden = match name.file_name() {
            Some(file) => name.with_file_name(format!(".{}.{}", file.display(), std::process::id())),
            None => return Err(error::usage(format!("{} is not the name of a file", name.display()))),
        };
        let (path, file) = match is_special {
            true => (name, None),
            false => (hidden.as_path(), Some(Pending { hidden: hidden.clone(), name: name.to_owned() })),
        };
        let mut open = File::options();
        open.write(true).create(true).truncate(!is_special);
        let out = Box::new(BufWriter::with_capacity(64 << 10, open.open(path).map_err(failed)?));
        Ok(Self { out, is_terminal: false, is_gone: false, file })
    }

    /// Whether what is written is shown on a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Writes whole rows, and empties the buffer that they are in.
    ///
    /// # Errors
    /// Refused: they cannot be written.
    pub(crate) fn put(&mut self, rows: &mut Vec<u8>) -> Result<()> {
        let done = match self.is_terminal {
            true => self.out.write_all(harmless(&String::from_utf8_lossy(rows)).as_bytes()),
            false => self.out.write_all(rows),
        };
        rows.clear();
        self.judged(done)
    }

    /// Has what was written seen.
    ///
    /// # Errors
    /// As [`Sink::put`].
    pub(crate) fn flush(&mut self) -> Result<()> {
        let done = self.out.flush();
        self.judged(done)
    }

    /// Ends it: a file gets its name.
    ///
    /// # Errors
    /// As [`Sink::put`].
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()?;
        let Some(file) = &self.file else { return Ok(()) };
        std::fs::rename(&file.hidden, &file.name).map_err(|e| self.failed(e))
    }

    fn judged(&mut self, done: io::Result<()>) -> Result<()> {
        match done {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {
                self.is_gone = true;
                Ok(())
            }
            done => done.map_err(|e| self.failed(e)),
        }
    }

    fn failed(&self, e: io::Error) -> Error {
        let name = self.file.as_ref().map_or("the output".to_owned(), |file| file.name.display().to_string());
        error::refused(format!("cannot write {name}")).source(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join("rows.csv");
        std::fs::write(&name, "old").unwrap();
        let mut sink = Sink::file(&name).unwrap();
        sink.put(&mut b"new\n".to_vec()).unwrap();
        drop(sink);
        assert_eq!(std::fs::read(&name).unwrap(), b"old");
        let mut sink = Sink::file(&name).unwrap();
        sink.put(&mut b"new\n".to_vec()).unwrap();
        sink.finish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"new\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let missing = Sink::file(&dir.path().join("no/rows.csv")).err().unwrap();
        assert_eq!(missing.exit_code(), 2, "{missing}");
        Sink::file(Path::new("/dev/null")).unwrap().finish().unwrap();
    }
}
