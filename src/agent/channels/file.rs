//! The durable channel: a row of segment files, a cursor, a lock.
//!
//! A put is on disk when it returns, the lines and the source's position after them in one record, so a crash loses
//! neither without the other. A take moves nothing: records leave when [`FileChannel::commit`] moves the cursor, and
//! a segment is deleted when the cursor is past it. The channel holds no more than it was allowed to: a put waits for
//! room. Closing wakes whoever waits.
//!
//! It refuses to open over a corrupt record. A torn record at the very end is what a crash in the middle of a put
//! leaves: it is cut off, counted, and its lines are read from the log again.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cursor::{self, Cursor};
use super::lock::ChannelLock;
use super::scan::{RecordLocation, Scan, Writer};
use super::segment::{self, Record};
use crate::agent::disk;
use crate::agent::line::Batch;
use crate::agent::position::{Gone, Positions};
use crate::error::{self, Result};

/// The bounds of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelLimits {
    /// Bytes of records that may wait; a put waits while they would be more.
    pub max_bytes: u64,
    /// Bytes after which a new segment is begun.
    pub segment_bytes: u64,
}

#[derive(Debug)]
struct State {
    cursor: Cursor,
    /// The places of the records from the cursor on.
    waiting: VecDeque<RecordLocation>,
    waiting_bytes: u64,
    /// The next record to take.
    taken: u64,
    /// How far the files behind all that was ever put were read.
    positions: Positions,
    /// Which files the source no longer found, when it last looked.
    gone: Option<Gone>,
    /// The segment that is written to.
    segment: u64,
    /// A put waits for room.
    put_waits: bool,
    /// No more will be put.
    ended: bool,
    /// Nothing waits any more, neither for room nor for records.
    closed: bool,
}

/// What a take gives.
#[derive(Debug)]
pub(crate) enum Take {
    /// The next record.
    Record(Record),
    /// Nothing came in time.
    Nothing,
    /// No record is left, and no more will be put.
    End,
    /// The channel was closed; what it holds stays there.
    Closed,
}

/// A durable queue of batches on the local disk.
#[derive(Debug)]
pub(crate) struct FileChannel {
    lock: ChannelLock,
    limits: ChannelLimits,
    state: Mutex<State>,
    writer: Mutex<Writer>,
    changed: Condvar,
    torn_bytes: u64,
}

impl FileChannel {
    /// Opens the channel in a directory taken before; `manifest` is the cursor in the target's manifest.
    ///
    /// # Errors
    /// Config: the target is not one that this channel can go on with. Data: the channel is corrupt.
    pub(crate) fn open(lock: ChannelLock, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<Self> {
        let dir = lock.dir.clone();
        let own = match Cursor::read(&dir)? {
            Some(own) => own,
            None => Cursor::new(uuid::Uuid::now_v7().to_string()),
        };
        let cursor = cursor::reconcile(&own, manifest, &dir)?;
        cursor.write(&dir)?;
        let found = Scan::new(&dir, &cursor)?;
        let writer = found.writer(&dir)?;
        let state = State {
            taken: cursor.record,
            waiting_bytes: found.waiting.iter().map(|p| p.disk_bytes).sum(),
            waiting: found.waiting,
            positions: found.positions,
            cursor,
            gone: None,
            segment: writer.segment,
            put_waits: false,
            ended: false,
            closed: false,
        };
        Ok(Self {
            lock,
            limits,
            state: Mutex::new(state),
            writer: Mutex::new(writer),
            changed: Condvar::new(),
            torn_bytes: found.torn_bytes,
        })
    }

    /// The committed cursor.
    pub(crate) fn cursor(&self) -> Cursor {
        self.state().cursor.clone()
    }

    /// How far the files behind all that was ever put were read: where the source goes on.
    pub(crate) fn positions(&self) -> Positions {
        self.state().positions.clone()
    }

    /// Notes which files are gone; the cursors of later epochs forget them in time.
    pub(crate) fn note(&self, gone: Gone) {
        let mut state = self.state();
        state.positions.note(&gone);
        state.gone = Some(gone);
    }

    /// Which files were gone when the source last looked.
    pub(crate) fn gone(&self) -> Option<Gone> {
        self.state().gone.clone()
    }

    /// Bytes of a torn record that were cut off when the channel was opened.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Puts a batch; it is durable on return. Waits while the channel has no room; says whether the batch was put,
    /// which it is not once the channel is closed.
    ///
    /// # Errors
    /// Refused, Auth, NotFound: the disk.
    pub(crate) fn put(&self, batch: &Batch) -> Result<bool> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let record = segment::encode(writer.next, batch)?;
        let disk_bytes = record.len() as u64;
        if !self.wait_for_room(disk_bytes) {
            return Ok(false);
        }
        if writer.broken {
            return Err(error::refused("cannot put into the channel after a write that failed"));
        }
        writer.broken = true;
        if writer.at >= self.limits.segment_bytes {
            *writer = Writer { broken: true, ..Writer::create(&self.lock.dir, writer.next)? };
        }
        let path = self.lock.dir.join(segment::file_name(writer.segment));
        writer.file.write_all(&record).map_err(disk::failed("write", &path))?;
        writer.file.sync_data().map_err(disk::failed("sync", &path))?;
        let place = RecordLocation { segment: writer.segment, at: writer.at, disk_bytes };
        writer.at += disk_bytes;
        writer.next += 1;
        writer.broken = false;
        let mut state = self.state();
        state.waiting.push_back(place);
        state.waiting_bytes += disk_bytes;
        state.segment = writer.segment;
        state.positions.put(batch.after.clone());
        self.changed.notify_all();
        Ok(true)
    }

