//! What every channel is: records in a row, those who wait for one, and those who wait for room.
//!
//! What a record is here, a place on the disk or a batch in memory, is the channel's business.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::cursor::Cursor;
use super::{ChannelLimits, Level, Take};
use crate::agent::position::{Advance, Positions};

/// How long a take waits at once: a condition variable cannot wait for ever in one go.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How often a put that waits for room on the disk looks whether there is some.
const DISK_IS_LOOKED_AT: Duration = Duration::from_secs(1);

/// The room that a record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub bytes: u64,
    pub events: u64,
}

/// Something that waits in a channel. A clone costs little.
pub(super) trait Record: Clone {
    /// The same each time it is asked.
    fn room(&self) -> Room;

    /// Where it takes that room.
    fn store(&self) -> Store {
        Store::Own
    }
}

/// What room is counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Own,
    /// What did not fit, and stands behind what did.
    Overflow,
}

/// What became of a record that was to be put into the channel's own store.
pub(super) enum Fit<R> {
    Put,
    /// There was no room in time, or part of what did not fit before still waits.
    Full(R),
    /// The channel has ended or is closed.
    Closed,
}

/// Records from the cursor on.
#[derive(Debug)]
pub(super) struct Queue<R> {
    limits: ChannelLimits,
    /// Those of the overflow, where there is one.
    overflow: Option<ChannelLimits>,
    /// Held by the put that waits for room, so that puts keep their order.
    turn: Mutex<()>,
    state: Mutex<State<R>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<R> {
    cursor: Cursor,
    /// From the cursor on.
    waiting: VecDeque<R>,
    /// Since when each of them waits.
    since: VecDeque<Instant>,
    /// Taken of each store by what waits, and by what is promised room and not yet there.
    filled: [Room; 2],
    /// The number of the next record to take.
    taken: u64,
    passed: Passed,
    /// How far the sources behind all that was ever put were read.
    positions: Positions,
    /// A put waits for room.
    put_waits: bool,
    /// No more will be put.
    ended: bool,
    /// Nothing waits any more, neither for room nor for records.
    closed: bool,
}

/// Events that went through since the channel was opened.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    put: u64,
    taken: u64,
    committed: u64,
}

impl<R: Record> Queue<R> {
    /// A queue that goes on at a cursor, with the records behind it and the positions after them.
    pub(super) fn new(limits: ChannelLimits, cursor: Cursor, waiting: VecDeque<R>, positions: Positions) -> Self {
        let mut filled = [Room::NONE; 2];
        waiting.iter().for_each(|record| filled[record.store() as usize].add(record.room()));
        let (taken, since) = (cursor.record, VecDeque::from(vec![Instant::now(); waiting.len()]));
        let (put_waits, ended, closed, passed) = (false, false, false, Passed::default());
        let state = State { cursor, waiting, since, filled, taken, passed, positions, put_waits, ended, closed };
        let (turn, state, changed) = (Mutex::new(()), Mutex::new(state), Condvar::new());
        Self { limits, overflow: None, turn, state, changed }
    }

    /// The same queue, to which what does not fit can be added all the same, within limits of its own.
    pub(super) fn with_overflow(self, limits: ChannelLimits) -> Self {
        Self { overflow: Some(limits), ..self }
    }

