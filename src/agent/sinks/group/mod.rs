//! Several sinks that empty one channel together: each epoch goes to one of them, the next one where that fails.
//!
//! Each event is in one of the targets, once, whatever fails and whatever is killed:
//!
//! - Each target keeps the cursor of the last epoch that it was given. At the start all of them are asked, and the
//!   furthest counts.
//! - A sink that cannot begin or write an epoch leaves nothing that is seen: another one takes it.
//! - Where a commit fails nobody knows whether the epoch is there. Then the same sink is asked until it answers, and no
//!   other takes the epoch before.
//!
//! What is wrong for good, such as a target that others fill, ends the agent: another sink would only hide it.

mod order;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use async_trait::async_trait;

use self::order::Health;
pub(in crate::agent) use self::order::Processor;
use super::{Begun, Chunk, EpochWriter, Kept, Sink, SinkKind, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::sorter::Sorter;
use crate::error::{self, Error, Kind, Result};
use crate::retry::Sayer;

/// What the group is told.
#[derive(Debug)]
pub(in crate::agent) struct GroupOptions {
    pub name: String,
    /// In their order; all of them take events as they are.
    pub members: Vec<Member<SinkKind>>,
    pub processor: Processor,
}

/// A sink of a group.
#[derive(Debug)]
pub(in crate::agent) struct Member<K> {
    pub name: String,
    /// The highest comes first, where sinks take over from each other.
    pub priority: i64,
    pub kind: K,
}

/// Gives epochs to sinks.
pub(super) struct GroupSink {
    name: String,
    members: Vec<Member<Box<dyn Sink>>>,
    state: Rc<RefCell<State>>,
}

/// What epochs under way tell the group.
#[derive(Debug)]
struct State {
    health: Health,
    /// The sink of which nobody knows whether it has the epoch.
    in_doubt: Option<usize>,
    /// What was said of each sink.
    sayers: Vec<Sayer>,
}

impl GroupSink {
    pub(super) fn new(name: String, members: Vec<Member<Box<dyn Sink>>>, processor: Processor) -> Self {
        let priorities = members.iter().map(|member| member.priority).collect();
        let sayers = members.iter().map(|_| Sayer::default()).collect();
        let state = State { health: Health::new(processor, priorities), in_doubt: None, sayers };
        Self { name, members, state: Rc::new(RefCell::new(state)) }
    }

    /// Begins an epoch at one of the sinks.
    async fn begin_at(&mut self, member: usize, from: &Cursor) -> Result<Begun> {
        let Member { name, kind, .. } = &mut self.members[member];
        let name = format!("sink {name} of group {}", self.name);
        match kind.begin(from).await? {
            Begun::Epoch(inner) => {
                let state = self.state.clone();
                Ok(Begun::Epoch(Box::new(GroupEpoch { member, name, inner, state })))
            }
            there => {
                self.state.borrow_mut().succeeded(member, &name);
                Ok(there)
            }
        }
    }
}

#[async_trait(?Send)]
impl Sink for GroupSink {
    fn name(&self) -> String {
        format!("agent group {}", self.name)
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        let (mut furthest, mut all_keep): (Option<(String, Cursor)>, _) = (None, true);
        for Member { name, kind, .. } in &mut self.members {
            let kept = kind.recover().await.map_err(|e| e.context(format!("sink {name} of group {}", self.name)))?;
            let Kept::Target(cursor) = kept else {
                all_keep = false;
                continue;
            };
            let Some(cursor) = cursor else { continue };
            if let Some((other, known)) = &furthest
                && known.lineage() != cursor.lineage()
            {
                let what =
                    format!("sinks {other} and {name} of group {} were filled from different channels", self.name);
                return Err(error::config(what).hint("give one of them a directory of its own that is new"));
            }
            if furthest.as_ref().is_none_or(|(_, known)| known.epoch < cursor.epoch) {
                furthest = Some((name.clone(), cursor));
            }
        }
        let furthest = furthest.map(|(_, cursor)| cursor);
        Ok(if all_keep { Kept::Target(furthest) } else { Kept::SomeTargets(furthest) })
    }

    /// One of them is enough.
    async fn greet(&mut self) -> Result<()> {
        let mut last = None;
        for (member, Member { name, kind, .. }) in self.members.iter_mut().enumerate() {
            match kind.greet().await {
                Ok(()) => return Ok(()),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    let what = format!("sink {name} of group {} does not answer", self.name);
                    self.state.borrow_mut().say(member, &error, &what);
                    last = Some(worth_more(last, error));
                }
            }
        }
        last.map_or(Ok(()), Err)
    }

    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        let in_doubt = self.state.borrow().in_doubt;
        if let Some(member) = in_doubt {
            let begun = self.begin_at(member, from).await?;
            // It answered: the epoch is there, or is not.
            self.state.borrow_mut().in_doubt = None;
            return Ok(begun);
        }
        let (order, rest) = self.state.borrow_mut().health.order(Instant::now());
        if order.is_empty() {
            tokio::time::sleep(rest).await;
        }
        let order = if order.is_empty() { self.state.borrow_mut().health.order(Instant::now()).0 } else { order };
        let mut last = None;
        for member in order {
            match self.begin_at(member, from).await {
                Ok(begun) => return Ok(begun),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    let name = &self.members[member].name;
                    let what =
                        format!("sink {name} of group {} cannot begin an epoch, the next one takes it", self.name);
                    let mut state = self.state.borrow_mut();
                    state.say(member, &error, &what);
                    state.health.failed(member, Instant::now());
                    last = Some(worth_more(last, error));
                }
            }
        }
        Err(last.unwrap_or_else(|| error::busy(format!("all sinks of group {} have failed just now", self.name))))
    }
}

