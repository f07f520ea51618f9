//! Which events the rows of a query make, given what was made before: pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::On;
use super::rows::{Candidate, Candidates};
use crate::error::{self, Result};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// A key was given for the first time.
    Fired,
    /// Somebody came into a segment.
    Entered,
    /// Somebody left it, or took consent back.
    Left,
}

impl Happened {
    /// The word for it in events and in the outbox; a stable interface.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Entered => "entered",
            Self::Left => "left",
        }
    }
}

/// An event, before it has a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// Unique and the same whenever it is made again.
    pub id: String,
    pub happened: Happened,
    pub subject: String,
    /// Everything but the time.
    pub body: Map<String, Json>,
}

/// Who is in a segment, and how often that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub is_in: bool,
    /// Times that the key came in or left.
    pub changes: u64,
    pub subject: String,
}

/// What was made before: ids of events, or members by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub ids: BTreeSet<String>,
    pub members: BTreeMap<String, Member>,
}

/// What is new.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Made {
    pub events: Vec<Event>,
    /// Members that changed, by key.
    pub members: BTreeMap<String, Member>,
    /// Rows that made no event for want of consent.
    pub without_consent: u64,
}

/// The id of an event: SHA-256 of the JSON array of what it is about.
pub(super) fn id_of(trigger: &str, happened: Happened, key: &str, changes: u64) -> String {
    let about = serde_json::json!([trigger, happened.as_str(), key, changes]).to_string();
    Sha256::digest(about).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decides which events there are.
///
/// # Errors
/// Bug: a number overflows.
pub(super) fn make(
    trigger: &str,
    on: On,
    candidates: &Candidates,
    consent: Option<&BTreeSet<String>>,
    state: &State,
) -> Result<Made> {
    let consents = |row: &&Candidate| consent.is_none_or(|consent| consent.contains(&row.subject));
    let agreed: Vec<&Candidate> = candidates.rows.iter().filter(consents).collect();
    let without_consent = (candidates.rows.len() - agreed.len()) as u64;
    let mut made = Made { without_consent, ..Made::default() };
    match on {
        On::Row => {
            for row in agreed {
                let id = id_of(trigger, Happened::Fired, &row.key, 0);
                if !state.ids.contains(&id) {
                    made.events.push(event(trigger, Happened::Fired, id, &row.key, &row.subject, Some(row)));
                }
            }
        }
        On::Membership => {
            let present: BTreeSet<&str> = candidates.rows.iter().map(|row| row.key.as_str()).collect();
            let in_it: BTreeMap<&str, &Candidate> = agreed.into_iter().map(|row| (row.key.as_str(), row)).collect();
            for (key, row) in &in_it {
                let before = state.members.get(*key);
                if before.is_none_or(|member| !member.is_in) {
                    change(trigger, &mut made, key, Some(*row), before)?;
                }
            }
            for (key, member) in &state.members {
                if member.is_in && !in_it.contains_key(key.as_str()) {
                    change(trigger, &mut made, key, None, Some(member))?;
                    if let Some(left) = made.events.last_mut() {
                        let reason = if present.contains(key.as_str()) { "consent" } else { "segment" };
                        left.body.insert("reason".to_owned(), reason.into());
                    }
                }
            }
        }
    }
    Ok(made)
}

/// A key comes in, with its row, or leaves.
fn change(trigger: &str, made: &mut Made, key: &str, row: Option<&Candidate>, before: Option<&Member>) -> Result<()> {
    let changes = before.map_or(0, |member| member.changes).checked_add(1);
    let changes = changes.ok_or_else(|| error::bug("a member that changed more often than can be counted"))?;
    let happened = if row.is_some() { Happened::Entered } else { Happened::Left };
    let subject = row.map(|row| &row.subject).or(before.map(|member| &member.subject)).cloned().unwrap_or_default();
    let id = id_of(trigger, happened, key, changes);
    made.events.push(event(trigger, happened, id, key, &subject, row));
    made.members.insert(key.to_owned(), Member { is_in: row.is_some(), changes, subject });
    Ok(())
}

fn event(trigger: &str, happened: Happened, id: String, key: &str, subject: &str, row: Option<&Candidate>) -> Event {
    let mut body = Map::new();
    for (name, value) in
        [("id", id.as_str()), ("trigger", trigger), ("event", happened.as_str()), ("key", key), ("subject", subject)]
    {
        body.insert(name.to_owned(), value.into());
    }
    if let Some(row) = row {
        body.insert("data".to_owned(), Json::Object(row.data.clone()));
    }
    Event { id, happened, subject: subject.to_owned(), body }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(keys: &[&str]) -> Candidates {
        let row = |key: &&str| Candidate { key: (*key).to_owned(), subject: format!("p{key}"), data: Map::new() };
        Candidates { rows: keys.iter().map(row).collect() }
    }

    fn consent(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| format!("p{key}")).collect()
    }

    /// What the outbox keeps of what was made.
    fn kept(mut state: State, made: &Made) -> State {
        state.ids.extend(made.events.iter().map(|event| event.id.clone()));
        state.members.extend(made.members.clone());
        state
    }

    fn told(made: &Made) -> Vec<String> {
        made.events
            .iter()
            .map(|e| {
                format!(
                    "{} {} {}",
                    e.happened.as_str(),
                    e.body["key"].as_str().unwrap(),
                    e.body.get("reason").map_or("", |r| r.as_str().unwrap())
                )
            })
            .collect()
    }

    #[test]
    fn a_row_makes_one_event_ever_and_only_with_consent() {
        let may = consent(&["a"]);
        let first = make("carts", On::Row, &rows(&["a", "b"]), Some(&may), &State::default()).unwrap();
        assert_eq!((told(&first), first.without_consent), (vec!["fired a ".to_owned()], 1));
        let state = kept(State::default(), &first);
        let second = make("carts", On::Row, &rows(&["a", "b", "c"]), None, &state).unwrap();
        assert_eq!(told(&second), ["fired b ", "fired c "]);
        let third = make("carts", On::Row, &rows(&["a", "b", "c"]), None, &kept(state, &second)).unwrap();
        assert_eq!(third, Made::default());
        assert_ne!(id_of("carts", Happened::Fired, "a", 0), id_of("other", Happened::Fired, "a", 0));
    }

    #[test]
    fn a_segment_is_entered_left_and_entered_again() {
        let run = |state: &State, keys: &[&str], may: &BTreeSet<String>| {
            let made = make("gold", On::Membership, &rows(keys), Some(may), state).unwrap();
            (told(&made), kept(state.clone(), &made), made)
        };
        let all = consent(&["a", "b"]);
        let (events, state, first) = run(&State::default(), &["a", "b", "x"], &all);
        assert_eq!(events, ["entered a ", "entered b "]);
        assert_eq!(run(&state, &["a", "b", "x"], &all).0, [""; 0]);
        let (events, state, _) = run(&state, &["a"], &all);
        assert_eq!(events, ["left b segment"]);
        let (events, state, _) = run(&state, &["a", "b"], &consent(&["b"]));
        assert_eq!(events, ["entered b ", "left a consent"]);
        let (events, _, again) = run(&state, &["a"], &all);
        assert_eq!(events, ["entered a ", "left b segment"]);
        assert_ne!(first.events[0].id, again.events[0].id, "coming in again is another event");
    }

    proptest! {
        /// Whatever a segment does, what was told adds up to who is in it, no id comes twice, and a run that was not kept
        /// makes the same events when it is made again.
        #[test]
        fn what_is_told_adds_up(days in prop::collection::vec(prop::collection::btree_set(0_u8..6, 0..6), 1..12)) {
            let (mut state, mut inside, mut ids) = (State::default(), BTreeSet::new(), BTreeSet::new());
            for day in days {
                let keys: Vec<String> = day.iter().map(u8::to_string).collect();
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                let made = make("t", On::Membership, &rows(&keys), None, &state).unwrap();
                prop_assert_eq!(&made, &make("t", On::Membership, &rows(&keys), None, &state).unwrap());
                for event in &made.events {
                    prop_assert!(ids.insert(event.id.clone()));
                    let key = event.body["key"].as_str().unwrap().to_owned();
                    let changed = if event.happened == Happened::Entered { inside.insert(key) } else { inside.remove(&key) };
                    prop_assert!(changed);
                }
                prop_assert_eq!(inside.iter().map(String::as_str).collect::<Vec<_>>(), keys);
                state = kept(state, &made);
            }
        }
    }
}
