//! An agent whose directory in HDFS has no room left: it waits, also when it is killed and begun anew meanwhile, says why, and
//! each event is there once when the quota is lifted.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;

use crate::running::{Running, free_port, post};
use crate::stack::{self, address, hdfs_shell};

/// Events of a request.
const EVENTS: usize = 50;

fn begin(dir: &std::path::Path, port: u16) -> Running {
    let mut agent = Running::begin(dir, &["agent", "run", "agent.toml", "--metrics-port", "0"]);
    agent.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    agent
}

fn send(port: u16, name: &str) {
    let events: Vec<String> = (0..EVENTS).map(|n| format!(r#"{{"body":"{name} {n}"}}"#)).collect();
    assert_eq!(post(port, &format!("[{}]", events.join(","))), 200);
}

/// Waits until `/readyz` says that the sink waits for room.
fn wait_for_reason(agent: &mut Running, words: &str) {
    agent.wait_for(|agent| {
        let ready = agent.get("/readyz").body;
        (ready.contains("sink k ") && ready.contains(words)).then_some(())
    });
}

#[test]
fn where_a_quota_is_used_up_events_are_taken_and_each_lands_once_when_it_is_lifted() {
    let (dir, port, name) = (tempfile::tempdir().unwrap(), free_port(), stack::unique("agent_full"));
    let (here, place) = (dir.path(), format!("/tmp/{name}"));
    let file = format!(
        "[hdfs]\nurl = 'hdfs://{}'\nuser = 'root'\n[[source]]\nname = 'web'\ntype = 'http'\nport = {port}\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n[[sink]]\nname = 'k'\ntype = 'hdfs'\nchannel = 'c'\n\
         path = '{place}/events'\nreject-dir = '{place}/rejected'\ncompression = 'none'\nroll = {{ age = '100ms' }}\n",
        address("NAMENODE_PORT")
    );
    fs::write(here.join("agent.toml"), file).unwrap();
    let mut agent = begin(here, port);
    send(port, "before");
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", EVENTS as f64);

    hdfs_shell(&["dfsadmin", "-setSpaceQuota", "1m", &place]);
    send(port, "full");
    wait_for_reason(&mut agent, "quota of space");
    agent.wait_for_metric("sakia_sink_failing{sink=\"k\"}", 1.0);
    assert_eq!((agent.get("/readyz").status, agent.get("/healthz").status), (200, 200));
    assert_eq!(agent.metric("sakia_channel_events{channel=\"c\"}"), Some(EVENTS as f64));
    // It goes on trying, and does not say so each time.
    let failures = |agent: &Running| agent.metric("sakia_sink_failures_total{sink=\"k\"}").unwrap();
    agent.wait_for(|agent| (failures(agent) > 4.0).then_some(()));
    assert_eq!(agent.log().matches("trying again").count(), 1, "{}", agent.log());

    // Killed meanwhile, it begins with what it has; also where not even its lock finds a place.
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(here, port);
    send(port, "killed");
    wait_for_reason(&mut agent, "quota of space");
    agent.signal("KILL");
    drop(agent);
    hdfs_shell(&["dfsadmin", "-setQuota", "1", &place]);
    let mut agent = begin(here, port);
    send(port, "without a lock");
    wait_for_reason(&mut agent, "quota of names");

    hdfs_shell(&["dfsadmin", "-clrQuota", &place]);
    wait_for_reason(&mut agent, "quota of space");
    hdfs_shell(&["dfsadmin", "-clrSpaceQuota", &place]);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", 3.0 * EVENTS as f64);
    agent.wait_for(|agent| (agent.get("/readyz").body == "all parts are up\n").then_some(()));
    let (status, log) = agent.stop();
    assert!(status.success() && log.contains("goes on"), "{log}");

    let mut lines = BTreeMap::<String, usize>::new();
    let text = hdfs_shell(&["dfs", "-cat", &format!("{place}/events/*")]);
    text.lines().for_each(|line| *lines.entry(line.to_owned()).or_default() += 1);
    assert!(lines.len() == 4 * EVENTS && lines.values().all(|times| *times == 1), "{lines:?}");
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &place]);
}
