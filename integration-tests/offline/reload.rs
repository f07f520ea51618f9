//! An agent whose file changes while it runs.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use super::running::{Running, free_port, post};

/// A line of its own: events by HTTP into a file channel and away.
fn line(name: &str, port: u16, age: &str) -> String {
    format!(
        "[[source]]\nname = 'r-{name}'\ntype = 'http'\nport = {port}\nchannels = ['c-{name}']\n\
         [[channel]]\nname = 'c-{name}'\ntype = 'file'\ndirectory = 'channels/{name}'\n\
         [[sink]]\nname = 'k-{name}'\ntype = 'null'\nchannel = 'c-{name}'\nroll = {{ age = '{age}' }}\n"
    )
}

fn write(dir: &Path, text: &str) {
    std::fs::write(dir.join("agent.toml.new"), text).unwrap();
    std::fs::rename(dir.join("agent.toml.new"), dir.join("agent.toml")).unwrap();
}

fn begin(dir: &Path, text: &str, more: &[&str]) -> Running {
    write(dir, text);
    let args = [&["agent", "run", "agent.toml", "--metrics-port", "0"], more].concat();
    let mut agent = Running::begin(dir, &args);
    ready(&mut agent);
    agent
}

fn ready(agent: &mut Running) {
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
}

const ONE: &str = r#"[{"body":"one"}]"#;
const DONE: &str = "sakia_agent_reloads_total{outcome=\"done\"}";
const REFUSED: &str = "sakia_agent_reloads_total{outcome=\"refused\"}";

#[test]
fn what_changed_begins_anew_and_the_rest_runs_on() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b, c) = (free_port(), free_port(), free_port());
    let mut agent = begin(dir.path(), &(line("a", a, "50ms") + &line("b", b, "1h")), &[]);
    assert_eq!((post(a, ONE), post(b, ONE), post(b, ONE)), (200, 200, 200));
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k-a\"}", 1.0);

    write(dir.path(), &(line("a", a, "50ms") + &line("b", b, "50ms") + &line("c", c, "50ms")));
    agent.signal("HUP");
    agent.wait_for_metric(DONE, 1.0);
    ready(&mut agent);
    agent.wait_for_log("1 of the agent's parts ended, 2 begun");
    assert_eq!((post(a, ONE), post(b, ONE), post(c, ONE)), (200, 200, 200));
    for (sink, wanted) in [("k-a", 2.0), ("k-b", 3.0), ("k-c", 1.0)] {
        agent.wait_for_metric(&format!("sakia_sink_events_total{{sink=\"{sink}\"}}"), wanted);
    }
    let put = |agent: &Running, channel: &str| {
        agent.metric(&format!("sakia_channel_put_events_total{{channel=\"{channel}\"}}")).unwrap()
    };
    assert_eq!((put(&agent, "c-a"), put(&agent, "c-b")), (2.0, 1.0), "one was never closed, the other was opened anew");

    write(dir.path(), &(line("a", a, "50ms") + &line("c", c, "50ms")));
    agent.signal("HUP");
    agent.wait_for_metric(DONE, 2.0);
    assert_eq!(agent.metric("sakia_sink_events_total{sink=\"k-b\"}"), None, "it is gone");
    assert!(std::net::TcpStream::connect(("127.0.0.1", b)).is_err(), "nobody listens for it");
    agent.signal("HUP");
    agent.wait_for_metric(DONE, 3.0);
    agent.wait_for_log("none of the agent's parts has changed");
    let (status, log) = agent.stop();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_file_that_is_wrong_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let good = line("a", port, "50ms");
    let mut agent = begin(dir.path(), &good, &[]);
    for (refused, (text, wanted)) in [
        (good.replace("type = 'null'", "type = 'nul'"), "did you mean `null`?"),
        ("[[source".to_owned(), "agent.toml:1"),
        (good.replace("channels = ['c-a']", "channels = ['x']"), "there is no channel `x`"),
    ]
    .into_iter()
    .enumerate()
    {
        write(dir.path(), &text);
        agent.signal("HUP");
        agent.wait_for_metric(REFUSED, refused as f64 + 1.0);
        agent.wait_for_log(wanted);
    }
    std::fs::remove_file(dir.path().join("agent.toml")).unwrap();
    agent.signal("HUP");
    agent.wait_for_metric(REFUSED, 4.0);
    assert_eq!(agent.metric("sakia_agent_last_reload_successful"), Some(0.0));
    assert_eq!((post(port, ONE), agent.get("/healthz").status, agent.get("/readyz").status), (200, 200, 200));
    write(dir.path(), &good);
    agent.signal("HUP");
    agent.wait_for_metric(DONE, 1.0);
    assert_eq!(agent.metric("sakia_agent_last_reload_successful"), Some(1.0));
    assert_eq!(agent.stop().0.code(), Some(0));
}

