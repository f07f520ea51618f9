//! The binary killed in the middle of an import, and told to stop: the same command goes on, and readers see the old
//! rows or the new ones, never a mixture.

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Scene;
use crate::stack::{address, root, sakia, setting};

const ROWS: u64 = 120_000;

/// A pipeline file that imports a table of the scene.
fn pipeline(scene: &Scene, table: &str, more: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(
        file,
        "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = '{name}'\n\
         password-file = '{root}/docker/shop.password'\n[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n\
         [metastore]\nurl = 'thrift://{metastore}'\n[[step]]\ntype = 'import'\nname = '{table}'\n\
         table = '{table}'\ntarget-dir = '{target}'\nhive-database = '{name}'\n{more}\n",
        port = setting("MARIADB_PORT"),
        name = scene.name,
        root = root().display(),
        namenode = address("NAMENODE_PORT"),
        metastore = address("METASTORE_PORT"),
        target = scene.target(table),
    )
    .unwrap();
    file
}

fn start(pipeline: &tempfile::NamedTempFile) -> Child {
    sakia().arg("import").arg(pipeline.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn ledger() -> Scene {
    Scene::set(&[
        "CREATE TABLE ledger (id INT PRIMARY KEY, round INT NOT NULL, note VARCHAR(100) NOT NULL)",
        &format!("INSERT INTO ledger SELECT seq, 0, MD5(seq) FROM seq_1_to_{ROWS}"),
    ])
    .await
}

/// The rounds that the rows seen by Hive are of, and how many rows there are.
fn seen(scene: &Scene) -> (Vec<String>, String) {
    let row = scene.hive("select min(round), max(round), count(*) from @db.ledger").remove(0);
    (row[..2].to_vec(), row[2].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_at_any_moment_is_finished_by_the_next() {
    let mut scene = ledger().await;
    let file = pipeline(&scene, "ledger", "");
    let began = Instant::now();
    assert!(start(&file).wait().unwrap().success());
    let whole = began.elapsed();
    let all = ROWS.to_string();
    for round in 1..=5u32 {
        scene.sql(&format!("UPDATE ledger SET round = {round}")).await;
        // Kills spread over the time that a whole import takes.
        let mut child = start(&file);
        std::thread::sleep(whole * (2 * round - 1) / 10);
        child.kill().unwrap();
        child.wait().unwrap();
        // Between the two renames that swap old and new there is nothing for an instant; otherwise all of one round.
        if scene.visible("ledger").await.is_some() {
            let (rounds, count) = seen(&scene);
            assert_eq!((rounds[0] == rounds[1], count.as_str()), (true, all.as_str()), "round {round}: {rounds:?}");
        }
        let done = start(&file).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "round {round}: {said}");
        assert_eq!(seen(&scene), (vec![round.to_string(); 2], all.clone()), "round {round}: {said}");
        let state = format!("/tmp/{}/.sakia/ledger", scene.name);
        let left: Vec<String> =
            scene.cluster.fs.list(&state).await.unwrap().iter().map(|f| f.name().to_owned()).collect();
        assert_eq!(left, ["manifest.json"], "round {round}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_an_import_in_time_and_says_how_to_go_on() {
    let mut scene = ledger().await;
    let file = pipeline(&scene, "ledger", "");
    assert!(start(&file).wait().unwrap().success());
    scene.sql("UPDATE ledger SET round = 1").await;
    let child = start(&file);
    until("it takes the signal", async || takes_sigterm(child.id())).await;
    let asked = Instant::now();
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // Whoever was quicker than the signal is done and right as well.
    match done.status.code() {
        Some(143) => {
            assert!(said.contains("run the same command again"), "{said}");
            assert_eq!(seen(&scene).0, ["0", "0"]);
        }
        code => assert_eq!((code, seen(&scene).0), (Some(0), vec!["1".to_owned(); 2]), "{said}"),
    }
    scene.clear().await;
}

/// Whether a process has a handler for SIGTERM by now, as proc(5) tells.
fn takes_sigterm(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

/// Waits until something is true.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_sees_the_partitions_of_one_load_whenever_the_next_is_killed() {
    let mut scene = Scene::set(&[
        "CREATE TABLE parted (id INT PRIMARY KEY, p INT NOT NULL, v INT NOT NULL)",
        "INSERT INTO parted SELECT seq, seq % 40, 0 FROM seq_1_to_3000",
    ])
    .await;
    let file = pipeline(&scene, "parted", "partition-by = 'part=p'");
    assert!(start(&file).wait().unwrap().success());
    scene.sql("DELETE FROM parted").await;
    // Half of the partitions are gone, half of them are new.
    scene.sql("INSERT INTO parted SELECT seq, 20 + seq % 40, 1 FROM seq_1_to_5000").await;

    let newest = format!("{}/part=59", scene.target("parted"));
    // The rows that a query reads, and the rows that Hive may answer from what it was told.
    let query = "select min(v), max(v), count(*) from @db.parted; select count(*) from @db.parted";
    let (old, new) = ([["0", "0", "3000"].as_slice(), &["3000"]], [["1", "1", "5000"].as_slice(), &["5000"]]);

    let mut child = start(&file);
    until("the new partition is prepared", async || scene.cluster.fs.stat(&newest).await.unwrap().is_some()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = scene.hive(query);
    assert!(seen == old || seen == new, "killed before the swap: {seen:?}");

    let mut child = start(&file);
    let holds_files = async || scene.cluster.fs.list(&newest).await.is_ok_and(|files| !files.is_empty());
    until("the new files are in their place", holds_files).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.hive(query), new, "killed after the swap");

    let done = start(&file).wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(scene.hive("show partitions @db.parted").len(), 40);
    assert_eq!(scene.visible("parted").await.unwrap().len(), 40, "no empty directory stays");
    scene.clear().await;
}
