//! Tables whole: splits, partitions, empty ones, second runs and changed ones.

use sakia::telemetry::summary::Outcome;
use sakia::transfer::args::ImportArgs;

use super::Scene;

const ORDERS: &str = "CREATE TABLE orders (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, customer BIGINT UNSIGNED NULL,
    at DATETIME(6) NULL, total DECIMAL(14,3) NOT NULL, country VARCHAR(40) NOT NULL, KEY (customer))";

const FILL: &str = "INSERT INTO orders SELECT seq * 7, IF(seq % 10 = 0, NULL, seq % 97),
    IF(seq = 1, NULL, '2010-12-01 08:26:00' + INTERVAL seq HOUR), seq / 8, ELT(1 + seq % 3, 'France', 'EIRE', 'a/b=c')
    FROM seq_1_to_9000";

#[tokio::test(flavor = "multi_thread")]
async fn splits_over_any_key_lose_and_double_nothing() {
    let many = FILL.replace("seq_1_to_9000", "seq_1_to_60000");
    let scene = Scene::set(&[ORDERS, &many, "ANALYZE TABLE orders"]).await;
    let sum = "select count(*), count(distinct id), cast(sum(total) as string) from @db.orders";
    let want = vec![vec!["60000".to_owned(), "60000".to_owned(), "225003750.000".to_owned()]];
    for split_by in ["id", "customer", "at", "total"] {
        let summary = scene.import("orders", &format!("split-by = '{split_by}'")).await;
        assert_eq!((summary.rows_in, summary.rows_out), (60_000, 60_000), "{split_by}");
        assert!(summary.files >= 4, "{split_by}: {} files", summary.files);
        assert!(summary.detail.starts_with("snapshot binlog.") || summary.detail.contains(':'), "{}", summary.detail);
        assert_eq!(scene.hive(sum), want, "{split_by}");
    }
    let chosen = "columns = ['total', 'id']\nwhere = \"country = 'EIRE' OR id < 8\"\nnum-mappers = 2";
    let summary = scene.import_into("orders", "chosen", chosen).await;
    assert_eq!(summary.rows_out, 20_000);
    assert_eq!(scene.hive("select count(*), min(id) from @db.chosen"), [["20000", "7"]]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_hold_their_rows_and_a_second_run_touches_nothing() {
    let mut scene = Scene::set(&[ORDERS, FILL]).await;
    let by = "partition-by = 'order_month=month(at),country=country'";
    let first = scene.import("orders", by).await;
    assert_eq!((first.outcome, first.rows_out), (Outcome::Done, 9000));
    let months = "select order_month, count(*), min(cast(at as string)) from @db.orders group by order_month
        order by order_month limit 3";
    let seen = scene.hive(months);
    assert_eq!(seen[0], ["2010-12", "734", "2010-12-01 10:26:00"]);
    assert_eq!(seen[1][..2], ["2011-01", "744"]);
    let odd = "select count(*), sum(id) from @db.orders where country = 'a/b=c'";
    assert_eq!(scene.hive(odd)[0][0], "3000");
    let partitions = scene.hive("show partitions @db.orders");
    assert!(partitions.contains(&vec!["order_month=__HIVE_DEFAULT_PARTITION__/country=EIRE".to_owned()]));

    let files = scene.visible("orders").await;
    let second = scene.import("orders", by).await;
    assert_eq!((second.outcome, second.rows_out, second.files), (Outcome::Unchanged, 0, 0));
    assert_eq!(scene.visible("orders").await, files);

    scene.sql("DELETE FROM orders WHERE country = 'a/b=c'").await;
    let third = scene.import("orders", by).await;
    assert_eq!((third.outcome, third.rows_out), (Outcome::Done, 6000));
    assert_eq!(scene.hive(odd)[0][0], "0");
    assert!(scene.hive("show partitions @db.orders").iter().all(|p| !p[0].contains("a%2Fb")));
    scene.clear().await;
}

/// Without an index on the key, and of a query, the boundaries come from a sample drawn at random.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_did_not_change_lie_in_the_same_files_also_when_cut_again() {
    let many = FILL.replace("seq_1_to_9000", "seq_1_to_60000");
    let mut scene = Scene::set(&[ORDERS, &many, "ANALYZE TABLE orders"]).await;
    let target = scene.target("of_query");
    let query = format!(
        "query = 'SELECT o.id, o.total FROM orders o WHERE $CONDITIONS'\nsplit-by = 'id'\ntarget-dir = '{target}'"
    );
    let query: ImportArgs = sakia::config::parse(&query, "test").unwrap();
    for args in [
        scene.args_into("orders", "by_sample", "split-by = 'total'"),
        scene.args_into("orders", "by_index", "split-by = 'customer'"),
        query,
    ] {
        let first = scene.run(&args).await;
        assert_eq!((first.outcome, first.rows_out), (Outcome::Done, 60_000), "{first:?}");
        assert!(first.files >= 4, "{first:?}");
        scene.sql("CREATE OR REPLACE TABLE moves_the_position (n INT)").await;
        let second = scene.run(&args).await;
        assert_eq!((second.outcome, second.rows_in, second.rows_out), (Outcome::Unchanged, 60_000, 0), "{second:?}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries_that_became_uneven_are_made_anew() {
    let many = FILL.replace("seq_1_to_9000", "seq_1_to_60000");
    let mut scene = Scene::set(&[ORDERS, &many, "ANALYZE TABLE orders"]).await;
    let first = scene.import("orders", "").await;
    scene.sql(&FILL.replace("seq_1_to_9000", "seq_60001_to_95000")).await;
    scene.sql("ANALYZE TABLE orders").await;
    let grown = scene.import("orders", "").await;
    assert_eq!((grown.outcome, grown.rows_out, grown.files), (Outcome::Done, 95_000, first.files));
    let anew = scene.import("orders", "").await;
    assert!(anew.outcome == Outcome::Done && anew.files > first.files, "{anew:?} after {first:?}");
    scene.sql("CREATE TABLE moves_the_position (n INT)").await;
    let again = scene.import("orders", "").await;
    assert_eq!((again.outcome, again.rows_in), (Outcome::Unchanged, 95_000));
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_is_a_table() {
    let scene = Scene::set(&[ORDERS]).await;
    for (more, table) in [("", "plain"), ("partition-by = 'm=month(at)'", "parted")] {
        let first = scene.import_into("orders", table, more).await;
        assert_eq!((first.outcome, first.rows_out, first.files), (Outcome::Done, 0, 0));
        assert_eq!(scene.visible(table).await, Some(vec![]));
        assert_eq!(scene.hive(&format!("select count(*) from @db.{table}")), [["0"]]);
        assert_eq!(scene.import_into("orders", table, more).await.outcome, Outcome::Unchanged);
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_table_is_registered_again() {
    let scene = Scene::set(&[ORDERS, FILL]).await;
    scene.import("orders", "").await;
    scene.hive("drop table @db.orders");
    assert_eq!(scene.import("orders", "").await.outcome, Outcome::Unchanged);
    assert_eq!(scene.hive("select count(*) from @db.orders"), [["9000"]]);
    scene.clear().await;
}
