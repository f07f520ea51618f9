//! The kinds of step, by their `type`: how each is read, what it needs, what is wrong with it, how it is written.

use std::path::Path;

use crate::agent::{self, AgentArgs};
use crate::config::{self, Part, Renamed};
use crate::error::{self, Error, Result};
use crate::lookup::{self, LookupArgs};
use crate::query::{self, HiveqlArgs};
use crate::scd2::{Input, Scd2Args};
use crate::transfer::ImportArgs;
use crate::transfer::args::{ExportArgs, ImportAllArgs, MergeArgs, ReconcileArgs, VerifyArgs, Wrong};
use crate::trigger::{self, TriggerArgs};

/// The types of step, as they are listed in errors.
const TYPES: &str = "import, import-all, export, merge, verify, reconcile, agent, scd2, lookup, hiveql, trigger";

/// One step and its name.
#[derive(Debug)]
pub(crate) struct Step {
    /// Unique in its pipeline; shown in the summary.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does, by its `type`.
#[derive(Debug)]
pub enum StepKind {
    /// `import`: a MySQL table or query into HDFS, Hive or HBase.
    Import(Box<ImportArgs>),
    /// `import-all`: every table of a database.
    ImportAll(Box<ImportAllArgs>),
    /// `export`: files or a Hive table into a MySQL table.
    Export(Box<ExportArgs>),
    /// `merge`: newer records over older ones.
    Merge(Box<MergeArgs>),
    /// `verify`: a MySQL table compared with files or a Hive table.
    Verify(Box<VerifyArgs>),
    /// `reconcile`: counts and sums by day in several places.
    Reconcile(Box<ReconcileArgs>),
    /// `agent`: log files into HDFS and Hive.
    Agent(Box<AgentArgs>),
    /// `scd2`: a change log into a table of versions.
    Scd2(Box<Scd2Args>),
    /// `lookup`: Hive tables into HBase rows.
    Lookup(LookupArgs),
    /// `hiveql`: a team's own statements in Hive.
    Hiveql(Box<HiveqlArgs>),
    /// `trigger`: rows of a Hive query as events, each handed over once.
    Trigger(Box<TriggerArgs>),
}

impl StepKind {
    /// The `type` in the file.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Import(_) => "import",
            Self::ImportAll(_) => "import-all",
            Self::Export(_) => "export",
            Self::Merge(_) => "merge",
            Self::Verify(_) => "verify",
            Self::Reconcile(_) => "reconcile",
            Self::Agent(_) => "agent",
            Self::Scd2(_) => "scd2",
            Self::Lookup(_) => "lookup",
            Self::Hiveql(_) => "hiveql",
            Self::Trigger(_) => "trigger",
        }
    }

    /// The connection tables the step cannot do without.
    pub(super) fn needs(&self) -> &'static [&'static str] {
        match self {
            Self::Import(args) if args.hbase.table.is_some() => &["mysql", "hbase"],
            Self::Import(args) if args.hive_stored_as.is_some() => &["mysql", "hdfs", "metastore", "hiveserver2"],
            Self::Export(args) if args.hive_table.is_some() => &["mysql", "hdfs", "metastore"],
            Self::Verify(args) if args.hive_table.is_some() => &["mysql", "hdfs", "metastore"],
            Self::Import(_) | Self::ImportAll(_) | Self::Export(_) | Self::Verify(_) => &["mysql", "hdfs"],
            Self::Reconcile(args) => args.needs(),
            Self::Merge(_) | Self::Agent(_) => &["hdfs"],
            Self::Scd2(_) => &["hiveserver2"],
            Self::Lookup(_) => &["hiveserver2", "hbase"],
            Self::Hiveql(args) if args.source.is_some() => &["hdfs", "metastore", "hiveserver2"],
            Self::Hiveql(_) => &["hdfs", "hiveserver2"],
            Self::Trigger(_) => &["mysql", "hiveserver2"],
        }
    }

    /// The Hive database that the step registers tables in.
    pub(super) fn hive_database(&self) -> Option<&str> {
        match self {
            Self::Import(args) => args.hive_database.as_deref(),
            Self::Agent(args) => args.hive_database.as_deref(),
            _ => None,
        }
    }

    /// Directories that belong to this step alone, by their keys.
    pub(super) fn owns(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Agent(args) => {
                let channel = args.channel_dir.to_str().map(|dir| ("channel-dir", dir));
                channel.into_iter().chain([("target-dir", args.target_dir.as_str())]).collect()
            }
            Self::Hiveql(args) => vec![("state-dir", args.state_dir.as_str())],
            _ => Vec::new(),
        }
    }
}

/// Keys of the agent in earlier versions.
const AGENT: [Renamed; 1] = [Renamed::time("roll.seconds", "roll.age", "s")];

