//! What an SCD-2 step is told: the log, the target, and what its columns mean.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// Columns of the target that the step itself fills.
const OWN_COLUMNS: [&str; 5] = ["sk", "valid_from", "valid_to", "is_current", "batch_id"];

/// A slowly changing dimension: a change log into a table of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scd2Args {
    /// Log of changes, as DATABASE.TABLE; any table that Hive reads
    #[arg(long, value_name = "TABLE", default_value = "", hide_default_value = true)]
    pub source: String,
    /// Table of versions, as DATABASE.TABLE; made as an ACID table if missing
    #[arg(long, value_name = "TABLE", default_value = "", hide_default_value = true)]
    pub target: String,
    /// Columns that identify the thing whose versions are kept
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub keys: Vec<String>,
    /// Column that orders the changes of a key: when the change happened
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub sequence: String,
    /// Columns whose change opens a new version
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub tracked: Vec<String>,
    /// Columns that are carried along without opening a version
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default)]
    pub untracked: Vec<String>,
    /// Which of the untracked values seen during a version it shows
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    #[serde(default)]
    pub untracked_policy: UntrackedPolicy,
    /// Column that holds D where the thing was deleted, anything else for a change [default: nothing is deleted]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub op_column: Option<String>,
    /// How the log is cut into batches, by the sequence column
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub batches: Batches,
    /// Apply the last batch once more, as a check: it changes nothing
    #[arg(long)]
    #[serde(default)]
    pub reapply_last: bool,
    /// Go on where the log no longer holds events that the dimension rests on, and drop what only they said
    #[arg(long)]
    #[serde(default)]
    pub accept_shrunk_log: bool,
    /// Directory whose scd2_*.hql files take the place of the built-in ones
    #[arg(long, value_name = "DIR")]
    #[serde(default)]
    pub ddl_dir: Option<PathBuf>,
}

/// Which of the untracked values seen during a version it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum UntrackedPolicy {
    /// Those of the version's last event
    #[default]
    LatestInRun,
    /// Those of the version's first event
    FirstInRun,
}

/// How a log is cut into batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Batches {
    /// A batch a calendar month
    #[default]
    Month,
    /// A batch a day
    Day,
    /// One batch
    All,
}

impl Scd2Args {
    /// Takes relative paths as below `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.ddl_dir = self.ddl_dir.map(|dir| base.join(dir));
        self
    }

    /// Columns of the log that the target carries, keys first.
    pub(super) fn carried(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().chain(&self.tracked).chain(&self.untracked).map(String::as_str)
    }

    /// Columns that are carried and are not keys.
    pub(super) fn others(&self) -> impl Iterator<Item = &String> {
        self.tracked.iter().chain(&self.untracked)
    }

    /// What a target is built by; another definition needs another target. The policy and the columns are in it, the
    /// way of cutting batches is not.
    pub(super) fn definition(&self) -> String {
        let policy = match self.untracked_policy {
            UntrackedPolicy::LatestInRun => "latest-in-run",
            UntrackedPolicy::FirstInRun => "first-in-run",
        };
        format!(
            "source={} keys={} sequence={} tracked={} untracked={} policy={policy} op={}",
            self.source,
            self.keys.join(","),
            self.sequence,
            self.tracked.join(","),
            self.untracked.join(","),
            self.op_column.as_deref().unwrap_or("")
        )
    }

    /// Refuses what makes no sense before anything is asked of a server.
    ///
    /// # Errors
    /// Config: a table without database, no key, no tracked column, a column named twice, a name the target needs.
    pub fn check(&self) -> Result<()> {
        for (what, table) in [("source", &self.source), ("target", &self.target)] {
            if !matches!(table.split('.').collect::<Vec<_>>()[..], [db, name] if !db.is_empty() && !name.is_empty()) {
                return Err(error::config(format!("scd2 {what} '{table}' is not database.table"))
                    .hint("name the database, as in shop.dim_customer"));
            }
        }
        if self.keys.is_empty() || self.tracked.is_empty() {
            return Err(error::config(format!("scd2 target {} has no key or no tracked column", self.target))
                .hint("name at least one column in keys and in tracked"));
        }
        let mut seen = BTreeSet::new();
        for column in self.carried() {
            if OWN_COLUMNS.contains(&column.to_lowercase().as_str()) {
                return Err(error::config(format!("scd2 target {} fills column {column} itself", self.target))
                    .hint("rename the column in a view over the source"));
            }
            if !seen.insert(column.to_lowercase()) {
                return Err(error::config(format!("scd2 target {} names column {column} twice", self.target)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const TOML: &str =
        "source = 'shop.changes'\ntarget = 'shop.dim'\nkeys = ['id']\nsequence = 'at'\ntracked = ['country']\n";

    #[test]
    fn toml_needs_little_and_refuses_the_unknown() {
        let args: Scd2Args = toml::from_str(TOML).unwrap();
        assert_eq!((args.batches, args.reapply_last), (Batches::Month, false));
        args.check().unwrap();
        assert!(toml::from_str::<Scd2Args>(&format!("{TOML}track = ['x']")).is_err());
        assert!(toml::from_str::<Scd2Args>(&format!("{TOML}untracked-policy = 'overwrite'")).is_err());
    }

    #[test]
    fn nonsense_is_a_config_error() {
        let good: Scd2Args = toml::from_str(TOML).unwrap();
        let bad = [
            Scd2Args { source: "changes".into(), ..good.clone() },
            Scd2Args { target: "a.b.c".into(), ..good.clone() },
            Scd2Args { keys: vec![], ..good.clone() },
            Scd2Args { tracked: vec![], ..good.clone() },
            Scd2Args { untracked: vec!["Country".into()], ..good.clone() },
            Scd2Args { tracked: vec!["valid_from".into()], ..good },
        ];
        for args in bad {
            assert_eq!(args.check().unwrap_err().kind(), Kind::Config, "{args:?}");
        }
    }
}
