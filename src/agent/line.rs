//! What travels through the channel: the lines of a log, each with the place it came from.

use bytes::Bytes;

use super::position::FilePosition;

/// One line of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// Where the line begins in its file, in bytes.
    pub offset: u64,
    /// The line without its end; only the first part of it where the line was longer than the source allows.
    pub body: Bytes,
    /// The length of the line in its file, without its end; more than the body's says that the body was cut.
    pub line_bytes: u64,
    /// It has no end of its own: a hole of NUL bytes follows it, where a writer left off.
    pub torn: bool,
}

impl LogLine {
    /// Whether the line was too long and only its first part is here.
    pub(super) fn is_cut(&self) -> bool {
        self.line_bytes > self.body.len() as u64
    }
}

/// Lines of one file that follow each other, and where reading goes on after them.
///
/// The two travel as one, so that a line is in the channel exactly if the position is past it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The lines, in the file's order.
    pub lines: Vec<LogLine>,
    /// The file, and the offset of the first byte that is not in `lines`.
    pub after: FilePosition,
}
