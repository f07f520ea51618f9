//! An agent's table with many small files, compacted by the command that is killed again and again, and by the agent itself
//! while it runs: Hive has the same rows before, during and after, and those that come late.

use std::thread;

use super::*;

/// Logs of a line each are epochs, and so files, of their own.
const FILES: usize = 200;

/// An agent's own file: logs into a table by day.
fn agent(name: &str, sink: &str) -> String {
    let (namenode, metastore) = (address("NAMENODE_PORT"), address("METASTORE_PORT"));
    format!(
        "[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{metastore}'\n\
         [[source]]\nname = 'log'\ntype = 'taildir'\nfiles = '*.log'\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n\
         [[sink]]\nname = 'clicks'\ntype = 'table'\nchannel = 'c'\nroll = {{ rows = 1 }}\n\
         target-dir = '/tmp/{name}/clicks'\nreject-dir = '/tmp/{name}/rejects'\nhive-database = '{name}'\n\
         hive-table = 'clicks'\nparser = {{ type = 'weblog', format = 'combined' }}\n{sink}\n"
    )
}

impl Place {
    fn sakia(&self, args: &[&str]) -> Command {
        let mut command = stack::sakia();
        command.args(args).current_dir(self.dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end; the first step of its summary.
    fn done(&self, args: &[&str]) -> Value {
        let output = self.sakia(args).args(["--output", "json"]).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        summary["steps"][0].clone()
    }

    fn drain_agent(&self) -> Value {
        self.done(&["agent", "run", "agent.toml", "--drain"])
    }

    /// Count, and a sum over the paths of lines.
    fn seen(&self) -> Vec<Vec<String>> {
        beeline(&format!("select count(*), sum(cast(substr(path, 4) as bigint)) from {}.clicks", self.name))
    }

    /// The directory in which Hive reads the day, and its files.
    fn day(&self) -> (String, usize) {
        let described = beeline(&format!("describe formatted {}.clicks partition (dt='2011-03-01')", self.name));
        let location = described.iter().find(|row| row[0].trim() == "Location:").unwrap()[1].trim().to_owned();
        let listed = hdfs_shell(&["dfs", "-ls", "-C", &format!("{location}/part-*")]);
        (location, listed.lines().count())
    }
}

fn sums(lines: usize) -> Vec<Vec<String>> {
    vec![vec![lines.to_string(), (lines * (lines - 1) / 2).to_string()]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_files_become_one_whatever_is_killed_and_late_rows_are_seen() {
    let place = Place::new().await;
    fs::write(place.path("agent.toml"), agent(&place.name, "complete = { lateness = '1h' }")).unwrap();
    for i in 0..FILES {
        append(&place.path(&format!("{i:03}.log")), i..i + 1);
    }
    let later = r#"203.0.113.1 - - [02/Mar/2011:08:00:00 +0000] "GET /k/0 HTTP/1.1" 200 5 "-" "x""#;
    let drained = place.drain_agent();
    assert_eq!(drained["rows-out"], FILES);
    let compact = ["agent", "compact", "agent.toml"];
    assert_eq!(place.done(&compact)["detail"], "0 files of 0 partitions became 0, 0 old files deleted");
    fs::write(place.path("later.log"), format!("{later}\n")).unwrap();
    place.drain_agent();
    let whole = format!("select count(*) from {}.clicks where dt = '2011-03-01'", place.name);
    assert_eq!(place.seen(), vec![vec!["201".to_owned(), sums(FILES)[0][1].clone()]]);
    let (own, files) = place.day();
    assert_eq!(files, FILES);
    let dry = place.done(&["agent", "compact", "agent.toml", "--dry-run"]);
    assert_eq!(dry["detail"], "200 files of 1 partition would be rewritten");

    // Killed when it has begun to write, and once the new place is recorded; Hive is asked all the while.
    let home = format!("/tmp/{}/clicks/_compacted/dt=2011-03-01", place.name);
    let asking = {
        let whole = whole.clone();
        thread::spawn(move || (0..4).map(|_| beeline(&whole)).collect::<Vec<_>>())
    };
    for recorded in [false, false, true] {
        let mut running = Running(place.sakia(&compact).spawn().unwrap());
        let began = Instant::now();
        loop {
            let there = place.fs.list(&home).await.unwrap_or_default();
            let is_time = match recorded {
                true => there.iter().any(|file| file.name() == "place.json"),
                false => there.iter().any(|file| file.is_dir),
            };
            if is_time || running.0.try_wait().unwrap().is_some() {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "nothing is written");
        }
        drop(running);
        assert_eq!(beeline(&whole), [[FILES.to_string()]]);
    }
    for counted in asking.join().unwrap() {
        assert_eq!(counted, [[FILES.to_string()]]);
    }
    place.done(&compact);
    let (new, files) = place.day();
    assert_eq!(files, 1, "{new}");
    assert!(new.contains("/_compacted/dt=2011-03-01/"), "{new}");
    assert_eq!(place.seen(), vec![vec!["201".to_owned(), sums(FILES)[0][1].clone()]]);
    assert_eq!(place.done(&compact)["outcome"], "unchanged");
    let old = hdfs_shell(&["dfs", "-ls", "-C", &format!("{own}/part-*")]);
    assert_eq!(old.lines().count(), FILES, "who reads the old files goes on");

    // What comes late is where Hive reads it, before and after the old files are gone.
    append(&place.path("late.log"), FILES..FILES + 7);
    let late = place.drain_agent();
    assert!(late["detail"].as_str().unwrap().contains("7 late rows"), "{late}");
    assert_eq!(beeline(&whole), [[(FILES + 7).to_string()]]);
    let tidied = place.done(&["agent", "compact", "agent.toml", "--grace", "1ms"]);
    assert!(tidied["detail"].as_str().unwrap().ends_with("200 old files deleted"), "{tidied}");
    let left = hdfs_shell(&["dfs", "-ls", "-C", &own]);
    assert!(left.lines().count() == 1 && left.trim().ends_with("/_SUCCESS"), "{left}");
    assert_eq!(beeline(&whole), [[(FILES + 7).to_string()]]);
    place.assert_whole(FILES + 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_compacts_while_it_runs_and_is_killed() {
    let place = Place::new().await;
    let mut lines = 0;
    for round in 0..4 {
        // Nobody reads while it is killed. Once Hive is asked, old files stay for longer than a query takes.
        let grace = if round < 3 { "1s" } else { "10m" };
        let compact = format!("compact = {{ older-than = '1h', every = '1s', grace = '{grace}', min-files = 3 }}");
        fs::write(place.path("agent.toml"), agent(&place.name, &compact)).unwrap();
        let mut command = place.sakia(&["agent", "run", "agent.toml"]);
        let mut agent = Running(command.stderr(File::create(place.path("stderr")).unwrap()).spawn().unwrap());
        let began = Instant::now();
        // Lines come all the while, and the last round ends only when their files are few.
        loop {
            if lines < 25 * (round + 1) {
                append(&place.path(&format!("{lines:03}.log")), lines..lines + 1);
                lines += 1;
            } else if round < 3 {
                break;
            } else {
                // Only of a partition that Hive knows.
                let rewritten = format!("/tmp/{}/clicks/_compacted/dt=2011-03-01", place.name);
                let is_rewritten = !place.fs.list(&rewritten).await.unwrap_or_default().is_empty();
                if is_rewritten && place.seen() == sums(lines) && place.day().1 <= 3 {
                    break;
                }
            }
            assert!(agent.0.try_wait().unwrap().is_none(), "{}", place.stderr());
            assert!(began.elapsed() < Duration::from_secs(300), "{}", place.stderr());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(agent);
    }
    assert!(!place.stderr().contains("compacting failed"), "{}", place.stderr());
    place.drain_agent();
    assert_eq!(place.seen(), sums(lines));
    place.done(&["agent", "compact", "agent.toml", "--grace", "1ms"]);
    place.assert_whole(lines);
}
