//! What stands behind a source: its interceptors, its selector, and its channels.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::channels::Channel;
use super::event::{Batch, Event};
use super::interceptors::{Intercepted, Interceptors};
use super::monitor::{ChannelMeter, Size, SourceMeter};
use super::position::{Advance, PositionForm, SourcePosition};
use super::selector::Selector;
use crate::error::Result;
use crate::telemetry::summary::counted;

/// Which entry of the source's position the events of a batch belong to, and where in it each stands.
///
/// A channel that was reached by a batch before a crash, and not by its sisters, leaves out what it has by these.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    pub key: String,
    /// Of each event; they grow.
    pub offsets: Vec<u64>,
}

/// One of a source's channels.
#[derive(Debug)]
struct Way {
    channel: Arc<dyn Channel>,
    /// How many sources still feed the channel.
    feeders: Arc<AtomicUsize>,
    /// It must have some of the events.
    is_required: bool,
    /// How far the channel was reached when the agent started, by the key of the position's entry, where that was
    /// further than where the source goes on. What is passed is forgotten.
    reached: Mutex<BTreeMap<String, u64>>,
    meter: Arc<ChannelMeter>,
}

/// Where a source puts its events.
#[derive(Debug)]
pub(super) struct Outlet {
    source: Arc<str>,
    form: PositionForm,
    interceptors: Interceptors,
    selector: Selector,
    ways: Vec<Way>,
    meter: Arc<SourceMeter>,
}

/// A channel as a source is given it: with the number of sources that still feed it.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub channel: Arc<dyn Channel>,
    pub feeders: Arc<AtomicUsize>,
}

impl Outlet {
    pub(super) fn new(
        source: &str,
        form: PositionForm,
        feeds: Vec<Feed>,
        selector: Selector,
        interceptors: Interceptors,
    ) -> Self {
        let ways = feeds.into_iter().enumerate().map(|(number, feed)| {
            let Feed { channel, feeders } = feed;
            feeders.fetch_add(1, Ordering::SeqCst);
            let is_required = selector.requires(number);
            Way { channel, feeders, is_required, reached: Mutex::default(), meter: Arc::default() }
        });
        let (source, ways) = (source.into(), ways.collect());
        Self { source, form, interceptors, selector, ways, meter: Arc::default() }
    }

    /// Counts by this meter, and shows what passes; `channels` are in the order of the feeds.
    pub(super) fn watched(mut self, meter: Arc<SourceMeter>, channels: Vec<Arc<ChannelMeter>>) -> Self {
        self.meter = meter;
        self.ways.iter_mut().zip(channels).for_each(|(way, meter)| way.meter = meter);
        self
    }

    /// What the source counts.
    pub(super) fn meter(&self) -> &Arc<SourceMeter> {
        &self.meter
    }

    /// Finds where the source goes on: where its channels are, and where they differ where the one is that is behind. A
    /// channel that is new to the source begins where the others are; a source that is new to all of them where `begin`
    /// says, which is in the channels before its first event.
    ///
    /// # Errors
    /// Config, Data: those of [`Positions::of`](super::position::Positions::of). Those of `begin` and of [`Channel::put`].
    pub(super) fn position(
        &self,
        begin: impl FnOnce() -> Result<Option<BTreeMap<String, Value>>>,
    ) -> Result<Option<SourcePosition>> {
        let (kind, version) = (self.form.kind.clone(), self.form.version);
        let of = |way: &Way| Ok(way.channel.positions().of(&self.source, &kind, version)?.cloned());
        let all: Vec<Option<SourcePosition>> = self.ways.iter().map(of).collect::<Result<_>>()?;
        let required = || self.ways.iter().zip(&all).filter(|(way, _)| way.is_required);
        let is_new = required().all(|(_, position)| position.is_none());
        let forgot = required().any(|(way, position)| position.is_none() && way.channel.forgets());
        let begun = if is_new || forgot { begin()? } else { None };
        // What a channel in memory was given before and has not passed on is gone: it needs all of it again.
        let nothing = SourcePosition { form: self.form.clone(), entries: begun.clone().unwrap_or_default() };
        let known = required().filter_map(|(way, position)| match position {
            None if way.channel.forgets() => Some(&nothing),
            position => position.as_ref(),
        });
        let mut merged = behind(&known.collect::<Vec<_>>());
        if begun.is_some() && merged.is_none() {
            merged = Some(nothing.clone());
        }
        if self.ways.len() == 1 && begun.is_none() {
            return Ok(merged);
        }
        let goes_on = merged.as_ref().map_or(&nothing, |merged| merged);
        for (way, position) in self.ways.iter().zip(&all) {
            match position {
                Some(position) => way.pass_over(position, goes_on),
                None => {
                    let entries = goes_on.entries.clone();
                    let after = Advance { source: self.source.clone(), form: self.form.clone(), entries };
                    way.channel.put(Batch { events: Vec::new(), after })?;
                }
            }
        }
        Ok(merged)
    }

