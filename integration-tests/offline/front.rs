//! What web teams send, from a real client to files: messages, duplicates, hidden values, and what was put aside once more.

use std::path::Path;
use std::process::{Command, Output};

use super::running::{Running, free_port};

fn sakia(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
    command.args(args).current_dir(dir).env_remove("SAKIA_LOG").env_remove("HADOOP_CONF_DIR");
    command.output().unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// The lines of all files of a directory.
fn lines(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_file() {
            lines.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    lines.sort();
    lines
}

fn agent(port: u16, metrics: u16) -> String {
    format!(
        r#"
[monitor]
port = {metrics}

[[source]]
name = "site"
type = "http"
port = {port}
handler = "segment"
token-file = "keys"
tls = {{ cert = "server.pem", key = "server-key.pem" }}
client-ip-header = "ip"
channels = ["c"]
interceptors = [
    {{ type = "dedupe", header = "messageId" }},
    {{ type = "protect", headers = ["ip", "userId"], search = '"userId":"([^"]*)"', how = "hash", key-file = "hash.key" }},
]

[[channel]]
name = "c"
type = "file"
directory = "channel"

[[sink]]
name = "k"
type = "file-roll"
channel = "c"
directory = "out"
reject-dir = "rejects"
serializer = "header-and-text"
roll = {{ rows = 1 }}
"#
    )
}

#[test]
fn messages_come_over_tls_once_and_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let (port, metrics) = (free_port(), free_port());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/cluster/wire/tls");
    for name in ["server.pem", "server-key.pem"] {
        std::fs::copy(fixtures.join(name), dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("keys"), "k3y\n").unwrap();
    std::fs::write(dir.path().join("hash.key"), "0123456789abcdef").unwrap();
    std::fs::write(dir.path().join("agent.toml"), agent(port, metrics)).unwrap();
    let mut running = Running::begin(dir.path(), &["agent", "run", "agent.toml"]);
    running.wait_for(|agent| (agent.get("/readyz").status == 200).then_some(()));
    let curl = |key: &str| {
        let url = format!("https://127.0.0.1:{port}/v1/track");
        let body = r#"{"messageId":"m1","userId":"alice@shop.example","event":"Cart Viewed"}"#;
        let done = Command::new("curl")
            .args(["-sS", "--noproxy", "*", "--cacert"])
            .arg(fixtures.join("ca.pem"))
            .args(["-u", key, "-d", body, "-w", "%{http_code}", &url])
            .output()
            .unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
    };
    for _ in 0..3 {
        assert_eq!(curl("k3y:"), "{\"success\":true}\n200");
    }
    assert!(curl("other:").ends_with("401"));
    let landed = running.wait_for(|_| Some(lines(&dir.path().join("out"))).filter(|lines| !lines.is_empty()));
    let counters = running.get("/metrics").body;
    drop(running);
    assert_eq!(landed.len(), 1, "{landed:?}");
    assert!(counters.contains("sakia_source_duplicate_events_total{source=\"site\"} 2"), "{counters}");
    assert!(!landed[0].contains("alice") && !landed[0].contains("127.0.0.1"), "{}", landed[0]);
    assert!(landed[0].contains("\"event\":\"Cart Viewed\"") && landed[0].contains("messageId=m1"), "{}", landed[0]);
}

#[test]
fn what_was_put_aside_goes_through_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[[source]]\nname = 's'\ntype = 'sequence'\ntotal-events = 0\nchannels = ['c']\n\
                [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n\
                [[sink]]\nname = 'k'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = 'out'\nreject-dir = 'rejects'\n";
    std::fs::write(dir.path().join("agent.toml"), text).unwrap();
    let rejects = dir.path().join("rejects");
    std::fs::create_dir(&rejects).unwrap();
    let aside = "{\"reason\":\"why\",\"headers\":{\"a\":\"b\"},\"line\":\"one\"}\n{\"reason\":\"why\",\"line_base64\":\"dHdv\"}\n\
                 {\"reason\":\"longer than its source reads: 99 bytes\",\"line\":\"part\"}\n";
    std::fs::write(rejects.join("rejects-1.json"), aside).unwrap();
    let looked = sakia(dir.path(), &["agent", "replay", "agent.toml", "--dry-run"]);
    assert!(looked.status.success(), "{}", said(&looked));
    assert!(said(&looked).contains("2  why") && said(&looked).contains("3  in all, in 1 files"), "{}", said(&looked));
    assert!(!dir.path().join("channel").exists(), "nothing is made");

    let done = sakia(dir.path(), &["agent", "replay", "agent.toml", "--sink", "k", "--output", "json"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("3 events of 1 file replayed"), "{}", said(&done));
    assert_eq!(lines(&dir.path().join("out")), ["one", "two"]);
    assert!(rejects.join("rejects-1.json.replayed").exists());
    let left: Vec<String> =
        std::fs::read_dir(&rejects).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.len(), 2, "the part of a line was put aside again: {left:?}");
    let again = sakia(dir.path(), &["agent", "replay", "agent.toml"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(lines(&dir.path().join("out")), ["one", "two"]);
    // The agent goes on with its channel afterwards.
    let run = sakia(dir.path(), &["agent", "run", "agent.toml", "--drain"]);
    assert!(run.status.success(), "{}", said(&run));

    for (args, wanted) in [
        (&["--sink", "kk"][..], "did you mean `k`?"),
        (&["--channel", "x"], "the agent has no channel `x`"),
        (&["none"], "there are no rejects in"),
        (&["agent.toml", "--dry-run"], "does not hold a reject at byte 0"),
    ] {
        let refused = sakia(dir.path(), &[&["agent", "replay", "agent.toml"], args].concat());
        assert!(!refused.status.success() && said(&refused).contains(wanted), "{args:?}: {}", said(&refused));
    }
}

#[test]
fn parsers_and_protection_are_tested_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"
[hdfs]
url = "hdfs://nowhere.invalid:8020"

[[source]]
name = "site"
type = "http"
port = 1
channels = ["c", "d"]
interceptors = [{ type = "sample", header = "none", keep = 1, of = 2 }]

[[channel]]
name = "c"
type = "memory"

[[channel]]
name = "d"
type = "memory"

[[sink]]
name = "orders"
type = "table"
channel = "c"
target-dir = "/lake/orders"
reject-dir = "/lake/orders_rejected"
parser = { type = "json", preset = "order completed", campaign = "context.page.url" }
protect = [{ columns = ["ip"], how = "ip" }, { columns = ["user_id"], how = "drop" }]

[[sink]]
name = "log"
type = "table"
channel = "d"
target-dir = "/lake/log"
reject-dir = "/lake/log_rejected"

[sink.parser]
type = "key-value"
columns = [
    { name = "level" },
    { name = "host", key = "url", take = "host" },
    { name = "gclid", key = "url", take = { parameter = "gclid" } },
    { name = "client", key = "xff", take = "first" },
    { name = "is_bot", key = "ua", type = "boolean", take = "is-bot" },
]

[[test]]
name = "an order"
source = "site"
events = [{ body = '{"event":"Order Completed","messageId":"m","timestamp":"2024-05-01T10:00:00Z","userId":"u","context":{"ip":"203.0.113.7","page":{"url":"https://shop.example/?utm_source=mail"}},"properties":{"total":27.5}}' }]
expect = [{ sink = "orders", partition = "dt=2024-05-01", columns = { ip = "203.0.113.0", total = 27.5, utm_source = "mail" }, null-columns = ["user_id", "gclid"] }]

[[test]]
name = "a line"
source = "site"
events = [{ headers = { timestamp = "0" }, body = 'level=warn url="https://Shop.example/?gclid=x%201" xff="203.0.113.7, 10.0.0.1" ua=curl/8' }]
expect = [
    { sink = "log", columns = { level = "warn", host = "shop.example", gclid = "x 1", client = "203.0.113.7", is_bot = true } },
    { sink = "orders", reject = "is not a JSON object" },
]
"#;
    std::fs::write(dir.path().join("agent.toml"), text).unwrap();
    let done = sakia(dir.path(), &["agent", "test", "agent.toml"]);
    assert!(done.status.success(), "{}", said(&done));
    for (from, to, wanted) in [
        ("order completed", "order complete", "did you mean `Order Completed`?"),
        ("columns = [\"ip\"]", "columns = [\"ipp\"]", "did you mean `ip`?"),
        ("how = \"drop\"", "how = \"hash\"", "needs a key"),
        ("take = \"first\"", "take = \"frist\"", "first"),
        ("keep = 1", "keep = 2", "keep fewer"),
    ] {
        std::fs::write(dir.path().join("agent.toml"), text.replace(from, to)).unwrap();
        let refused = sakia(dir.path(), &["agent", "check", "agent.toml"]);
        assert!(!refused.status.success() && said(&refused).contains(wanted), "{to}: {}", said(&refused));
    }
}
