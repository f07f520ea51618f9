//! `agent test`: the tests that an agent's file holds.

use std::path::Path;
use std::process::{Command, Output};

fn run(dir: &Path, args: &[&str]) -> Output {
    let args = [&["agent", "test", "agent.toml"], args].concat();
    Command::new(env!("CARGO_BIN_EXE_sakia")).args(args).current_dir(dir).env_remove("SAKIA_LOG").output().unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// A web log into a table and, where it complains, into files by day.
const AGENT: &str = r#"
[hdfs]
url = "hdfs://nowhere.invalid:8020"

[[source]]
name = "access"
type = "taildir"
files = "/var/log/none/*.log"
channels = ["lake", "errors"]
interceptors = [
    { type = "regex-extractor", regex = '" (\d)\d\d ', groups = [{ name = "class" }] },
    { type = "timestamp" },
]
selector = { type = "multiplexing", header = "class", mapping = { 5 = ["lake", "errors"] }, default = ["lake"] }

[[channel]]
name = "lake"
type = "memory"

[[channel]]
name = "errors"
type = "memory"

[[sink]]
name = "clicks"
type = "table"
channel = "lake"
target-dir = "/lake/clicks"
reject-dir = "/lake/clicks_rejected"
parser = { type = "weblog", format = "common" }

[[sink]]
name = "wrong"
type = "hdfs"
channel = "errors"
path = "/lake/errors/%Y-%m-%d"
prefix = "class%{class}"
time-zone = "UTC"
reject-dir = "/lake/errors_rejected"
"#;

const TESTS: &str = r#"
[[test]]
name = "an error goes to both"
source = "access"
now = "2024-05-01T10:00:00Z"
lines = [
    '10.0.0.1 - - [01/Dec/2010:08:00:10 +0000] "GET /a HTTP/1.1" 503 12',
    '10.0.0.2 - bob [02/Dec/2010:08:00:10 +0000] "GET /b HTTP/1.1" 200 7',
]
expect = [
    { channel = "errors", headers = { class = "5", byteoffset = "0", timestamp = "1714557600000" } },
    { sink = "clicks", partition = "dt=2010-12-01", columns = { status = 503, path = "/a" }, null-columns = ["user_name"] },
    { sink = "clicks", partition = "dt=2010-12-02", columns = { user_name = "bob", event_ts = 2010-12-02T08:00:10Z } },
    { sink = "wrong", path = "/lake/errors/2024-05-01", prefix = "class5" },
]

[[test]]
name = "a broken line is put aside"
source = "access"
lines = ["broken"]
expect = [
    { sink = "clicks", reject = "truncated in the host" },
    { sink = "wrong", nothing = true },
    { channel = "lake", body = "broken", without-headers = ["class"], headers = { timestamp = "*", file = "test" } },
]

[[test]]
name = "headers lead nowhere else"
source = "access"
events = [{ headers = { class = "5", file = "/x" }, body = '" 500 ' }, { headers = { class = ".." }, body = "x" }]
expect = [{ sink = "wrong", prefix = "class5" }]
"#;

fn place(tests: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent.toml"), format!("{AGENT}{tests}")).unwrap();
    dir
}

#[test]
fn tests_that_pass_without_any_server() {
    let done = run(place(TESTS).path(), &[]);
    assert!(done.status.success(), "{}", said(&done));
    let wanted = "ok    an error goes to both\nok    a broken line is put aside\nok    headers lead nowhere else\n";
    assert_eq!(String::from_utf8_lossy(&done.stdout), wanted);
    let one = run(place(TESTS).path(), &["--test", "a broken line is put aside"]);
    assert_eq!(String::from_utf8_lossy(&one.stdout), "ok    a broken line is put aside\n");
}

#[test]
fn what_is_another_than_expected_is_shown() {
    for (old, new, wanted) in [
        (
            "class = \"5\", byteoffset",
            "class = \"4\", byteoffset",
            "channel errors: event 1: header class: expected \"4\", found \"5\"",
        ),
        ("status = 503", "status = 500", "sink clicks: event 1: column status: expected 500, found 503"),
        ("status = 503", "stauts = 503", "did you mean `status`?"),
        ("dt=2010-12-02", "dt=2010-12-03", "event 2: partition: expected \"dt=2010-12-03\", found \"dt=2010-12-02\""),
        ("/lake/errors/2024-05-01", "/lake/errors/2010-12-01", "sink wrong: event 1: path: expected"),
        ("truncated in the host", "no time", "the reason: expected \"no time\", found \"truncated in the host\""),
        (
            "{ sink = \"clicks\", reject = \"truncated in the host\" }",
            "{ sink = \"clicks\" }",
            "found a reject (truncated in the host)",
        ),
        ("{ sink = \"wrong\", nothing = true }", "{ sink = \"wrong\" }", "sink wrong: missing: an event"),
        (
            "{ sink = \"wrong\", prefix = \"class5\" }",
            "{ sink = \"wrong\", nothing = true }",
            "sink wrong: not expected: an event in /lake/errors/",
        ),
    ] {
        assert!(TESTS.contains(old), "{old}");
        let dir = place(&TESTS.replacen(old, new, 1));
        let done = run(dir.path(), &[]);
        assert_eq!(done.status.code(), Some(1), "{new}: {}", said(&done));
        assert!(said(&done).contains(wanted), "{wanted}: {}", said(&done));
        assert!(
            said(&done).contains("FAIL  ") && said(&done).contains("agent.toml: 1 of 3 tests failed"),
            "{}",
            said(&done)
        );
        let json = run(dir.path(), &["--output", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let tests = json["tests"].as_array().unwrap();
        let failed = tests.iter().filter(|test| test["outcome"] == "failed").count();
        assert_eq!((tests.len(), failed, &json["error"]["exit-code"]), (3, 1, &1.into()), "{json}");
    }
}

#[test]
fn a_test_that_makes_no_sense_is_a_mistake_of_the_file() {
    for (old, new, wanted) in [
        ("source = \"access\"", "source = \"acess\"", "there is no source `acess`; did you mean `access`?"),
        ("lines = [\"broken\"]", "lines = []", "the test gives no events"),
        (
            "name = \"headers lead nowhere else\"",
            "name = \"an error goes to both\"",
            "are called `an error goes to both`",
        ),
        ("{ channel = \"errors\"", "{ chanel = \"errors\"", "did you mean `channel`?"),
        ("{ channel = \"errors\"", "{ channel = \"erors\"", "there is no channel of the source `erors`"),
        ("{ sink = \"clicks\", reject", "{ sink = \"clcks\", reject", "did you mean `clicks`?"),
        ("{ channel = \"errors\"", "{ sink = \"clicks\", channel = \"errors\"", "it names no place, or two"),
        ("status = 503, path = \"/a\" }", "status = 503 }, path = \"/a\"", "`path` says nothing of sink clicks"),
        ("nothing = true", "nothing = true, body = \"x\"", "take out `nothing`"),
        (
            "now = \"2024-05-01T10:00:00Z\"",
            "now = \"noon\"",
            "agent.toml:44: test `an error goes to both`: now is not a time",
        ),
    ] {
        assert!(TESTS.contains(old), "{old}");
        let dir = place(&TESTS.replacen(old, new, 1));
        let done = run(dir.path(), &[]);
        assert_eq!(done.status.code(), Some(2), "{new}: {}", said(&done));
        assert!(said(&done).contains(wanted), "{wanted}: {}", said(&done));
    }
    let none = run(place("").path(), &[]);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    assert!(said(&none).contains("agent.toml has no [[test]] table"), "{}", said(&none));
    let other = run(place(TESTS).path(), &["--test", "x"]);
    assert!(other.status.code() == Some(2) && said(&other).contains("has no test `x`"), "{}", said(&other));
}
