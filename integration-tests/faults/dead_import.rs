//! A DataNode killed in the middle of an import in three copies: the job does not fail, and the target holds every row.

use std::process::Stdio;
use std::time::{Duration, Instant};

use sakia::storage::{DeleteOptions, hdfs};

use super::dead_datanode::DeadDataNode;
use crate::stack::{self, address, root, sakia, setting, tool, unique};

const ROWS: u64 = 600_000;

fn mariadb(sql: &str) -> String {
    String::from_utf8_lossy(&tool("mariadb", &["--batch", "--skip-column-names", "-e", sql])).into_owned()
}

/// The command line of an import or a comparison of the table.
fn command(name: &str, database: &str, conf: &std::path::Path) -> std::process::Command {
    let mut command = sakia();
    command.args([
        name,
        "--connect",
        &format!("mysql://{}@{}/{database}", setting("SHOP_USER"), address("MARIADB_PORT")),
        "--password-file",
        &root().join(setting("SHOP_PASSWORD_FILE")).display().to_string(),
        "--hdfs-url",
        &format!("hdfs://{}", address("NAMENODE_PORT")),
        "--hdfs-config-dir",
        &conf.display().to_string(),
        "--hdfs-user",
        "root",
        "--table",
        "ledger",
        "--target-dir",
        &format!("/tmp/{database}/ledger"),
    ]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_killed_in_the_middle_of_an_import_loses_no_row() {
    let database = unique("it_dead");
    mariadb(&format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE ledger (id INT PRIMARY KEY, a CHAR(64) NOT NULL, b CHAR(64) NOT NULL);
         INSERT INTO ledger SELECT seq, SHA2(seq, 256), SHA2(seq + 0.5, 256) FROM seq_1_to_{ROWS}; ANALYZE TABLE ledger"
    ));
    let conf = tempfile::tempdir().unwrap();
    let site = |settings: &[(&str, &str)]| {
        let property = |(n, v): &(&str, &str)| format!("<property><name>{n}</name><value>{v}</value></property>");
        format!("<configuration>{}</configuration>", settings.iter().map(property).collect::<String>())
    };
    std::fs::write(conf.path().join("core-site.xml"), site(&[])).unwrap();
    let hdfs_site = site(&[("dfs.replication", "3"), ("dfs.client.use.datanode.hostname", "true")]);
    std::fs::write(conf.path().join("hdfs-site.xml"), hdfs_site).unwrap();

    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let import = command("import", &database, conf.path())
        .args(["--as", "text"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let state = format!("/tmp/{database}/.sakia/ledger");
    loop {
        let stages = fs.list(&state).await.unwrap_or_default();
        let stage = stages.iter().find(|f| f.name().starts_with("stage-"));
        let files = match stage {
            Some(stage) => fs.list(&format!("{}/data", stage.path)).await.unwrap_or_default(),
            None => Vec::new(),
        };
        if files.len() >= 2 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the import does not begin");
    }
    let dead = DeadDataNode::kill(2);
    let done = import.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    println!("{:?} in all\n{said}", began.elapsed());
    assert!(done.status.success(), "{said}");
    assert!(said.contains("its rows are read again"), "no file was lost, this test shows nothing: {said}");

    let compared = command("verify", &database, conf.path()).output().unwrap();
    let report = String::from_utf8_lossy(&compared.stderr).into_owned();
    assert!(compared.status.success(), "{report}");
    dead.back();
    let lines = stack::hdfs_shell(&["dfs", "-cat", &format!("/tmp/{database}/ledger/*")]).lines().count();
    assert_eq!(lines as u64, ROWS, "as the stock shell reads it");
    fs.delete(&format!("/tmp/{database}"), DeleteOptions { recursive: true }).await.unwrap();
    mariadb(&format!("DROP DATABASE {database}"));
}
