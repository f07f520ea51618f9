//! The agent in `examples/agent`: its file and tests, and that the metrics of its board and its alerts are those of an agent.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::running::{Running, free_port, post};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/agent").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap()
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("sakia_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn the_agent_is_right_and_passes_its_tests() {
    for act in ["check", "test"] {
        let done = Command::new(env!("CARGO_BIN_EXE_sakia"))
            .args(["agent", act])
            .arg(example("agent.toml"))
            .env_remove("SAKIA_LOG")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{act}: {}{said}", String::from_utf8_lossy(&done.stdout));
    }
}

#[test]
fn every_metric_of_the_board_and_the_alerts_exists() {
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    let agent = format!(
        "[[source]]\nname = 'r'\ntype = 'http'\nport = {port}\nchannels = ['c']\n[[channel]]\nname = 'c'\ntype = 'memory'\n\
         max-events = 100\n[[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\nroll = {{ age = '20ms' }}\n"
    );
    std::fs::write(dir.path().join("agent.toml"), agent).unwrap();
    let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml", "--metrics-port", "0"]);
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    assert_eq!(post(port, r#"[{"body":"one"}]"#), 200);
    // Some are told only once there was an event.
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", 1.0);
    let told = metrics(&agent.get("/metrics").body);
    for file in ["grafana.json", "alerts.yml"] {
        let text = read(file);
        let named = metrics(&text);
        assert!(named.len() > 8, "{file} names {named:?}");
        let missing: Vec<_> = named.difference(&told).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}, which no agent tells");
    }
    serde_json::from_str::<serde_json::Value>(&read("grafana.json")).unwrap();
    let docs = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring.md")).unwrap();
    let untold: Vec<_> = told.iter().filter(|name| !docs.contains(*name)).cloned().collect();
    assert!(untold.is_empty(), "docs/monitoring.md does not name {untold:?}");
    let mut unknown: Vec<_> = metrics(&docs).difference(&told).cloned().collect();
    // Of a sink that completes partitions alone.
    unknown.retain(|name| name != "sakia_sink_watermark_timestamp_seconds");
    assert!(unknown.is_empty(), "docs/monitoring.md names {unknown:?}, which no agent tells");
}
