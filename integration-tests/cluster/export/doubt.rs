//! Exports that end between a COMMIT and its answer: they do not know what became of its rows, and say so.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use sakia::error::Effect;
use sakia::mysql::{MySqlOptions, SslMode};
use sakia::shutdown::Stop;

use super::{Scene, connect};
use crate::gate::{Gate, Lost};
use crate::stack::{self, setting};

/// Stops an export of 500 rows when they are visible in `t`, while it waits for the answer to the COMMIT of a number.
async fn stopped_at(commit: usize, more: &str) -> String {
    let gate = Gate::losing(&stack::address("MARIADB_PORT"), b"\x03COMMIT", commit, Lost::Silence);
    let options = MySqlOptions {
        url: Some(format!("mysql://{}@{}", setting("SHOP_USER"), gate.address())),
        password_file: Some(setting("SHOP_PASSWORD_FILE").into()),
        ssl_mode: Some(SslMode::Disabled),
        ..Default::default()
    };
    let tables = ["CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE staged LIKE t"];
    let scene = Scene::at(connect().await, options, &tables).await;
    scene.file("in/0", (0..500).map(|n| format!("{n}\n")).collect::<String>());
    let stop = Stop::new();
    let visible = async {
        let (mut conn, query) = (connect().await, format!("SELECT COUNT(*) FROM {}.t", scene.name));
        while conn.query_first::<u64, _>(&query).await.unwrap() != Some(500) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.request(15);
    };
    let args = format!("table = 't'\nexport-dir = '/in'\nnum-mappers = 1\n{more}");
    let (exported, ()) = tokio::join!(scene.try_until(&args, &stop), visible);
    let error = exported.unwrap_err();
    assert_eq!((error.exit_code(), error.left()), (143, Effect::Partial), "{error}");
    let said = error.to_string().replace(&scene.name, "db");
    scene.clear().await;
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_commit_without_an_answer_are_said_to_be_in_doubt() {
    let said = stopped_at(1, "").await;
    assert!(said.contains("0 rows are committed to db.t and stay, 500 more may be, the rest is not"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_from_the_staging_table_without_an_answer_is_said_to_be_in_doubt() {
    let said = stopped_at(2, "staging-table = 'staged'\n").await;
    assert!(said.contains("500 rows may have been moved from db.staged to db.t"), "{said}");
}
