//! Tables whose names are not names of directories: each gets one that Hadoop's readers see, and none falls into another's.

use sakia::shutdown::Stop;
use sakia::transfer::{Ends, ImportAllArgs, import};

use super::Scene;
use crate::stack::hdfs_shell;

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_a_database_gets_a_directory_of_its_own() {
    let tables = ["a", "a/b", "_prisma_migrations", ".x", "c:d", "e*[1]", "f%g"];
    let create = |(n, table): (usize, &&str)| format!("CREATE TABLE `{table}` AS SELECT {n} AS id");
    let statements: Vec<String> = tables.iter().enumerate().map(create).collect();
    let scene = Scene::set(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let toml =
        format!("each = {{ warehouse-dir = '/tmp/{}/all', as = 'text', autoreset-to-one-mapper = true }}", scene.name);
    let args: ImportAllArgs = sakia::config::parse(&toml, "test").unwrap();
    let client = scene.client();
    let done = import::run_all(&args, &Ends::new(&client, &scene.cluster), "it", &Stop::new()).await.unwrap();
    assert_eq!(done.rows_out, tables.len() as u64);
    // Hadoop's own shell, which knows patterns, reads all of them.
    let read = hdfs_shell(&["dfs", "-cat", &format!("/tmp/{}/all/*/part-*", scene.name)]);
    let mut rows: Vec<&str> = read.lines().collect();
    rows.sort_unstable();
    assert_eq!(rows, ["0", "1", "2", "3", "4", "5", "6"]);
    for (directory, row) in [("%5Fprisma_migrations", "2"), ("a%2Fb", "1"), ("f%25g", "6")] {
        let read = hdfs_shell(&["dfs", "-cat", &format!("/tmp/{}/all/{directory}/part-*", scene.name)]);
        assert_eq!(read.trim(), row, "{directory}");
    }
    scene.clear().await;
}
