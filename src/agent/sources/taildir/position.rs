//! How far each log file was read, and how a file is known again after a rename, a restart or on another machine.
//!
//! A file is what it holds: a position has a fingerprint of the first bytes that were read (4,096 at most) and one of
//! the last bytes before its offset. Device, inode and path only choose between files that begin alike. So a renamed
//! file is not read twice, a new file on a reused inode is not skipped into, a truncated one starts anew, the copy that
//! `copytruncate` makes is read on where its original was left, and so is a copy of a log on another machine.
//!
//! What cannot be told apart: two logs that hold the same bytes up to where one of them was read are one log, if these
//! bytes are 4,096 or more, or one is called as a rotated copy of the other. The log on stderr names both.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, HEAD_BYTES};
use super::rotation::is_rotated_name;

/// Which file it is on this machine. The device tells file systems apart that number their inodes alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The file system; 0 in positions of a version that did not record it.
    pub device: u64,
    /// The number of the file there.
    pub inode: u64,
}

/// How far one file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FilePosition {
    /// Where the file was when it was last read.
    pub path: String,
    /// Its device then; 0 where an earlier version did not record it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub device: u64,
    /// Its inode then.
    pub inode: u64,
    /// How many other files this inode held before, truncated or deleted since.
    #[serde(default)]
    pub generation: u32,
    /// Its first bytes, of those before `offset`.
    pub head: Fingerprint,
    /// Its last bytes before `offset`, where there are more than `head` covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<Fingerprint>,
    /// The first byte not yet read.
    pub offset: u64,
    /// When it was first noticed that the file is gone, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_s: Option<i64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl FilePosition {
    /// Which file it was.
    pub fn id(&self) -> FileId {
        FileId { device: self.device, inode: self.inode }
    }
}

/// A file found on disk, to be known again.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where it is.
    pub path: &'a str,
    /// Which file it is.
    pub id: FileId,
    /// Its length in bytes.
    pub size: u64,
    /// Where its data begins: behind the hole that a truncated file may begin with.
    pub start: u64,
    /// The first [`HEAD_BYTES`] bytes from `start` on, or all of them.
    pub head: &'a [u8],
}

/// Why a position is taken for that of a file; the greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// A copy: it holds the same bytes up to the offset.
    Copy,
    /// It is where the file was.
    Place,
    /// It is the file.
    Same,
}

/// Which files a look at the disk did not find any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The files.
    pub files: BTreeSet<FileId>,
    /// When that was, in seconds since 1970.
    pub now_s: i64,
    /// How long positions of files that are gone are kept, in seconds.
    pub keep_s: i64,
}

/// A change of the positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The file was read to here.
    To(FilePosition),
    /// The position of this file and generation is known no longer.
    Forgotten(FileId, u32),
}

/// How many generations of an inode are remembered: a copy of a truncated file is known by the one before.
const GENERATIONS: u32 = 4;

/// The positions of all files that were read and are not gone for long, by file and generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<FilePosition>", into = "Vec<FilePosition>")]
pub struct Positions(BTreeMap<(FileId, u32), FilePosition>);

impl Positions {
    /// Moves a file's position; says what changed.
    pub fn put(&mut self, position: FilePosition) -> Vec<Moved> {
        let (id, generation) = (position.id(), position.generation);
        let mut moved = vec![Moved::To(position.clone())];
        if let Some(oldest) = generation.checked_sub(GENERATIONS)
            && self.0.remove(&(id, oldest)).is_some()
        {
            moved.push(Moved::Forgotten(id, oldest));
        }
        self.0.insert((id, generation), position);
        moved
    }

    /// The generation of the next new file on an inode.
    pub fn next_generation(&self, id: FileId) -> u32 {
        self.last(id).map_or(0, |position| position.generation.saturating_add(1))
    }

    /// The position of the file that `found` is, if any of it was read before.
    ///
    /// `is_there` says whether a position's own file is still where it was, `has_tail` whether the found file has the
    /// position's last bytes.
    pub fn find(
        &self,
        found: &Candidate<'_>,
        mut is_there: impl FnMut(&FilePosition) -> bool,
        mut has_tail: impl FnMut(&Fingerprint) -> bool,
    ) -> Option<(Likeness, &FilePosition)> {
        let known = self
            .0
            .values()
            .filter(|p| p.offset <= found.size && p.head.at == found.start && p.head.matches(found.head));
        let mut known: Vec<(Likeness, &FilePosition)> =
            known.filter_map(|p| Some((likeness(p, found, &mut is_there)?, p))).collect();
        known.sort_by_key(|(likeness, p)| std::cmp::Reverse((*likeness, p.offset)));
        known.into_iter().find(|(_, p)| p.tail.as_ref().is_none_or(&mut has_tail))
    }

