//! The durable channel: a row of segment files, a cursor, a lock.
//!
//! A put is on disk when it returns, the events and the source's position after them in one record, so a crash loses
//! neither without the other. Puts that come while the disk is busy share the next sync. A take moves nothing: records
//! leave when [`commit`](Channel::commit) moves the cursor, and a segment is deleted when the cursor is past it. The
//! channel holds no more than it was allowed to, and leaves the disk what is to stay free: a put waits for room. Closing
//! wakes whoever waits.
//!
//! It refuses to open over a corrupt record, unless it is told to [set it aside](super::damage). A torn record at the very end is what a crash in the middle of a put
//! leaves: it is cut off, counted, and its events come from their source again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cursor::{self, Cursor};
use super::damage::Damaged;
use super::disk::Disk;
use super::gap;
use super::index::RecordSize;
use super::lock::ChannelLock;
use super::queue::{Queue, Record, Room};
use super::scan::{Gaps, RecordLocation, Scan, Writer};
use super::{Channel, ChannelLimits, Level, Take, untold};
use crate::agent::event::Batch;
use crate::agent::position::{Advance, Positions};
use crate::agent::sinks::Kept;
use crate::error::{self, Result};

/// A durable queue of batches on the local disk.
#[derive(Debug)]
pub(crate) struct FileChannel {
    disk: Disk,
    /// The records that are durable.
    queue: Queue<RecordLocation>,
    torn_bytes: u64,
}

