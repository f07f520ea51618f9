//! Flume's channels. A new one is its rows, and a line in [`ALL`].
//!
//! What waits in a channel of Flume is not read: it is emptied before the switch.

use super::options::{Component, Opt, mapped, noted, refused, rows};
use super::output::Table;
use super::settings::Settings;

/// What became of a channel.
#[derive(Debug, Default)]
pub(super) struct ChannelDraft {
    pub table: Table,
    /// The most events that wait in it.
    pub capacity: Option<i64>,
    /// The most events of a transaction.
    pub transaction: Option<i64>,
}

/// Those that are here.
pub(super) const ALL: &[&Component<ChannelDraft>] = &[&FILE, &MEMORY, &SPILLABLE];

const NO_CHECKPOINT: &str = "a channel opens quickly without a checkpoint";
const TRANSACTIONS: &str = "only held against batchSize: batches go by bytes";
const WAITS: &str = "a full channel holds its sources back";

/// More than any disk: Flume's file channel counts events alone.
const NO_LIMIT: i64 = 1 << 40;

const FSYNCED: &str = "each put is on the disk when it returns";
const ENCRYPTED: &str = "key stores of the kind JCEKS are not read; make a key (umask 077; openssl rand -hex 32 > FILE) and name it \
                         in the converted file: encryption = { active = \"NAME\", keys = { NAME = \"FILE\" } }";

/// Where a channel lies on the disk.
const DIRECTORIES: &[Opt] = &[
    noted("checkpointDir", "~/.flume/file-channel/checkpoint", NO_CHECKPOINT),
    mapped("dataDirs", "~/.flume/file-channel/data", "directory: the first one, with `-sakia` at its end"),
];

/// How events are put.
const PUTS: &[Opt] = &[mapped("transactionCapacity", "10000", TRANSACTIONS), noted("keep-alive", "3", WAITS)];

/// How a channel keeps its files.
const FILES: &[Opt] = &[
    noted("useDualCheckpoints", "false", NO_CHECKPOINT),
    noted("backupCheckpointDir", "", NO_CHECKPOINT),
    noted("compressBackupCheckpoint", "false", NO_CHECKPOINT),
    noted("checkpointInterval", "30000", NO_CHECKPOINT),
    noted("checkpointOnClose", "true", NO_CHECKPOINT),
    noted("maxFileSize", "2146435071", "segments have a size of their own"),
    mapped("minimumRequiredSpace", "524288000", "min-free-bytes; sources wait, where Flume fails their puts"),
    noted("use-log-replay-v1", "false", NO_CHECKPOINT),
    noted("use-fast-replay", "false", NO_CHECKPOINT),
    noted("fsyncPerTransaction", "true", FSYNCED),
    noted("fsyncInterval", "5", FSYNCED),
    refused("encryption.activeKey", "", ENCRYPTED),
    noted("encryption.cipherProvider", "", "the cipher is AES-256-GCM, which also finds what was changed"),
    refused("encryption.keyProvider", "", ENCRYPTED),
    refused("encryption.keyProvider.*", "", ENCRYPTED),
];

const FILE: Component<ChannelDraft> = Component {
    names: &["file", "org.apache.flume.channel.file.FileChannel"],
    native: "file",
    options: rows![DIRECTORIES, &[mapped("capacity", "1000000", "max-events")], PUTS, FILES],
    map: file,
};

const SPILLABLE: Component<ChannelDraft> = Component {
    names: &["spillablememory", "org.apache.flume.channel.SpillableMemoryChannel"],
    native: "memory",
    options: rows![
        &[
            mapped("memoryCapacity", "10000", "max-events"),
            mapped("overflowCapacity", "100000000", "overflow.max-events; 0 is a channel `memory` without overflow"),
            mapped("overflowTimeout", "3", "overflow.after, in seconds"),
            noted("overflowDeactivationThreshold", "5", "memory is used again once all that was spilled has gone"),
            mapped("byteCapacity", "", "max-bytes, less the part for headers"),
            mapped("byteCapacityBufferPercentage", "20", "max-bytes"),
            noted("avgEventSize", "500", "events count as the bytes they have"),
        ],
        DIRECTORIES,
        PUTS,
        &[noted("capacity", "", "overflowCapacity is it, as in Flume")],
        FILES
    ],
    map: spillable,
};

