//! Flume's configurations at the binary: converted, checked and run, as far as they need no cluster.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(dir)
        .env("HOME", dir)
        .env("TZ", "UTC")
        .env_remove("SAKIA_LOG")
        .env_remove("HADOOP_CONF_DIR");
    command.output().unwrap()
}

pub(super) fn sakia(dir: &Path, args: &[&str]) -> Output {
    run(env!("CARGO_BIN_EXE_sakia"), dir, args)
}

fn out(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(super) fn said(done: &Output) -> String {
    format!("{}{}", out(done), String::from_utf8_lossy(&done.stderr))
}

/// A directory whose name could be one in HDFS.
pub(super) fn place(file: &str) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("flume").tempdir().unwrap();
    std::fs::write(dir.path().join("x.properties"), file.replace("@D", &dir.path().display().to_string())).unwrap();
    dir
}

/// Lines of logs into files of the local disk, by a header.
const LOGS: &str = "\
a1.sources = r
a1.channels = c
a1.sinks = k
a1.sources.r.type = TAILDIR
a1.sources.r.channels = c
a1.sources.r.filegroups = g
a1.sources.r.filegroups.g = @D/logs/.*\\\\.log
a1.sources.r.headers.g.site = ${env:HOME:-none}
a1.sources.r.interceptors = x
a1.sources.r.interceptors.x.type = regex_extractor
a1.sources.r.interceptors.x.regex = ^(\\\\w+)
a1.sources.r.interceptors.x.serializers = level
a1.sources.r.interceptors.x.serializers.level.name = level
a1.channels.c.type = file
a1.channels.c.checkpointDir = @D/flume/checkpoint
a1.channels.c.dataDirs = @D/flume/data
a1.sinks.k.type = hdfs
a1.sinks.k.channel = c
a1.sinks.k.hdfs.path = file://@D/lake/%{level}
a1.sinks.k.hdfs.fileType = DataStream
a1.sinks.k.hdfs.rollCount = 2
a1.sinks.k.hdfs.rollInterval = 2
";

fn logs() -> tempfile::TempDir {
    let dir = place(LOGS);
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    std::fs::write(dir.path().join("logs/a.log"), "INFO 1\nERROR 2\nINFO 3\nINFO 4\n").unwrap();
    std::fs::write(dir.path().join("logs/a.txt"), "no\n").unwrap();
    dir
}

