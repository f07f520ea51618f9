//! The files of a channel: records are written behind each other and made durable together, read one by one, and deleted by
//! the segment.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cursor::Cursor;
use super::damage::{self, Damaged, Stretch};
use super::index::RecordSize;
use super::lock::ChannelLock;
use super::record::Version;
use super::scan::{RecordLocation, Writer};
use super::seal::Place;
use super::segment::{self, Encoded};
use super::{ChannelLimits, MIN_FREE_BYTES};
use crate::agent::disk;
use crate::agent::event::Batch;
use crate::agent::position::{Advance, Positions};
use crate::error::{self, Kind, Result};
use crate::private;

/// Where segments are written that appear at once, below the channel's directory.
const ASIDE: &str = "keeping";

/// The segment that is written to.
#[derive(Debug)]
struct End {
    writer: Writer,
    /// A second handle of the segment, to sync it without holding up the next put.
    handle: Arc<File>,
}

/// The end that is written to.
#[derive(Debug)]
struct Tail {
    /// None where none is written to.
    end: Option<End>,
    /// There may be segments.
    has_segments: bool,
    /// Records that are written and not yet durable.
    unsynced: Vec<(RecordLocation, Advance)>,
    /// A write or sync failed: what is on disk is not known, and nothing can follow it.
    broken: bool,
}

/// The files of a channel that is open.
#[derive(Debug)]
pub(super) struct Disk {
    pub lock: ChannelLock,
    segment_bytes: u64,
    min_free_bytes: u64,
    /// How large the disk is in all.
    disk_bytes: u64,
    had_room: AtomicBool,
    tail: Mutex<Tail>,
    /// The number of the first record that is not durable; held while the disk is synced.
    synced: Mutex<u64>,
    damaged: Damaged,
    /// Records that were set aside.
    pub set_aside: AtomicU64,
}

impl Disk {
    /// The files in a directory that was taken; `writer` is where it is gone on.
    pub(super) fn new(lock: ChannelLock, limits: ChannelLimits, writer: Option<Writer>) -> Result<Self> {
        let next = writer.as_ref().map_or(0, |writer| writer.next);
        let end = writer.map(|writer| End::new(writer, &lock)).transpose()?;
        // One that says nothing is asked again before each record.
        let disk_bytes = disk::size(&lock.dir).unwrap_or(u64::MAX);
        let min_free_bytes = min_free_bytes(&lock.dir, limits.min_free_bytes, disk_bytes)?;
        Ok(Self {
            lock,
            segment_bytes: limits.segment_bytes,
            min_free_bytes,
            disk_bytes,
            had_room: AtomicBool::new(true),
            tail: Mutex::new(Tail { end, has_segments: true, unsynced: Vec::new(), broken: false }),
            synced: Mutex::new(next),
            damaged: Damaged::Stop,
            set_aside: AtomicU64::new(0),
        })
    }

    /// The same, which does as it is told with records that are found to be damaged; `before` were set aside already.
    pub(super) fn with(self, damaged: Damaged, before: u64) -> Self {
        Self { damaged, set_aside: AtomicU64::new(before), ..self }
    }

    /// A batch as it is written here.
    ///
    /// # Errors
    /// Data: it is larger than a record can be.
    pub(super) fn encode(&self, batch: &Batch) -> Result<(Encoded, RecordSize)> {
        let record = Encoded::new(batch, self.lock.keys.active().is_some())?;
        let size = RecordSize { disk_bytes: record.disk_bytes(), events: batch.events.len() as u32 };
        Ok((record, size))
    }

    /// Writes a record behind the others, without making it durable; gives its number. `next` is the number behind all
    /// records that are durable, `positions` are those behind them.
    ///
    /// # Errors
    /// Refused, Auth: the disk, now or before.
    pub(super) fn write(
        &self,
        next: impl FnOnce() -> u64,
        record: Encoded,
        size: RecordSize,
        after: &Advance,
        positions: impl FnOnce() -> Positions,
    ) -> Result<u64> {
        let tail = &mut *self.tail();
        tail.check()?;
        tail.broken = true;
        let number = next() + tail.unsynced.len() as u64;
        let end = match &mut tail.end {
            Some(end) if end.writer.next == number && end.writer.at < self.segment_bytes => end,
            Some(full) if full.writer.next == number => {
                let mut positions = positions();
                tail.unsynced.iter().for_each(|(_, after)| positions.advance(after.clone()));
                full.writer.complete(&self.lock.dir, &positions)?;
                *full = End::new(Writer::create(&self.lock.dir, full.writer.next, &self.lock.keys)?, &self.lock)?;
                full
            }
            // What came meanwhile is not here.
            none_or_before => {
                tail.has_segments = true;
                none_or_before.insert(End::new(Writer::create(&self.lock.dir, number, &self.lock.keys)?, &self.lock)?)
            }
        };
        let bytes = record.at(Place { number, again: 0 }, &end.writer.form)?;
        let place = end.writer.write(&self.lock.dir, &bytes, size)?;
        tail.unsynced.push((place, after.clone()));
        tail.broken = false;
        Ok(number)
    }