impl FileChannel {
    /// Opens the channel in a directory taken before; `manifest` is the cursor in the target's manifest.
    ///
    /// # Errors
    /// Config: the target is not one that this channel can go on with. Data: the channel is corrupt.
    pub(crate) fn open(lock: ChannelLock, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<Self> {
        let own = cursor::own(&lock.dir)?;
        let cursor = cursor::reconcile(&own, manifest, &lock.dir)?;
        Self::open_told(lock, limits, cursor)
    }

    /// Opens the channel of a sink whose target cannot be asked yet, which is to [tell](Channel::told) it later. Says whether
    /// the channel knows where its sources go on: one that is new may take the place of another one.
    ///
    /// # Errors
    /// Data: the channel is corrupt.
    pub(crate) fn open_untold(lock: ChannelLock, limits: ChannelLimits) -> Result<(Self, bool)> {
        let is_new = Cursor::read(&lock.dir)?.is_none();
        let own = cursor::own(&lock.dir)?;
        let was_told = untold::read(&lock.dir)?.is_none() || own.epoch > 0 || own.follows.is_some();
        let channel = Self::open_at(lock, limits, own, false)?;
        Ok((channel, was_told && !is_new))
    }

    /// Opens the channel of a sink whose target keeps no cursor.
    ///
    /// # Errors
    /// Data: the channel is corrupt.
    pub(crate) fn open_alone(lock: ChannelLock, limits: ChannelLimits) -> Result<Self> {
        let cursor = cursor::own(&lock.dir)?;
        Self::open_told(lock, limits, cursor)
    }

    /// Opens the channel of sinks of which some keep no cursor; `manifest` is the furthest of the others.
    ///
    /// # Errors
    /// As [`FileChannel::open`].
    pub(crate) fn open_ahead(lock: ChannelLock, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<Self> {
        let own = cursor::own(&lock.dir)?;
        let cursor = cursor::reconcile_ahead(&own, manifest, &lock.dir)?;
        Self::open_told(lock, limits, cursor)
    }

    fn open_told(lock: ChannelLock, limits: ChannelLimits, cursor: Cursor) -> Result<Self> {
        untold::check(&lock.dir, &cursor)?;
        Self::open_at(lock, limits, cursor, true)
    }

    fn open_at(lock: ChannelLock, limits: ChannelLimits, cursor: Cursor, is_told: bool) -> Result<Self> {
        if gap::read(&lock.dir)?.is_some() {
            let what =
                format!("directory {} holds what a channel in memory spilled before a crash", lock.dir.display());
            return Err(error::config(what)
                .hint("let that channel go on until it is empty, or give this one a directory of its own"));
        }
        let mut found = Scan::new(&lock.dir, &cursor, &lock.keys, Gaps::Refused)?;
        if !is_told {
            untold::begin(&lock.dir, found.next)?;
        }
        cursor.write(&lock.dir)?;
        if is_told {
            untold::end(&lock.dir)?;
        }
        let writer = match found.resume(&lock.dir, &lock.keys)? {
            Some(writer) => writer,
            None => Writer::create(&lock.dir, found.next, &lock.keys)?,
        };
        Ok(Self {
            queue: Queue::new(
                limits,
                cursor,
                found.waiting.into_iter().map(|(_, place)| place).collect(),
                found.positions,
            ),
            disk: Disk::new(lock, limits, Some(writer))?,
            torn_bytes: found.torn_bytes,
        })
    }

    /// The same channel, which does as it is told with records that are found to be damaged when they are taken; `before`
    /// were set aside before it was opened.
    pub(crate) fn with(self, damaged: Damaged, before: u64) -> Self {
        Self { disk: self.disk.with(damaged, before), ..self }
    }

    /// Bytes of a torn record that were cut off when the channel was opened.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Puts where a source is, also where there is no room: nothing leaves the channel before this is done.
    fn note(&self, after: Advance) -> Result<()> {
        let batch = Batch { events: Vec::new(), after };
        let (record, size) = self.disk.encode(&batch)?;
        self.queue.exceed(size.room());
        let number = self.disk.write(|| self.queue.next(), record, size, &batch.after, || self.queue.positions())?;
        self.disk.sync(number, |(place, after)| self.queue.add(place, after))
    }

    fn add(&self, batch: &Batch, patient: bool) -> Result<bool> {
        let (record, size) = self.disk.encode(batch)?;
        let Some(turn) = self.queue.turn(patient) else { return Ok(false) };
        if !self.queue.reserve(size.room(), patient, &|| self.disk.has_room(size)) {
            return Ok(false);
        }
        let positions = || self.queue.positions();
        let number = self.disk.write(|| self.queue.next(), record, size, &batch.after, positions)?;
        drop(turn);
        self.disk.sync(number, |(place, after)| self.queue.add(place, after)).map(|()| true)
    }
}

impl Record for RecordLocation {
    fn room(&self) -> Room {
        self.size.room()
    }
}

impl RecordSize {
    pub(super) fn room(self) -> Room {
        Room { bytes: u64::from(self.disk_bytes), events: u64::from(self.events) }
    }
}

impl Channel for FileChannel {
    fn cursor(&self) -> Cursor {
        self.queue.cursor()
    }

    fn positions(&self) -> Positions {
        self.queue.positions()
    }

    fn put(&self, batch: Batch) -> Result<bool> {
        self.add(&batch, true)
    }

    fn offer(&self, batch: Batch) -> Result<bool> {
        self.add(&batch, false)
    }

    fn take(&self, patience: Duration) -> Result<Take> {
        let taken = self.queue.take(patience);
        taken.try_map(|number, place| self.disk.read(number, &place))
    }

    fn rewind(&self) {
        self.queue.rewind();
    }

    fn commit(&self, cursor: Cursor) -> Result<()> {
        self.disk.keep(&cursor)?;
        match self.queue.commit(cursor) {
            // Those who wait for room on the disk are not to wait for a segment that nobody needs.
            Some(_) if self.queue.put_waits() && self.queue.is_empty() => self.disk.clear(|| self.queue.is_empty()),
            Some(oldest) => self.disk.delete_before(oldest.segment),
            None => Ok(()),
        }
    }

    fn told(&self, kept: &Kept) -> Result<()> {
        let (own, dir) = (self.queue.cursor(), &self.disk.lock.dir);
        let cursor = match kept {
            Kept::Channel => own,
            Kept::Target(manifest) => cursor::reconcile(&own, manifest.as_ref(), dir)?,
            Kept::SomeTargets(manifest) => cursor::reconcile_ahead(&own, manifest.as_ref(), dir)?,
        };
        untold::check(dir, &cursor)?;
        if self.queue.told(&cursor) {
            // A segment that was completed before does not have them.
            cursor.positions.advances().try_for_each(|after| self.note(after))?;
        }
        self.commit(cursor)?;
        untold::end(dir)
    }

    fn end(&self) {
        self.queue.end();
    }

    fn close(&self) {
        self.queue.close();
    }

    fn level(&self) -> Level {
        Level { damaged: self.disk.set_aside.load(Ordering::Relaxed), ..self.queue.level() }
    }

    fn pause(&self, time: Duration) -> bool {
        self.queue.pause(time)
    }
}