/// The lines of all files in a directory, and how many files there are.
pub(super) fn lines(dir: &Path) -> (Vec<String>, usize) {
    let files: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    let mut lines: Vec<String> = files
        .iter()
        .flat_map(|file| std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.sort();
    (lines, files.len())
}

#[test]
fn an_agent_of_flumes_lands_each_line_once() {
    let dir = logs();
    for _ in 0..2 {
        let done = sakia(dir.path(), &["agent", "run", "--flume-conf", "x.properties", "--name", "a1", "--drain"]);
        assert!(done.status.success(), "{}", said(&done));
        let of = |level: &str| lines(&dir.path().join("lake").join(level));
        assert_eq!(
            of("INFO"),
            (vec!["INFO 1".to_owned(), "INFO 3".to_owned(), "INFO 4".to_owned()], 2),
            "{}",
            said(&done)
        );
        assert_eq!(of("ERROR").0, ["ERROR 2"]);
    }
    assert!(dir.path().join("flume/data-sakia").is_dir() && !dir.path().join("flume/data").exists());
}

#[test]
fn the_binary_called_flume_ng_takes_its_arguments() {
    let dir = logs();
    let link = dir.path().join("flume-ng");
    symlink(env!("CARGO_BIN_EXE_sakia"), &link).unwrap();
    let flume_ng = |args: &[&str]| run(link.to_str().unwrap(), dir.path(), args);
    let args = ["agent", "-n", "a1", "-c", "conf", "-f", "x.properties", "-Xmx1g", "-Dflume.root.logger=INFO,console"];
    let done = flume_ng(&[&args[..], &["--drain"]].concat());
    assert!(done.status.success(), "{}", said(&done));
    for wanted in ["-Xmx1g does nothing here", "SAKIA_LOG says how much"] {
        assert!(said(&done).contains(wanted), "{wanted}: {}", said(&done));
    }
    assert_eq!(lines(&dir.path().join("lake/INFO")).0.len(), 3);
    let dry = flume_ng(&[&args[..], &["-d"]].concat());
    assert!(dry.status.success() && out(&dry).contains("[[sink]]"), "{}", said(&dry));
    for (args, wanted) in [
        (&["agent", "-n", "a1", "-z", "zk:2181"][..], "-z is refused"),
        (&["agent", "-f", "x.properties"], "Missing required option: n"),
        (&["agent", "-n", "a1"], "no configuration file is named"),
        (&["agent", "-n", "a2", "-f", "x.properties"], "did you mean a1?"),
        (&["avro-client", "-H", "h"], "both --host and --port must be specified"),
        (&["avro-client", "-H", "h", "-p", "1", "-F", "x", "--dirname", "y"], "cannot be used simultaneously"),
        (&["tool", "x"], "tool is not supported"),
        (&["agnt"], "Unknown or unspecified command"),
        (&[], "Unknown or unspecified command"),
    ] {
        let done = flume_ng(args);
        assert_eq!(done.status.code(), Some(1), "{args:?} {}", said(&done));
        assert!(said(&done).contains(wanted), "{args:?} {}", said(&done));
    }
    let version = sakia(dir.path(), &["flume-ng", "version"]);
    assert!(out(&version).starts_with("Flume 1.11 arguments"), "{}", said(&version));
}

#[test]
fn what_is_converted_is_checked_and_runs() {
    let dir = logs();
    let done = sakia(dir.path(), &["agent", "convert", "x.properties", "--name", "a1"]);
    assert!(done.status.success(), "{}", said(&done));
    let here = dir.path().display().to_string();
    insta::with_settings!({ snapshot_path => "../golden/flume", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("convert", out(&done).replace(&here, "/here"));
        insta::assert_snapshot!("help", out(&sakia(dir.path(), &["flume-ng", "help"])));
    });
    std::fs::write(dir.path().join("agent.toml"), out(&done)).unwrap();
    let checked = sakia(dir.path(), &["agent", "check", "agent.toml"]);
    assert!(checked.status.success() && said(&checked).contains("nothing is wrong"), "{}", said(&checked));
    let ran = sakia(dir.path(), &["agent", "run", "agent.toml", "--drain"]);
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(lines(&dir.path().join("lake/INFO")).0.len(), 3);
}

#[test]
fn what_is_wrong_is_said_all_at_once_and_leniently_left_out() {
    let two =
        "a1.sources = r s\na1.sources.s.type = seq\na1.sources.s.channels = nowhere\na1.sources.r.batchSizes = 1\n";
    let dir = place(&format!("{two}{}", LOGS.replace("a1.sources = r\n", "")));
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    std::fs::write(dir.path().join("logs/a.log"), "INFO 1\n").unwrap();
    let check = |more: &[&str]| {
        sakia(dir.path(), &[&["agent", "check", "--flume-conf", "x.properties", "-n", "a1"][..], more].concat())
    };
    let done = check(&[]);
    assert_eq!(done.status.code(), Some(2), "{}", said(&done));
    assert!(said(&done).contains("there is no channel nowhere"), "{}", said(&done));
    let done = check(&["--flume-lenient"]);
    assert!(done.status.success() && said(&done).contains("nothing is wrong"), "{}", said(&done));
    assert!(said(&done).contains("did you mean batchSize?"), "{}", said(&done));
    let json = check(&["--flume-lenient", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["notes"].as_array().unwrap().len() > 3, "{json}");
    let both = sakia(dir.path(), &["agent", "run", "x.toml", "--flume-conf", "x.properties", "-n", "a1"]);
    assert_eq!(both.status.code(), Some(2));
    let none = sakia(dir.path(), &["agent", "run"]);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    let unnamed = sakia(dir.path(), &["agent", "check", "--flume-conf", "x.properties"]);
    assert!(unnamed.status.code() == Some(2) && said(&unnamed).contains("--name"), "{}", said(&unnamed));
}
