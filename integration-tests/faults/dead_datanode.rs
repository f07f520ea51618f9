//! A DataNode killed in the middle of a write, while the NameNode still takes it for alive: the file is lost, the next
//! try goes another way and arrives, reading goes on, and once the node is back files are written natively again.

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sakia::error::Kind;
use sakia::storage::{CreateOptions, DeleteOptions, Filesystem, hdfs, write_whole};
use sha2::{Digest, Sha256};

use crate::stack::{self, hdfs_shell, setting, unique};

const SLICE_BYTES: usize = 1 << 20;
const SLICES: usize = 160;
const OVER: CreateOptions = CreateOptions { overwrite: true, replication: Some(3) };

/// Kills one DataNode without a farewell, and brings it back, also when the test fails.
pub struct DeadDataNode(String);

impl DeadDataNode {
    pub fn kill(number: u32) -> Self {
        let container = format!("{}-datanode{number}", setting("COMPOSE_PROJECT_NAME"));
        docker(&["kill", "--signal", "KILL", &container]);
        Self(container)
    }

    /// Starts it again and waits until the NameNode knows it.
    pub fn back(self) {
        drop(self);
        let began = Instant::now();
        while !hdfs_shell(&["dfsadmin", "-report"]).contains(&format!("Live datanodes ({})", setting("LIVE_DATANODES")))
        {
            assert!(began.elapsed() < Duration::from_secs(90), "the datanode does not come back");
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

impl Drop for DeadDataNode {
    fn drop(&mut self) {
        docker(&["start", &self.0]);
    }
}

fn docker(args: &[&str]) {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the program logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(text)
    }
}

/// No two slices are alike, so that a block in the wrong place shows.
fn slice(number: usize) -> Bytes {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let word = |n: usize| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        (1..=SLICE_BYTES / 8).flat_map(word).collect()
    });
    let mut bytes = NOISE.clone();
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

/// Writes the file and gives its length; `at` is called in the middle of it.
async fn write(fs: &dyn Filesystem, path: &str, at: impl FnOnce()) -> sakia::error::Result<u64> {
    let mut file = fs.create(path, OVER).await?;
    let mut at = Some(at);
    for number in 0..SLICES {
        if number == SLICES / 4 {
            at.take().into_iter().for_each(|at| at());
        }
        file.write(slice(number)).await?;
    }
    file.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_killed_in_the_middle_of_a_write_costs_one_try() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let directory = format!("/tmp/{}", unique("dead_datanode"));
    let (path, old) = (format!("{directory}/big"), format!("{directory}/old"));
    write_whole(fs.as_ref(), &old, b"written before", OVER).await.unwrap();

    let mut dead = None;
    let began = Instant::now();
    let first = write(fs.as_ref(), &path, || dead = Some(DeadDataNode::kill(2))).await;
    let dead = dead.expect("the datanode was killed");
    // A block that was open when the node died is recovered; the one after it gets the dead node again.
    let error = first.expect_err("the native client does not survive a dead node in the next block");
    assert_eq!(error.kind(), Kind::Lost, "{error}");
    println!("lost after {:?}: {error}", began.elapsed());

    let began = Instant::now();
    assert_eq!(write(fs.as_ref(), &path, || ()).await.unwrap(), (SLICES * SLICE_BYTES) as u64);
    println!("{SLICES} MiB in three copies past the dead node in {:?}", began.elapsed());
    let began = Instant::now();
    for n in 0..20 {
        write_whole(fs.as_ref(), &format!("{directory}/small-{n}"), b"small", OVER).await.unwrap();
    }
    println!("20 small files in {:?}", began.elapsed());
    assert_eq!(fs.read(&old).await.unwrap(), "written before");
    let file = fs.open(&path).await.unwrap();
    for number in 0..SLICES {
        let read = file.read_at((number * SLICE_BYTES) as u64, SLICE_BYTES).await.unwrap();
        assert!(read == slice(number), "slice {number}");
    }
    assert!(
        hdfs_shell(&["dfsadmin", "-report"]).contains(&format!("Live datanodes ({})", setting("LIVE_DATANODES"))),
        "the namenode takes the dead node for alive until here, or this test shows nothing"
    );

    dead.back();
    let expected = (0..SLICES).fold(Sha256::new(), |hash, number| hash.chain_update(slice(number))).finalize();
    assert!(Sha256::digest(stack::tool("hdfs", &["dfs", "-cat", &path])) == expected, "as the stock shell reads it");
    assert_eq!(hdfs_shell(&["dfs", "-stat", "%r", &path]).trim(), "3");
    assert!(log.says("native writes meet a dead datanode"));
    let began = Instant::now();
    while !log.says("native writes work again") {
        assert!(began.elapsed() < Duration::from_secs(180), "no probe came through");
        write_whole(fs.as_ref(), &format!("{directory}/after"), b"after", OVER).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("natively again {:?} after the node was back", began.elapsed());
    fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}
