use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

use super::*;

fn definition(tracked: usize) -> Definition<i64> {
    Definition {
        tracked,
        untracked: UntrackedPolicy::LatestInRun,
        deletes: Deletes::Close,
        first_from: FirstFrom::Event,
        strict: false,
        quarantine: false,
    }
}

type Attributes = serde_json::Map<String, Json>;
/// Key, sequence, operation and attributes of an event.
type Told = (Option<i64>, i64, String, Attributes);

/// A case of the file that the cluster tests hold Hive against, too.
#[derive(Deserialize)]
struct Vector {
    id: String,
    tracked: Vec<String>,
    untracked: String,
    deletes: String,
    batches: Vec<Vec<Told>>,
    expected: Vec<(i64, Attributes, i64, Option<i64>)>,
}

impl Vector {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../../../integration-tests/cluster/data/scd2_vectors.json")).unwrap()
    }

    /// Tracked columns, then the others.
    fn columns(&self) -> Vec<String> {
        let named = self.batches.iter().flatten().flat_map(|(.., attributes)| attributes.keys());
        let others: BTreeSet<&String> = named.filter(|name| !self.tracked.contains(name)).collect();
        self.tracked.iter().chain(others).cloned().collect()
    }

    fn values(&self, attributes: &Attributes) -> Vec<Option<String>> {
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.columns().iter().map(|name| attributes.get(name).filter(|v| !v.is_null()).map(text)).collect()
    }

    fn event(&self, (key, seq, op, attributes): &Told) -> Event<i64> {
        let op = match op.as_str() {
            "U" => Op::Upsert,
            "D" => Op::Delete,
            "T" => Op::Truncate,
            other => panic!("{other}"),
        };
        let key = key.map(|key| key.to_string());
        Event { key, seq: Some(*seq), op, attributes: self.values(attributes), created: None }
    }
}

#[test]
fn every_vector_ends_in_its_history() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 29);
    for vector in vectors {
        assert_eq!((vector.untracked.as_str(), vector.deletes.as_str()), ("latest_in_run", "close"));
        let mut reference = Reference::new(definition(vector.tracked.len()));
        for batch in &vector.batches {
            let events: Vec<_> = batch.iter().map(|event| vector.event(event)).collect();
            reference.accept(&events).unwrap();
        }
        let seen: Vec<_> =
            reference.versions().into_iter().map(|v| (v.key, v.attributes, v.from, v.to, v.is_deleted)).collect();
        let expected = vector
            .expected
            .iter()
            .map(|(key, attributes, from, to)| (key.to_string(), vector.values(attributes), *from, *to, false));
        assert_eq!(seen, expected.collect::<Vec<_>>(), "{}", vector.id);
    }
}

fn event(key: &str, seq: i64, op: Op, values: &[&str]) -> Event<i64> {
    let attributes = values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect();
    Event { key: Some(key.to_owned()), seq: Some(seq), op, attributes, created: None }
}

/// A history as `from-to tracked untracked`, deletions with a `D` behind.
fn history(definition: Definition<i64>, events: &[Event<i64>]) -> Vec<String> {
    let mut reference = Reference::new(definition);
    reference.accept(events).unwrap();
    let line = |v: Version<i64>| {
        let values: Vec<_> = v.attributes.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
        let to = v.to.map_or("open".to_owned(), |to| to.to_string());
        format!("{}-{to} {}{}", v.from, values.join(" "), if v.is_deleted { " D" } else { "" })
    };
    reference.versions().into_iter().map(line).collect()
}

/// Two runs, a deletion that is said twice, and a third run.
fn two_runs_and_a_third() -> Vec<Event<i64>> {
    vec![
        event("k", 10, Op::Upsert, &["a", "1"]),
        event("k", 11, Op::Upsert, &["a", "2"]),
        event("k", 20, Op::Upsert, &["b", "3"]),
        event("k", 30, Op::Delete, &["NULL", "NULL"]),
        event("k", 31, Op::Delete, &["NULL", "NULL"]),
        event("k", 40, Op::Upsert, &["b", "4"]),
        event("k", 41, Op::Upsert, &["b", "5"]),
    ]
}

