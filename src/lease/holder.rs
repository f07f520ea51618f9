//! Who holds a lease, and until when: all of it is one short text without blanks, fit for the name of a directory.

use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{LIFETIME, RENEWAL, held};
use crate::error::{self, Error};

/// Characters that are percent-encoded in the parts of a name: all but those of plain words.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// HDFS allows names of 255 bytes (`dfs.namenode.fs-limits.max-component-length`); the last part is cut to fit.
const NAME_BYTES: usize = 240;

/// What a lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// When the lease is dead unless it was renewed, milliseconds since the epoch.
    pub(crate) expires_ms: u64,
    /// Unlike that of any other lease.
    pub(crate) token: String,
    pub(crate) pid: u32,
    /// Tells a process from a later one with the same id.
    pub(crate) process_start: String,
    pub(crate) host: String,
    pub(crate) owner: String,
}

impl Holder {
    /// A lease of this process from now on.
    pub(crate) fn new(owner: &str) -> Self {
        Self {
            token: uuid::Uuid::now_v7().to_string(),
            owner: owner.to_owned(),
            host: read_trimmed("/proc/sys/kernel/hostname"),
            pid: std::process::id(),
            process_start: process_start(std::process::id()).unwrap_or_default(),
            expires_ms: now_ms() + LIFETIME.as_millis() as u64,
        }
    }

    /// The same, renewed now.
    pub(super) fn prolonged(&self) -> Self {
        Self { expires_ms: now_ms() + LIFETIME.as_millis() as u64, ..self.clone() }
    }

    /// Whether a step that is begun now ends before the lease does.
    pub(crate) fn has_time_left(&self) -> bool {
        self.expires_ms >= now_ms() + RENEWAL.as_millis() as u64
    }

    /// All of it as one text.
    pub(crate) fn name(&self) -> String {
        let Self { expires_ms, token, pid, process_start, host, owner } = self;
        let [start, host, owner] = [process_start, host, owner].map(|part| utf8_percent_encode(part, ENCODED));
        let mut name = format!("{expires_ms},{token},{pid},{start},{host},{owner}");
        name.truncate(NAME_BYTES);
        name
    }

    /// Reads what [`Holder::name`] wrote.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let mut parts = name.splitn(6, ',').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        let mut next = || parts.next();
        Some(Self {
            expires_ms: next()?.parse().ok()?,
            token: next()?,
            pid: next()?.parse().ok()?,
            process_start: next()?,
            host: next()?,
            owner: next()?,
        })
    }

    /// Whether the lease has to be respected.
    pub(crate) fn is_alive(&self) -> bool {
        if self.expires_ms <= now_ms() {
            return false;
        }
        let me = Self::new("");
        if self.host != me.host {
            return true;
        }
        if self.pid == me.pid && self.process_start == me.process_start {
            return held().contains(&self.token);
        }
        process_start(self.pid).is_some_and(|start| start == self.process_start)
    }

    /// Says who holds the lease of `target`.
    pub(super) fn busy(&self, target: &str) -> Error {
        let seconds = self.expires_ms.saturating_sub(now_ms()) / 1000;
        let Self { owner, host, pid, .. } = self;
        error::busy(format!("{target} is held by {owner}, process {pid} on {host}"))
            .hint(format!("wait until it is done; if that process is dead its lease ends by itself in {seconds} s"))
    }
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// The boot, shortened, and the start tick of a living process.
pub(crate) fn process_start(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command in parentheses, may hold blanks; start time is field 22.
    let tick = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    let boot = read_trimmed("/proc/sys/kernel/random/boot_id");
    Some(format!("{}-{tick}", boot.get(..8).unwrap_or_default()))
}

fn read_trimmed(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_its_name() {
        let holder =
            Holder { host: "db,1.example".into(), owner: "run 2024-01-01T00:00:00+00:00/é".into(), ..Holder::new("") };
        let name = holder.name();
        assert!(name.is_ascii() && !name.contains([':', '/', ' ']), "{name}");
        assert_eq!(Holder::of_name(&name), Some(holder));
        let long = Holder::new(&"run of somebody who says much ".repeat(20));
        assert_eq!(long.name().len(), NAME_BYTES);
        let cut = Holder::of_name(&long.name()).unwrap();
        assert!((&cut.token, cut.pid) == (&long.token, long.pid) && long.owner.starts_with(&cut.owner[..20]));
        assert_eq!(Holder::of_name("x"), None);
        assert_eq!(Holder::of_name("1,token,2,start,host"), None);
    }
}
