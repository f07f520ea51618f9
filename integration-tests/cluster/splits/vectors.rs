//! The ranges of Sqoop's own tests of its splitters. Its boundaries are arithmetic on the least and the greatest value;
//! ours come from the data and lie elsewhere, so what holds is what they are for: each row in one split, and more than
//! one split where there is more than one value.

use super::*;

/// Type of the key, its values, connections, and the greatest width of a split.
type Vector = (&'static str, &'static str, &'static str, u32, Option<u64>);

const VECTORS: [Vector; 37] = [
    ("V1", "INT", "SELECT seq FROM seq_0_to_100", 10, None),
    ("V1", "INT", "SELECT seq FROM seq_0_to_95", 10, None),
    ("V2", "INT", "SELECT 5", 5, None),
    ("V2", "INT", "SELECT seq FROM seq_3_to_5", 5, None),
    ("V2", "INT", "SELECT seq FROM seq_1_to_5", 5, None),
    ("V3", "INT", "SELECT seq FROM seq_0_to_100", 5, Some(10)),
    ("V3", "INT", "SELECT seq FROM seq_0_to_95", 5, Some(10)),
    ("V4", "INT", "SELECT seq FROM seq_0_to_100", 10, Some(15)),
    ("V4", "INT", "SELECT seq FROM seq_1_to_10", 5, Some(1)),
    ("V5", "INT", "SELECT seq FROM seq_0_to_1000", 4, None),
    ("V5", "INT", "SELECT seq FROM seq_1_to_10", 4, None),
    ("V5", "INT", "SELECT seq FROM seq_1_to_100", 4, None),
    ("V5", "INT", "SELECT CAST(seq AS SIGNED) - 5 FROM seq_0_to_10", 4, None),
    ("V6", "INT", "SELECT seq FROM seq_1_to_4", 4, None),
    ("V6", "INT", "SELECT seq FROM seq_1_to_5", 4, None),
    ("V6", "INT", "SELECT seq FROM seq_1_to_6", 4, None),
    ("V7", "INT", "SELECT seq FROM seq_1_to_20", 4, Some(3)),
    ("V7", "INT", "SELECT seq FROM seq_0_to_100", 2, Some(25)),
    ("V8", "BIGINT", "SELECT 14 + seq * 78636969978729666 FROM seq_0_to_99 UNION SELECT 7863696997872966707", 4, None),
    (
        "V9",
        "BIGINT",
        "SELECT seq FROM seq_1_to_1000 UNION SELECT -9223372036854775808 UNION SELECT 9223372036854775807",
        4,
        None,
    ),
    ("V10", "DECIMAL(10,2)", "SELECT seq FROM seq_1_to_11", 4, None),
    ("V10", "DECIMAL(10,0)", "SELECT seq FROM seq_1_to_11", 3, None),
    ("V10", "DECIMAL(10,2)", "SELECT seq / 4 FROM seq_0_to_40", 4, None),
    ("V11", "DECIMAL(10,4)", "SELECT 1.5 + seq * 0.0825 FROM seq_0_to_100", 4, None),
    ("V11", "DECIMAL(10,1)", "SELECT seq / 10 FROM seq_0_to_10", 3, None),
    ("V11", "DECIMAL(10,2)", "SELECT 100 + seq / 100 FROM seq_0_to_100", 4, None),
    // V12 is the division that Sqoop's steps come from. Its steps of a scale too small for them are these.
    ("V12", "DECIMAL(3,0)", "SELECT seq FROM seq_0_to_1", 3, None),
    ("V13", "VARCHAR(9)", "SELECT CHAR(64 + seq) FROM seq_1_to_26", 25, None),
    // In the order of the column's collation no least value is greater than the greatest.
    ("V13", "VARCHAR(9) COLLATE utf8mb4_bin", "SELECT 'Z' UNION SELECT 'A' UNION SELECT 'a'", 4, None),
    ("V14", "VARCHAR(40)", "SELECT CONCAT('AVeryLongStringIndeed', seq) FROM seq_1_to_100", 4, None),
    ("V15", "VARCHAR(9)", "SELECT CONCAT(CHAR(96 + seq), seq) FROM seq_1_to_26", 4, None),
    ("V15", "VARCHAR(9)", "SELECT CONCAT('Ha', CHAR(109 + seq), 'd') FROM seq_1_to_5 UNION SELECT 'Hardy'", 5, None),
    ("V16", "FLOAT", "SELECT seq / 10 FROM seq_0_to_100", 2, None),
    ("V16", "DOUBLE", "SELECT seq / 10 FROM seq_0_to_100", 4, None),
    ("V17", "DATE", "SELECT DATE('2020-01-01') + INTERVAL seq DAY FROM seq_0_to_365", 4, None),
    ("V17", "DATETIME", "SELECT TIMESTAMP('2020-01-01') + INTERVAL seq * 10 MINUTE FROM seq_0_to_144", 4, None),
    ("V17", "DATETIME", "SELECT TIMESTAMP('2020-01-01') + INTERVAL seq * 10 MINUTE FROM seq_0_to_144", 2, Some(21_600)),
];

#[tokio::test(flavor = "multi_thread")]
async fn v1_to_v17_sqoops_ranges_are_covered() {
    let mut statements = Vec::new();
    for (i, (_, key, values, ..)) in VECTORS.iter().enumerate() {
        statements.push(format!("CREATE TABLE t{i} (id INT AUTO_INCREMENT PRIMARY KEY, k {key} NOT NULL, KEY (k))"));
        statements.push(format!("INSERT INTO t{i} (k) {values}"));
        statements.push(format!("ANALYZE TABLE t{i}"));
    }
    let mut scene = Scene::set(&Server::MariaDb, &statements).await;
    for (i, (vector, _, values, connections, limit)) in VECTORS.iter().enumerate() {
        let name = format!("t{i}");
        let (table, all) = (scene.table(&name).await, scene.ids(&name).await);
        let key = SplitKey::new(table.column("k").unwrap(), &Session::Ours).unwrap();
        let options = SplitOptions { connections: *connections as _, limit: *limit, ..fine() };
        let splits = scene.plan(&SplitSource::table(&table, None, &Session::Ours), &key, &options).await.unwrap();
        let counts = scene.rows(|c| format!("SELECT id FROM {name} WHERE {c}"), &splits, &all).await;
        let what = format!("{vector}: {values}: {counts:?} of {splits:?}");
        assert!(counts.iter().filter(|n| **n > 0).count() > 1 || all.len() == 1, "{what}");
        // Sqoop gives the extreme range (V9) to one task; no split of ours has much more than its share of many rows.
        assert!(all.len() < 90 || counts.iter().all(|n| *n <= all.len() / 2), "{what}");
    }
    scene.clear().await;
}
