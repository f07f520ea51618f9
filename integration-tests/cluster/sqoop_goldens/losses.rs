//! Rows that Sqoop loses, doubles or bends in silence: here each is there once and as it was. Text keys fall under a
//! case-insensitive collation.
//!
//! The tables are Sqoop's with fifty times the rows, so that there is something to split.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;

use super::rows;
use super::{Stage, cases, goldens, sqoop};

/// What the names of the cases begin with that this module replays.
pub const NAMES: [&str; 1] = ["loss-"];

/// Each case, what Sqoop's files were found to lack or to hold twice, why, and what a row of the table is as text.
const LOSSES: [(&str, &str, &str, &str); 10] = [
    ("loss-allnull", "missing=0 duplicated=0", "only NULL: Sqoop's one good case of them", "CONCAT(id, ',null')"),
    ("loss-bigsplit", "per=[0, 0, 0, 0, 1000]", "bounds overflow, one task does all", "CONCAT(k, ',', v)"),
    ("loss-bitx", "missing=0 duplicated=0", "BIT(8) is true or false", "CONCAT(id, ',', b + 0)"),
    (
        "loss-fsplit",
        "missing=249 duplicated=0",
        "the last range of floating-point keys is one value",
        "CONCAT(id, ',', k, IF(k = FLOOR(k), '.0', ''))",
    ),
    ("loss-nullsplit", "missing=100 duplicated=0", "no range holds NULL", "CONCAT(id, ',', IFNULL(k, 'null'), ',', v)"),
    ("loss-tsplit", "missing=1000", "the least key is greater than the greatest by its code", "CONCAT(k, ',', v)"),
    ("loss-tsplitacc", "duplicated=584", "ranges by code, compared by collation", "CONCAT(k, ',', v)"),
    ("loss-tsplitci", "duplicated=573", "ranges by code, compared by collation", "CONCAT(k, ',', v)"),
    ("loss-tsplitq", "missing=3", "a quote in a bound is bad SQL; the failed run leaves files", "CONCAT(k, ',', v)"),
    ("loss-ubig2", "missing=0 duplicated=0", "beyond 2^63 all is 2^63 - 1", "CONCAT(id, ',', b)"),
];

/// Cases with too few rows to split.
const SMALL: [&str; 4] = ["loss-allnull", "loss-bitx", "loss-tsplitq", "loss-ubig2"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v18_v19_what_sqoop_loses_doubles_or_bends_arrives_once_and_whole() {
    let mut stage = Stage::set_with(&["loss"], |sql| sql.replace("seq_1_to_1000;", "seq_1_to_50000;")).await;
    for case in cases("loss-") {
        let (_, counted, why, row) = LOSSES.iter().find(|(name, ..)| *name == case).unwrap();
        let counts = std::fs::read_to_string(goldens().join(&case).join("counts")).unwrap();
        assert!(counts.contains(counted), "{case}: {counts}");
        let args = stage.vector(&case, "args");
        let ran = sqoop(&args);
        assert_eq!(ran.code, 0, "{case}: {}", ran.err);
        let ours = stage.written(&case);
        let parts = ours.values().filter(|bytes| !bytes.is_empty()).count();
        assert!(parts >= 4 || SMALL.contains(&case.as_str()), "{case}: {parts} files");
        let table = &case["loss-".len()..];
        assert_same(&rows(&ours), stage.rows(row, table).await, &format!("{case}: {why}"));
    }
    // FLOAT as DOUBLE, and the keys that Sqoop does split well.
    for (table, key, row) in [
        ("fsplit4", "k", "CONCAT(id, ',', k, '.0')"),
        ("dsplit", "k", "CONCAT(id, ',', k)"),
        ("dtsplit", "k", "CONCAT(id, ',', TRIM(TRAILING '0' FROM k), IF(k LIKE '%.000000', '0', ''))"),
        ("tsplitbin", "k", "CONCAT(k, ',', v)"),
    ] {
        let mut args = stage.vector("loss-nullsplit", "args");
        for (option, value) in [("--table", table), ("--split-by", key), ("--target-dir", &stage.dir(table))] {
            let at = args.iter().position(|arg| arg == option).unwrap();
            args[at + 1] = value.to_owned();
        }
        let ran = sqoop(&args);
        assert_eq!(ran.code, 0, "{table}: {}", ran.err);
        let ours = super::read(&stage.dir(table));
        assert!(ours.len() > 4, "{table}: {:?}", ours.keys());
        assert_same(&rows(&ours), stage.rows(row, table).await, table);
    }
    stage.clear(&["loss"]).await;
}

/// Expects the same lines as often; prints the first that are not.
fn assert_same(ours: &[String], source: Vec<String>, what: &str) {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    source.iter().for_each(|row| *counts.entry(row).or_default() += 1);
    ours.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    counts.retain(|_, count| *count != 0);
    assert!(counts.is_empty(), "{what}: {} differ: {:?}", counts.len(), counts.iter().take(6).collect::<Vec<_>>());
}

impl Stage {
    async fn rows(&mut self, row: &str, table: &str) -> Vec<String> {
        let database = self.database("loss");
        self.conn.query(format!("SELECT {row} FROM {database}.{table}")).await.unwrap()
    }
}
