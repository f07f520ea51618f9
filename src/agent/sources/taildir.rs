//! The source that follows files: new lines of every file that matches a pattern, wherever it is renamed to.
//!
//! A round looks at the files once and reads each to the length it had then, oldest change first. A file is known by
//! its beginning ([`position`](crate::agent::position)): renamed, it is read on; truncated or replaced, from its start.
//! A file that left the pattern is read on while it is still written to; use a pattern that matches rotated names, as
//! only those are found again by an agent that was stopped meanwhile. Compressed files are refused, not read as lines.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Pattern;
use super::lines::{self, ReadLimits};
use crate::agent::disk;
use crate::agent::event::Batch;
use crate::agent::position::{Candidate, FilePosition, HEAD_BYTES, Head, Positions};
use crate::error::{self, Result};

/// Lines of a batch: each batch costs one sync of the channel's disk.
const BATCH_LINES: usize = 5000;
/// Bytes of a batch.
const BATCH_BYTES: usize = 1 << 20;
/// How long after its last change a file is kept open.
const IDLE: Duration = Duration::from_secs(120);

/// Follows the files that match patterns.
#[derive(Debug)]
pub struct Taildir {
    patterns: Vec<Pattern>,
    limits: ReadLimits,
    positions: Positions,
    open: BTreeMap<u64, Followed>,
    /// Files that were read to their end and closed, as they looked then.
    idle: BTreeMap<u64, Look>,
    /// The inodes still to be read in this round.
    turn: VecDeque<Look>,
}

/// A file that is open.
#[derive(Debug)]
struct Followed {
    file: File,
    offset: u64,
    /// Which file of its inode it is.
    generation: u32,
    /// It was known by another inode; its position is put under its own, even if there are no new lines.
    adopted: bool,
    /// What the file begins with as long as it is this file.
    head: Head,
    /// How far the end of an endless line was looked for.
    searched: u64,
}

/// How a file looked when the round began.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    path: PathBuf,
    inode: u64,
    size: u64,
    changed: SystemTime,
}

impl Look {
    fn new(path: PathBuf, metadata: &Metadata) -> Self {
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { path, inode: metadata.ino(), size: metadata.len(), changed }
    }

    /// Whether nobody wrote for so long that nobody is expected to.
    fn is_idle(&self) -> bool {
        self.changed.elapsed().is_ok_and(|age| age > IDLE)
    }

    fn path(&self) -> Result<&str> {
        self.path.to_str().ok_or_else(|| {
            error::config(format!("log file {} has a name that is not UTF-8", self.path.display()))
                .hint("rename it, or narrow the pattern")
        })
    }
}

impl Taildir {
    /// Follows the files of `patterns`, from `positions` where they were read before.
    pub fn new(patterns: Vec<Pattern>, max_line_bytes: usize, positions: Positions) -> Self {
        let limits = ReadLimits { max_lines: BATCH_LINES, max_bytes: BATCH_BYTES, max_line_bytes };
        Self { patterns, limits, positions, open: BTreeMap::new(), idle: BTreeMap::new(), turn: VecDeque::new() }
    }

    /// Begins a round: looks which files there are, and how long they are now. Gives the number of files.
    ///
    /// # Errors
    /// NotFound: a pattern's directory does not exist. Auth, Refused: the disk.
    pub fn look(&mut self) -> Result<usize> {
        let mut looks: BTreeMap<u64, Look> = BTreeMap::new();
        for pattern in &self.patterns {
            for path in pattern.files()? {
                match path.metadata() {
                    Ok(metadata) => looks.insert(metadata.ino(), Look::new(path, &metadata)),
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    Err(e) => return Err(disk::failed("look at", &path)(e)),
                };
            }
        }
        let files = looks.len();
        self.look_at_strays(&mut looks)?;
        self.idle.retain(|inode, _| looks.contains_key(inode));
        let mut turn: Vec<Look> = looks.into_values().filter(|look| self.idle.get(&look.inode) != Some(look)).collect();
        turn.sort_by(|a, b| (a.changed, &a.path).cmp(&(b.changed, &b.path)));
        self.turn = turn.into();
        Ok(files)
    }

    /// Adds the open files that no longer match; lets go of those that nobody writes to any more.
    fn look_at_strays(&mut self, looks: &mut BTreeMap<u64, Look>) -> Result<()> {
        let strays: Vec<u64> = self.open.keys().filter(|inode| !looks.contains_key(inode)).copied().collect();
        for inode in strays {
            let Some((followed, known)) = self.open.get(&inode).zip(self.positions.last(inode)) else {
                self.open.remove(&inode);
                continue;
            };
            let path = PathBuf::from(&known.path);
            let metadata = followed.file.metadata().map_err(disk::failed("look at", &path))?;
            let look = Look::new(path, &metadata);
            if look.is_idle() && look.size <= followed.offset {
                self.open.remove(&inode);
            } else {
                looks.insert(inode, look);
            }
        }
        Ok(())
    }

