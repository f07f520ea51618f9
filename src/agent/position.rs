//! How far each log file was read, and how a file is known again after a rename, a restart or on another machine.
//!
//! A file is what its first bytes say it is: a position holds a hash of the first bytes that were read (4,096 at
//! most). The inode and the path only choose between files that begin alike. So a renamed file is not read twice, a
//! new file on a reused inode is not skipped into, a truncated one starts anew, and a copy of a log on another disk
//! is continued where the original was left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most bytes of a file's beginning that identify it.
pub const HEAD_BYTES: usize = 4096;

/// The identity of a file: a hash of its first bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Head {
    /// How many bytes were hashed.
    pub len: usize,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Default for Head {
    /// The identity of a file of which nothing was read: any file can be it.
    fn default() -> Self {
        Self::new(&[], 0)
    }
}

impl Head {
    /// Hashes the beginning of a file of which `read` bytes were read; `head` holds that beginning.
    pub fn new(head: &[u8], read: u64) -> Self {
        let len = usize::try_from(read).unwrap_or(usize::MAX).min(HEAD_BYTES).min(head.len());
        Self { len, sha256: format!("{:x}", Sha256::digest(&head[..len])) }
    }

    /// Whether a file that begins with `head` can be this one.
    pub fn matches(&self, head: &[u8]) -> bool {
        head.len() >= self.len && *self == Self::new(head, self.len as u64)
    }

    /// Whether as much was hashed as ever is; less may be the common beginning of different files.
    fn is_whole(&self) -> bool {
        self.len == HEAD_BYTES
    }
}

/// How far one file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FilePosition {
    /// Where the file was when it was last read.
    pub path: String,
    /// Its inode then.
    pub inode: u64,
    /// How many other files this inode held before, truncated or deleted since.
    #[serde(default)]
    pub generation: u32,
    /// Its identity, of the bytes before `offset`.
    pub head: Head,
    /// The first byte not yet read.
    pub offset: u64,
}

/// A file found on disk, to be known again.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where it is.
    pub path: &'a str,
    /// Its inode.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Its first [`HEAD_BYTES`] bytes, or all of it.
    pub head: &'a [u8],
}

/// How many generations of an inode are remembered: a copy of a truncated file is known by the one before.
const GENERATIONS: u32 = 4;

/// The positions of all files ever read, by inode and generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<FilePosition>", into = "Vec<FilePosition>")]
pub struct Positions(BTreeMap<(u64, u32), FilePosition>);

impl Positions {
    /// Moves a file's position.
    pub fn put(&mut self, position: FilePosition) {
        let (inode, generation) = (position.inode, position.generation);
        if let Some(oldest) = generation.checked_sub(GENERATIONS) {
            self.0.remove(&(inode, oldest));
        }
        self.0.insert((inode, generation), position);
    }

    /// The generation of the next new file on an inode.
    pub fn next_generation(&self, inode: u64) -> u32 {
        self.last(inode).map_or(0, |position| position.generation.saturating_add(1))
    }

    /// The position of the file that `found` is, if any of it was read before.
    ///
    /// The same inode wins over the same path, and that over the same beginning alone; the last counts only if the
    /// beginning is a whole one and `is_elsewhere` does not say that the position's own file still exists.
    pub fn find(
        &self,
        found: &Candidate<'_>,
        mut is_elsewhere: impl FnMut(&FilePosition) -> bool,
    ) -> Option<&FilePosition> {
        let known = self.0.values().filter(|p| p.offset <= found.size && p.head.matches(found.head));
        known
            .filter_map(|p| {
                let likeness = match (p.inode == found.inode, p.path == found.path) {
                    (true, _) => 3,
                    (false, true) => 2,
                    (false, false) if p.head.is_whole() && !is_elsewhere(p) => 1,
                    (false, false) => return None,
                };
                Some((likeness, p))
            })
            .max_by_key(|(likeness, p)| (*likeness, p.offset))
            .map(|(_, p)| p)
    }

    /// The position of the last file on this inode.
    pub fn last(&self, inode: u64) -> Option<&FilePosition> {
        self.0.range((inode, 0)..=(inode, u32::MAX)).next_back().map(|(_, position)| position)
    }

    /// The positions, by inode.
    pub fn iter(&self) -> impl Iterator<Item = &FilePosition> {
        self.0.values()
    }
}

impl From<Vec<FilePosition>> for Positions {
    fn from(positions: Vec<FilePosition>) -> Self {
        Self(positions.into_iter().map(|p| ((p.inode, p.generation), p)).collect())
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

    fn position(path: &str, inode: u64, head: &[u8], offset: u64) -> FilePosition {
        FilePosition { path: path.into(), inode, generation: 0, head: Head::new(head, offset), offset }
    }

    fn find(positions: &Positions, path: &str, inode: u64, head: &[u8], size: u64) -> Option<u64> {
        let found = Candidate { path, inode, size, head: &head[..head.len().min(HEAD_BYTES)] };
        positions.find(&found, |_| false).map(|p| p.offset)
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
        assert_eq!(find(&positions, "/x", 9, b"short\nmore\n", 11), None, "a short beginning proves nothing");
    }

    #[test]
    fn a_copy_beside_its_original_is_another_file() {
        let long = vec![b'a'; 5000];
        let positions = Positions::from(vec![position("/a", 1, &long, 5000)]);
        let copy = Candidate { path: "/copy", inode: 2, size: 5000, head: &long[..HEAD_BYTES] };
        assert!(positions.find(&copy, |p| p.inode == 1).is_none());
    }

    #[test]
    fn a_new_file_on_an_inode_does_not_hide_the_old_one() {
        let mut positions = Positions::from(vec![position("/a", 1, &[b'a'; 5000], 5000)]);
        for _ in 0..GENERATIONS - 1 {
            let generation = positions.next_generation(1);
            positions.put(FilePosition { generation, ..position("/a", 1, b"new", 3) });
        }
        assert_eq!(find(&positions, "/copy", 2, &[b'a'; 5000], 5000), Some(5000));
        let generation = positions.next_generation(1);
        positions.put(FilePosition { generation, ..position("/a", 1, b"new", 3) });
        assert_eq!(positions.iter().count(), GENERATIONS as usize);
    }

    #[test]
    fn of_several_positions_of_a_place_the_farthest_counts() {
        let positions = Positions::from(vec![position("/a", 1, b"one\n", 4), position("/a", 2, b"one\ntwo\n", 8)]);
        assert_eq!(find(&positions, "/a", 3, b"one\ntwo\nthree\n", 14), Some(8));
    }
}
