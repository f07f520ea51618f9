//! What a step of statements has done: a file beside its lease, replaced as a whole each time something more is done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{self, Kind, Result};
use crate::storage::{Filesystem, replace_whole};

/// Version of the file's layout; a newer one is refused.
const VERSION: u32 = 1;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct State {
    version: u32,
    /// SHA-256 of the statements and variables of the last run.
    pub statements: String,
    /// The run that did it last.
    pub run_id: String,
    /// The partitions that it was done for, by their names, each with the stamp that it had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, String>,
}

impl Default for State {
    fn default() -> Self {
        Self { version: VERSION, statements: String::new(), run_id: String::new(), partitions: BTreeMap::new() }
    }
}

impl State {
    /// Reads what was done; nothing where there is no file.
    ///
    /// # Errors
    /// Data: the file is damaged. Config: a newer program wrote it. Those of the filesystem.
    pub(super) async fn read(fs: &dyn Filesystem, dir: &str) -> Result<Self> {
        let path = file(dir);
        match fs.read(&path).await {
            Ok(bytes) => Self::of_json(&bytes).map_err(|e| e.context(&path)),
            Err(e) if e.kind() == Kind::NotFound => Ok(Self::default()),
            Err(e) => Err(e.context("reading what the step has done")),
        }
    }

    fn of_json(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |e: serde_json::Error| {
            error::data("what the step has done cannot be read, the file is damaged")
                .source(e)
                .hint("move the file away; then the statements are run for all partitions again")
        };
        let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(error::config(format!("the file has version {version}, this program knows {VERSION}"))
                .hint("use the newer program that wrote it"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Puts this into the place of what was there, in one step.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn write(&self, fs: &dyn Filesystem, dir: &str) -> Result<()> {
        let path = file(dir);
        let json = serde_json::to_vec_pretty(self).map_err(|e| error::bug("cannot write the state").source(e))?;
        replace_whole(fs, &path, &json).await.map_err(|e| e.context("noting what the step has done"))
    }
}

fn file(dir: &str) -> String {
    format!("{dir}/state.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::local::LocalFilesystem;

    #[tokio::test]
    async fn what_was_done_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let fs = LocalFilesystem::new(dir.path());
        assert_eq!(State::read(&fs, "/s").await.unwrap(), State::default());
        let mut state = State { statements: "f".into(), run_id: "r".into(), ..State::default() };
        for stamp in ["load 1", "load 2"] {
            state.partitions.insert("dt=2024-01-01".into(), stamp.into());
            state.write(&fs, "/s").await.unwrap();
            assert_eq!(State::read(&fs, "/s").await.unwrap(), state);
        }
    }

    #[test]
    fn newer_and_damaged_files_are_refused() {
        assert_eq!(State::of_json(br#"{"version": 2}"#).unwrap_err().kind(), Kind::Config);
        for damaged in [&b""[..], b"{", br#"{"version": 1}"#] {
            assert_eq!(State::of_json(damaged).unwrap_err().kind(), Kind::Data);
        }
    }
}
