//! The definition of a dimension, in memory: what the statements of the planner have to come to. Pure; no I/O.
//!
//! A dimension is a function of the set of all events that were ever accepted. The order in which they arrive, how they
//! are cut into batches and how often each is delivered never matter:
//!
//! 1. Of the events of one key and sequence one is kept: a deletion before an upsert, then the greatest SHA-256 of the
//!    canonical attributes. A truncation deletes each key that was seen before it.
//! 2. In order of sequence the events of a key are cut into runs. A run is a longest block of upserts that say the same
//!    in the tracked columns; NULL equals NULL, and '' is not NULL. A deletion ends a run.
//! 3. A run is a version: from its first event to the next event that is not part of it, or open.
//! 4. Where facts count, a thing that one of them saw before its first event has a version from its first fact on. It is
//!    inferred, and says nothing, until the first event. If that is an upsert, its version takes the inferred one's place.
//!
//! Refuses events without key or sequence, or sets them aside, as the definition says. The tests hold Hive against this.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::args::{Deletes, UntrackedPolicy};
use crate::error::{self, Result};

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The thing is as the attributes say.
    Upsert,
    /// The thing is gone.
    Delete,
    /// Every thing is gone that was seen before; has no key.
    Truncate,
}

/// A change, with a sequence of type `S`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<S> {
    /// The thing, as one text.
    pub key: Option<String>,
    /// What orders the events of a key.
    pub seq: Option<S>,
    /// What happened.
    pub op: Op,
    /// The tracked values, then the untracked ones: each as the text that stands for it alone.
    pub attributes: Vec<Option<String>>,
    /// When the thing came to be, for [`FirstFrom::Created`].
    pub created: Option<S>,
}

/// A row of a history that somebody else kept: the thing, where it begins, the first moment after it, what it shows.
pub type Told<S> = (String, S, Option<S>, Vec<Option<String>>);

/// The events that a finished history tells of: each row begins, and ends in a deletion unless the next one begins there.
pub fn events_of<S: Ord + Clone>(history: &[Told<S>]) -> Vec<Event<S>> {
    let begins: BTreeSet<(&String, &S)> = history.iter().map(|(key, from, ..)| (key, from)).collect();
    let event = |key: &String, seq: &S, op, attributes| Event {
        key: Some(key.clone()),
        seq: Some(seq.clone()),
        op,
        attributes,
        created: None,
    };
    let mut events = Vec::new();
    for (key, from, to, attributes) in history {
        events.push(event(key, from, Op::Upsert, attributes.clone()));
        if let Some(to) = to.as_ref().filter(|to| !begins.contains(&(key, *to))) {
            events.push(event(key, to, Op::Delete, vec![None; attributes.len()]));
        }
    }
    events
}

/// Where the first version of a thing begins, if no event precedes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FirstFrom<S> {
    /// At its first event.
    #[default]
    Event,
    /// At what that event says in the created column, if that is earlier.
    Created,
    /// At the moment from which facts are expected, if that is earlier.
    Epoch(S),
    /// At the first fact that saw the thing, if that is earlier; what no event tells of has an inferred version.
    Fact,
}

/// What a dimension is made of, and how.
#[derive(Clone, Debug)]
pub struct Definition<S> {
    /// How many attributes an event has.
    pub attributes: usize,
    /// How many of them are tracked, the first ones; the others are untracked.
    pub tracked: usize,
    /// What versions show of the untracked ones.
    pub untracked: UntrackedPolicy,
    /// What a deletion leaves behind.
    pub deletes: Deletes,
    /// Where the first version begins.
    pub first_from: FirstFrom<S>,
    /// Refuse events of one key and sequence that say different things.
    pub strict: bool,
    /// Set aside events without key or sequence, instead of refusing their batch.
    pub quarantine: bool,
}

/// A row of the dimension; it holds in `[from, to)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version<S> {
    /// The thing.
    pub key: String,
    /// Where it begins.
    pub from: S,
    /// The first moment after it; `None` while it is open.
    pub to: Option<S>,
    /// What it shows.
    pub attributes: Vec<Option<String>>,
    /// Whether it says that the thing is gone.
    pub is_deleted: bool,
    /// Whether facts alone say that the thing is there.
    pub is_inferred: bool,
    /// Sequence of the last event in it.
    pub last_seq: S,
}

/// The event that counts at one key and sequence.
#[derive(Clone, Debug)]
struct Kept<S> {
    is_delete: bool,
    digest: [u8; 32],
    attributes: Vec<Option<String>>,
    created: Option<S>,
    is_tie: bool,
}

