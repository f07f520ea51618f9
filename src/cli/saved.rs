//! Runs saved jobs, for `sakia job` and for Sqoop's `job` tool: a command or one of Sqoop's tools with its arguments, by
//! name, one run at a time.
//!
//! After a run that ended well the file mirrors where an incremental import got to. The truth is the checkpoint that
//! moved with the data; a mirror that a crash left behind is put right by the next run.

use std::collections::BTreeMap;

use clap::FromArgMatches;

use super::args::{self, Cli, JobAct, JobCommand};
use super::commands;
use super::job::{self, Front, Job, JobStore, State};
use super::output::{Report, print};
use super::sqoop::{self, Ask, Request, Work};
use crate::error::{self, Kind, Result};
use crate::secret;
use crate::shutdown::Stop;

/// Commands that can be saved.
const SAVED: [&str; 10] =
    ["run", "import", "import-all", "export", "merge", "verify", "agent", "scd2", "lookup", "eval"];

/// Does what `sakia job` asks for.
///
/// # Errors
/// Those of the store, and of the job that is run.
pub(super) async fn run(command: JobCommand, report: &mut Report, stop: &Stop) -> Result<()> {
    let store = JobStore::of_environment()?;
    match command.act {
        JobAct::Create { name, command } => create(&store, &name, &saved(&command)?),
        JobAct::List => {
            let names = store.names()?;
            if names.is_empty() { Ok(()) } else { print(&names.join("\n")) }
        }
        JobAct::Show { name } => print(&sqoop::show_job(&name, &store.read(&name)?)?),
        JobAct::Exec { name, overrides } => exec(&store, &name, &overrides, &BTreeMap::new(), report, stop).await,
        JobAct::Delete { name } => store.delete(&name),
    }
}

/// Does what Sqoop's arguments ask for, saved jobs included.
///
/// # Errors
/// Those of the store, and of the work.
pub(super) async fn run_sqoop(request: Request, stop: &Stop) -> Result<()> {
    let Request { work: Work::Job(_), explain: false, .. } = &request else {
        return sqoop::run(request, stop).await.map(drop);
    };
    let Work::Job(ask) = request.work else { return Ok(()) };
    let store = JobStore::of_environment()?;
    match ask {
        Ask::List => print(&sqoop::list_jobs(&store.names()?)),
        Ask::Show(name) => print(&sqoop::show_job(&name, &store.read(&name)?)?),
        Ask::Delete(name) => store.delete(&name),
        Ask::Create(name, saved) => create(&store, &name, &saved),
        Ask::Exec(name, overrides, properties) => {
            // What a step of Sqoop's has to say it says itself.
            exec(&store, &name, &overrides, &properties, &mut Report::default(), stop).await
        }
    }
}

fn create(store: &JobStore, name: &str, job: &Job) -> Result<()> {
    if job.asks_for_password {
        tracing::warn!("the password is not saved: job {name} will ask for it; --password-file spares that");
    }
    store.create(name, job)
}

/// The job of one of our own commands, or of one of Sqoop's tools.
fn saved(command: &[String]) -> Result<Job> {
    let Some((tool, arguments)) = command.split_first() else {
        return Err(error::usage("a job needs a command").hint("write sakia job create NAME -- import ..."));
    };
    if tool == "sqoop" {
        return sqoop::save_job(arguments);
    }
    if !SAVED.contains(&tool.as_str()) {
        return Err(error::usage(format!("`{tool}` cannot be saved as a job"))
            .hint(format!("save one of {} or sqoop", SAVED.join(", "))));
    }
    if arguments.iter().any(|argument| secret::is_in_url(argument)) {
        return Err(error::usage("the url holds a password, which is not saved")
            .hint("take it out of the url and give --password-file or --password-env"));
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
    let (words, _) = args::renamed(words.chain(overrides.to_vec()).map(Into::into).collect());
    let typed = args::command().try_get_matches_from(words).and_then(|typed| Cli::from_arg_matches(&typed));
    typed.map_err(|e| {
        let text = e.to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        error::usage(line).hint(format!("see sakia {} --help", job.tool))
    })
}

/// Runs a job under its lease, and mirrors where it got to.
///
/// # Errors
/// NotFound: no such job. Busy: it is being run. Those of its work.
async fn exec(
    store: &JobStore,
    name: &str,
    overrides: &[String],
    properties: &BTreeMap<String, String>,
    report: &mut Report,
    stop: &Stop,
) -> Result<()> {
    store.read(name)?;
    let lease = job::lease(store, name).await?;
    let done = exec_leased(store, name, overrides, properties, report, stop).await;
    // The work is done; a lease that cannot be removed is dead when this process has ended.
    if let Err(error) = lease.release().await {
        tracing::warn!(%error, "cannot give back the lease of job {name}");
    }
    done
}

async fn exec_leased(
    store: &JobStore,
    name: &str,
    overrides: &[String],
    properties: &BTreeMap<String, String>,
    report: &mut Report,
    stop: &Stop,
) -> Result<()> {
    // Read under the lease: the run before this one may have moved the state.
    let job = store.read(name)?;
    if job.arguments.iter().any(|argument| argument == "--incremental") {
        let state = State { unfinished: true, ..job.state.clone() };
        store.replace(name, &Job { state, ..job.clone() })?;
    }
    let (run_id, last_value) = match job.arguments_of {
        Front::Sqoop => {
            let Some(summary) = sqoop::run_saved(&sqoop::job_vector(&job, overrides, properties)?, stop).await? else {
                return Ok(());
            };
            (summary.run_id.clone(), summary.last_value())
        }
        Front::Sakia => {
            let command = parsed(&job, overrides)?.command;
            report.output = command.output();
            commands::run(command, report, stop).await?;
            (report.summary.run_id.clone(), report.summary.last_value())
        }
    };
    if run_id.is_empty() {
        return Ok(());
    }
    let state =
        State { last_value: last_value.or(job.state.last_value.clone()), run_id: Some(run_id), unfinished: false };
    match store.replace(name, &Job { state, ..job }) {
        // The work is done and its checkpoint is beside the data; a job deleted meanwhile needs no mirror.
        Err(e) if e.kind() == Kind::NotFound => Ok(()),
        done => done,
    }
}
