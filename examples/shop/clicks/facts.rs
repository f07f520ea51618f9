//! Counts of the finished log, written as the section `[clicks]` of facts.toml.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::Entry;

/// What a reader of the log must find in it.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Facts {
    bytes: usize,
    sha256: String,
    lines: usize,
    /// Lines that are not a request.
    malformed: usize,
    /// Requests that began before one that stands above them.
    out_of_order: usize,
    /// Requests logged on a later day than they began.
    past_midnight: usize,
    /// Requests of each day they began on.
    days: BTreeMap<String, usize>,
}

impl Facts {
    /// Counts a log.
    pub fn of(log: &[Entry]) -> Self {
        let mut facts = Self { lines: log.len(), ..Self::default() };
        let mut sha256 = Sha256::new();
        let mut latest = i64::MIN;
        for entry in log {
            sha256.update(&entry.text);
            sha256.update(b"\n");
            facts.bytes += entry.text.len() + 1;
            let Some(at) = entry.at else {
                facts.malformed += 1;
                continue;
            };
            facts.out_of_order += usize::from(at < latest);
            facts.past_midnight += usize::from(day(at) < day(entry.logged_at));
            *facts.days.entry(date(at)).or_default() += 1;
            latest = latest.max(at);
        }
        facts.sha256 = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        facts
    }
}

fn day(seconds: i64) -> i64 {
    seconds.div_euclid(24 * 3600)
}

fn date(seconds: i64) -> String {
    let mut date = Timestamp::from_second(seconds).unwrap_or_default().to_string();
    date.truncate("2010-12-01".len());
    date
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[clicks]")?;
        writeln!(f, "sha256 = \"{}\"", self.sha256)?;
        writeln!(f, "bytes = {}", self.bytes)?;
        writeln!(f, "lines = {}", self.lines)?;
        writeln!(f, "malformed = {}", self.malformed)?;
        writeln!(f, "out_of_order = {}", self.out_of_order)?;
        writeln!(f, "past_midnight = {}", self.past_midnight)?;
        writeln!(f, "\n[clicks.days]")?;
        for (date, requests) in &self.days {
            writeln!(f, "{date} = {requests}")?;
        }
        Ok(())
    }
}