#[test]
fn untracked_values_follow_their_policy() {
    let seen = |untracked| history(Definition { untracked, ..definition(1) }, &two_runs_and_a_third());
    assert_eq!(seen(UntrackedPolicy::LatestInRun), ["10-20 a 2", "20-30 b 3", "40-open b 5"]);
    assert_eq!(seen(UntrackedPolicy::FirstInRun), ["10-20 a 1", "20-30 b 3", "40-open b 4"]);
    assert_eq!(seen(UntrackedPolicy::OverwriteAll), ["10-20 a 5", "20-30 b 5", "40-open b 5"]);
}

#[test]
fn a_recorded_deletion_fills_the_gap_with_what_was_known() {
    let record = Definition { deletes: Deletes::Record, ..definition(1) };
    let events = two_runs_and_a_third();
    assert_eq!(history(record.clone(), &events), ["10-20 a 2", "20-30 b 3", "30-40 b 3 D", "40-open b 5"]);
    assert_eq!(history(record.clone(), &events[..5]), ["10-20 a 2", "20-30 b 3", "30-open b 3 D"]);
    // Nothing is known of what was never seen alive.
    assert_eq!(history(record.clone(), &events[3..]), ["40-open b 5"]);
    let first = Definition { untracked: UntrackedPolicy::FirstInRun, ..record.clone() };
    assert_eq!(history(first, &events[..5]), ["10-20 a 1", "20-30 b 3", "30-open b 3 D"]);
    let all = Definition { untracked: UntrackedPolicy::OverwriteAll, ..record };
    assert_eq!(history(all, &events), ["10-20 a 5", "20-30 b 5", "30-40 b 5 D", "40-open b 5"]);
}

#[test]
fn a_truncation_deletes_what_was_seen_before_it() {
    let truncation = Event { key: None, ..event("", 20, Op::Truncate, &[]) };
    let events = [
        event("a", 10, Op::Upsert, &["x"]),
        event("b", 20, Op::Upsert, &["x"]),
        event("c", 19, Op::Upsert, &["x"]),
        event("c", 20, Op::Upsert, &["y"]),
        event("a", 30, Op::Upsert, &["x"]),
        truncation,
    ];
    // b was not seen before; that c is said to be y at the same moment does not count beside the deletion.
    assert_eq!(history(definition(1), &events), ["10-20 x", "30-open x", "20-open x", "19-20 x"]);
}

#[test]
fn the_first_version_begins_where_it_is_told_to() {
    let mut events = two_runs_and_a_third();
    events[0].created = Some(7);
    events[2].created = Some(1);
    let first = |first_from, events: &[Event<i64>]| history(Definition { first_from, ..definition(1) }, events);
    assert_eq!(first(FirstFrom::Created, &events)[..2], ["7-20 a 2", "20-30 b 3"]);
    assert_eq!(first(FirstFrom::Epoch(0), &events)[0], "0-20 a 2");
    // Neither an epoch nor a creation that is later moves it, and what was gone before is not made to live.
    assert_eq!(first(FirstFrom::Epoch(15), &events)[0], "10-20 a 2");
    assert_eq!(first(FirstFrom::Epoch(0), &events[3..]), ["40-open b 5"]);
}

#[test]
fn what_cannot_be_ordered_is_refused_or_set_aside_and_ties_are_counted() {
    let good = event("k", 1, Op::Upsert, &["a"]);
    for bad in [Event { key: None, ..good.clone() }, Event { seq: None, ..good.clone() }] {
        let mut reference = Reference::new(definition(1));
        assert_eq!(reference.accept(&[good.clone(), bad.clone()]).unwrap_err().kind(), error::Kind::Data);
        assert_eq!(reference.versions(), [], "a batch is refused whole");
        let mut reference = Reference::new(Definition { quarantine: true, ..definition(1) });
        reference.accept(&[good.clone(), bad]).unwrap();
        assert_eq!((reference.quarantined(), reference.versions().len()), (1, 1));
    }
    let tie = [good.clone(), event("k", 1, Op::Upsert, &["b"]), good.clone()];
    let mut reference = Reference::new(definition(1));
    reference.accept(&tie).unwrap();
    assert_eq!(reference.ties(), 1);
    let mut strict = Reference::new(Definition { strict: true, ..definition(1) });
    strict.accept(&[good.clone(), good]).unwrap();
    assert_eq!(strict.accept(&tie).unwrap_err().kind(), error::Kind::Data);
}

