//! Facts that come before what they are of: the versions that they have until an event fills them, on Hive and by the
//! definition (`sakia::scd2::reference`), in both shapes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use sakia::error::Kind;
use sakia::scd2::reference::{Definition, Event, FirstFrom, Op, Reference, Version};
use sakia::scd2::{self, Deletes, Scd2Args, UntrackedPolicy};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline, ends};

/// What arrives at once: events, and facts as key and day.
type Round = (Vec<Event<i64>>, Vec<(u32, i64)>);

fn event(key: u32, day: i64, op: Op, v: &str) -> Event<i64> {
    let attributes = vec![Some(v).filter(|_| op == Op::Upsert), Some("w").filter(|_| op == Op::Upsert)];
    let attributes = attributes.into_iter().map(|value| value.map(str::to_owned)).collect();
    let key = (op != Op::Truncate).then(|| key.to_string());
    Event { key, seq: Some(day), op, attributes, created: None }
}

/// A story, and beside it keys from 100 on of which anything may come at any time.
fn rounds(random: &mut ChaCha8Rng) -> [Round; 3] {
    use Op::{Delete, Truncate, Upsert};
    let mut rounds = [
        (vec![], vec![(1, 9), (1, 11), (2, 35), (4, 60), (5, 2)]),
        (
            vec![
                event(1, 19, Upsert, "Rome"),
                event(1, 31, Upsert, "Oslo"),
                event(2, 50, Delete, ""),
                event(4, 31, Upsert, "Bern"),
                event(6, 4, Upsert, "Bonn"),
            ],
            vec![(6, 6), (7, 39)],
        ),
        (vec![event(2, 60, Upsert, "Paris"), event(0, 70, Truncate, "")], vec![(5, 1), (1, 12), (8, 75)]),
    ];
    for (events, facts) in &mut rounds {
        for _ in 0..40 {
            let (key, day) = (random.random_range(100..125), random.random_range(0..90));
            let op = if random.random_bool(0.2) { Delete } else { Upsert };
            events.push(event(key, day, op, ["a", "b"][random.random_range(0..2)]));
        }
        facts.extend((0..20).map(|_| (random.random_range(100..125), random.random_range(0..90))));
    }
    rounds
}

fn moment(day: i64) -> String {
    format!("{} 00:00:00", jiff::civil::date(2020, 1, 1).checked_add(day.days()).unwrap())
}

fn line(version: &Version<i64>) -> String {
    let end = version.to.map_or("9999-12-31 00:00:00".to_owned(), moment);
    let values = version.attributes.iter().map(|value| value.clone().unwrap_or_else(|| "NULL".to_owned()));
    let mut cells = vec![version.key.clone(), moment(version.from), end, version.is_deleted.to_string()];
    cells.extend([version.is_inferred.to_string(), moment(version.last_seq)]);
    cells.extend(values);
    cells.join("\t")
}

async fn arrive(log: &mut Log, (events, facts): &Round) {
    let text = |value: &Option<String>| value.as_ref().map_or("null".to_owned(), |value| format!("'{value}'"));
    let row = |event: &Event<i64>| {
        let op = if event.op == Op::Truncate {
            'T'
        } else if event.op == Op::Delete {
            'D'
        } else {
            'U'
        };
        let [key, v, w] = [&event.key, &event.attributes[0], &event.attributes[1]].map(text);
        format!("({key}, timestamp '{}', '{op}', {v}, {w})", moment(event.seq.unwrap()))
    };
    let mut seen: Vec<String> =
        facts.iter().map(|(key, day)| format!("({key}, timestamp '{}')", moment(*day))).collect();
    // Of nobody, and of no time.
    seen.extend(["(null, timestamp '2020-01-01 00:00:00')".to_owned(), "(9, null)".to_owned()]);
    log.hive(&format!("insert into {}.orders values {}", log.database, seen.join(", "))).await;
    let says = format!("alter table {}.orders set tblproperties ('sakia.load.id' = '{}')", log.database, log.load);
    log.hive(&says).await;
    log.arrive(&events.iter().map(row).collect::<Vec<_>>()).await;
}

fn holds(log: &Log, target: &str, reference: &Reference<i64>) {
    let expected: BTreeSet<String> = reference.versions().iter().map(line).collect();
    let seen: BTreeSet<String> = beeline(&format!(
        "select id, cast(valid_from as string), cast(valid_to as string), is_deleted, is_inferred, \
         cast(last_seq as string), v, w from {}.{target}",
        log.database
    ))
    .into_iter()
    .collect();
    let (missing, more): (Vec<_>, Vec<_>) =
        (expected.difference(&seen).collect(), seen.difference(&expected).collect());
    assert!(missing.is_empty() && more.is_empty(), "{target}: not there {missing:#?}, there {more:#?}");
}

