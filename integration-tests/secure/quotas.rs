//! A quota that is used up: one line says which and how much, nothing is visible, nothing of what was staged stays; an
//! agent keeps what it took in.

use std::process::Command;

use crate::stack::{beeline, by_keytab, file_of, printed, run, sakia, servers, sql, tool, unique};

/// A directory with a quota, and a table.
struct Place(String);

impl Place {
    fn new() -> Self {
        let name = unique("it_quota");
        sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_1000"));
        let place = Self(name);
        tool("etl", "hdfs", &["dfs", "-mkdir", &place.path()]);
        place
    }

    fn path(&self) -> String {
        format!("/tmp/{}.d", self.0)
    }

    fn quota(&self, args: &[&str]) {
        tool("hdfs", "hdfs", &[&["dfsadmin"], args, &[self.path().as_str()]].concat());
    }

    fn import(&self) -> String {
        servers(&by_keytab("etl")).replace("[metastore]\n", "")
            + &format!(
                "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{}'\ntarget-dir = '{}/t'\nas = 'text'\n",
                self.0,
                self.path()
            )
    }

    /// Directories, files and paths that are there.
    fn tree(&self) -> Vec<String> {
        let text = tool("etl", "hdfs", &["dfs", "-ls", "-R", "-C", &self.path()]);
        text.lines().map(str::to_owned).collect()
    }

    /// What an import says that must fail, and what it leaves.
    fn refusal(&self) -> String {
        let file = file_of(&self.import());
        let done = sakia().arg("run").arg(file.path()).output().unwrap();
        let said = printed(&done);
        assert_eq!(done.status.code(), Some(1), "{said}");
        let left = self.tree();
        assert!(left.iter().all(|path| !path.contains("stage-") && !path.contains("part-")), "{left:?}: {said}");
        said.lines().find(|line| line.starts_with("sakia: error")).unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        sql(&format!("drop table {}", self.0));
    }
}

#[test]
fn a_quota_of_names_is_told_wherever_it_ends() {
    let place = Place::new();
    // The state's directories fit, or the stage, or some of the files.
    for names in ["3", "5", "7"] {
        place.quota(&["-setQuota", names]);
        let line = place.refusal();
        assert!(line.contains(&place.path()) && line.contains("quota of names"), "{names}: {line}");
        assert!(line.contains(&format!("quota={names}")), "{names}: {line}");
    }
    place.quota(&["-clrQuota"]);
    run(sakia(), &place.import());
    assert!(place.tree().iter().any(|path| path.contains("/t/part-")));
}

#[test]
fn the_doctor_counts_what_is_left_of_the_quotas_above() {
    let place = Place::new();
    tool("etl", "hdfs", &["dfs", "-mkdir", &format!("{}/a", place.path())]);
    let file = file_of(&place.import().replace("/t'", "/a/t'"));
    let said = || printed(&sakia().arg("doctor").arg(file.path()).output().unwrap());
    place.quota(&["-setQuota", "1000"]);
    let words = format!("quota of names in {}: ", place.path());
    assert!(said().contains(&format!("ok    {words}2 of 1000 are used")), "{}", said());
    // The file that is tried takes one of them.
    place.quota(&["-setQuota", "2"]);
    assert!(said().contains("FAIL  directory") && said().contains("quota of names"), "{}", said());
}

#[test]
fn a_quota_of_space_is_told_with_its_limit() {
    let place = Place::new();
    place.quota(&["-setSpaceQuota", "1m"]);
    let line = place.refusal();
    assert!(line.contains(&place.path()) && line.contains("quota of space") && line.contains("1 MB"), "{line}");
    let file = file_of(&place.import());
    let said = printed(&sakia().arg("doctor").arg(file.path()).output().unwrap());
    assert!(said.contains("space") && said.contains("FAIL"), "{said}");
    place.quota(&["-clrSpaceQuota"]);
    run(sakia(), &place.import());
    let rows = tool("etl", "hdfs", &["dfs", "-cat", &format!("{}/t/part*", place.path())]);
    assert_eq!(rows.lines().count(), 1000);
}

#[test]
fn an_agent_keeps_its_channel_until_there_is_room() {
    let (place, directory) = (Place::new(), tempfile::tempdir().unwrap());
    let line =
        |n: u32| format!("10.0.0.1 - - [10/Oct/2020:13:55:36 +0000] \"GET /p/{n} HTTP/1.1\" 200 12 \"-\" \"curl\"\n");
    let log = directory.path().join("access.log");
    std::fs::write(&log, (0..500).map(line).collect::<String>()).unwrap();
    let pipeline = format!(
        "{}\n[hdfs]\n[metastore]\n[[step]]\ntype = 'agent'\nname = 'clicks'\nfiles = 'access.log'\nchannel-dir = 'channel'\n\
         target-dir = '{1}/clicks'\nreject-dir = '{1}/rejects'\nhive-database = 'default'\nhive-table = '{2}'\n",
        by_keytab("etl"),
        place.path(),
        place.0,
    );
    std::fs::write(directory.path().join("pipeline.toml"), pipeline).unwrap();
    let drain = || {
        let mut agent: Command = sakia();
        agent.arg("agent").arg(directory.path().join("pipeline.toml")).arg("--drain").output().unwrap()
    };
    place.quota(&["-setSpaceQuota", "1m"]);
    let done = drain();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("quota of space") && said.contains(&place.path()), "{said}");
    // The log is gone; what it took of it is not.
    std::fs::remove_file(&log).unwrap();
    std::fs::write(&log, (500..510).map(line).collect::<String>()).unwrap();
    place.quota(&["-clrSpaceQuota"]);
    let done = drain();
    assert!(done.status.success(), "{}", printed(&done));
    let counted = beeline("analyst", &format!("select count(*), count(distinct path) from default.{}", place.0));
    assert_eq!(counted, [["510", "510"]]);
}