/// All that was accepted, and the dimension that it comes to.
#[derive(Clone, Debug)]
pub struct Reference<S> {
    definition: Definition<S>,
    events: BTreeMap<String, BTreeMap<S, Kept<S>>>,
    /// The first fact of each key.
    facts: BTreeMap<String, S>,
    truncations: BTreeSet<S>,
    quarantined: u64,
}

impl<S: Ord + Clone + ToString> Reference<S> {
    /// A dimension without events.
    pub fn new(definition: Definition<S>) -> Self {
        let (events, facts) = (BTreeMap::new(), BTreeMap::new());
        Self { definition, events, facts, truncations: BTreeSet::new(), quarantined: 0 }
    }

    /// Takes a batch: all of it, or with an error nothing.
    ///
    /// # Errors
    /// Data: an event without key or sequence; with `strict`, events of one key and sequence that say different things.
    pub fn accept(&mut self, batch: &[Event<S>]) -> Result<()> {
        let before = self.clone();
        batch.iter().try_for_each(|event| self.take(event)).inspect_err(|_| *self = before)
    }

    fn take(&mut self, event: &Event<S>) -> Result<()> {
        let (key, seq) = match event {
            Event { seq: Some(seq), op: Op::Truncate, .. } => {
                self.truncations.insert(seq.clone());
                return Ok(());
            }
            Event { key: Some(key), seq: Some(seq), .. } => (key, seq),
            _ if self.definition.quarantine => {
                self.quarantined += 1;
                return Ok(());
            }
            _ => {
                return Err(error::data(format!("an event has no key or no sequence: {:?}", event.attributes))
                    .hint("leave it out, or set it aside"));
            }
        };
        let is_delete = event.op == Op::Delete;
        let mut kept = Kept {
            is_delete,
            digest: digest(event.attributes.iter().cloned().chain(self.created_text(event))),
            attributes: event.attributes.clone(),
            created: event.created.clone(),
            is_tie: false,
        };
        let of_key = self.events.entry(key.clone()).or_default();
        if let Some(there) = of_key.get(seq) {
            let same = there.is_delete == is_delete && (is_delete || there.digest == kept.digest);
            if self.definition.strict && !same {
                return Err(error::data(format!("key {key} has events that say different things at one sequence"))
                    .hint("give the events a sequence that orders them"));
            }
            kept.is_tie = there.is_tie || !same;
            if (there.is_delete, there.digest) >= (is_delete, kept.digest) {
                kept = Kept { is_tie: kept.is_tie, ..there.clone() };
            }
        }
        of_key.insert(seq.clone(), kept);
        Ok(())
    }

    /// Takes a fact: something that has to do with the thing `key` happened `at` that moment. Has a say where the first
    /// version begins with the first fact.
    pub fn see(&mut self, key: &str, at: S) {
        let first = self.facts.entry(key.to_owned()).or_insert_with(|| at.clone());
        if at < *first {
            *first = at;
        }
    }

    /// The created column is content only where it has a say.
    fn created_text(&self, event: &Event<S>) -> Option<Option<String>> {
        (self.definition.first_from == FirstFrom::Created).then(|| event.created.as_ref().map(ToString::to_string))
    }

    /// At how many keys and sequences different things were said.
    pub fn ties(&self) -> usize {
        self.events.values().flat_map(BTreeMap::values).filter(|kept| kept.is_tie).count()
    }

    /// How many events were set aside.
    pub fn quarantined(&self) -> u64 {
        self.quarantined
    }

    /// The versions, by key and in order.
    pub fn versions(&self) -> Vec<Version<S>> {
        let none = BTreeMap::new();
        let facts: Vec<&String> = self.facts.keys().filter(|_| self.definition.first_from == FirstFrom::Fact).collect();
        let keys: BTreeSet<&String> = self.events.keys().chain(facts).collect();
        keys.into_iter().flat_map(|key| self.versions_of(key, self.events.get(key).unwrap_or(&none))).collect()
    }