/// Surrogate keys by key and day, of what is inferred or was.
fn keys(log: &Log) -> BTreeMap<String, String> {
    let rows = beeline(&format!("select concat(id, ' ', valid_from), sk from {}.dim where id < 100", log.database));
    rows.iter().map(|row| row.split_once('\t').unwrap()).map(|(at, sk)| (at.to_owned(), sk.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_have_a_version_that_the_first_event_fills() {
    let seed = u64::from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
    let seed = std::env::var("SAKIA_TEST_SEED").map_or(seed, |seed| seed.parse().unwrap());
    println!("SAKIA_TEST_SEED={seed}");
    let rounds = rounds(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut log = Log::new("id int, at timestamp, op string, v string, w string").await;
    log.hive(&format!("create external table {}.orders (who smallint, at timestamp) stored as parquet", log.database))
        .await;
    let common = format!(
        "keys = ['id']\nsequence = 'at'\ntracked = ['v']\nuntracked = ['w']\nop-column = 'op'\nfirst-from = 'fact'\n\
         facts = '{}.orders'\nfact-keys = ['who']\nfact-time = 'at'\n",
        log.database
    );
    let dim = log.args(&format!("{common}batches = 'month'"));
    let all = log.args(&format!("{common}batches = 'all'\ndeletes = 'record'\nuntracked-policy = 'overwrite-all'"));
    let swapped = log.in_parquet(&all, "swapped", 4);
    let mut references =
        [(UntrackedPolicy::LatestInRun, Deletes::Close), (UntrackedPolicy::OverwriteAll, Deletes::Record)].map(
            |(untracked, deletes)| {
                let (strict, quarantine, first_from) = (false, false, FirstFrom::Fact);
                Reference::new(Definition {
                    attributes: 2,
                    tracked: 1,
                    untracked,
                    deletes,
                    first_from,
                    strict,
                    quarantine,
                })
            },
        );
    let mut before = BTreeMap::new();
    for (n, round) in rounds.iter().enumerate() {
        arrive(&mut log, round).await;
        for (args, reference) in [&dim, &swapped].into_iter().zip(&mut references) {
            reference.accept(&round.0).unwrap();
            round.1.iter().for_each(|(key, day)| reference.see(&key.to_string(), *day));
            let done = apply(args).await.unwrap_or_else(|e| panic!("seed {seed}, round {n}: {e}"));
            assert_eq!(done.outcome, Outcome::Done, "seed {seed}, {}", done.detail);
            holds(&log, args.target.split_once('.').unwrap().1, reference);
        }
        match n {
            0 => before = keys(&log),
            1 => {
                let after = keys(&log);
                for filled in ["1 2020-01-10 00:00:00", "2 2020-02-05 00:00:00", "5 2020-01-03 00:00:00"] {
                    assert!(before[filled] == after[filled], "{filled} has another key");
                }
                let story = beeline(&format!(
                    "select id, v, is_inferred, is_current, valid_from from {}.dim where id < 3 order by id, valid_from",
                    log.database
                ));
                assert_eq!(
                    story,
                    [
                        "1\tRome\tfalse\tfalse\t2020-01-10 00:00:00.0",
                        "1\tOslo\tfalse\ttrue\t2020-02-01 00:00:00.0",
                        "2\tNULL\ttrue\tfalse\t2020-02-05 00:00:00.0",
                    ]
                );
            }
            _ => {}
        }
    }
    the_same_again_changes_nothing(&mut log, &dim).await;
    a_version_that_is_gone_is_missed(&log, &dim).await;
    log.close().await;
}

async fn the_same_again_changes_nothing(log: &mut Log, dim: &Scd2Args) {
    let idle = apply(dim).await.unwrap();
    assert_eq!((idle.outcome, idle.detail.as_str()), (Outcome::Unchanged, "the source was not loaded anew"));
    // Facts alone that tell nothing new.
    log.hive(&format!("insert into {}.orders values (1, timestamp '2020-03-01 00:00:00')", log.database)).await;
    log.hive(&format!("alter table {}.orders set tblproperties ('sakia.load.id' = 'again')", log.database)).await;
    let again = apply(dim).await.unwrap();
    assert_eq!((again.outcome, again.rows_out), (Outcome::Unchanged, 0), "{}", again.detail);
    let verified = scd2::verify(dim, &ends(), &Stop::new()).await.unwrap();
    assert!(verified.detail.ends_with("it shows what its log says"), "{}", verified.detail);
}

async fn a_version_that_is_gone_is_missed(log: &Log, dim: &Scd2Args) {
    log.hive(&format!("delete from {}.dim where id = 7", log.database)).await;
    let error = scd2::verify(dim, &ends(), &Stop::new()).await.unwrap_err();
    let said = "has not the versions that the first facts of 1 keys in";
    assert!(error.kind() == Kind::Data && error.to_string().contains(said), "{error}");
}
