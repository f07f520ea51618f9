//! From the channel to the sink, epoch by epoch.
//!
//! A thread takes records and sorts their events into chunks; the sink writes these as they come, so that an epoch is
//! never held in memory and the next one is sorted while one is made visible. An epoch that fails for a reason that will
//! pass is begun again from the channel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::channels::cursor::Cursor;
use super::channels::{Channel, Take};
use super::event::Event;
use super::joined;
use super::monitor::SinkMeter;
use super::report::Report;
use super::roll::Roll;
use super::sinks::{Begun, Chunk, EpochWriter, Events, Place, Sink, Written};
use super::sorter::Sorter;
use crate::error::{self, Kind, Result};
use crate::memory;
use crate::retry::{Retry, Sayer};
use crate::shutdown::Stop;

/// How long the epoch at hand may go on after a stop: a commit on a busy cluster takes seconds.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes of rows or events that travel to the sink at once.
const CHUNK_BYTES: usize = 512 << 10;
/// Chunks that wait for the sink.
const CHUNKS: usize = 2;
/// How often it is looked whether anybody still wants what is collected.
const LOOK: Duration = Duration::from_millis(200);
/// How often the sink is asked what is due while nothing comes.
const REST: Duration = Duration::from_secs(1);
/// Pause while all that the channel holds is on its way.
const BREATH: Duration = Duration::from_millis(5);

/// Empties a channel into a sink.
pub(super) struct Drain {
    pub channel: Arc<dyn Channel>,
    pub sink: Box<dyn Sink>,
    pub roll: Roll,
    pub retry: Retry,
    pub report: Report,
    pub meter: Arc<SinkMeter>,
    pub sayer: Sayer,
}

/// What comes from the collecting thread.
enum Piece {
    Chunk(Chunk),
    /// The chunks before it are an epoch.
    End(Box<Epoch>),
}

/// What an epoch holds.
#[derive(Clone, Debug)]
struct Epoch {
    /// The cursor once it is in the target.
    to: Cursor,
    events: u64,
}

/// Why a row of epochs ended.
enum Ended {
    /// Nothing is left, or the channel was closed.
    Wholly,
    /// The target was further than the channel, which goes on behind it.
    Ahead,
}

impl Drain {
    /// Writes epochs until the sources have ended and the channel is empty, or a stop. A cluster that is away is waited
    /// for.
    pub(super) async fn run(&mut self, stop: &Stop) -> Result<()> {
        memory::give_back_code();
        let channel = self.channel.clone();
        // A stop does not break into an epoch at once: letting it end leaves less for the next run.
        let late = async {
            stop.requested().await;
            channel.close();
            tokio::time::sleep(GRACE).await;
        };
        let done = tokio::select! {
            done = self.patiently(stop) => done,
            () = late => Err(stop.error()),
        };
        if let Err(e) = &done
            && !matches!(e.kind(), Kind::Stopped(_))
        {
            self.meter.standing.failed(e);
        }
        done
    }

    /// A stop ends it at once while a target that is away is waited for.
    async fn patiently(&mut self, stop: &Stop) -> Result<()> {
        let pauses = |drain: &Self| drain.retry.pauses_said_by(drain.sayer.clone());
        let (mut paused, mut epochs) = (pauses(self), self.report.epochs);
        // Of the epoch whose fate is not known, as its commit failed.
        let mut doubtful = None;
        loop {
            let error = match self.epochs(&mut doubtful).await {
                Ok(Ended::Wholly) => return Ok(()),
                Ok(Ended::Ahead) => None,
                Err(error) => Some(error),
            };
            if self.report.epochs > epochs {
                (paused, epochs) = (pauses(self), self.report.epochs);
            }
            if let Some(error) = error {
                self.meter.fail(&error);
                tokio::select! {
                    biased;
                    waited = paused.after(error) => waited?,
                    () = stop.requested() => return Err(stop.error()),
                }
            }
            self.channel.rewind();
        }
    }

    /// Writes epochs from the channel's cursor on.
    async fn epochs(&mut self, doubtful: &mut Option<Box<Epoch>>) -> Result<Ended> {
        let (out, mut pieces) = mpsc::channel(CHUNKS);
        let (channel, meter) = (self.channel.clone(), self.meter.clone());
        let collector = Collector { channel, roll: self.roll, bag: Bag::new(self.sink.sorter()), out, meter };
        let from = self.channel.cursor();
        let collecting = spawn_blocking(move || collector.run(from));
        let written = self.write(&mut pieces, doubtful).await;
        drop(pieces);
        let collected = joined(collecting.await);
        let ended = written?;
        match ended {
            // It may have read on where the channel has nothing any more.
            Ended::Ahead => Ok(ended),
            Ended::Wholly => collected.map(|()| ended),
        }
    }

