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

use crate::error::{self, Result};

pub(super) use self::jobs::{Ask, list as list_jobs, show as show_job, vector as job_vector};
pub(super) use self::run::{run, run_saved};
pub(super) use self::translate::{Request, Work, save_job};

/// Prints what would be run, and runs nothing.
const EXPLAIN: &str = "--explain";

/// The arguments after `sqoop`, where the front door is asked for: as the first argument, or as the program's name.
pub(super) fn arguments(args: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = args.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "sqoop") {
        return Some(rest);
    }
    rest.split_first().filter(|(first, _)| *first == "sqoop").map(|(_, rest)| rest)
}

/// Reads the arguments.
///
/// # Errors
/// Usage: what Sqoop refuses, and what we do. Config: files of options or properties that cannot be read.
pub(super) fn read(args: &[OsString]) -> Result<Request> {
    let text = |arg: &OsString| {
        let not_text = || error::usage("an argument is not UTF-8").hint("write it in UTF-8");
        arg.to_str().map(str::to_owned).ok_or_else(not_text)
    };
    let mut args = args.iter().map(text).collect::<Result<Vec<_>>>()?;
    let typed = args.len();
    args.retain(|arg| arg != EXPLAIN);
    let explain = args.len() < typed;
    let request = translate::translate(&options_file::expand(&args)?)?;
    Ok(Request { explain, ..request })
}
