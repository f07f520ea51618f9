//! What an SCD-2 step is told: the log, the target, and what its columns mean.

mod check;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::names::OwnColumns;
use super::shapes::Shape;
use crate::config::Timespan;

/// A slowly changing dimension: a change log into a table of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scd2Args {
    /// Log of changes, as DATABASE.TABLE; any table that Hive reads
    #[arg(long, value_name = "TABLE", default_value = "", hide_default_value = true)]
    pub source: String,
    /// What the source holds
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    #[serde(default)]
    pub input: Input,
    /// Table, as DATABASE.TABLE, in which the changes between snapshots are kept [default: the target's name and _log]
    #[arg(long, value_name = "TABLE")]
    #[serde(default)]
    pub journal: Option<String>,
    /// Share of the things there were that a snapshot may delete by leaving them out, in percent; more is refused
    #[arg(long, value_name = "PERCENT", default_value_t = Scd2Args::USUAL_MAX_DELETES, value_parser = clap::value_parser!(u8).range(0..=100))]
    #[serde(default = "Scd2Args::usual_max_deletes")]
    pub max_deletes: u8,
    /// Table of versions, as DATABASE.TABLE; made if missing, see shape
    #[arg(long, value_name = "TABLE", default_value = "", hide_default_value = true)]
    pub target: String,
    /// Columns that identify the thing whose versions are kept
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub keys: Vec<String>,
    /// Column that orders the changes of a key: a timestamp, a date, a whole number, or a text with its sequence-zone; of
    /// snapshots the one that says when they were taken, the same in all rows [default of snapshots: when they were imported]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    #[serde(default)]
    pub sequence: String,
    /// Column of a history that says where a version ends; NULL, or 9999-12-31, while it is open
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub end_column: Option<String>,
    /// What lies between the end of a version and the begin of the next, where ends are inclusive [default: nothing, they
    /// are exclusive]
    #[arg(long, value_name = "UNIT", value_enum)]
    #[serde(default)]
    pub end_unit: Option<EndUnit>,
    /// Column of whole numbers that orders changes of one moment, such as a position in a log
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub tie_breaker: Option<String>,
    /// Time zone of a sequence that is text, such as UTC or Europe/Paris
    #[arg(long, value_name = "ZONE")]
    #[serde(default)]
    pub sequence_zone: Option<String>,
    /// Columns whose change opens a new version
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub tracked: Vec<String>,
    /// Columns that are carried along without opening a version
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default)]
    pub untracked: Vec<String>,
    /// What becomes of columns that the source did not have when the target was made
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    #[serde(default)]
    pub new_columns: NewColumns,
    /// Which of the untracked values seen during a version it shows
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    #[serde(default)]
    pub untracked_policy: UntrackedPolicy,
    /// Column that says what a change does: D deletes, T deletes all that was seen before, anything else is a change
    /// [default: nothing is deleted]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub op_column: Option<String>,
    /// Codes in op-column that say how the thing is now; others are refused then [default: any that is not another's]
    #[arg(long, value_name = "CODE,...", value_delimiter = ',')]
    #[serde(default)]
    pub upsert_ops: Vec<String>,
    /// Codes that delete [default: D]
    #[arg(long, value_name = "CODE,...", value_delimiter = ',')]
    #[serde(default)]
    pub delete_ops: Vec<String>,
    /// Codes that delete everything that was seen before; their keys do not matter [default: T]
    #[arg(long, value_name = "CODE,...", value_delimiter = ',')]
    #[serde(default)]
    pub truncate_ops: Vec<String>,
    /// Column that marks what is deleted: a boolean that is true, a whole number other than 0, anything else that is not
    /// NULL
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub deleted_column: Option<String>,
    /// What a deletion leaves behind
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub deletes: Deletes,
    /// Where the first version of a thing begins
    #[arg(long, value_name = "WHERE", value_enum, default_value_t)]
    #[serde(default)]
    pub first_from: FirstVersion,
    /// Column that says when the thing came to be, for first-from created
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub created_column: Option<String>,
    /// Table, as DATABASE.TABLE, of facts that have to do with the things, for first-from fact
    #[arg(long, value_name = "TABLE")]
    #[serde(default)]
    pub facts: Option<String>,
    /// Columns of the facts that identify the thing, in the order of keys [default: those of the same names]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default)]
    pub fact_keys: Vec<String>,
    /// Column of the facts that says when they were, of the same kind as the sequence
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub fact_time: Option<String>,
    /// What valid_to holds while a version is open
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    #[serde(default)]
    pub open_end: OpenEnd,
    /// Names of the columns that the target fills itself.
    #[command(flatten)]
    #[serde(default)]
    pub columns: OwnColumns,
    /// Refuse a log that says different things of one key at one moment, instead of counting and warning
    #[arg(long)]
    #[serde(default)]
    pub strict: bool,
    /// Table, as DATABASE.TABLE, for events without key or sequence and of unknown codes [default: the run is refused]
    #[arg(long, value_name = "TABLE")]
    #[serde(default)]
    pub quarantine: Option<String>,
    /// Make views beside the target: TARGET_current of what holds now, TARGET_asof for joins as of a time
    #[arg(long)]
    #[serde(default)]
    pub views: bool,
    /// Table, as DATABASE.TABLE, for events that come later than what was applied; the target goes forward only then
    /// [default: they land where they belong]
    #[arg(long, value_name = "TABLE")]
    #[serde(default)]
    pub late: Option<String>,
    /// How the log is cut into batches, by the sequence column
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default)]
    pub batches: Batches,
    /// How a new target is kept: by merge if nothing is said, on Spark in parquet; one that is there keeps its shape
    #[arg(long, value_name = "SHAPE", value_enum)]
    #[serde(default)]
    pub shape: Option<Shape>,
    /// Parts of a new target of the shape parquet, of which those with changes are rewritten [default: 16]
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub buckets: Option<u32>,
    /// How long files that were replaced stay for those who read them, in the shape parquet [default: 24h]
    #[arg(long, value_name = "TIME")]
    #[serde(default)]
    pub grace: Option<Timespan>,
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