    /// Reads the next batch of this round; `None` when each file was read to the length it had.
    ///
    /// # Errors
    /// Data: a file is compressed. Config: its name is not UTF-8. Auth, Refused: the disk.
    pub fn read(&mut self) -> Result<Option<Batch>> {
        while let Some(look) = self.turn.front().cloned() {
            if let Some(batch) = self.read_file(&look)? {
                self.positions.put(batch.after.clone());
                return Ok(Some(batch));
            }
            self.turn.pop_front();
            if look.is_idle() {
                self.open.remove(&look.inode);
                self.idle.insert(look.inode, look);
            }
        }
        Ok(None)
    }

    /// Files whose last line has no end yet, with the bytes of it.
    pub fn unfinished(&self) -> Vec<(String, u64)> {
        let files = self.positions.iter().filter_map(|position| {
            let size = Path::new(&position.path).metadata().ok().filter(|m| m.ino() == position.inode)?.len();
            (size > position.offset).then(|| (position.path.clone(), size - position.offset))
        });
        files.collect()
    }

    fn read_file(&mut self, look: &Look) -> Result<Option<Batch>> {
        let Some(mut followed) = self.follow(look)? else { return Ok(None) };
        let nothing_new = followed.offset.max(followed.searched) >= look.size;
        let failed = || disk::failed("read", &look.path);
        let (events, after) = if nothing_new {
            (Vec::new(), followed.offset)
        } else {
            lines::read(&followed.file, followed.offset, look.size, &mut followed.searched, self.limits)
                .map_err(failed())?
        };
        followed.offset = after;
        let batch = if events.is_empty() && !followed.adopted {
            None
        } else {
            followed.adopted = false;
            let head = lines::read_at(&followed.file, 0, HEAD_BYTES).map_err(failed())?;
            followed.head = Head::new(&head, after);
            let after = FilePosition {
                path: look.path()?.to_owned(),
                inode: look.inode,
                generation: followed.generation,
                head: followed.head.clone(),
                offset: after,
            };
            Some(Batch { events, after })
        };
        self.open.insert(look.inode, followed);
        Ok(batch)
    }

    /// The open file of `look`, at the place where reading goes on; `None` if it has gone meanwhile.
    fn follow(&mut self, look: &Look) -> Result<Option<Followed>> {
        if let Some(mut followed) = self.open.remove(&look.inode) {
            if look.size != followed.offset {
                let head = lines::read_at(&followed.file, 0, HEAD_BYTES).map_err(disk::failed("read", &look.path))?;
                if look.size < followed.offset || !followed.head.matches(&head) {
                    followed.begin(self.positions.next_generation(look.inode));
                }
            }
            return Ok(Some(followed));
        }
        let file = match File::open(&look.path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(disk::failed("open", &look.path)(e)),
        };
        let metadata = file.metadata().map_err(disk::failed("look at", &look.path))?;
        if metadata.ino() != look.inode {
            return Ok(None);
        }
        let head = lines::read_at(&file, 0, HEAD_BYTES).map_err(disk::failed("read", &look.path))?;
        refuse_compressed(look, &head)?;
        let found = Candidate { path: look.path()?, inode: look.inode, size: look.size, head: &head };
        let mut followed =
            Followed { file, offset: 0, generation: 0, adopted: false, head: Head::default(), searched: 0 };
        followed.begin(self.positions.next_generation(look.inode));
        if let Some(position) = self.positions.find(&found, exists_still) {
            followed.offset = position.offset;
            followed.head = position.head.clone();
            followed.adopted = position.inode != look.inode;
            if !followed.adopted {
                followed.generation = position.generation;
            }
        }
        Ok(Some(followed))
    }
}

impl Followed {
    /// Takes the file for a new one.
    fn begin(&mut self, generation: u32) {
        (self.offset, self.searched, self.head, self.generation) = (0, 0, Head::default(), generation);
    }
}

/// Whether the file of a position is still at its path.
fn exists_still(position: &FilePosition) -> bool {
    let check = || -> std::io::Result<bool> {
        let file = File::open(&position.path)?;
        let head = lines::read_at(&file, 0, HEAD_BYTES)?;
        Ok(file.metadata()?.ino() == position.inode && position.head.matches(&head))
    };
    check().unwrap_or(false)
}

fn refuse_compressed(look: &Look, head: &[u8]) -> Result<()> {
    let magics: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
    if magics.iter().any(|magic| head.starts_with(magic)) {
        return Err(error::data(format!("log file {} is compressed", look.path.display()))
            .hint("narrow the pattern so that it does not match compressed files"));
    }
    Ok(())
}