const MEMORY: Component<ChannelDraft> = Component {
    names: &["memory", "org.apache.flume.channel.MemoryChannel"],
    native: "memory",
    options: &[
        mapped("capacity", "100", "max-events"),
        mapped("transactionCapacity", "100", TRANSACTIONS),
        noted("keep-alive", "3", WAITS),
        mapped("byteCapacity", "", "max-bytes, less the part for headers"),
        mapped("byteCapacityBufferPercentage", "20", "max-bytes"),
    ],
    map: memory,
};

fn file(said: &Settings<'_>) -> ChannelDraft {
    let mut table = Table::default();
    let capacity = said.number("capacity", 1);
    on_disk(said, capacity, &mut table);
    ChannelDraft { table, capacity, transaction: transaction(said, capacity) }
}

/// The directory of a channel, and what limits it.
fn on_disk(said: &Settings<'_>, capacity: Option<i64>, table: &mut Table) {
    let dirs = said.needed("dataDirs");
    let mut dirs = dirs.split(',').map(str::trim).filter(|dir| !dir.is_empty());
    let first = dirs.next().unwrap_or_default();
    if dirs.next().is_some() {
        said.note("dataDirs", "the first directory alone is used: a channel here has one");
    }
    let first = match first.strip_prefix("~/") {
        Some(below) if said.given("dataDirs").is_none() => format!("{}/{below}", said.common.around.home()),
        _ => said.local_path(first),
    };
    table.set("directory", format!("{}-sakia", first.trim_end_matches('/'))).set("max-bytes", NO_LIMIT);
    table.set_some("max-events", capacity);
    // Flume takes no less than 1 MiB.
    table.set_some("min-free-bytes", said.number("minimumRequiredSpace", 0).map(|bytes| bytes.max(1 << 20)));
    said.remark("what still waits in Flume's own files is not read; let Flume empty its channel before the switch");
}

fn memory(said: &Settings<'_>) -> ChannelDraft {
    let mut table = Table::default();
    let capacity = said.number("capacity", 1);
    table.set_some("max-events", capacity);
    bytes(said, &mut table);
    ChannelDraft { table, capacity, transaction: transaction(said, capacity) }
}

/// The bytes that a channel may hold in memory.
fn bytes(said: &Settings<'_>, table: &mut Table) {
    let headers = said.number("byteCapacityBufferPercentage", 0).unwrap_or(20).min(99);
    match said.number("byteCapacity", 0) {
        None => {}
        // Flume's way to say that there is no limit.
        Some(0) => {
            table.set("max-bytes", NO_LIMIT);
        }
        Some(bytes) => {
            // With headers, which count here.
            let bytes = bytes.max(1 << 20);
            if said.given("byteCapacity").is_some_and(|text| text != bytes.to_string()) {
                said.note("byteCapacity", "is 1 MiB here, the least that a channel can have");
            }
            if headers != 20 {
                said.note("byteCapacityBufferPercentage", "does nothing here: headers count as the bytes they have");
            }
            table.set("max-bytes", bytes);
        }
    }
}

fn spillable(said: &Settings<'_>) -> ChannelDraft {
    let mut table = Table::default();
    let (memory, spilled) = (said.number("memoryCapacity", 0), said.number("overflowCapacity", 0));
    if memory == Some(0) {
        said.not_here("memoryCapacity", "is a channel on the disk alone", "use type = file");
    }
    table.set_some("max-events", memory);
    bytes(said, &mut table);
    if spilled == Some(0) {
        said.remark("with overflowCapacity = 0 it is a channel in memory");
    } else {
        let mut overflow = Table::default();
        on_disk(said, spilled, &mut overflow);
        overflow.set_some(
            "after",
            said.number("overflowTimeout", 0).filter(|seconds| *seconds > 0).map(|seconds| format!("{seconds}s")),
        );
        table.set("overflow", overflow.inline());
        said.remark("a channel in memory: what it holds there is lost when the agent is killed, as in Flume");
    }
    let capacity = memory.zip(spilled).map(|(memory, spilled)| memory.saturating_add(spilled));
    ChannelDraft { table, capacity, transaction: transaction(said, capacity) }
}

/// The transaction's capacity, which cannot be above that of the channel.
fn transaction(said: &Settings<'_>, capacity: Option<i64>) -> Option<i64> {
    let (transaction, capacity) = (said.number("transactionCapacity", 1)?, capacity?);
    if transaction > capacity {
        said.invalid(
            "transactionCapacity",
            &format!("is above the capacity of {capacity}"),
            "raise capacity, or lower transactionCapacity",
        );
    }
    Some(transaction)
}
