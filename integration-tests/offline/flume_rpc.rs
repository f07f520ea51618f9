//! Agents that send to each other, and `avro-client`: Flume's configurations at the binary.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::flume::{lines, place, said, sakia};
use crate::running::Running;

const CHANNELS: &str = "a1.sources = r\na1.channels = c\na1.sinks = k\na1.channels.c.type = memory\n\
                        a1.channels.c.capacity = 10000\na1.sources.r.channels = c\na1.sinks.k.channel = c\n";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An agent that takes events and puts them into files.
fn collector(kind: &str, port: u16) -> (tempfile::TempDir, Running) {
    let dir = place(&format!(
        "{CHANNELS}a1.sources.r.type = {kind}\na1.sources.r.bind = 127.0.0.1\na1.sources.r.port = {port}\n\
         a1.sinks.k.type = file_roll\na1.sinks.k.sink.directory = @D/local\na1.sinks.k.sink.rollInterval = 1\n\
         a1.sinks.k.sink.serializer = HEADER_AND_TEXT\n"
    ));
    fs::create_dir(dir.path().join("local")).unwrap();
    let arguments = ["agent", "run", "--flume-conf", "x.properties", "--name", "a1", "--metrics-port", "0"];
    let mut running = Running::begin(dir.path(), &arguments);
    running.wait_for(|running| (running.get("/readyz").status == 200).then_some(()));
    (dir, running)
}

/// Waits until so many lines are in the files, and gives them.
fn landed(running: &mut Running, dir: &Path, count: usize) -> Vec<String> {
    running.wait_for(|_| Some(lines(&dir.join("local")).0).filter(|found| found.len() >= count))
}

#[test]
fn one_agent_sends_to_another() {
    for kind in ["avro", "thrift"] {
        let port = free_port();
        let (dir, mut running) = collector(kind, port);
        let sender = place(&format!(
            "{CHANNELS}a1.sources.r.type = spooldir\na1.sources.r.spoolDir = @D/spool\na1.sources.r.fileHeader = true\n\
             a1.sinks.k.type = {kind}\na1.sinks.k.hostname = localhost\na1.sinks.k.port = {port}\n"
        ));
        fs::create_dir(sender.path().join("spool")).unwrap();
        fs::write(sender.path().join("spool/a.log"), "one\ntwo\nthree\n").unwrap();
        let arguments = ["agent", "run", "--flume-conf", "x.properties", "--name", "a1", "--drain"];
        let done = sakia(sender.path(), &arguments);
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("at least once"), "{}", said(&done));
        let file = sender.path().join("spool/a.log");
        let wanted = ["one", "three", "two"].map(|body| format!("{{file={}}} {body}", file.display()));
        assert_eq!(landed(&mut running, dir.path(), 3), wanted);
    }
}

#[test]
fn lines_are_sent_by_hand() {
    let port = free_port();
    let (dir, mut running) = collector("avro", port);
    let here = dir.path();
    fs::write(here.join("text"), "1\n2\r\n3\n4\n5\n6").unwrap();
    fs::write(here.join("headers"), "site = shop\n").unwrap();
    fs::write(here.join("rpc"), format!("hosts = h1\nhosts.h1 = localhost:{port}\n")).unwrap();
    fs::create_dir(here.join("spool")).unwrap();
    fs::write(here.join("spool/x"), "a\nb\n").unwrap();
    let port = port.to_string();
    let send = |arguments: &[&str]| sakia(here, &[&["flume-ng", "avro-client"], arguments].concat());
    let done = send(&["-H", "localhost", "-p", &port, "-F", "text", "-R", "headers"]);
    assert!(done.status.success() && said(&done).contains("6 lines sent"), "{}", said(&done));
    let wanted: Vec<String> = (1..=6).map(|number| format!("{{site=shop}} {number}")).collect();
    assert_eq!(landed(&mut running, here, 6), wanted);
    let done = send(&["--rpcProps", "rpc", "--dirname", "spool"]);
    assert!(done.status.success() && said(&done).contains("2 lines sent"), "{}", said(&done));
    assert!(here.join("spool/x.COMPLETED").is_file());
    assert_eq!(landed(&mut running, here, 8)[6..], ["{} a", "{} b"]);
    // Nobody is there.
    drop(running);
    let done = send(&["-H", "localhost", "-p", &port, "-F", "text"]);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains(&format!("cannot reach an avro source at localhost:{port}")), "{}", said(&done));
    let done = send(&["-H", "localhost", "-p", &port, "-F", "no-such-file"]);
    assert!(said(&done).contains("cannot open no-such-file"), "{}", said(&done));
}
