//! Saved jobs: one readable TOML file each, in `SAKIA_JOB_DIR` or `~/.sakia/jobs`.
//!
//! A file is only ever replaced whole, by a rename, so that a reader and a crash see the old or the new one. Passwords
//! are never in it. It refuses names that are not plain file names.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config;
use crate::error::{self, Error, Result};
use crate::private;

/// The environment variable that names the directory of the jobs.
const DIR_VARIABLE: &str = "SAKIA_JOB_DIR";

const HEADER: &str = "# A saved job of sakia: sakia job exec NAME, or sqoop job --exec NAME.\n\
                      # [state] is kept by its runs; the truth about incremental imports lies beside their data.\n";

/// Whose arguments a job holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Front {
    /// Sqoop's.
    Sqoop,
    /// Our own commands'.
    Sakia,
}

/// A saved job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Job {
    /// Whose arguments these are.
    pub arguments_of: Front,
    /// The tool or command.
    pub tool: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Whether the password is asked for on the console.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_for_password: bool,
    /// Hadoop properties, `-D name=value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// What the last run that ended well left.
    #[serde(default, skip_serializing_if = "State::is_empty")]
    pub state: State,
}

/// What the last run that ended well left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct State {
    /// Where an incremental import got to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_value: Option<String>,
    /// Its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whether a later run began and did not end well: the last value beside the data may be newer than this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The directory of the jobs.
#[derive(Debug)]
pub(crate) struct JobStore {
    dir: PathBuf,
}

impl JobStore {
    /// The directory that the environment names.
    ///
    /// # Errors
    /// Config: neither a directory nor a home is known.
    pub(crate) fn of_environment() -> Result<Self> {
        let named = std::env::var_os(DIR_VARIABLE).map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".sakia/jobs"));
        match named.or_else(home) {
            Some(dir) => Ok(Self { dir }),
            None => Err(error::config("nothing says where saved jobs are").hint(format!("set {DIR_VARIABLE}"))),
        }
    }

    /// A directory of the caller's choice.
    #[cfg(test)]
    pub(crate) fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The names of the jobs, sorted; empty if there is no directory.
    ///
    /// # Errors
    /// Config: the directory cannot be read.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.cannot("read", e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| self.cannot("read", e))?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".toml")).filter(|stem| !stem.starts_with('.'));
            names.extend(stem.map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// A job.
    ///
    /// # Errors
    /// NotFound: there is no such job. Config: its file is damaged.
    pub(crate) fn read(&self, name: &str) -> Result<Job> {
        let file = self.file(name)?;
        if !file.is_file() {
            return Err(self.no_job(name));
        }
        config::read_file(&file)
    }

    /// Saves a new job.
    ///
    /// # Errors
    /// Exists: the name is taken. Config: the directory cannot be written.
    pub(crate) fn create(&self, name: &str, job: &Job) -> Result<()> {
        let file = self.file(name)?;
        let staged = self.staged(name, job)?;
        // A link fails where the name is taken, which a rename would not.
        let linked = std::fs::hard_link(&staged, &file);
        let _ = std::fs::remove_file(&staged);
        match linked {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(error::exists(format!("Job already exists: {name}"))
                    .hint("delete it first, or choose another name"))
            }
            Err(e) => Err(self.cannot("write", e)),
        }
    }

    /// Puts a job in the place of one that is there.
    ///
    /// # Errors
    /// NotFound: it was deleted meanwhile. Config: the directory cannot be written.
    pub(crate) fn replace(&self, name: &str, job: &Job) -> Result<()> {
        let file = self.file(name)?;
        if !file.is_file() {
            return Err(self.no_job(name));
        }
        let staged = self.staged(name, job)?;
        std::fs::rename(&staged, &file).map_err(|e| self.cannot("write", e))
    }

    /// Deletes a job.
    ///
    /// # Errors
    /// NotFound: there is no such job.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        match std::fs::remove_file(self.file(name)?) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(self.no_job(name)),
            done => done.map_err(|e| self.cannot("write", e)),
        }
    }

    /// Where the jobs are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ' | '+' | '@' | ':');
        if name.is_empty() || name.starts_with(['.', '-', ' ']) || !name.chars().all(plain) {
            return Err(error::usage(format!("{name:?} cannot be the name of a job"))
                .hint("use letters, digits, dots, dashes and underscores"));
        }
        Ok(self.dir.join(format!("{name}.toml")))
    }

    /// Writes a job to a file of its own, which only its owner can read; nobody else can list the directory.
    fn staged(&self, name: &str, job: &Job) -> Result<PathBuf> {
        use std::os::unix::fs::OpenOptionsExt;
        private::create_dir_all(&self.dir).map_err(|e| self.cannot("make", e))?;
        let text = toml::to_string(job).map_err(|e| error::bug("cannot write a job as toml").source(e))?;
        let file = self.dir.join(format!(".{name}.{}.new", uuid::Uuid::now_v7().simple()));
        let mut options = std::fs::OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&file).and_then(|mut to| {
            to.write_all(HEADER.as_bytes())?;
            to.write_all(text.as_bytes())?;
            to.sync_all()
        });
        written.map(|()| file).map_err(|e| self.cannot("write", e))
    }

    fn no_job(&self, name: &str) -> Error {
        let names = self.names().unwrap_or_default();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = error::not_found(format!("No such job: {name}"));
        match config::nearest(name, &known) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("saved jobs are in {}", self.dir.display())),
        }
    }

    fn cannot(&self, act: &str, e: std::io::Error) -> Error {
        error::config(format!("cannot {act} the directory of saved jobs {}", self.dir.display()))
            .hint(format!("check its rights, or set {DIR_VARIABLE}"))
            .source(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn job() -> Job {
        Job {
            arguments_of: Front::Sqoop,
            tool: "import".into(),
            arguments: vec!["--table".into(), "t".into()],
            asks_for_password: false,
            properties: BTreeMap::new(),
            state: State::default(),
        }
    }

    #[test]
    fn jobs_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let store = JobStore::in_dir(dir.path().join("jobs"));
        assert_eq!(store.names().unwrap(), [""; 0]);
        store.create("b", &job()).unwrap();
        store.create("a.1", &job()).unwrap();
        assert_eq!(store.create("b", &job()).unwrap_err().kind(), Kind::Exists);
        assert_eq!(store.names().unwrap(), ["a.1", "b"]);
        let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777;
        assert_eq!((mode(store.dir()), mode(&store.dir().join("b.toml"))), (0o700, 0o600), "for its owner alone");
        let mut changed = store.read("b").unwrap();
        assert_eq!(changed, job());
        changed.state.last_value = Some("9".into());
        store.replace("b", &changed).unwrap();
        assert_eq!(store.read("b").unwrap().state.last_value.as_deref(), Some("9"));
        store.delete("b").unwrap();
        assert_eq!(store.delete("b").unwrap_err().kind(), Kind::NotFound);
        assert_eq!(store.replace("b", &job()).unwrap_err().kind(), Kind::NotFound);
        assert_eq!(store.read("a.l").unwrap_err().remedy(), Some("did you mean a.1?"));
        assert_eq!(std::fs::read_dir(store.dir()).unwrap().count(), 1, "no file is left behind");
    }

    #[test]
    fn names_stay_in_their_directory() {
        let store = JobStore::in_dir("/nowhere");
        for name in ["", ".hidden", "../up", "a/b", "-x"] {
            assert_eq!(store.read(name).unwrap_err().kind(), Kind::Usage, "{name}");
        }
    }
}
