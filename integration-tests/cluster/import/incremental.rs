//! Only what is new, or changed: the state moves with the data, a row on the bound belongs to one run, and changed rows
//! take the place of their old versions in every format.

use sakia::telemetry::summary::Outcome;

use super::Scene;

const EVENTS: &str = "CREATE TABLE events (id BIGINT PRIMARY KEY, note VARCHAR(40) NOT NULL)";

fn fill(from: u32, to: u32) -> String {
    format!("INSERT INTO events SELECT seq, CONCAT('event ', seq) FROM seq_{from}_to_{to}")
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_are_added_once() {
    let mut scene = Scene::set(&[EVENTS]).await;
    let options = "[incremental]\nmode = 'append'\ncheck-column = 'id'";
    let empty = scene.import("events", options).await;
    assert_eq!((empty.rows_out, empty.last_value), (0, None));
    scene.sql(&fill(1, 30_000)).await;
    let first = scene.import("events", options).await;
    assert_eq!((first.outcome, first.rows_out, first.last_value.as_deref()), (Outcome::Done, 30_000, Some("30000")));
    scene.sql(&fill(30_001, 30_010)).await;
    let second = scene.import("events", options).await;
    assert_eq!((second.rows_out, second.last_value.as_deref()), (10, Some("30010")));
    let third = scene.import("events", options).await;
    assert_eq!((third.outcome, third.rows_out, third.last_value.as_deref()), (Outcome::Unchanged, 0, Some("30010")));
    // A replica that is behind takes over: it does not have the last rows yet. Then it has them, and five more.
    scene.sql("DELETE FROM events WHERE id > 30003").await;
    let behind = scene.import("events", options).await;
    assert_eq!((behind.rows_out, behind.last_value.as_deref()), (0, Some("30010")), "{}", behind.detail);
    assert!(behind.detail.contains("30003") && behind.detail.contains("30010"), "{}", behind.detail);
    scene.sql(&fill(30_004, 30_015)).await;
    assert_eq!(scene.import("events", options).await.rows_out, 5);
    let counted = scene.hive("select count(*), count(distinct id), max(id) from @db.events");
    assert_eq!(counted, [["30015", "30015", "30015"]]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_can_begin_after_a_value() {
    let scene = Scene::set(&[EVENTS, &fill(1, 20)]).await;
    let options = "[incremental]\nmode = 'append'\ncheck-column = 'id'\nlast-value = '15'";
    assert_eq!(scene.import("events", options).await.rows_out, 5);
    // The state beside the data wins over what is typed again.
    let again = scene.import("events", options).await;
    assert_eq!((again.outcome, again.rows_out), (Outcome::Unchanged, 0));
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rows_take_the_place_of_their_old_versions() {
    let mut scene = Scene::set(&[
        "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(40) NULL, changed TIMESTAMP(3) NOT NULL)",
        "INSERT INTO people SELECT seq, CONCAT('name ', seq), '2024-01-01 10:00:00' FROM seq_1_to_25000",
    ])
    .await;
    for format in ["parquet", "avro", "text", "sequence"] {
        let options = |table: &str| {
            let (name, target) = (&scene.name, scene.target(table));
            format!(
                "table = 'people'\ntarget-dir = '{target}'\nhive-database = '{name}'\nhive-table = '{table}'\n\
                 as = '{format}'\n[incremental]\nmode = 'lastmodified'\ncheck-column = 'changed'\nmerge-key = ['id']"
            )
        };
        let table = format!("people_{format}");
        let args = sakia::config::parse(&options(&table), "test").unwrap();
        let first = scene.run(&args).await;
        assert_eq!(first.rows_out, 25_000, "{format}");
        scene.sql("UPDATE people SET name = CONCAT('changed ', id), changed = NOW(3) WHERE id IN (7, 24999)").await;
        scene
            .sql("INSERT INTO people VALUES (25001, 'new, and odd\\\\', NOW(3)), (25002, 'the future', '2037-01-01')")
            .await;
        // The bound of a run is the time before its snapshot: what is stamped with this very moment waits for the next.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let second = scene.run(&args).await;
        assert_eq!(second.rows_out, 3, "{format}: {}", second.detail);
        assert!(second.detail.contains("2 older rows replaced"), "{format}: {}", second.detail);
        let counted = scene.hive(&format!(
            "select count(*), count(distinct id), count(if(name like 'changed %', 1, null)), max(id) from @db.{table}"
        ));
        assert_eq!(counted, [["25001", "25001", "2", "25001"]], "{format}");
        let third = scene.run(&args).await;
        assert_eq!((third.outcome, third.rows_out), (Outcome::Unchanged, 0), "{format}");
        scene.sql("DELETE FROM people WHERE id > 25000").await;
        scene.sql("UPDATE people SET name = CONCAT('name ', id), changed = '2024-01-01 10:00:00'").await;
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_incremental_is_refused() {
    let scene = Scene::set(&[EVENTS, &fill(1, 3)]).await;
    let text = "[incremental]\nmode = 'append'\ncheck-column = 'note'";
    let error = scene.try_import("events", text).await.unwrap_err();
    assert!(error.to_string().contains("check column note"), "{error}");
    scene.import("events", "[incremental]\nmode = 'append'\ncheck-column = 'id'").await;
    let error = scene.try_import("events", "").await.unwrap_err();
    assert!(error.to_string().contains("holds the files of appending loads"), "{error}");
    scene.clear().await;
}
