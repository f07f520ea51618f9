//! An agent that runs beside its test, with the port of its metrics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent; it is killed when dropped.
pub struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Reads the log until the agent has ended.
    reader: Option<JoinHandle<()>>,
    /// Where its metrics are.
    pub address: SocketAddr,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Running {
    /// Begins `sakia ARGS` in a directory, and waits for the port of its metrics.
    pub fn begin(dir: &Path, args: &[&str]) -> Self {
        Self::begin_as(env!("CARGO_BIN_EXE_sakia"), dir, args)
    }

    /// The same by another program, which becomes it.
    pub fn begin_as(program: &str, dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .current_dir(dir)
            .env_remove("SAKIA_LOG")
            .env_remove("HADOOP_CONF_DIR")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, to) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                to.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut running = Self { child, log, reader: Some(reader), address: ([127, 0, 0, 1], 0).into() };
        let address = running.wait_for(|running| {
            let log = running.log();
            let (_, after) = log.split_once("metrics are served on http://")?;
            after.split_once("/metrics")?.0.parse().ok()
        });
        running.address = address;
        running
    }

    /// What was read so far of what it logs, which may be less than it has done.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a look finds something.
    pub fn wait_for<T>(&mut self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{ended:?}, its log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// The value of a sample of `/metrics`, such as `sakia_sink_events_total{sink="k"}`.
    pub fn metric(&self, sample: &str) -> Option<f64> {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
        line.map(|number| number.parse().unwrap())
    }

    /// Waits until a sample has a value.
    pub fn wait_for_metric(&mut self, sample: &str, value: f64) {
        self.wait_for(|running| (running.metric(sample) == Some(value)).then_some(()));
    }

    /// Waits until it has logged a text.
    pub fn wait_for_log(&mut self, text: &str) {
        self.wait_for(|running| running.log().contains(text).then_some(()));
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap().success());
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request and reads all of the answer.
pub fn request(address: SocketAddr, text: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// Posts a body to a port of this host.
pub fn post(port: u16, body: &str) -> u16 {
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    request(([127, 0, 0, 1], port).into(), &format!("{head}{body}")).status
}

/// A port that nobody listens on for now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
