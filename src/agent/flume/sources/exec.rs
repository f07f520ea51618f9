//! `exec`: lines that a command prints.

use super::super::options::{Component, mapped};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SourceDraft;
use super::netcat::is_utf8;

pub(super) const EXEC: Component<SourceDraft> = Component {
    names: &["exec", "org.apache.flume.source.ExecSource"],
    native: "exec",
    options: &[
        mapped("command", "", "command"),
        mapped("shell", "", "shell"),
        mapped("restart", "false", "restart"),
        mapped("restartThrottle", "10000", "restart-throttle"),
        mapped("logStdErr", "false", "log-stderr"),
        mapped("batchSize", "20", "batch-size"),
        mapped("batchTimeout", "3000", "batch-timeout"),
        mapped("charset", "UTF-8", "UTF-8 alone"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    let command = said.needed("command");
    if said.text("charset").is_some_and(|charset| !is_utf8(charset)) {
        said.not_here("charset", "is not here", "let the command print UTF-8, such as by iconv");
    }
    let follows = if command.contains("tail ") { "; a source TAILDIR follows the file without loss" } else { "" };
    said.remark(format!("what the command prints while the agent does not run is lost, as with Flume{follows}"));
    let batch = said.number("batchSize", 1);
    let mut table = Table::default();
    table.set("command", command).set_some("shell", said.text("shell"));
    table.set("restart", said.flag("restart"));
    table.set_ms("restart-throttle", said.number("restartThrottle", 0).map(|ms| ms.max(1)));
    table.set("log-stderr", said.flag("logStdErr")).set_some("batch-size", batch);
    table.set_ms("batch-timeout", said.number("batchTimeout", 0).map(|ms| ms.max(1)));
    SourceDraft::one(table, batch)
}
