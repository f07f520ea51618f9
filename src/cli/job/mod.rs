//! Saved jobs: a command or one of Sqoop's tools with its arguments, run by name, one run at a time.
//!
//! After a run that ended well the file mirrors where an incremental import got to. The truth is the checkpoint that
//! moved with the data; a mirror that a crash left behind is put right by the next run.

mod lock;
mod store;

use std::collections::BTreeMap;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

use self::lock::JobLock;
pub use self::store::{Front, Job, JobStore, State};
use super::args::Cli;
use super::{commands, print, sqoop};
use crate::error::{self, Result};
use crate::shutdown::Stop;

/// Options of `job`.
#[derive(Debug, Args)]
pub struct JobCommand {
    /// What to do.
    #[command(subcommand)]
    pub act: JobAct,
}

/// What to do with saved jobs.
#[derive(Debug, Subcommand)]
pub enum JobAct {
    /// Save a command: sakia job create NAME -- import --connect ...
    Create {
        /// Name of the job
        name: String,
        /// The command and its arguments; sqoop TOOL for Sqoop's
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// List the saved jobs
    List,
    /// Show what a job does and where it got to
    Show {
        /// Name of the job
        name: String,
    },
    /// Run a job; arguments after -- take the place of the saved ones for this run
    Exec {
        /// Name of the job
        name: String,
        /// Arguments on top of the saved ones
        #[arg(last = true, value_name = "ARGUMENTS")]
        overrides: Vec<String>,
    },
    /// Delete a job
    Delete {
        /// Name of the job
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// Those of the store, and of the job that is run.
pub async fn run(command: JobCommand, stop: &Stop) -> Result<()> {
    let store = JobStore::of_environment()?;
    match command.act {
        JobAct::Create { name, command } => store.create(&name, &saved(&command)?),
        JobAct::List => {
            let names = store.names()?;
            if names.is_empty() { Ok(()) } else { print(&names.join("\n")) }
        }
        JobAct::Show { name } => print(&sqoop::show_job(&name, &store.read(&name)?)?),
        JobAct::Exec { name, overrides } => exec(&store, &name, &overrides, &BTreeMap::new(), stop).await,
        JobAct::Delete { name } => store.delete(&name),
    }
}

/// The job of one of our own commands, or of one of Sqoop's tools.
fn saved(command: &[String]) -> Result<Job> {
    let Some((tool, arguments)) = command.split_first() else {
        return Err(error::usage("a job needs a command").hint("write sakia job create NAME -- import ..."));
    };
    if tool == "sqoop" {
        return sqoop::save_job(arguments);
    }
    if !["run", "import", "import-all", "export", "merge", "verify", "eval"].contains(&tool.as_str()) {
        return Err(error::usage(format!("`{tool}` cannot be saved as a job"))
            .hint("save run, import, import-all, export, merge, verify, eval or sqoop"));
    }
    let job = Job {
        arguments_of: Front::Sakia,
        tool: tool.clone(),
        arguments: arguments.to_vec(),
        asks_for_password: false,
        properties: BTreeMap::new(),
        state: State::default(),
    };
    parsed(&job, &[])?;
    Ok(job)
}

/// One of our own commands, as clap reads it.
fn parsed(job: &Job, overrides: &[String]) -> Result<Cli> {
    let words = ["sakia", &job.tool].map(str::to_owned).into_iter().chain(job.arguments.clone());
    Cli::try_parse_from(words.chain(overrides.to_vec())).map_err(|e| {
        let text = e.to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        error::usage(line).hint(format!("see sakia {} --help", job.tool))
    })
}

/// Runs a job under its lock, and mirrors where it got to.
///
/// # Errors
/// NotFound: no such job. Busy: it is being run. Those of its work.
pub async fn exec(
    store: &JobStore,
    name: &str,
    overrides: &[String],
    properties: &BTreeMap<String, String>,
    stop: &Stop,
) -> Result<()> {
    store.read(name)?;
    let _lock = JobLock::take(store, name, &Uuid::now_v7().to_string())?;
    // Read under the lock: the run before this one may have moved the state.
    let job = store.read(name)?;
    let summary = match job.arguments_of {
        Front::Sqoop => sqoop::run_saved(&sqoop::job_vector(&job, overrides, properties)?, stop).await?,
        Front::Sakia => Box::pin(commands::run_for_summary(parsed(&job, overrides)?.command, stop)).await?,
    };
    let Some(summary) = summary else { return Ok(()) };
    let last_value = summary.steps.iter().find_map(|step| step.last_value.clone());
    let state = State { last_value: last_value.or(job.state.last_value.clone()), run_id: Some(summary.run_id) };
    match store.replace(name, &Job { state, ..job }) {
        // The work is done and its checkpoint is beside the data; a job deleted meanwhile needs no mirror.
        Err(e) if e.kind() == error::Kind::NotFound => Ok(()),
        done => done,
    }
}