    /// The position of the last file on this inode.
    pub fn last(&self, id: FileId) -> Option<&FilePosition> {
        self.0.range((id, 0)..=(id, u32::MAX)).next_back().map(|(_, position)| position)
    }

    /// The positions, by file.
    pub fn iter(&self) -> impl Iterator<Item = &FilePosition> {
        self.0.values()
    }

    /// Notes which files are gone, and forgets those that have been for long; says what changed.
    pub fn note(&mut self, gone: &Gone) -> Vec<Moved> {
        let mut moved = Vec::new();
        self.0.retain(|(id, generation), position| {
            let before = position.gone_s;
            position.gone_s = gone.files.contains(id).then(|| before.unwrap_or(gone.now_s));
            if position.gone_s.is_some_and(|since_s| gone.now_s.saturating_sub(since_s) >= gone.keep_s) {
                moved.push(Moved::Forgotten(*id, *generation));
                return false;
            }
            if position.gone_s != before {
                moved.push(Moved::To(position.clone()));
            }
            true
        });
        moved
    }
}

/// How surely a file that begins as a position says is the position's.
fn likeness(
    known: &FilePosition,
    found: &Candidate<'_>,
    is_there: &mut impl FnMut(&FilePosition) -> bool,
) -> Option<Likeness> {
    let is_same = known.inode == found.id.inode && (known.device == found.id.device || known.device == 0);
    if is_same {
        return Some(Likeness::Same);
    }
    if known.head.len == 0 {
        return None;
    }
    let is_certain = known.head.len == HEAD_BYTES;
    if known.path == found.path && (is_certain || !is_there(known)) {
        return Some(Likeness::Place);
    }
    (is_certain || is_rotated_name(&known.path, found.path)).then_some(Likeness::Copy)
}

impl From<Vec<FilePosition>> for Positions {
    fn from(positions: Vec<FilePosition>) -> Self {
        Self(positions.into_iter().map(|p| ((p.id(), p.generation), p)).collect())
    }
}

