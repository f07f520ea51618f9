//! What a step of statements is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::variables;
use crate::error::{self, Error, Result};
use crate::load;

/// A team's own statements: a file of HiveQL, run once a run, or once for each partition that is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HiveqlArgs {
    /// File of HiveQL statements, cut as `sakia query` cuts them
    pub file: PathBuf,
    /// Directory in HDFS that keeps what was done, and the lease of whoever is at it
    pub state_dir: String,
    /// How often the file is run
    #[serde(default)]
    pub each: Each,
    /// Table, as DATABASE.TABLE, whose new and changed partitions the statements are for; without one they run each time
    #[serde(default)]
    pub source: Option<String>,
    /// Database that names without one are in [default: that of the server's url, else default]
    #[serde(default)]
    pub database: Option<String>,
    /// Values that the statements name as ${NAME}
    #[serde(default)]
    pub variables: Variables,
    /// Run for all partitions again when the statements or variables are not those of the last run
    #[serde(default)]
    pub rerun_on_change: bool,
}

/// Names and what they stand for.
pub(crate) type Variables = BTreeMap<String, String>;

/// How often the statements are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// Once a run; with a source, if any of its partitions is new or has changed, for all of those
    #[default]
    Run,
    /// Once for each partition of the source that is new or has changed
    Partition,
}

impl HiveqlArgs {
    /// Database and table of the source.
    pub(crate) fn source(&self) -> Option<(&str, &str)> {
        self.source.as_deref().map(|name| name.split_once('.').unwrap_or(("default", name)))
    }

    /// What is wrong, each with its key; asks no server.
    pub(super) fn wrong(&self) -> Vec<(&'static str, Error)> {
        let mut wrong = Vec::new();
        let mut add = |key, checked: Result<()>| wrong.extend(checked.err().map(|e| (key, e)));
        add("state-dir", load::check_target(&self.state_dir));
        add("source", self.check_source());
        add("variables", variables::check_own(&self.variables));
        if self.rerun_on_change && self.source.is_none() {
            let what = "`rerun-on-change` needs a `source`, whose partitions the statements are run for again";
            add("rerun-on-change", Err(error::config(what).hint("without a source the statements run each time")));
        }
        wrong
    }

    fn check_source(&self) -> Result<()> {
        let plain = |name: &str| !name.is_empty() && !name.contains('.');
        match self.source() {
            Some((database, table)) if !plain(database) || !plain(table) => {
                let what = format!("{:?} is not DATABASE.TABLE", self.source.as_deref().unwrap_or_default());
                Err(error::config(what).hint("name the table whose partitions the statements are for"))
            }
            None if self.each == Each::Partition => {
                let what = "`each = \"partition\"` needs a `source`, the table whose partitions are meant";
                Err(error::config(what).hint("add source = \"database.table\""))
            }
            _ => Ok(()),
        }
    }
}