    /// How far the source was read by what is safe: on disk in its channels, and for those in memory in their targets. `None`
    /// while one of them has nothing of it.
    ///
    /// # Errors
    /// Those of [`Positions::of`](super::position::Positions::of).
    pub(super) fn durable(&self) -> Result<Option<SourcePosition>> {
        let (kind, version) = (&self.form.kind, self.form.version);
        let mut all = Vec::new();
        for way in self.ways.iter().filter(|way| way.is_required) {
            let kept = match way.channel.forgets() {
                true => way.channel.cursor().positions,
                false => way.channel.positions(),
            };
            match kept.of(&self.source, kind, version)? {
                Some(position) => all.push(position.clone()),
                None => return Ok(None),
            }
        }
        Ok(behind(&all.iter().collect::<Vec<_>>()))
    }

    /// Whether the origin of events is wanted.
    pub(super) fn wants_origin(&self) -> bool {
        !self.selector.is_plain() || self.ways.len() > 1
    }

    /// Puts events and the entries of the source's position that they move, as one. Blocks while a required channel is
    /// full; says whether the channels still take events.
    ///
    /// # Errors
    /// Those of [`Channel::put`].
    pub(super) fn put(
        &self,
        events: Vec<Event>,
        entries: BTreeMap<String, Value>,
        origin: Option<Origin>,
    ) -> Result<bool> {
        let size = Size::of(&events);
        self.meter.receive(size);
        self.meter.tap.show(&events);
        let turn = self.interceptors.turn();
        let done = self.put_counted(events, entries, origin);
        self.interceptors.settle(matches!(done, Ok(true)));
        drop(turn);
        self.meter.put(size, &done);
        done
    }

    fn put_counted(
        &self,
        events: Vec<Event>,
        entries: BTreeMap<String, Value>,
        origin: Option<Origin>,
    ) -> Result<bool> {
        let after = Advance { source: self.source.clone(), form: self.form.clone(), entries };
        if let [way] = &self.ways[..]
            && self.selector.is_plain()
        {
            let events = self.intercept(events);
            way.meter.tap.show(&events);
            return way.channel.put(Batch { events, after });
        }
        let mut required: Vec<Vec<Event>> = self.ways.iter().map(|_| Vec::new()).collect();
        let mut optional = required.clone();
        let origin = origin.unwrap_or_default();
        for (number, event) in events.into_iter().enumerate() {
            let place = origin.offsets.get(number).map(|offset| (origin.key.as_str(), *offset));
            for event in self.intercept(vec![event]) {
                let chosen = self.selector.choose(&event, place);
                let lacks = |way: &&usize| !self.ways[**way].has(place);
                chosen.required.iter().filter(lacks).for_each(|way| required[*way].push(event.clone()));
                chosen.optional.iter().filter(lacks).for_each(|way| optional[*way].push(event.clone()));
            }
        }
        for ((way, events), wish) in self.ways.iter().zip(required).zip(optional) {
            if !way.put(events, wish, &after, &self.meter)? {
                return Ok(false);
            }
            way.forget(&after);
        }
        Ok(true)
    }

