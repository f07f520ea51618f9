//! From Sqoop's argument vector to the work it asks for. Speaks to no server and prints nothing.

use std::collections::BTreeMap;

use super::given::Given;
use super::parse::parse;
use super::properties::Properties;
use super::servers::{self, Password, Source};
use super::tool::Tool;
use super::{export, import, jobs, text};
use crate::cli::job::Job;
use crate::config;
use crate::error::{self, Result};
use crate::pipeline::{Servers, Step, StepKind};
use crate::transfer::args::{Existing, ImportArgs};

/// Beginning of the properties that set keys of the step.
const STEP_KEYS: &str = "sakia.step.";

/// What an argument vector asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// The work.
    pub work: Work,
    /// What the user should hear first: options that do nothing, dangers.
    pub notes: Vec<String>,
    /// Whether `--verbose` was typed.
    pub verbose: bool,
    /// Whether the work is to be explained only.
    pub explain: bool,
}

impl Request {
    fn new(work: Work, notes: Vec<String>, verbose: bool) -> Self {
        Self { work, notes, verbose, explain: false }
    }
}

/// The work.
#[derive(Debug)]
pub(crate) enum Work {
    /// A step of a pipeline.
    Step(Box<Step>, Box<Servers>, Password),
    /// A statement, and where it runs.
    Eval(Source, String),
    /// The databases of a server.
    ListDatabases(Source),
    /// The tables of a database.
    ListTables(Source),
    /// Saved jobs.
    Job(jobs::Ask),
    /// The help, of one tool or of all.
    Help(Option<Tool>),
    /// The version.
    Version,
}

/// Reads an argument vector whose options files are expanded; its first argument names the tool.
///
/// # Errors
/// Usage: what Sqoop refuses, and what we do. Config: files of options or properties that cannot be read.
pub(super) fn translate(args: &[String]) -> Result<Request> {
    let mut notes = Vec::new();
    let Some((name, args)) = args.split_first() else {
        return Ok(Request::new(Work::Help(None), notes, false));
    };
    let tool = match name.as_str() {
        "--help" | "-help" | "-h" => Tool::Help,
        "--version" => Tool::Version,
        name => Tool::of_name(name)?,
    };
    if tool == Tool::Help || tool == Tool::Version {
        let of = args.first().filter(|_| tool == Tool::Help).map(|name| Tool::of_name(name)).transpose()?;
        let work = if tool == Tool::Help { Work::Help(of) } else { Work::Version };
        return Ok(Request::new(work, notes, false));
    }
    let (properties, rest) = Properties::take(args, &mut notes)?;
    let given = parse(tool, rest, &mut notes)?;
    let verbose = given.has("verbose");
    if given.has("help") {
        return Ok(Request::new(Work::Help(Some(tool)), notes, verbose));
    }
    let properties = properties.with_hive_site()?;
    let work = work(&given, &properties, &mut notes)?;
    if !given.rest.is_empty() && tool != Tool::Job {
        let child = given.rest.join(" ");
        notes.push(format!("what stands after -- does nothing here: {child} was for a child program"));
    }
    given.all_asked()?;
    if tool != Tool::Job {
        properties.note_idle(&mut notes);
    }
    Ok(Request::new(work, notes, verbose))
}

fn work(given: &Given, properties: &Properties, notes: &mut Vec<String>) -> Result<Work> {
    match given.tool {
        Tool::Import => {
            let mut servers = servers::cluster(given, properties);
            let hdfs = servers.hdfs.get_or_insert_default();
            let args = overlaid(import::import(given, properties, hdfs, notes)?, properties)?;
            let name = args.table.clone().unwrap_or_else(|| "query".to_owned());
            let hive = args.hive_table.is_some() || args.hive_database.is_some();
            if args.hbase.table.is_some() {
                servers.hbase = Some(servers::hbase(properties)?);
            }
            with_hive(given, properties, &mut servers, hive)?;
            step(given, properties, servers, (name, StepKind::Import(Box::new(args))), notes)
        }
        Tool::ImportAllTables => {
            let mut servers = servers::cluster(given, properties);
            let hdfs = servers.hdfs.get_or_insert_default();
            let args = overlaid(import::import_all(given, properties, hdfs, notes)?, properties)?;
            let hive = args.each.hive_database.is_some();
            with_hive(given, properties, &mut servers, hive)?;
            step(given, properties, servers, ("all-tables".to_owned(), StepKind::ImportAll(Box::new(args))), notes)
        }
        Tool::Export => {
            let mut servers = servers::cluster(given, properties);
            let hdfs = servers.hdfs.get_or_insert_default();
            let args = overlaid(export::export(given, properties, hdfs, notes)?, properties)?;
            let name = args.table.clone().or_else(|| args.call.clone()).unwrap_or_default();
            let hive = args.hive_table.is_some();
            with_hive(given, properties, &mut servers, hive)?;
            step(given, properties, servers, (name, StepKind::Export(Box::new(args))), notes)
        }
        Tool::Merge => {
            let mut hdfs = servers::hdfs(properties);
            let args = overlaid(export::merge(given, properties, &mut hdfs, notes)?, properties)?;
            let step = Step { name: "merge".to_owned(), kind: StepKind::Merge(Box::new(args)) };
            let servers = Servers { hdfs: Some(hdfs), ..servers::cluster(given, properties) };
            Ok(Work::Step(Box::new(step), Box::new(servers), Password::None))
        }
        Tool::CreateHiveTable => create_hive_table(given, properties, notes),
        Tool::Eval => {
            let source = servers::source(given, properties, notes)?;
            let sql = given.owned("query").ok_or_else(|| {
                error::usage("--query is required for eval.").hint("give the statement with --query or -e")
            })?;
            Ok(Work::Eval(source, sql))
        }
        Tool::ListDatabases => servers::source(given, properties, notes).map(Work::ListDatabases),
        Tool::ListTables => servers::source(given, properties, notes).map(Work::ListTables),
        Tool::Job => {
            let ask = jobs::ask(given, properties)?;
            if let jobs::Ask::Create(_, job) = &ask {
                check_job(job)?;
            }
            Ok(Work::Job(ask))
        }
        Tool::Help => Ok(Work::Help(None)),
        Tool::Version => Ok(Work::Version),
    }
}