    /// Makes all records up to `number` durable, and gives each to `add`. Whoever comes while the disk is busy is served by
    /// the sync after it.
    ///
    /// # Errors
    /// Refused, Auth: the disk, now or before.
    pub(super) fn sync(&self, number: u64, add: impl FnMut((RecordLocation, Advance))) -> Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced > number {
            return Ok(());
        }
        let (handle, segment, count, through) = {
            let tail = self.tail();
            tail.check()?;
            let Some(End { writer, handle }) = &tail.end else {
                return Err(error::bug("a record is to be synced that was not written"));
            };
            (handle.clone(), writer.segment, tail.unsynced.len(), writer.next)
        };
        let done = handle.sync_data();
        let mut tail = self.tail();
        if let Err(e) = done {
            tail.broken = true;
            return Err(disk::failed("sync", &self.lock.dir.join(segment::file_name(segment)))(e));
        }
        tail.unsynced.drain(..count).for_each(add);
        *synced = through;
        Ok(())
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Data: it does not check, and is not to be set aside. Refused, Auth, NotFound: the disk.
    pub(super) fn read(&self, number: u64, place: &RecordLocation) -> Result<Batch> {
        let found = segment::read(&self.lock.dir, place, number);
        let is_damaged = found.as_ref().is_err_and(|e| e.kind() == Kind::Data);
        if !is_damaged || self.damaged == Damaged::Stop || place.form.version != Version::Events {
            return Ok(found?.batch);
        }
        let (at, end) = (place.at, place.at + u64::from(place.size.disk_bytes));
        let stretch = Stretch { at, end, records: number..number + 1 };
        damage::set_aside(&self.lock.dir, place.segment, &stretch, &self.lock.keys)?;
        self.set_aside.fetch_add(1, Ordering::Relaxed);
        Ok(segment::read(&self.lock.dir, place, number)?.batch)
    }

    /// Keeps how far the channel was emptied.
    ///
    /// # Errors
    /// Refused, Auth: the disk.
    pub(super) fn keep(&self, cursor: &Cursor) -> Result<()> {
        cursor.write(&self.lock.dir)
    }

    /// Deletes the segments that begin before `segment`.
    ///
    /// # Errors
    /// Refused, Auth: the disk.
    pub(super) fn delete_before(&self, segment: u64) -> Result<()> {
        for (_, path) in segment::list(&self.lock.dir)?.into_iter().take_while(|(first, _)| *first < segment) {
            fs::remove_file(&path).map_err(disk::failed("delete", &path))?;
        }
        Ok(())
    }

    /// Deletes all segments where nothing in them is needed any more, which is asked while nobody writes.
    ///
    /// # Errors
    /// Refused, Auth: the disk.
    pub(super) fn clear(&self, is_done: impl FnOnce() -> bool) -> Result<()> {
        let mut tail = self.tail();
        if !tail.has_segments || !tail.unsynced.is_empty() || !is_done() {
            return Ok(());
        }
        (tail.end, tail.has_segments) = (None, false);
        self.delete_before(u64::MAX)
    }

