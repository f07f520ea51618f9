//! The front door for Sqoop's users: `sakia sqoop TOOL ARGUMENTS`, or the binary called `sqoop`, takes the argument
//! vector of Sqoop 1.4.7 and does the same with sakia's means.
//!
//! Options that have no meaning here are noted or refused, never passed over. `--explain` anywhere prints the pipeline
//! file that does the same. Whatever fails ends with exit code 1, as Sqoop's scripts know it; signals keep theirs.

mod catalogue;
mod checks;
mod export;
mod given;
mod help;
mod hive;
mod import;
mod jobs;
mod options_file;
mod parse;
mod paths;
mod properties;
mod run;
mod servers;
#[cfg(test)]
mod tests;
mod text;
mod tool;
mod translate;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use super::report;
use crate::error::{self, Error, Kind, Result};
use crate::shutdown::Stop;
use crate::telemetry::{log, progress};

pub use jobs::{save as save_job, show as show_job, vector as job_vector};
pub use run::run_saved;

/// Prints what would be run, and runs nothing.
const EXPLAIN: &str = "--explain";

/// The arguments after `sqoop`, where the front door is asked for: as the first argument, or as the program's name.
pub fn arguments(args: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = args.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "sqoop") {
        return Some(rest);
    }
    rest.split_first().filter(|(first, _)| *first == "sqoop").map(|(_, rest)| rest)
}

/// Runs the front door: reads the arguments, does the work, reports, and gives the exit code.
pub fn main(args: &[OsString]) -> ExitCode {
    match run_all(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing was logged yet where the arguments were wrong.
            log::init(0);
            report(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Sqoop knows 1 and nothing else; what a signal ends says so.
fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        Kind::Stopped(_) => error.exit_code(),
        _ => 1,
    }
}

fn run_all(args: &[OsString]) -> Result<()> {
    let text = |arg: &OsString| {
        let not_text = || error::usage("an argument is not UTF-8").hint("write it in UTF-8");
        arg.to_str().map(str::to_owned).ok_or_else(not_text)
    };
    let mut args = args.iter().map(text).collect::<Result<Vec<_>>>()?;
    let typed = args.len();
    args.retain(|arg| arg != EXPLAIN);
    let explain = args.len() < typed;
    let request = translate::translate(&options_file::expand(&args)?)?;
    log::init(u8::from(request.verbose));
    progress::init();
    if explain {
        return run::explain(request);
    }
    super::block_on(async {
        let stop = Stop::on_signals()?;
        run::run(request, &stop).await
    })
}
