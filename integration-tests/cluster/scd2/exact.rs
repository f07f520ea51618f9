//! What an SCD-2 step must not lose: deletions whatever the types are, values of a type that grew, history that the log
//! no longer holds; and that two runs at once, and a target that shows something else than its log, are noticed.

use sakia::error::Kind;
use sakia::scd2::Scd2Args;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline};

/// Columns that are tracked, none of them text: two values each.
const TRACKED: [(&str, &str, &str, &str); 8] = [
    ("i", "int", "1", "2"),
    ("b", "bigint", "1L", "9000000000L"),
    ("d", "decimal(10,2)", "cast(1.50 as decimal(10,2))", "cast(1.51 as decimal(10,2))"),
    ("x", "double", "0.5D", "0.25D"),
    ("da", "date", "date '2020-01-01'", "date '2020-01-02'"),
    ("ts", "timestamp", "timestamp '2020-01-01 00:00:00.5'", "timestamp '2020-01-01 00:00:00.25'"),
    ("bo", "boolean", "true", "false"),
    ("bi", "binary", "unhex('80')", "unhex('81')"),
];

const KEYS: &str = "ks string, kb binary, kd decimal(20,0), kda date, kts timestamp, kbo boolean";

/// An event; the tracked column `changed` has its second value, or NULL.
fn event(op: &str, key: &str, bytes: &str, day: u32, changed: Option<(&str, bool)>) -> String {
    let value = |(name, hive_type, first, second): &(&str, &str, &str, &str)| match changed {
        Some((column, true)) if column == *name => format!("cast(null as {hive_type})"),
        Some((column, false)) if column == *name => (*second).to_owned(),
        _ => (*first).to_owned(),
    };
    let values: Vec<String> = TRACKED.iter().map(value).collect();
    format!(
        "struct('{op}', {}, 'u{day}', '{key}', unhex('{bytes}'), cast(18446744073709551615 as decimal(20,0)), \
         date '2020-02-29', timestamp '2020-02-29 12:00:00.000001', true, timestamp '2020-01-0{day} 00:00:00')",
        values.join(", ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_deletion_is_lost_whatever_the_types_are() {
    let columns: Vec<String> = TRACKED.iter().map(|(name, hive_type, ..)| format!("{name} {hive_type}")).collect();
    let log = Log::new(&format!("op string, {}, u string, {KEYS}, seq timestamp", columns.join(", "))).await;
    let mut events = Vec::new();
    for (name, ..) in TRACKED {
        events.push(event("U", name, "00", 1, None));
        events.push(event("U", name, "00", 2, Some((name, false))));
        events.push(event("U", name, "00", 3, Some((name, true))));
        events.push(event("D", name, "00", 4, None));
        events.push(event("U", name, "00", 5, None));
    }
    // Three keys that are one if their bytes are taken for text.
    events.extend(["80", "81", "FF"].map(|bytes| event("U", "bytes", bytes, 1, None)));
    log.hive(&format!("insert into {}.log select inline(array({}))", log.database, events.join(", "))).await;

    let tracked: Vec<String> = TRACKED.iter().map(|(name, ..)| format!("'{name}'")).collect();
    let args = log.args(&format!(
        "keys = ['ks', 'kb', 'kd', 'kda', 'kts', 'kbo']\nsequence = 'seq'\ntracked = [{}]\nuntracked = ['u']\n\
         op-column = 'op'",
        tracked.join(", ")
    ));
    let summary = apply(&args).await.unwrap();
    assert_eq!((summary.outcome, summary.rows_out), (Outcome::Done, 8 * 4 + 3));
    let mut expected: Vec<String> = TRACKED
        .iter()
        .map(|(name, ..)| format!("{name}\t[\"01-02 u1\",\"02-03 u2\",\"03-04 u3\",\"05-31 u5\"]\t1"))
        .collect();
    expected.push("bytes\t[\"01-31 u1\",\"01-31 u1\",\"01-31 u1\"]\t3".to_owned());
    expected.sort();
    let mut seen = beeline(&format!(
        "select ks, sort_array(collect_list(concat(substr(cast(valid_from as string), 9, 2), '-', \
         substr(cast(valid_to as string), 9, 2), ' ', u))), sum(if(is_current, 1, 0)) from {}.dim group by ks",
        log.database
    ));
    seen.sort();
    assert_eq!(seen, expected);
    assert_eq!(beeline(&format!("select count(distinct sk) from {}.dim", log.database)), ["35"]);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_grew_widens_the_dimension_and_one_that_changed_is_refused() {
    let mut log = Log::new("sku varchar(5), qty int, seq timestamp").await;
    let args = log.args("keys = ['sku']\nsequence = 'seq'\ntracked = ['qty']\nbatches = 'all'");
    log.arrive(&["('A', 1, timestamp '2020-01-01 00:00:00')".to_owned()]).await;
    apply(&args).await.unwrap();

    let change = |column: &str| format!("alter table {}.log change column {column}", log.database);
    log.hive(&change("qty qty bigint")).await;
    log.hive(&change("sku sku varchar(9)")).await;
    log.arrive(&[
        "('A', 3000000000, timestamp '2020-02-01 00:00:00'), ('longer-sk', 5, timestamp '2020-02-01 00:00:00')"
            .to_owned(),
    ])
    .await;
    apply(&args).await.unwrap();
    let columns = "sku, qty, cast(valid_from as string), is_current";
    let expected = [
        "A\t1\t2020-01-01 00:00:00\tfalse",
        "A\t3000000000\t2020-02-01 00:00:00\ttrue",
        "longer-sk\t5\t2020-02-01 00:00:00\ttrue",
    ];
    assert_eq!(log.history(columns), expected);

    log.hive(&format!("drop table {}.log", log.database)).await;
    log.hive(&format!(
        "create view {}.log as select 'A' as sku, 'x' as qty, timestamp '2020-01-01 00:00:00' as seq",
        log.database
    ))
    .await;
    let error = apply(&args).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema, "{error}");
    assert!(error.to_string().contains("column qty is string in the log"), "{error}");
    assert_eq!(log.history(columns), expected);
    log.hive(&format!("drop view {}.log", log.database)).await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_events_deletes_no_history_unasked() {
    let mut log = Log::new("id string, v int, seq timestamp").await;
    let args = log.args("keys = ['id']\nsequence = 'seq'\ntracked = ['v']");
    let event = |id: &str, v: u32, month: u32| format!("('{id}', {v}, timestamp '2020-{month:02}-01 00:00:00')");
    log.arrive(&[event("a", 1, 1), event("b", 1, 1), event("a", 2, 2)]).await;
    apply(&args).await.unwrap();
    let before = log.history("id, v, valid_from");
    assert_eq!(before.len(), 3);

    log.hive(&format!("insert overwrite table {}.log values {}", log.database, event("a", 3, 3))).await;
    log.say_load(7).await;
    let error = apply(&args).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let said = error.to_string();
    assert!(said.contains("lost events of 3 moments") && said.contains("from 2020-01-01 00:00:00 on"), "{said}");
    assert_eq!(log.history("id, v, valid_from"), before);

    apply(&Scd2Args { accept_shrunk_log: true, ..args }).await.unwrap();
    assert_eq!(log.history("id, v"), ["a\t3"]);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_time_is_refused_in_every_way_of_cutting() {
    let log = Log::new("id int, v int, seq timestamp").await;
    let events = "(1, 1, timestamp '2020-01-01 00:00:00'), (1, 2, timestamp '9999-12-31 00:00:00')";
    log.hive(&format!("insert into {}.log values {events}", log.database)).await;
    for batches in ["all", "month", "day"] {
        let args = log.args(&format!("keys = ['id']\nsequence = 'seq'\ntracked = ['v']\nbatches = '{batches}'"));
        let error = apply(&args).await.unwrap_err();
        assert!(error.kind() == Kind::Data && error.to_string().contains("9999-12"), "{batches}: {error}");
    }
    let made = beeline(&format!("show tables in {} like 'dim'", log.database));
    assert_eq!(made, Vec::<String>::new(), "refused before anything is written");
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_a_target_and_the_lease_of_a_dead_one_is_taken_over() {
    let mut log = Log::new("id int, op string, v int, seq timestamp").await;
    let args = log.args("keys = ['id']\nsequence = 'seq'\ntracked = ['v']\nop-column = 'op'");
    log.arrive(&[
        "(1, 'U', 1, timestamp '2020-01-01 00:00:00'), (1, 'D', 1, timestamp '2020-01-02 00:00:00')".to_owned(),
        "(2, 'U', 1, timestamp '2020-02-01 00:00:00')".to_owned(),
    ])
    .await;
    let (first, second) = tokio::join!(apply(&args), apply(&args));
    let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(done.unwrap().rows_out, 2);
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75), "{error}");
    assert!(
        error.to_string().contains(&format!("dim is held by run run-1, process {}", std::process::id())),
        "{error}"
    );

    // The lease of a run that was killed.
    let lease = format!("{}.dim_sakia_lease", log.database);
    let dead = "1000,0190-dead,1,x,elsewhere,run-killed";
    log.hive(&format!("create view {lease} tblproperties ('sakia.lease' = '{dead}') as select 1 as held")).await;
    // What obeys every rule and is not what the log says: the deleted version open again, in a month that is not
    // applied anew.
    log.hive(&format!(
        "update {}.dim set valid_to = timestamp '9999-12-31 00:00:00', is_current = true where id = 1",
        log.database
    ))
    .await;
    let error = apply(&Scd2Args { reapply_last: true, ..args }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let said = error.to_string();
    assert!(said.contains("does not show what its log says: at 1 of 3 moments") && said.ends_with("key 1"), "{said}");
    assert_eq!(beeline(&format!("show views in {}", log.database)), Vec::<String>::new(), "no lease is left");
    log.close().await;
}
