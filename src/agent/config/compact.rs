//! How the files of a table's partitions are rewritten into fewer: `compact` of a sink.

use serde::Deserialize;

use super::checks::{Wrongs, check_range};
use crate::agent::sinks::table::CompactOptions;
use crate::config::Timespan;
use crate::error;

/// When partitions are rewritten, and into what.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CompactArgs {
    /// Partitions whose end is so long ago; without it those that are complete.
    #[serde(default)]
    older_than: Option<Timespan>,
    #[serde(default = "file_bytes")]
    file_bytes: u64,
    #[serde(default = "min_files")]
    min_files: usize,
    #[serde(default = "grace")]
    grace: Timespan,
    #[serde(default = "every")]
    every: Timespan,
}

fn file_bytes() -> u64 {
    CompactOptions::default().file_bytes
}

fn min_files() -> usize {
    CompactOptions::default().min_files
}

fn grace() -> Timespan {
    Timespan::from_secs(CompactOptions::default().grace.as_secs())
}

fn every() -> Timespan {
    Timespan::from_secs(CompactOptions::default().every.as_secs())
}

impl CompactArgs {
    /// # Errors
    /// Config: a value makes no sense, or nothing says which partitions are closed.
    pub(super) fn plan(self, has_table: bool, completes: bool) -> Result<CompactOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let Self { older_than, file_bytes, min_files, grace, every } = self;
        wrong.note(check_range("compact.file-bytes", file_bytes, 1 << 20, u64::MAX));
        wrong.note(check_range("compact.min-files", min_files as u64, 1, u64::MAX));
        if !has_table {
            let e = error::config("compact rewrites the files of a table, and there is no hive-table");
            wrong.add("compact", e.hint("give hive-table: it says where the files of a partition are"));
        }
        if older_than.is_none() && !completes {
            let e = error::config("nothing says when a partition is closed, so that it can be compacted");
            wrong.add("compact", e.hint("give older-than, or complete to the sink"));
        }
        wrong.end()?;
        let older_than = older_than.map(Timespan::get);
        Ok(CompactOptions { older_than, file_bytes, min_files, grace: grace.get(), every: every.get() })
    }
}
