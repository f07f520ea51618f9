//! The history of the example shop's customers: the same however its events arrive.

use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline};
use crate::stack::{hdfs_shell, import_of_customers, sakia};

/// Arrivals; a hash of each event says in which it comes, so that all of them have events of the whole year.
const SHARES: u32 = 4;

/// Imports the shop's changes to the database of `log`, as its table `customer_changes`.
fn import_changes(log: &Log) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    std::fs::write(&file, import_of_customers(&log.database).replace("customers", "customer_changes")).unwrap();
    let done = sakia().arg("run").arg(&file).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_events_at_once_and_shuffled_end_in_the_same_history() {
    let mut log = Log::new("customer_id decimal(20,0), changed_at timestamp, country string").await;
    let db = log.database.clone();
    import_changes(&log);
    let shuffled = log.args("keys = ['customer_id']\nsequence = 'changed_at'\ntracked = ['country']\nbatches = 'all'");
    let mut at_once = shuffled.clone();
    (at_once.source, at_once.target) = (format!("{db}.customer_changes"), format!("{db}.at_once"));
    let done = apply(&at_once).await.unwrap();
    assert_eq!((done.outcome, done.rows_in), (Outcome::Done, 22_034), "{}", done.detail);

    for share in 0..SHARES {
        // Part of another share comes too, and so twice.
        log.hive(&format!(
            "insert into {db}.log select customer_id, changed_at, country from {db}.customer_changes \
             where pmod(crc32(concat(customer_id, changed_at)), {SHARES}) = {share} \
             or pmod(crc32(concat(customer_id, changed_at)), {}) = {}",
            SHARES * 10,
            share + SHARES - 1
        ))
        .await;
        log.load += 1;
        log.say_load(log.load).await;
        let done = apply(&shuffled).await.unwrap_or_else(|e| panic!("share {share}: {e}"));
        assert_eq!(done.outcome, Outcome::Done, "share {share}: {}", done.detail);
    }
    let content = |target: &str| {
        beeline(&format!(
            "select count(*), sum(if(is_current, 1, 0)), sum(crc32(concat_ws('|', sk, country, \
             cast(valid_from as string), cast(valid_to as string), cast(last_seq as string)))) from {db}.{target}"
        ))
    };
    let expected = content("at_once");
    assert!(expected[0].starts_with("4388\t4372\t"), "{expected:?}");
    assert_eq!(content("dim"), expected);
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", "-f", &format!("/it/{db}")]);
    log.close().await;
}
