//! Agents that begin while their servers are away: their sources go on, and each event is there once when the servers come,
//! whatever is killed before.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::Path;

use crate::gate::Gate;
use crate::running::{Running, free_port, post};
use crate::stack::{self, address, beeline, hdfs_shell};

/// Events of a request.
const EVENTS: usize = 50;

/// Posts events with these names, once the agent listens.
fn send(agent: &mut Running, port: u16, name: &str) {
    agent.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    let events: Vec<String> = (0..EVENTS).map(|n| format!(r#"{{"body":"{{\"id\":\"{name} {n}\"}}"}}"#)).collect();
    assert_eq!(post(port, &format!("[{}]", events.join(","))), 200);
}

fn begin(dir: &Path) -> Running {
    Running::begin(dir, &["agent", "run", "agent.toml", "--metrics-port", "0"])
}

/// Waits until the agent cannot be used for all, for this reason.
fn wait_for_reason(agent: &mut Running, reason: &str) {
    agent.wait_for(|agent| {
        let ready = agent.get("/readyz");
        (ready.status == 503 && ready.body.contains(reason)).then_some(())
    });
}

/// How often each line is in the files of a directory.
fn lines(directory: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let text = hdfs_shell(&["dfs", "-cat", &format!("{directory}/*")]);
    text.lines().for_each(|line| *found.entry(line.to_owned()).or_default() += 1);
    found
}

fn append(log: &Path, name: &str) {
    let mut text = fs::read_to_string(log).unwrap_or_default();
    (0..EVENTS).for_each(|n| text += &format!("{name} {n}\n"));
    fs::write(log, text).unwrap();
}

#[test]
fn while_the_namenode_is_away_events_are_taken_and_each_lands_once() {
    let (dir, name) = (tempfile::tempdir().unwrap(), stack::unique("agent_away"));
    let (here, port, namenode) = (dir.path(), free_port(), free_port());
    let sink = |name: &str, path: &str| {
        format!(
            "[[channel]]\nname = '{name}'\ntype = 'file'\ndirectory = '{name}.channel'\n[[sink]]\nname = '{name}'\n\
             type = 'hdfs'\nchannel = '{name}'\npath = '{path}'\nreject-dir = '{path}_rejected'\ncompression = 'none'\n\
             roll = {{ age = '200ms' }}\n"
        )
    };
    let file = format!(
        "[hdfs]\nurl = 'hdfs://localhost:{namenode}'\nuser = 'root'\n[[source]]\nname = 'web'\ntype = 'http'\nport = {port}\n\
         channels = ['web']\n[[source]]\nname = 'log'\ntype = 'taildir'\nfiles = '*.log'\nchannels = ['log']\n{}{}",
        sink("web", &format!("/tmp/{name}/web")),
        sink("log", &format!("/tmp/{name}/log"))
    );
    fs::write(here.join("agent.toml"), file).unwrap();
    append(&here.join("a.log"), "first");

    // Nobody is at the door. A channel that is new does not know where a log is to be read on.
    let mut agent = begin(here);
    wait_for_reason(&mut agent, "source log does not take events yet");
    wait_for_reason(&mut agent, "sink web has not reached its target yet");
    agent.wait_for(|agent| (agent.metric("sakia_source_connections_total{source=\"web\"}").is_some()).then_some(()));
    agent.wait_for(|agent| agent.log().contains("channel web takes events meanwhile").then_some(()));
    send(&mut agent, port, "one");
    assert_eq!(agent.get("/healthz").status, 200);
    agent.wait_for_metric("sakia_channel_events{channel=\"web\"}", EVENTS as f64);
    agent.wait_for_metric("sakia_sink_failing{sink=\"web\"}", 1.0);
    assert!(agent.log().contains("sink web cannot reach its target"), "{}", agent.log());
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(here);
    agent.wait_for_metric("sakia_channel_events{channel=\"web\"}", EVENTS as f64);
    send(&mut agent, port, "two");

    let gate = Gate::at(namenode, &address("NAMENODE_PORT"));
    agent.wait_for_metric("sakia_sink_events_total{sink=\"web\"}", 2.0 * EVENTS as f64);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"log\"}", EVENTS as f64);
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    agent.wait_for_metric("sakia_sink_failing{sink=\"web\"}", 0.0);

    // The channel knows now, and the log is followed while the way is shut.
    agent.signal("KILL");
    drop(agent);
    gate.shut();
    append(&here.join("a.log"), "second");
    let mut agent = begin(here);
    agent.wait_for_metric("sakia_channel_events{channel=\"log\"}", EVENTS as f64);
    send(&mut agent, port, "three");
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(here);
    agent.wait_for_metric("sakia_channel_events{channel=\"web\"}", EVENTS as f64);
    append(&here.join("a.log"), "third");
    agent.wait_for_metric("sakia_channel_events{channel=\"log\"}", 2.0 * EVENTS as f64);
    gate.open();
    agent.wait_for_metric("sakia_sink_events_total{sink=\"web\"}", EVENTS as f64);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"log\"}", 2.0 * EVENTS as f64);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
    for directory in ["web", "log"] {
        let lines = lines(&format!("/tmp/{name}/{directory}"));
        assert!(lines.len() == 3 * EVENTS && lines.values().all(|times| *times == 1), "{directory}: {lines:?}");
    }
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}

#[test]
fn while_the_metastore_is_away_events_are_taken_and_each_lands_once() {
    let (dir, name) = (tempfile::tempdir().unwrap(), stack::unique("agent_away"));
    let (here, port, metastore) = (dir.path(), free_port(), free_port());
    let file = format!(
        "[hdfs]\nurl = 'hdfs://{}'\nuser = 'root'\n[metastore]\nurl = 'thrift://localhost:{metastore}'\n[[source]]\nname = 'web'\n\
         type = 'http'\nport = {port}\nchannels = ['web']\ninterceptors = [{{ type = 'timestamp' }}]\n[[channel]]\nname = 'web'\n\
         type = 'file'\ndirectory = 'channel'\n[[sink]]\nname = 'ids'\ntype = 'table'\nchannel = 'web'\n\
         target-dir = '/tmp/{name}/ids'\nreject-dir = '/tmp/{name}/rejects'\nhive-database = '{name}'\nhive-table = 'ids'\n\
         roll = {{ age = '200ms' }}\nparser = {{ type = 'json', columns = [{{ name = 'id' }}] }}\n",
        address("NAMENODE_PORT")
    );
    fs::write(here.join("agent.toml"), file).unwrap();
    for part in ["one", "two"] {
        let mut agent = begin(here);
        wait_for_reason(&mut agent, "sink ids has not reached its target yet");
        agent.wait_for(|agent| agent.log().contains("takes events meanwhile").then_some(()));
        agent.wait_for_metric("sakia_sink_failing{sink=\"ids\"}", 1.0);
        send(&mut agent, port, part);
        agent.signal("KILL");
    }
    let mut agent = begin(here);
    let gate = Gate::at(metastore, &address("METASTORE_PORT"));
    agent.wait_for_metric("sakia_sink_rows_total{sink=\"ids\"}", 2.0 * EVENTS as f64);
    // Once it runs, it goes away in the middle, and is away at the next start.
    gate.shut();
    send(&mut agent, port, "three");
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(here);
    gate.open();
    agent.wait_for_metric("sakia_channel_events{channel=\"web\"}", 0.0);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
    let all = (3 * EVENTS).to_string();
    assert_eq!(beeline(&format!("select count(*), count(distinct id) from {name}.ids")), [[all.clone(), all]]);
    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}