    /// Writes records that stand before all that are here: the first has the number of the cursor, the others follow it. They
    /// are there once this returns, or, in whole segments, some of them after a crash.
    ///
    /// # Errors
    /// Data: a batch is larger than a record can be. Refused, Auth: the disk, now or before.
    pub(super) fn write_before<'b>(&self, cursor: &Cursor, batches: impl Iterator<Item = &'b Batch>) -> Result<()> {
        self.tail().check()?;
        let (dir, keys, aside) = (&self.lock.dir, &self.lock.keys, self.lock.dir.join(ASIDE));
        private::create_dir_all(&aside).map_err(disk::failed("create", &aside))?;
        let (mut positions, mut firsts) = (cursor.positions.clone(), Vec::new());
        let mut writer: Option<Writer> = None;
        for batch in batches {
            let (record, size) = self.encode(batch)?;
            let mut open = match writer.take() {
                Some(open) if open.at < self.segment_bytes => open,
                full => {
                    let first = full.as_ref().map_or(cursor.record, |full| full.next);
                    full.map(|mut full| full.complete(&aside, &positions)).transpose()?;
                    firsts.push(first);
                    Writer::create(&aside, first, keys)?
                }
            };
            let bytes = record.at(Place { number: open.next, again: 0 }, &open.form)?;
            open.write(&aside, &bytes, size)?;
            positions.advance(batch.after.clone());
            writer = Some(open);
        }
        writer.map(|mut last| last.complete(&aside, &positions)).transpose()?;
        // Backwards: what is there after a crash has no gap behind it.
        for first in firsts.into_iter().rev() {
            let (from, to) = (aside.join(segment::file_name(first)), dir.join(segment::file_name(first)));
            fs::rename(&from, &to).map_err(disk::failed("rename", &from))?;
        }
        disk::sync_dir(dir)?;
        self.forget_aside()
    }

    /// Deletes what a crash left of [`Disk::write_before`].
    ///
    /// # Errors
    /// Refused, Auth: the disk.
    pub(super) fn forget_aside(&self) -> Result<()> {
        let aside = self.lock.dir.join(ASIDE);
        match fs::remove_dir_all(&aside) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(disk::failed("delete", &aside)(e)),
            _ => Ok(()),
        }
    }

    /// Whether more than what is to stay free is free on the disk besides what a record takes; said when that changes.
    pub(super) fn has_room(&self, size: RecordSize) -> bool {
        if self.min_free_bytes == 0 {
            return true;
        }
        // What would never fit is written, so that the disk says so.
        let with_record = self.min_free_bytes.saturating_add(size.disk_bytes.into());
        let least = if with_record < self.disk_bytes { with_record } else { self.min_free_bytes };
        // A disk that says nothing fails the write, which tells why.
        let has_room = !disk::free(&self.lock.dir).is_ok_and(|free| free <= least);
        if self.had_room.swap(has_room, Ordering::Relaxed) != has_room {
            let (dir, least) = (self.lock.dir.display(), self.min_free_bytes);
            match has_room {
                true => tracing::info!("there is room on the disk of channel {dir} again: its sources go on"),
                false => tracing::warn!(
                    "no more than min-free-bytes, {least}, are free on the disk of channel {dir}: its sources wait for room"
                ),
            }
        }
        has_room
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to stay free on the disk of a directory.
///
/// # Errors
/// Config: so much is never free there.
fn min_free_bytes(dir: &Path, wanted: u64, size: u64) -> Result<u64> {
    match wanted {
        MIN_FREE_BYTES => Ok(wanted.min(size / 10)),
        _ if wanted < size => Ok(wanted),
        _ => Err(error::config(format!(
            "min-free-bytes of channel {} are {wanted}, and its disk has {size} bytes in all",
            dir.display()
        ))
        .hint("give the channel a larger disk, or min-free-bytes a smaller number")),
    }
}

impl Tail {
    fn check(&self) -> Result<()> {
        if self.broken {
            return Err(error::refused("cannot put into the channel after a write that failed"));
        }
        Ok(())
    }
}

impl End {
    fn new(writer: Writer, lock: &ChannelLock) -> Result<Self> {
        let path = lock.dir.join(segment::file_name(writer.segment));
        let handle = Arc::new(writer.file.try_clone().map_err(disk::failed("open", &path))?);
        Ok(Self { writer, handle })
    }
}

impl Writer {
    /// Writes a record behind the others.
    fn write(&mut self, dir: &Path, bytes: &[u8], size: RecordSize) -> Result<RecordLocation> {
        let path = dir.join(segment::file_name(self.segment));
        self.file.write_all(bytes).map_err(disk::failed("write", &path))?;
        let place = RecordLocation { segment: self.segment, at: self.at, size, form: self.form.clone() };
        self.at += u64::from(size.disk_bytes);
        self.next += 1;
        self.sizes.push(size);
        Ok(place)
    }
}
