use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

use super::*;

fn definition(tracked: usize) -> Definition<i64> {
    Definition {
        attributes: 3,
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
type Given = (Option<i64>, i64, String, Attributes);

/// A case of the file that the cluster tests hold Hive against, too.
#[derive(Deserialize)]
struct Vector {
    id: String,
    tracked: Vec<String>,
    untracked: String,
    deletes: String,
    batches: Vec<Vec<Given>>,
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

    fn event(&self, (key, seq, op, attributes): &Given) -> Event<i64> {
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
    history_with_facts(definition, events, &[])
}

/// The same where facts saw the key `k`; inferred versions have an `I` behind.
fn history_with_facts(definition: Definition<i64>, events: &[Event<i64>], facts: &[i64]) -> Vec<String> {
    let mut reference = Reference::new(definition);
    reference.accept(events).unwrap();
    facts.iter().for_each(|at| reference.see("k", *at));
    let line = |v: Version<i64>| {
        let values: Vec<_> = v.attributes.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
        let to = v.to.map_or("open".to_owned(), |to| to.to_string());
        let mark = match (v.is_deleted, v.is_inferred) {
            (true, _) => " D",
            (_, true) => " I",
            _ => "",
        };
        format!("{}-{to} {}{mark}", v.from, values.join(" "))
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
fn a_fact_before_its_thing_has_an_inferred_version_until_an_event_fills_it() {
    let by_fact = Definition { attributes: 2, first_from: FirstFrom::Fact, ..definition(1) };
    let seen = |events: &[Event<i64>], facts: &[i64]| history_with_facts(by_fact.clone(), events, facts);
    let events = two_runs_and_a_third();
    assert_eq!(seen(&[], &[7, 5, 9]), ["5-open NULL NULL I"]);
    assert_eq!(seen(&events[..1], &[7, 5, 9]), ["5-open a 1"]);
    assert_eq!(seen(&events[..3], &[5, 15, 30]), ["5-20 a 2", "20-open b 3"]);
    // What is known already is not moved, nor what a fact meets after it was deleted.
    assert_eq!(seen(&events[..1], &[10]), ["10-open a 1"]);
    assert_eq!(seen(&events[3..], &[30, 35]), ["40-open b 5"]);
    // A deletion describes nothing: until then the version stays the fact's.
    assert_eq!(seen(&events[3..], &[5]), ["5-30 NULL NULL I", "40-open b 5"]);
    let record = Definition { deletes: Deletes::Record, untracked: UntrackedPolicy::OverwriteAll, ..by_fact.clone() };
    assert_eq!(history_with_facts(record, &events[3..], &[5]), ["5-30 NULL 5 I", "40-open b 5"]);
    // A truncation is of things that events told of.
    let truncation = Event { key: None, ..event("", 20, Op::Truncate, &[]) };
    assert_eq!(seen(std::slice::from_ref(&truncation), &[5]), ["5-open NULL NULL I"]);
    assert_eq!(seen(&[truncation.clone(), events[0].clone()], &[5]), ["5-20 a 1"]);
    assert_eq!(seen(&[truncation, events[5].clone()], &[5]), ["5-open b 4"]);
    assert_eq!(history_with_facts(definition(1), &[], &[5]), Vec::<String>::new());
}

#[test]
fn a_finished_history_is_taken_as_it_is() {
    let row = |from, to, value: &str| ("k".to_owned(), from, to, vec![Some(value.to_owned())]);
    let rows = [row(10, Some(20), "a"), row(20, Some(30), "b"), row(30, Some(40), "b"), row(50, None, "b")];
    let events = events_of(&rows);
    assert_eq!(history(definition(1), &events), ["10-20 a", "20-40 b", "50-open b"]);
    let doubled = events_of(&[&rows[..], &rows[1..]].concat());
    assert_eq!(history(definition(1), &doubled), history(definition(1), &events));
}

/// The list prices of AdventureWorks: 395 rows of 293 products, the last day of a price is in it.
#[test]
fn the_price_history_of_adventureworks_is_what_its_rows_say() {
    let file = include_str!("../../../integration-tests/cluster/data/adventureworks/ProductListPriceHistory.csv");
    let rows: Vec<Told<jiff::civil::Date>> = file
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let day = |cell: &str| cell.get(..10).map(|day| day.parse::<jiff::civil::Date>().unwrap());
            let to = day(cells[2]).map(|last| last.tomorrow().unwrap());
            (cells[0].to_owned(), day(cells[1]).unwrap(), to, vec![Some(cells[3].to_owned())])
        })
        .collect();
    let mut reference = Reference::new(Definition {
        attributes: 1,
        tracked: 1,
        untracked: UntrackedPolicy::LatestInRun,
        deletes: Deletes::Close,
        first_from: FirstFrom::Event,
        strict: true,
        quarantine: false,
    });
    reference.accept(&events_of(&rows)).unwrap();
    let versions = reference.versions();
    // Eight times a price was set that it was already.
    assert_eq!((rows.len(), versions.len()), (395, 387));
    assert_eq!(versions.iter().filter(|version| version.to.is_none()).count(), 195);
    for (key, from, to, price) in rows {
        let holds =
            |v: &&Version<_>| v.key == key && v.from <= from && v.to.is_none_or(|end| to.is_some_and(|to| to <= end));
        assert!(versions.iter().filter(holds).any(|version| version.attributes == price), "{key} at {from}");
    }
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
    use FirstFrom::{Created, Epoch, Fact};
    use UntrackedPolicy::{FirstInRun, LatestInRun, OverwriteAll};
    let first_from = prop_oneof![Just(FirstFrom::Event), Just(Created), Just(Epoch(-1)), Just(Fact)];
    let untracked = prop_oneof![Just(LatestInRun), Just(FirstInRun), Just(OverwriteAll)];
    let deletes = prop_oneof![Just(Deletes::Close), Just(Deletes::Record)];
    (1..=3_usize, untracked, deletes, first_from).prop_map(|(tracked, untracked, deletes, first_from)| Definition {
        untracked,
        deletes,
        first_from,
        ..definition(tracked)
    })
}

/// Moments at which facts saw things; some things that no event tells of.
fn facts() -> impl Strategy<Value = Vec<(u8, i64)>> {
    vec((0..7_u8, 0..40_i64), 0..20)
}

/// What `definition` makes of `batches` and facts that arrive in between: its versions and ties.
fn folded(definition: &Definition<i64>, batches: &[&[Event<i64>]], facts: &[(u8, i64)]) -> (Vec<Version<i64>>, usize) {
    let mut reference = Reference::new(definition.clone());
    let share = facts.len().div_ceil(batches.len().max(1)).max(1);
    let mut facts = facts.chunks(share);
    let mut see = |reference: &mut Reference<i64>| {
        facts.next().into_iter().flatten().for_each(|(key, at)| reference.see(&key.to_string(), *at));
    };
    see(&mut reference);
    for batch in batches {
        reference.accept(batch).unwrap();
        see(&mut reference);
    }
    (reference.versions(), reference.ties())
}

/// `all`, and the same doubled in part and shuffled.
fn shuffled<T: Clone + std::fmt::Debug>(all: Vec<T>) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    let doubled: Vec<_> = all.iter().chain(all.iter().step_by(3)).cloned().collect();
    (Just(all), Just(doubled).prop_shuffle())
}

proptest! {
    #[test]
    fn split_order_and_repeats_never_matter(
        (at_once, events) in events().prop_flat_map(shuffled),
        (seen_at_once, facts) in facts().prop_flat_map(shuffled),
        size in 1..20_usize,
        definition in definitions(),
    ) {
        let batches: Vec<&[Event<i64>]> = events.chunks(size).collect();
        prop_assert_eq!(folded(&definition, &batches, &facts), folded(&definition, &[&at_once], &seen_at_once));
    }

    #[test]
    fn a_dimension_obeys_its_rules_and_shows_its_log(
        events in events(),
        facts in facts(),
        definition in definitions(),
    ) {
        let (versions, _) = folded(&definition, &[&events], &facts);
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

    /// A fact moves the start of a version, or makes one where there is none; it changes nothing else.
    #[test]
    fn each_first_fact_finds_a_version_that_stays_where_it_is(events in events(), facts in facts()) {
        let by_event = definition(1);
        let by_fact = Definition { first_from: FirstFrom::Fact, ..by_event.clone() };
        let (told, _) = folded(&by_event, &[&events], &[]);
        let (seen, _) = folded(&by_fact, &[&events], &facts);
        let (before, _) = folded(&by_fact, &[], &facts);
        for inferred in &before {
            prop_assert!(inferred.is_inferred && inferred.to.is_none() && inferred.attributes == [None, None, None]);
            let of_key = events.iter().filter(|event| event.key.as_ref() == Some(&inferred.key));
            let first = of_key.map(|event| event.seq.unwrap()).min();
            let there: Vec<_> = seen.iter().filter(|v| v.key == inferred.key && v.from == inferred.from).collect();
            if first.is_none_or(|first| inferred.from < first) {
                prop_assert!(there.len() == 1 && !there[0].is_deleted, "{inferred:?} has {there:?}");
                let filled = first.is_some_and(|first| events.iter().all(|event| {
                    event.key.as_ref() != Some(&inferred.key) || event.seq != Some(first) || event.op == Op::Upsert
                }));
                prop_assert_eq!(there[0].is_inferred, !filled);
            }
        }
        let without_start = |v: &Version<i64>| (v.key.clone(), v.to, v.attributes.clone(), v.last_seq);
        let rest: Vec<_> = seen.iter().filter(|v| !v.is_inferred).map(without_start).collect();
        prop_assert_eq!(rest, told.iter().map(without_start).collect::<Vec<_>>());
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
