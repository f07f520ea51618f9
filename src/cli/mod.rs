//! The command line: arguments as typed, and what each command does with them.
//!
//! stdout carries the summary or the asked-for rows and nothing else; the log and errors go to stderr. Exit codes are
//! those of [`crate::error::Error::exit_code`].

mod args;
mod commands;
mod job;
mod keys;
mod sql;
mod sqoop;
mod transfer;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::error::{self, Error, Result};
use crate::shutdown::Stop;
use crate::telemetry::{log, progress};

pub use args::Cli;

/// Runs the process: parses the command line, does the work, reports, and gives the exit code.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(args) = sqoop::arguments(&args) {
        return sqoop::main(args);
    }
    let cli = Cli::parse();
    log::init(cli.verbose);
    progress::init();
    let run = block_on(async {
        let stop = Stop::on_signals()?;
        commands::run(cli.command, &stop).await
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs the work of the process.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| error::bug("cannot start the runtime").source(e))?;
    runtime.block_on(work)
}

/// One line on stderr: what, and what to do about it.
fn report(error: &Error) {
    let line = match error.remedy() {
        Some(hint) => format!("sakia: error: {error}; {hint}\n"),
        None => format!("sakia: error: {error}\n"),
    };
    // Nobody is left to tell when stderr is gone.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Prints to stdout; a reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error::refused("cannot write to standard output").source(e))
        }
        _ => Ok(()),
    }
}
