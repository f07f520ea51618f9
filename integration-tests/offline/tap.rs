//! `agent tap`: events of a running agent as they pass.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::running::{Running, free_port, post, request};

fn place(port: u16, monitor: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "{monitor}\n[[source]]\nname = 'r'\ntype = 'http'\nport = {port}\nchannels = ['c', 'd']\n\
         interceptors = [{{ type = 'static', key = 'site', value = 'shop' }}]\n\
         selector = {{ type = 'multiplexing', header = 'to', mapping = {{ d = ['d'] }}, default = ['c'] }}\n\
         [[channel]]\nname = 'c'\ntype = 'memory'\n[[channel]]\nname = 'd'\ntype = 'memory'\n\
         [[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\n[[sink]]\nname = 'l'\ntype = 'null'\nchannel = 'd'\n"
    );
    std::fs::write(dir.path().join("agent.toml"), text).unwrap();
    dir
}

fn tap(dir: &Path, args: &[&str]) -> Output {
    let args = [&["agent", "tap"], args].concat();
    Command::new(env!("CARGO_BIN_EXE_sakia")).args(args).current_dir(dir).env_remove("SAKIA_LOG").output().unwrap()
}

/// What a tap shows of events that are posted until it has enough.
fn shown(dir: &Path, port: u16, args: &[&str]) -> Vec<serde_json::Value> {
    let args = [&["agent", "tap"], args, &["--count", "2", "--for", "50s"]].concat();
    let mut tap =
        Command::new(env!("CARGO_BIN_EXE_sakia")).args(args).current_dir(dir).stdout(Stdio::piped()).spawn().unwrap();
    let began = std::time::Instant::now();
    // It begins to listen some time after it was begun.
    while tap.try_wait().unwrap().is_none() {
        assert_eq!(post(port, r#"[{"body":"one"},{"headers":{"to":"d"},"body":"two"}]"#), 200);
        assert!(began.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let done = tap.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_are_shown_at_a_source_a_channel_and_a_sink() {
    let (port, metrics) = (free_port(), free_port());
    let dir = place(port, &format!("[monitor]\nport = {metrics}"));
    let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    let source = shown(dir.path(), port, &["agent.toml", "--source", "r"]);
    assert_eq!(source.len(), 2);
    assert!(source.iter().all(|event| event["headers"].get("site").is_none()), "before its interceptors: {source:?}");
    let channel = shown(dir.path(), port, &["agent.toml", "--channel", "d"]);
    assert!(channel.iter().all(|event| event["body"] == "two" && event["headers"]["site"] == "shop"), "{channel:?}");
    let url = format!("http://127.0.0.1:{metrics}");
    let sink = shown(dir.path(), port, &["--url", &url, "--sink", "k"]);
    assert!(sink.len() == 2 && sink.iter().all(|event| event["body"] == "one"), "{sink:?}");

    for (args, code, wanted) in [
        (&["agent.toml", "--sink", "x"][..], 1, "there is no sink x"),
        (&["agent.toml", "--sink", "k", "--count", "0"], 2, "count is 0"),
        (&["agent.toml", "--sink", "k", "--source", "r"], 2, "--source"),
        (&["agent.toml"], 2, "--channel"),
        (&["--url", "here", "--sink", "k"], 2, "write http://HOST:PORT"),
        (&["--url", &format!("http://127.0.0.1:{}", free_port()), "--sink", "k"], 1, "check that the agent runs"),
    ] {
        let done = tap(dir.path(), args);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args:?} {said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let idle = tap(dir.path(), &["agent.toml", "--sink", "k", "--for", "1s"]);
    assert!(idle.status.success() && idle.stdout.is_empty(), "nothing passes in that time");
}

#[test]
fn a_browser_is_refused_and_so_is_a_wrong_token() {
    let agent_of = |more: &str| {
        let dir = place(free_port(), &format!("[monitor]\nport = 0\n{more}"));
        std::fs::write(dir.path().join("token"), "s3same").unwrap();
        let mut agent = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
        agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
        (dir, agent)
    };
    let asked = |agent: &Running, headers: &str| {
        let head = format!("GET /tap?sink=k&seconds=1 HTTP/1.1\r\nConnection: close\r\n{headers}\r\n\r\n");
        request(agent.address, &head).status
    };
    let (dir, agent) = agent_of("");
    assert_eq!(asked(&agent, "Host: localhost:9415"), 200);
    assert_eq!(asked(&agent, "Host: [::1]:9415"), 200);
    assert_eq!(asked(&agent, "Host: evil.example"), 403);
    assert_eq!(asked(&agent, "Host: localhost\r\nOrigin: http://evil.example"), 403);
    let none = tap(dir.path(), &["agent.toml", "--sink", "k"]);
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(none.status.code() == Some(2) && said.contains("does not say where the agent is watched"), "{said}");
    drop(agent);

    let (dir, agent) = agent_of("token-file = 'token'");
    assert_eq!(asked(&agent, "Host: localhost"), 401);
    assert_eq!(asked(&agent, "Host: evil.example\r\nAuthorization: Bearer s3same"), 200);
    let url = format!("http://{}", agent.address);
    let without = tap(dir.path(), &["--url", &url, "--sink", "k", "--for", "1s"]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(without.status.code() == Some(1) && said.contains("give its token by --token-file"), "{said}");
    let with = tap(dir.path(), &["--url", &url, "--token-file", "token", "--sink", "k", "--for", "1s"]);
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));
}
