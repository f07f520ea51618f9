//! The durable channel: a row of segment files, a cursor, a lock.
//!
//! A put is on disk when it returns, the lines and the source's position after them in one record, so a crash loses
//! neither without the other. A take moves nothing: records leave when [`FileChannel::commit`] moves the cursor, and
//! a segment is deleted when the cursor is past it. The channel holds no more than it was allowed to: a put waits for
//! room. One process at a time; the lock goes with the process, however it ends. Closing wakes whoever waits.
//!
//! It refuses to open over a corrupt record. A torn record at the very end is what a crash in the middle of a put
//! leaves: it is cut off, counted, and its lines are read from the log again.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cursor::{self, Cursor};
use super::segment::{self, HEADER_BYTES, Next, Record, SegmentReader};
use crate::agent::disk;
use crate::agent::event::Batch;
use crate::agent::position::Positions;
use crate::error::{self, Result};

/// The bounds of a channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelLimits {
    /// Bytes of records that may wait; a put waits while they would be more.
    pub max_bytes: u64,
    /// Bytes after which a new segment is begun.
    pub segment_bytes: u64,
}

/// A channel directory that is ours until this is dropped or the process ends.
#[derive(Debug)]
pub struct ChannelLock {
    dir: PathBuf,
    _file: File,
}

impl ChannelLock {
    /// Takes the channel directory `dir`, making it where it does not exist.
    ///
    /// # Errors
    /// Busy: another process has it.
    pub fn take(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(disk::failed("create channel directory", dir))?;
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(disk::failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(error::busy(format!("channel directory {} is used by another agent", dir.display()))
                    .hint("wait until it has ended, or give this agent a channel directory of its own"))
            }
            Err(TryLockError::Error(e)) => Err(disk::failed("lock", &path)(e)),
        }
    }
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u64,
    at: u64,
    disk_bytes: u64,
}

#[derive(Debug)]
struct State {
    cursor: Cursor,
    /// The places of the records from the cursor on.
    waiting: VecDeque<Place>,
    waiting_bytes: u64,
    /// The next record to take.
    taken: u64,
    /// How far the files behind all that was ever put were read.
    positions: Positions,
    /// The segment that is written to.
    segment: u64,
    /// A put waits for room.
    put_waits: bool,
    /// No more will be put.
    ended: bool,
    /// Nothing waits any more, neither for room nor for records.
    closed: bool,
}

#[derive(Debug)]
struct Writer {
    file: File,
    segment: u64,
    at: u64,
    next: u64,
    broken: bool,
}

