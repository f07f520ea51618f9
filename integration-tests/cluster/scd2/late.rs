//! A dimension that goes forward only: what comes too late is put aside, counted, and not applied.

use sakia::scd2;
use sakia::shutdown::Stop;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline, ends};

fn event(id: u32, day: u32, op: &str, v: &str) -> String {
    format!("({id}, timestamp '2020-01-{day:02} 00:00:00', '{op}', '{v}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_are_put_aside() {
    let mut log = Log::new("id int, at timestamp, op string, v string").await;
    let late = format!("{}.aside", log.database);
    let args = log.args(&format!(
        "keys = ['id']\nsequence = 'at'\ntracked = ['v']\nop-column = 'op'\nbatches = 'month'\nlate = '{late}'"
    ));
    log.arrive(&[event(1, 10, "U", "a"), event(1, 20, "U", "b"), event(2, 20, "U", "x")]).await;
    assert_eq!(apply(&args).await.unwrap().rejects, 0);

    log.arrive(&[
        // Late: between versions, before the first one, of a key that nobody knew, and a deletion of what lives.
        event(1, 15, "U", "c"),
        event(2, 5, "U", "x"),
        event(3, 3, "U", "z"),
        event(1, 12, "D", ""),
        // Known: delivered again, and what says nothing new.
        event(1, 20, "U", "b"),
        event(1, 11, "U", "a"),
        // Of a day that was applied for other keys, and new.
        event(2, 25, "D", ""),
        event(1, 25, "U", "d"),
    ])
    .await;
    let second = apply(&args).await.unwrap();
    assert_eq!((second.outcome, second.rejects), (Outcome::Done, 4), "{}", second.detail);
    assert!(second.detail.contains("4 events came too late and went to"), "{}", second.detail);
    let versions =
        format!("select id, v, day(valid_from), day(valid_to) from {}.dim order by id, valid_from", log.database);
    let history = || beeline(&versions);
    assert_eq!(history(), ["1\ta\t10\t20", "1\tb\t20\t25", "1\td\t25\t31", "2\tx\t20\t25"]);
    let aside = format!("select event['id'], event['op'], substr(`sequence`, 1, 10) from {late} order by 1, 3");
    let expected = ["1\tD\t2020-01-12", "1\tU\t2020-01-15", "2\tU\t2020-01-05", "3\tU\t2020-01-03"];
    assert_eq!(beeline(&aside), expected);

    // Delivered again they stay aside; nobody else is touched.
    log.arrive(&[event(3, 3, "U", "z"), event(1, 15, "U", "c")]).await;
    let third = scd2::run(&args, &ends(), "run-2", &Stop::new()).await.unwrap();
    assert_eq!((third.outcome, third.rows_out, third.rejects), (Outcome::Unchanged, 0, 0), "{}", third.detail);
    assert_eq!(beeline(&aside), expected);

    // Where they are to count after all.
    log.hive(&format!("truncate table {late}")).await;
    scd2::rebuild(&args, &ends(), "run-3", &Stop::new()).await.unwrap();
    assert_eq!(
        history(),
        ["1\ta\t10\t12", "1\tc\t15\t20", "1\tb\t20\t25", "1\td\t25\t31", "2\tx\t5\t25", "3\tz\t3\t31"]
    );
    log.close().await;
}
