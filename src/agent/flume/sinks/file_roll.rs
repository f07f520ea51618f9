//! `file_roll`: files of events on the local disk.

use super::super::options::{Component, mapped, noted, refused};
use super::super::output::{Table, time};
use super::super::settings::Settings;
use super::SinkDraft;

/// The longest time that events wait where Flume would leave their file open.
const LONGEST_S: i64 = 3_600;

pub(super) const FILE_ROLL: Component<SinkDraft> = Component {
    names: &["file_roll", "org.apache.flume.sink.RollingFileSink"],
    native: "file-roll",
    options: &[
        mapped("sink.directory", "", "directory"),
        mapped("sink.rollInterval", "30", "roll.age"),
        mapped("sink.pathManager", "DEFAULT", "names: DEFAULT or ROLLTIME"),
        mapped("sink.pathManager.prefix", "", "prefix"),
        mapped("sink.pathManager.extension", "", "extension"),
        mapped("sink.serializer", "TEXT", "serializer: TEXT or HEADER_AND_TEXT"),
        mapped("sink.serializer.appendNewline", "true", "append-newline"),
        refused("sink.serializer.*", "", "serializers of text have appendNewline alone"),
        noted("sink.batchSize", "100", "only held against transactionCapacity: an epoch is one transaction"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SinkDraft {
    let mut table = Table::default();
    let directory = said.local_path(&said.needed("sink.directory"));
    let rejects = format!("{}_rejected", directory.trim_end_matches('/'));
    said.remark(format!(
        "a file is seen once it is complete; its state is kept beside the directory, in .sakia, and lines that were cut go \
         to {rejects}"
    ));
    table.set("directory", directory).set("reject-dir", rejects);
    table.set_some("prefix", said.text("sink.pathManager.prefix"));
    table.set_some("extension", said.text("sink.pathManager.extension"));
    match said.text("sink.pathManager").unwrap_or_default().to_ascii_lowercase().as_str() {
        "default" => {}
        "rolltime" => {
            table.set("names", "time");
        }
        _ => said.not_here("sink.pathManager", "is a class of its own", "use DEFAULT or ROLLTIME"),
    }
    let class = said.text("sink.serializer").unwrap_or_default().to_ascii_lowercase();
    match class.rsplit('.').next().unwrap_or_default() {
        "text" | "bodytexteventserializer$builder" => {}
        "header_and_text" | "headerandbodytexteventserializer$builder" => {
            table.set("serializer", "header-and-text");
        }
        _ => said.not_here("sink.serializer", "is not written by this sink", "use TEXT or HEADER_AND_TEXT"),
    }
    table.set("append-newline", said.flag("sink.serializer.appendNewline"));
    let mut roll = Table::default();
    let age_s = match said.number("sink.rollInterval", 0).unwrap_or(30) {
        0 => {
            said.note("sink.rollInterval", "a file is complete after 1 h here, so that its events are seen");
            LONGEST_S
        }
        seconds => seconds.min(86_400),
    };
    roll.set("rows", 1_000_000_000).set("bytes", 1 << 30).set("age", time(age_s.saturating_mul(1_000)));
    SinkDraft { table, roll, batch: said.number("sink.batchSize", 1), ..SinkDraft::default() }
}
