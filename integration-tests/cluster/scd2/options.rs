//! What an SCD-2 step may be told beside tables and columns: what orders events, what becomes of those that cannot be
//! taken, how the dimension's own columns are named, where versions begin and end.

use sakia::error::Kind;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline};

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_and_pairs_order_events() {
    let mut log = Log::new("id int, at timestamp, pos int, op string, v string").await;
    let event =
        |at: &str, pos: i32, op: &str, v: &str| format!("(1, timestamp '2020-01-01 {at}', {pos}, '{op}', '{v}')");
    log.arrive(&[
        event("10:00:00.000001", 9, "U", "a"),
        event("10:00:00.000001", 10, "U", "b"),
        event("10:00:00.000001", 11, "D", ""),
        event("10:00:00.000002", -3, "U", "b"),
        event("10:00:00.000002", 2, "U", "b"),
        event("10:00:00.000002", 5, "U", "c"),
    ])
    .await;
    let common = "keys = ['id']\ntracked = ['v']\nop-column = 'op'\n";
    let pair = log.args(&format!("{common}sequence = 'at'\ntie-breaker = 'pos'\nbatches = 'day'"));
    let summary = apply(&pair).await.unwrap();
    assert_eq!((summary.outcome, summary.rows_out), (Outcome::Done, 4), "{}", summary.detail);
    assert!(!summary.detail.contains("several events"), "{}", summary.detail);
    let columns = "v, substr(cast(valid_from as string), 12), valid_from_tie, substr(cast(valid_to as string), 12), \
                   valid_to_tie, is_current, last_seq_tie";
    assert_eq!(
        beeline(&format!("select {columns} from {}.dim order by valid_from, valid_from_tie", log.database)),
        [
            "a\t10:00:00.000001\t9\t10:00:00.000001\t10\tfalse\t9",
            "b\t10:00:00.000001\t10\t10:00:00.000001\t11\tfalse\t10",
            "b\t10:00:00.000002\t-3\t10:00:00.000002\t5\tfalse\t2",
            "c\t10:00:00.000002\t5\t00:00:00\t9223372036854775807\ttrue\t5",
        ]
    );

    // A number alone: what came first, comes first.
    let mut number = log.args(&format!("{common}sequence = 'pos'\nopen-end = 'null'"));
    number.target = format!("{}.by_number", log.database);
    assert_eq!(apply(&number).await.unwrap().rows_out, 4);
    let versions =
        format!("select v, valid_from, valid_to, last_seq from {}.by_number order by valid_from", log.database);
    let history = || beeline(&versions);
    assert_eq!(history(), ["b\t-3\t5\t2", "c\t5\t9\t5", "a\t9\t10\t9", "b\t10\t11\t10"]);
    log.arrive(&[event("11:00:00", 12, "U", "d"), event("11:00:00", -5, "U", "z")]).await;
    apply(&number).await.unwrap();
    assert_eq!(
        history(),
        ["z\t-5\t-3\t-5", "b\t-3\t5\t2", "c\t5\t9\t5", "a\t9\t10\t9", "b\t10\t11\t10", "d\t12\tNULL\t12"]
    );
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_or_set_aside() {
    let mut log = Log::new("id int, at string, op string, v string").await;
    log.arrive(&[
        "(1, '2021-03-28 01:30:00', 'c', 'a'), (1, '2021-07-01T12:00:00.123456', 'u', 'b')".to_owned(),
        "(2, '2021-01-01 00:00:00', 'r', 'x'), (2, '2021-01-02 00:00:00', 'd', 'x')".to_owned(),
        // Hours that the clock of Paris leaves out and shows twice, a day that there is not, other forms.
        "(3, '2021-03-28 02:30:00', 'u', 'gap'), (3, '2021-10-31 02:30:00', 'u', 'twice')".to_owned(),
        "(3, '2021-02-30 10:00:00', 'u', 'no day'), (3, '28/03/2021', 'u', 'form'), (3, null, 'u', 'none')".to_owned(),
        "(null, '2021-01-01 00:00:00', 'u', 'no key'), (3, '2021-01-01 00:00:00', 'x', 'unknown')".to_owned(),
    ])
    .await;
    let args = log.args(
        "keys = ['id']\ntracked = ['v']\nsequence = 'at'\nsequence-zone = 'Europe/Paris'\nop-column = 'op'\n\
         upsert-ops = ['c', 'u', 'r']\ndelete-ops = ['d']\nbatches = 'month'",
    );
    let error = apply(&args).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let said = "holds 1 events without key and 5 without at and 1 with an unknown operation";
    assert!(error.to_string().contains(said), "{error}");

    let quarantine = format!("{}.aside", log.database);
    let args = sakia::scd2::Scd2Args { quarantine: Some(quarantine.clone()), ..args };
    for _ in 0..2 {
        log.load += 1;
        log.say_load(log.load).await;
        let summary = apply(&args).await.unwrap();
        assert_eq!((summary.rejects, summary.rows_in), (7, 4), "{}", summary.detail);
        assert!(
            summary.detail.contains(&format!("events that cannot be taken are in {quarantine}")),
            "{}",
            summary.detail
        );
        let aside = beeline(&format!("select reason, event['v'] from {quarantine} order by reason, event['v']"));
        let expected = ["no key\tno key", "no sequence\tform", "no sequence\tgap", "no sequence\tno day"];
        assert_eq!(aside[..4], expected);
        assert_eq!(aside[4..], ["no sequence\tnone", "no sequence\ttwice", "unknown operation\tunknown"]);
        assert_eq!(
            log.history("id, v, cast(valid_from as string), cast(valid_to as string)"),
            [
                "1\ta\t2021-03-28 00:30:00\t2021-07-01 10:00:00.123456",
                "1\tb\t2021-07-01 10:00:00.123456\t9999-12-31 00:00:00",
                "2\tx\t2020-12-31 23:00:00\t2021-01-01 23:00:00",
            ]
        );
    }
    let foreign = sakia::scd2::Scd2Args { quarantine: Some(format!("{}.theirs", log.database)), ..args };
    log.hive(&format!("create table {}.theirs (id int)", log.database)).await;
    log.load += 1;
    log.say_load(log.load).await;
    assert_eq!(apply(&foreign).await.unwrap_err().kind(), Kind::Exists);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_named_and_versions_begin_and_end_as_told() {
    let mut log = Log::new("id int, sk string, valid_to string, at timestamp, born date, op string").await;
    let event = |id: u32, v: &str, day: u32, born: &str, op: &str| {
        format!("({id}, '{v}', 'u{day}', timestamp '2020-01-{day:02} 00:00:00', {born}, '{op}')")
    };
    log.arrive(&[
        event(1, "a", 1, "date '2019-05-05'", "U"),
        event(1, "b", 5, "date '2019-01-01'", "U"),
        event(1, "", 7, "null", "D"),
        event(2, "a", 2, "null", "U"),
        event(2, "c", 2, "null", "U"),
        event(3, "", 1, "null", "D"),
        event(3, "a", 3, "date '2019-05-05'", "U"),
    ])
    .await;
    let common = "keys = ['id']\ntracked = ['sk']\nuntracked = ['valid_to']\nsequence = 'at'\nop-column = 'op'\n\
                  open-end = 'null'\ndeletes = 'record'\n\
                  columns = { sk = 'version', valid-to = 'until', is-deleted = 'gone', last-seq = 'last' }\n";
    let strict = log.args(&format!("{common}strict = true"));
    let error = apply(&strict).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let said = "1 moment at which one key has events that say different things, such as key 2";
    assert!(error.to_string().contains(said), "{error}");

    let rows = |target: &str| {
        beeline(&format!(
            "select id, sk, valid_to, substr(cast(valid_from as string), 1, 10), substr(cast(until as string), 1, 10), gone, \
             substr(cast(last as string), 1, 10), is_current, length(version) from {}.{target} order by id, valid_from",
            log.database
        ))
    };
    for (target, more, first) in [
        ("dim", "", "2020-01-01"),
        ("dim_created", "first-from = 'created'\ncreated-column = 'born'", "2019-05-05"),
        ("dim_epoch", "first-from = 'epoch'", "1900-01-01"),
    ] {
        let mut args = log.args(&format!("{common}{more}"));
        args.target = format!("{}.{target}", log.database);
        apply(&args).await.unwrap();
        let seen = rows(target);
        assert_eq!(seen[0], format!("1\ta\tu1\t{first}\t2020-01-05\tfalse\t2020-01-01\tfalse\t64"));
        assert_eq!(seen[1], "1\tb\tu5\t2020-01-05\t2020-01-07\tfalse\t2020-01-05\tfalse\t64");
        assert_eq!(seen[2], "1\tb\tu5\t2020-01-07\tNULL\ttrue\t2020-01-07\ttrue\t64", "a deletion that is recorded");
        // What is not said, or was gone before, begins with its event.
        let second = if target == "dim_epoch" { "1900-01-01" } else { "2020-01-02" };
        assert!(seen[3].ends_with(&format!("{second}\tNULL\tfalse\t2020-01-02\ttrue\t64")), "{}", seen[3]);
        assert_eq!(seen[4], "3\ta\tu3\t2020-01-03\tNULL\tfalse\t2020-01-03\ttrue\t64");
        assert_eq!(seen.len(), 5);
        // A log that says the same in another load changes nothing, and is found to hold what the rows rest on.
        log.load += 1;
        log.say_load(log.load).await;
        assert_eq!(apply(&args).await.unwrap().rows_out, 0, "{target}");
    }
    log.close().await;
}
