//! Runs, plans, explains and checks steps: those of a pipeline file, or the one that flags say.

use std::path::Path;

use clap::{Args, Command};
use serde_json::json;
use uuid::Uuid;

use super::args::{CheckCommand, RunArgs, StepArgs, StepCommand};
use super::output::{Output, Report, pretty, print};
use crate::error::{self, Error, Result};
use crate::pipeline::{self, Pipeline};
use crate::secret;
use crate::shutdown::Stop;

/// What is done with a pipeline.
#[derive(Clone, Copy, Debug)]
struct Act {
    dry_run: bool,
    explain: bool,
}

/// Runs the steps of a file.
///
/// # Errors
/// Those of the pipeline and its steps.
pub(super) async fn run_file(args: RunArgs, report: &mut Report, stop: &Stop) -> Result<()> {
    let pipeline = Pipeline::read(&args.pipeline)?.select(&args.steps)?;
    act(&pipeline, Act { dry_run: args.dry_run, explain: args.explain }, report, stop).await
}

/// Runs a command of one type of step.
///
/// # Errors
/// Those of [`pipeline`], of the servers and of the step.
pub(super) async fn run<T: StepArgs>(command: StepCommand<T>, report: &mut Report, stop: &Stop) -> Result<()> {
    let what = Act { dry_run: command.dry_run, explain: command.explain };
    act(&pipeline(command)?, what, report, stop).await
}

/// The pipeline that a command names or says by flags.
///
/// # Errors
/// Usage: a file and flags at once, or neither. Config: what is wrong with the file or the step.
pub(super) fn pipeline<T: StepArgs>(command: StepCommand<T>) -> Result<Pipeline> {
    let StepCommand { pipeline, steps, args, connections, .. } = command;
    let kind = T::TYPE;
    let no_flags =
        untyped::<T>().as_ref() == Some(&args.clone().without_additions()) && untyped().as_ref() == Some(&connections);
    match pipeline {
        Some(file) if no_flags => {
            let mut pipeline = of_type(&file, &steps, kind)?;
            pipeline.steps.iter_mut().for_each(|step| args.add_to(&mut step.kind));
            Ok(pipeline)
        }
        Some(file) => Err(error::usage(format!("{} is given, and flags beside it", file.display()))
            .hint("put the flags into the file, or leave the file out")),
        None if no_flags => Err(error::usage(format!("nothing says what sakia {kind} should do"))
            .hint(format!("name a pipeline file, or give flags: sakia {kind} --help"))),
        None if !steps.is_empty() => Err(error::usage("--step is given without a pipeline file").hint("name the file")),
        None => {
            let step = args.step();
            Pipeline::of_step(connections.servers(&step.kind), step)
        }
    }
}

/// The steps of one type in a file.
fn of_type(file: &Path, steps: &[String], kind: &str) -> Result<Pipeline> {
    let mut pipeline = Pipeline::read(file)?.select(steps)?;
    pipeline.steps.retain(|step| step.kind.as_str() == kind);
    if pipeline.steps.is_empty() {
        let what = format!("{} has no such step of type `{kind}`", file.display());
        return Err(error::usage(what).hint("check --step and the step's type"));
    }
    Ok(pipeline)
}

/// What the flags of a command stand for where none is typed.
pub(super) fn untyped<T: Args>() -> Option<T> {
    let command = T::augment_args(Command::new("sakia"));
    T::from_arg_matches(&command.try_get_matches_from(["sakia"]).ok()?).ok()
}

async fn act(pipeline: &Pipeline, what: Act, report: &mut Report, stop: &Stop) -> Result<()> {
    if what.explain {
        return print(&secret::masked(pipeline.to_toml()?.trim_end()));
    }
    if what.dry_run {
        return print_plans(pipeline, report.output, stop).await;
    }
    run_pipeline(pipeline, report, stop).await
}

/// Runs all steps of a pipeline; the report has those that ended.
///
/// # Errors
/// That of the step that failed.
pub(super) async fn run_pipeline(pipeline: &Pipeline, report: &mut Report, stop: &Stop) -> Result<()> {
    report.summary.run_id = Uuid::now_v7().to_string();
    pipeline::run(pipeline, &mut report.summary, stop).await
}

async fn print_plans(pipeline: &Pipeline, output: Output, stop: &Stop) -> Result<()> {
    let plans = pipeline::plan(pipeline, &Uuid::now_v7().to_string(), stop).await?;
    print(&match output {
        Output::Table => plans.iter().map(|(step, plan)| format!("{step}\n{plan}")).collect::<Vec<_>>().join("\n\n"),
        Output::Json => {
            let steps: Vec<_> = plans.iter().map(|(step, plan)| json!({ "step": step, "plan": plan })).collect();
            pretty(&json!({ "steps": steps }))
        }
    })
}

/// Checks a file: all that is wrong with it is reported.
///
/// # Errors
/// Config: how many mistakes there are.
pub(super) fn check(command: &CheckCommand, report: &mut Report) -> Result<()> {
    let file = command.pipeline.display();
    match Pipeline::check_file(&command.pipeline) {
        Ok(pipeline) => print(&match command.output {
            Output::Table => format!("{file}: nothing is wrong with {}", steps_in_words(&pipeline)),
            Output::Json => {
                let step = |step: &pipeline::Step| json!({ "type": step.kind.as_str(), "name": step.name });
                pretty(
                    &json!({ "file": file.to_string(), "steps": pipeline.steps.iter().map(step).collect::<Vec<_>>() }),
                )
            }
        }),
        Err(mistakes) => Err(of_all(mistakes, &command.pipeline, "sakia run", report)),
    }
}

/// One error for all mistakes of a file; the report lists them where there are several.
pub(super) fn of_all(mut mistakes: Vec<Error>, file: &Path, command: &str, report: &mut Report) -> Error {
    if mistakes.len() == 1 {
        return mistakes.remove(0);
    }
    let what = format!("{}: {} mistakes", file.display(), mistakes.len());
    report.mistakes = mistakes;
    error::config(what).hint(format!("correct them; {command} would stop at the first"))
}

/// `3 steps: 2 import, 1 verify`.
fn steps_in_words(pipeline: &Pipeline) -> String {
    let counts = pipeline.counts();
    let kinds: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let steps = if pipeline.steps.len() == 1 { "step" } else { "steps" };
    format!("{} {steps}: {}", pipeline.steps.len(), kinds.join(", "))
}
