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
    /// The first of the channels that went on with each other's work, where this one was not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The number of the last epoch in the target; counts from 1.
    pub epoch: u64,
    /// The first record of the channel that is not in the target.
    pub record: u64,
    /// How far the sources behind all epochs were read.
    pub positions: Positions,
}

impl Cursor {
    /// The cursor of a channel that was never used.
    pub(crate) fn new(channel: String) -> Self {
        Self { channel, follows: None, lineage: None, epoch: 0, record: 0, positions: Positions::default() }
    }

    /// The cursor of a channel of this identity that was never used, and goes on with the work of another one.
    pub(crate) fn following(channel: String, other: &Self) -> Self {
        Self {
            follows: Some(other.channel.clone()),
            lineage: Some(other.lineage().to_owned()),
            epoch: other.epoch,
            positions: other.positions.clone(),
            ..Self::new(channel)
        }
    }

    /// The first of the channels that went on with each other's work.
    pub(crate) fn lineage(&self) -> &str {
        self.lineage.as_deref().unwrap_or(&self.channel)
    }

    /// Whether a target whose manifest holds `manifest` can take the next epoch. One that shares the channel with others
    /// has the epochs that it was given: it may be behind.
    pub(crate) fn admits(&self, manifest: Option<&Self>, shares: bool) -> bool {
        match manifest {
            Some(m) if shares => m.epoch <= self.epoch && m.lineage() == self.lineage(),
            None if shares => true,
            manifest => self.agrees_with(manifest),
        }
    }

    /// Whether the target, whose manifest holds `manifest`, is where this channel left it.
    pub(crate) fn agrees_with(&self, manifest: Option<&Self>) -> bool {
        match manifest {
            None => self.epoch == 0,
            Some(m) => self.epoch == m.epoch && (&m.channel == self.follows.as_ref().unwrap_or(&self.channel)),
        }
    }

    /// Whether this is where the channel is once the epoch at `from` is in the target.
    pub(crate) fn is_next_of(&self, from: &Self) -> bool {
        self.channel == from.channel && self.epoch == from.epoch + 1
    }

    /// The name of the load of the epoch at this cursor.
    pub(crate) fn next_load(&self) -> String {
        format!("{}-{:08}", self.channel, self.epoch + 1)
    }

    /// As it is kept in the target's manifest.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub(crate) fn to_checkpoint(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| error::bug("cannot write a cursor as JSON").source(e))
    }

    /// Reads the cursor in a manifest of `target`.
    ///
    /// # Errors
    /// Data: it is not one.
    pub(crate) fn of_checkpoint(checkpoint: &serde_json::Value, target: &str) -> Result<Self> {
        serde_json::from_value(checkpoint.clone())
            .map_err(|e| error::data(format!("the checkpoint of {target} is not an agent's")).source(e))
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

/// The cursor in a channel's directory, or that of a new channel.
pub(super) fn own(dir: &Path) -> Result<Cursor> {
    Ok(Cursor::read(dir)?.unwrap_or_else(|| Cursor::new(uuid::Uuid::now_v7().to_string())))
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
        .hint(
            "restore the target as it was, put a sink back that was taken out of its group, or remove channel and target to \
             load the log from its beginning",
        )),
        Some(m) if own.epoch == 0 && own.follows.is_none() && own.record == 0 => {
            Ok(Cursor::following(own.channel.clone(), m))
        }
        Some(m) => Err(error::config(format!(
            "the target is filled by channel {}, but directory {dir} holds channel {}",
            m.channel, own.channel
        ))
        .hint("give each agent a target of its own; where one agent replaces another, start it with an empty channel directory")),
    }
}

/// The same where some of the sinks that empty the channel keep no cursor: the channel may be ahead of all that do.
///
/// # Errors
/// As [`reconcile`].
pub(super) fn reconcile_ahead(own: &Cursor, manifest: Option<&Cursor>, dir: &Path) -> Result<Cursor> {
    match manifest {
        Some(m) if m.epoch > own.epoch || m.lineage() != own.lineage() => reconcile(own, manifest, dir),
        _ => Ok(own.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::position::of_a_file;
    use crate::error::Kind;

    fn cursor(channel: &str, epoch: u64, record: u64) -> Cursor {
        let mut positions = Positions::default();
        positions.advance(of_a_file(serde_json::json!({"path": "/a", "inode": 1, "offset": epoch})));
        Cursor { epoch, record, positions, ..Cursor::new(channel.into()) }
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
    fn targets_that_share_a_channel_may_be_behind_it() {
        let first = cursor("a", 7, 70);
        let second = Cursor { epoch: 9, follows: None, ..Cursor::following("b".into(), &first) };
        let third = Cursor::following("c".into(), &second);
        assert_eq!((second.lineage(), third.lineage()), ("a", "a"));
        assert!(third.admits(Some(&first), true) && third.admits(Some(&second), true) && third.admits(None, true));
        assert!(!third.admits(Some(&first), false) && third.admits(Some(&second), false));
        assert!(!first.admits(Some(&second), true), "it is ahead");
        assert!(!second.admits(Some(&cursor("other", 3, 1)), true), "it is another agent's");
        let ahead = |own: &Cursor, manifest: Option<&Cursor>| {
            reconcile_ahead(own, manifest, Path::new("/c")).map_err(|e| e.kind())
        };
        assert_eq!(ahead(&first, None), Ok(first.clone()));
        assert_eq!(ahead(&first, Some(&cursor("a", 3, 1))), Ok(first.clone()));
        assert_eq!(ahead(&first, Some(&cursor("a", 8, 80))), Ok(cursor("a", 8, 80)));
        assert_eq!(ahead(&first, Some(&cursor("other", 3, 1))), Err(Kind::Config));
        assert_eq!(ahead(&Cursor::new("d".into()), Some(&first)).map(|cursor| cursor.epoch), Ok(7));
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
