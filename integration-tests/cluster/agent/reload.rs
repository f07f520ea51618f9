//! An agent whose file changes again and again while it writes into HDFS and Hive: each line is there once, and the servers
//! may be named anew.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stack::{self, address, beeline, hdfs_shell};

/// Lines that are appended before each reload.
const LINES: usize = 2_000;
const RELOADS: usize = 4;

/// A log into files of events and into a table; `version` changes both.
fn agent(name: &str, version: usize, limit: &str) -> String {
    let (namenode, metastore) = (address("NAMENODE_PORT"), address("METASTORE_PORT"));
    let sink = |name: &str, channel: &str, roll: usize, keys: &str| {
        format!(
            "[[channel]]\nname = '{channel}'\ntype = 'file'\ndirectory = '{channel}'\n\
                 [[sink]]\nname = '{name}'\nchannel = '{channel}'\nroll = {{ age = '{roll}ms' }}\n{keys}\n"
        )
    };
    let events = format!(
        "type = 'hdfs'\npath = '/tmp/{name}/events'\nreject-dir = '/tmp/{name}/events_rejected'\ncompression = 'none'"
    );
    let table = format!(
        "type = 'table'\ntarget-dir = '/tmp/{name}/clicks'\nreject-dir = '/tmp/{name}/rejects'\nhive-database = '{name}'\n\
         hive-table = 'clicks'\nparser = {{ type = 'weblog', format = 'common' }}"
    );
    format!(
        "connect-timeout = '{limit}'\n[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{metastore}'\n\
         [[source]]\nname = 'log'\ntype = 'taildir'\nfiles = '*.log'\nchannels = ['e', 't']\n{}{}",
        sink("events", "e", 100 + version, &events),
        sink("clicks", "t", 200 + version, &table)
    )
}

fn append(log: &Path, from: usize) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let line = |i| format!("203.0.113.9 - - [01/Mar/2011:10:00:00 +0000] \"GET /p/{i} HTTP/1.1\" 200 5\n");
    file.write_all((from..from + LINES).map(line).collect::<String>().as_bytes()).unwrap();
}

/// Waits until the agent's log, which is a file, tells something so often.
fn wait_for(log: &Path, what: &str, times: usize, agent: &mut Child) {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap();
        if text.matches(what).count() >= times {
            return;
        }
        let ended = agent.try_wait().unwrap();
        assert!(ended.is_none() && began.elapsed() < Duration::from_secs(120), "{what}: {ended:?}\n{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_line_is_there_once_over_changes_of_the_file() {
    let (dir, name) = (tempfile::tempdir().unwrap(), stack::unique("agent_reload"));
    let (log, said) = (dir.path().join("a.log"), dir.path().join("said"));
    fs::write(dir.path().join("agent.toml"), agent(&name, 0, "20s")).unwrap();
    let mut running = Command::new(env!("CARGO_BIN_EXE_sakia"))
        .args(["agent", "run", "agent.toml", "--metrics-port", "0", "--output", "json"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(File::create(&said).unwrap())
        .spawn()
        .unwrap();
    wait_for(&said, "metrics are served", 1, &mut running);
    let hangup = |running: &Child| {
        assert!(Command::new("kill").args(["-HUP", &running.id().to_string()]).status().unwrap().success());
    };
    for round in 0..RELOADS {
        append(&log, round * LINES);
        // An epoch or two may be on its way.
        std::thread::sleep(Duration::from_millis(150 * round as u64));
        // The last one names its servers anew.
        let limit = if round + 1 == RELOADS { "19s" } else { "20s" };
        fs::write(dir.path().join("agent.toml"), agent(&name, round + 1, limit)).unwrap();
        hangup(&running);
        wait_for(&said, "it is in force: 1 of the agent's parts ended, 1 begun", round + 1, &mut running);
    }
    fs::write(dir.path().join("agent.toml"), agent(&name, 9, "20s").replace("/clicks'", "/events/x'")).unwrap();
    hangup(&running);
    wait_for(&said, "the agent runs on as before", 1, &mut running);
    append(&log, RELOADS * LINES);
    let wanted = ((RELOADS + 1) * LINES).to_string();
    let began = Instant::now();
    loop {
        let events = hdfs_shell(&["dfs", "-cat", &format!("/tmp/{name}/events/*")]);
        let mut lines: Vec<&str> = events.lines().collect();
        lines.sort_unstable();
        let all = lines.len();
        lines.dedup();
        assert_eq!(lines.len(), all, "no line is there twice");
        if all.to_string() == wanted {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{all} of {wanted}: {}",
            fs::read_to_string(&said).unwrap()
        );
    }
    assert!(Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap().success());
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", fs::read_to_string(&said).unwrap());
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    for step in summary["steps"].as_array().unwrap() {
        assert_eq!(step["rows-in"].to_string(), wanted, "over all versions: {summary}");
    }
    let counted = beeline(&format!("select count(*), count(distinct path) from {name}.clicks"));
    assert_eq!(counted, [[wanted.clone(), wanted]]);
    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}
