//! The pipeline file: one table a connection, one `[[step]]` a step. Refuses unknown keys, unknown kinds of step,
//! two steps of one name, and a step whose connection is not configured.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::agent::AgentArgs;
use crate::config;
use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::lookup::LookupArgs;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::scd2::Scd2Args;
use crate::storage::hdfs::HdfsOptions;
use crate::transfer::ImportArgs;

/// A pipeline as its file says it.
#[derive(Debug)]
pub struct Pipeline {
    /// Directory of the file; relative local paths in it start here.
    pub base: PathBuf,
    /// The source database, `[mysql]`.
    pub mysql: Option<MySqlOptions>,
    /// The cluster's filesystem, `[hdfs]`.
    pub hdfs: Option<HdfsOptions>,
    /// The Hive metastore, `[metastore]`.
    pub metastore: Option<MetastoreOptions>,
    /// HiveServer2, `[hiveserver2]`.
    pub hiveserver2: Option<HiveServer2Options>,
    /// The HBase Thrift gateway, `[hbase]`.
    pub hbase: Option<HBaseOptions>,
    /// The steps in order, `[[step]]`.
    pub steps: Vec<Step>,
}

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
    /// `import`: a MySQL table into HDFS and Hive.
    Import(Box<ImportArgs>),
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
            Self::Agent(_) => "agent",
            Self::Scd2(_) => "scd2",
            Self::Lookup(_) => "lookup",
        }
    }
}

/// The file before its steps are told apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mysql: Option<MySqlOptions>,
    hdfs: Option<HdfsOptions>,
    metastore: Option<MetastoreOptions>,
    hiveserver2: Option<HiveServer2Options>,
    hbase: Option<HBaseOptions>,
    #[serde(default)]
    step: Vec<toml::Table>,
}

impl Pipeline {
    /// Reads and checks a pipeline file; speaks to no server.
    ///
    /// # Errors
    /// Config: the first thing that is wrong with the file.
    pub fn read(file: &Path) -> Result<Self> {
        let origin = file.display().to_string();
        let parsed: File = config::read_file(file)?;
        let steps = parsed.step.into_iter().enumerate().map(|(i, table)| step(table, i + 1, &origin));
        let pipeline = Self {
            base: file.parent().unwrap_or(Path::new("")).to_owned(),
            mysql: parsed.mysql,
            hdfs: parsed.hdfs,
            metastore: parsed.metastore,
            hiveserver2: parsed.hiveserver2,
            hbase: parsed.hbase,
            steps: steps.collect::<Result<_>>()?,
        };
        pipeline.check(&origin)?;
        Ok(pipeline)
    }

    fn check(&self, origin: &str) -> Result<()> {
        if self.steps.is_empty() {
            return Err(error::config(format!("{origin}: holds no step")).hint("add a [[step]] table"));
        }
        let mut names = BTreeSet::new();
        for step in &self.steps {
            if !names.insert(&step.name) {
                return Err(error::config(format!("{origin}: two steps are called `{}`", step.name))
                    .hint("give each step a name of its own"));
            }
            self.check_connections(origin, step)?;
        }
        Ok(())
    }

    fn check_connections(&self, origin: &str, step: &Step) -> Result<()> {
        let (mysql, hdfs) = (("mysql", self.mysql.is_some()), ("hdfs", self.hdfs.is_some()));
        let hiveserver2 = ("hiveserver2", self.hiveserver2.is_some());
        let needed = match step.kind {
            StepKind::Import(_) => vec![mysql, hdfs],
            StepKind::Agent(_) => vec![hdfs],
            StepKind::Scd2(_) => vec![hiveserver2],
            StepKind::Lookup(_) => vec![hiveserver2, ("hbase", self.hbase.is_some())],
        };
        match needed.into_iter().find(|(_, configured)| !configured) {
            None => Ok(()),
            Some((connection, _)) => {
                let what = format!("{origin}: step `{}` needs a [{connection}] table", step.name);
                Err(error::config(what).hint("say where the server is"))
            }
        }
    }

    /// Keeps only the named steps, in the order of the file; no name keeps all.
    ///
    /// # Errors
    /// Usage: a name that no step bears.
    pub fn select(mut self, names: &[String]) -> Result<Self> {
        for name in names {
            let known: Vec<&str> = self.steps.iter().map(|s| s.name.as_str()).collect();
            if !known.contains(&name.as_str()) {
                let hint = match config::nearest(name, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the steps are: {}", known.join(", ")),
                };
                return Err(error::usage(format!("the pipeline has no step `{name}`")).hint(hint));
            }
        }
        self.steps.retain(|s| names.is_empty() || names.contains(&s.name));
        Ok(self)
    }
}

/// Reads one `[[step]]` table.
fn step(mut table: toml::Table, number: usize, origin: &str) -> Result<Step> {
    let mut text = |key: &str| match table.remove(key) {
        Some(toml::Value::String(text)) => Ok(text),
        Some(_) => Err(error::config(format!("{origin}: step {number}: `{key}` is no text")).hint("quote it")),
        None => Err(error::config(format!("{origin}: step {number}: missing key `{key}`")).hint("add it")),
    };
    let (kind, name) = (text("type")?, text("name")?);
    let place = format!("{origin}: step `{name}`");
    let kind = match kind.as_str() {
        "import" => StepKind::Import(Box::new(config::from_table(table, &place)?)),
        "agent" => StepKind::Agent(config::from_table(table, &place)?),
        "scd2" => StepKind::Scd2(config::from_table(table, &place)?),
        "lookup" => StepKind::Lookup(config::from_table(table, &place)?),
        other => {
            return Err(error::config(format!("{place}: unknown type `{other}`"))
                .hint("known types: import, agent, scd2, lookup"));
        }
    };
    Ok(Step { name, kind })
}
