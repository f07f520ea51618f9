//! Splits by way of Sqoop's arguments: NULL, quotes, tables without a key, boundary queries.

use super::{Scene, done, failed};

#[test]
fn v18_rows_without_a_key_are_rows() {
    let scene = Scene::set(&[
        "CREATE TABLE none (id INT PRIMARY KEY, k INT)",
        "INSERT INTO none VALUES (1, NULL), (2, NULL)",
        "CREATE TABLE some (id INT PRIMARY KEY, k INT)",
        "INSERT INTO some VALUES (1, 1), (2, 2), (3, NULL)",
    ]);
    for (table, rows) in [("none", "1,null\n2,null\n"), ("some", "1,1\n2,2\n3,null\n")] {
        done(&scene.import(table, &["--table", table, "--split-by", "k", "-m", "2"]));
        // Sqoop ends well without the third row of `some`.
        assert_eq!(scene.rows(table), rows);
    }
    scene.clear();
}

#[test]
fn v19_v20_quotes_in_text_keys_are_no_sql_and_need_no_leave() {
    let scene = Scene::set(&[
        "CREATE TABLE actors (name VARCHAR(20) PRIMARY KEY)",
        "INSERT INTO actors VALUES ('Mr T.'), ('D''Artagnan'), ('Jean D''Arc'), ('Jeremy Renner')",
    ]);
    let rows = "D'Artagnan\nJean D'Arc\nJeremy Renner\nMr T.\n";
    let args = ["--table", "actors", "--split-by", "name", "-m", "2"];
    // Sqoop wants to be told that text may be split, because its splits double rows; ours follow the collation.
    for (target, flag) in [("v19", &["-Dorg.apache.sqoop.splitter.allow_text_splitter=true"][..]), ("v20", &[])] {
        done(&scene.import(target, &[flag, &args[..]].concat()));
        assert_eq!(scene.rows(target), rows);
    }
    scene.clear();
}

#[test]
fn v21_a_table_without_a_key_wants_to_be_told() {
    let scene = Scene::set(&["CREATE TABLE keyless (a INT)", "INSERT INTO keyless VALUES (1), (2), (2)"]);
    let said = failed(&scene.import("v21", &["--table", "keyless", "-m", "4"]));
    assert!(said.contains("No primary key could be found for table keyless"), "{said}");
    assert!(said.contains("--split-by") && said.contains("-m 1"), "{said}");
    assert!(scene.files("v21").is_empty());
    done(&scene.import("v21", &["--table", "keyless", "--autoreset-to-one-mapper"]));
    assert_eq!(scene.files("v21").keys().collect::<Vec<_>>(), ["_SUCCESS", "part-m-00000"]);
    assert_eq!(scene.rows("v21"), "1\n2\n2\n");
    failed(&scene.import("no", &["--table", "keyless", "--autoreset-to-one-mapper", "--split-by", "a"]));
    scene.clear();
}

#[test]
fn v22_v23_a_boundary_query_filters_and_its_absence_does_not() {
    let scene = Scene::set(&[
        "CREATE TABLE t (col1 INT PRIMARY KEY, col2 INT)",
        "INSERT INTO t VALUES (1, 8), (3, 6), (5, 4), (7, 2)",
    ]);
    let bounds = "SELECT MIN(col1), MAX(col1) FROM t WHERE col1 IN (3, 5)";
    done(&scene.import("v22", &["--table", "t", "--boundary-query", bounds, "-m", "1", "--split-by", "col1"]));
    assert_eq!(scene.rows("v22"), "3,6\n5,4\n");
    done(&scene.import("v23", &["--query", "SELECT * FROM t WHERE $CONDITIONS", "-m", "1"]));
    assert_eq!(scene.rows("v23"), "1,8\n3,6\n5,4\n7,2\n");
    scene.clear();
}
