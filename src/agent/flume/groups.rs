//! Flume's sink groups, and sinks that empty a channel together without one: a group of ours each.

use toml::Value;

use super::options::{Component, mapped};
use super::output::Table;
use super::settings::Settings;

/// How the epochs of a group are divided, as its table says it.
pub(super) struct ProcessorDraft {
    pub table: Table,
    /// Sinks that Flume leaves out.
    pub left_out: Vec<String>,
}

/// Those that are here; the keys are those below `processor.`.
pub(super) const ALL: &[&Component<ProcessorDraft>] = &[&FAILOVER, &LOAD_BALANCE];

const FAILOVER: Component<ProcessorDraft> = Component {
    names: &["failover", "org.apache.flume.sink.FailoverSinkProcessor"],
    native: "failover",
    options: &[
        mapped("sinks", "", "the sinks, in their order"),
        mapped("priority.*", "", "priorities; -1, -2, .. for those that are left out"),
        mapped("maxpenalty", "30000", "max-penalty"),
    ],
    map: failover,
};

const LOAD_BALANCE: Component<ProcessorDraft> = Component {
    names: &["load_balance", "org.apache.flume.sink.LoadBalancingSinkProcessor"],
    native: "load-balancing",
    options: &[
        mapped("sinks", "", "the sinks, in their order"),
        mapped("selector", "round_robin", "order: round_robin or random"),
        mapped("backoff", "false", "backoff"),
        mapped("selector.maxTimeOut", "30000", "max-penalty"),
    ],
    map: load_balance,
};

fn failover(said: &Settings<'_>) -> ProcessorDraft {
    let mut table = Table::default();
    let (mut priorities, mut left_out, mut taken) = (Table::default(), Vec::new(), Vec::new());
    let mut next = 0;
    for sink in said.list("sinks") {
        let key = format!("priority.{sink}");
        let priority = match said.given(&key).map(str::parse::<i64>) {
            Some(Ok(priority)) => priority,
            given => {
                if given.is_some() {
                    said.note(&key, "is not a number, and left out, as in Flume");
                }
                next -= 1;
                next
            }
        };
        if taken.contains(&priority) {
            said.invalid(&key, "is the priority of another sink", "give each its own; Flume runs without this sink");
            left_out.push(sink);
        } else {
            taken.push(priority);
            priorities.set(&sink, priority);
        }
    }
    table.set("priorities", priorities.inline());
    table.set_ms("max-penalty", said.number("maxpenalty", 0).map(|ms| ms.max(1)));
    ProcessorDraft { table, left_out }
}

fn load_balance(said: &Settings<'_>) -> ProcessorDraft {
    let mut table = Table::default();
    match said.text("selector").unwrap_or_default().to_ascii_lowercase().as_str() {
        "round_robin" => {}
        "random" => {
            table.set("order", "random");
        }
        _ => said.not_here("selector", "is a class of its own", "use round_robin or random"),
    }
    if said.flag("backoff") {
        table.set("backoff", true);
        table.set_ms("max-penalty", said.number("selector.maxTimeOut", 0).map(|ms| if ms == 0 { 30_000 } else { ms }));
    } else if said.given("selector.maxTimeOut").is_some() {
        said.note("selector.maxTimeOut", "does nothing without backoff = true, as in Flume");
    }
    ProcessorDraft { table, left_out: Vec::new() }
}

/// The table of a group.
pub(super) fn table(name: &str, sinks: &[String], native: &str, processor: Table) -> Table {
    let mut all = Table::default();
    let mut inner = Table::default();
    inner.set("type", native).append(processor);
    let sinks: Vec<Value> = sinks.iter().map(|sink| Value::from(sink.as_str())).collect();
    all.set("name", name).set("sinks", sinks).set("processor", inner.inline());
    all
}