/// What the source of a dimension holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// A log: each change that ever was
    #[default]
    Log,
    /// A finished history: each version with its begin and its end
    History,
    /// All things as they are: each load is a whole picture, and what is not in it any more is deleted
    Snapshot,
}

/// What lies between an inclusive end and the begin that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EndUnit {
    /// A day
    Day,
    /// A second
    Second,
    /// A millisecond
    Millisecond,
    /// A microsecond
    Microsecond,
    /// One, where the sequence is a whole number
    One,
}

/// What becomes of columns that the source did not have when the target was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NewColumns {
    /// They are added to the target and carried along, untracked
    #[default]
    Add,
    /// They are left out
    Ignore,
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
    /// Those of the key's last event, in all its versions
    OverwriteAll,
}

/// What a deletion leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Deletes {
    /// A gap: no version holds until the thing is seen again
    #[default]
    Close,
    /// A row that is marked as deleted and has the last known values
    Record,
}

/// Where the first version of a thing begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FirstVersion {
    /// At its first event
    #[default]
    Event,
    /// At what that event says in created-column, where that is earlier
    Created,
    /// At 1900-01-01, so that every fact finds a version
    Epoch,
    /// At its first fact, where that is earlier; what no event tells of has an inferred version until one does
    Fact,
}