impl From<Positions> for Vec<FilePosition> {
    fn from(positions: Positions) -> Self {
        positions.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(inode: u64) -> FileId {
        FileId { device: 7, inode }
    }

    fn position(path: &str, inode: u64, head: &[u8], offset: u64) -> FilePosition {
        let head = Fingerprint::head(head, 0, offset);
        FilePosition { path: path.into(), device: 7, inode, generation: 0, head, tail: None, offset, gone_s: None }
    }

    fn find(positions: &Positions, path: &str, inode: u64, head: &[u8], size: u64) -> Option<u64> {
        let head = &head[..head.len().min(HEAD_BYTES)];
        let found = Candidate { path, id: id(inode), size, start: 0, head };
        positions.find(&found, |_| false, |_| true).map(|(_, p)| p.offset)
    }

    #[test]
    fn a_file_is_known_by_its_beginning_and_not_by_its_place() {
        let long = vec![b'a'; 5000];
        let positions = Positions::from(vec![position("/a", 1, &long, 5000), position("/b", 2, b"short\n", 6)]);
        assert_eq!(find(&positions, "/a.1", 1, &long, 9000), Some(5000), "renamed");
        assert_eq!(find(&positions, "/a", 9, &long, 9000), Some(5000), "copied to its old place");
        assert_eq!(find(&positions, "/x", 9, &long, 9000), Some(5000), "copied to another place");
        assert_eq!(find(&positions, "/a", 1, &long, 4999), None, "truncated");
        assert_eq!(find(&positions, "/a", 1, &vec![b'b'; 5000], 9000), None, "another file on the same inode");
        assert_eq!(find(&positions, "/b", 9, b"short\nmore\n", 11), Some(6), "a short one in its place");
        assert_eq!(find(&positions, "/b.1", 9, b"short\nmore\n", 11), Some(6), "a short one, copied when rotated");
        assert_eq!(find(&positions, "/x", 9, b"short\nmore\n", 11), None, "a short beginning proves nothing");
    }

    #[test]
    fn the_last_bytes_tell_files_apart_that_begin_alike() {
        let long = vec![b'a'; 5000];
        let mut known = position("/a", 1, &long, 5000);
        known.tail = Some(Fingerprint::new(b"tail", 4996));
        let positions = Positions::from(vec![known]);
        for (path, inode) in [("/a.1", 2), ("/a", 1)] {
            let found = Candidate { path, id: id(inode), size: 5000, start: 0, head: &long[..HEAD_BYTES] };
            assert!(positions.find(&found, |_| true, |tail| tail.matches(b"tail")).is_some());
            assert!(positions.find(&found, |_| true, |tail| tail.matches(b"liat")).is_none());
        }
    }

    #[test]
    fn a_new_log_that_begins_like_the_one_renamed_away_is_another() {
        let positions = Positions::from(vec![position("/a", 1, b"started\n", 8)]);
        let found = Candidate { path: "/a", id: id(2), size: 8, start: 0, head: b"started\n" };
        assert!(positions.find(&found, |p| p.inode == 1, |_| true).is_none());
    }

    #[test]
    fn equal_inodes_on_two_devices_are_two_files() {
        let mut positions = Positions::from(vec![position("/a/log", 2, b"a\n", 2)]);
        let other = FileId { device: 8, inode: 2 };
        let found = Candidate { path: "/b/log", id: other, size: 2, start: 0, head: b"a\n" };
        assert!(positions.find(&found, |_| true, |_| true).is_none());
        positions.put(FilePosition { device: 8, ..position("/b/log", 2, b"b\n", 2) });
        assert_eq!(positions.iter().count(), 2);
    }

    #[test]
    fn positions_of_a_version_without_devices_are_understood() {
        let json = r#"[{"path":"/a","inode":2,"head":{"len":2,"sha256":"87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"},"offset":2}]"#;
        let positions: Positions = serde_json::from_str(json).unwrap();
        let found = Candidate { path: "/a.1", id: id(2), size: 4, start: 0, head: b"a\nb\n" };
        let (likeness, known) = positions.find(&found, |_| true, |_| true).unwrap();
        assert_eq!((likeness, known.device, known.offset), (Likeness::Same, 0, 2));
        assert_eq!(serde_json::to_string(&positions).unwrap(), json.replace(r#","head""#, r#","generation":0,"head""#));
    }

    #[test]
    fn a_new_file_on_an_inode_does_not_hide_the_old_one() {
        let mut positions = Positions::from(vec![position("/a", 1, &[b'a'; 5000], 5000)]);
        for _ in 0..GENERATIONS - 1 {
            let generation = positions.next_generation(id(1));
            positions.put(FilePosition { generation, ..position("/a", 1, b"new", 3) });
        }
        assert_eq!(find(&positions, "/copy", 2, &[b'a'; 5000], 5000), Some(5000));
        let generation = positions.next_generation(id(1));
        positions.put(FilePosition { generation, ..position("/a", 1, b"new", 3) });
        assert_eq!(positions.iter().count(), GENERATIONS as usize);
    }

    #[test]
    fn of_several_positions_of_a_place_the_farthest_counts() {
        let positions = Positions::from(vec![position("/a", 1, b"one\n", 4), position("/a", 2, b"one\ntwo\n", 8)]);
        assert_eq!(find(&positions, "/a", 3, b"one\ntwo\nthree\n", 14), Some(8));
    }

    #[test]
    fn files_that_are_gone_for_long_are_forgotten() {
        let mut positions = Positions::from(vec![position("/a", 1, b"x", 1), position("/b", 2, b"x", 1)]);
        let mut at = |now_s, gone: &[u64]| {
            positions.note(&Gone { files: gone.iter().map(|n| id(*n)).collect(), now_s, keep_s: 100 });
            positions.iter().map(|p| (p.inode, p.gone_s)).collect::<Vec<_>>()
        };
        assert_eq!(at(1000, &[2]), [(1, None), (2, Some(1000))]);
        assert_eq!(at(1099, &[2]), [(1, None), (2, Some(1000))]);
        assert_eq!(at(1099, &[]), [(1, None), (2, None)], "it came back");
        at(2000, &[2]);
        assert_eq!(at(2100, &[2]), [(1, None)]);
    }
}
