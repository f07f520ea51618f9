//! The channel in memory that spills: what does not fit goes to the local disk.
//!
//! Records keep their order: while some of them are on the disk, new ones go there as well, so that what is in memory always
//! stands before what is on the disk. At an orderly end what is in memory is written before it, and the next run finds all.
//!
//! After a crash what was in memory is lost, as with any channel in memory, and a source that can be read again is read from
//! where the target is. So what was spilled behind a gap is used where its source cannot be read again, and left to the
//! source otherwise: each event is there once. Where no record is missing all of it is used.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cursor::{self, Cursor};
use super::damage::Damaged;
use super::disk::Disk;
use super::gap;
use super::lock::ChannelLock;
use super::memory::Held;
use super::queue::{Fit, Queue, Record, Room, Store};
use super::scan::{Gaps, RecordLocation, Scan};
use super::{Channel, ChannelLimits, Level, Take};
use crate::agent::event::Batch;
use crate::agent::position::{self, Advance, Positions};
use crate::agent::sinks::Kept;
use crate::error::Result;

/// Where what does not fit goes, and when.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Overflow {
    pub limits: ChannelLimits,
    /// How long a put waits for room in memory first.
    pub after: Duration,
}

/// A queue of batches in memory, and on the local disk.
#[derive(Debug)]
pub(in crate::agent) struct SpillChannel {
    queue: Queue<Spot>,
    disk: Disk,
    after: Duration,
    torn_bytes: u64,
}

/// Where a record is.
#[derive(Clone, Debug)]
enum Spot {
    Memory(Held),
    Disk {
        place: RecordLocation,
        /// Records before it were lost: its source may be read again from there.
        is_behind_gap: bool,
    },
    /// It was in memory when the agent was killed.
    Lost,
}

impl Record for Spot {
    fn room(&self) -> Room {
        match self {
            Self::Memory(held) => held.room(),
            Self::Disk { place, .. } => place.room(),
            Self::Lost => Room { bytes: 0, events: 0 },
        }
    }

    fn store(&self) -> Store {
        match self {
            Self::Memory(_) => Store::Own,
            Self::Disk { .. } | Self::Lost => Store::Overflow,
        }
    }
}

impl SpillChannel {
    /// Opens the channel; its overflow is in a directory taken before, `limits` are those of the memory, and `kept` is where
    /// its cursor is kept.
    ///
    /// # Errors
    /// Config: the target is not one that this channel can go on with. Data: what is on the disk is corrupt.
    pub(in crate::agent) fn open(
        lock: ChannelLock,
        limits: ChannelLimits,
        overflow: Overflow,
        kept: &Kept,
    ) -> Result<Self> {
        let own = cursor::own(&lock.dir)?;
        let cursor = match kept {
            Kept::Channel => own,
            Kept::Target(manifest) => cursor::reconcile(&own, manifest.as_ref(), &lock.dir)?,
            Kept::SomeTargets(manifest) => cursor::reconcile_ahead(&own, manifest.as_ref(), &lock.dir)?,
        };
        cursor.write(&lock.dir)?;
        let known = gap::read(&lock.dir)?;
        let mut found = Scan::new(&lock.dir, &cursor, &lock.keys, Gaps::Known(known))?;
        // What is put from now on is not of the gap: it has a segment of its own.
        let goes_on = !found.waiting.is_empty() && found.gap.is_none();
        let writer = found.resume(&lock.dir, &lock.keys)?.filter(|_| goes_on);
        gap::write(&lock.dir, found.gap, known)?;
        let waiting = spots(&cursor, &found, &lock);
        let disk = Disk::new(lock, overflow.limits, writer)?;
        disk.forget_aside()?;
        if waiting.is_empty() {
            disk.delete_before(u64::MAX)?;
        }
        let queue = Queue::new(limits, cursor, waiting, found.positions).with_overflow(overflow.limits);
        Ok(Self { queue, disk, after: overflow.after, torn_bytes: found.torn_bytes })
    }

    /// As [`FileChannel::with`](super::file::FileChannel::with).
    pub(in crate::agent) fn with(self, damaged: Damaged, before: u64) -> Self {
        Self { disk: self.disk.with(damaged, before), ..self }
    }