/// What `valid_to` holds while a version is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OpenEnd {
    /// 9999-12-31 00:00:00, or the greatest number
    #[default]
    Greatest,
    /// NULL
    Null,
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
    /// What `max-deletes` is where nobody says it, in percent.
    pub const USUAL_MAX_DELETES: u8 = 20;

    fn usual_max_deletes() -> u8 {
        Self::USUAL_MAX_DELETES
    }

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

    /// Columns that say when an event was and what it does.
    pub(super) fn of_events(&self) -> impl Iterator<Item = &str> {
        let told = [&self.tie_breaker, &self.op_column, &self.deleted_column, &self.created_column, &self.end_column];
        [Some(self.sequence.as_str())].into_iter().chain(told.map(Option::as_deref)).flatten()
    }

    /// Whether facts make versions.
    pub(super) fn is_inferring(&self) -> bool {
        self.first_from == FirstVersion::Fact
    }

    /// The columns of the facts that hold the keys, in their order.
    pub(super) fn keys_of_facts(&self) -> &[String] {
        if self.fact_keys.is_empty() { &self.keys } else { &self.fact_keys }
    }

    /// Names of the columns that the target fills itself.
    pub(super) fn own_columns(&self) -> Vec<&str> {
        self.columns.all(self.tie_breaker.is_some(), self.is_inferring())
    }

    /// Columns that are carried and are not keys.
    pub(super) fn others(&self) -> impl Iterator<Item = &String> {
        self.tracked.iter().chain(&self.untracked)
    }

    /// The codes that delete.
    pub(super) fn deleting(&self) -> Vec<&str> {
        codes(&self.delete_ops, "D")
    }

    /// The codes that delete everything that was seen before.
    pub(super) fn truncating(&self) -> Vec<&str> {
        codes(&self.truncate_ops, "T")
    }

    /// What a target is built by; another definition needs another target. The policy and the columns are in it, the
    /// way of cutting batches is not. What an earlier version could not be told is in it only where it is told.
    pub(super) fn definition(&self) -> String {
        let policy = match self.untracked_policy {
            UntrackedPolicy::LatestInRun => "latest-in-run",
            UntrackedPolicy::FirstInRun => "first-in-run",
            UntrackedPolicy::OverwriteAll => "overwrite-all",
        };
        let mut definition = format!(
            "source={} keys={} sequence={} tracked={} untracked={} policy={policy} op={}",
            self.source,
            self.keys.join(","),
            self.sequence,
            self.tracked.join(","),
            self.untracked.join(","),
            self.op_column.as_deref().unwrap_or("")
        );
        let first = match self.first_from {
            FirstVersion::Event => String::new(),
            FirstVersion::Created => self.created_column.clone().unwrap_or_default(),
            FirstVersion::Epoch => "1900-01-01".to_owned(),
            FirstVersion::Fact => {
                let [table, time] = [&self.facts, &self.fact_time].map(|name| name.as_deref().unwrap_or_default());
                format!("{table}({})@{time}", self.keys_of_facts().join(","))
            }
        };
        let renamed = self.columns != OwnColumns::default();
        let own = if renamed { self.columns.all(true, self.is_inferring()).join(",") } else { String::new() };
        let told = [
            ("tie", self.tie_breaker.clone().unwrap_or_default()),
            ("zone", self.sequence_zone.clone().unwrap_or_default()),
            ("upserts", self.upsert_ops.join(",")),
            ("deletes", self.delete_ops.join(",")),
            ("deleted-column", self.deleted_column.clone().unwrap_or_default()),
            ("truncates", self.truncate_ops.join(",")),
            ("deleted", if self.deletes == Deletes::Record { "recorded" } else { "" }.to_owned()),
            ("first", first),
            ("open", if self.open_end == OpenEnd::Null { "null" } else { "" }.to_owned()),
            ("columns", own),
            ("late", self.late.clone().unwrap_or_default()),
            ("end", self.end_column.clone().unwrap_or_default()),
            ("unit", self.end_unit.map(|unit| format!("{unit:?}").to_lowercase()).unwrap_or_default()),
        ];
        for (name, value) in told {
            if !value.is_empty() {
                definition.push_str(&format!(" {name}={value}"));
            }
        }
        definition
    }
}

/// Codes as they are given, or the one that stands for them.
fn codes<'a>(given: &'a [String], usual: &'a str) -> Vec<&'a str> {
    if given.is_empty() { vec![usual] } else { given.iter().map(String::as_str).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const TOML: &str =
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
    fn a_definition_of_an_earlier_version_stays_what_it_was() {
        let args: Scd2Args = toml::from_str(TOML).unwrap();
        let earlier = "source=shop.changes keys=id sequence=at tracked=country untracked= policy=latest-in-run op=";
        assert_eq!(args.definition(), earlier);
        let record = Scd2Args { deletes: Deletes::Record, open_end: OpenEnd::Null, ..args };
        assert_eq!(record.definition(), format!("{earlier} deleted=recorded open=null"));
    }
}