    fn wait_for_room(&self, disk_bytes: u64) -> bool {
        let mut state = self.state();
        while !state.closed {
            state.put_waits = state.waiting_bytes > 0 && state.waiting_bytes + disk_bytes > self.limits.max_bytes;
            if !state.put_waits {
                return true;
            }
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Says that no more will be put: takes end when nothing waits any more.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Ends every wait for good; what the channel holds stays there.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits for `time`; says whether the channel is still open, and at once when it is not.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.state();
        while !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.wait(state, left);
        }
        false
    }

    /// Takes the next record; waits `patience` for one, unless a put waits for room.
    ///
    /// # Errors
    /// Data: the record does not check. Refused, Auth, NotFound: the disk.
    pub(crate) fn take(&self, patience: Duration) -> Result<Take> {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        loop {
            if state.closed {
                return Ok(Take::Closed);
            }
            let number = state.taken;
            let index = usize::try_from(number - state.cursor.record).ok();
            if let Some(place) = index.and_then(|i| state.waiting.get(i)).copied() {
                state.taken += 1;
                drop(state);
                let path = self.lock.dir.join(segment::file_name(place.segment));
                return Ok(Take::Record(segment::read(&path, place.at, place.disk_bytes, number)?));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match (state.ended, left.is_zero() || state.put_waits) {
                (true, _) => return Ok(Take::End),
                (false, true) => return Ok(Take::Nothing),
                (false, false) => state = self.wait(state, left),
            }
        }
    }

    /// Lets go of all records before `cursor`, durably.
    ///
    /// # Errors
    /// Refused, Auth, NotFound: the disk; the records may or may not be gone, which the manifest settles.
    pub(crate) fn commit(&self, mut cursor: Cursor) -> Result<()> {
        if let Some(gone) = self.gone() {
            cursor.positions.note(&gone);
        }
        cursor.write(&self.lock.dir)?;
        let mut state = self.state();
        while state.cursor.record < cursor.record {
            let place = state.waiting.pop_front();
            state.waiting_bytes -= place.map_or(0, |p| p.disk_bytes);
            state.cursor.record += 1;
        }
        state.cursor = cursor;
        let oldest = state.waiting.front().map_or(state.segment, |p| p.segment);
        self.changed.notify_all();
        drop(state);
        delete_before(&self.lock.dir, oldest)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Deletes the segments that begin before `segment`.
fn delete_before(dir: &Path, segment: u64) -> Result<()> {
    for (_, path) in segment::list(dir)?.into_iter().take_while(|(first, _)| *first < segment) {
        fs::remove_file(&path).map_err(disk::failed("delete", &path))?;
    }
    Ok(())
}