impl Step {
    /// Reads one `[[step]]` table. Keys of earlier versions are read, and noted.
    ///
    /// # Errors
    /// Config: all that is wrong with its keys and values.
    pub(super) fn read(part: &mut Part<'_>, notes: &mut Vec<String>) -> Result<Self, Vec<Error>> {
        let name = part.text("name").map_err(|e| vec![e])?;
        part.label = format!("step `{name}`");
        let kind = part.text("type").map_err(|e| vec![e])?;
        if kind == "agent" {
            part.rename(&AGENT, notes).map_err(|e| vec![e])?;
        }
        let kind = match kind.as_str() {
            "import" => StepKind::Import(part.read()?),
            "import-all" => StepKind::ImportAll(part.read()?),
            "export" => StepKind::Export(part.read()?),
            "merge" => StepKind::Merge(part.read()?),
            "verify" => StepKind::Verify(part.read()?),
            "reconcile" => StepKind::Reconcile(part.read()?),
            "agent" => StepKind::Agent(part.read()?),
            "scd2" => StepKind::Scd2(part.read()?),
            "lookup" => StepKind::Lookup(part.read()?),
            "hiveql" => StepKind::Hiveql(part.read()?),
            "trigger" => StepKind::Trigger(part.read()?),
            other => {
                let e = error::config(format!("unknown type `{other}`")).hint(format!("known types: {TYPES}"));
                return Err(vec![part.wrong("type", e)]);
            }
        };
        Ok(Self { name, kind })
    }

    /// Kind and name, as log and summary call it.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.name)
    }

    /// What is wrong with a step, each with its key, whether a file or the command line says it; no server is asked.
    pub(super) fn check(&self, base: &Path) -> Vec<Wrong> {
        let missing = |keys: &[(bool, &'static str)]| -> Vec<Wrong> {
            let absent = keys.iter().filter(|(is_there, _)| !is_there);
            absent.map(|(_, key)| (*key, error::config(format!("missing key `{key}`")).hint("add it"))).collect()
        };
        let or_else = |missing: Vec<Wrong>, check: Result<()>| {
            if missing.is_empty() { check.err().map(|e| ("", e)).into_iter().collect() } else { missing }
        };
        match &self.kind {
            StepKind::Import(args) => args.check(),
            StepKind::ImportAll(args) => args.check(),
            StepKind::Export(args) => args.check(),
            StepKind::Merge(args) => args.check(),
            StepKind::Verify(args) => args.check(),
            StepKind::Reconcile(args) => args.check(),
            StepKind::Agent(args) => {
                let missing = missing(&[
                    (!args.files.is_empty(), "files"),
                    (!args.channel_dir.as_os_str().is_empty(), "channel-dir"),
                    (!args.target_dir.is_empty(), "target-dir"),
                    (!args.reject_dir.is_empty(), "reject-dir"),
                ]);
                if missing.is_empty() { agent::check(args, base) } else { missing }
            }
            StepKind::Scd2(args) => {
                let missing = missing(&[
                    (!args.source.is_empty(), "source"),
                    (!args.target.is_empty(), "target"),
                    (!args.keys.is_empty(), "keys"),
                    (!args.sequence.is_empty() || args.input == Input::Snapshot, "sequence"),
                    (!args.tracked.is_empty(), "tracked"),
                ]);
                or_else(missing, args.check())
            }
            StepKind::Lookup(args) => {
                let missing = missing(&[
                    (!args.schema.as_os_str().is_empty(), "schema"),
                    (!args.query_file.as_os_str().is_empty(), "query-file"),
                    (!args.database.is_empty(), "database"),
                ]);
                or_else(missing, lookup::check(args, base))
            }
            StepKind::Hiveql(args) => query::check_step(args, base),
            StepKind::Trigger(args) => trigger::check(args, base),
        }
    }

    /// The step as [`Step::read`] reads it, without what need not be said.
    pub(super) fn to_table(&self) -> Result<toml::Table> {
        let rest = match &self.kind {
            StepKind::Import(args) => config::to_table(&**args)?,
            StepKind::ImportAll(args) => config::to_table(&**args)?,
            StepKind::Export(args) => config::to_table(&**args)?,
            StepKind::Merge(args) => config::to_table(&**args)?,
            StepKind::Verify(args) => config::to_table(&**args)?,
            StepKind::Reconcile(args) => config::to_table(&**args)?,
            StepKind::Agent(args) => config::to_table(&**args)?,
            StepKind::Scd2(args) => config::to_table(&**args)?,
            StepKind::Lookup(args) => config::to_table(args)?,
            StepKind::Hiveql(args) => config::to_table(&**args)?,
            StepKind::Trigger(args) => config::to_table(&**args)?,
        };
        let mut table = toml::Table::new();
        table.insert("type".to_owned(), self.kind.as_str().into());
        table.insert("name".to_owned(), self.name.clone().into());
        table.extend(rest);
        Ok(table)
    }
}
