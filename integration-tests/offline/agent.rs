//! Agents by their own files, as far as they need no cluster.

use std::path::Path;
use std::process::{Command, Output};

fn sakia(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sakia")).args(args).current_dir(dir).env_remove("SAKIA_LOG").output().unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

fn place(file: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent.toml"), file).unwrap();
    dir
}

/// The summary of each sink, by its name.
fn sinks(done: &Output) -> Vec<(String, u64, u64)> {
    assert!(done.status.success(), "{}", said(done));
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let steps = summary["steps"].as_array().unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    steps
        .iter()
        .map(|s| (s["step"].as_str().unwrap().to_owned(), number(&s["rows-in"]), number(&s["rows-out"])))
        .collect()
}

const LOGS: &str = r#"
[[source]]
name = "access"
type = "taildir"
files = "*.log"
channels = ["all", "errors"]
interceptors = [
    { type = "regex-extractor", regex = '^(\w+)', groups = [{ name = "level" }] },
    { type = "static", key = "site", value = "shop" },
]
selector = { type = "multiplexing", header = "level", mapping = { ERROR = ["all", "errors"] }, default = ["all"] }

[[channel]]
name = "all"
type = "file"
directory = "channels/all"

[[channel]]
name = "errors"
type = "file"
directory = "channels/errors"

[[sink]]
name = "everything"
type = "null"
channel = "all"

[[sink]]
name = "wrong"
type = "logger"
channel = "errors"
max-bytes = 5
"#;

#[test]
fn a_source_fills_two_channels_and_each_line_comes_once() {
    let dir = place(LOGS);
    std::fs::write(dir.path().join("a.log"), "INFO one\nERROR two\nINFO three\n").unwrap();
    let run = || sakia(dir.path(), &["agent", "run", "agent.toml", "--drain", "--output", "json"]);
    let done = run();
    assert_eq!(sinks(&done), [("sink everything".to_owned(), 3, 3), ("sink wrong".to_owned(), 1, 1)]);
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(log.contains("level=ERROR") && log.contains("site=shop") && log.contains("45 52 52 4F 52 ERROR"), "{log}");
    assert_eq!(sinks(&run()), [("sink everything".to_owned(), 0, 0), ("sink wrong".to_owned(), 0, 0)]);
}

#[test]
fn numbers_go_through_a_channel_in_memory_that_is_smaller() {
    let dir = place(
        "[[source]]\nname = 'n'\ntype = 'sequence'\ntotal-events = 100000\nbatch-size = 100\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'memory'\nmax-events = 1000\n[[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\n",
    );
    let done = sakia(dir.path(), &["agent", "run", "agent.toml", "--output", "json"]);
    assert_eq!(sinks(&done), [("sink k".to_owned(), 100_000, 100_000)]);
}

#[test]
fn a_file_is_checked_with_all_its_mistakes() {
    let dir = place(
        &LOGS.replace("type = \"null\"", "type = \"nul\"").replace("directory = \"channels/all\"", "dir = \"x\""),
    );
    let done = sakia(dir.path(), &["agent", "check", "agent.toml"]);
    assert_eq!(done.status.code(), Some(2), "{}", said(&done));
    for wanted in ["agent.toml: ", "mistakes", "did you mean `null`?", "unknown key `dir`"] {
        assert!(said(&done).contains(wanted), "{wanted}: {}", said(&done));
    }
    let done = sakia(dir.path(), &["agent", "run", "agent.toml"]);
    assert!(said(&done).contains("(1 more mistake: sakia agent check agent.toml)"), "{}", said(&done));
    let dir = place(LOGS);
    let done = sakia(dir.path(), &["agent", "check", "agent.toml"]);
    assert!(done.status.success() && said(&done).contains("nothing is wrong"), "{}", said(&done));
    let table = LOGS.replace(
        "type = \"null\"",
        "type = \"table\"\ntarget-dir = \"/a\"\nreject-dir = \"/r\"\nparser = { type = \"weblog\" }",
    );
    let done = sakia(place(&table).path(), &["agent", "check", "agent.toml"]);
    assert!(said(&done).contains("there is no [hdfs] table"), "{}", said(&done));
}

#[test]
fn a_stop_ends_an_agent_that_follows_with_0() {
    let dir = place(LOGS);
    std::fs::write(dir.path().join("a.log"), "ERROR one\n").unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_sakia"))
        .args(["agent", "run", "agent.toml"])
        .current_dir(dir.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let channel = dir.path().join("channels/errors/segment-00000000000000000000.log");
    let began = std::time::Instant::now();
    // A header alone has 16 bytes.
    while std::fs::metadata(&channel).map_or(0, |file| file.len()) < 100 {
        assert!(began.elapsed().as_secs() < 30 && agent.try_wait().unwrap().is_none(), "it follows the log");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = agent.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

#[test]
fn a_channel_full_of_positions_alone_is_emptied() {
    // All but the last number are left out, and what is left of each is where the source goes on.
    let dir = place(
        "[[source]]\nname = 'n'\ntype = 'sequence'\ntotal-events = 20000\nchannels = ['c']\n\
         interceptors = [{ type = 'regex-filter', regex = '^19999$' }]\n\
         [[channel]]\nname = 'c'\ntype = 'memory'\nmax-bytes = 1048576\n\
         [[sink]]\nname = 'k'\ntype = 'null'\nchannel = 'c'\n",
    );
    let done = Command::new("timeout")
        .args(["120", env!("CARGO_BIN_EXE_sakia"), "agent", "run", "agent.toml", "--output", "json"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(sinks(&done), [("sink k".to_owned(), 1, 1)]);
}

#[test]
fn what_cannot_be_compacted_is_said_with_the_reason() {
    let dir = place(LOGS);
    for (args, wanted) in [
        (&[][..], "no sink of the agent has a hive-table"),
        (&["--sink", "wrong"], "sink wrong has no hive-table"),
        (&["--sink", "wrng"], "did you mean `wrong`?"),
        (&["--sink", "wrong", "--file-bytes", "5"], "5 is not in"),
        (&["--partition", "dt=2024-01-01"], "--sink <NAME>"),
    ] {
        let done = sakia(dir.path(), &[&["agent", "compact", "agent.toml"], args].concat());
        assert_eq!(done.status.code(), Some(2), "{}", said(&done));
        assert!(said(&done).contains(wanted), "{}", said(&done));
    }
}
