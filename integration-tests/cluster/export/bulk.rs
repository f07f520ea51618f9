//! Many rows: ranges of one file over several connections lose and double none; conflicts are tried again; a stop
//! ends at once and leaves whole transactions. The speed of a million rows is printed by a test that runs on request.

use std::fmt::Write;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use sakia::shutdown::Stop;

use super::{Scene, connect};

const ORDERS: &str = "CREATE TABLE t (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, customer_id INT NOT NULL, sku CHAR(10) NOT NULL, \
    qty SMALLINT NOT NULL, price DECIMAL(12,2) NOT NULL, discount DOUBLE NULL, \
    status ENUM('new','paid','shipped','returned') NOT NULL, created_at DATETIME(6) NOT NULL, updated_at TIMESTAMP NOT NULL, \
    ship_date DATE NULL, email VARCHAR(80) NOT NULL, note VARCHAR(255) NULL)";

fn orders(rows: u64) -> String {
    let mut text = String::new();
    for n in 1..=rows {
        let status = ["new", "paid", "shipped", "returned"][(n % 4) as usize];
        let discount = if n % 5 == 0 { "null".to_owned() } else { format!("0.{}", n * 7919 % 1_000_003) };
        let ship = if n % 10 == 0 { "null".to_owned() } else { format!("2024-{:02}-{:02}", n % 12 + 1, n % 28 + 1) };
        let note = if n % 3 == 0 {
            "null".to_owned()
        } else {
            format!("leave at the door {:032x} – café ☕", u128::from(n) * 0x9e37_79b9_7f4a_7c15_f39c)
        };
        writeln!(
            text,
            "{n},{},SKU{:07},{},{}.{:02},{discount},{status},2024-{:02}-{:02} {:02}:{:02}:{:02}.{:06},2024-01-01 00:00:{:02}.0,{ship},user{}@example{}.com,{note}",
            n * 31 % 500_000, n * 7919 % 1_000_000, n % 9 + 1, n % 10_000, n % 100, n % 12 + 1, n % 28 + 1, n % 24, n % 60, n % 59,
            n % 1_000_000, n % 60, n % 500_000, n % 20
        )
        .unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_a_file_lose_and_double_nothing() {
    let mut scene = Scene::set(&[ORDERS]).await;
    scene.file("in/part-m-00000", orders(120_000));
    let summary = scene.export("table = 't'\nexport-dir = '/in'\nrows-per-statement = 1000\n").await;
    assert!(summary.bytes > 20 << 20, "several ranges: {}", summary.bytes);
    assert_eq!((summary.rows_in, summary.rows_out), (120_000, 120_000));
    let sums = scene
        .rows("SELECT COUNT(*), SUM(id), SUM(qty), COUNT(note), SUM(MICROSECOND(created_at)) FROM t")
        .await
        .concat();
    let of = |f: &dyn Fn(u64) -> u64| (1..=120_000u64).map(f).sum::<u64>().to_string();
    let want = ["120000".to_owned(), of(&|n| n), of(&|n| n % 9 + 1), of(&|n| u64::from(n % 3 != 0)), of(&|n| n)];
    assert_eq!(sums, want);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_within_seconds_and_leaves_whole_transactions() {
    let mut scene = Scene::set(&[ORDERS]).await;
    scene.file("in/0", orders(150_000));
    for connections in [1, 4] {
        scene.rows("DELETE FROM t").await;
        let (stop, name) = (Stop::new(), scene.name.clone());
        let first_rows = async {
            let (mut conn, query) = (connect().await, format!("SELECT COUNT(*) FROM {name}.t"));
            while conn.query_first::<u64, _>(&query).await.unwrap() == Some(0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.request(15);
            Instant::now()
        };
        let args = format!("table = 't'\nexport-dir = '/in'\nrows-per-statement = 10\nnum-mappers = {connections}\n");
        let (exported, stopped) = tokio::join!(scene.try_until(&args, &stop), async {
            tokio::time::timeout(Duration::from_secs(60), first_rows).await.expect("rows become visible")
        });
        let took = stopped.elapsed();
        let error = exported.unwrap_err();
        let visible = scene.count("t").await;
        assert_eq!(error.exit_code(), 143, "{error}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        let said = error.to_string();
        let (committed, in_doubt) = (before(&said, " rows are committed"), before(&said, " more may be"));
        if connections == 1 {
            assert!([committed, committed + in_doubt].contains(&visible), "{visible} are visible: {said}");
        }
        assert!((committed..=committed + in_doubt).contains(&visible), "{visible} are visible: {said}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(scene.count("t").await, visible, "nobody writes any more");
    }
    scene.clear().await;
}

/// The number that stands before these words; 0 where they are not there.
fn before(said: &str, words: &str) -> u64 {
    let Some((text, _)) = said.split_once(words) else { return 0 };
    text.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_conflict_is_tried_again() {
    for mode in ["update-only", "allow-insert"] {
        conflict(mode).await;
    }
}

async fn conflict(mode: &str) {
    let mut scene =
        Scene::set(&["CREATE TABLE t (a INT PRIMARY KEY, b INT)", "INSERT INTO t SELECT seq, 0 FROM seq_1_to_2000"])
            .await;
    let name = scene.name.clone();
    // Somebody holds a row and waits for another one that the export holds by then: one of the two loses.
    let mut rival = connect().await;
    rival.query_drop(format!("USE {name}")).await.unwrap();
    rival.query_drop("BEGIN").await.unwrap();
    // Heavy on rows, so that the server lets the export lose.
    rival.query_drop("INSERT INTO t SELECT seq, 0 FROM seq_10001_to_30000").await.unwrap();
    rival.query_drop("UPDATE t SET b = -1 WHERE a = 2000").await.unwrap();
    scene.file("in/0", (1..=2000).map(|n| format!("{n},{n}\n")).collect::<String>());
    let mut watch = connect().await;
    let other = tokio::spawn(async move {
        let waits = format!(
            "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p \
             ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = '{name}'"
        );
        // Read more often than each 100 ms, INNODB_TRX shows what it showed before.
        while watch.query_first::<u64, _>(&waits).await.unwrap() == Some(0) {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        let _ = rival.query_drop("UPDATE t SET b = -1 WHERE a = 1").await;
        rival.query_drop("COMMIT").await.unwrap();
    });
    let args =
        format!("table = 't'\nexport-dir = '/in'\nupdate-key = ['a']\nupdate-mode = '{mode}'\nnum-mappers = 1\n");
    let summary = scene.export(&args).await;
    other.await.unwrap();
    assert!(summary.detail.contains("tried again"), "{}", summary.detail);
    assert_eq!((summary.rows_in, summary.rows_out), (2000, 2000));
    assert_eq!(scene.rows("SELECT COUNT(*) FROM t WHERE a = b").await.concat(), ["2000"]);
    scene.clear().await;
}
