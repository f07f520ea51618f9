//! What the parts of a running agent count: atomics, touched once a batch or an epoch and never locked on the way of an
//! event.
//!
//! A part that is opened anew under its name counts on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;

use super::tap::Tap;
use crate::agent::channels::{Channel, Level};
use crate::agent::event::Event;
use crate::agent::interceptors::LeftOut;
use crate::agent::sinks::Written;
use crate::error::{Error, Result};
use crate::secret::masked;
use crate::telemetry::summary::{Outcome, StepSummary};

/// A number that grows.
#[derive(Debug, Default)]
pub(in crate::agent) struct Counter(AtomicU64);

impl Counter {
    pub(in crate::agent) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(in crate::agent) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(in crate::agent) struct Gauge(AtomicU64);

impl Gauge {
    pub(in crate::agent) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(in crate::agent) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A moment, in milliseconds since 1970; 0 where it never was.
#[derive(Debug, Default)]
pub(in crate::agent) struct Moment(AtomicU64);

impl Moment {
    fn now(&self) {
        self.set(Timestamp::now());
    }

    fn set(&self, time: Timestamp) {
        self.0.store(u64::try_from(time.as_millisecond()).unwrap_or(0), Ordering::Relaxed);
    }

    /// `None` where it never was.
    pub(in crate::agent) fn ms(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }
}

/// Whether a part is where it should be.
#[derive(Debug, Default)]
pub(in crate::agent) struct Standing {
    is_up: AtomicBool,
    /// When it came up last.
    since: Moment,
    failure: Mutex<Option<String>>,
}

impl Standing {
    /// It is open, listens, or has reached its target.
    pub(in crate::agent) fn up(&self) {
        self.since.now();
        self.is_up.store(true, Ordering::Relaxed);
    }

    /// It is about to be opened.
    pub(in crate::agent) fn down(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        *self.lock() = None;
    }

    /// It ended for good, for this reason.
    pub(in crate::agent) fn failed(&self, why: &Error) {
        self.lock().get_or_insert_with(|| masked(&why.to_string()));
    }

    pub(in crate::agent) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// When it came up last.
    pub(in crate::agent) fn since(&self) -> Option<u64> {
        self.since.ms()
    }

    /// Why it ended.
    pub(in crate::agent) fn failure(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much a batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Size {
    pub events: u64,
    /// Bytes of the bodies.
    pub bytes: u64,
}

impl Size {
    pub(in crate::agent) fn of(events: &[Event]) -> Self {
        Self { events: events.len() as u64, bytes: events.iter().map(|event| event.body.len() as u64).sum() }
    }
}

/// Batches, their events, and the bytes of their bodies.
#[derive(Debug, Default)]
pub(in crate::agent) struct Flow {
    pub batches: Counter,
    pub events: Counter,
    pub bytes: Counter,
}

impl Flow {
    fn add(&self, size: Size) {
        // A batch that only moves a position does not count.
        if size.events > 0 {
            self.batches.add(1);
            self.events.add(size.events);
            self.bytes.add(size.bytes);
        }
    }
}

/// What a source counts.
#[derive(Debug, Default)]
pub(in crate::agent) struct SourceMeter {
    /// What it gave, also what was not taken of it.
    pub received: Flow,
    /// What is in its channels, or was left out by an interceptor.
    pub accepted: Flow,
    /// What found no room in time, or could not be kept.
    pub rejected: Flow,
    /// Events that an interceptor left out.
    pub filtered: Counter,
    /// Those of them whose id came before.
    pub duplicates: Counter,
    /// Those of them that are not of a sample.
    pub sampled: Counter,
    /// Ids that were forgotten before their time.
    pub forgotten_ids: Counter,
    /// Events that an optional channel had to do without.
    pub missed: Counter,
    /// Requests, lines or packets that hold no event.
    pub malformed: Counter,
    /// Events that were gone before they could be read.
    pub lost: Counter,
    /// Events that wait to be read, where the source knows it.
    pub lag: Gauge,
    /// Requests that were refused as more came than are taken in a second.
    pub throttled: Counter,
    /// Connections that were ever taken, and that were ended.
    pub opened: Counter,
    pub closed: Counter,
    pub last_event: Moment,
    pub standing: Standing,
    /// What it gives, before its interceptors.
    pub tap: Tap,
}

impl SourceMeter {
    /// A batch is put.
    pub(in crate::agent) fn receive(&self, size: Size) {
        self.received.add(size);
    }

    /// A batch was put, or was not.
    pub(in crate::agent) fn put(&self, size: Size, done: &Result<bool>) {
        match done {
            Ok(true) => {
                self.accepted.add(size);
                if size.events > 0 {
                    self.last_event.now();
                }
            }
            // The agent ends: the source keeps what it has.
            Ok(false) => {}
            Err(_) => self.rejected.add(size),
        }
    }

    /// A batch was given up, as there was no room in time.
    pub(in crate::agent) fn refuse(&self, size: Size) {
        self.received.add(size);
        self.rejected.add(size);
    }

    /// Events were left out by interceptors.
    pub(in crate::agent) fn leave_out(&self, left_out: LeftOut) {
        let LeftOut { events, duplicates, sampled, forgotten_ids } = left_out;
        if forgotten_ids > 0 && self.forgotten_ids.get() == 0 {
            tracing::warn!("more ids came within the window of dedupe than max-ids: the oldest are forgotten early");
        }
        let counters = [&self.filtered, &self.duplicates, &self.sampled, &self.forgotten_ids];
        counters.into_iter().zip([events, duplicates, sampled, forgotten_ids]).for_each(|(all, more)| all.add(more));
    }

    /// Counts a connection until the guard is dropped.
    pub(in crate::agent) fn connection(self: &Arc<Self>) -> Connection {
        self.opened.add(1);
        Connection(self.clone())
    }
}

/// A connection of a source, as long as it is held.
#[derive(Debug)]
pub(in crate::agent) struct Connection(Arc<SourceMeter>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.closed.add(1);
    }
}

/// What is known of a channel.
#[derive(Debug, Default)]
pub(in crate::agent) struct ChannelMeter {
    /// Only while it is open: a channel that is held on to could not be opened again.
    channel: Mutex<Option<Weak<dyn Channel>>>,
    pub standing: Standing,
    /// What is put into it.
    pub tap: Tap,
}

impl ChannelMeter {
    pub(in crate::agent) fn opened(&self, channel: &Arc<dyn Channel>) {
        *self.lock() = Some(Arc::downgrade(channel));
        self.standing.up();
    }

