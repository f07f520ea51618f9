//! Histories of tables that have none: imported from MySQL again and again, each load a picture; and pictures that cannot
//! be taken, or are taken by a run that dies.

use std::process::Stdio;

use sakia::error::Kind;
use sakia::storage::hdfs as storage;
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline};
use crate::import::Scene;
use crate::stack::{address, hdfs, root, sakia, setting};

/// A pipeline that imports a table and keeps its history.
fn pipeline(name: &str) -> String {
    format!(
        "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = '{user}'\ndatabase = '{name}'\n\
         password-file = '{root}/{password}'\n[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n\
         [metastore]\nurl = 'thrift://{metastore}'\n[hiveserver2]\nurl = '{hive}'\nuser = 'root'\n\
         [[step]]\ntype = 'import'\nname = 'people'\ntable = 'people'\ntarget-dir = '/tmp/{name}/people'\n\
         hive-database = '{name}'\n\
         [[step]]\ntype = 'scd2'\nname = 'history'\nsource = '{name}.people'\ntarget = '{name}.dim'\n\
         input = 'snapshot'\nkeys = ['id']\ntracked = ['city']\nuntracked = ['mail']\nbatches = 'all'\n",
        port = setting("MARIADB_PORT"),
        user = setting("SHOP_USER"),
        password = setting("SHOP_PASSWORD_FILE"),
        root = root().display(),
        namenode = address("NAMENODE_PORT"),
        metastore = address("METASTORE_PORT"),
        hive = address("HIVESERVER2_PORT"),
    )
}

/// What a command prints, and whether it ended well.
fn run(args: &[&str]) -> (bool, String) {
    let output = sakia().args(args).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), said.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_table_gets_a_history_by_importing_it_again() {
    let mut scene = Scene::set(&[
        "CREATE TABLE people (id INT PRIMARY KEY, city VARCHAR(40) NULL, mail VARCHAR(80) NULL)",
        "INSERT INTO people SELECT seq, 'Rome', CONCAT(seq, '@x') FROM seq_1_to_20",
        "INSERT INTO people VALUES (21, NULL, ''), (22, '', NULL), (23, 'it''s; \\\\ ${x} `é', '|~')",
    ])
    .await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    std::fs::write(&file, pipeline(&scene.name)).unwrap();
    let file = file.to_str().unwrap();
    let goes = |args: &[&str], words: &str| {
        let (is_good, said) = run(args);
        assert!(is_good && said.contains(words), "{args:?} does not say '{words}': {said}");
    };
    goes(&["run", file], "23 new or changed, 0 gone; 1 batch; 23 versions, 23 current");
    goes(&["run", file], "the source was not loaded anew");

    // Changed in both kinds of columns, gone, come, NULL told from the empty text.
    for change in [
        "UPDATE people SET city = 'Oslo' WHERE id IN (1, 2)",
        "UPDATE people SET mail = 'new' WHERE id = 3",
        "UPDATE people SET city = '' WHERE id = 21",
        "DELETE FROM people WHERE id IN (4, 22)",
        "INSERT INTO people VALUES (30, 'Bern', NULL)",
    ] {
        scene.sql(change).await;
    }
    goes(&["run", file, "--step", "people"], "people");
    goes(&["scd2", "plan", file], "effect      5 new or changed, 2 gone");
    goes(&["scd2", "status", file], "the last one taken is that of 20");
    goes(&["scd2", file], "5 new or changed, 2 gone; 1 batch; 27 versions, 22 current");

    // There and back again: the one that was gone returns, what changed is as it was.
    for change in ["UPDATE people SET city = 'Rome' WHERE id = 1", "INSERT INTO people VALUES (4, 'Rome', '4@x')"] {
        scene.sql(change).await;
    }
    goes(&["run", file], "2 new or changed, 0 gone");
    goes(&["scd2", "verify", file], "it shows what its log says");
    let history = scene.hive(
        "select d.id, city, mail, is_current, coalesce(valid_to = lead(valid_from) over (partition by id order by \
         valid_from), false), valid_from > min(valid_from) over () from @db.dim d where id < 5 or id > 20 \
         order by d.id, valid_from",
    );
    let history: Vec<String> = history.iter().map(|row| row.join("|")).collect();
    assert_eq!(
        history,
        [
            "1|Rome|1@x|false|true|false",
            "1|Oslo|1@x|false|true|true",
            "1|Rome|1@x|true|false|true",
            "2|Rome|2@x|false|true|false",
            "2|Oslo|2@x|true|false|true",
            "3|Rome|new|true|false|false",
            "4|Rome|4@x|false|false|false",
            "4|Rome|4@x|true|false|true",
            "21|NULL||false|true|false",
            "21|||true|false|true",
            "22||NULL|false|false|false",
            "23|it's; \\ ${x} `é||~|true|false|false",
            "30|Bern|NULL|true|false|true",
        ]
    );

    // Most of it is gone at once: refused, and taken where somebody says that it is meant.
    scene.sql("DELETE FROM people WHERE id > 10").await;
    let (is_good, said) = run(&["run", file]);
    assert!(!is_good && said.contains("max-deletes allows 20 %"), "{said}");
    goes(&["scd2", file, "--max-deletes", "100"], "0 new or changed, 13 gone");
    // A table that shows an older load, and one that does not show all of its rows.
    let says = |load: &str, rows: u32| {
        format!(
            "alter table {}.people set tblproperties ('sakia.load.id' = '{load}', 'sakia.rows' = '{rows}')",
            scene.name
        )
    };
    beeline(&says("017f22e279b07cc398c4dc0c0c07398f", 10));
    let (is_good, said) = run(&["scd2", file]);
    assert!(!is_good && said.contains("it is not a whole picture, or it is being loaded"), "{said}");
    scene.clear().await;
}

