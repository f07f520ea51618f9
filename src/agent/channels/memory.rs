//! The channel in memory: quick, and empty after a crash.
//!
//! With a source that can be read again nothing is lost all the same: the position of what has reached the target is in
//! the target, and the source goes on from there. What other sources gave and has not left the channel is lost with the
//! process.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::cursor::Cursor;
use super::queue::{Queue, Record, Room};
use super::{Channel, ChannelLimits, Level, Take};
use crate::agent::event::{Batch, Event};
use crate::agent::position::Positions;
use crate::agent::sinks::Kept;
use crate::error::Result;

/// A queue of batches in memory.
#[derive(Debug)]
pub(crate) struct MemoryChannel {
    queue: Queue<Held>,
}

/// A batch, and about how much memory it takes.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub batch: Batch,
    room: Room,
}

impl MemoryChannel {
    /// A channel that goes on with what `manifest`, the cursor in the target's manifest, says.
    pub(crate) fn new(limits: ChannelLimits, manifest: Option<&Cursor>) -> Self {
        let own = uuid::Uuid::now_v7().to_string();
        let cursor = manifest.map_or_else(|| Cursor::new(own.clone()), |other| Cursor::following(own.clone(), other));
        let positions = cursor.positions.clone();
        Self { queue: Queue::new(limits, cursor, VecDeque::new(), positions) }
    }

    fn add(&self, batch: Batch, patient: bool) -> bool {
        let after = batch.after.clone();
        self.queue.put(Held::new(batch), after, patient)
    }
}

impl Held {
    pub(super) fn new(mut batch: Batch) -> Self {
        // A body may be a piece of what its source read at once: by itself it keeps no more than its own bytes.
        batch.events.iter_mut().for_each(|event| event.body = Bytes::copy_from_slice(&event.body));
        let entry = |(key, value): (&String, &serde_json::Value)| key.len() + value.to_string().len() + 128;
        let after = batch.after.entries.iter().map(entry).sum::<usize>();
        let bytes = batch.events.iter().map(Event::size).sum::<usize>() + after + 128;
        let room = Room { bytes: bytes as u64, events: batch.events.len() as u64 };
        Self { batch, room }
    }
}

impl Record for Held {
    fn room(&self) -> Room {
        self.room
    }
}

impl Channel for MemoryChannel {
    fn cursor(&self) -> Cursor {
        self.queue.cursor()
    }

    fn positions(&self) -> Positions {
        self.queue.positions()
    }

    fn put(&self, batch: Batch) -> Result<bool> {
        Ok(self.add(batch, true))
    }

    fn offer(&self, batch: Batch) -> Result<bool> {
        Ok(self.add(batch, false))
    }

    fn take(&self, patience: Duration) -> Result<Take> {
        self.queue.take(patience).try_map(|_, held| Ok(held.batch))
    }

    fn rewind(&self) {
        self.queue.rewind();
    }

    fn forgets(&self) -> bool {
        true
    }

    fn commit(&self, cursor: Cursor) -> Result<()> {
        self.queue.commit(cursor);
        Ok(())
    }

    fn told(&self, kept: &Kept) -> Result<()> {
        if let Kept::Target(Some(manifest)) | Kept::SomeTargets(Some(manifest)) = kept {
            let cursor = Cursor::following(self.queue.cursor().channel, manifest);
            self.queue.told(&cursor);
            self.queue.commit(cursor);
        }
        Ok(())
    }

    fn end(&self) {
        self.queue.end();
    }

    fn close(&self) {
        self.queue.close();
    }

    fn level(&self) -> Level {
        self.queue.level()
    }

    fn pause(&self, time: Duration) -> bool {
        self.queue.pause(time)
    }
}
