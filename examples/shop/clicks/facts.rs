//! Counts of the finished log, written as the section `[clicks]` of facts.toml.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
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
    /// Requests of each stage on the way to an order, machines' and people's, failed ones too.
    stages: [usize; STAGES.len()],
    /// Requests by the day they began on: for each month one number a day, from the first.
    days: BTreeMap<String, Vec<usize>>,
}

/// The stages, and how the request lines of each begin.
const STAGES: [(&str, &[&str]); 7] = [
    ("landing", &["GET / ", "GET /?"]),
    ("list", &["GET /c/", "GET /search?"]),
    ("product", &["GET /p/"]),
    ("cart", &["POST /cart/"]),
    ("checkout", &["GET /checkout "]),
    ("payment", &["POST /checkout/payment "]),
    ("order", &["POST /order?"]),
];

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
            facts.count_day(at);
            if let Some(stage) = stage(&entry.text) {
                facts.stages[stage] += 1;
            }
            latest = latest.max(at);
        }
        facts.sha256 = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        facts
    }

    fn count_day(&mut self, at: i64) {
        let date = TimeZone::UTC.to_datetime(Timestamp::from_second(at).unwrap_or_default()).date();
        let days = self.days.entry(format!("{}-{:02}", date.year(), date.month())).or_default();
        let day = usize::from(date.day().unsigned_abs());
        days.resize(days.len().max(day), 0);
        days[day - 1] += 1;
    }
}

fn stage(text: &[u8]) -> Option<usize> {
    let line = &text[text.iter().position(|b| *b == b'"')? + 1..];
    STAGES.iter().position(|(_, starts)| starts.iter().any(|start| line.starts_with(start.as_bytes())))
}

fn day(seconds: i64) -> i64 {
    seconds.div_euclid(24 * 3600)
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
        writeln!(f, "\n[clicks.stages]")?;
        for ((name, _), requests) in STAGES.iter().zip(self.stages) {
            writeln!(f, "{name} = {requests}")?;
        }
        writeln!(f, "\n[clicks.days]")?;
        for (month, days) in &self.days {
            writeln!(f, "{month} = {days:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: Option<i64>, logged_at: i64, request: &str) -> Entry {
        Entry { at, logged_at, text: format!("192.0.2.1 - - [..] \"{request} HTTP/1.1\" 200").into_bytes() }
    }

    #[test]
    fn counts_what_is_there() {
        let day = 24 * 3600;
        let log = [
            entry(Some(5), 5, "GET /"),
            entry(Some(2 * day), 2 * day, "GET /p/85123A"),
            entry(Some(2 * day - 1), 2 * day + 1, "POST /order?invoice=1"),
            entry(None, 2 * day + 2, "GET /p/85123A"),
        ];
        let facts = Facts::of(&log);
        assert_eq!((facts.lines, facts.malformed, facts.out_of_order, facts.past_midnight), (4, 1, 1, 1));
        assert_eq!(facts.stages, [1, 0, 1, 0, 0, 0, 1]);
        assert_eq!(facts.days["1970-01"], [1, 1, 1]);
    }
}
