//! `spooldir`: files that are complete when they come into a directory.

use super::super::options::{Component, mapped, noted};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SourceDraft;

pub(super) const SPOOLDIR: Component<SourceDraft> = Component {
    names: &["spooldir", "org.apache.flume.source.SpoolDirectorySource"],
    native: "spooldir",
    options: &[
        mapped("spoolDir", "", "directory"),
        mapped("fileSuffix", ".COMPLETED", "completed-suffix"),
        mapped("deletePolicy", "never", "completed = \"delete\""),
        mapped("trackingPolicy", "rename", "completed = \"track\""),
        mapped("trackerDir", ".flumespool", "tracker-dir"),
        mapped("fileHeader", "false", "file-header"),
        mapped("fileHeaderKey", "file", "file-header"),
        mapped("basenameHeader", "false", "basename-header"),
        mapped("basenameHeaderKey", "basename", "basename-header"),
        mapped("includePattern", "^.*$", "include"),
        mapped("ignorePattern", "^$", "ignore"),
        mapped("consumeOrder", "oldest", "order"),
        mapped("recursiveDirectorySearch", "false", "recursive"),
        mapped("pollDelay", "500", "poll"),
        noted("maxBackoff", "4000", "a full channel holds the source back"),
        noted("batchSize", "100", "only held against transactionCapacity: batches go by bytes"),
        mapped("inputCharset", "UTF-8", "charset: UTF-8, US-ASCII or ISO-8859-1"),
        mapped("decodeErrorPolicy", "FAIL", "decode-errors"),
        mapped("deserializer", "LINE", "deserializer: LINE or BlobDeserializer"),
        mapped("deserializer.maxLineLength", "2048", "max-line-chars"),
        mapped("deserializer.outputCharset", "UTF-8", "UTF-8 alone"),
        mapped("deserializer.maxBlobLength", "100000000", "max-blob-bytes"),
        mapped("bufferMaxLineLength", "", "max-line-chars"),
        noted("bufferMaxLines", "100", "Flume does not read it either"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    let mut table = Table::default();
    table.set("directory", said.local_path(&said.needed("spoolDir")));
    completed(said, &mut table);
    let name = |is_wanted, key| said.flag(is_wanted).then(|| said.needed(key));
    table.set_some("file-header", name("fileHeader", "fileHeaderKey"));
    table.set_some("basename-header", name("basenameHeader", "basenameHeaderKey"));
    table.set_some("include", said.given("includePattern")).set_some("ignore", said.given("ignorePattern"));
    if let Some(order) = one_of(said, "consumeOrder", &["oldest", "youngest", "random"]) {
        table.set("order", order);
    }
    table.set("recursive", said.flag("recursiveDirectorySearch"));
    table.set_ms("poll", said.number("pollDelay", 0).map(|ms| ms.max(1)));
    content(said, &mut table);
    said.remark("let Flume read the file at hand to its end before the switch: it would be read again from its start");
    SourceDraft::one(table, said.number("batchSize", 1))
}

/// What becomes of files that were read.
fn completed(said: &Settings<'_>, table: &mut Table) {
    let deletes = one_of(said, "deletePolicy", &["never", "immediate"]) == Some("immediate");
    let tracks = one_of(said, "trackingPolicy", &["rename", "tracker_dir"]) == Some("tracker_dir");
    let completed = match (deletes, tracks) {
        (true, _) => "delete",
        (false, true) => "track",
        (false, false) => "rename",
    };
    table.set("completed", completed).set("completed-suffix", said.needed("fileSuffix"));
    table.set("tracker-dir", said.needed("trackerDir"));
}

/// What events are made of.
fn content(said: &Settings<'_>, table: &mut Table) {
    let class = said.needed("deserializer");
    let short = class.rsplit('.').next().unwrap_or_default().trim_end_matches("$Builder").to_ascii_lowercase();
    match short.as_str() {
        "line" | "linedeserializer" => {
            let most = if said.given("bufferMaxLineLength").is_some() {
                "bufferMaxLineLength"
            } else {
                "deserializer.maxLineLength"
            };
            table.set("deserializer", "line").set_some("max-line-chars", said.number(most, 1));
        }
        "blobdeserializer" => {
            table.set("deserializer", "blob");
            table.set_some("max-blob-bytes", said.number("deserializer.maxBlobLength", 1));
        }
        "avro" | "avroeventdeserializer" => {
            said.not_here(
                "deserializer",
                "is not here",
                "files of Avro are not taken apart; load them into the cluster as they are",
            );
        }
        _ => said.not_here("deserializer", "is a class of its own", "use LINE or BlobDeserializer"),
    }
    if said.text("deserializer.outputCharset").is_some_and(|charset| !super::is_utf8(charset)) {
        said.not_here("deserializer.outputCharset", "is not here", "events are UTF-8; leave it out");
    }
    match said.text("inputCharset").unwrap_or_default().to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => {}
        "us-ascii" | "ascii" => {
            table.set("charset", "us-ascii");
        }
        "iso-8859-1" | "iso8859-1" | "iso8859_1" | "latin1" => {
            table.set("charset", "iso-8859-1");
        }
        _ => said.not_here("inputCharset", "is not here", "make the files UTF-8, such as by iconv, or ISO-8859-1"),
    }
    if let Some(policy) = one_of(said, "decodeErrorPolicy", &["fail", "replace", "ignore"]) {
        table.set("decode-errors", policy);
    }
}

/// A word that is one of some, in any case.
fn one_of(said: &Settings<'_>, name: &str, words: &[&'static str]) -> Option<&'static str> {
    let text = said.text(name)?;
    let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(text));
    if found.is_none() {
        said.invalid(name, "is not known", &format!("write one of {}", words.join(", ")));
    }
    found
}
