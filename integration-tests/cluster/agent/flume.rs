//! The real Flume 1.11 and sakia on the same configuration and the same input: bodies, directories and the shapes of names
//! are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::stack::root;

const CONFIGURATION: &str = include_str!("flume/differential.properties");

/// The sinks' directories.
const CASES: [&str; 8] = ["plain", "filtered", "parted", "left", "right", "rolled", "packed", "headed"];

/// What is below a directory: for each one the shapes of the names in it, and its lines in their order by file.
type Found = BTreeMap<PathBuf, (BTreeSet<String>, Vec<Vec<String>>)>;

/// Writes the input of every source; gives how many events the sinks get.
fn write_input(dir: &Path) -> u64 {
    let write = |name: &str, lines: Vec<String>| {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        lines.len() as u64
    };
    let numbered = |count: u64, line: &dyn Fn(u64) -> String| (0..count).map(line).collect::<Vec<_>>();
    let mut odd = numbered(200, &|i| format!("line {i} of plain, häuser"));
    odd.extend(["", "  blanks  ", "tab\there", "carriage\r"].map(str::to_owned));
    let plain = write("plain/a.log", odd) + write("plain/b.log", numbered(40, &|i| format!("b {i}")));
    write("plain/c.txt", numbered(3, &|i| format!("not of the group {i}")));

    let text = |i| if i % 2 == 0 { format!("id {} x 12345678", i * 7919) } else { format!("# comment {i}") };
    write("filtered/f.log", numbered(100, &text));
    // Times on both sides of a change to summer time, and of midnight in the zone of the paths.
    let time = |i| format!("2024-03-{:02}T{:02}:{:02}:00+0000 user{} rest", 30 + i % 2, i % 24, i % 60, i % 3);
    let parted = write("parted/p.log", numbered(60, &time));
    for name in ["a", "b", "both"] {
        write(&format!("split/{name}.log"), numbered(3, &|i| format!("{name} {i}")));
    }
    let rolled = write("rolled/r.log", numbered(30, &|i| format!("r {i}")));
    let packed = write("packed/p.log", numbered(500, &|i| format!("packed {i}")));
    let headed = write("headed/h.log", numbered(3, &|i| format!("h {i}")));
    plain + 50 + parted + (6 + 6) + rolled + packed + headed
}

/// A directory with input and configuration of its own; gives the configuration and how many events there are.
fn prepare(dir: &Path) -> (PathBuf, u64) {
    let (input, out) = (dir.join("in"), dir.join("out"));
    let events = write_input(&input);
    for made in ["left", "right", "state"] {
        fs::create_dir_all(out.join(made)).unwrap();
    }
    let text = CONFIGURATION.replace("IN/", &format!("{}/", input.display()));
    let file = dir.join("agent.properties");
    fs::write(&file, text.replace("OUT/", &format!("{}/", out.display()))).unwrap();
    (file, events)
}

/// Flume, ended with the test.
pub(super) struct Flume(pub(super) Child);

impl Drop for Flume {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many events the sinks of a Flume have drained; nothing before it listens.
fn drained(port: u16) -> u64 {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("{}", |(_, body)| body);
    let metrics: BTreeMap<String, Value> = serde_json::from_str(body).unwrap_or_default();
    let sinks = metrics.iter().filter(|(name, _)| name.starts_with("SINK."));
    sinks.filter_map(|(_, counters)| counters["EventDrainSuccessCount"].as_str()?.parse::<u64>().ok()).sum()
}

/// Java with the real one's classes.
pub(super) fn java() -> Command {
    let jars = Command::new(root().join("bench/jars")).arg("flume").output().unwrap();
    assert!(jars.status.success(), "{}", String::from_utf8_lossy(&jars.stderr));
    let jars = String::from_utf8(jars.stdout).unwrap().trim().to_owned();
    let mut java = Command::new("java");
    java.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", &format!("{jars}/flume/*")]);
    java
}

/// Runs the real one until its sinks have drained `events`, then stops it, so that it closes its files.
fn run_flume(configuration: &Path, events: u64) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut java = java();
    java.args(["-Dflume.monitoring.type=http", &format!("-Dflume.monitoring.port={port}")]);
    java.args(["org.apache.flume.node.Application", "-n", "a1", "--no-reload-conf"]);
    let mut flume = Flume(java.arg("-f").arg(configuration).stdout(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    loop {
        let count = drained(port);
        if count >= events {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "Flume drained {count} of {events} events");
        assert!(flume.0.try_wait().unwrap().is_none(), "Flume ended by itself");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(Command::new("kill").arg(flume.0.id().to_string()).status().unwrap().success());
    flume.0.wait().unwrap();
}

fn run_sakia(configuration: &Path) {
    let mut sakia = Command::new(env!("CARGO_BIN_EXE_sakia"));
    sakia.args(["agent", "run", "--name", "a1", "--drain", "--flume-conf"]).arg(configuration);
    let done = sakia.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The name with `N` for each number in it.
fn shape(name: &str) -> String {
    let mut shape = String::new();
    for letter in name.chars() {
        match letter {
            '0'..='9' if shape.ends_with('N') => {}
            '0'..='9' => shape.push('N'),
            other => shape.push(other),
        }
    }
    shape
}

/// What a case left. Input lies in another directory for each of the two, and stands in headers.
fn found(dir: &Path, case: &str) -> Found {
    let (root, mut found, mut dirs) = (dir.join("out").join(case), Found::new(), Vec::new());
    dirs.push(root.clone());
    while let Some(at) = dirs.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let name = name.into_string().unwrap();
            if path.is_dir() {
                dirs.push(path);
            } else if !name.ends_with(".crc") {
                let mut bytes = fs::read(&path).unwrap();
                if name.ends_with(".gz") {
                    let packed = std::mem::take(&mut bytes);
                    MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
                }
                let text = String::from_utf8(bytes).unwrap().replace(dir.to_str().unwrap(), "DIR");
                let lines = text.split_terminator('\n').map(str::to_owned).collect();
                let (shapes, files) = found.entry(at.strip_prefix(&root).unwrap().to_owned()).or_default();
                shapes.insert(shape(&name));
                files.push(lines);
            }
        }
    }
    found.values_mut().for_each(|(_, files)| files.sort());
    found
}

#[test]
fn flume_and_sakia_make_the_same_of_the_same_configuration() {
    // A target below a hidden directory is refused.
    let [theirs, ours] = ["flume", "sakia"].map(|name| tempfile::Builder::new().prefix(name).tempdir().unwrap());
    let (configuration, events) = prepare(theirs.path());
    run_flume(&configuration, events);
    run_sakia(&prepare(ours.path()).0);
    for case in CASES {
        let (wanted, made) = (found(theirs.path(), case), found(ours.path(), case));
        assert!(!wanted.is_empty(), "{case}: Flume wrote nothing, this test shows nothing");
        assert_eq!(made, wanted, "{case}");
    }
}
