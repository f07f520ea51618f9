//! A NameNode in safe mode: named, waited for as long as asked, nothing half-visible, and the same command works
//! once it is over.

use std::time::{Duration, Instant};

use sakia::config::Timespan;
use sakia::error::Kind;
use sakia::storage::hdfs::{self, HdfsOptions};
use sakia::storage::{CreateOptions, DeleteOptions, write_whole};

use crate::stack::{self, address, beeline, hdfs_shell, sakia, unique};

/// Takes the NameNode into safe mode and out again, also when the test fails.
struct SafeMode;

impl SafeMode {
    fn enter() -> Self {
        hdfs_shell(&["dfsadmin", "-safemode", "enter"]);
        Self
    }
}

impl Drop for SafeMode {
    fn drop(&mut self) {
        hdfs_shell(&["dfsadmin", "-safemode", "leave"]);
    }
}

#[test]
fn a_namenode_in_safe_mode_is_named_and_the_same_command_works_later() {
    let name = unique("it_safe");
    let dir = tempfile::tempdir().unwrap();
    let pipeline = stack::import_of_customers(&name).replace("[hdfs]\n", "[hdfs]\nwait = 1\n");
    std::fs::write(dir.path().join("p.toml"), pipeline).unwrap();
    let run = || sakia().env("SAKIA_LOG", "off").args(["run", "p.toml"]).current_dir(dir.path()).output().unwrap();

    let safe_mode = SafeMode::enter();
    let output = run();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("safe mode") && errors.contains(&address("NAMENODE_PORT")), "{errors}");
    assert!(output.stdout.is_empty());
    // Hive cannot even open a session meanwhile.
    drop(safe_mode);
    assert!(!beeline("show databases").contains(&vec![name.clone()]));

    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(beeline(&format!("select count(*) from {name}.customers")), [["4372"]]);
    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/it/{name}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_mode_in_the_middle_of_the_work_is_waited_for() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let hasty = hdfs::connect(&HdfsOptions { wait: Some(Timespan::from_secs(1)), ..stack::hdfs() }).await.unwrap();
    let directory = format!("/tmp/{}", unique("safe_mode"));
    fs.mkdirs(&directory).await.unwrap();

    let safe_mode = SafeMode::enter();
    let began = Instant::now();
    let error = hasty.mkdirs(&format!("{directory}/hasty")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy, "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let leaving = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(2));
        drop(safe_mode);
    });
    let path = format!("{directory}/patient");
    write_whole(fs.as_ref(), &path, b"patient", CreateOptions::default()).await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(2), "the namenode was in safe mode until then");
    leaving.await.unwrap();
    assert_eq!(fs.read(&path).await.unwrap(), "patient");
    fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}
