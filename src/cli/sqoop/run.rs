//! Does what an argument vector asks for, or explains it.

use std::path::{Path, PathBuf};

use super::servers::{Password, Source};
use super::translate::{Request, Work, translate};
use super::{help, jobs};
use crate::cli::job::JobStore;
use crate::cli::output::{Report, print};
use crate::cli::sql::{self, Answer};
use crate::cli::steps;
use crate::error::{self, Result};
use crate::mysql::{MySqlClient, MySqlOptions};
use crate::pipeline::{self, Pipeline, Servers, Step, StepKind};
use crate::secret::Secret;
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;

/// What stands in an explanation for a file that the user has to make.
const PASSWORD_FILE: &str = "/path/to/password-file";

/// Does the work, or explains it; gives the summary of a step.
///
/// # Errors
/// Those of the work.
pub(crate) async fn run(request: Request, stop: &Stop) -> Result<Option<Summary>> {
    if request.explain {
        return explain(request).map(|()| None);
    }
    for note in &request.notes {
        tracing::warn!("{note}");
    }
    match request.work {
        Work::Step(step, servers, password) => run_step(*step, *servers, password, stop).await.map(Some),
        other => run_other(other, stop).await.map(|()| None),
    }
}

/// Work that is not a step.
async fn run_other(work: Work, stop: &Stop) -> Result<()> {
    match work {
        Work::Eval(source, sql) => {
            let client = client(source, MySqlClient::of_server, stop).await?;
            match stop.or(sql::eval(&client, &sql)).await? {
                // Sqoop says it in its log.
                changed @ Answer::Changed(_) => {
                    tracing::info!("{}", changed.to_table());
                    Ok(())
                }
                rows => print(&rows.to_table()),
            }
        }
        Work::ListDatabases(source) => {
            let client = client(source, MySqlClient::of_server, stop).await?;
            print_lines(&stop.or(sql::databases(&client)).await?)
        }
        Work::ListTables(source) => {
            let client = client(source, MySqlClient::new, stop).await?;
            print_lines(&stop.or(sql::tables(&client)).await?)
        }
        Work::Help(None) => print(&help::overview()),
        Work::Help(Some(tool)) => print(&help::of_tool(tool)),
        Work::Version => print(&version()),
        Work::Step(..) | Work::Job(_) => Err(error::bug("work went past the one that does it")),
    }
}

/// Prints the pipeline file that does the same, with the notes in front of it.
///
/// # Errors
/// Usage: work that no pipeline does.
fn explain(request: Request) -> Result<()> {
    let mut text = String::new();
    let comment = |text: &mut String, note: &str| text.push_str(&format!("# {}\n", note.replace('\n', " ")));
    for note in &request.notes {
        comment(&mut text, note);
    }
    let (step, mut servers, password) = match request.work {
        Work::Step(step, servers, password) => (*step, *servers, password),
        Work::Eval(..) => {
            return print("# sakia eval --connect URL --query SQL, with the same connect string and statement");
        }
        Work::ListDatabases(..) => return print("# sakia list databases --connect URL, with the same connect string"),
        Work::ListTables(..) => return print("# sakia list tables --connect URL, with the same connect string"),
        Work::Job(jobs::Ask::Exec(name, overrides, properties)) => {
            let saved = JobStore::of_environment()?.read(&name)?;
            return explain(translate(&jobs::vector(&saved, &overrides, &properties)?)?);
        }
        Work::Job(jobs::Ask::Create(_, saved)) => {
            return explain(translate(&jobs::vector(&saved, &[], &Default::default())?)?);
        }
        Work::Job(_) => return print("# sakia job list | show NAME | delete NAME"),
        Work::Help(_) | Work::Version => {
            return Err(error::usage("there is nothing to explain").hint("name a tool and its options"));
        }
    };
    if matches!(password, Password::Typed(_) | Password::Prompt) {
        comment(
            &mut text,
            &format!("put the password into a file that only you can read, in place of {PASSWORD_FILE}"),
        );
        if let Some(mysql) = &mut servers.mysql {
            mysql.password_file = Some(PathBuf::from(PASSWORD_FILE));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&Pipeline::of_step(servers, step)?.to_toml()?);
    print(text.trim_end())
}

/// Runs a step and prints the summary; gives it back for a saved job.
async fn run_step(step: Step, mut servers: Servers, password: Password, stop: &Stop) -> Result<Summary> {
    if let Some(mysql) = &mut servers.mysql {
        mysql.password = secret(&password)?;
    }
    let incremental = match &step.kind {
        StepKind::Import(args) => args.incremental.clone(),
        _ => Default::default(),
    };
    let pipeline = Pipeline::of_step(servers, step)?;
    let mut report = Report::default();
    let done = steps::run_pipeline(&pipeline, &mut report, stop).await;
    if done.is_ok() || !report.summary.steps.is_empty() {
        print(&report.summary.to_table())?;
    }
    done?;
    let summary = report.summary;
    if let (Some(mode), Some(last_value)) = (incremental.mode, summary.last_value()) {
        // As Sqoop says it; scripts look for these lines.
        if mode == crate::transfer::args::IncrementalMode::Append && summary.steps.iter().all(|s| s.rows_in == 0) {
            tracing::info!("No new rows detected since last import.");
            return Ok(summary);
        }
        let mode = if mode == crate::transfer::args::IncrementalMode::Append { "append" } else { "lastmodified" };
        tracing::info!(
            "Incremental import complete! To run another incremental import of all data following this import, supply the following arguments:"
        );
        tracing::info!(" --incremental {mode}");
        tracing::info!("  --check-column {}", incremental.check_column.unwrap_or_default());
        tracing::info!("  --last-value {last_value}");
    }
    Ok(summary)
}

/// Runs the arguments of a saved job; gives the summary of its step, if it is one.
///
/// # Errors
/// Those of the arguments and of the work.
pub(crate) async fn run_saved(args: &[String], stop: &Stop) -> Result<Option<Summary>> {
    let request = translate(args)?;
    match request.work {
        Work::Job(_) => Err(error::usage("a saved job cannot be another saved job").hint("save the work itself")),
        _ => run(request, stop).await,
    }
}

async fn client(
    source: Source,
    make: fn(&MySqlOptions, &Path) -> Result<MySqlClient>,
    stop: &Stop,
) -> Result<MySqlClient> {
    let mut mysql = source.mysql;
    mysql.password = secret(&source.password)?;
    make(&stop.or(pipeline::read_password(mysql, &source.servers)).await?, Path::new(""))
}

/// The password itself, asked for where it has to be.
fn secret(password: &Password) -> Result<Option<Secret>> {
    match password {
        Password::Typed(secret) => Ok(Some(secret.clone())),
        Password::Prompt => {
            rpassword::prompt_password("Enter password: ").map(|text| Some(Secret::new(text))).map_err(|e| {
                error::config("the password cannot be asked for, as there is no terminal")
                    .hint("use --password-file, or set its rights so that only you can read it")
                    .source(e)
            })
        }
        Password::None | Password::File(_) => Ok(None),
    }
}

fn print_lines(lines: &[String]) -> Result<()> {
    if lines.is_empty() { Ok(()) } else { print(&lines.join("\n")) }
}

fn version() -> String {
    format!("Sqoop 1.4.7 arguments, read by sakia {}", env!("CARGO_PKG_VERSION"))
}
