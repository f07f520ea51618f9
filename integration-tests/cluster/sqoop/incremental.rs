//! Incremental imports and merges: rows on the bounds, columns that will not do, changed rows.

use super::{Scene, done, failed};
use crate::sqoop_goldens;

fn rows(from: u32, to: u32) -> String {
    format!("INSERT INTO t SELECT seq, CONCAT('n', seq) FROM seq_{from}_to_{to}")
}

#[test]
fn v80_an_empty_start_is_a_start() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))"]);
    let args = ["--table", "t", "-m", "1", "--incremental", "append", "--check-column", "id"];
    let mut last: Option<String> = None;
    for (more, count) in [(None, 0), (Some(rows(0, 9)), 10), (Some(rows(10, 19)), 20)] {
        if let Some(more) = more {
            done(&scene.sqoop("eval", &["-e", &more]));
        }
        let from = last.iter().flat_map(|last| ["--last-value", last]).collect::<Vec<_>>();
        let (_, err) = done(&scene.import("t", &[&args[..], &from].concat()));
        last =
            err.lines().find_map(|line| line.split_once("--last-value ")).map(|(_, value)| value.to_owned()).or(last);
        assert_eq!(scene.rows("t").lines().count(), count, "{err}");
    }
    assert_eq!(last.as_deref(), Some("19"));
    scene.clear();
}

const STAMPED: &str = "CREATE TABLE t (id INT PRIMARY KEY, v INT, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
const MODIFIED: [&str; 8] = ["--table", "t", "-m", "1", "--incremental", "lastmodified", "--check-column", "at"];

#[test]
fn v81_rows_of_the_future_wait() {
    let scene = Scene::set(&[STAMPED, "INSERT INTO t VALUES (1, 1, CURRENT_TIMESTAMP + INTERVAL 1 DAY)"]);
    done(&scene.import("t", &MODIFIED));
    assert_eq!(scene.rows("t"), "");
    scene.clear();
}

#[test]
fn v82_a_row_on_the_bound_is_taken_once() {
    let scene = Scene::set(&[STAMPED, "INSERT INTO t VALUES (1, 1, '2024-01-01 00:00:00')"]);
    let args = [&MODIFIED[..], &["--append"]].concat();
    let (_, err) = done(&scene.import("t", &args));
    let bound = err.lines().find_map(|line| line.split_once("--last-value ")).unwrap().1.to_owned();
    assert_eq!(scene.rows("t").lines().count(), 1);
    done(&scene.sqoop("eval", &["-e", &format!("INSERT INTO t VALUES (2, 2, '{bound}')")]));
    std::thread::sleep(std::time::Duration::from_secs(2));
    let (_, err) = done(&scene.import("t", &[&args[..], &["--last-value", &bound]].concat()));
    let next = err.lines().find_map(|line| line.split_once("--last-value ")).unwrap().1.to_owned();
    assert_eq!(scene.rows("t").lines().map(|row| &row[..2]).collect::<Vec<_>>(), ["1,", "2,"]);
    done(&scene.import("t", &[&args[..], &["--last-value", &next]].concat()));
    assert_eq!(scene.rows("t").lines().count(), 2, "neither lost nor doubled");
    scene.clear();
}

#[test]
fn v83_a_column_of_text_is_no_measure() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))", &rows(0, 1)]);
    let said = failed(&scene.import(
        "t",
        &["--table", "t", "-m", "1", "--incremental", "append", "--check-column", "name", "--last-value", "a"],
    ));
    assert!(said.contains("name"), "{said}");
    assert!(scene.files("t").is_empty());
    scene.clear();
}

#[test]
fn v84_a_changed_row_takes_the_place_of_the_old_one() {
    let scene = Scene::set(&[STAMPED, "INSERT INTO t SELECT seq, seq, '2024-01-01' FROM seq_0_to_9"]);
    let args = [&MODIFIED[..], &["--merge-key", "id"]].concat();
    done(&scene.import("t", &args));
    done(&scene.sqoop("eval", &["-e", "UPDATE t SET v = 4000, at = '2024-02-01' WHERE id = 3"]));
    done(&scene.import("t", &[&args[..], &["--last-value", "2024-01-15 00:00:00"]].concat()));
    let rows = scene.rows("t");
    let values: Vec<_> = rows.lines().map(|row| row.rsplit_once(',').unwrap().0).collect();
    assert_eq!(values, ["0,0", "1,1", "2,2", "3,4000", "4,4", "5,5", "6,6", "7,7", "8,8", "9,9"]);
    scene.clear();
}

