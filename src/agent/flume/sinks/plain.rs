//! `logger` and `null`: sinks to look at events, and to do away with them.

use super::super::options::{Component, mapped, noted};
use super::super::output::Table;
use super::SinkDraft;

pub(super) const LOGGER: Component<SinkDraft> = Component {
    names: &["logger", "org.apache.flume.sink.LoggerSink"],
    native: "logger",
    options: &[mapped("maxBytesToLog", "16", "max-bytes")],
    map: |said| {
        let mut table = Table::default();
        table.set_some("max-bytes", said.number("maxBytesToLog", 0));
        SinkDraft { table, roll: quick(), ..SinkDraft::default() }
    },
};

pub(super) const NULL: Component<SinkDraft> = Component {
    names: &["null", "org.apache.flume.sink.NullSink"],
    native: "null",
    options: &[
        noted("batchSize", "100", "events go by epochs"),
        noted("logEveryNEvents", "10000", "the summary counts"),
    ],
    map: |said| SinkDraft { batch: said.number("batchSize", 1), roll: quick(), ..SinkDraft::default() },
};

/// An epoch of what is not kept is short: it is seen at once.
fn quick() -> Table {
    let mut roll = Table::default();
    roll.set("age", "1s");
    roll
}
