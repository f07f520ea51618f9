//! A server of another kind, in a container of its own: without a binlog its snapshots say nothing of their position,
//! so an import reads through one connection, says so, and still knows a table that did not change.

use std::sync::Arc;

use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::telemetry::summary::Outcome;
use sakia::transfer::{Ends, import};

use crate::container::mariadb;
use crate::stack::root;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
CREATE DATABASE lone;
CREATE USER lone;
GRANT SELECT ON lone.* TO lone;
CREATE TABLE lone.numbers (id INT PRIMARY KEY, text VARCHAR(20) COMMENT 'what it is called');
INSERT INTO lone.numbers SELECT seq, concat('number ', seq) FROM lone.seq_1_to_5000;
";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_binlog_one_connection_reads_all() {
    let server = mariadb(SETUP, "--skip-log-bin");
    let port = server.port();
    let url = Some(format!("mysql://lone@127.0.0.1:{port}/lone"));
    let client = MySqlClient::new(&MySqlOptions { url, ..Default::default() }, root()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
    let args = sakia::config::parse("table = 'numbers'\ntarget-dir = '/numbers'\nnum-mappers = 4", "test").unwrap();

    let first = import::run(&args, &Ends::new(&client, &cluster), "it-1", &Stop::new()).await.unwrap();
    assert_eq!((first.outcome, first.rows_in, first.rows_out), (Outcome::Done, 5000, 5000));
    assert!(
        first.detail.contains("snapshot without a position") && first.detail.contains("names no binlog position"),
        "{}",
        first.detail
    );
    let second = import::run(&args, &Ends::new(&client, &cluster), "it-2", &Stop::new()).await.unwrap();
    assert_eq!((second.outcome, second.rows_in, second.rows_out), (Outcome::Unchanged, 5000, 0));
}
