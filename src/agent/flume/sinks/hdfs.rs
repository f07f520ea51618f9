//! `hdfs`: files of events. Flume keeps files open and renames them one by one; here all files of an epoch become visible
//! at once, so its rolls are the bounds of an epoch, and of a file within it.

mod format;

use toml::Value;

use super::super::options::{Component, mapped, noted, refused};
use super::super::output::{Table, time};
use super::super::settings::Settings;
use super::{Servers, SinkDraft};
use crate::agent::host::own_name;

const HIDDEN: &str = "files lie hidden until they are complete; there is none in use beside the others";
const CALLS: &str = "calls to HDFS have limits of their own, and are repeated where that is safe";
const THREADS: &str = "there is no pool of threads to size";

/// The longest time that events wait where Flume would leave their file open.
const LONGEST_MS: i64 = 3_600_000;
/// Events and bytes of an epoch where its age alone is to end it.
const NO_COUNT: i64 = 1_000_000_000;
const MOST_BYTES: i64 = 1 << 30;

pub(super) const HDFS: Component<SinkDraft> = Component {
    names: &["hdfs", "org.apache.flume.sink.hdfs.HDFSEventSink"],
    native: "hdfs",
    options: &[
        mapped("hdfs.path", "", "path; its address is that of `[hdfs]`"),
        mapped("hdfs.filePrefix", "FlumeData", "prefix"),
        mapped("hdfs.fileSuffix", "", "suffix"),
        noted("hdfs.inUsePrefix", "", HIDDEN),
        noted("hdfs.inUseSuffix", ".tmp", HIDDEN),
        noted("hdfs.emptyInUseSuffix", "false", HIDDEN),
        mapped("hdfs.rollInterval", "30", "roll.age"),
        mapped("hdfs.rollSize", "1024", "roll-bytes, of the file as it lies in HDFS"),
        mapped("hdfs.rollCount", "10", "roll-count"),
        mapped("hdfs.idleTimeout", "0", "roll.idle, of all files together"),
        noted("hdfs.batchSize", "100", "only held against transactionCapacity: an epoch is one transaction"),
        mapped("hdfs.codeC", "", "compression"),
        mapped("hdfs.fileType", "SequenceFile", "file-format"),
        mapped("hdfs.writeFormat", "Writable", "write-format, with SequenceFile alone"),
        noted("writeFormat.*", "", "the formats that are here have no options"),
        mapped("hdfs.maxOpenFiles", "5000", "max-open-files"),
        noted("hdfs.minBlockReplicas", "", "a block with too few replicas does not end a file"),
        noted("hdfs.threadsPoolSize", "10", THREADS),
        noted("hdfs.rollTimerPoolSize", "1", THREADS),
        mapped("hdfs.kerberosPrincipal", "", "[kerberos] principal"),
        mapped("hdfs.kerberosKeytab", "", "[kerberos] keytab"),
        mapped("hdfs.proxyUser", "", "proxy-user"),
        mapped("hdfs.round", "false", "round"),
        mapped("hdfs.roundValue", "1", "round.value"),
        mapped("hdfs.roundUnit", "second", "round.unit"),
        mapped("hdfs.timeZone", "", "time-zone"),
        mapped("hdfs.useLocalTimeStamp", "false", "local-time"),
        noted("hdfs.closeTries", "0", CALLS),
        noted("hdfs.retryInterval", "180", CALLS),
        noted("hdfs.callTimeout", "30000", CALLS),
        refused("hdfs.useRawLocalFileSystem", "false", "write hdfs.path as file:///DIRECTORY"),
        mapped("serializer", "TEXT", "serializer, without SequenceFile: text, header-and-text, avro-event, avro-body"),
        mapped("serializer.appendNewline", "true", "append-newline, of text"),
        mapped("serializer.compressionCodec", "null", "avro.compression"),
        mapped("serializer.syncIntervalBytes", "2048000", "avro.block-bytes"),
        mapped("serializer.schemaURL", "", "avro.schema, of avro-body: a file in HDFS or of this host"),
        noted("serializer.*", "", "the serializers that are here do not know it"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SinkDraft {
    let (url, path) = place(said);
    let mut table = Table::default();
    table.set("path", path.as_str()).set("prefix", said.needed("hdfs.filePrefix"));
    let suffix = said.text("hdfs.fileSuffix").unwrap_or_default();
    if suffix.contains('%') {
        said.note("hdfs.fileSuffix", "is taken as it is, as in Flume: it has no escapes");
    }
    let suffix = Some(suffix).filter(|suffix| !suffix.is_empty());
    table.set("reject-dir", rejects(&path));
    said.remark(format!("events without a place go to {}; Flume stops at the first of them", rejects(&path)));
    table.append(format::files(said, suffix));
    clock(said, &mut table);
    let open = said.number("hdfs.maxOpenFiles", 1).unwrap_or(5000);
    if open > 5000 {
        said.note("hdfs.maxOpenFiles", "is 5000 here, the most that an agent keeps open");
    }
    table.set("max-open-files", open.min(5000));
    let roll = rolls(said, &mut table);
    let keytab = said.text("hdfs.kerberosKeytab").map(|file| said.local_path(file));
    let proxy_user = said.text("hdfs.proxyUser").map(str::to_owned);
    let servers = Servers { hdfs: true, url, principal: principal(said), keytab, proxy_user, hbase: None };
    SinkDraft { table, roll, batch: said.number("hdfs.batchSize", 1), servers }
}

/// The address of the filesystem, if it is said, and the path in it.
fn place(said: &Settings<'_>) -> (Option<String>, String) {
    let text = said.needed("hdfs.path");
    let Some((scheme, rest)) = text.split_once("://") else { return (None, text) };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    match (scheme, authority) {
        ("hdfs", "") => (None, path),
        ("hdfs" | "viewfs", authority) => (Some(format!("{scheme}://{authority}")), path),
        ("file", _) => (Some("file:///".to_owned()), path),
        _ => {
            said.not_here(
                "hdfs.path",
                &format!("is on {scheme}, which is not written to"),
                "name a path of HDFS or ViewFS",
            );
            (None, path)
        }
    }
}

/// Where events go that have no place: beside the directory that all others are in.
fn rejects(path: &str) -> String {
    let fixed = path.split('%').next().unwrap_or_default();
    let root = if fixed.len() == path.len() { fixed } else { fixed.rsplit_once('/').map_or("", |(root, _)| root) };
    format!("{}_rejected", root.trim_end_matches('/'))
}

fn clock(said: &Settings<'_>, table: &mut Table) {
    if said.flag("hdfs.useLocalTimeStamp") {
        table.set("local-time", true);
    }
    table.set_some("time-zone", said.text("hdfs.timeZone"));
    if said.flag("hdfs.round") {
        let unit = said.text("hdfs.roundUnit").unwrap_or("second").to_ascii_lowercase();
        if !["second", "minute", "hour"].contains(&unit.as_str()) {
            said.invalid("hdfs.roundUnit", "is not known", "write second, minute or hour; Flume does not round at all");
        }
        let mut round = Table::default();
        round.set_some("value", said.number("hdfs.roundValue", 1)).set("unit", unit);
        table.set("round", round.inline());
    }
}

/// The bounds of files, and of epochs.
fn rolls(said: &Settings<'_>, table: &mut Table) -> Table {
    let seconds = said.number("hdfs.rollInterval", 0).unwrap_or(30);
    let bytes = said.number("hdfs.rollSize", 0).unwrap_or(1024);
    let count = said.number("hdfs.rollCount", 0).unwrap_or(10);
    let is_default = |name: &str| said.given(name).is_none();
    table.set("roll-count", count).set("roll-bytes", bytes);
    if (1..=1000).contains(&count) || (1..1 << 20).contains(&bytes) {
        let whose =
            if is_default("hdfs.rollCount") || is_default("hdfs.rollSize") { ", by Flume's defaults," } else { "" };
        said.remark(format!(
            "its files{whose} end after {} events or {} bytes, and many small files slow the cluster down; \
             give rollCount = 0 and rollSize = 134217728",
            if count == 0 { "any number of".to_owned() } else { count.to_string() },
            if bytes == 0 { "any number of".to_owned() } else { bytes.to_string() },
        ));
    }
    let age = match seconds {
        0 => {
            let why = "an epoch is complete after 1 h here, so that its events are seen; Flume leaves files open without an end";
            said.note("hdfs.rollInterval", why);
            LONGEST_MS
        }
        seconds => (seconds.saturating_mul(1000)).min(86_400_000),
    };
    if seconds > 86_400 {
        said.note("hdfs.rollInterval", "is 24 h here, the longest that events may wait");
    }
    let mut roll = Table::default();
    roll.set("rows", NO_COUNT).set("bytes", MOST_BYTES).set("age", Value::from(time(age)));
    let idle = said.number("hdfs.idleTimeout", 0).unwrap_or(0);
    roll.set_ms("idle", (idle > 0).then(|| idle.saturating_mul(1000).min(86_400_000)));
    roll
}

fn principal(said: &Settings<'_>) -> Option<String> {
    let principal = said.text("hdfs.kerberosPrincipal")?;
    if principal.contains("_HOST") {
        said.note("hdfs.kerberosPrincipal", "has this host's name for _HOST");
    }
    Some(principal.replace("_HOST", &own_name()))
}
