//! `doctor`: prints what an examination of the servers found.

use super::args::DoctorCommand;
use super::output::{Output, Report, print};
use crate::checkup::{Checkup, Outcome};
use crate::error::{self, Result};
use crate::pipeline::{self, AgentPipeline, Pipeline};
use crate::secret;
use crate::shutdown::Stop;

/// Examines the servers and prints one line a question.
///
/// # Errors
/// Config: the file or the site files cannot be read. Refused: something failed, or was warned of where that counts.
pub(super) async fn run(command: DoctorCommand, report: &mut Report, stop: &Stop) -> Result<()> {
    let checkup = match &command.pipeline {
        Some(file) if super::steps::untyped().as_ref() != Some(&command.connections) => {
            return Err(error::usage(format!("{} is given, and flags beside it", file.display()))
                .hint("put the flags into the file, or leave the file out"));
        }
        Some(file) if AgentPipeline::is_one(file)? => pipeline::doctor_agent(AgentPipeline::read(file)?, stop).await?,
        Some(file) => pipeline::doctor(&Pipeline::read(file)?, stop).await?,
        None => pipeline::doctor(&Pipeline::of_servers(command.connections.named())?, stop).await?,
    };
    if checkup.checks().is_empty() {
        return Err(error::usage("there is no server to examine")
            .hint("name a pipeline file, servers by flags such as --hdfs-url, or site files by HADOOP_CONF_DIR"));
    }
    match command.output {
        Output::Table => print(&table(&checkup))?,
        Output::Json => {
            report.more.insert("outcome".to_owned(), checkup.worst().as_str().into());
            report
                .more
                .insert("checks".to_owned(), checkup.checks().iter().map(|check| serde_json::json!(check)).collect());
        }
    }
    match checkup.worst() {
        Outcome::Failed => Err(error::refused("something is wrong").hint("see the lines above")),
        Outcome::Warning if command.strict => Err(error::refused("something may be wrong").hint("see the lines above")),
        _ => Ok(()),
    }
}

/// One heading a server, one line a question, and what to do below it.
fn table(checkup: &Checkup) -> String {
    let (mut text, mut hop) = (String::new(), "");
    for check in checkup.checks() {
        if check.hop != hop {
            hop = &check.hop;
            text.push_str(&format!("{}{hop}\n", if text.is_empty() { "" } else { "\n" }));
        }
        let mark = match check.outcome {
            Outcome::Fine => "ok  ",
            Outcome::Skipped => "-   ",
            Outcome::Warning => "warn",
            Outcome::Failed => "FAIL",
        };
        text.push_str(&format!("  {mark}  {}: {}\n", check.question, secret::masked(&check.answer)));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("        to do: {}\n", secret::masked(remedy)));
        }
    }
    text.trim_end().to_owned()
}
