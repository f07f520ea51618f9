//! Merges of directories in HDFS, read back by Hadoop's own tools.

use bytes::Bytes;
use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::shutdown::Stop;
use sakia::storage::{CreateOptions, DeleteOptions};
use sakia::transfer::args::MergeArgs;
use sakia::transfer::merge;

use crate::stack::{self, hdfs_shell};

async fn put(cluster: &Cluster, path: &str, text: String) {
    let mut file = cluster.fs.create(path, CreateOptions::default()).await.unwrap();
    file.write(Bytes::from(text)).await.unwrap();
    file.close().await.unwrap();
}

fn lines(numbers: impl Iterator<Item = u32>, value: &str) -> String {
    numbers.map(|n| format!("{n},{value}{n}\n")).collect()
}

/// Text as Sqoop wrote it, merged in place with a memory for keys far too small, twice; then refused with a NULL key,
/// which leaves everything as it was.
#[tokio::test(flavor = "multi_thread")]
async fn text_in_hdfs_is_merged_in_place() {
    let cluster = Cluster::connect(&stack::hdfs(), None).await.unwrap();
    let dir = format!("/tmp/{}", stack::unique("it_merge"));
    for part in 0..4 {
        let rows = (part * 5000)..(part * 5000 + 5000);
        put(&cluster, &format!("{dir}/old/part-m-0000{part}"), lines(rows, "old")).await;
    }
    put(&cluster, &format!("{dir}/old/_SUCCESS"), String::new()).await;
    put(&cluster, &format!("{dir}/new/part-m-00000"), lines((0..30_000).step_by(3), "new")).await;
    let toml = format!(
        "new-data = '{dir}/new'\nonto = '{dir}/old'\ntarget-dir = '{dir}/old'\nmerge-key = ['id']\ncolumns = ['id', 'v']\n\
         file-names = 'sqoop'\nsuccess-file = true"
    );
    let args: MergeArgs = sakia::config::parse(&toml, "test").unwrap();
    let options = merge::MergeOptions { key_memory_bytes: 64 << 10, workers: 3 };
    let merged = || async { merge::run_with(&args, &cluster, "it", &Stop::new(), &options).await };
    let mut want: Vec<String> = (0..30_000)
        .filter(|n| *n < 20_000 || n % 3 == 0)
        .map(|n| format!("{n},{}{n}", if n % 3 == 0 { "new" } else { "old" }))
        .collect();
    want.sort_unstable();
    for _ in 0..2 {
        let summary = merged().await.unwrap();
        assert_eq!(summary.rows_out, want.len() as u64);
        assert!(summary.detail.contains("passes over the keys"), "{}", summary.detail);
        let text = hdfs_shell(&["dfs", "-cat", &format!("{dir}/old/*")]);
        let mut seen: Vec<String> = text.lines().map(str::to_owned).collect();
        seen.sort_unstable();
        assert!(seen == want, "{} rows", seen.len());
        let listed = hdfs_shell(&["dfs", "-ls", "-C", &format!("{dir}/old")]);
        assert!(listed.contains("part-m-00000") && listed.contains("_SUCCESS"), "{listed}");
    }
    put(&cluster, &format!("{dir}/new/part-m-00001"), "null,x\n".to_owned()).await;
    let error = merged().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("part-m-00001: key column id is NULL in row 1"), "{error}");
    let text = hdfs_shell(&["dfs", "-cat", &format!("{dir}/old/*")]);
    assert_eq!(text.lines().count(), want.len());
    cluster.fs.delete(&dir, DeleteOptions { recursive: true }).await.unwrap();
}
