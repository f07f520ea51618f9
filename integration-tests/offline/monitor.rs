//! What can be seen of a running agent: metrics, health, readiness.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::running::{Running, free_port, post, request};

fn place(file: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent.toml"), file).unwrap();
    dir
}

/// Events by HTTP into a channel that holds ten, of which one is left out.
fn posted(port: u16, more: &str) -> String {
    format!(
        "{more}\n[[source]]\nname = 'r'\ntype = 'http'\nport = {port}\nchannels = ['c']\n\
         interceptors = [{{ type = 'regex-filter', regex = '^no', exclude = true }}]\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'c'\nmax-events = 10\n\
         [[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\nroll = {{ age = '100ms' }}\n"
    )
}

fn failed(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let done = Command::new("timeout")
        .arg("60")
        .arg(env!("CARGO_BIN_EXE_sakia"))
        .args(args)
        .current_dir(dir)
        .env_remove("SAKIA_LOG")
        .output()
        .unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn counters_of_a_running_agent() {
    let port = free_port();
    let dir = place(&posted(port, "[monitor]\nport = 0"));
    let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    assert_eq!(post(port, r#"[{"body":"one"},{"body":"no"},{"body":"three"}]"#), 200);
    assert_eq!(post(port, "no events"), 400);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", 2.0);
    for (sample, wanted) in [
        ("sakia_source_received_events_total{source=\"r\"}", 3.0),
        ("sakia_source_accepted_events_total{source=\"r\"}", 3.0),
        ("sakia_source_accepted_bytes_total{source=\"r\"}", 10.0),
        ("sakia_source_filtered_events_total{source=\"r\"}", 1.0),
        ("sakia_source_malformed_total{source=\"r\"}", 1.0),
        ("sakia_source_connections_total{source=\"r\"}", 2.0),
        ("sakia_channel_events{channel=\"c\"}", 0.0),
        ("sakia_channel_committed_events_total{channel=\"c\"}", 2.0),
        ("sakia_channel_capacity_events{channel=\"c\"}", 10.0),
        ("sakia_sink_epochs_total{sink=\"k\"}", 1.0),
        ("sakia_sink_failures_total{sink=\"k\"}", 0.0),
    ] {
        assert_eq!(agent.metric(sample), Some(wanted), "{sample}");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let committed = agent.metric("sakia_sink_last_commit_timestamp_seconds{sink=\"k\"}").unwrap();
    assert!((now - committed).abs() < 60.0, "{committed}");
    assert!(agent.metric("process_resident_memory_bytes").unwrap() > 1e6);
    let metrics = agent.get("/metrics");
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    let health = agent.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "the agent runs\n"));
    assert_eq!(agent.get("/nowhere").status, 404);
    let write = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(request(agent.address, write).status, 405);
    let (status, log) = agent.stop();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn an_event_that_waits_is_seen_with_its_age() {
    let port = free_port();
    let dir = place(&posted(port, "").replace("100ms", "1h"));
    let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml", "--metrics-port", "0"]);
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    assert_eq!(post(port, r#"[{"body":"1"},{"body":"2"},{"body":"3"},{"body":"4"}]"#), 200);
    assert_eq!(agent.metric("sakia_channel_events{channel=\"c\"}"), Some(4.0));
    assert_eq!(agent.metric("sakia_channel_fill_ratio{channel=\"c\"}"), Some(0.4));
    agent.wait_for(|agent| {
        agent.metric("sakia_channel_oldest_event_age_seconds{channel=\"c\"}").filter(|age| *age > 0.2)
    });
}

#[test]
fn a_sink_that_has_not_reached_its_target_is_awaited() {
    // It takes connections and never says a word.
    let namenode = TcpListener::bind("127.0.0.1:0").unwrap();
    let hdfs = format!("[hdfs]\nurl = 'hdfs://{}'", namenode.local_addr().unwrap());
    let sink = "type = 'hdfs'\npath = '/lake'\nreject-dir = '/rejects'";
    let dir = place(&posted(free_port(), &hdfs).replacen("type = 'null'", sink, 1));
    let agent = Running::begin(dir.path(), &["agent", "run", "agent.toml", "--metrics-port", "0"]);
    let ready = agent.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("sink k has not reached its target yet"), "{}", ready.body);
    assert_eq!(agent.get("/healthz").status, 200, "it waits, and has not failed");
    assert_eq!(agent.metric("sakia_sink_events_total{sink=\"k\"}"), Some(0.0));
}

#[test]
fn a_token_is_wanted_where_one_is_named() {
    let dir = place(&posted(free_port(), "[monitor]\nport = 0\ntoken-file = 'token'"));
    std::fs::write(dir.path().join("token"), "s3same\n").unwrap();
    let agent = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    assert_eq!(agent.get("/metrics").status, 401);
    assert_eq!(agent.get("/healthz").status, 200);
    let with = |token: &str| {
        format!("GET /metrics HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n")
    };
    assert_eq!(request(agent.address, &with("s3same")).status, 200);
    assert_eq!(request(agent.address, &with("s3samf")).status, 401);
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_its_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = place(&posted(free_port(), ""));
    let (code, said) = failed(dir.path(), &["agent", "run", "agent.toml", "--metrics-port", &port]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("cannot serve metrics: cannot listen on 127.0.0.1:{port}")), "{said}");
    assert!(said.contains("choose another port"), "{said}");
    let (code, said) = failed(dir.path(), &["agent", "run", "agent.toml", "--metrics-bind", "0.0.0.0"]);
    assert!(code == Some(2) && said.contains("add --metrics-port"), "{code:?} {said}");
}

#[test]
fn a_table_that_makes_no_sense_is_named_with_its_line() {
    for (table, wanted) in [
        ("[monitor]\nprot = 1", "did you mean `port`?"),
        ("[monitor]\nport = 7001", "agent.toml:2: [monitor]: a source listens on port 7001 as well"),
        ("[monitor]\nport = 1\nform = 'jmx'", "agent.toml:3: [monitor]: `form`: unknown value `jmx`"),
        ("[monitor]\nport = 1\nbind = 'no host!'", "agent.toml:3: [monitor]: bind is \"no host!\""),
        ("[monitor]\nport = 1\ntoken-file = 'nowhere'", "[monitor]: the token"),
    ] {
        let (code, said) = failed(place(&posted(7001, table)).path(), &["agent", "check", "agent.toml"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn flumes_monitoring_is_served_where_its_properties_ask_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "a1.sources = r1 n1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = seq\n\
                 a1.sources.r1.totalEvents = 50\na1.sources.r1.channels = c1\na1.channels.c1.type = memory\n\
                 a1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n\
                 a1.sources.n1.type = netcat\na1.sources.n1.bind = 127.0.0.1\n\
                 a1.sources.n1.channels = c1\n";
    let port = free_port();
    let netcat = free_port();
    std::fs::write(dir.path().join("x.properties"), format!("{lines}a1.sources.n1.port = {netcat}\n")).unwrap();
    let wanted = format!("-Dflume.monitoring.port={port}");
    let args = ["flume-ng", "agent", "-n", "a1", "-f", "x.properties", "-Dflume.monitoring.type=http", &wanted];
    let mut agent = Running::begin(dir.path(), &args);
    assert_eq!(agent.address.port(), port);
    let read = |agent: &Running| serde_json::from_str::<serde_json::Value>(&agent.get("/metrics").body).unwrap();
    agent.wait_for(|agent| (read(agent)["CHANNEL.c1"]["EventPutSuccessCount"] == "50").then_some(()));
    let json = read(&agent);
    assert_eq!(json["SOURCE.r1"]["EventAcceptedCount"], "50", "{json}");
    assert_eq!((&json["SINK.k1"]["Type"], &json["CHANNEL.c1"]["ChannelCapacity"]), (&"SINK".into(), &"100".into()));
    assert!(agent.get("/metrics").head.contains("content-type: application/json;charset=utf-8"));
    agent.wait_for_log("metrics are served on 127.0.0.1 alone");
    assert_eq!(agent.stop().0.code(), Some(0));
}