/// Few keys and moments, so that events meet: a fifth of them deletions, a quarter of the values NULL, some truncations.
fn events() -> impl Strategy<Value = Vec<Event<i64>>> {
    let value = || prop_oneof![1 => Just(None), 1 => Just(Some(String::new())), 2 => "[ab]".prop_map(Some)];
    let op = prop_oneof![39 => Just(Op::Upsert), 10 => Just(Op::Delete), 1 => Just(Op::Truncate)];
    let one = (0..5_u8, 0..40_i64, op, vec(value(), 3), proptest::option::of(0..40_i64));
    let one = one.prop_map(|(key, seq, op, attributes, created)| Event {
        key: (op != Op::Truncate).then(|| key.to_string()),
        seq: Some(seq),
        op,
        attributes,
        created,
    });
    vec(one, 0..80)
}

fn definitions() -> impl Strategy<Value = Definition<i64>> {
    use UntrackedPolicy::{FirstInRun, LatestInRun, OverwriteAll};
    let first_from = prop_oneof![Just(FirstFrom::Event), Just(FirstFrom::Created), Just(FirstFrom::Epoch(-1))];
    let untracked = prop_oneof![Just(LatestInRun), Just(FirstInRun), Just(OverwriteAll)];
    let deletes = prop_oneof![Just(Deletes::Close), Just(Deletes::Record)];
    (1..=3_usize, untracked, deletes, first_from).prop_map(|(tracked, untracked, deletes, first_from)| Definition {
        untracked,
        deletes,
        first_from,
        ..definition(tracked)
    })
}

/// What `definition` makes of `batches`: its versions and ties.
fn folded(definition: &Definition<i64>, batches: &[&[Event<i64>]]) -> (Vec<Version<i64>>, usize) {
    let mut reference = Reference::new(definition.clone());
    batches.iter().for_each(|batch| reference.accept(batch).unwrap());
    (reference.versions(), reference.ties())
}

proptest! {
    #[test]
    fn split_order_and_repeats_never_matter(
        (at_once, shuffled) in events().prop_flat_map(|events| {
            let doubled: Vec<_> = events.iter().chain(events.iter().step_by(3)).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        size in 1..20_usize,
        definition in definitions(),
    ) {
        let batches: Vec<&[Event<i64>]> = shuffled.chunks(size).collect();
        prop_assert_eq!(folded(&definition, &batches), folded(&definition, &[&at_once]));
    }

    #[test]
    fn a_dimension_obeys_its_rules_and_shows_its_log(events in events(), definition in definitions()) {
        let (versions, _) = folded(&definition, &[&events]);
        for pair in versions.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            let to = pair[0].to.expect("only the last one is open");
            prop_assert!(to <= pair[1].from, "no overlap");
            let said = |v: &Version<i64>| (v.is_deleted, v.attributes[..definition.tracked].to_vec());
            prop_assert!(to < pair[1].from || said(&pair[0]) != said(&pair[1]), "neighbours differ");
        }
        for version in &versions {
            prop_assert!(version.to.is_none_or(|to| version.from < to && version.last_seq < to));
            prop_assert!(version.from <= version.last_seq);
        }
        shows_its_log(&versions, &events, definition.tracked);
    }
}

/// At each moment of each key the version that holds says what the last event before says, found by looking at all
/// events once more.
fn shows_its_log(versions: &[Version<i64>], events: &[Event<i64>], tracked: usize) {
    let keys: BTreeSet<&String> = events.iter().filter_map(|event| event.key.as_ref()).collect();
    for key in keys {
        let first = events.iter().filter(|e| e.key.as_ref() == Some(key)).map(|e| e.seq.unwrap()).min().unwrap();
        for moment in first..=40 {
            let told = events.iter().filter(|e| e.seq.unwrap() <= moment);
            let told = told.filter(|e| e.key.as_ref() == Some(key) || (e.op == Op::Truncate && e.seq.unwrap() > first));
            let last = told.clone().map(|e| e.seq.unwrap()).max();
            let said: Vec<_> = told.filter(|e| e.seq == last).collect();
            let lives = said.iter().all(|e| e.op == Op::Upsert);
            let shown: Vec<_> = versions
                .iter()
                .filter(|v| v.key == *key && !v.is_deleted && v.from <= moment && v.to.is_none_or(|to| moment < to))
                .collect();
            assert_eq!(shown.len(), usize::from(lives), "key {key} at {moment}");
            if let [version] = shown[..] {
                let same = |e: &&Event<i64>| e.attributes[..tracked] == version.attributes[..tracked];
                assert!(said.iter().any(same), "key {key} at {moment}");
            }
        }
    }
}
