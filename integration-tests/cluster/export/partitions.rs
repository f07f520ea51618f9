//! Directories of partitions, as imports and Hive make them, into a table.

use sakia::error::Kind;

use super::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_below_partition_directories_arrive_with_their_partitions() {
    let mut scene = Scene::set(&[
        "CREATE TABLE t (id INT, ds VARCHAR(30), v VARCHAR(10), hr INT)",
        "CREATE TABLE plain (id INT, v VARCHAR(10))",
    ])
    .await;
    for (path, text) in [
        ("ds=2024-01-01 10%3A00/hr=1/f", "1,a\n2,b\n"),
        ("ds=__HIVE_DEFAULT_PARTITION__/hr=2/f", "3,c\n"),
        ("ds=x/hr=3/empty", ""),
        ("_SUCCESS", ""),
    ] {
        scene.file(&format!("in/{path}"), text);
    }
    let summary = scene.export("table = 't'\nexport-dir = '/in'\n").await;
    assert_eq!((summary.rows_in, summary.rows_out), (3, 3));
    let rows = scene.rows("SELECT CONCAT_WS('|', id, IFNULL(ds, 'NULL'), v, hr) FROM t ORDER BY id").await;
    assert_eq!(rows.concat(), ["1|2024-01-01 10:00|a|1", "2|2024-01-01 10:00|b|1", "3|NULL|c|2"]);
    let summary = scene.export("table = 'plain'\nexport-dir = '/in'\n").await;
    assert!(summary.rows_out == 3 && summary.detail.contains("partition column ds are not written"), "{summary:?}");
    let summary = scene.export("table = 't'\nexport-dir = '/in/ds=2024*'\n").await;
    assert_eq!(summary.rows_out, 2);
    let rows = scene.rows("SELECT ds FROM t ORDER BY ds DESC LIMIT 1").await;
    assert_eq!(rows.concat(), ["2024-01-01 10:00"]);

    scene.file("mixed/f", "1,2024,a,1\n");
    scene.file("mixed/sub/f", "1,2024,a,1\n");
    let error = scene.try_export("table = 't'\nexport-dir = '/mixed'\n").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("/mixed/sub is a directory inside a data set"), "{error}");
    scene.clear().await;
}
