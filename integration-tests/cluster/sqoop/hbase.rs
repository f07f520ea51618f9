//! HBase as a target: which cells a row becomes, and which it does not.

use super::{Scene, done, failed};
use crate::hbase::HBaseTable;
use crate::stack::{address, happybase};

/// Every cell of a table, as lines.
fn cells(table: &HBaseTable) -> Vec<String> {
    let script = "for key, row in c.table(args[0]).scan():\n  for cell, value in sorted(row.items()): print(key.decode(), cell.decode(), value.decode())";
    happybase(script, &[&table.0]).lines().map(str::to_owned).collect()
}

fn import(scene: &Scene, table: &HBaseTable, properties: &[&str], more: &[&str]) -> std::process::Output {
    let thrift = format!("-Dsakia.hbase.thrift={}", address("HBASE_THRIFT_PORT"));
    let target = ["-m", "1", "--hbase-table", &table.0, "--column-family", "cf"];
    scene.sqoop("import", &[&[thrift.as_str()], properties, &target, more].concat())
}

#[test]
fn v96_v99_keys_stay_out_of_the_cells_and_tables_are_made_when_asked() {
    let scene = Scene::set(&["CREATE TABLE t (col0 INT PRIMARY KEY, col1 INT)", "INSERT INTO t VALUES (0, 1)"]);
    let table = HBaseTable::named("sqoop");
    let said = failed(&import(&scene, &table, &[], &["--table", "t"]));
    assert!(said.contains(&table.0), "{said}");
    done(&import(&scene, &table, &[], &["--table", "t", "--hbase-create-table"]));
    assert_eq!(cells(&table), ["0 cf:col1 1"]);
    done(&import(&scene, &table, &["-Dsqoop.hbase.add.row.key=true"], &["--table", "t"]));
    assert_eq!(cells(&table), ["0 cf:col0 0", "0 cf:col1 1"]);
    scene.clear();
}

#[test]
fn v97_composite_keys_and_null() {
    let scene = Scene::set(&[
        "CREATE TABLE t (a INT, b INT, c INT, d INT)",
        "INSERT INTO t VALUES (0, 1, 42, NULL), (0, 2, NULL, NULL)",
    ]);
    let table = HBaseTable::named("sqoop");
    done(&import(&scene, &table, &[], &["--table", "t", "--hbase-row-key", "a,b", "--hbase-create-table"]));
    // A row of which only the key is known has no cell, and so it is not there.
    assert_eq!(cells(&table), ["0_1 cf:c 42"]);
    done(&scene.sqoop("eval", &["-e", "INSERT INTO t VALUES (NULL, 3, 5, 6)"]));
    failed(&import(&scene, &table, &[], &["--table", "t", "--hbase-row-key", "a,b"]));
    scene.clear();
}

#[test]
fn v98_a_value_that_became_null_stays_or_goes() {
    let scene = Scene::set(&[
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), w INT, at TIMESTAMP NOT NULL)",
        "INSERT INTO t VALUES (0, '1', 7, '2024-01-01')",
    ]);
    let tables = [("ignore", HBaseTable::named("sqoop")), ("delete", HBaseTable::named("sqoop"))];
    let modified = ["--table", "t", "--columns", "id,v,w,at", "--incremental", "lastmodified", "--check-column", "at"];
    for (value, day) in [("'1'", "2024-01-01"), ("'2'", "2024-02-01"), ("NULL", "2024-03-01")] {
        done(&scene.sqoop("eval", &["-e", &format!("UPDATE t SET v = {value}, at = '{day}'")]));
        for (mode, table) in &tables {
            let more = ["--hbase-create-table", "--hbase-null-incremental-mode", mode, "--last-value", day];
            done(&import(&scene, table, &[], &[&modified[..], &more].concat()));
        }
    }
    let of_v = |table| cells(table).into_iter().filter(|cell| cell.contains("cf:v")).collect::<Vec<_>>();
    assert_eq!(of_v(&tables[0].1), ["0 cf:v 2"]);
    assert_eq!(of_v(&tables[1].1), [""; 0]);
    scene.clear();
}