    /// Lets go of the channel; nobody looks at it any more when this returns.
    pub(in crate::agent) fn closed(&self) {
        *self.lock() = None;
    }

    /// How full it is, and whether it keeps what it holds; `None` while it is not open.
    pub(in crate::agent) fn level(&self) -> Option<(Level, bool)> {
        // The lock is held as long as the channel is.
        let held = self.lock();
        let channel = held.as_ref()?.upgrade()?;
        Some((channel.level(), !channel.forgets()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Weak<dyn Channel>>> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a sink counts.
#[derive(Debug, Default)]
pub(in crate::agent) struct SinkMeter {
    pub epochs: Counter,
    /// Events of those epochs.
    pub events: Counter,
    pub rows: Counter,
    pub rejects: Counter,
    pub bytes: Counter,
    pub files: Counter,
    /// Rows for partitions that were complete.
    pub late: Counter,
    /// Partitions that were completed.
    pub complete: Counter,
    /// The time up to which rows are taken to be there, where that is known.
    pub watermark: Moment,
    /// Partitions whose files were rewritten, and attempts that failed.
    pub compacted: Counter,
    pub compact_failures: Counter,
    /// Events that were taken from the channel; those that are taken again count again.
    pub taken: Counter,
    /// Attempts that failed and were made again, or ended the agent.
    pub failures: Counter,
    /// Why the last attempt failed; `None` where it did not.
    failing: Mutex<Option<String>>,
    pub last_commit: Moment,
    pub standing: Standing,
    /// What it takes from its channel.
    pub tap: Tap,
}

impl SinkMeter {
    /// An epoch is in the target.
    pub(in crate::agent) fn commit(&self, events: u64, written: &Written) {
        self.epochs.add(1);
        self.events.add(events);
        self.rows.add(written.rows);
        self.rejects.add(written.rejects);
        self.bytes.add(written.bytes);
        self.files.add(written.files);
        self.note_partitions(written);
        *self.lock() = None;
        self.last_commit.now();
    }

    /// Counts what became of partitions.
    pub(in crate::agent) fn note_partitions(&self, written: &Written) {
        self.compacted.add(written.compacted);
        self.compact_failures.add(written.compact_failures);
        self.late.add(written.late);
        self.complete.add(written.complete);
        if let Some(watermark) = written.watermark {
            self.watermark.set(watermark);
        }
    }

    /// An attempt failed.
    pub(in crate::agent) fn fail(&self, why: &Error) {
        self.failures.add(1);
        let remedy = why.remedy().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
        *self.lock() = Some(masked(&format!("{why}{remedy}")));
    }

    /// The target was reached.
    pub(in crate::agent) fn reached(&self) {
        *self.lock() = None;
        self.standing.up();
    }

    /// Why the last attempt failed; `None` where it did not.
    pub(in crate::agent) fn failing(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says in a summary what was counted.
    pub(in crate::agent) fn fill(&self, summary: &mut StepSummary) {
        if self.epochs.get() > 0 {
            summary.outcome = Outcome::Done;
        }
        summary.rows_in = self.events.get();
        summary.rows_out = self.rows.get();
        summary.rejects = self.rejects.get();
        summary.bytes = self.bytes.get();
        summary.files = self.files.get();
    }
}
