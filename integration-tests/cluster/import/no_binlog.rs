//! A server of another kind, in a container of its own: without a binlog its snapshots say nothing of their position,
//! so an import reads through one connection, says so, and still knows a table that did not change.

use std::process::Command;
use std::sync::Arc;

use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::telemetry::summary::Outcome;
use sakia::transfer::{Ends, import};
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::stack::root;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
CREATE DATABASE lone;
CREATE USER lone;
GRANT SELECT ON lone.* TO lone;
CREATE TABLE lone.numbers (id INT PRIMARY KEY, text VARCHAR(20) COMMENT 'what it is called');
INSERT INTO lone.numbers SELECT seq, concat('number ', seq) FROM lone.seq_1_to_5000;
";

/// MariaDB from the stack's image, without a binlog and with a table of 5,000 rows.
async fn mariadb() -> ContainerAsync<GenericImage> {
    let reference = Command::new("bash").args(["-c", ". docker/bin/lib.sh; image_ref"]).current_dir(root()).output();
    let reference = String::from_utf8(reference.unwrap().stdout).unwrap();
    let (name, tag) = reference.trim().split_once(':').unwrap();
    let start = format!(
        "mariadb-install-db --no-defaults --datadir=/data --user=root --skip-test-db >/dev/null && \
         mkdir -p /run/mysqld && \
         exec mariadbd --no-defaults --datadir=/data --user=root --skip-log-bin --init-file=/init.sql"
    );
    GenericImage::new(name, tag)
        .with_exposed_port(3306.tcp())
        .with_wait_for(WaitFor::message_on_stderr("ready for connections"))
        .with_cmd(["bash", "-c", &start])
        .with_copy_to("/init.sql", SETUP.as_bytes().to_vec())
        .start()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_binlog_one_connection_reads_all() {
    let server = mariadb().await;
    let port = server.get_host_port_ipv4(3306).await.unwrap();
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