    /// Puts events of a source without a position where each of their channels has room for them now; says whether it
    /// had. With several channels it waits for room, as [`Outlet::put`] does.
    ///
    /// # Errors
    /// Those of [`Channel::offer`].
    pub(super) fn offer(&self, events: &[Event]) -> Result<bool> {
        let way = match &self.ways[..] {
            [way] if self.selector.is_plain() => way,
            _ => return self.put(events.to_vec(), BTreeMap::new(), None),
        };
        let after = Advance { source: self.source.clone(), form: self.form.clone(), entries: BTreeMap::new() };
        let turn = self.interceptors.turn();
        let Intercepted { events: left, left_out } = self.interceptors.apply(events.to_vec());
        let shown = way.meter.tap.is_wanted().then(|| left.clone());
        let done = way.channel.offer(Batch { events: left, after });
        self.interceptors.settle(matches!(done, Ok(true)));
        drop(turn);
        // One that finds no room may be made again: it counts when it is given up.
        if !matches!(done, Ok(false)) {
            let size = Size::of(events);
            self.meter.receive(size);
            self.meter.leave_out(left_out);
            self.meter.tap.show(events);
            way.meter.tap.show(&shown.unwrap_or_default());
            self.meter.put(size, &done);
        }
        done
    }

    /// What the interceptors leave of events.
    fn intercept(&self, events: Vec<Event>) -> Vec<Event> {
        let Intercepted { events, left_out } = self.interceptors.apply(events);
        self.meter.leave_out(left_out);
        events
    }

    /// Whether the channels still take events.
    pub(super) fn is_open(&self) -> bool {
        self.pause(Duration::ZERO)
    }

    /// Waits; says whether the channels still take events, and at once when they do not.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.ways.first().is_some_and(|way| way.channel.pause(time))
    }

    /// What optional channels had to do without, in words.
    pub(super) fn missed(&self) -> Option<String> {
        let missed = self.meter.missed.get();
        (missed > 0).then(|| format!("{} did not fit into optional channels", counted(missed, "event", "events")))
    }
}

/// The last source of a channel that ends ends it.
impl Drop for Outlet {
    fn drop(&mut self) {
        for way in &self.ways {
            if way.feeders.fetch_sub(1, Ordering::SeqCst) == 1 {
                way.channel.end();
            }
        }
    }
}

impl Way {
    /// Notes where the channel is further than where the source goes on.
    fn pass_over(&self, own: &SourcePosition, goes_on: &SourcePosition) {
        let further = |(key, entry): (&String, &Value)| {
            let from = goes_on.entries.get(key).map_or(0, ordinal);
            (ordinal(entry) > from).then(|| (key.clone(), ordinal(entry)))
        };
        *self.reached() = own.entries.iter().filter_map(further).collect();
    }

    fn has(&self, place: Option<(&str, u64)>) -> bool {
        place.is_some_and(|(key, offset)| self.reached().get(key).is_some_and(|reached| offset < *reached))
    }

    /// Forgets what the source has passed, or knows no more: another file may come under its key.
    fn forget(&self, after: &Advance) {
        let mut reached = self.reached();
        for (key, entry) in &after.entries {
            if reached.get(key).is_some_and(|reached| entry.is_null() || ordinal(entry) >= *reached) {
                reached.remove(key);
            }
        }
    }

    fn reached(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the channel must have, and offers it what it may do without.
    fn put(&self, events: Vec<Event>, wish: Vec<Event>, after: &Advance, meter: &SourceMeter) -> Result<bool> {
        let missed = wish.len() as u64;
        self.meter.tap.show(&events);
        self.meter.tap.show(&wish);
        // Also without events: the channel's position of the source moves with its sisters'.
        if self.is_required && !self.channel.put(Batch { events, after: after.clone() })? {
            return Ok(false);
        }
        if missed > 0 && !self.channel.offer(Batch { events: wish, after: after.clone() })? {
            meter.missed.add(missed);
        }
        Ok(true)
    }
}

/// The position that no channel is behind.
fn behind(positions: &[&SourcePosition]) -> Option<SourcePosition> {
    let (first, rest) = positions.split_first()?;
    let mut merged = (*first).clone();
    for position in rest {
        merged.entries.retain(|key, _| position.entries.contains_key(key));
        for (key, entry) in &mut merged.entries {
            if let Some(other) = position.entries.get(key).filter(|other| ordinal(other) < ordinal(entry)) {
                *entry = other.clone();
            }
        }
    }
    Some(merged)
}

/// How far an entry is: it is a number, or has an `offset`.
fn ordinal(entry: &Value) -> u64 {
    entry.as_u64().or_else(|| entry.get("offset")?.as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
