//! What goes to stdout and stderr: rows and summaries or one JSON object to the one, errors to the other.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::error::{self, Error, Result};
use crate::secret::masked;
use crate::telemetry::summary::{Summary, error_to_json};
use crate::telemetry::terminal;

/// How a command prints what it has to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people
    #[default]
    Table,
    /// One JSON object, with the error where it fails; its keys are stable
    Json,
}

/// What a command has to report at its end.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// How it is printed.
    pub output: Output,
    /// The steps that were run; without a run id where none was asked for.
    pub summary: Summary,
    /// What is wrong with a file that was checked.
    pub mistakes: Vec<Error>,
    /// What else the one JSON object holds.
    pub more: Map<String, Value>,
}

impl Report {
    /// An empty report.
    pub(super) fn new(output: Output) -> Self {
        Self { output, ..Self::default() }
    }

    /// Prints what there is to say at the end, and gives the exit code.
    pub(super) fn finish(self, done: Result<()>) -> ExitCode {
        let done = match (self.text(done.as_ref().err()), done) {
            (Some(text), done) => print(&text).and(done),
            (None, done) => done,
        };
        for mistake in &self.mistakes {
            tell(mistake);
        }
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(&error);
                ExitCode::from(error.exit_code())
            }
        }
    }

    /// What goes to stdout. The summary of the steps that ended is printed even when a later one failed.
    fn text(&self, error: Option<&Error>) -> Option<String> {
        let has_run = !self.summary.run_id.is_empty();
        match (self.output, error) {
            (Output::Table, error) => {
                (has_run && (error.is_none() || !self.summary.steps.is_empty())).then(|| self.summary.to_table())
            }
            (Output::Json, error) if has_run => Some(self.summary.to_json(error)),
            (Output::Json, error) => {
                let mut object = self.more.clone();
                if !self.mistakes.is_empty() {
                    object.insert("mistakes".to_owned(), self.mistakes.iter().map(error_to_json).collect());
                }
                if let Some(error) = error {
                    object.insert("error".to_owned(), error_to_json(error));
                }
                (!object.is_empty()).then(|| pretty(&Value::Object(object)))
            }
        }
    }
}

/// JSON on several lines.
pub(super) fn pretty(value: &Value) -> String {
    // A JSON value always serialises.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// One line on stderr: what, and what to do about it.
pub(super) fn tell(error: &Error) {
    let line = match error.remedy() {
        Some(hint) => format!("sakia: error: {error}; {hint}\n"),
        None => format!("sakia: error: {error}\n"),
    };
    // Nobody is left to tell when stderr is gone.
    let _ = std::io::stderr().write_all(terminal::harmless(&masked(&line)).as_bytes());
}

/// Prints to stdout, without anything that a terminal would obey. A reader that went away (`| head`) is not a failure.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out
        .write_all(terminal::harmless(text).as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
    {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error::refused("cannot write to standard output").source(e))
        }
        _ => Ok(()),
    }
}
