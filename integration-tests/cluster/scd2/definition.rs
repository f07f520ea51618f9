//! Hive against the definition of a dimension (`sakia::scd2::reference`): histories made up by a seed, many in one log,
//! arriving shuffled, doubled and in batches, under every policy.

use std::collections::BTreeSet;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use sakia::scd2::reference::{Definition, Event, FirstFrom, Op, Reference, Version};
use sakia::scd2::{Deletes, UntrackedPolicy};

use super::{Log, apply};

/// Histories in one log, and batches in which they arrive.
const HISTORIES: usize = 50;
const BATCHES: usize = 8;
const KEYS: u32 = 5;
const MAX_EVENTS: usize = 80;

/// Columns of every kind: name, type, HiveQL of a value from its text, and values as their texts. The first ones are
/// tracked.
const COLUMNS: [(&str, &str, &[&str]); 8] = [
    ("first", "string", &["a", "b", ""]),
    ("i", "int", &["1", "-2"]),
    ("d", "decimal(10,2)", &["1.50", "1.51"]),
    ("bi", "binary", &["80", "81"]),
    ("x", "double", &["0.5", "0.25"]),
    ("da", "date", &["2020-01-01", "2020-02-29"]),
    ("ts", "timestamp", &["2020-01-01 00:00:00.5", "2020-01-01 00:00:00"]),
    ("bo", "boolean", &["TRUE", "FALSE"]),
];
const TRACKED: usize = 4;

/// A moment, with microseconds.
fn moment(seq: i64) -> String {
    format!("2020-01-01 00:00:{:02}.{:06}", seq / 10, (seq % 10) * 100_001)
}

