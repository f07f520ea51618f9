//! The kinds of step, by their `type`.

use crate::agent::AgentArgs;
use crate::config;
use crate::error::{self, Result};
use crate::lookup::LookupArgs;
use crate::scd2::Scd2Args;
use crate::transfer::ImportArgs;
use crate::transfer::args::{ExportArgs, ImportAllArgs, MergeArgs, VerifyArgs};

/// The types of step, as they are listed in errors.
const TYPES: &str = "import, import-all, export, merge, verify, agent, scd2, lookup";

/// One step and its name.
#[derive(Debug)]
pub struct Step {
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
    /// `agent`: log files into HDFS and Hive.
    Agent(AgentArgs),
    /// `scd2`: a change log into a table of versions.
    Scd2(Scd2Args),
    /// `lookup`: Hive tables into HBase rows.
    Lookup(LookupArgs),
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
            Self::Agent(_) => "agent",
            Self::Scd2(_) => "scd2",
            Self::Lookup(_) => "lookup",
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
            Self::Merge(_) | Self::Agent(_) => &["hdfs"],
            Self::Scd2(_) => &["hiveserver2"],
            Self::Lookup(_) => &["hiveserver2", "hbase"],
        }
    }
}

impl Step {
    /// Reads one `[[step]]` table.
    pub(super) fn read(mut table: toml::Table, number: usize, origin: &str) -> Result<Self> {
        let mut text = |key: &str| match table.remove(key) {
            Some(toml::Value::String(text)) => Ok(text),
            Some(_) => Err(error::config(format!("{origin}: step {number}: `{key}` is no text")).hint("quote it")),
            None => Err(error::config(format!("{origin}: step {number}: missing key `{key}`")).hint("add it")),
        };
        let (kind, name) = (text("type")?, text("name")?);
        let place = format!("{origin}: step `{name}`");
        let kind = match kind.as_str() {
            "import" => StepKind::Import(config::from_table(table, &place)?),
            "import-all" => StepKind::ImportAll(config::from_table(table, &place)?),
            "export" => StepKind::Export(config::from_table(table, &place)?),
            "merge" => StepKind::Merge(config::from_table(table, &place)?),
            "verify" => StepKind::Verify(config::from_table(table, &place)?),
            "agent" => StepKind::Agent(config::from_table(table, &place)?),
            "scd2" => StepKind::Scd2(config::from_table(table, &place)?),
            "lookup" => StepKind::Lookup(config::from_table(table, &place)?),
            other => {
                return Err(
                    error::config(format!("{place}: unknown type `{other}`")).hint(format!("known types: {TYPES}"))
                );
            }
        };
        Ok(Self { name, kind })
    }

    /// Refuses a step that lacks what it cannot do without, whether a file or the command line says it.
    pub(super) fn check(&self) -> Result<()> {
        let missing = match &self.kind {
            StepKind::Import(args) if args.table.is_none() && args.query.is_none() => "table",
            StepKind::Export(args) if args.table.is_none() && args.call.is_none() => "table",
            StepKind::Export(args) if args.export_dir.is_none() && args.hive_table.is_none() => "export-dir",
            StepKind::Merge(args) if args.new_data.is_empty() => "new-data",
            StepKind::Merge(args) if args.onto.is_empty() => "onto",
            StepKind::Merge(args) if args.target_dir.is_empty() => "target-dir",
            StepKind::Merge(args) if args.merge_key.is_empty() => "merge-key",
            StepKind::Verify(args) if args.table.is_empty() => "table",
            StepKind::Verify(args) if args.target_dir.is_none() && args.hive_table.is_none() => "target-dir",
            _ => return Ok(()),
        };
        Err(error::config(format!("step `{}`: missing key `{missing}`", self.name)).hint("add it"))
    }

    /// The step as [`Step::read`] reads it, without what need not be said.
    pub(super) fn to_table(&self) -> Result<toml::Table> {
        let rest = match &self.kind {
            StepKind::Import(args) => config::to_table(&**args)?,
            StepKind::ImportAll(args) => config::to_table(&**args)?,
            StepKind::Export(args) => config::to_table(&**args)?,
            StepKind::Merge(args) => config::to_table(&**args)?,
            StepKind::Verify(args) => config::to_table(&**args)?,
            StepKind::Agent(_) | StepKind::Scd2(_) | StepKind::Lookup(_) => {
                let what = format!("steps of type `{}` are not written as toml", self.kind.as_str());
                return Err(error::bug(what));
            }
        };
        let mut table = toml::Table::new();
        table.insert("type".to_owned(), self.kind.as_str().into());
        table.insert("name".to_owned(), self.name.clone().into());
        table.extend(rest);
        Ok(table)
    }
}
