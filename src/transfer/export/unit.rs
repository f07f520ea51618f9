//! The files of an export, cut into ranges that connections take as their work.

use std::fmt;
use std::ops::Range;

use crate::format::Compression;
use crate::format::decode::FileKind;
use crate::transfer::input::{DataFile, codec_of};

/// Bytes of a file that are worth a range of their own.
const LEAST_RANGE_BYTES: u64 = 8 << 20;

/// Most bytes of a range, so that the last one is never long.
const MOST_RANGE_BYTES: u64 = 64 << 20;

/// A part of a file that one connection writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Place of the file among the files.
    pub file: usize,
    /// Bytes; the records that begin there.
    pub range: Range<u64>,
    /// Whether it is all of the file.
    pub whole: bool,
}

impl Unit {
    /// The range, if it is not all of the file.
    pub(super) fn part(&self) -> Option<Range<u64>> {
        (!self.whole).then(|| self.range.clone())
    }

    /// Whether its lines and rows are counted from the beginning of the file.
    pub(super) fn is_from_the_beginning(&self) -> bool {
        self.range.start == 0
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} to {}", self.range.start, self.range.end)
    }
}

/// Cuts files of one format into work for so many connections; `spanning` text cannot be cut.
pub(super) fn units(files: &[DataFile], kind: FileKind, connections: u32, spanning: bool) -> Vec<Unit> {
    let bytes: u64 = files.iter().map(|file| file.len_bytes).sum();
    let share = bytes / (u64::from(connections.max(1)) * 4);
    let size = share.clamp(LEAST_RANGE_BYTES, MOST_RANGE_BYTES);
    let mut units = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let can_be_cut = kind != FileKind::Text || (!spanning && codec_of(&file.path) == Compression::None);
        let step = if can_be_cut { size } else { file.len_bytes };
        let whole = step >= file.len_bytes;
        let mut at = 0;
        while at < file.len_bytes {
            let end = at.saturating_add(step).min(file.len_bytes);
            units.push(Unit { file: number, range: at..end, whole });
            at = end;
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Partition;

    #[test]
    fn ranges_cover_each_file_once() {
        let file = |path: &str, len| DataFile::new(path, len, Partition::none());
        let files = [file("/a", 20 << 20), file("/b.gz", 20 << 20), file("/c", 1)];
        let found = units(&files, FileKind::Text, 4, false);
        assert_eq!(found.iter().map(|u| u.file).collect::<Vec<_>>(), [0, 0, 0, 1, 2]);
        assert_eq!(found[0].range.end, found[1].range.start);
        assert_eq!((found[2].range.end, found[3].whole, found[0].whole), (20 << 20, true, false));
        assert_eq!(units(&files, FileKind::Text, 4, true).len(), 3, "records that span lines are not cut");
    }
}
