//! The pipeline file: one table a connection, one `[[step]]` a step. Refuses unknown keys, unknown kinds of step,
//! two steps of one name, and a step whose connection is not configured.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::connections::Servers;
use super::step::Step;
use crate::config;
use crate::error::{self, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::storage::hdfs::HdfsOptions;

/// A pipeline as its file says it.
#[derive(Debug)]
pub struct Pipeline {
    /// Directory of the file; relative local paths in it start here.
    pub base: PathBuf,
    /// The servers, one table each.
    pub servers: Servers,
    /// The steps in order, `[[step]]`.
    pub steps: Vec<Step>,
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
        let steps = parsed.step.into_iter().enumerate().map(|(i, table)| Step::read(table, i + 1, &origin));
        let pipeline = Self {
            base: file.parent().unwrap_or(Path::new("")).to_owned(),
            servers: Servers {
                mysql: parsed.mysql,
                hdfs: parsed.hdfs,
                metastore: parsed.metastore,
                hiveserver2: parsed.hiveserver2,
                hbase: parsed.hbase,
            },
            steps: steps.collect::<Result<_>>()?,
        };
        pipeline.check(&origin)?;
        Ok(pipeline)
    }

    /// A pipeline of one step that no file says; its relative local paths start in the working directory.
    ///
    /// # Errors
    /// Config: the step needs a server that is not named.
    pub fn of_step(servers: Servers, step: Step) -> Result<Self> {
        let pipeline = Self { base: PathBuf::new(), servers, steps: vec![step] };
        pipeline.check("the command line")?;
        Ok(pipeline)
    }

    /// The pipeline as a file that [`Pipeline::read`] reads back, without what need not be said. Passwords are not in
    /// it, only where they come from.
    ///
    /// # Errors
    /// Bug: a step of a type that is not written.
    pub fn to_toml(&self) -> Result<String> {
        let mut file = String::new();
        let servers = &self.servers;
        add(&mut file, "[mysql]", servers.mysql.as_ref().map(config::to_table).transpose()?)?;
        add(&mut file, "[hdfs]", servers.hdfs.as_ref().map(config::to_table).transpose()?)?;
        add(&mut file, "[metastore]", servers.metastore.as_ref().map(config::to_table).transpose()?)?;
        add(&mut file, "[hiveserver2]", servers.hiveserver2.as_ref().map(config::to_table).transpose()?)?;
        add(&mut file, "[hbase]", servers.hbase.as_ref().map(config::to_table).transpose()?)?;
        for step in &self.steps {
            add(&mut file, "[[step]]", Some(step.to_table()?))?;
        }
        Ok(file)
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
            step.check().map_err(|e| e.context(origin))?;
            self.check_connections(origin, step)?;
        }
        Ok(())
    }

    fn check_connections(&self, origin: &str, step: &Step) -> Result<()> {
        let servers = &self.servers;
        let configured = |connection: &str| match connection {
            "mysql" => servers.mysql.is_some(),
            "hdfs" => servers.hdfs.is_some(),
            "metastore" => servers.metastore.is_some(),
            "hiveserver2" => servers.hiveserver2.is_some(),
            "hbase" => servers.hbase.is_some(),
            _ => false,
        };
        match step.kind.needs().iter().find(|connection| !configured(connection)) {
            None => Ok(()),
            Some(connection) => {
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

/// Adds a table below its heading; tables inside it are written inline, so that one heading is enough.
fn add(file: &mut String, heading: &str, table: Option<toml::Table>) -> Result<()> {
    let Some(table) = table else { return Ok(()) };
    if !file.is_empty() {
        file.push('\n');
    }
    file.push_str(heading);
    file.push('\n');
    // What names a thing comes first; the rest as it is sorted.
    let (first, rest): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| matches!(key.as_str(), "type" | "name"));
    for (key, value) in first.into_iter().rev().chain(rest) {
        file.push_str(&format!("{key} = {value}\n"));
    }
    Ok(())
}