    /// The turn of a put; `None` for one that is not patient while another waits for room.
    pub(super) fn turn(&self, patient: bool) -> Option<MutexGuard<'_, ()>> {
        if patient {
            return Some(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
        loop {
            match self.turn.try_lock() {
                Ok(turn) => return Some(turn),
                Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
                Err(TryLockError::WouldBlock) if self.put_waits() => return None,
                // Somebody is writing, which takes a moment.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.state().cursor.clone()
    }

    pub(super) fn positions(&self) -> Positions {
        self.state().positions.clone()
    }

    /// The number of the next record that is added.
    pub(super) fn next(&self) -> u64 {
        let state = self.state();
        state.cursor.record + state.waiting.len() as u64
    }

    /// Whether a put waits for room.
    pub(super) fn put_waits(&self) -> bool {
        self.state().put_waits
    }

    /// Whether no record waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Whether nothing that did not fit is left, and nothing is promised room there.
    pub(super) fn overflow_is_empty(&self) -> bool {
        self.state().filled[Store::Overflow as usize].is_none()
    }

    /// Where the channel is, and what waits from there on.
    pub(super) fn waiting(&self) -> (Cursor, Vec<R>) {
        let state = self.state();
        (state.cursor.clone(), state.waiting.iter().cloned().collect())
    }

    /// The first record that waits.
    pub(super) fn first(&self) -> Option<R> {
        self.state().waiting.front().cloned()
    }

    /// Puts a record where all that did not fit before is gone, and there is room for it within `patience`.
    pub(super) fn fit(&self, record: R, after: Advance, patience: Duration) -> Fit<R> {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while !state.closed && !state.ended {
            let [own, overflow] = &mut state.filled;
            if !overflow.is_none() {
                return Fit::Full(record);
            } else if own.and(record.room()).is_within(&self.limits) {
                own.add(record.room());
                state.put_waits = false;
                state.add(record, after);
                self.changed.notify_all();
                return Fit::Put;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Fit::Full(record);
            }
            state.put_waits = true;
            self.changed.notify_all();
            state = self.wait(state, left);
        }
        Fit::Closed
    }

    /// Sets room apart, of the overflow where there is one, for a record that is [added](Self::add) later; waits for it if
    /// `patient`. Says whether it was had, which it is not once the channel has ended or is closed.
    ///
    /// `disk_has_room` is asked as well, now and then while a put waits.
    pub(super) fn reserve(&self, room: Room, patient: bool, disk_has_room: &dyn Fn() -> bool) -> bool {
        self.room(room, patient, disk_has_room).is_some()
    }

    /// Lets a record be taken whose room was set apart.
    pub(super) fn add(&self, record: R, after: Advance) {
        self.state().add(record, after);
        self.changed.notify_all();
    }

    /// Puts a record if there is room, and waits for it if `patient`; says whether it was put.
    pub(super) fn put(&self, record: R, after: Advance, patient: bool) -> bool {
        let Some(mut state) = self.room(record.room(), patient, &|| true) else { return false };
        state.add(record, after);
        self.changed.notify_all();
        true
    }

    /// As [`Channel::take`](super::Channel::take).
    pub(super) fn take(&self, patience: Duration) -> Take<R> {
        let deadline = Instant::now().checked_add(patience);
        let mut state = self.state();
        loop {
            if state.closed {
                return Take::Closed;
            }
            let number = state.taken;
            let index = usize::try_from(number - state.cursor.record).ok();
            if let Some(batch) = index.and_then(|i| state.waiting.get(i)).cloned() {
                state.taken += 1;
                state.passed.taken += batch.room().events;
                return Take::Record { number, batch };
            }
            let left = deadline.map_or(Duration::MAX, |d| d.saturating_duration_since(Instant::now()));
            if state.ended {
                return Take::End;
            } else if state.put_waits {
                return Take::Full;
            } else if left.is_zero() {
                return Take::Nothing;
            }
            state = self.wait(state, left.min(LONGEST_WAIT));
        }
    }

    pub(super) fn rewind(&self) {
        let mut state = self.state();
        state.taken = state.cursor.record;
        self.changed.notify_all();
    }

    /// Lets go of all records before `cursor`. Gives the first one that still waits, or the last one that went if none
    /// does: nothing before it is needed any more.
    pub(super) fn commit(&self, cursor: Cursor) -> Option<R> {
        let mut state = self.state();
        let mut last = None;
        while state.cursor.record < cursor.record {
            state.since.pop_front();
            if let Some(gone) = state.waiting.pop_front() {
                state.filled[gone.store() as usize].take_away(gone.room());
                state.passed.committed += gone.room().events;
                last = Some(gone);
            }
            state.cursor.record += 1;
        }
        state.taken = state.taken.max(cursor.record);
        state.cursor = cursor;
        self.changed.notify_all();
        state.waiting.front().cloned().or(last)
    }

    /// Goes on with the work of another channel where the cursor does, before anything is taken; says whether it does so only
    /// now.
    pub(super) fn told(&self, cursor: &Cursor) -> bool {
        let mut state = self.state();
        let is_news = state.cursor.follows != cursor.follows;
        if is_news {
            let put = std::mem::replace(&mut state.positions, cursor.positions.clone());
            put.advances().for_each(|advance| state.positions.advance(advance));
        }
        is_news
    }

    /// Sets room apart for a record that is [added](Self::add) later, also where there is none.
    pub(super) fn exceed(&self, room: Room) {
        self.state().filled[Store::Own as usize].add(room);
    }

    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn level(&self) -> Level {
        let state = self.state();
        let Passed { put, taken, committed } = state.passed;
        // A record of positions alone may wait for ever, until events come.
        let mut with_events = state.waiting.iter().zip(&state.since).filter(|(record, _)| record.room().events > 0);
        let oldest = with_events.next().map(|(_, since)| since.elapsed());
        let [own, overflow] = &state.filled;
        let Room { bytes, events } = own.and(*overflow);
        let limits = self.overflow.map_or(self.limits, |overflow| self.limits.and(&overflow));
        Level { limits, events, bytes, oldest, put, taken, committed, damaged: 0 }
    }

    /// As [`Channel::pause`](super::Channel::pause).
    pub(super) fn pause(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.state();
        while !state.closed && !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.wait(state, left);
        }
        false
    }

    /// Takes room. A record that is larger than the channel is let into an empty one.
    fn room(&self, room: Room, patient: bool, disk_has_room: &dyn Fn() -> bool) -> Option<MutexGuard<'_, State<R>>> {
        let (store, limits) = match &self.overflow {
            None => (Store::Own as usize, &self.limits),
            Some(limits) => (Store::Overflow as usize, limits),
        };
        let mut state = self.state();
        while !state.closed && !state.ended {
            let is_full = !state.filled[store].and(room).is_within(limits);
            let disk_is_full = !disk_has_room();
            if (state.filled[store].bytes == 0 || !is_full) && !disk_is_full {
                state.put_waits = false;
                state.filled[store].add(room);
                return Some(state);
            } else if !patient {
                return None;
            }
            state.put_waits = true;
            self.changed.notify_all();
            // Nobody tells when others make room on the disk.
            state = self.wait(state, if disk_is_full { DISK_IS_LOOKED_AT } else { LONGEST_WAIT });
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        // Every change of the state is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<R>>, time: Duration) -> MutexGuard<'a, State<R>> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<R: Record> State<R> {
    fn add(&mut self, record: R, after: Advance) {
        self.passed.put += record.room().events;
        self.waiting.push_back(record);
        self.since.push_back(Instant::now());
        self.positions.advance(after);
    }
}

impl Room {
    const NONE: Self = Self { bytes: 0, events: 0 };

    fn and(self, more: Self) -> Self {
        Self { bytes: self.bytes + more.bytes, events: self.events + more.events }
    }

    fn add(&mut self, more: Self) {
        *self = self.and(more);
    }

    fn take_away(&mut self, less: Self) {
        *self = Self { bytes: self.bytes - less.bytes, events: self.events - less.events };
    }

    fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    fn is_within(&self, limits: &ChannelLimits) -> bool {
        self.bytes <= limits.max_bytes && self.events <= limits.max_events
    }
}
