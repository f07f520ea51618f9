//! The cursor: what has left the channel for good, in the same words in the channel and in the target's manifest.
//!
//! The manifest gets an epoch's cursor first, with the data; the channel a moment later. Whatever a crash does in
//! between, the manifest is right: the channel is moved to it, and the epoch is not written again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::agent::disk;
use crate::agent::position::Positions;
use crate::error::{self, Result};

pub(super) const FILE: &str = "cursor.json";

/// How far a channel was emptied into its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Cursor {
    /// The channel's identity, made when its directory was.
    pub channel: String,
    /// The channel whose work this one goes on with, until its own first epoch is in the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// The number of the last epoch in the target; counts from 1.
    pub epoch: u64,
    /// The first record of the channel that is not in the target.
    pub record: u64,
    /// How far the files behind all epochs were read.
    pub positions: Positions,
}

impl Cursor {
    /// The cursor of a channel that was never used.
    pub(crate) fn new(channel: String) -> Self {
        Self { channel, follows: None, epoch: 0, record: 0, positions: Positions::default() }
    }

    /// Whether the target, whose manifest holds `manifest`, is where this channel left it.
    pub(crate) fn agrees_with(&self, manifest: Option<&Self>) -> bool {
        match manifest {
            None => self.epoch == 0,
            Some(m) => self.epoch == m.epoch && (&m.channel == self.follows.as_ref().unwrap_or(&self.channel)),
        }
    }

    /// Reads the cursor in the channel directory `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(disk::failed("read", &path)(e)),
        };
        let cursor = serde_json::from_slice(&bytes);
        cursor.map(Some).map_err(|e| super::segment::corrupt(&path, 0, "is not a cursor").source(e))
    }

    /// Makes this the cursor of the channel directory `dir`, durably.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(|e| error::bug("cannot encode a cursor").source(e))?;
        disk::replace(dir, FILE, &json)
    }
}

/// Decides where a channel goes on: `own` is its cursor, `manifest` the one in the target.
///
/// # Errors
/// Config: the target is not one that this channel can go on with.
pub(super) fn reconcile(own: &Cursor, manifest: Option<&Cursor>, dir: &Path) -> Result<Cursor> {
    let dir = dir.display();
    match manifest {
        _ if own.agrees_with(manifest) => Ok(own.clone()),
        None => Err(error::config(format!(
            "channel directory {dir} has filled a target up to epoch {}, but there is no such target",
            own.epoch
        ))
        .hint("restore the target directory, or remove the channel directory to load the log from its beginning")),
        Some(m) if m.channel == own.channel && m.epoch > own.epoch => Ok(m.clone()),
        Some(m) if m.channel == own.channel => Err(error::config(format!(
            "channel directory {dir} is at epoch {}, but its target is only at epoch {}",
            own.epoch, m.epoch
        ))
        .hint("restore the target as it was, or remove both to load the log from its beginning")),
        Some(m) if own.epoch == 0 && own.follows.is_none() && own.record == 0 => {
            Ok(Cursor { follows: Some(m.channel.clone()), epoch: m.epoch, positions: m.positions.clone(), ..own.clone() })
        }
        Some(m) => Err(error::config(format!(
            "the target is filled by channel {}, but directory {dir} holds channel {}",
            m.channel, own.channel
        ))
        .hint("give each agent a target of its own; where one agent replaces another, start it with an empty channel directory")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::fingerprint::Fingerprint;
    use crate::agent::position::FilePosition;
    use crate::error::Kind;

    fn cursor(channel: &str, epoch: u64, record: u64) -> Cursor {
        let head = Fingerprint::new(b"x", 0);
        let (path, offset) = ("/a".into(), epoch);
        let at = FilePosition { path, device: 1, inode: 1, generation: 0, head, tail: None, offset, gone_s: None };
        Cursor { epoch, record, positions: vec![at].into(), ..Cursor::new(channel.into()) }
    }

    fn decide(own: &Cursor, manifest: Option<&Cursor>) -> Result<Cursor, Kind> {
        reconcile(own, manifest, Path::new("/c")).map_err(|e| e.kind())
    }

    #[test]
    fn the_manifest_decides() {
        let fresh = Cursor::new("a".into());
        let behind = cursor("a", 3, 30);
        assert_eq!(decide(&fresh, None), Ok(fresh.clone()), "nothing was ever loaded");
        assert_eq!(decide(&behind, Some(&behind)), Ok(behind.clone()), "nothing happened in between");
        let ahead = cursor("a", 4, 44);
        assert_eq!(decide(&behind, Some(&ahead)), Ok(ahead.clone()), "killed between manifest and channel");
        assert_eq!(decide(&fresh, Some(&ahead)), Ok(ahead.clone()), "killed behind the very first epoch");
        assert_eq!(decide(&ahead, Some(&behind)), Err(Kind::Config), "the target went back in time");
        assert_eq!(decide(&behind, None), Err(Kind::Config), "the target is gone");
    }

    #[test]
    fn a_fresh_channel_goes_on_with_a_lost_ones_work() {
        let lost = cursor("lost", 7, 70);
        let follower = decide(&Cursor::new("new".into()), Some(&lost)).unwrap();
        assert_eq!((follower.channel.as_str(), follower.epoch, follower.record), ("new", 7, 0));
        assert_eq!(follower.positions, lost.positions);
        assert_eq!(decide(&follower, Some(&lost)), Ok(follower.clone()), "killed before its first epoch");
        assert_eq!(decide(&lost, Some(&cursor("new", 8, 1))), Err(Kind::Config), "the lost one comes back");
        assert_eq!(decide(&cursor("other", 2, 5), Some(&lost)), Err(Kind::Config));
    }
}
