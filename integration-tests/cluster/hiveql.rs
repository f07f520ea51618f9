//! A step of a team's own statements: once for each new partition, killed between two of them, and what an error says.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use sakia::storage;
use serde_json::Value;

use crate::stack::{address, beeline, hdfs, hdfs_shell, sakia, unique};

/// A database, a table with partitions, and a pipeline of one step over it.
struct Place {
    name: String,
    dir: tempfile::TempDir,
}

impl Place {
    fn new(script: &str, keys: &str) -> Self {
        let name = unique("hiveql");
        let dir = tempfile::tempdir().unwrap();
        let pipeline = format!(
            "[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{metastore}'\n\
             [hiveserver2]\nurl = '{hive}'\nuser = 'root'\n\
             [[step]]\ntype = 'hiveql'\nname = 'report'\nfile = 'report.hql'\nstate-dir = '/it/{name}/state'\n\
             database = '{name}'\n{keys}\n",
            namenode = address("NAMENODE_PORT"),
            metastore = address("METASTORE_PORT"),
            hive = address("HIVESERVER2_PORT"),
        );
        let place = Self { name, dir };
        place.write("pipeline.toml", &pipeline.replace("DATABASE", &place.name));
        place.write("report.hql", script);
        place
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.dir.path().join(file), text).unwrap();
    }

    fn command(&self) -> std::process::Command {
        let mut command = sakia();
        command.args(["run", "pipeline.toml", "--output", "json"]).current_dir(self.dir.path());
        command
    }

    fn output(&self) -> Output {
        self.command().output().unwrap()
    }

    /// The summary of the step in a run that went well.
    fn run(&self) -> Value {
        let output = self.output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        summary["steps"][0].clone()
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let rows = beeline(&format!("use {}; {sql}", self.name));
        rows.into_iter().map(|row| row.join("|")).collect()
    }

    /// The partitions that are noted as done.
    async fn noted(&self) -> Vec<String> {
        let fs = storage::connect(&hdfs()).await.unwrap();
        let Ok(bytes) = fs.read(&format!("/it/{}/state/state.json", self.name)).await else { return Vec::new() };
        let state: Value = serde_json::from_slice(&bytes).unwrap();
        state["partitions"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            beeline(&format!("drop database if exists {} cascade", self.name));
            hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", "-f", &format!("/it/{}", self.name)]);
        }
    }
}

/// Not fit for being run twice, so that it shows how often it was.
const COUNTS_ITSELF: &str = "-- What was seen.\n\
    create table if not exists seen (day string, name string, v int, run string, note string);\n\
    insert into seen select dt, '${dt}', v, '${run_id}', '${note}; ${hivevar:step}' from events where ${partition_filter};\n";

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_are_run_once_and_a_killed_run_repeats_what_was_not_noted() {
    let keys = "each = 'partition'\nsource = 'DATABASE.events'\nvariables = { note = 'of ${run_date}' }";
    let place = Place::new(COUNTS_ITSELF, keys);
    let name = &place.name;
    beeline(&format!(
        "create database {name}; use {name}; set hive.exec.dynamic.partition.mode=nonstrict; \
         create table events (v int) partitioned by (dt string); \
         insert into events partition (dt) select inline(array(struct(1, 'a'), struct(2, 'it\\'s \\\"b\\\"'), struct(3, 'c')))"
    ));

    // Killed when the first partition is noted, at work on the second.
    let mut child = place.command().stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("ran 2 statements")), "it ended before");
    while place.noted().await.is_empty() {}
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.noted().await, ["dt=a"]);

    let second = place.run();
    assert_eq!((second["outcome"].as_str(), second["statements"].as_u64()), (Some("done"), Some(4)), "{second}");
    assert!(second["detail"].as_str().unwrap().starts_with("2 partitions; 4 statements in "), "{second}");
    // The statement that was cut off may have come to its end on the server, or not.
    let seen = "select distinct day, name, v, note like 'of 2%-__; report' from seen order by v";
    let all = ["a|a|1|true", "c|c|3|true"];
    let rows = place.rows(seen);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[1].replace('"', ""), "it's b|it's b|2|true");
    assert_eq!([rows[0].as_str(), rows[2].as_str()], all);
    assert_eq!(place.rows("select v, count(*) from seen where v <> 2 group by v order by v"), ["1|1", "3|1"]);

    let third = place.run();
    assert_eq!((third["outcome"].as_str(), third["statements"].as_u64()), (Some("unchanged"), Some(0)), "{third}");
    assert_eq!(third["detail"], "no partition is new");

    // What is written to, and what is gone.
    place.rows("insert into events partition (dt = 'a') select 4; alter table events drop partition (dt = 'c')");
    let fourth = place.run();
    assert_eq!((fourth["statements"].as_u64(), fourth["rows-out"].as_u64()), (Some(2), Some(2)), "{fourth}");
    assert!(fourth["detail"].as_str().unwrap().ends_with("; 1 partition is not there any more"), "{fourth}");
    assert_eq!(
        place.rows("select v, count(*) from seen where v in (1, 3, 4) group by v order by v"),
        ["1|2", "3|1", "4|1"]
    );
}

/// A table that every run makes anew, for all days that changed.
const WHAT_CHANGED: &str = "create table if not exists report (days string, first string, last string, n bigint);\n\
    insert overwrite table report select concat_ws(',', sort_array(collect_set(dt))), '${first_dt}', '${last_dt}', \
    count(*) from events where ${changed_partitions} and dt in (${changed_dt});\n";

#[test]
fn one_run_for_all_that_changed_and_errors_that_say_where() {
    let place = Place::new("select 1;\n\nselect *\nfrom nowhere;\nselect 3;\n", "source = 'DATABASE.events'");
    beeline(&format!(
        "create database {0}; use {0}; set hive.exec.dynamic.partition.mode=nonstrict; \
         create table events (v int) partitioned by (dt string, hr string); \
         insert into events partition (dt, hr) select inline(array(struct(1, '2024-01-01', '23'), struct(2, '2024-01-02', '00')))",
        place.name
    ));
    let failed = place.output();
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(
        said.contains("hiveql report: report.hql, line 4, statement 2: hive statement 'select * from nowhere'"),
        "{said}"
    );
    assert!(said.contains("hive error 10001, sql state 42S02"), "{said}");

    place.write("report.hql", "select '${day}';");
    let said = String::from_utf8_lossy(&place.output().stderr).into_owned();
    assert!(said.contains("report.hql, line 1, statement 1: nobody sets the variable ${day}"), "{said}");

    place.write("report.hql", WHAT_CHANGED);
    let dry = sakia().args(["run", "pipeline.toml", "--dry-run"]).current_dir(place.dir.path()).output().unwrap();
    let plan = String::from_utf8_lossy(&dry.stdout).into_owned();
    for line in [
        "2 partitions new or changed, 0 done",
        "changed_dt = '2024-01-01', '2024-01-02'",
        "statement 2 insert overwrite",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert_eq!(place.run()["detail"].as_str().map(|said| said.starts_with("2 partitions; 2 statements")), Some(true));
    assert_eq!(place.rows("select * from report"), ["2024-01-01,2024-01-02|2024-01-01|2024-01-02|2"]);
    place.rows("insert into events partition (dt = '2024-01-03', hr = '01') values (3), (4)");
    place.run();
    assert_eq!(place.rows("select * from report"), ["2024-01-03|2024-01-03|2024-01-03|2"]);
    assert_eq!(place.run()["outcome"], "unchanged");
}
