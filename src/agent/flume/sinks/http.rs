//! `http`: a request an event.

use std::collections::{BTreeMap, BTreeSet};

use super::super::options::{Component, mapped, noted};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SinkDraft;

const PAUSE: &str = "a request that is sent again is always waited with";
const COUNTED: &str = "an event counts by what became of it";

pub(super) const HTTP: Component<SinkDraft> = Component {
    names: &["http", "org.apache.flume.sink.http.HttpSink"],
    native: "http",
    options: &[
        mapped("endpoint", "", "url"),
        mapped("connectTimeout", "5000", "connect-timeout"),
        mapped("requestTimeout", "5000", "request-timeout"),
        mapped("contentTypeHeader", "text/plain", "content-type"),
        mapped("acceptHeader", "text/plain", "accept"),
        mapped("defaultRollback", "true", "statuses: retry; false is taken of 2XX, and reject of others"),
        mapped("rollback.*", "", "statuses: retry; false is taken of 2XX, and reject of others"),
        noted("defaultBackoff", "true", PAUSE),
        noted("backoff.*", "", PAUSE),
        noted("defaultIncrementMetrics", "false", COUNTED),
        noted("incrementMetrics.*", "", COUNTED),
        mapped(
            "rejectDir",
            "",
            "reject-dir, by default ~/.flume/rejected/SINK; the key is sakia's own, and Flume ignores it",
        ),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SinkDraft {
    let mut table = Table::default();
    table.set("url", said.needed("endpoint"));
    let rejects = match said.text("rejectDir") {
        Some(directory) => said.local_path(directory),
        None => format!("{}/.flume/rejected/{}", said.common.around.home(), said.name()),
    };
    said.remark(format!(
        "events that the server refuses go to {rejects}; Flume drops them where nothing is rolled back"
    ));
    table.set("reject-dir", rejects);
    table.set_ms("connect-timeout", said.number("connectTimeout", 1));
    table.set_ms("request-timeout", said.number("requestTimeout", 1));
    table.set_some("content-type", said.text("contentTypeHeader")).set_some("accept", said.text("acceptHeader"));
    table.set("statuses", statuses(said).inline());
    let mut roll = Table::default();
    roll.set("rows", 1_000).set("age", "1s");
    SinkDraft { table, roll, ..SinkDraft::default() }
}

/// What becomes of events by the status of an answer.
fn statuses(said: &Settings<'_>) -> Table {
    let by_default = said.flag("defaultRollback");
    let mut rollback = BTreeMap::new();
    for name in said.below("rollback.").into_keys().map(str::to_owned).collect::<BTreeSet<_>>() {
        rollback.insert(name.to_ascii_uppercase(), said.flag(&format!("rollback.{name}")));
    }
    // By itself Flume rolls back what the server took, and sends it for ever.
    if by_default && !rollback.contains_key("2XX") {
        if !rollback.keys().any(|name| name.starts_with('2')) {
            said.remark(
                "answers of 2XX are the end of an event here; Flume would send it again without rollback.2XX = false",
            );
        }
        rollback.insert("2XX".to_owned(), rollback.keys().any(|name| name.starts_with('2')));
    }
    for hundred in ["3XX", "4XX", "5XX"] {
        rollback.entry(hundred.to_owned()).or_insert(by_default);
    }
    let mut table = Table::default();
    for (name, rolls_back) in rollback {
        let verdict = match (rolls_back, name.starts_with('2')) {
            (true, _) => "retry",
            (false, true) => "taken",
            (false, false) => "reject",
        };
        table.set(&name, verdict);
    }
    table
}