const OF_DAYS: &str = "input = 'snapshot'\nkeys = ['k']\nsequence = 'day'\ntracked = ['v']\ndeleted-column = 'gone'\n\
                       max-deletes = 50\nbatches = 'month'";

/// Shows the picture of a day in the place of the last one.
async fn show(log: &Log, rows: &[(u32, &str, bool)], day: u32) {
    let rows = rows.iter().map(|(k, v, gone)| format!("({k}, '{v}', {gone}, timestamp '2020-01-{day:02} 00:00:00.5')"));
    log.hive(&format!("insert overwrite table {}.log values {}", log.database, rows.collect::<Vec<_>>().join(", ")))
        .await;
}

fn command(log: &Log, target: &str) -> std::process::Command {
    let name = |table: &str| format!("{}.{table}", log.database);
    let mut command = sakia();
    command
        .args(["scd2", "--source", &name("log"), "--target", &name(target), "--keys", "k", "--sequence", "day"])
        .args(["--tracked", "v", "--deleted-column", "gone", "--max-deletes", "50", "--batches", "month"])
        .args(["--input", "snapshot", "--hiveserver2-url", &address("HIVESERVER2_PORT")]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_counts_once_however_often_its_run_dies() {
    let log = Log::new("k int, v string, gone boolean, day timestamp").await;
    let mut args = log.args(OF_DAYS);
    args.target = format!("{}.killed", log.database);
    show(&log, &[(1, "a", false), (2, "b", false), (3, "c", true), (4, "d", false)], 1).await;
    apply(&args).await.unwrap();
    show(&log, &[(1, "x", false), (2, "b", true), (3, "c", false), (4, "d", false)], 2).await;

    // Killed while it writes what does not count yet.
    let fs = storage::connect(&hdfs()).await.unwrap();
    let journal = format!("/warehouse/external/{}.db/killed_log", log.database);
    let mut child = command(&log, "killed").spawn().unwrap();
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while fs.list(&journal).await.map_or(0, |found| found.len()) < 2 {
        assert!(std::time::Instant::now() < limit && child.try_wait().unwrap().is_none(), "nothing is staged");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What a statement that survived its run writes there is not read.
    log.hive(&format!(
        "insert into {}.killed_log partition (sakia_load = 'staged-of-the-dead') values \
         (1, 'z', timestamp '2020-01-02 00:00:00.5', 'U')",
        log.database
    ))
    .await;
    let done = command(&log, "killed").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    // Killed after its events count and before it was noted.
    let note = |load: &str, day: &str| {
        format!(
            "alter table {}.killed_log set tblproperties ('sakia.scd2.snapshot.load.id' = '{load}', \
             'sakia.scd2.snapshot.at' = '2020-01-{day} 00:00:00.5', 'sakia.load.id' = '{load}')",
            log.database
        )
    };
    log.hive(&note("at-2020-01-01-00-00-00-5", "01")).await;
    let again = apply(&args).await.unwrap();
    assert_eq!(again.rows_out, 0, "{}", again.detail);
    let history = format!(
        "select k, v, day(valid_from), day(valid_to), is_current from {}.killed order by k, valid_from",
        log.database
    );
    let expected =
        ["1\ta\t1\t2\tfalse", "1\tx\t2\t31\ttrue", "2\tb\t1\t2\tfalse", "3\tc\t2\t31\ttrue", "4\td\t1\t31\ttrue"];
    assert_eq!(beeline(&history), expected);

    // What cannot be taken leaves everything as it was.
    let refused = async |words: &str| {
        let error = apply(&args).await.unwrap_err();
        assert!(error.kind() == Kind::Data && error.to_string().contains(words), "{error}");
    };
    show(&log, &[(1, "x", false)], 1).await;
    refused("and one of 2020-01-02 00:00:00.5 was taken before").await;
    show(&log, &[(1, "x", false)], 3).await;
    refused("leaves out 2 of 3 things that there were, and max-deletes allows 50 %").await;
    show(&log, &[(1, "x", false), (1, "y", false), (3, "c", false), (4, "d", false)], 3).await;
    refused("1 keys that several rows have, such as 1").await;
    show(&log, &[(1, "x", false), (3, "c", false), (4, "d", false)], 3).await;
    log.hive(&format!("insert into {}.log values (5, 'e', false, timestamp '2020-01-04 00:00:00')", log.database))
        .await;
    refused("is not one picture").await;
    assert_eq!(beeline(&history), expected);
    assert_eq!(
        beeline(&format!("show partitions {}.killed_log", log.database)).len(),
        2,
        "nothing is left of what was refused"
    );

    // All of it once more, from the journal alone.
    log.hive(&format!("drop table {}.killed", log.database)).await;
    show(&log, &[(1, "x", false), (3, "c", false), (4, "d", false)], 4).await;
    let summary = apply(&args).await.unwrap();
    assert_eq!((summary.outcome, summary.rows_out), (Outcome::Done, 5), "{}", summary.detail);
    assert_eq!(beeline(&history), expected);
    log.close().await;
}
