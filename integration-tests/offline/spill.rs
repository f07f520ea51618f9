//! A channel in memory that spills, encrypted, at an agent that is stopped or killed; and many large calls at once.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::running::{Running, free_port, post};

/// An agent whose sink finds nobody: events stay in its channel, ten of them in memory.
fn stuck(port: u16, metrics: u16, nobody: u16) -> String {
    format!(
        "[monitor]\nport = {metrics}\n[[source]]\nname = 'h'\ntype = 'http'\nport = {port}\nchannels = ['c']\n{CHANNEL}\
         [[sink]]\nname = 'k'\ntype = 'avro'\nchannel = 'c'\nhost = 'localhost'\nport = {nobody}\n"
    )
}

const CHANNEL: &str = "[[channel]]\nname = 'c'\ntype = 'memory'\nmax-events = 10\n\
                       overflow = { directory = 'spilled', encryption = { active = 'a', keys = { a = 'a.key' } } }\n";

/// The same channel, which is emptied into a file.
fn emptied() -> String {
    format!(
        "[[source]]\nname = 's'\ntype = 'sequence'\ntotal-events = 0\nchannels = ['c']\n{CHANNEL}\
         [[sink]]\nname = 'k'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = 'out'\nreject-dir = 'rejects'\n"
    )
}

/// What is on the disk below a directory.
fn bytes(dir: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

/// Fills the channel with a hundred events, ends the agent by a signal, and gives what the next one finds.
fn left_after(signal: &str) -> (Vec<String>, String) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("a.key");
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let port = free_port();
    std::fs::write(dir.path().join("agent.toml"), stuck(port, free_port(), free_port())).unwrap();
    let mut running = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    running
        .wait_for(|agent| (agent.get("/readyz").status == 200 || agent.log().contains("cannot reach")).then_some(()));
    running.wait_for(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    for number in 0..100 {
        assert_eq!(post(port, &format!(r#"[{{"headers":{{}},"body":"order {number}"}}]"#)), 200);
    }
    running.wait_for_metric(r#"sakia_channel_events{channel="c"}"#, 100.0);
    if signal == "TERM" {
        let (status, log) = running.stop();
        assert!(status.success(), "{log}");
    } else {
        drop(running);
    }
    let spilled = bytes(&dir.path().join("spilled"));
    assert!(spilled.len() > 90 * 20 && !spilled.windows(5).any(|w| w == b"order"), "it is there, and encrypted");
    std::fs::write(dir.path().join("agent.toml"), emptied()).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_sakia"))
        .args(["agent", "run", "agent.toml", "--drain"])
        .current_dir(dir.path())
        .env_remove("SAKIA_LOG")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{log}");
    let text = String::from_utf8(bytes(&dir.path().join("out"))).unwrap();
    (text.lines().map(str::to_owned).collect(), log)
}

fn orders(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("order {number}")).collect()
}

#[test]
fn stopped_it_keeps_all_in_order() {
    let (found, log) = left_after("TERM");
    assert_eq!(found, orders(0..100), "{log}");
}

#[test]
fn killed_it_has_what_was_spilled() {
    let (found, log) = left_after("KILL");
    assert_eq!(found, orders(10..100), "{log}");
    assert!(log.contains("had in memory was lost"), "{log}");
}

#[test]
fn many_large_calls_take_no_more_memory_than_they_may() {
    let dir = tempfile::tempdir().unwrap();
    let (port, metrics) = (free_port(), free_port());
    let text = format!(
        "[monitor]\nport = {metrics}\n\
         [[source]]\nname = 't'\ntype = 'thrift'\nport = {port}\nmax-bytes-in-flight = 67108864\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'memory'\n[[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\n"
    );
    std::fs::write(dir.path().join("agent.toml"), text).unwrap();
    let mut running = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    running.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    // Calls that are begun, as far as they are taken: 640 MB in all.
    let senders = (0..20).map(|_| {
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
            stream.write_all(&(32_u32 << 20).to_be_bytes()).unwrap();
            let part = vec![b'x'; 1 << 20];
            let taken = (0..31).take_while(|_| stream.write_all(&part).is_ok()).count();
            (stream, taken)
        })
    });
    let senders: Vec<_> = senders.collect();
    let taken: Vec<(TcpStream, usize)> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_mib = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10;
    let counts: Vec<usize> = taken.iter().map(|(_, taken)| *taken).collect();
    assert!(
        counts.iter().any(|taken| *taken < 31),
        "some are held back: {counts:?} MiB, {peak_mib} MiB\n{}",
        running.log()
    );
    assert!(peak_mib < 250, "{peak_mib} MiB");
}
