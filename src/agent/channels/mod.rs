//! Where events wait between the sources and a sink.
//!
//! | channel | what |
//! |---|---|
//! | [`file::FileChannel`] | on the local disk: what was put is there after a crash, with the sources' positions |
//! | [`memory::MemoryChannel`] | in memory: what was put comes again from a source that can be read again, or is lost |
//! | [`spill::SpillChannel`] | in memory, and on the local disk what does not fit |

#[cfg(test)]
mod conformance;
pub(super) mod cursor;
pub(super) mod damage;
mod disk;
pub(super) mod file;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod gap;
pub(super) mod head;
mod index;
pub(super) mod lock;
pub(super) mod memory;
mod queue;
mod record;
mod scan;
pub(super) mod seal;
mod segment;
pub(super) mod spill;
#[cfg(test)]
mod tests;
mod untold;

use std::time::Duration;

use self::cursor::Cursor;
use super::event::Batch;
use super::position::Positions;
use super::sinks::Kept;
use crate::error::Result;

/// A queue of batches between sources and a sink. Any number may put, one takes.
pub(super) trait Channel: Send + Sync + std::fmt::Debug {
    /// Where the sink goes on.
    fn cursor(&self) -> Cursor;

    /// How far the sources behind all that was ever put were read: where they go on.
    fn positions(&self) -> Positions;

    /// Puts a batch; what the channel promises of it holds on return. Blocks while the channel has no room; says
    /// whether the batch was put, which it is not once the channel has ended or is closed.
    ///
    /// # Errors
    /// Refused, Auth, NotFound: the disk. The batch may be there after a restart or not; its source settles that.
    fn put(&self, batch: Batch) -> Result<bool>;

    /// Puts a batch if there is room for it now; says whether there was.
    ///
    /// # Errors
    /// Those of [`Channel::put`].
    fn offer(&self, batch: Batch) -> Result<bool>;

    /// Takes the next record; blocks up to `patience` for one, unless a put waits for room.
    ///
    /// # Errors
    /// Data: the record does not check. Refused, Auth, NotFound: the disk.
    fn take(&self, patience: Duration) -> Result<Take>;

    /// Whether what it holds is lost with the process.
    fn forgets(&self) -> bool {
        false
    }

    /// Gives what was taken and not committed again.
    fn rewind(&self);

    /// Lets go of all records before `cursor`.
    ///
    /// # Errors
    /// Refused, Auth, NotFound: the disk; the records may or may not be gone, which the manifest settles.
    fn commit(&self, cursor: Cursor) -> Result<()>;

    /// Tells a channel that was opened before its target could be asked what that keeps; nothing was taken from it yet.
    ///
    /// # Errors
    /// Config: the target is not one that this channel can go on with. Refused, Auth: the disk.
    fn told(&self, _kept: &Kept) -> Result<()> {
        Ok(())
    }

    /// Says that no more will be put: a put is not taken any more, and takes end when nothing waits.
    fn end(&self);

    /// Ends every wait for good; what the channel holds stays there.
    fn close(&self);

    /// Keeps what would be lost with the process, where there is a place for it: at an orderly end, once nothing is put or
    /// taken any more.
    ///
    /// # Errors
    /// Refused, Auth: the disk.
    fn keep(&self) -> Result<()> {
        Ok(())
    }

    /// What it holds now, and what went through it.
    fn level(&self) -> Level;

    /// Blocks for `time`; says whether the channel still takes events, and at once when it does not.
    fn pause(&self, time: Duration) -> bool;
}

/// The bounds of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChannelLimits {
    /// Bytes of records that may wait; a put waits while they would be more.
    pub max_bytes: u64,
    /// Events that may wait.
    pub max_events: u64,
    /// Bytes after which a new segment is begun.
    pub segment_bytes: u64,
    /// Bytes that stay free on the disk; a put waits while there are fewer.
    pub min_free_bytes: u64,
}

/// What stays free on the disk of a channel that is not told anything else: enough for what the channel itself and the
/// system write beside it. Of a disk that is smaller than ten times this it is a tenth.
pub(super) const MIN_FREE_BYTES: u64 = 16 << 20;

impl ChannelLimits {
    /// Those of both together.
    fn and(&self, other: &Self) -> Self {
        let max_bytes = self.max_bytes.saturating_add(other.max_bytes);
        Self { max_bytes, max_events: self.max_events.saturating_add(other.max_events), ..*other }
    }
}

/// How full a channel is, and what went through it since it was opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub limits: ChannelLimits,
    /// Events that wait, or are in the sink and not yet committed.
    pub events: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// How long the oldest of them has been here; one that was found when the channel was opened, since then.
    pub oldest: Option<Duration>,
    /// Events that were put.
    pub put: u64,
    /// Events that were taken; those that are taken again count again.
    pub taken: u64,
    /// Events that left for good.
    pub committed: u64,
    /// Records that were damaged on the disk and set aside.
    pub damaged: u64,
}

impl Level {
    /// How full it is by the bound that is nearer, from 0 to 1; a record larger than the channel makes it more.
    pub(super) fn fill(&self) -> f64 {
        let share = |filled: u64, most: u64| filled as f64 / most.max(1) as f64;
        share(self.events, self.limits.max_events).max(share(self.bytes, self.limits.max_bytes))
    }
}

/// What a take gives.
#[derive(Debug)]
pub(super) enum Take<B = Batch> {
    /// The next record, and its number: the channel counts on from 0 without a gap.
    Record { number: u64, batch: B },
    /// Nothing came in time.
    Nothing,
    /// A put waits for room, and all there is was taken.
    Full,
    /// No record is left, and no more will be put.
    End,
    /// The channel was closed; what it holds stays there.
    Closed,
}

impl<B> Take<B> {
    /// The same with another thing in the record's place.
    ///
    /// # Errors
    /// Those of `map`.
    fn try_map<C>(self, map: impl FnOnce(u64, B) -> Result<C>) -> Result<Take<C>> {
        Ok(match self {
            Self::Record { number, batch } => Take::Record { number, batch: map(number, batch)? },
            Self::Nothing => Take::Nothing,
            Self::Full => Take::Full,
            Self::End => Take::End,
            Self::Closed => Take::Closed,
        })
    }
}

/// Names as the files of a channel have them.
pub(super) fn names() -> [String; 3] {
    [cursor::FILE.to_owned(), lock::FILE.to_owned(), segment::file_name(0)]
}
