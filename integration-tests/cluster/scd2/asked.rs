//! What is asked of a dimension without changing it: `sakia scd2 plan`, `verify` and `status`.

use super::Log;
use crate::stack::{address, sakia};

/// What the command prints, and whether it ended well.
fn ask(log: &Log, act: &str) -> (bool, String) {
    let name = |table: &str| format!("{}.{table}", log.database);
    let output = sakia()
        .args(["scd2", act, "--source", &name("log"), "--target", &name("dim"), "--keys", "id", "--sequence", "at"])
        .args(["--tracked", "v", "--batches", "all", "--hiveserver2-url", &address("HIVESERVER2_PORT")])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), said.concat())
}

/// Asks, and expects an answer that holds all of `words`.
fn answers(log: &Log, act: &str, words: &[&str]) {
    let (is_good, said) = ask(log, act);
    assert!(is_good, "{act}: {said}");
    for word in words {
        assert!(said.contains(word), "{act} does not say '{word}': {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dimension_is_planned_verified_and_asked_how_far_it_has_come() {
    let mut log = Log::new("id int, at timestamp, v string").await;
    let args = log.args("keys = ['id']\nsequence = 'at'\ntracked = ['v']\nbatches = 'all'");
    let event = |day: u32, v: &str| format!("(1, timestamp '2020-01-{day:02} 00:00:00', '{v}')");
    log.arrive(&[event(1, "a"), event(3, "b")]).await;

    answers(&log, "plan", &["which is made", "effect      2 rows inserted, 0 changed, 0 deleted", "MERGE INTO"]);
    answers(&log, "status", &["load load-1", "not made yet"]);
    assert_eq!(super::beeline(&format!("show tables in {} like 'dim'", log.database)), Vec::<String>::new());
    assert!(!ask(&log, "verify").0, "there is nothing to verify");

    super::apply(&args).await.unwrap();
    answers(&log, "plan", &["the source was not loaded anew"]);
    answers(&log, "status", &["complete and verified"]);
    answers(&log, "verify", &["equal", "2 versions, 1 current; it shows what its log says"]);

    // One version is cut in two, and its row changes.
    log.arrive(&[event(2, "c")]).await;
    answers(&log, "status", &["behind: the log was loaded anew"]);
    answers(&log, "plan", &["effect      1 rows inserted, 1 changed, 0 deleted"]);
    answers(&log, "verify", &["not compared with the log, which was loaded anew since"]);
    assert_eq!(log.history("v"), ["a", "b"], "nothing was touched");

    super::apply(&args).await.unwrap();
    log.hive(&format!("update {}.dim set valid_to = timestamp '2020-01-09 00:00:00' where v = 'c'", log.database))
        .await;
    let (is_good, said) = ask(&log, "verify");
    assert!(!is_good && said.contains("dim has 1 overlaps, such as of key 1"), "{said}");
    log.close().await;
}
