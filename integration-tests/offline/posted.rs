//! Events posted from agent to agent, with a token and gzip, while the sender is killed; the sink `http` of a file of
//! Flume's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::running::{Running, free_port};

const EVENTS: usize = 20_000;

/// An agent that takes events at a port and writes their bodies into files.
fn taker(dir: &Path, port: u16) -> Running {
    fs::write(dir.join("token"), "open sesame\n").unwrap();
    fs::write(
        dir.join("taker.toml"),
        format!(
            "[monitor]\nport = 0\n[[source]]\nname = 'r'\ntype = 'http'\nport = {port}\nchannels = ['c']\ntoken-file = 'token'\n\
             [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'taken'\n\
             [[sink]]\nname = 'k'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = 'out'\nreject-dir = 'rejected'\nroll = {{ age = '200ms' }}\n"
        ),
    )
    .unwrap();
    Running::begin(dir, &["agent", "run", "taker.toml"])
}

fn sender(dir: &Path, port: u16) -> Child {
    let file = format!(
        "[[source]]\nname = 'n'\ntype = 'taildir'\nfiles = 'in.log'\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'sent'\n\
         [[sink]]\nname = 'k'\ntype = 'http'\nchannel = 'c'\nurl = 'http://127.0.0.1:{port}/'\nform = 'events'\nbatch-size = 50\n\
         compression = 'gzip'\ntoken-file = 'token'\nreject-dir = 'refused'\n"
    );
    fs::write(dir.join("sender.toml"), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
    command.args(["agent", "run", "sender.toml", "--drain"]).current_dir(dir).env_remove("SAKIA_LOG");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The lines in the files that the taker has made.
fn lines(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir.join("out")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_seen = |path: &std::path::PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
    files
        .filter(is_seen)
        .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn events_are_posted_from_agent_to_agent() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let text: String = (0..EVENTS).map(|n| format!("line {n}\n")).collect();
    fs::write(dir.path().join("in.log"), text).unwrap();
    let mut taker = taker(dir.path(), port);
    // Killed three times while it sends.
    for part in 1..=3 {
        let mut child = sender(dir.path(), port);
        taker.wait_for(|taker| {
            let taken = taker.metric("sakia_source_accepted_events_total{source=\"r\"}")?;
            (taken >= (part * EVENTS / 5) as f64).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = sender(dir.path(), port).wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("at least once"), "{said}");
    let taken = |taker: &Running| taker.metric("sakia_source_accepted_events_total{source=\"r\"}");
    let all = taken(&taker).unwrap();
    taker.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", all);
    let lines = lines(dir.path());
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(distinct.len(), EVENTS);
    assert!(lines.len() >= EVENTS && !dir.path().join("refused").exists(), "{}", lines.len());
    // Nothing is wrong with the events where it is the token.
    fs::write(dir.path().join("token"), "wrong\n").unwrap();
    let mut more = fs::OpenOptions::new().append(true).open(dir.path().join("in.log")).unwrap();
    std::io::Write::write_all(&mut more, b"another\n").unwrap();
    let done = sender(dir.path(), port).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("answered 401") && !said.contains("wrong\n"), "{said}");
}

#[test]
fn flumes_sink_of_http_runs_as_it_is() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    fs::write(
        dir.path().join("taker.toml"),
        format!(
            "[monitor]\nport = 0\n[[source]]\nname = 'r'\ntype = 'http'\nhandler = 'blob'\nport = {port}\nchannels = ['c']\n\
             [[channel]]\nname = 'c'\ntype = 'memory'\n[[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\n"
        ),
    )
    .unwrap();
    let mut taker = Running::begin(dir.path(), &["agent", "run", "taker.toml"]);
    taker.wait_for(|taker| (taker.get("/readyz").status == 200).then_some(()));
    let root = dir.path().display();
    let conf = format!(
        "a1.sources = r\na1.channels = c\na1.sinks = k\na1.sources.r.type = seq\na1.sources.r.totalEvents = 100\n\
         a1.sources.r.channels = c\na1.channels.c.type = file\na1.channels.c.dataDirs = {root}/data\n\
         a1.channels.c.minimumRequiredSpace = 0\na1.sinks.k.type = http\na1.sinks.k.channel = c\n\
         a1.sinks.k.endpoint = http://127.0.0.1:{port}/x\na1.sinks.k.defaultBackoff = true\na1.sinks.k.defaultRollback = true\n\
         a1.sinks.k.backoff.4XX = false\na1.sinks.k.rollback.4XX = false\na1.sinks.k.backoff.200 = false\n\
         a1.sinks.k.rollback.200 = false\na1.sinks.k.incrementMetrics.200 = true\na1.sinks.k.rejectDir = {root}/refused\n"
    );
    fs::write(dir.path().join("flume.conf"), conf).unwrap();
    let mut command = Command::new("timeout");
    command.arg(Duration::from_secs(60).as_secs().to_string()).arg(env!("CARGO_BIN_EXE_sakia"));
    command.args(["agent", "run", "--flume-conf", "flume.conf", "--name", "a1", "--drain"]).current_dir(dir.path());
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    taker.wait_for_metric("sakia_source_accepted_events_total{source=\"r\"}", 100.0);
    assert!(!dir.path().join("refused").exists());
}
