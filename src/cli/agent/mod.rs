//! Runs, checks and tests agents by their own files or by Flume's, and makes the one of the other.

mod compact;
mod replay;
mod tap;
mod trial;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::args::{AgentAct, AgentCommand, AgentSource, FlumeArgs};
use super::output::{Output, Report, pretty, print};
use super::steps;
use crate::agent::RunArgs;
use crate::agent::flume::{self, FlumeFiles, Imported, Surroundings};
use crate::config;
use crate::error::{self, Error, Result};
use crate::pipeline::{AgentOrigin, AgentPipeline, AgentText};
use crate::secret;
use crate::shutdown::Stop;

/// How often a file that is watched is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Runs a command of agents.
///
/// # Errors
/// Those of the file, of the servers and of the agent.
pub(super) async fn run(command: AgentCommand, report: &mut Report, stop: &Stop) -> Result<()> {
    match command.act {
        None => steps::run(command.step, report, stop).await,
        Some(AgentAct::Run(args)) => {
            let from = Origin::new(args.source)?;
            let read = from.read().map_err(|wrong| config::first_of(wrong, &from.check()))?;
            let watch = args.watch.then_some(LOOK);
            let how =
                RunArgs { drain: args.drain, metrics_port: args.metrics_port, metrics_bind: args.metrics_bind, watch };
            run_agent(read, from, &how, report, stop).await
        }
        Some(AgentAct::Check(args)) => {
            let from = Origin::new(args.source)?;
            let name = from.name();
            match from.read() {
                Ok((_, notes)) => {
                    notes.iter().for_each(|note| tracing::warn!("{note}"));
                    print(&match args.output {
                        Output::Table => format!("{}: nothing is wrong", name.display()),
                        Output::Json if notes.is_empty() => pretty(&json!({ "file": name })),
                        Output::Json => pretty(&json!({ "file": name, "notes": notes })),
                    })
                }
                Err(mistakes) => Err(steps::of_all(mistakes, &name, "sakia agent run", report)),
            }
        }
        Some(AgentAct::Test(args)) => trial::run(&args, report),
        Some(AgentAct::Tap(args)) => tap::run(&args, stop).await,
        Some(AgentAct::Replay(args)) => replay::run(args, report, stop).await,
        Some(AgentAct::Compact(args)) => compact::run(args, report, stop).await,
        Some(AgentAct::Convert(args)) => {
            let name = args.files.first().cloned().unwrap_or_default();
            let (files, around) = flume_files(args.files, args.flume)?;
            match flume::import(&files, &around).and_then(|imported| checked(&files, imported)) {
                Ok(imported) => print(&secret::masked(imported.text.trim_end())),
                Err(mistakes) => Err(steps::of_all(mistakes, &name, "sakia agent run", report)),
            }
        }
    }
}

/// Runs an agent that was read.
pub(super) async fn run_agent(
    (agent, notes): (AgentPipeline, Vec<String>),
    from: Origin,
    how: &RunArgs,
    report: &mut Report,
    stop: &Stop,
) -> Result<()> {
    notes.iter().for_each(|note| tracing::warn!("{note}"));
    report.summary.run_id = Uuid::now_v7().to_string();
    let files = from.files().to_vec();
    let origin = AgentOrigin { files, read: Box::new(move || from.text().map(|(text, _)| text)) };
    agent.run(origin, how, &mut report.summary, stop).await
}

/// Where an agent's configuration is.
pub(super) enum Origin {
    /// In its own file.
    Own(PathBuf),
    /// In Flume's files.
    Flume(FlumeFiles, Surroundings),
}

/// An agent and what is another way than in Flume, or all that is wrong with it.
pub(super) type Read = Result<(AgentPipeline, Vec<String>), Vec<Error>>;

impl Origin {
    fn new(source: AgentSource) -> Result<Self> {
        match source.file {
            Some(file) => Ok(Self::Own(file)),
            None => flume_files(source.flume_conf, source.flume).map(|(files, around)| Self::Flume(files, around)),
        }
    }

    fn files(&self) -> &[PathBuf] {
        match self {
            Self::Own(file) => std::slice::from_ref(file),
            Self::Flume(files, _) => &files.files,
        }
    }

    /// What the configuration is called.
    fn name(&self) -> PathBuf {
        self.files().first().cloned().unwrap_or_default()
    }

    /// The command that says all that is wrong with it.
    fn check(&self) -> String {
        match self {
            Self::Own(file) => format!("sakia agent check {}", file.display()),
            Self::Flume(files, _) => check_of(files),
        }
    }

    /// The agent's own file, and what is another way than in Flume.
    fn text(&self) -> Result<(AgentText, Vec<String>), Vec<Error>> {
        match self {
            Self::Own(file) => AgentPipeline::text_of(file).map(|text| (text, Vec::new())).map_err(|e| vec![e]),
            Self::Flume(files, around) => {
                let Imported { text, notes } = flume::import(files, around)?;
                Ok((text_of(files, text), notes))
            }
        }
    }

    /// Reads the agent.
    pub(super) fn read(&self) -> Read {
        let (text, notes) = self.text()?;
        AgentPipeline::check_text(text).map(|agent| (agent, notes))
    }
}

/// What was imported of Flume's files, if it is an agent.
pub(super) fn checked(files: &FlumeFiles, imported: Imported) -> Result<Imported, Vec<Error>> {
    AgentPipeline::check_text(text_of(files, imported.text.clone()))?;
    Ok(imported)
}

fn text_of(files: &FlumeFiles, text: String) -> AgentText {
    let origin = files.files.first().map(|file| file.display().to_string()).unwrap_or_default();
    AgentText { text, origin: format!("{origin}, converted"), check: check_of(files), base: PathBuf::new() }
}

/// The command that says all that is wrong with an agent in Flume's files.
fn check_of(files: &FlumeFiles) -> String {
    let FlumeFiles { files, agent, lenient, config_dir } = files;
    let files = files.iter().map(|file| format!(" --flume-conf {}", file.display()));
    let dir = config_dir.iter().map(|dir| format!(" --flume-conf-dir {}", dir.display()));
    let lenient = lenient.then(|| " --flume-lenient".to_owned());
    let flags: String = files.chain(dir).chain(lenient).collect();
    format!("sakia agent check{flags} --name {agent}")
}

fn flume_files(files: Vec<PathBuf>, args: FlumeArgs) -> Result<(FlumeFiles, Surroundings)> {
    let FlumeArgs { name, flume_lenient: lenient, flume_conf_dir: config_dir, properties } = args;
    let agent = name.ok_or_else(|| {
        error::usage("the agent in Flume's files is not named").hint("name it: --name a1, for keys such as a1.sources")
    })?;
    let system: BTreeMap<String, String> = properties.iter().map(|typed| property(typed)).collect();
    Ok((FlumeFiles { files, agent, lenient, config_dir }, Surroundings::of_process(system)))
}

/// A property as `-D` has it; one without a value is empty, as for Java.
pub(super) fn property(typed: &str) -> (String, String) {
    let (key, value) = typed.split_once('=').unwrap_or((typed, ""));
    (key.to_owned(), value.to_owned())
}
