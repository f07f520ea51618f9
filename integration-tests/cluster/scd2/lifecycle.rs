//! A dimension from its tables to its rebuild: made empty, filled, shown by views, followed through changes of its source,
//! and computed anew by a run that dies.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sakia::error::Kind;
use sakia::scd2::{self, Scd2Args};
use sakia::shutdown::Stop;
use sakia::storage::hdfs as storage;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline, ends};
use crate::import::Scene;
use crate::stack::{address, hdfs, sakia};

const COMMON: &str = "keys = ['id']\nsequence = 'at'\nbatches = 'all'\nviews = true\n";

fn row(id: u32, day: u32, city: &str, more: &str) -> String {
    format!("({id}, timestamp '2020-01-{day:02} 00:00:00', '{city}'{more})")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dimension_is_made_shown_and_follows_its_source() {
    let mut log = Log::new("id int, at timestamp, `ci-ty` string").await;
    let args = log.args(&format!("{COMMON}tracked = ['ci-ty']\nopen-end = 'null'"));
    let made = scd2::init(&args, &ends(), "run-1", &Stop::new()).await.unwrap();
    assert_eq!(made.outcome, Outcome::Done);
    assert_eq!(beeline(&format!("show views in {}", log.database)).len(), 2);
    assert_eq!(scd2::init(&args, &ends(), "run-1", &Stop::new()).await.unwrap().outcome, Outcome::Unchanged);
    log.arrive(&[row(1, 1, "Rome", ""), row(1, 5, "Oslo", ""), row(2, 3, "Bern", "")]).await;
    apply(&args).await.unwrap();

    let db = log.database.clone();
    assert_eq!(beeline(&format!("select id, `ci-ty` from {db}.dim_current order by id")), ["1\tOslo", "2\tBern"]);
    let asof = "with f as (select 1 as id, 0 as n union all select 1, 5 union all select 2, 2 union all select 2, 9)";
    let joined = beeline(&format!(
        "{asof} select f.id, f.n, d.`ci-ty` from (select id, n, date_add(date '2020-01-01', n) as at from f) f \
         left join {db}.dim_asof d on f.id = d.id and d.valid_from <= f.at and f.at < d.valid_to order by f.id, f.n"
    ));
    assert_eq!(joined, ["1\t0\tRome", "1\t5\tOslo", "2\t2\tBern", "2\t9\tBern"]);

    // The source gets a column: it is carried along, and the views have it.
    log.hive(&format!("alter table {db}.log add columns (`t-ier` int)")).await;
    log.arrive(&[row(1, 5, "Oslo", ", 7"), row(2, 8, "Bern", ", 8"), row(3, 9, "Graz", ", 9")]).await;
    apply(&args).await.unwrap();
    let shown = || beeline(&format!("select id, `ci-ty`, `t-ier` from {db}.dim_asof order by id, valid_from"));
    assert_eq!(shown(), ["1\tRome\tNULL", "1\tOslo\t7", "2\tBern\t8", "3\tGraz\t9"]);

    // Once it is named nothing else is to do; it grows, and what does not fit is refused.
    let named = Scd2Args { untracked: vec!["t-ier".to_owned()], ..args.clone() };
    log.hive(&format!("alter table {db}.log change column `t-ier` `t-ier` bigint")).await;
    log.arrive(&[row(3, 10, "Graz", ", 5000000000")]).await;
    assert_eq!(apply(&named).await.unwrap().outcome, Outcome::Done);
    assert_eq!(shown()[3], "3\tGraz\t5000000000");
    let tracked = Scd2Args { tracked: vec!["ci-ty".to_owned(), "t-ier".to_owned()], ..args.clone() };
    let error = apply(&tracked).await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("another definition"), "{error}");

    // Gone: it stays as it is.
    log.hive(&format!("alter table {db}.log replace columns (id int, at timestamp, `ci-ty` string)")).await;
    log.arrive(&[row(3, 20, "Linz", "")]).await;
    apply(&named).await.unwrap();
    assert_eq!(shown(), ["1\tRome\tNULL", "1\tOslo\t7", "2\tBern\t8", "3\tGraz\t5000000000", "3\tLinz\tNULL"]);
    log.hive(&format!("alter table {db}.log replace columns (id int, at timestamp)")).await;
    log.say_load(99).await;
    let error = apply(&named).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.to_string().contains("has no column ci-ty"), "{error}");
    log.close().await;
}