impl State {
    fn succeeded(&mut self, member: usize, name: &str) {
        self.in_doubt = None;
        self.health.succeeded(member);
        if self.sayers[member].over() {
            tracing::info!("{name} takes epochs again");
        }
    }

    /// Says what is wrong with a sink, unless that was said just now.
    fn say(&mut self, member: usize, error: &Error, what: &str) {
        if let Some(unsaid) = self.sayers[member].due(error) {
            tracing::warn!(%error, unsaid, "{what}");
        }
    }
}

/// The error to go by: one that will pass is worth another attempt, whatever the others say.
fn worth_more(last: Option<Error>, error: Error) -> Error {
    match last {
        Some(last) if last.may_pass() => last,
        _ => error,
    }
}

/// Whether no other sink is to take over: what is said is wrong, or the work was stopped.
fn is_final(error: &Error) -> bool {
    match error.kind() {
        Kind::Usage | Kind::Config | Kind::Exists | Kind::Schema | Kind::Data | Kind::Stopped(_) | Kind::Bug => true,
        Kind::Auth | Kind::NotFound | Kind::Busy | Kind::Unreachable | Kind::Lost | Kind::Full | Kind::Refused => false,
    }
}

/// An epoch at one of the sinks.
struct GroupEpoch {
    member: usize,
    name: String,
    inner: Box<dyn EpochWriter>,
    state: Rc<RefCell<State>>,
}

/// A failure after which another sink is tried, or the same one.
fn passing(name: &str, error: Error) -> Error {
    if is_final(&error) || error.is_transient() {
        return error;
    }
    error::busy(format!("{name} failed")).source(error)
}

#[async_trait(?Send)]
impl EpochWriter for GroupEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        self.inner.write(chunk).await.map_err(|error| {
            self.state.borrow_mut().health.failed(self.member, Instant::now());
            passing(&self.name, error)
        })
    }

    async fn commit(self: Box<Self>, to: &Cursor) -> Result<Written> {
        let Self { member, name, inner, state } = *self;
        // Also where nobody waits for the answer any more.
        state.borrow_mut().in_doubt = Some(member);
        match inner.commit(to).await {
            Ok(written) => {
                state.borrow_mut().succeeded(member, &name);
                Ok(written)
            }
            Err(error) => {
                let mut state = state.borrow_mut();
                state.health.failed(member, Instant::now());
                let what =
                    format!("whether the epoch is in {name} is not known; it is asked before another one takes it");
                state.say(member, &error, &what);
                Err(passing(&name, error))
            }
        }
    }
}
