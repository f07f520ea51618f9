//! The agent against the worst: the binary killed with SIGKILL at several moments of draining a log, its channel lost
//! and the log rotated in between. Hive's own shell then counts every line once. And the logs that others write: other
//! formats, a hole after `copytruncate`, a file that cannot be read, a Hive table that is asked for later.

mod away;
mod compact;
mod complete;
mod cut_off;
mod disk;
mod files;
mod flume;
mod flume_rpc;
mod full;
mod hbase;
mod hbase_group;
mod random;
mod reload;

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sakia::storage::Filesystem;
use sakia::storage::hdfs;
use serde_json::Value;

use crate::stack::{self, address, beeline, hdfs_shell};

/// Lines of each log; an epoch is one batch of the source, so each log makes a dozen epochs.
const LINES: usize = 60_000;
/// Every so many lines one is malformed.
const MALFORMED: usize = 500;

/// A log, a pipeline file and what the agent makes of them.
struct Place {
    dir: tempfile::TempDir,
    name: String,
    fs: Arc<dyn Filesystem>,
}

impl Place {
    async fn new() -> Self {
        let (dir, name) = (tempfile::tempdir().unwrap(), stack::unique("agent_it"));
        let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
        let (namenode, metastore) = (address("NAMENODE_PORT"), address("METASTORE_PORT"));
        let pipeline = format!(
            r#"
            [hdfs]
            url = "hdfs://{namenode}"
            user = "root"
            [metastore]
            url = "thrift://{metastore}"
            [[step]]
            type = "agent"
            name = "clicks"
            files = "access.log*"
            channel-dir = "channel"
            target-dir = "/tmp/{name}/clicks"
            reject-dir = "/tmp/{name}/rejects"
            hive-database = "{name}"
            hive-table = "clicks"
            roll = {{ rows = 1 }}
            "#
        );
        fs::write(dir.path().join("pipeline.toml"), pipeline).unwrap();
        Self { dir, name, fs }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts draining.
    fn start(&self) -> Child {
        self.start_as(Command::new(env!("CARGO_BIN_EXE_sakia")))
    }

    /// Starts draining as a user to whom the modes of files apply, as they do not to root.
    fn start_with_modes(&self) -> Child {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return self.start();
        }
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override,-dac_read_search", env!("CARGO_BIN_EXE_sakia")]);
        self.start_as(command)
    }