fn rebuild(log: &Log, target: &str, tracked: &str) -> Child {
    let name = |table: &str| format!("{}.{table}", log.database);
    sakia()
        .args(["scd2", "rebuild", "--source", &name("log"), "--target", &name(target), "--keys", "id"])
        .args(["--sequence", "at", "--tracked", tracked, "--batches", "all"])
        .args(["--hiveserver2-url", &address("HIVESERVER2_PORT")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_dies_is_finished_by_the_next_run() {
    let mut log = Log::new("id int, at timestamp, city string, tier int").await;
    let rows: Vec<String> = (1..=40)
        .flat_map(|id| (1..=5).map(move |day| row(id, day, &format!("c{}", day / 3), &format!(", {day}"))))
        .collect();
    log.arrive(&rows).await;
    let args =
        |tracked: &str| log.args(&format!("keys = ['id']\nsequence = 'at'\nbatches = 'all'\ntracked = ['{tracked}']"));
    apply(&args("city")).await.unwrap();
    let cities = log.history("id, city, valid_from, valid_to");
    assert_eq!(cities.len(), 80);

    let fs = storage::connect(&hdfs()).await.unwrap();
    let directory = format!("/user/hive/warehouse/{}.db/dim", log.database);
    let before = fs.list(&directory).await.unwrap().len();
    let mut child = rebuild(&log, "dim", "tier");
    let limit = Instant::now() + Duration::from_secs(120);
    while fs.list(&directory).await.unwrap().len() <= before {
        assert!(Instant::now() < limit && child.try_wait().unwrap().is_none(), "nothing is written into {directory}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // All of the old one, or all of the new one.
    let found = log.history("id, valid_from, valid_to").len();
    assert!(found == 80 || found == 200, "{found}");

    assert_eq!(apply(&args("city")).await.unwrap_err().kind(), Kind::Config, "it is being rebuilt");
    apply(&args("tier")).await.unwrap();
    let tiers = log.history("id, tier, valid_from, valid_to");
    let fresh = Scd2Args { target: format!("{}.fresh", log.database), ..args("tier") };
    apply(&fresh).await.unwrap();
    let columns = "id, tier, valid_from, valid_to";
    assert_eq!(tiers, beeline(&format!("select {columns} from {}.fresh order by {columns}", log.database)));

    // And back, by a rebuild that nobody disturbs.
    assert!(rebuild(&log, "dim", "city").wait_with_output().unwrap().status.success());
    assert_eq!(log.history("id, city, valid_from, valid_to"), cities);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_imported_again_and_marked_as_deleted_are_a_log() {
    let mut scene = Scene::set(&[
        "CREATE TABLE people (id INT PRIMARY KEY, city VARCHAR(40), gone DATETIME NULL, changed DATETIME(3) NOT NULL)",
        "INSERT INTO people VALUES (1, 'Rome', NULL, '2024-01-01 10:00:00'), (2, 'Oslo', NULL, '2024-01-01 10:00:00')",
    ])
    .await;
    let import = "existing = 'append'\n[incremental]\nmode = 'lastmodified'\ncheck-column = 'changed'\nstart-from = 'last-value'\n\
                  last-value = '2024-01-01 00:00:00'";
    let args: Scd2Args = toml::from_str(&format!(
        "source = '{0}.people'\ntarget = '{0}.dim'\nkeys = ['id']\nsequence = 'changed'\ntracked = ['city']\n\
         deleted-column = 'gone'\nbatches = 'all'",
        scene.name
    ))
    .unwrap();
    for change in [
        "UPDATE people SET city = 'Bern', changed = '2024-01-02 10:00:00' WHERE id = 1",
        "UPDATE people SET gone = '2024-01-03 09:00:00', changed = '2024-01-03 10:00:00' WHERE id = 2",
        "UPDATE people SET gone = NULL, changed = '2024-01-04 10:00:00' WHERE id = 2",
    ] {
        scene.import("people", import).await;
        apply(&args).await.unwrap();
        scene.sql(change).await;
    }
    scene.import("people", import).await;
    apply(&args).await.unwrap();
    let rows = scene.hive("select count(*), count(distinct id, changed) from @db.people");
    assert_eq!(rows, [["8", "5"]], "rows are there several times");
    let history = scene.hive("select id, city, day(valid_from), day(valid_to) from @db.dim order by id, valid_from");
    let history: Vec<String> = history.iter().map(|row| row.join("|")).collect();
    assert_eq!(history, ["1|Rome|1|2", "1|Bern|2|31", "2|Oslo|1|3", "2|Oslo|4|31"]);
    scene.clear().await;
}