#[test]
fn a_file_that_cannot_be_run_is_given_up_for_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut agent = begin(dir.path(), &line("a", port, "50ms"), &[]);
    assert_eq!(post(port, ONE), 200);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    write(dir.path(), &line("a", taken.local_addr().unwrap().port(), "50ms"));
    agent.signal("HUP");
    agent.wait_for_metric(REFUSED, 1.0);
    ready(&mut agent);
    let log = agent.log();
    assert!(log.contains("another process listens there") && log.contains("runs on as before"), "{log}");
    assert_eq!(post(port, ONE), 200);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k-a\"}", 2.0);
    // Once the port is free the same file can be run.
    drop(taken);
    agent.signal("HUP");
    agent.wait_for_metric(DONE, 1.0);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(agent.stop().0.code(), Some(0));
}

#[test]
fn each_line_of_a_file_comes_once_over_reloads() {
    let dir = tempfile::tempdir().unwrap();
    let tail = |number: usize| {
        format!(
            "[[source]]\nname = 'r'\ntype = 'taildir'\nfiles = '*.log'\nchannels = ['c', 'm']\n\
             interceptors = [{{ type = 'static', key = 'n', value = '{number}' }}]\n\
             [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'c'\n\
             [[channel]]\nname = 'm'\ntype = 'file'\ndirectory = 'm'\n\
             [[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\nroll = {{ age = '20ms' }}\n\
             [[sink]]\nname = 'l'\ntype = 'null'\nchannel = 'm'\nroll = {{ rows = 7, age = '20ms' }}\n"
        )
    };
    let log = dir.path().join("a.log");
    std::fs::write(&log, "line\n".repeat(100)).unwrap();
    let mut agent = begin(dir.path(), &tail(0), &[]);
    for round in 1..=3 {
        let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
        file.write_all("line\n".repeat(100).as_bytes()).unwrap();
        write(dir.path(), &tail(round));
        agent.signal("HUP");
        agent.wait_for_metric(DONE, round as f64);
    }
    for sink in ["k", "l"] {
        agent.wait_for_metric(&format!("sakia_sink_events_total{{sink=\"{sink}\"}}"), 400.0);
    }
    assert_eq!(agent.metric("sakia_channel_events{channel=\"c\"}"), Some(0.0));
    assert_eq!(agent.stop().0.code(), Some(0));
}

#[test]
fn a_change_of_the_file_is_noticed_where_it_is_watched_and_the_port_moves_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (port, metrics) = (free_port(), free_port());
    write(dir.path(), &format!("[monitor]\nport = 0\n{}", line("a", port, "50ms")));
    let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml", "--watch"]);
    ready(&mut agent);
    write(dir.path(), &format!("[monitor]\nport = {metrics}\n{}", line("a", port, "50ms")));
    agent.wait_for_log(&format!("http://127.0.0.1:{metrics}/metrics"));
    agent.wait_for_log("a change of its file asks for it");
    agent.address.set_port(metrics);
    agent.wait_for_metric(DONE, 1.0);
    assert_eq!(post(port, ONE), 200);
    assert_eq!(agent.stop().0.code(), Some(0));
}

#[test]
fn flumes_file_is_read_again_as_flume_does() {
    let dir = tempfile::tempdir().unwrap();
    let (port, metrics) = (free_port(), free_port());
    let flume = |more: &str| {
        let text = format!(
            "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = http\na1.sources.r1.port = {port}\n\
             a1.sources.r1.bind = 127.0.0.1\na1.sources.r1.channels = c1\na1.channels.c1.type = memory\n\
             a1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n{more}"
        );
        std::fs::write(dir.path().join("x.properties"), text).unwrap();
    };
    flume("");
    let property = format!("-Dflume.monitoring.port={metrics}");
    let args = ["flume-ng", "agent", "-n", "a1", "-f", "x.properties", "-i", "1"];
    let mut agent = Running::begin(dir.path(), &[&args[..], &["-Dflume.monitoring.type=http", &property]].concat());
    ready(&mut agent);
    flume("a1.channels.c1.capacity = 500\n");
    agent.wait_for(|agent| {
        let json: serde_json::Value = serde_json::from_str(&agent.get("/metrics").body).ok()?;
        (json["CHANNEL.c1"]["ChannelCapacity"] == "500").then_some(())
    });
    assert_eq!(post(port, ONE), 200);
    assert_eq!(agent.stop().0.code(), Some(0));
}