/// As Hive writes it: without zeros at the end.
fn shown(seq: i64) -> String {
    moment(seq).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The events of all histories: a fifth of them delete, a quarter of the values are NULL, a few delete everything.
fn events(random: &mut ChaCha8Rng) -> Vec<Event<i64>> {
    let mut events = Vec::new();
    for history in 0..HISTORIES {
        for _ in 0..random.random_range(20..=MAX_EVENTS) {
            let op = match random.random_range(0..1000) {
                0..200 => Op::Delete,
                200 => Op::Truncate,
                _ => Op::Upsert,
            };
            // Two of the tracked columns seldom change, so that there are runs.
            let value = |random: &mut ChaCha8Rng, n: usize| {
                let usual = n > 0 && n < TRACKED && random.random_bool(0.8);
                let values = COLUMNS[n].2;
                (!random.random_bool(0.25))
                    .then(|| if usual { values[0] } else { values.choose(random).unwrap() }.to_string())
            };
            events.push(Event {
                key: (op != Op::Truncate).then(|| format!("h{history}|{}", random.random_range(0..KEYS))),
                seq: Some(random.random_range(0..400)),
                op,
                attributes: (0..COLUMNS.len()).map(|n| value(random, n)).collect(),
                created: None,
            });
        }
    }
    // 15 in 100 are delivered twice.
    let doubled: Vec<_> = events.iter().filter(|_| random.random_bool(0.15)).cloned().collect();
    events.extend(doubled);
    events.shuffle(random);
    events
}

/// An event as a row of texts.
fn row(event: &Event<i64>, batch: usize) -> String {
    let text = |value: Option<&str>| value.map_or("null".to_owned(), |value| format!("'{value}'"));
    let key = event.key.as_deref().and_then(|key| key.split_once('|'));
    let op = match event.op {
        Op::Upsert => "u",
        Op::Delete => "d",
        Op::Truncate => "t",
    };
    let mut cells = vec![batch.to_string(), text(key.map(|key| key.0)), text(key.map(|key| key.1))];
    cells.extend([format!("'{}'", moment(event.seq.unwrap())), format!("'{op}'")]);
    cells.extend(event.attributes.iter().map(|value| text(value.as_deref())));
    format!("({})", cells.join(", "))
}

/// A version as [`history`] reads it back.
fn line(version: &Version<i64>) -> String {
    let end = version.to.map_or("9999-12-31 00:00:00".to_owned(), shown);
    let values =
        version.attributes.iter().map(|value| value.as_deref().map_or("NULL".to_owned(), |v| format!("[{v}]")));
    let mut cells: Vec<String> = version.key.split('|').map(str::to_owned).collect();
    cells.extend([shown(version.from), end, version.to.is_none().to_string(), version.is_deleted.to_string()]);
    cells.push(shown(version.last_seq));
    cells.extend(values);
    cells.join("\t")
}

fn history(log: &Log, target: &str) -> BTreeSet<String> {
    let value = |(name, hive_type, _): &(&str, &str, &[&str])| match *hive_type {
        "binary" => format!("concat('[', hex({name}), ']')"),
        _ => format!("concat('[', cast({name} as string), ']')"),
    };
    let values: Vec<String> = COLUMNS.iter().map(value).collect();
    let rows = super::beeline(&format!(
        "select history, id, cast(valid_from as string), cast(valid_to as string), is_current, is_deleted, \
         cast(last_seq as string), {} from {}.{target}",
        values.join(", "),
        log.database
    ));
    let count = rows.len();
    let rows: BTreeSet<String> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "no row is there twice");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_histories_are_on_hive_what_the_definition_says() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let seed: u64 = std::env::var("SAKIA_TEST_SEED").map_or(now.into(), |seed| seed.parse().unwrap());
    println!("SAKIA_TEST_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let events = events(&mut random);
    // The order of columns in the log has no say.
    let mut columns: Vec<String> = COLUMNS.iter().map(|(name, hive_type, _)| format!("{name} {hive_type}")).collect();
    columns.extend(["history string", "id int", "seq timestamp", "op string"].map(str::to_owned));
    columns.shuffle(&mut random);
    let mut log = Log::new(&columns.join(", ")).await;

    let texts: Vec<String> = COLUMNS.iter().map(|(name, ..)| format!("{name} string")).collect();
    let db = log.database.clone();
    log.hive(&format!(
        "create table {db}.arriving (batch int, history string, id string, seq string, op string, {}) stored as orc \
         tblproperties ('transactional' = 'false')",
        texts.join(", ")
    ))
    .await;
    let size = events.len().div_ceil(BATCHES);
    let batches: Vec<&[Event<i64>]> = events.chunks(size).collect();
    let rows: Vec<String> =
        batches.iter().enumerate().flat_map(|(n, batch)| batch.iter().map(move |event| row(event, n))).collect();
    for rows in rows.chunks(500) {
        log.hive(&format!("insert into {db}.arriving values {}", rows.join(", "))).await;
    }

    let policies = [
        ("by_latest", UntrackedPolicy::LatestInRun, Deletes::Close, "latest-in-run", "close", ""),
        ("by_first", UntrackedPolicy::FirstInRun, Deletes::Record, "first-in-run", "record", ""),
        ("overwritten", UntrackedPolicy::OverwriteAll, Deletes::Record, "overwrite-all", "record", ""),
        ("swapped", UntrackedPolicy::LatestInRun, Deletes::Record, "latest-in-run", "record", "shape = 'parquet'"),
    ];
    let name = |(name, ..): &(&str, &str, &[&str])| format!("'{name}'");
    let (tracked, untracked) = COLUMNS.split_at(TRACKED);
    let (tracked, untracked): (Vec<_>, Vec<_>) =
        (tracked.iter().map(name).collect(), untracked.iter().map(name).collect());
    let mut references = policies.map(|(target, untracked_policy, deletes, ..)| {
        let definition = Definition {
            attributes: COLUMNS.len(),
            tracked: TRACKED,
            untracked: untracked_policy,
            deletes,
            first_from: FirstFrom::Event,
            strict: false,
            quarantine: false,
        };
        (target, Reference::new(definition))
    });
    let cast = |column: &String| {
        let (name, hive_type) = column.split_once(' ').unwrap();
        if hive_type == "binary" { format!("unhex({name})") } else { format!("cast({name} as {hive_type})") }
    };
    let casts: Vec<String> = columns.iter().map(cast).collect();
    for (n, batch) in batches.iter().enumerate() {
        log.hive(&format!("insert into {db}.log select {} from {db}.arriving where batch = {n}", casts.join(", ")))
            .await;
        log.load += 1;
        log.say_load(log.load).await;
        for (target, _, _, untracked_policy, deletes, shape) in policies {
            let mut args = log.args(&format!(
                "keys = ['history', 'id']\nsequence = 'seq'\ntracked = [{}]\nuntracked = [{}]\nop-column = 'op'\n\
                 untracked-policy = '{untracked_policy}'\ndeletes = '{deletes}'\nbatches = 'all'\n\
                 upsert-ops = ['u']\ndelete-ops = ['d']\ntruncate-ops = ['t']\n{shape}",
                tracked.join(", "),
                untracked.join(", ")
            ));
            args.target = format!("{db}.{target}");
            apply(&args).await.unwrap_or_else(|e| panic!("seed {seed}, {target}, batch {n}: {e}"));
        }
        references.iter_mut().for_each(|(_, reference)| reference.accept(batch).unwrap());
        if n != BATCHES / 2 && n + 1 != batches.len() {
            continue;
        }
        for (target, reference) in &references {
            let expected: BTreeSet<String> = reference.versions().iter().map(line).collect();
            let seen = history(&log, target);
            let (missing, more): (Vec<_>, Vec<_>) =
                (expected.difference(&seen).take(5).collect(), seen.difference(&expected).take(5).collect());
            assert!(
                missing.is_empty() && more.is_empty(),
                "seed {seed}, {target}: not there {missing:#?}, there {more:#?}"
            );
        }
    }
    log.close().await;
}
