//! The record of an incremental import beside data that somebody took away: it is noticed, and the import says how to
//! go on instead of passing rows over.

use sakia::error::Kind;
use sakia::telemetry::summary::Outcome;

use super::Scene;
use crate::stack::hdfs_shell;

const EVENTS: &str = "CREATE TABLE events (id BIGINT PRIMARY KEY, v INT, changed TIMESTAMP(3) NOT NULL)";

fn fill(from: u32, to: u32) -> String {
    format!("INSERT INTO events SELECT seq, seq, '2024-01-01 10:00:00' FROM seq_{from}_to_{to}")
}

/// The table above the section of the incremental options.
const APPEND: &str = "incremental = { mode = 'append', check-column = 'id'";

impl Scene {
    fn remove_first_file(&self, table: &str) {
        let listed = hdfs_shell(&["dfs", "-ls", "-C", &self.target(table)]);
        let file = listed.lines().find(|path| path.contains("/part-")).unwrap();
        hdfs_shell(&["dfs", "-rm", "-skipTrash", file]);
    }

    fn ids(&self, table: &str) -> Vec<String> {
        self.hive(&format!("select id from @db.{table} order by id")).concat()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_directory_is_gone_are_missed() {
    let mut scene = Scene::set(&[EVENTS, &fill(1, 2)]).await;
    assert_eq!(scene.import("events", &format!("{APPEND} }}")).await.rows_out, 2);
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &scene.target("events")]);
    for _ in 0..2 {
        let error = scene.try_import("events", &format!("{APPEND} }}")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{error}");
        assert!(error.to_string().contains("are gone"), "{error}");
        let hint = error.remedy().unwrap();
        assert!(hint.contains("existing delete") && hint.contains("missing-files ignore goes on after 2"), "{hint}");
    }
    scene.sql(&fill(3, 3)).await;
    let anew = scene.import("events", &format!("existing = 'delete'\n{APPEND} }}")).await;
    assert_eq!((anew.rows_out, anew.last_value.as_deref()), (3, Some("3")));
    assert_eq!(scene.ids("events"), ["1", "2", "3"]);
    scene.sql(&fill(4, 4)).await;
    assert_eq!(scene.import("events", &format!("{APPEND} }}")).await.rows_out, 1, "the record is good again");
    // A value to start after says all that is needed where nothing is left.
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &scene.target("events")]);
    assert_eq!(scene.import("events", &format!("{APPEND}, last-value = '1' }}")).await.rows_out, 3);
    assert_eq!(scene.ids("events"), ["2", "3", "4"]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_file_of_any_run_is_missed_until_it_is_said_to_be_gone_for_good() {
    let mut scene = Scene::set(&[EVENTS, &fill(1, 2)]).await;
    scene.import("events", &format!("{APPEND} }}")).await;
    scene.sql(&fill(3, 4)).await;
    scene.import("events", &format!("{APPEND} }}")).await;
    scene.remove_first_file("events");
    let error = scene.try_import("events", &format!("{APPEND} }}")).await.unwrap_err();
    assert!(error.to_string().contains("1 of the files"), "{error}");
    scene.sql(&fill(5, 5)).await;
    assert_eq!(scene.import("events", &format!("{APPEND}, missing-files = 'ignore' }}")).await.rows_out, 1);
    let unchanged = scene.import("events", &format!("{APPEND} }}")).await;
    assert_eq!(unchanged.outcome, Outcome::Unchanged, "once is enough");
    assert_eq!(scene.ids("events").len(), 3);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_rows_whose_file_is_gone_are_missed_and_a_dropped_table_is_registered_again() {
    let mut scene = Scene::set(&[EVENTS, &fill(1, 3)]).await;
    let merging = "incremental = { mode = 'lastmodified', check-column = 'changed', merge-key = ['id'] }";
    scene.import("events", merging).await;
    scene.hive("drop table @db.events");
    assert_eq!(scene.import("events", merging).await.outcome, Outcome::Unchanged);
    assert_eq!(scene.ids("events"), ["1", "2", "3"]);
    scene.remove_first_file("events");
    let error = scene.try_import("events", merging).await.unwrap_err();
    assert!(error.to_string().contains("are gone"), "{error}");
    scene.sql("UPDATE events SET v = 30, changed = NOW(3) WHERE id = 3").await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(scene.import("events", &format!("existing = 'delete'\n{merging}")).await.rows_out, 3);
    assert_eq!(scene.hive("select count(*), sum(v) from @db.events"), [["3", "33"]]);
    scene.clear().await;
}
