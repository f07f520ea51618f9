//! `TAILDIR`: files of groups, each a directory with a regular expression.
//!
//! A group with headers of its own becomes a source of its own, whose events get them first.

use toml::Value;

use super::super::options::{Component, mapped, noted, refused};
use super::super::output::Table;
use super::super::settings::Settings;
use super::{SourceDraft, SourcePart};

const WAITS: &str = "a file that grew is noticed at once";

pub(super) const TAILDIR: Component<SourceDraft> = Component {
    names: &["TAILDIR", "org.apache.flume.source.taildir.TaildirSource"],
    native: "taildir",
    options: &[
        mapped("filegroups", "", "the groups, together or each a source"),
        mapped("filegroups.*", "", "file-regexes"),
        mapped("headers.*", "", "an interceptor `static` of the group's source"),
        mapped(
            "positionFile",
            "~/.flume/taildir_position.json",
            "position-file, read at the first start; written where the groups are one source",
        ),
        mapped("skipToEnd", "false", "start = \"end\", at the first start"),
        mapped("fileHeader", "false", "always: the header is `file`"),
        refused("fileHeaderKey", "file", "the header is called `file` here; write %{file} where it is used"),
        mapped("byteOffsetHeader", "false", "always: the header is `byteoffset`"),
        noted("idleTimeout", "120000", "a last line without its end waits for the end; Flume gives it out as it is"),
        mapped("writePosInterval", "3000", "position-file-interval; the channel keeps positions with each batch"),
        noted("batchSize", "100", "batches go by bytes"),
        noted("maxBatchCount", "9223372036854775807", "a round reads each file to the length it had when it began"),
        noted("backoffSleepIncrement", "1000", WAITS),
        noted("maxBackoffSleep", "5000", WAITS),
        noted("cachePatternMatching", "true", "directories are always looked at"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    let groups = said.list("filegroups");
    if groups.is_empty() {
        said.needed("filegroups");
    }
    let position_file = position_file(said);
    let part = |group: &str, patterns: Vec<Value>, first: Vec<Value>| {
        let mut table = Table::default();
        table.set("file-regexes", patterns).set("position-file", position_file.as_str());
        table.set_some("start", said.flag("skipToEnd").then_some("end"));
        SourcePart { suffix: Some(group.to_owned()), table, first }
    };
    let mut parts: Vec<SourcePart> = Vec::new();
    let mut plain = Vec::new();
    for group in &groups {
        let pattern = said.needed(&format!("filegroups.{group}"));
        let headers = headers(said, group);
        if headers.is_empty() {
            plain.push(Value::from(pattern));
        } else {
            parts.push(part(group, vec![pattern.into()], headers));
        }
    }
    if !plain.is_empty() {
        parts.insert(0, part("rest", plain, Vec::new()));
    }
    for key in said.below("filegroups.").keys().filter(|group| !groups.iter().any(|listed| listed == *group)) {
        said.note(&format!("filegroups.{key}"), "is not named in filegroups; Flume leaves it out, and so is done here");
    }
    let interval = said.number("writePosInterval", 0);
    if let [part] = &mut parts[..] {
        part.suffix = None;
        part.table.set_ms("position-file-interval", interval);
    } else if parts.len() > 1 {
        said.remark(format!("{position_file} is not written any more: several sources would write it"));
    }
    said.remark(format!(
        "where Flume was in its files is read from {position_file} at the first start; stop Flume before it"
    ));
    if said.common.headers_are_written && !(said.flag("fileHeader") && said.flag("byteOffsetHeader")) {
        said.remark("its events always have the headers file and byteoffset, which a sink with headers writes too");
    }
    let batch = said.number("batchSize", 1);
    SourceDraft { parts, batch }
}

/// The interceptors that give the headers of a group.
fn headers(said: &Settings<'_>, group: &str) -> Vec<Value> {
    let header = |(key, value): (&str, &super::super::properties::Value)| {
        let mut table = Table::default();
        table.set("type", "static").set("key", key).set("value", value.text.as_str()).set("preserve-existing", false);
        table.inline()
    };
    said.below(&format!("headers.{group}.")).into_iter().map(header).collect()
}

/// Flume's position file, by default in the user's home.
fn position_file(said: &Settings<'_>) -> String {
    let file = said.needed("positionFile");
    match file.strip_prefix("~/") {
        Some(below) if said.given("positionFile").is_none() => format!("{}/{below}", said.common.around.home()),
        _ => said.local_path(&file),
    }
}
