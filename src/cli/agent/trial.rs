//! `agent test`: runs the tests that an agent's file holds, and says in what they are another than was expected.

use serde_json::json;

use crate::agent::Verdict;
use crate::cli::args::AgentTest;
use crate::cli::output::{Output, Report, print};
use crate::cli::steps;
use crate::error::{self, Result};
use crate::pipeline::AgentPipeline;

/// Runs the tests of a file, or those of some names.
///
/// # Errors
/// Usage: there is no such test. Config: what is wrong with the file. Data: how many tests failed.
pub(super) fn run(args: &AgentTest, report: &mut Report) -> Result<()> {
    let file = args.file.display();
    let agent = AgentPipeline::check_file(&args.file);
    let agent = agent.map_err(|mistakes| steps::of_all(mistakes, &args.file, "sakia agent run", report))?;
    let mut verdicts = agent.try_out()?;
    if verdicts.is_empty() {
        return Err(error::usage(format!("{file} has no [[test]] table"))
            .hint("add one with a source, lines and what is expected of them"));
    }
    if let Some(name) = args.tests.iter().find(|name| !verdicts.iter().any(|verdict| verdict.name == **name)) {
        return Err(error::usage(format!("{file} has no test `{name}`")).hint("see the names of its [[test]] tables"));
    }
    verdicts.retain(|verdict| args.tests.is_empty() || args.tests.contains(&verdict.name));
    let failed = verdicts.iter().filter(|verdict| !verdict.differences.is_empty()).count();
    match args.output {
        Output::Table => print(&table(&verdicts))?,
        Output::Json => {
            let one = |verdict: &Verdict| {
                let outcome = if verdict.differences.is_empty() { "passed" } else { "failed" };
                json!({ "name": verdict.name, "outcome": outcome, "differences": verdict.differences })
            };
            report.more.insert("file".to_owned(), file.to_string().into());
            report.more.insert("tests".to_owned(), verdicts.iter().map(one).collect());
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(error::data(format!("{file}: {failed} of {} failed", in_words(verdicts.len())))
            .hint("correct the agent, or what its tests expect")),
    }
}

fn in_words(tests: usize) -> String {
    if tests == 1 { "1 test".to_owned() } else { format!("{tests} tests") }
}

/// One line a test, and the differences below it.
fn table(verdicts: &[Verdict]) -> String {
    let mut lines = Vec::new();
    for Verdict { name, differences } in verdicts {
        lines.push(format!("{}  {name}", if differences.is_empty() { "ok  " } else { "FAIL" }));
        lines.extend(differences.iter().map(|what| format!("        {what}")));
    }
    lines.join("\n")
}