    async fn write(&mut self, pieces: &mut mpsc::Receiver<Piece>, doubtful: &mut Option<Box<Epoch>>) -> Result<Ended> {
        let mut writer: Option<Box<dyn EpochWriter>> = None;
        let mut quiet_since = Instant::now();
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                () = tokio::time::sleep(REST), if writer.is_none() => {
                    self.rest(&mut quiet_since).await?;
                    continue;
                }
            };
            let Some(piece) = piece else { return Ok(Ended::Wholly) };
            quiet_since = Instant::now();
            match (piece, writer.take()) {
                (Piece::Chunk(chunk), Some(mut open)) => {
                    open.write(chunk).await?;
                    writer = Some(open);
                }
                (Piece::Chunk(chunk), None) => match self.sink.begin(&self.channel.cursor()).await? {
                    Begun::Epoch(mut begun) => {
                        begun.write(chunk).await?;
                        writer = Some(begun);
                    }
                    Begun::There(cursor, written) => {
                        if let Some(epoch) = doubtful.take().filter(|epoch| epoch.to == cursor) {
                            self.count(&epoch, *written);
                        }
                        self.channel.commit(cursor)?;
                        return Ok(Ended::Ahead);
                    }
                },
                (Piece::End(epoch), open) => {
                    let epoch = doubtful.insert(epoch);
                    let open = open.ok_or_else(|| error::bug("an epoch ended that was not begun"))?;
                    let written = open.commit(&epoch.to).await?;
                    self.channel.commit(epoch.to.clone())?;
                    if let Some(epoch) = doubtful.take() {
                        self.count(&epoch, written);
                    }
                }
            }
        }
    }

    /// Lets the sink do what is due while the channel is empty.
    async fn rest(&mut self, quiet_since: &mut Instant) -> Result<()> {
        if self.channel.level().events > 0 {
            *quiet_since = Instant::now();
            return Ok(());
        }
        let written = self.sink.rest(quiet_since.elapsed()).await?;
        self.meter.note_partitions(&written);
        self.report.note_partitions(&written);
        Ok(())
    }

    fn count(&mut self, epoch: &Epoch, written: Written) {
        self.meter.commit(epoch.events, &written);
        if self.sayer.over() {
            tracing::info!("{} goes on", self.sink.name());
        }
        self.report.epochs += 1;
        self.report.note_partitions(&written);
        if self.report.first_reject.is_none() {
            self.report.first_reject = written.first_reject;
        }
    }
}

/// The thread that takes from the channel.
struct Collector {
    channel: Arc<dyn Channel>,
    roll: Roll,
    bag: Bag,
    out: mpsc::Sender<Piece>,
    meter: Arc<SinkMeter>,
}

impl Collector {
    /// Collects epochs until nothing is left, the channel is closed, or nobody wants them any more.
    ///
    /// # Errors
    /// Those of [`Channel::take`] and of the sorter.
    fn run(mut self, mut from: Cursor) -> Result<()> {
        while let Some(epoch) = self.collect(&from)? {
            from = epoch.to.clone();
            if self.out.blocking_send(Piece::End(Box::new(epoch))).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Collects the epoch that begins at `from`; waits until a bound is reached, the channel is full or the sources
    /// have ended. `None` if there is nothing more.
    fn collect(&mut self, from: &Cursor) -> Result<Option<Epoch>> {
        let mut to = Cursor { epoch: from.epoch + 1, follows: None, ..from.clone() };
        let (mut events, mut bytes, mut is_full) = (0, 0, false);
        // When it is old enough, and when it is complete unless something comes before.
        let (mut oldest, mut deadline) = (None, None);
        while events < self.roll.rows && bytes < self.roll.bytes {
            let left = deadline.map_or(LOOK, |deadline: Instant| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            match self.channel.take(left.min(LOOK))? {
                Take::Record { number, batch } => {
                    events += batch.events.len() as u64;
                    self.meter.taken.add(batch.events.len() as u64);
                    self.meter.tap.show(&batch.events);
                    bytes += batch.events.iter().map(|event| event.size() as u64).sum::<u64>();
                    self.add(number, batch.events)?;
                    to.record = number + 1;
                    to.positions.advance(batch.after);
                    if events > 0 {
                        oldest = oldest.or_else(|| Some(Instant::now() + self.roll.age));
                        let quiet = self.roll.idle.map(|idle| Instant::now() + idle);
                        deadline = oldest.into_iter().chain(quiet).min();
                    }
                }
                Take::Nothing => {}
                // Records that only move positions fill it, too.
                Take::Full if to.record > from.record => {
                    is_full = true;
                    break;
                }
                // What fills it is being written.
                Take::Full => drop(self.channel.pause(BREATH)),
                Take::End | Take::Closed => break,
            }
            if self.out.is_closed() {
                return Ok(None);
            }
        }
        // Positions without events wait for the next events, as long as there is room.
        if events == 0 && !is_full {
            return Ok(None);
        }
        self.send()?;
        Ok(Some(Epoch { to, events }))
    }

    /// Adds the events of a record.
    fn add(&mut self, record: u64, events: Vec<Event>) -> Result<()> {
        for (index, event) in (0..).zip(events) {
            self.bag.add(event, Place { record, index })?;
            if self.bag.bytes() >= CHUNK_BYTES {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Hands over what was collected. Where nobody takes it any more it is given up: it stays in the channel.
    fn send(&mut self) -> Result<()> {
        let chunk = self.bag.empty()?;
        self.out.blocking_send(Piece::Chunk(chunk)).ok();
        Ok(())
    }
}

/// Events that become a chunk.
enum Bag {
    Rows(Box<Sorter>),
    Events { events: Events, bytes: usize },
}

impl Bag {
    fn new(sorter: Option<Sorter>) -> Self {
        match sorter {
            Some(sorter) => Self::Rows(Box::new(sorter)),
            None => Self::Events { events: Events::default(), bytes: 0 },
        }
    }

    fn add(&mut self, event: Event, place: Place) -> Result<()> {
        match self {
            Self::Rows(sorter) => sorter.add(&event),
            Self::Events { events, bytes } => {
                *bytes += event.size();
                events.add(event, place);
                Ok(())
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Rows(sorter) => sorter.bytes(),
            Self::Events { bytes, .. } => *bytes,
        }
    }

    fn empty(&mut self) -> Result<Chunk> {
        match self {
            Self::Rows(sorter) => sorter.take().map(Chunk::Rows),
            Self::Events { events, bytes } => {
                *bytes = 0;
                Ok(Chunk::Events(std::mem::take(events)))
            }
        }
    }
}
