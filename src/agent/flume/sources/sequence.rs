//! `seq` and `StressSource`: events for tests.

use super::super::options::{Component, mapped, refused};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SourceDraft;

pub(super) const SEQ: Component<SourceDraft> = Component {
    names: &["seq", "org.apache.flume.source.SequenceGeneratorSource"],
    native: "sequence",
    options: &[mapped("batchSize", "1", "batch-size"), mapped("totalEvents", "9223372036854775807", "total-events")],
    map: seq,
};

pub(super) const STRESS: Component<SourceDraft> = Component {
    names: &["org.apache.flume.source.StressSource"],
    native: "sequence",
    options: &[
        mapped("size", "500", "body-bytes"),
        mapped("maxTotalEvents", "-1", "total-events"),
        refused("maxSuccessfulEvents", "-1", "give maxTotalEvents; what is put is put"),
        mapped("batchSize", "1", "batch-size"),
        refused("maxEventsPerSecond", "0", "there is no rate limit; give maxTotalEvents"),
    ],
    map: stress,
};

fn seq(said: &Settings<'_>) -> SourceDraft {
    let batch = said.number("batchSize", 1);
    let mut table = Table::default();
    table.set_some("batch-size", batch);
    table.set_some("total-events", said.number("totalEvents", 1).filter(|total| *total < i64::MAX));
    SourceDraft::one(table, batch)
}

fn stress(said: &Settings<'_>) -> SourceDraft {
    let batch = said.number("batchSize", 1);
    let mut table = Table::default();
    table.set_some("body-bytes", said.number("size", 0)).set_some("batch-size", batch);
    table.set_some("total-events", said.number("maxTotalEvents", -1).filter(|total| *total >= 0));
    SourceDraft::one(table, batch)
}