    /// Bytes of a torn record that were cut off when the channel was opened.
    pub(in crate::agent) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn add(&self, batch: Batch, patient: bool) -> Result<bool> {
        let Some(turn) = self.queue.turn(patient) else { return Ok(false) };
        let after = batch.after.clone();
        let patience = if patient { self.after } else { Duration::ZERO };
        let Held { batch, .. } = match self.queue.fit(Spot::Memory(Held::new(batch)), after, patience) {
            Fit::Full(Spot::Memory(held)) => held,
            Fit::Put => return Ok(true),
            Fit::Full(_) | Fit::Closed => return Ok(false),
        };
        let (record, size) = self.disk.encode(&batch)?;
        if !self.queue.reserve(size.room(), patient, &|| self.disk.has_room(size)) {
            return Ok(false);
        }
        let number = self.disk.write(|| self.queue.next(), record, size, &batch.after, || self.queue.positions())?;
        drop(turn);
        let add = |(place, after)| self.queue.add(Spot::Disk { place, is_behind_gap: false }, after);
        self.disk.sync(number, add).map(|()| true)
    }

    fn read(&self, number: u64, spot: Spot) -> Result<Batch> {
        let (place, is_behind_gap) = match spot {
            Spot::Memory(held) => return Ok(held.batch),
            Spot::Lost => return Ok(nothing()),
            Spot::Disk { place, is_behind_gap } => (place, is_behind_gap),
        };
        let batch = self.disk.read(number, &place)?;
        let comes_again = is_behind_gap && !batch.after.entries.is_empty();
        Ok(if comes_again { nothing() } else { batch })
    }
}

/// What stands in the place of a record that is not given.
fn nothing() -> Batch {
    let after = Advance { source: "".into(), form: position::FILES, entries: BTreeMap::new() };
    Batch { events: Vec::new(), after }
}

/// What waits from the cursor on, with what is missing in between.
fn spots(cursor: &Cursor, found: &Scan, lock: &ChannelLock) -> VecDeque<Spot> {
    let mut spots = VecDeque::new();
    let mut spilled = 0;
    for (number, place) in &found.waiting {
        while cursor.record + (spots.len() as u64) < *number {
            spots.push_back(Spot::Lost);
        }
        let is_behind_gap = found.is_of_gap(*number);
        spilled += if is_behind_gap { u64::from(place.size.events) } else { 0 };
        spots.push_back(Spot::Disk { place: place.clone(), is_behind_gap });
    }
    if found.gap.is_some() {
        tracing::warn!(
            "what the channel of {} had in memory was lost; of {spilled} events that it had spilled behind that, those whose \
             sources can be read again come from there",
            lock.dir.display()
        );
    }
    spots
}

impl Channel for SpillChannel {
    fn cursor(&self) -> Cursor {
        self.queue.cursor()
    }

    fn positions(&self) -> Positions {
        self.queue.positions()
    }

    fn put(&self, batch: Batch) -> Result<bool> {
        self.add(batch, true)
    }

    fn offer(&self, batch: Batch) -> Result<bool> {
        self.add(batch, false)
    }

    fn take(&self, patience: Duration) -> Result<Take> {
        self.queue.take(patience).try_map(|number, spot| self.read(number, spot))
    }

    fn forgets(&self) -> bool {
        true
    }

    fn rewind(&self) {
        self.queue.rewind();
    }

    fn commit(&self, cursor: Cursor) -> Result<()> {
        self.disk.keep(&cursor)?;
        self.queue.commit(cursor);
        match self.queue.first() {
            Some(Spot::Disk { place, .. }) => self.disk.delete_before(place.segment),
            _ => self.disk.clear(|| self.queue.overflow_is_empty()),
        }
    }

    fn end(&self) {
        self.queue.end();
    }

    fn close(&self) {
        self.queue.close();
    }

    fn keep(&self) -> Result<()> {
        let (cursor, waiting) = self.queue.waiting();
        let in_memory = waiting.iter().map_while(|spot| match spot {
            Spot::Memory(held) => Some(&held.batch),
            Spot::Disk { .. } | Spot::Lost => None,
        });
        let mut in_memory = in_memory.peekable();
        if in_memory.peek().is_none() {
            return Ok(());
        }
        self.disk.write_before(&cursor, in_memory)
    }

    fn level(&self) -> Level {
        Level { damaged: self.disk.set_aside.load(Ordering::Relaxed), ..self.queue.level() }
    }

    fn pause(&self, time: Duration) -> bool {
        self.queue.pause(time)
    }
}
