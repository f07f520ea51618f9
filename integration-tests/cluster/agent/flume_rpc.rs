//! The real Flume 1.11 and sakia send to each other by Avro, in the clear and with deflate: its agent and its avro-client to our
//! source, our sink and our avro-client to its source. What arrives is what was sent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::flume::{Flume, java};
use crate::running::{Running, free_port};

/// Events of each way.
const EVENTS: usize = 250;

/// The lines that are sent: of one byte and of many, in several scripts.
fn sent(way: &str) -> Vec<String> {
    (0..EVENTS).map(|n| format!("{way} {n} häuser 你好 {}", "x".repeat(n % 50 * 40))).collect()
}

fn write(path: &Path, lines: &[String]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// The lines of all files of a directory.
fn found(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_seen =
        |path: &std::path::PathBuf| path.is_file() && !path.file_name().unwrap().to_str().unwrap().starts_with('.');
    files
        .filter(is_seen)
        .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Waits until all that was sent is there; gives what is there more than once.
fn wait_for(directory: &Path, ways: &[&str], say: impl Fn() -> String) {
    let wanted: BTreeSet<String> = ways.iter().flat_map(|way| sent(way)).collect();
    let began = Instant::now();
    loop {
        let lines = found(directory);
        let distinct: BTreeSet<String> = lines.iter().cloned().collect();
        if distinct == wanted && lines.len() == wanted.len() {
            return;
        }
        let missing: Vec<_> = wanted.difference(&distinct).take(3).collect();
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{} lines, of which {missing:?} are missing\n{}",
            lines.len(),
            say()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Flume: two sources of ours' events into files, and two files that it sends.
fn flume(here: &Path, [plain_in, packed_in, plain_out, packed_out]: [u16; 4]) -> String {
    let root = here.display();
    let mut text = "a1.sources = ip ic op oc\na1.channels = ip ic op oc\na1.sinks = ip ic op oc\n".to_owned();
    for (name, port, compression) in [("ip", plain_in, "none"), ("ic", packed_in, "deflate")] {
        text += &format!(
            "a1.sources.{name}.type = avro\na1.sources.{name}.bind = 127.0.0.1\na1.sources.{name}.port = {port}\n\
             a1.sources.{name}.compression-type = {compression}\na1.sinks.{name}.type = file_roll\n\
             a1.sinks.{name}.sink.directory = {root}/flume.{name}\na1.sinks.{name}.sink.rollInterval = 0\n"
        );
        fs::create_dir_all(here.join(format!("flume.{name}"))).unwrap();
    }
    for (name, port, compression) in [("op", plain_out, "none"), ("oc", packed_out, "deflate")] {
        write(&here.join(format!("spool.{name}/a")), &sent(name));
        text += &format!(
            "a1.sources.{name}.type = spooldir\na1.sources.{name}.spoolDir = {root}/spool.{name}\n\
             a1.sources.{name}.deserializer.maxLineLength = 9000\na1.sinks.{name}.type = avro\n\
             a1.sinks.{name}.hostname = localhost\na1.sinks.{name}.port = {port}\na1.sinks.{name}.compression-type = {compression}\n"
        );
    }
    for name in ["ip", "ic", "op", "oc"] {
        text += &format!(
            "a1.sources.{name}.channels = {name}\na1.sinks.{name}.channel = {name}\na1.channels.{name}.type = memory\n\
             a1.channels.{name}.capacity = 1000\n"
        );
    }
    text
}

/// Ours: two sources into files.
fn taker(plain: u16, packed: u16) -> String {
    let mut text = String::new();
    for (name, port, compression) in [("op", plain, "none"), ("oc", packed, "deflate")] {
        text += &format!(
            "[[source]]\nname = '{name}'\ntype = 'avro'\nport = {port}\ncompression = '{compression}'\nchannels = ['{name}']\n\
             [[channel]]\nname = '{name}'\ntype = 'file'\ndirectory = 'taken.{name}'\n[[sink]]\nname = '{name}'\n\
             type = 'file-roll'\nchannel = '{name}'\ndirectory = 'sakia.{name}'\nreject-dir = 'rejected'\nroll = {{ age = '100ms' }}\n"
        );
    }
    text
}

/// Ours: a file that is sent with deflate.
fn sender(port: u16) -> String {
    format!(
        "[[source]]\nname = 'n'\ntype = 'taildir'\nfiles = 'ours.ic'\nchannels = ['c']\n[[channel]]\nname = 'c'\ntype = 'file'\n\
         directory = 'sent'\n[[sink]]\nname = 'k'\ntype = 'avro'\nchannel = 'c'\nhost = 'localhost'\nport = {port}\n\
         compression = 'deflate'\n"
    )
}

fn sakia(here: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
    let done = command.args(arguments).current_dir(here).env_remove("SAKIA_LOG").output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn flume_and_sakia_send_to_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (here, ports) = (dir.path(), [free_port(), free_port(), free_port(), free_port()]);
    let [plain_in, packed_in, plain_out, packed_out] = ports;
    for (name, text) in [
        ("flume.properties", flume(here, ports)),
        ("taker.toml", taker(plain_out, packed_out)),
        ("sender.toml", sender(packed_in)),
    ] {
        fs::write(here.join(name), text).unwrap();
    }
    for way in ["ip", "ic", "by-hand"] {
        write(&here.join(format!("ours.{way}")), &sent(way));
    }
    let taking = Running::begin(here, &["agent", "run", "taker.toml", "--metrics-port", "0"]);
    let mut application = java();
    application.args(["org.apache.flume.node.Application", "-n", "a1", "--no-reload-conf", "-f", "flume.properties"]);
    let _flume = Flume(application.current_dir(here).stdout(Stdio::null()).spawn().unwrap());
    let mut client = java();
    client.args(["org.apache.flume.client.avro.AvroCLIClient", "-H", "localhost", "-p", &plain_out.to_string()]);
    let client = client.args(["-F", "ours.by-hand"]).current_dir(here).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = client.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // Its own avro-client, and its agent.
    wait_for(&here.join("sakia.op"), &["op", "by-hand"], || taking.log());
    wait_for(&here.join("sakia.oc"), &["oc"], || taking.log());
    // It has sent, so it listens.
    sakia(here, &["flume-ng", "avro-client", "-H", "localhost", "-p", &plain_in.to_string(), "-F", "ours.ip"]);
    sakia(here, &["agent", "run", "sender.toml", "--drain"]);
    wait_for(&here.join("flume.ip"), &["ip"], String::new);
    wait_for(&here.join("flume.ic"), &["ic"], String::new);
}
