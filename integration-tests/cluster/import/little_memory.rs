//! An import where there is little memory: a limit of 128 MiB, above which the system ends the process.

use std::process::Command;

use super::Scene;
use crate::stack::{address, image, root, setting};

const ROWS: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_larger_than_a_limit_of_128_mib_is_imported_within_it() {
    let scene = Scene::set(&[
        "CREATE TABLE ledger (id INT PRIMARY KEY, a CHAR(64) NOT NULL, b CHAR(64) NOT NULL, c VARCHAR(80) NOT NULL)",
        &format!(
            "INSERT INTO ledger SELECT seq, SHA2(seq, 256), SHA2(seq + 0.5, 256), REPEAT('x', seq % 80) \
             FROM seq_1_to_{ROWS}"
        ),
    ])
    .await;
    let mut run = Command::new("docker");
    run.args(["run", "--rm", "--network", "host", "--memory", "128m", "--memory-swap", "128m"]);
    run.args(["--volume", &format!("{}:/sakia:ro", env!("CARGO_BIN_EXE_sakia"))]);
    run.args(["--volume", &format!("{}:/password:ro", root().join(setting("SHOP_PASSWORD_FILE")).display())]);
    run.args([&image(), "/sakia", "import", "--password-file", "/password", "--hdfs-user", "root"]);
    run.args(["--connect", &format!("mysql://{}@{}/{}", setting("SHOP_USER"), address("MARIADB_PORT"), scene.name)]);
    run.args(["--hdfs-url", &format!("hdfs://{}", address("NAMENODE_PORT"))]);
    run.args(["--table", "ledger", "--target-dir", &scene.target("ledger"), "--num-mappers", "4"]);
    run.args(["--hive-database", &scene.name, "--hive-table", "ledger"]);
    run.args(["--metastore-url", &format!("thrift://{}", address("METASTORE_PORT"))]);
    let done = run.output().unwrap();
    assert!(done.status.success(), "{}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    let seen = scene.hive("select count(*), sum(id), sum(length(c)) from @db.ledger");
    let letters: u64 = (1..=ROWS).map(|n| n % 80).sum();
    assert_eq!(seen, [[ROWS, ROWS * (ROWS + 1) / 2, letters].map(|number| number.to_string())]);
    scene.clear().await;
}