/// What a take gives.
#[derive(Debug)]
pub enum Take {
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
pub struct FileChannel {
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
    pub fn open(lock: ChannelLock, limits: ChannelLimits, manifest: Option<&Cursor>) -> Result<Self> {
        let dir = lock.dir.clone();
        let own = match Cursor::read(&dir)? {
            Some(own) => own,
            None => Cursor::new(uuid::Uuid::now_v7().to_string()),
        };
        let cursor = cursor::reconcile(&own, manifest, &dir)?;
        cursor.write(&dir)?;
        let found = Found::scan(&dir, &cursor)?;
        let writer = found.writer(&dir)?;
        let state = State {
            taken: cursor.record,
            waiting_bytes: found.waiting.iter().map(|p| p.disk_bytes).sum(),
            waiting: found.waiting,
            positions: found.positions,
            cursor,
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
    pub fn cursor(&self) -> Cursor {
        self.state().cursor.clone()
    }

    /// How far the files behind all that was ever put were read: where the source goes on.
    pub fn positions(&self) -> Positions {
        self.state().positions.clone()
    }

    /// Bytes of a torn record that were cut off when the channel was opened.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Whether a put waits for room, so that nothing more comes before the next commit.
    pub fn is_full(&self) -> bool {
        self.state().put_waits
    }

    /// Puts a batch; it is durable on return. Waits while the channel has no room; says whether the batch was put,
    /// which it is not once the channel is closed.
    ///
    /// # Errors
    /// Refused, Auth, NotFound: the disk.
    pub fn put(&self, batch: &Batch) -> Result<bool> {
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
        let place = Place { segment: writer.segment, at: writer.at, disk_bytes };
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
    pub fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Ends every wait for good; what the channel holds stays there.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits for `time`; says whether the channel is still open, and at once when it is not.
    pub fn pause(&self, time: Duration) -> bool {
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
    pub fn take(&self, patience: Duration) -> Result<Take> {
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
    pub fn commit(&self, cursor: Cursor) -> Result<()> {
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

/// What the segments of a channel hold from its cursor on.
struct Found {
    waiting: VecDeque<Place>,
    positions: Positions,
    /// The last segment and the end of its whole records.
    last: Option<(u64, u64)>,
    next: u64,
    torn_bytes: u64,
}

impl Found {
    fn scan(dir: &Path, cursor: &Cursor) -> Result<Self> {
        let mut found = Self {
            waiting: VecDeque::new(),
            positions: cursor.positions.clone(),
            last: None,
            next: cursor.record,
            torn_bytes: 0,
        };
        let segments = segment::list(dir)?;
        // The last segment that begins at or before the cursor holds it, those before are done with.
        let start = segments.iter().rposition(|(first, _)| *first <= cursor.record);
        let segments = segments.get(start.unwrap_or(0)..).unwrap_or_default();
        for (i, (first, path)) in segments.iter().enumerate() {
            let expected = if i == 0 { (*first).min(cursor.record) } else { found.next };
            if *first != expected {
                return Err(segment::corrupt(path, 0, &format!("is record {first}, but record {expected} is missing")));
            }
            found.scan_segment(*first, path, cursor.record, i + 1 == segments.len())?;
        }
        if found.next < cursor.record {
            // The target has more of this channel than its directory: a copy was restored. Begin behind it.
            found.last = None;
            found.next = cursor.record;
        }
        Ok(found)
    }

    fn scan_segment(&mut self, first: u64, path: &Path, cursor: u64, is_last: bool) -> Result<()> {
        let Some(mut reader) = SegmentReader::open(path, first)? else {
            return if is_last { Ok(()) } else { Err(segment::corrupt(path, 0, "is cut short")) };
        };
        let (mut at, mut number) = (HEADER_BYTES as u64, first);
        loop {
            match reader.next()? {
                Next::Record(record) => {
                    if record.number >= cursor {
                        let disk_bytes = record.disk_bytes;
                        self.waiting.push_back(Place { segment: first, at, disk_bytes });
                        self.positions.put(record.batch.after);
                    }
                    at += record.disk_bytes;
                    number += 1;
                }
                Next::Torn { bytes } if is_last => {
                    self.torn_bytes = bytes;
                    break;
                }
                Next::Torn { .. } => return Err(segment::corrupt(path, at, "does not check")),
                Next::End => break,
            }
        }
        self.last = Some((first, at));
        self.next = number;
        Ok(())
    }

    /// Cuts off what is torn and goes on behind the last record.
    fn writer(&self, dir: &Path) -> Result<Writer> {
        match self.last {
            Some((segment, at)) => {
                let path = dir.join(segment::file_name(segment));
                let open = || -> std::io::Result<File> {
                    let mut file = OpenOptions::new().write(true).open(&path)?;
                    file.set_len(at)?;
                    file.sync_all()?;
                    file.seek(SeekFrom::Start(at))?;
                    Ok(file)
                };
                let file = open().map_err(disk::failed("open", &path))?;
                Ok(Writer { file, segment, at, next: self.next, broken: false })
            }
            None => Writer::create(dir, self.next),
        }
    }
}

impl Writer {
    fn create(dir: &Path, first: u64) -> Result<Self> {
        let path = dir.join(segment::file_name(first));
        let create = || -> std::io::Result<File> {
            let mut file = File::create(&path)?;
            file.write_all(&segment::header(first))?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(disk::failed("create", &path))?;
        disk::sync_dir(dir)?;
        Ok(Self { file, segment: first, at: HEADER_BYTES as u64, next: first, broken: false })
    }
}