#[test]
fn v85_newer_rows_win_in_text_avro_and_parquet() {
    let scene = Scene::set(&[
        "CREATE TABLE old (id INT PRIMARY KEY, v INT)",
        "INSERT INTO old VALUES (0, 0), (1, 42)",
        "CREATE TABLE new (id INT PRIMARY KEY, v INT)",
        "INSERT INTO new VALUES (1, 43), (3, 313)",
    ]);
    for (format, part) in [("textfile", ""), ("avrodatafile", ".avro"), ("parquetfile", ".parquet")] {
        let [old, new, merged] = ["old", "new", "merged"].map(|table| format!("{format}_{table}"));
        let format = format!("--as-{format}");
        // One name of the record, as Avro knows the two tables by theirs.
        for (table, target) in [("old", &old), ("new", &new)] {
            done(&scene.import(target, &["--table", table, "-m", "1", &format, "--class-name", "r"]));
        }
        let dirs = [&new, &old, &merged].map(|dir| scene.dir(dir));
        let args = ["--new-data", &dirs[0], "--onto", &dirs[1], "--target-dir", &dirs[2], "--merge-key", "id"];
        done(&scene.sqoop_merge(&args));
        // Once more, in place: the same rows.
        let again = ["--new-data", &dirs[0], "--onto", &dirs[2], "--target-dir", &dirs[2], "--merge-key", "id"];
        done(&scene.sqoop_merge(&again));
        if part.is_empty() {
            assert_eq!(scene.rows(&merged), "0,0\n1,43\n3,313\n");
            continue;
        }
        let mut found = Vec::new();
        for file in scene.files(&merged).keys().filter(|name| name.ends_with(part)) {
            let records = scene.dump(&merged, file)["records"].clone();
            found.extend(records.as_array().unwrap().iter().map(|r| (r["id"].as_i64(), r["v"].as_i64())));
        }
        found.sort_unstable();
        assert_eq!(found, [(0, 0), (1, 43), (3, 313)].map(|(id, v)| (Some(id), Some(v))));
    }
    scene.clear();
}

/// The numbers that stand in a directory, one a row.
fn ids(scene: &Scene) -> Vec<u32> {
    let mut ids: Vec<u32> =
        scene.rows("t").lines().map(|row| row.split(',').next().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_typed_last_value_decides_and_what_it_doubles_or_passes_over_is_said_first() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))", &rows(1, 9)]);
    let args = ["--table", "t", "-m", "1", "--incremental", "append", "--check-column", "id"];
    let from =
        |value: &str, more: &[&str]| done(&scene.import("t", &[more, &args[..], &["--last-value", value]].concat())).1;
    done(&scene.import("t", &args));
    assert_eq!(ids(&scene), (1..=9).collect::<Vec<_>>());
    let said = from("7", &["-Dsakia.step.incremental.start-from=recorded"]);
    assert!(said.contains("unless start-from last-value is given"), "{said}");
    assert_eq!(ids(&scene).len(), 9);
    let said = from("7", &[]);
    assert!(said.contains("will hold them twice") && said.contains("start-from=recorded"), "{said}");
    assert_eq!(ids(&scene), [1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9]);
    done(&scene.sqoop("eval", &["-e", &rows(10, 12)]));
    let said = from("11", &[]);
    assert!(said.contains("are passed over"), "{said}");
    assert_eq!(ids(&scene)[9..], [9, 9, 12]);
    // The record is what the last run read up to.
    done(&scene.sqoop("eval", &["-e", &rows(13, 13)]));
    done(&scene.import("t", &args));
    assert_eq!(ids(&scene).last(), Some(&13));
    assert_eq!(ids(&scene).len(), 13);
    // Rows whose directory is gone: without a value to start after nobody knows what is wanted.
    sqoop_goldens::remove(&scene.dir("t"));
    let said = failed(&scene.import("t", &args));
    assert!(said.contains("are gone") && said.contains("-D sakia.step.existing=delete"), "{said}");
    from("0", &[]);
    assert_eq!(ids(&scene).len(), 13);
    scene.clear();
}

#[test]
fn saved_jobs_keep_their_own_last_value() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))", &rows(1, 3)]);
    let target = scene.dir("t");
    let import =
        ["--table", "t", "--target-dir", &target, "-m", "1", "--incremental", "append", "--check-column", "id"];
    for job in ["one", "two"] {
        let mut create = ["job", "--create", job, "--", "import", "-fs"].map(str::to_owned).to_vec();
        create.push(format!("hdfs://{}", crate::stack::address("NAMENODE_PORT")));
        create.extend(scene.connect(&scene.name));
        create.extend(import.iter().chain(&["--last-value", "0"]).map(|arg| (*arg).to_owned()));
        done(&scene.run(&create));
    }
    done(&scene.job(&["--exec", "one"]));
    done(&scene.sqoop("eval", &["-e", &rows(4, 5)]));
    // Reads on after the three that the job read, as in Sqoop, though the record beside the data says five.
    done(&scene.sqoop("import", &[&import[..], &["--last-value", "3"]].concat()));
    let (_, said) = done(&scene.job(&["--exec", "one"]));
    assert!(said.contains("will hold them twice"), "{said}");
    assert_eq!(ids(&scene), [1, 2, 3, 4, 4, 5, 5]);
    done(&scene.job(&["--exec", "two"]));
    assert_eq!(ids(&scene).len(), 12, "the other job begins where it was told to");
    done(&scene.job(&["--exec", "one"]));
    assert_eq!(ids(&scene).len(), 12);
    scene.clear();
}
