//! What each server is asked about: what the steps, or the sinks of an agent, are going to need of it.

use std::path::Path;

use super::super::config::Pipeline;
use super::super::step::{Step, StepKind};
use super::places;
use crate::agent::{AgentArgs, AgentFile};
use crate::hbase::TableSchema;
use crate::hiveserver2::Trial;
use crate::metastore::Wanted;
use crate::storage::hdfs::{Place, Usage};
use crate::{lookup, scd2};

/// What each server is asked about.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Directories in HDFS that are written to, or read.
    pub places: Vec<Place>,
    /// Tables that the metastore has, or is to have.
    pub tables: Vec<Wanted>,
    /// What HiveServer2 has to be able to do.
    pub statements: Vec<Trial>,
    /// Tables in HBase.
    pub hbase_tables: Vec<String>,
}

impl Asked {
    /// By the steps of a pipeline.
    pub(super) fn of_steps(pipeline: &Pipeline) -> Self {
        let mut asked = Self { places: places::of(&pipeline.steps), ..Self::default() };
        for step in &pipeline.steps {
            asked.hbase_tables.extend(hbase_table(step, &pipeline.base));
            // What an earlier step makes is not there yet.
            let is_made =
                |database: &str, table: Option<&str>| asked.tables.iter().any(|made| made.may_make(database, table));
            let read = read_by(step).filter(|read| !is_made(&read.database, read.table.as_deref()));
            let trial = trial(step, &pipeline.base).filter(|trial| !is_made(&trial.database, trial.table.as_deref()));
            asked.tables.extend(read);
            asked.statements.extend(trial);
            asked.tables.extend(filled_by(step));
        }
        asked
    }

    /// By the sinks of an agent.
    pub(super) fn of_agent(agent: &AgentFile) -> Self {
        let written = |path: &str| Place { key: "directory", path: path.to_owned(), usage: Usage::Written };
        let table = |(database, table): (&str, &str)| Wanted::filled(database, Some(table));
        Self {
            places: agent.targets().filter(|target| target.starts_with('/')).map(written).collect(),
            tables: agent.tables().map(table).collect(),
            hbase_tables: agent.hbase_tables().map(str::to_owned).collect(),
            ..Self::default()
        }
    }
}

impl Pipeline {
    /// The agents among the steps.
    pub(super) fn agents(&self) -> Vec<(String, AgentArgs)> {
        let agent = |step: &Step| match &step.kind {
            StepKind::Agent(args) => Some((step.name.clone(), AgentArgs::clone(args))),
            _ => None,
        };
        self.steps.iter().filter_map(agent).collect()
    }
}

/// The table of Hive that a step fills.
fn filled_by(step: &Step) -> Option<Wanted> {
    let database = step.kind.hive_database();
    match &step.kind {
        StepKind::Import(args) => {
            let table = args.hive_table.as_deref().or(args.table.as_deref());
            let is_registered = database.is_some() || args.hive_table.is_some();
            is_registered.then(|| Wanted::filled(database.unwrap_or("default"), table))
        }
        StepKind::Agent(args) => Some(Wanted::filled(database?, args.hive_table.as_deref())),
        _ => None,
    }
}

/// The table of Hive that a step reads.
fn read_by(step: &Step) -> Option<Wanted> {
    if let StepKind::Hiveql(args) = &step.kind {
        return args.source().map(|(database, table)| Wanted::read(database, table));
    }
    let (database, table) = match &step.kind {
        StepKind::Export(args) => (&args.hive_database, args.hive_table.as_deref()?),
        StepKind::Verify(args) => (&args.hive_database, args.hive_table.as_deref()?),
        _ => return None,
    };
    Some(Wanted::read(database.as_deref().unwrap_or("default"), table))
}

/// What HiveServer2 is asked to plan for a step. What is wrong with its files was said when it was checked.
fn trial(step: &Step, base: &Path) -> Option<Trial> {
    let question = format!("step {}", step.name);
    match &step.kind {
        StepKind::Lookup(args) => {
            let statement = format!("EXPLAIN {}", lookup::query(args, base).ok()?);
            let words = "its query can be planned".to_owned();
            Some(Trial { question, statement, words, database: args.database.clone(), table: None })
        }
        StepKind::Scd2(args) => {
            let (database, table) = args.source.split_once('.')?;
            Some(Trial {
                question,
                statement: scd2::describe(&args.source),
                words: format!("table {} is there", args.source),
                database: database.to_owned(),
                table: Some(table.to_owned()),
            })
        }
        _ => None,
    }
}

/// The table that a step fills in HBase.
fn hbase_table(step: &Step, base: &Path) -> Option<String> {
    match &step.kind {
        StepKind::Import(args) => args.hbase.table.clone(),
        StepKind::Lookup(args) => {
            TableSchema::read(&base.join(&args.schema)).ok().map(|schema| schema.qualified_name())
        }
        _ => None,
    }
}