    fn start_as(&self, mut command: Command) -> Child {
        command.arg("agent").arg(self.path("pipeline.toml")).args(["--drain", "--output", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Drains to the end; the step's summary.
    fn drain(&self) -> Value {
        let output = self.start().wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        summary["steps"][0].clone()
    }

    /// What a look at the agent's traces shows.
    async fn traces(&self) -> Traces {
        let state = format!("/tmp/{}/.sakia/clicks", self.name);
        let segments = fs::read_dir(self.path("channel")).into_iter().flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            entry.file_name().to_str()?.starts_with("segment-").then(|| entry.metadata().map_or(0, |m| m.len()))
        });
        let cursor = fs::read(self.path("channel/cursor.json")).unwrap_or_default();
        let cursor: Value = serde_json::from_slice(&cursor).unwrap_or_default();
        let listed = self.fs.list(&state).await.unwrap_or_default();
        let manifest = self.fs.read(&format!("{state}/manifest.json")).await.unwrap_or_default();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        Traces {
            channel_bytes: segments.sum(),
            committed: cursor["epoch"].as_u64().unwrap_or(0),
            staging: listed.iter().any(|file| file.name().starts_with("stage-")),
            recorded: manifest["checkpoint"]["epoch"].as_u64().unwrap_or(0),
        }
    }

    /// Starts the agent and kills it at the first moment when `is_time` says so, comparing with how it began.
    async fn kill_when(&self, moment: &str, is_time: impl Fn(&Traces, &Traces) -> bool) {
        let before = self.traces().await;
        let mut agent = self.start();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_time(&before, &self.traces().await) {
            let ended = agent.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{moment}: never seen, {ended:?}");
        }
        agent.kill().unwrap();
        let status = agent.wait().unwrap();
        assert!(!status.success(), "{moment}: it ended by itself");
    }

    /// What a running agent has said.
    fn stderr(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// Waits until an epoch is recorded, or the agent ended by itself.
    async fn wait_for_epoch(&self, agent: &mut Running, epoch: u64) {
        let began = Instant::now();
        while self.traces().await.recorded < epoch && agent.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", self.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Each good line is in the table once.
    fn assert_whole(&self, good: usize) {
        let name = &self.name;
        let counted = beeline(&format!("select count(*), count(distinct path) from {name}.clicks"));
        assert_eq!(counted, [[good.to_string(), good.to_string()]]);
        beeline(&format!("drop database {name} cascade"));
        hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
    }
}

/// A process that the test ends whatever happens.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Debug)]
struct Traces {
    channel_bytes: u64,
    /// The last epoch that left the channel.
    committed: u64,
    staging: bool,
    /// The last epoch in the manifest.
    recorded: u64,
}

/// Appends lines of an hour to a log, each with a path of its own.
fn append(path: &Path, lines: std::ops::Range<usize>) {
    let text = lines.fold(String::new(), |mut text, i| {
        let time = "[01/Mar/2011:08:00:00 +0000]";
        writeln!(text, r#"203.0.113.1 - {i} {time} "GET /j/{i} HTTP/1.1" 200 5 "-" "x""#).unwrap();
        text
    });
    append_text(path, &text);
}

/// Appends a text to a file.
fn append_text(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// Writes a log of its own text over a week, not quite in order.
fn write_log(path: &Path, letter: char) {
    let mut text = String::new();
    for i in 0..LINES {
        let (day, hour) = (1 + (i * 7 / LINES + i % 97 / 96) % 7, i % 24);
        if i % MALFORMED == 7 {
            writeln!(text, "{letter}{i} is not a request").unwrap();
        } else {
            let line = format!(
                r#"203.0.113.{} - {i} [{day:02}/Mar/2011:{hour:02}:00:00 +0000] "GET /p/{letter}{i} HTTP/1.1" 200 5 "-" "x""#,
                i % 250
            );
            writeln!(text, "{line}").unwrap();
        }
    }
    fs::write(path, text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_and_doubles_nothing() {
    let place = Place::new().await;
    write_log(&place.path("access.log"), 'a');
    place.kill_when("lines are in the channel", |_, now| now.channel_bytes > 1 << 20).await;
    place.kill_when("an epoch is staged", |_, now| now.staging && now.recorded == 0).await;
    place.kill_when("an epoch is recorded", |before, now| now.recorded > before.recorded).await;
    place.kill_when("an epoch has left the channel", |before, now| now.committed > before.committed).await;
    // The channel is lost, and the log is rotated while nobody looks.
    fs::remove_dir_all(place.path("channel")).unwrap();
    fs::rename(place.path("access.log"), place.path("access.log.1")).unwrap();
    write_log(&place.path("access.log"), 'b');
    place.kill_when("two more epochs are recorded", |before, now| now.recorded > before.recorded + 1).await;
    let last = place.drain();
    assert_eq!(last["outcome"], "done");
    let again = place.drain();
    assert_eq!((&again["outcome"], &again["rows-in"]), (&"unchanged".into(), &0.into()));

    let malformed = 2 * LINES / MALFORMED;
    let good = 2 * LINES - malformed;
    let name = &place.name;
    let counted = beeline(&format!("select count(*), count(distinct path), count(distinct dt) from {name}.clicks"));
    assert_eq!(counted, [[good.to_string(), good.to_string(), 7.to_string()]]);
    let rejects = hdfs_shell(&["dfs", "-cat", &format!("/tmp/{name}/rejects/*")]);
    let mut lines: Vec<String> = rejects
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_str().unwrap().to_owned())
        .collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((rejects.lines().count(), lines.len()), (malformed, malformed));

    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_hour_hive_sees_both_levels() {
    let place = Place::new().await;
    let pipeline = fs::read_to_string(place.path("pipeline.toml")).unwrap();
    let by_hour = pipeline.replace("roll = { rows = 1 }", "partition = 'hour'");
    assert_ne!(by_hour, pipeline);
    fs::write(place.path("pipeline.toml"), by_hour).unwrap();
    write_log(&place.path("access.log"), 'c');
    assert_eq!(place.drain()["rows-out"], LINES - LINES / MALFORMED);

    let name = &place.name;
    let seen = beeline(&format!(
        "select count(*), count(distinct concat(dt, hr)), sum(if(hour(event_ts) = cast(hr as int), 0, 1)) from {name}.clicks"
    ));
    assert_eq!(seen, [[(LINES - LINES / MALFORMED).to_string(), (7 * 24).to_string(), 0.to_string()]]);
    let listed = hdfs_shell(&["dfs", "-ls", "-C", "-d", &format!("/tmp/{name}/clicks/dt=2011-03-02/hr=*")]);
    assert_eq!(listed.lines().count(), 24, "{listed}");
    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}

/// Lines as Debian's Apache writes them to `other_vhosts_access.log`, of one day in April 2011.
fn vhost_lines(day: u32, count: usize, name: &str) -> String {
    (0..count).fold(String::new(), |mut text, i| {
        writeln!(
            text,
            r#"shop{}.example:443 203.0.113.{i} - frank [{day:02}/Apr/2011:08:00:00 +0000] "GET /{name}/{i} HTTP/1.1" 200 5 "-" "x""#,
            i % 2
        )
        .unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_and_a_table_that_is_asked_for_later() {
    let place = Place::new().await;
    let with_table = fs::read_to_string(place.path("pipeline.toml")).unwrap();
    let with_table = with_table.replace("roll = { rows = 1 }", "format = 'vhost_combined'\nmax-reject-percent = 50");
    let lines = with_table.lines().filter(|line| !line.trim_start().starts_with("hive-"));
    fs::write(place.path("pipeline.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    fs::create_dir(place.path("channel")).unwrap();
    fs::set_permissions(place.path("channel"), Permissions::from_mode(0o755)).unwrap();

    // A writer that does not append, and a file that cannot be read.
    let writer = File::create(place.path("access.log")).unwrap();
    let first = vhost_lines(1, 30, "first")
        + "203.0.113.9 - - [01/Apr/2011:08:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n";
    writer.write_all_at(first.as_bytes(), 0).unwrap();
    fs::write(place.path("access.log.2"), vhost_lines(2, 10, "hidden")).unwrap();
    fs::set_permissions(place.path("access.log.2"), Permissions::from_mode(0o000)).unwrap();
    let output = place.start_with_modes().wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("access.log.2") && stderr.contains("30 rows of the others were written"), "{stderr}");

    // copytruncate: the writer goes on at its old place and leaves a hole in front of its next line.
    fs::copy(place.path("access.log"), place.path("access.log.1")).unwrap();
    writer.set_len(0).unwrap();
    writer.write_all_at(vhost_lines(3, 5, "third").as_bytes(), first.len() as u64).unwrap();
    fs::set_permissions(place.path("access.log.2"), Permissions::from_mode(0o600)).unwrap();
    let drained = place.drain();
    assert_eq!((&drained["rows-in"], &drained["rejects"]), (&15.into(), &0.into()), "{drained}");
    assert!(drained["detail"].as_str().unwrap().contains("NUL bytes of holes skipped"), "{drained}");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&place.path("channel")), 0o700);
    for entry in fs::read_dir(place.path("channel")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // The table is asked for when all is loaded: nothing new, and yet Hive sees all of it.
    fs::write(place.path("pipeline.toml"), with_table).unwrap();
    assert_eq!(place.drain()["outcome"], "unchanged");
    let name = &place.name;
    let seen = beeline(&format!(
        "select count(*), count(distinct path), count(distinct dt), sum(if(ip like '203.0.113.%', 0, 1)), \
         min(user_name), max(user_name), count(distinct concat(virtual_host, ':', port)), sum(bytes) from {name}.clicks"
    ));
    assert_eq!(seen, [["45", "45", "3", "0", "frank", "frank", "2", "225"]]);
    let rejects = hdfs_shell(&["dfs", "-cat", &format!("/tmp/{name}/rejects/*")]);
    assert!(rejects.lines().count() == 1 && rejects.contains("203.0.113.9 - - ["), "{rejects}");
    beeline(&format!("drop database {name} cascade"));
    hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{name}")]);
}
