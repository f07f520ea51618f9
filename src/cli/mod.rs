//! The command line: arguments as typed, and what each command does with them.
//!
//! stdout carries the summary or the asked-for rows and nothing else; the log and errors go to stderr. Exit codes are
//! those of [`EXIT_CODES`](crate::error::EXIT_CODES).
//!
//! | file | what it does |
//! |---|---|
//! | `args` | commands and flags as typed, and their help |
//! | `output` | what goes to stdout and stderr |
//! | `job` | the store of saved jobs, and their lease |
//! | `steps` | runs, plans, explains and checks the steps of a file or of flags |
//! | `commands` | what each command does |
//! | `query` | statements for HiveServer2, with the options of beeline |
//! | `doctor` | prints what an examination of the servers found |
//! | `agent` | runs and checks agents by their own files, or by Flume's |
//! | `scd2` | runs the steps of dimensions, or asks something of them |
//! | `sqoop` | the front door for Sqoop's arguments |
//! | `flume_ng` | the front door for Flume's arguments |
//! | `saved` | runs saved jobs, which may hold commands of both |

mod agent;
mod args;
mod commands;
mod doctor;
mod flume_ng;
mod job;
mod keys;
mod output;
mod pages;
mod query;
mod saved;
mod scd2;
mod sql;
mod sqoop;
mod steps;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;

use self::args::Command;
use self::output::{Report, print, tell};
use crate::error::{self, Kind, Result};
use crate::secret;
use crate::shutdown::Stop;
use crate::telemetry::{log, progress, terminal};

pub use self::args::Cli;

/// Runs the process: parses the command line, does the work, reports, and gives the exit code.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(args) = sqoop::arguments(&args) {
        return sqoop_main(args);
    }
    if let Some(args) = flume_ng::arguments(&args) {
        return flume_main(args);
    }
    let (args, mut notes) = args::renamed(args);
    let (args, more) = query::translated(args);
    notes.extend(more);
    let parsed = args::command().try_get_matches_from(&args).and_then(|typed| Cli::from_arg_matches(&typed));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => return not_understood(&e, &args),
    };
    log::init(cli.verbose);
    progress::init();
    for note in notes {
        tracing::warn!("{note}");
    }
    let mut report = Report::new(cli.command.output());
    let done = block_on(async {
        let stop = Stop::on_signals()?;
        match cli.command {
            Command::Query(command) => query::run(*command, cli.verbose > 0, &stop).await,
            Command::Job(command) => saved::run(command, &mut report, &stop).await,
            command => commands::run(command, &mut report, &stop).await,
        }
    });
    report.finish(done)
}

/// Prints clap's answer, which may be the help; to whoever reads JSON, as an object too.
fn not_understood(e: &clap::Error, args: &[OsString]) -> ExitCode {
    let has_secret = args.iter().any(|arg| secret::is_in_url(&arg.to_string_lossy()));
    if e.exit_code() == 0 || !(wants_json(args) || has_secret) {
        e.exit();
    }
    let text = secret::masked(&e.to_string());
    // Nobody is left to tell when stderr is gone.
    let _ = std::io::stderr().write_all(terminal::harmless(&text).as_bytes());
    if !wants_json(args) {
        return ExitCode::from(2);
    }
    let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let error = error::usage(what).hint("see --help");
    let _ = print(&output::pretty(&serde_json::json!({ "error": crate::telemetry::summary::error_to_json(&error) })));
    ExitCode::from(error.exit_code())
}

fn wants_json(args: &[OsString]) -> bool {
    let typed: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
    typed.contains(&"--output=json") || typed.windows(2).any(|pair| pair == ["--output", "json"])
}

/// The front door for Sqoop's users. Whatever fails ends with exit code 1, as Sqoop's scripts know it; what a signal
/// ends says so.
fn sqoop_main(args: &[OsString]) -> ExitCode {
    let done = sqoop::read(args).and_then(|request| {
        log::init(u8::from(request.verbose));
        progress::init();
        block_on(async {
            let stop = Stop::on_signals()?;
            saved::run_sqoop(request, &stop).await
        })
    });
    ended(done)
}

/// The front door for Flume's users. Whatever fails ends with exit code 1, as flume-ng's does.
fn flume_main(args: &[OsString]) -> ExitCode {
    ended(flume_ng::read(args).and_then(|request| {
        log::init(0);
        progress::init();
        block_on(async {
            let stop = Stop::on_signals()?;
            flume_ng::run(request, &stop).await
        })
    }))
}

/// How a front door ends.
fn ended(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing was logged yet where the arguments were wrong.
            log::init(0);
            tell(&error);
            ExitCode::from(if matches!(error.kind(), Kind::Stopped(_)) { error.exit_code() } else { 1 })
        }
    }
}

/// Runs the work of the process.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| error::bug("cannot start the runtime").source(e))?;
    runtime.block_on(async {
        let done = work.await;
        crate::lease::returned().await;
        done
    })
}
