//! Agents that begin while their servers are away, without a cluster: what they say and do until it comes; and sinks of groups
//! that send to servers, which come and go.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::running::{Running, free_port, post};

const DATA: &str = "[[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n";

fn source(port: u16) -> String {
    format!("[[source]]\nname = 'r'\ntype = 'http'\nport = {port}\nchannels = ['c']\n")
}

fn begin(dir: &Path, file: &str) -> Running {
    fs::write(dir.join("agent.toml"), file).unwrap();
    Running::begin(dir, &["agent", "run", "agent.toml", "--metrics-port", "0"])
}

#[test]
fn without_its_namenode_an_agent_takes_events_and_says_what_it_waits_for() {
    let (dir, port, namenode) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let file = format!(
        "[hdfs]\nurl = 'hdfs://localhost:{namenode}'\nuser = 'u'\n{}{DATA}[[sink]]\nname = 'k'\ntype = 'hdfs'\nchannel = 'c'\n\
         path = '/lake'\nreject-dir = '/rejected'\n",
        source(port)
    );
    for events in [1.0, 2.0] {
        let mut agent = begin(dir.path(), &file);
        agent.wait_for_log("channel c takes events meanwhile");
        agent.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
        assert_eq!(post(port, r#"[{"body":"x"}]"#), 200);
        agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", events);
        let ready = agent.get("/readyz");
        assert_eq!((ready.status, agent.get("/healthz").status), (503, 200));
        assert!(ready.body.contains("sink k has not reached its target yet") && !ready.body.contains("source r"));
        assert!(agent.metric("sakia_sink_failures_total{sink=\"k\"}").unwrap() >= 1.0);
        assert_eq!(agent.metric("sakia_sink_failing{sink=\"k\"}"), Some(1.0));
        // A version whose servers are away does not take the place of one that waits for them.
        fs::write(dir.path().join("agent.toml"), format!("{file}roll = {{ age = '9s' }}\n")).unwrap();
        agent.signal("HUP");
        agent.wait_for_log("the agent runs on as before");
        assert_eq!(agent.get("/healthz").status, 200);
        let (status, log) = agent.stop();
        assert!(status.success(), "{log}");
        assert!(log.contains("sink k cannot reach its target") && log.contains("trying again"), "{log}");
    }
}

#[test]
fn what_waiting_does_not_mend_ends_the_start() {
    // A target below a hidden directory is refused.
    let (dir, port) = (tempfile::Builder::new().prefix("away").tempdir().unwrap(), free_port());
    fs::create_dir_all(dir.path().join("lake")).unwrap();
    let lake = dir.path().join("lake").display().to_string();
    let file = |path: &str| {
        format!(
            "[hdfs]\nurl = 'file:///'\n{}{DATA}[[sink]]\nname = 'k'\ntype = 'hdfs'\nchannel = 'c'\npath = '{path}'\n\
             reject-dir = '{lake}/rejected'\n",
            source(port)
        )
    };
    let drain = |path: &str| {
        fs::write(dir.path().join("agent.toml"), file(path)).unwrap();
        let mut command = Command::new("timeout");
        command.arg("60").arg(env!("CARGO_BIN_EXE_sakia")).args(["agent", "run", "agent.toml"]);
        command.current_dir(dir.path()).env_remove("SAKIA_LOG").env_remove("HADOOP_CONF_DIR").output().unwrap()
    };
    // What another agent has filled.
    let state = dir.path().join("lake/.sakia/events");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("manifest.json"), "no manifest").unwrap();
    let ended = drain(&format!("{lake}/events"));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(matches!(ended.status.code(), Some(1 | 2)) && said.contains("manifest"), "{:?}: {said}", ended.status);
}

#[test]
fn on_a_full_disk_requests_are_told_to_come_later_until_there_is_room() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let file = format!(
        "[monitor]\nport = 0\n{}{DATA}[[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\nroll = {{ age = '100ms' }}\n",
        source(port)
    );
    fs::write(dir.path().join("agent.toml"), file).unwrap();
    fs::create_dir(dir.path().join("channel")).unwrap();
    // A disk of its own, in a namespace of its own, of which the test sees the files through the process.
    let script = "mount -t tmpfs -o size=8m none channel && exec \"$0\" agent run agent.toml --metrics-port 0";
    let arguments = ["--map-root-user", "--mount", "bash", "-ec", script, env!("CARGO_BIN_EXE_sakia")];
    let mut agent = Running::begin_as("unshare", dir.path(), &arguments);
    agent.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    assert_eq!(post(port, r#"[{"body":"first"}]"#), 200);
    let filler = format!("/proc/{}/root{}/channel/filler", agent.id(), dir.path().display());
    fs::write(&filler, vec![0_u8; 7_700_000]).unwrap();
    agent.wait_for(|_| (post(port, r#"[{"body":"second"}]"#) == 503).then_some(()));
    let said = "are free on the disk of channel";
    agent.wait_for_log(said);
    fs::remove_file(&filler).unwrap();
    agent.wait_for(|_| (post(port, r#"[{"body":"third"}]"#) == 200).then_some(()));
    agent.wait_for_log("there is room on the disk of channel");
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn a_sink_whose_disk_is_full_waits_until_there_is_room() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let sink = "[[sink]]\nname = 'k'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = 'disk/out'\nreject-dir = 'disk/rejected'\n\
                roll = { age = '50ms' }\n";
    fs::write(dir.path().join("agent.toml"), format!("{}{DATA}{sink}", source(port))).unwrap();
    fs::create_dir(dir.path().join("disk")).unwrap();
    let script = "mount -t tmpfs -o size=1m none disk && exec \"$0\" agent run agent.toml --metrics-port 0";
    let arguments = ["--map-root-user", "--mount", "bash", "-ec", script, env!("CARGO_BIN_EXE_sakia")];
    let mut agent = Running::begin_as("unshare", dir.path(), &arguments);
    agent.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    send(port, 0..1);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", 1.0);
    let disk = format!("/proc/{}/root{}/disk", agent.id(), dir.path().display());
    // Room for the names of files, and not for what is in them.
    let filler = format!("{disk}/filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    send(port, 1..21);
    agent.wait_for(|agent| {
        let ready = agent.get("/readyz");
        let said = ready.body.contains("sink k tries again: ") && ready.body.contains("No space left on device");
        (ready.status == 200 && said).then_some(())
    });
    assert_eq!(agent.metric("sakia_channel_events{channel=\"c\"}"), Some(20.0));
    fs::remove_file(&filler).unwrap();
    drop(file);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"k\"}", 21.0);
    let mut lines = Vec::new();
    for entry in fs::read_dir(format!("{disk}/out")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    let mut wanted: Vec<String> = (0..21).map(|n| format!("event {n}")).collect();
    wanted.sort();
    assert_eq!(lines, wanted);
    let (status, log) = agent.stop();
    assert!(status.success() && log.contains("goes on"), "{log}");
}

/// A server of HTTP that answers each request with the status that it is told, and keeps the bodies that it took.
struct Server {
    port: u16,
    status: Arc<AtomicU16>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (status, taken) = (Arc::new(AtomicU16::new(200)), Arc::<Mutex<Vec<String>>>::default());
        let (says, takes) = (status.clone(), taken.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (says, takes) = (says.clone(), takes.clone());
                std::thread::spawn(move || while serve(&stream, &says, &takes).is_some() {});
            }
        });
        Self { port, status, taken }
    }

    fn say(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

/// Answers a request; `None` where the connection has ended.
fn serve(stream: &TcpStream, status: &AtomicU16, taken: &Mutex<Vec<String>>) -> Option<()> {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = status.load(Ordering::SeqCst);
    if status == 200 {
        taken.lock().unwrap().push(String::from_utf8(body).unwrap());
    }
    let mut stream = stream;
    stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()
}

/// Two sinks that post lines, `a` before `b` where one takes over from the other.
fn group(port: u16, a: u16, b: u16, processor: &str) -> String {
    let sink = |name: &str, port: u16| {
        format!(
            "[[sink]]\nname = '{name}'\ntype = 'http'\nchannel = 'c'\nurl = 'http://127.0.0.1:{port}/'\n\
             reject-dir = '{name}.rejected'\nform = 'lines'\nroll = {{ rows = 10, age = '50ms' }}\n"
        )
    };
    format!(
        "{}{DATA}{}{}[[sink-group]]\nname = 'g'\nsinks = ['a', 'b']\nprocessor = {processor}\n",
        source(port),
        sink("a", a),
        sink("b", b)
    )
}

/// Posts events `from..to`, one a request.
fn send(port: u16, events: std::ops::Range<usize>) {
    for event in events {
        assert_eq!(post(port, &format!(r#"[{{"body":"event {event}"}}]"#)), 200);
    }
}

/// How often each event was taken.
fn lines(servers: &[&Server]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for body in servers.iter().flat_map(|server| server.taken()) {
        body.lines().for_each(|line| *lines.entry(line.to_owned()).or_default() += 1);
    }
    lines
}

/// Waits until the servers have so many different events.
fn wait_for(agent: &Running, servers: &[&Server], count: usize) {
    let began = Instant::now();
    while lines(servers).len() < count {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}\n{}", lines(servers), agent.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_group_of_http_sinks_fails_over_and_comes_back() {
    let (dir, port, later) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let b = Server::at(0);
    // The first one is not there yet.
    let processor = "{ type = 'failover', priorities = { a = 10, b = 5 }, max-penalty = '2s' }";
    let mut agent = begin(dir.path(), &group(port, later, b.port, processor));
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    send(port, 0..20);
    wait_for(&agent, &[&b], 20);
    let a = Server::at(later);
    let began = Instant::now();
    let mut sent = 20;
    while a.taken().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", agent.log());
        send(port, sent..sent + 1);
        sent += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_for(&agent, &[&a, &b], sent);
    // It is there, and busy: what it was given goes to the other one.
    a.say(503);
    let before = b.taken().len();
    send(port, sent..sent + 10);
    wait_for(&agent, &[&a, &b], sent + 10);
    assert!(b.taken().len() > before);
    agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", 0.0);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
    let lines = lines(&[&a, &b]);
    assert!(lines.values().all(|times| *times == 1), "what failed was not taken: {lines:?}");
}

#[test]
fn a_group_of_http_sinks_shares_its_events_among_those_that_answer() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let (a, b) = (Server::at(0), Server::at(0));
    let mut agent = begin(dir.path(), &group(port, a.port, b.port, "{ type = 'load-balancing', backoff = true }"));
    agent.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    send(port, 0..60);
    wait_for(&agent, &[&a, &b], 60);
    assert!(!a.taken().is_empty() && !b.taken().is_empty());
    // Killed, it goes on with what neither has; nobody answers at first.
    a.say(503);
    b.say(503);
    send(port, 60..90);
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(dir.path(), &group(port, a.port, b.port, "{ type = 'load-balancing', backoff = true }"));
    a.say(200);
    wait_for(&agent, &[&a, &b], 90);
    agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", 0.0);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
}