    fn versions_of(&self, key: &str, events: &BTreeMap<S, Kept<S>>) -> Vec<Version<S>> {
        let runs = self.runs(events);
        let latest = runs.iter().rev().find(|run| !run.is_delete).map(|run| run.latest);
        let mut versions: Vec<_> = self.inferred(key, runs.first(), latest).into_iter().collect();
        let mut alive: Option<&Kept<S>> = None;
        for (number, run) in runs.iter().enumerate() {
            let said = if run.is_delete { alive } else { Some(run.latest) };
            alive = said.or(alive);
            let Some(said) = said.filter(|_| !run.is_delete || self.definition.deletes == Deletes::Record) else {
                continue;
            };
            let untracked = match self.definition.untracked {
                UntrackedPolicy::FirstInRun if !run.is_delete => run.first,
                UntrackedPolicy::OverwriteAll => latest.unwrap_or(said),
                _ => said,
            };
            let tracked = self.definition.tracked.min(said.attributes.len());
            let attributes = said.attributes[..tracked].iter().chain(&untracked.attributes[tracked..]);
            versions.push(Version {
                key: key.to_owned(),
                from: if number == 0 { self.first_from(key, run) } else { run.from.clone() },
                to: runs.get(number + 1).map(|next| next.from.clone()),
                attributes: attributes.cloned().collect(),
                is_deleted: run.is_delete,
                is_inferred: false,
                last_seq: run.last_seq.clone(),
            });
        }
        versions
    }

    /// The version that facts alone speak for: from the first of them to the first event, unless that fills it.
    fn inferred(&self, key: &str, first: Option<&Run<'_, S>>, latest: Option<&Kept<S>>) -> Option<Version<S>> {
        let fact = self.facts.get(key).filter(|_| self.definition.first_from == FirstFrom::Fact)?;
        if first.is_some_and(|run| !run.is_delete || fact >= run.from) {
            return None;
        }
        let mut attributes = vec![None; self.definition.attributes];
        if let Some(latest) = latest.filter(|_| self.definition.untracked == UntrackedPolicy::OverwriteAll) {
            let tracked = self.definition.tracked.min(attributes.len());
            attributes.splice(tracked.., latest.attributes.iter().skip(tracked).cloned());
        }
        Some(Version {
            key: key.to_owned(),
            from: fact.clone(),
            to: first.map(|run| run.from.clone()),
            attributes,
            is_deleted: false,
            is_inferred: true,
            last_seq: fact.clone(),
        })
    }

    /// Where the first version begins, if it is the first that is known of the key.
    fn first_from(&self, key: &str, run: &Run<'_, S>) -> S {
        let earlier = match &self.definition.first_from {
            FirstFrom::Event => None,
            FirstFrom::Created => run.first.created.clone(),
            FirstFrom::Epoch(epoch) => Some(epoch.clone()),
            FirstFrom::Fact => self.facts.get(key).cloned(),
        };
        earlier.filter(|earlier| earlier < run.from).unwrap_or_else(|| run.from.clone())
    }

    /// The events of a key, and the truncations that met it, cut where the tracked columns change; deletions that follow
    /// each other are one run.
    fn runs<'a>(&'a self, events: &'a BTreeMap<S, Kept<S>>) -> Vec<Run<'a, S>> {
        let mut ordered: BTreeMap<&S, Option<&Kept<S>>> =
            events.iter().map(|(seq, kept)| (seq, (!kept.is_delete).then_some(kept))).collect();
        if let Some(first) = events.keys().next() {
            ordered.extend(self.truncations.iter().filter(|seq| *seq > first).map(|seq| (seq, None)));
        }
        let mut runs: Vec<Run<'a, S>> = Vec::new();
        let gone = events.values().next();
        for (seq, said) in ordered {
            let tracked = |kept: &'a Kept<S>| &kept.attributes[..self.definition.tracked.min(kept.attributes.len())];
            match (runs.last_mut(), said) {
                (Some(run), None) if run.is_delete => run.last_seq = seq,
                (Some(run), Some(kept)) if !run.is_delete && tracked(run.first) == tracked(kept) => {
                    (run.last_seq, run.latest) = (seq, kept);
                }
                _ => {
                    let Some(kept) = said.or(gone) else { continue };
                    runs.push(Run { from: seq, last_seq: seq, first: kept, latest: kept, is_delete: said.is_none() });
                }
            }
        }
        runs
    }
}

/// Events of one key that are one row. Those of a deletion have no say in `first` and `latest`.
struct Run<'a, S> {
    from: &'a S,
    last_seq: &'a S,
    first: &'a Kept<S>,
    latest: &'a Kept<S>,
    is_delete: bool,
}

/// SHA-256 of the canonical attributes: lengths in characters keep neighbours apart, `~` is NULL.
fn digest(attributes: impl Iterator<Item = Option<String>>) -> [u8; 32] {
    let framed = attributes.map(|value| match value {
        Some(text) => format!("{}:{text}", text.chars().count()),
        None => "~".to_owned(),
    });
    Sha256::digest(framed.collect::<Vec<_>>().join("|")).into()
}

#[cfg(test)]
mod tests;
