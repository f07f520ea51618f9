//! `hbase`, `hbase2` and `asynchbase`: rows of a table, by the serializers that Flume brings.
//!
//! Flume speaks to region servers, whose addresses ZooKeeper knows; here rows go through HBase's Thrift gateways, which no
//! key of Flume names. Its row keys are made of chance or of the clock, so that an event that comes again is another row:
//! here they are made of the event's place in its channel.

use toml::Value;

use super::super::options::{Component, mapped, noted};
use super::super::output::Table;
use super::super::settings::Settings;
use super::{Servers, SinkDraft};
use crate::agent::host::own_name;

const ZOOKEEPER: &str = "rows go through HBase's Thrift gateways, which thriftGateways names";
const GATEWAYS: &str = "localhost:9090";
const ROW_KEY: &str = "ROW_KEY";

pub(super) const HBASE: Component<SinkDraft> = Component {
    names: &[
        "hbase2",
        "hbase",
        "asynchbase",
        "org.apache.flume.sink.hbase2.HBase2Sink",
        "org.apache.flume.sink.hbase.HBaseSink",
        "org.apache.flume.sink.hbase.AsyncHBaseSink",
    ],
    native: "hbase",
    options: &[
        mapped("table", "", "table"),
        mapped("columnFamily", "", "the family in `cells`, counter and header-family"),
        mapped(
            "thriftGateways",
            "",
            "`[hbase]` url, by default localhost:9090; the key is sakia's own, and Flume ignores it",
        ),
        mapped(
            "rejectDir",
            "",
            "reject-dir, by default ~/.flume/rejected/SINK; the key is sakia's own, and Flume ignores it",
        ),
        noted("zookeeperQuorum", "", ZOOKEEPER),
        noted("znodeParent", "/hbase", ZOOKEEPER),
        mapped("batchSize", "100", "batch-size: rows of a call; an epoch is one transaction"),
        noted("coalesceIncrements", "false", "the counter is written once an epoch"),
        noted("enableWal", "true", "rows are always in the write-ahead log before they are acknowledged"),
        noted("timeout", "60000", "call-timeout in `[hbase]` says how long a gateway is waited for"),
        noted("maxConsecutiveFails", "10", "a gateway that fails is tried again, with pauses"),
        mapped("kerberosPrincipal", "", "[kerberos] principal"),
        mapped("kerberosKeytab", "", "[kerberos] keytab"),
        mapped(
            "serializer",
            "SimpleHBase2EventSerializer",
            "row-key and `cells`: the Simple and Regex serializers of the three sinks",
        ),
        mapped("serializer.rowPrefix", "default", "row-key, its first part"),
        mapped("serializer.suffix", "uuid", "row-key, its last part, made of the event's place in its channel"),
        mapped("serializer.payloadColumn", "pCol", "cells"),
        mapped("serializer.incrementRow", "incRow", "counter.row"),
        mapped("serializer.incrementColumn", "iCol", "counter.cell"),
        mapped("serializer.regex", "(.*)", "regex"),
        mapped("serializer.regexIgnoreCase", "false", "ignore-case"),
        mapped("serializer.colNames", "payload", "fields, and `cells` of their names"),
        mapped("serializer.rowKeyIndex", "-1", "row-key: the field ROW_KEY"),
        mapped("serializer.depositHeaders", "false", "header-family"),
        noted("serializer.charset", "UTF-8", "bytes are taken and stored as they are"),
        noted("serializer.*", "", "the serializers that are here do not know it"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SinkDraft {
    let family = said.needed("columnFamily");
    let mut table = Table::default();
    table.set("table", said.needed("table"));
    let rejects = match said.text("rejectDir") {
        Some(directory) => said.local_path(directory),
        None => format!("{}/.flume/rejected/{}", said.common.around.home(), said.name()),
    };
    said.remark(format!("events that can have no row go to {rejects} with the reason"));
    table.set("reject-dir", rejects);
    table.set_some("batch-size", said.number("batchSize", 1).map(|size| size.min(100_000)));
    table.set("cell-time", "written");
    let class = said.text("serializer").unwrap_or_default().to_ascii_lowercase();
    match class.rsplit('.').next().unwrap_or_default() {
        "simplehbase2eventserializer" | "simplehbaseeventserializer" | "simpleasynchbaseeventserializer" => {
            simple(said, &family, &mut table);
        }
        "regexhbase2eventserializer" | "regexhbaseeventserializer" => regex(said, &family, &mut table),
        _ => said.not_here(
            "serializer",
            "is a class of its own, and Java's are not run here",
            "use Flume's Simple or Regex serializer, or row-key and cells in a file of sakia's own",
        ),
    }
    let gateways = said.text("thriftGateways").unwrap_or_else(|| {
        said.remark(format!(
            "rows go through the Thrift gateway at {GATEWAYS}; name others by thriftGateways = HOST:9090,..., which Flume ignores"
        ));
        GATEWAYS
    });
    let principal = said.text("kerberosPrincipal").map(|principal| principal.replace("_HOST", &own_name()));
    let keytab = said.text("kerberosKeytab").map(|file| said.local_path(file));
    let servers = Servers { hbase: Some(gateways.to_owned()), principal, keytab, ..Servers::default() };
    SinkDraft { table, batch: said.number("batchSize", 1), servers, ..SinkDraft::default() }
}

/// The body as a cell of a row of its own, and a counter.
fn simple(said: &Settings<'_>, family: &str, table: &mut Table) {
    let payload = said.text("serializer.payloadColumn").unwrap_or_default();
    let mut key = vec![part("text", said.text("serializer.rowPrefix").unwrap_or_default())];
    match said.text("serializer.suffix").unwrap_or_default() {
        "timestamp" | "nano" => {
            said.note(
                "serializer.suffix",
                "is the event's header timestamp, if it has one (an interceptor sets it), and its place in the channel: \
                 events of one moment have rows of their own",
            );
            key.extend(by_time());
        }
        other => {
            if other != "uuid" {
                said.note("serializer.suffix", "is made like uuid, of the event's place in its channel");
            }
            key.push(part("place", "uuid"));
        }
    }
    table.set("row-key", key).set("cells", cells([(format!("{family}:{payload}"), "body".to_owned())]));
    let row = said.text("serializer.incrementRow").unwrap_or_default();
    let cell = format!("{family}:{}", said.text("serializer.incrementColumn").unwrap_or_default());
    said.remark(format!(
        "cell {cell} of row {row} counts each event once, and has one writer: give each agent a serializer.incrementRow of \
         its own, or take the counter out of the converted file"
    ));
    let mut counter = Table::default();
    counter.set("row", row).set("cell", cell);
    table.set("counter", counter.inline());
}

/// A cell for each group of an expression.
fn regex(said: &Settings<'_>, family: &str, table: &mut Table) {
    let names: Vec<&str> = said.text("serializer.colNames").unwrap_or_default().split(',').collect();
    if names.iter().enumerate().any(|(number, name)| name.is_empty() || names[..number].contains(name)) {
        said.not_here(
            "serializer.colNames",
            "has a name twice, or one that is empty",
            "give each group a name of its own",
        );
    }
    table.set("regex", said.text("serializer.regex").unwrap_or_default());
    if said.flag("serializer.regexIgnoreCase") {
        table.set("ignore-case", true);
    }
    table.set("fields", names.iter().map(|name| Value::from(*name)).collect::<Vec<_>>());
    let key = usize::try_from(said.number("serializer.rowKeyIndex", -1).unwrap_or(-1)).ok();
    match key.map(|index| names.get(index)) {
        None => table.set("row-key", by_time()),
        Some(Some(name)) if name.eq_ignore_ascii_case(ROW_KEY) => table.set("row-key", vec![part("field", name)]),
        Some(_) => {
            said.invalid("serializer.rowKeyIndex", "is not the place of ROW_KEY in colNames", "count its names from 0");
            return;
        }
    };
    let of_group = |(number, name): (usize, &&str)| {
        (Some(number) != key).then(|| (format!("{family}:{name}"), (*name).to_owned()))
    };
    table.set("cells", cells(names.iter().enumerate().filter_map(of_group)));
    if said.flag("serializer.depositHeaders") {
        table.set("header-family", family);
    }
    said.remark("an event that does not match the expression is put aside; Flume drops it without a word");
}

/// What keys of times end with.
fn by_time() -> Vec<Value> {
    let mut time = Table::default();
    time.set("time", "millis").set("optional", true);
    vec![time.inline(), part("text", "-"), part("place", "ordered")]
}

fn part(key: &str, value: &str) -> Value {
    let mut part = Table::default();
    part.set(key, value);
    part.inline()
}

fn cells(all: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut cells = Table::default();
    for (cell, field) in all {
        cells.set(&cell, field);
    }
    cells.inline()
}