/// The job of one of Sqoop's tools and its arguments, checked as if it ran now.
///
/// # Errors
/// Usage: the arguments are refused.
pub(crate) fn save_job(arguments: &[String]) -> Result<Job> {
    let job = jobs::of_arguments(arguments, BTreeMap::new())?;
    check_job(&job).map(|()| job)
}

fn check_job(job: &Job) -> Result<()> {
    translate(&jobs::vector(job, &[], &BTreeMap::new())?).map(drop)
}

/// Adds the database, with which the step is whole.
fn step(
    given: &Given,
    properties: &Properties,
    mut servers: Servers,
    (name, kind): (String, StepKind),
    notes: &mut Vec<String>,
) -> Result<Work> {
    let (mysql, password) = servers::mysql(given, properties, notes)?;
    servers.mysql = Some(mysql);
    Ok(Work::Step(Box::new(Step { name, kind }), Box::new(servers), password))
}

/// Adds the metastore, and HiveServer2 if somebody says where it is.
fn with_hive(given: &Given, properties: &Properties, servers: &mut Servers, wanted: bool) -> Result<()> {
    let hiveserver2 = servers::hiveserver2(given, properties);
    if wanted {
        servers.metastore = Some(servers::metastore(properties)?);
        servers.hiveserver2 = hiveserver2;
    }
    Ok(())
}

/// A table without rows: an import that finds none.
fn create_hive_table(given: &Given, properties: &Properties, notes: &mut Vec<String>) -> Result<Work> {
    let table = given.owned("table").ok_or_else(|| {
        error::usage("--table is required for table definition importing.").hint("name the table of the database")
    })?;
    let mut servers = servers::cluster(given, properties);
    with_hive(given, properties, &mut servers, true)?;
    if given.has("hive-overwrite") {
        notes.push("--hive-overwrite does nothing here: no rows are imported".to_owned());
    }
    if let Some(key) = given.text("hive-partition-key") {
        return Err(error::usage(format!("a table without rows gets no partition {key}"))
            .hint("the import that fills the partition makes the table with it"));
    }
    let typed = text::delimiters(given, notes)?;
    let hive = text::hive();
    let args = ImportArgs {
        condition: Some("1 = 0".to_owned()),
        hive_table: Some(given.owned("hive-table").unwrap_or_else(|| table.clone())),
        hive_database: Some(given.owned("hive-database").unwrap_or_else(|| "default".to_owned())),
        create_hive_table: given.has("create-hive-table"),
        hive_adopt: !given.has("create-hive-table"),
        map_column_hive: given.text("map-column-hive").map(str::parse).transpose()?,
        table: Some(table.clone()),
        num_mappers: 1,
        text: if typed == Default::default() { hive } else { typed },
        existing: Existing::Append,
        ..import::as_sqoop()
    };
    step(given, properties, servers, (table, StepKind::Import(Box::new(overlaid(args, properties)?))), notes)
}

/// Sets the keys of the step that properties name: `-D sakia.step.consistency=gtid`.
fn overlaid<T>(args: T, properties: &Properties) -> Result<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq,
{
    let keys = properties.below(STEP_KEYS);
    if keys.is_empty() {
        return Ok(args);
    }
    let mut table = config::to_table(&args)?;
    for (key, value) in keys {
        let value = value.parse::<toml::Value>().unwrap_or_else(|_| value.into());
        set(&mut table, key, value)?;
    }
    config::from_table(table, "-D sakia.step")
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    let Some((outer, inner)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return Ok(());
    };
    match table.entry(outer).or_insert_with(|| toml::Value::Table(toml::Table::new())) {
        toml::Value::Table(table) => set(table, inner, value),
        _ => Err(error::usage(format!("{STEP_KEYS}{key}: {outer} holds no keys")).hint("leave out what follows it")),
    }
}
