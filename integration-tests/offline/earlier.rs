//! Two programs one after the other, the first killed with full channels: each event lands once. What earlier programs
//! left is kept in `data/agents`, a directory each, and never changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::flume::{said, sakia};
use crate::running::Running;

/// A log into three channels: a table, files of events, and two directories of the local disk that take turns.
const AGENT: &str = r#"
[hdfs]
url = "file:///"

[[source]]
name = "access"
type = "taildir"
files = "logs/access.log*"
channels = ["rows", "events", "turns"]

[[channel]]
name = "rows"
type = "file"
directory = "channels/rows"

[[channel]]
name = "events"
type = "file"
directory = "channels/events"

[[channel]]
name = "turns"
type = "file"
directory = "channels/turns"

[[sink]]
name = "clicks"
type = "table"
channel = "rows"
target-dir = "@D/lake/clicks"
reject-dir = "@D/lake/rejects"
parser = { type = "weblog", format = "combined" }
roll = { rows = 10 }

[[sink]]
name = "files"
type = "hdfs"
channel = "events"
path = "@D/lake/events"
reject-dir = "@D/lake/events_rejected"
compression = "none"
roll = { rows = 10 }

[[sink]]
name = "left"
type = "file-roll"
channel = "turns"
directory = "out/left"
reject-dir = "out/left_rejected"
roll = { rows = 10 }

[[sink]]
name = "right"
type = "file-roll"
channel = "turns"
directory = "out/right"
reject-dir = "out/right_rejected"
roll = { rows = 10 }

[[sink-group]]
name = "both"
sinks = ["left", "right"]
processor = { type = "load-balancing" }
"#;

/// A line of the log, all of them of one length.
fn line(number: usize) -> String {
    let agent = "x".repeat(60);
    format!(
        "192.0.2.1 - - [01/Dec/2010:08:00:{:02} +0000] \"GET /p/{number:04} HTTP/1.1\" 200 1 \"-\" \"{agent}\"\n",
        number % 60
    )
}

/// Appends the lines up to the `to`th.
fn log(dir: &Path, to: usize) {
    let path = dir.join("logs/access.log");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    let from = text.lines().count();
    (from..to).for_each(|number| text.push_str(&line(number)));
    fs::write(path, text).unwrap();
}

fn place() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("agent").tempdir().unwrap()
}

/// Lines that are in the targets, and as many again that are in the channels alone.
const LANDED: usize = 60;

/// Runs an agent until half of its lines are where they belong, and kills it when the other half is in its channels.
fn fill(dir: &Path) {
    ["logs", "lake"].iter().for_each(|name| fs::create_dir(dir.join(name)).unwrap());
    log(dir, LANDED);
    let text = AGENT.replace("@D", dir.to_str().unwrap());
    fs::write(dir.join("agent.toml"), &text).unwrap();
    drain(dir);
    log(dir, 2 * LANDED);
    fs::write(dir.join("agent.toml"), text.replace("rows = 10", "age = \"24h\"")).unwrap();
    let mut agent = Running::begin(dir, &["agent", "run", "agent.toml", "--metrics-port", "0"]);
    for channel in ["rows", "events", "turns"] {
        agent.wait_for_metric(&format!("sakia_channel_put_events_total{{channel=\"{channel}\"}}"), LANDED as f64);
    }
    drop(agent);
}

fn drain(dir: &Path) {
    let done = sakia(dir, &["agent", "run", "agent.toml", "--drain"]);
    assert!(done.status.success(), "{}", said(&done));
}

/// The numbers of the lines of all files below a directory, with how often each is there.
fn found(dir: &Path) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    let mut add = |number| *found.entry(number).or_insert(0) += 1;
    for path in visible(dir) {
        if path.extension().is_some_and(|extension| extension == "parquet") {
            for batch in
                ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap().build().unwrap()
            {
                let batch = batch.unwrap();
                let offsets = batch.column_by_name("source_offset").unwrap().as_primitive::<Int64Type>();
                offsets.values().iter().for_each(|offset| add(*offset as usize / line(0).len()));
            }
        } else {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().for_each(|line| {
                add(line.split(['/', ' ']).find_map(|part| part.parse().ok().filter(|_| part.len() == 4)).unwrap())
            });
        }
    }
    found
}

fn visible(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    entries.flat_map(|path| if path.is_dir() { visible(&path) } else { vec![path] }).collect()
}

/// Holds that an agent goes on with what another one left, and neither loses nor doubles a line.
fn goes_on(dir: &Path) {
    let once = |to| (0..to).map(|number| (number, 1)).collect::<BTreeMap<usize, usize>>();
    let places = ["lake/clicks", "lake/events", "out"];
    places.iter().for_each(|place| assert_eq!(found(&dir.join(place)), once(LANDED), "{place}: half of the lines"));
    fs::write(dir.join("agent.toml"), AGENT.replace("@D", dir.to_str().unwrap())).unwrap();
    for to in [2 * LANDED, 2 * LANDED + 15] {
        log(dir, to);
        drain(dir);
        places.iter().for_each(|place| assert_eq!(found(&dir.join(place)), once(to), "{place}"));
    }
}

/// With `SAKIA_KEEP_AGENT` what the first program left is copied there, to be kept in `data/agents`.
#[test]
fn full_channels_are_gone_on_with_after_a_kill() {
    let dir = place();
    fill(dir.path());
    if let Some(keep) = std::env::var_os("SAKIA_KEEP_AGENT") {
        copy(dir.path(), Path::new(&keep), &|text| text.replace(dir.path().to_str().unwrap(), "@D"));
    }
    goes_on(dir.path());
}

#[test]
fn full_channels_of_earlier_programs_are_gone_on_with() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/offline/data/agents");
    let kept: Vec<PathBuf> = fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!kept.is_empty());
    for kept in kept {
        let dir = place();
        copy(&kept, dir.path(), &|text| text.replace("@D", dir.path().to_str().unwrap()));
        // The configuration of that time is still understood.
        let checked = sakia(dir.path(), &["agent", "check", "agent.toml"]);
        assert!(checked.status.success(), "{}: {}", kept.display(), said(&checked));
        goes_on(dir.path());
    }
}

/// Copies a directory, and changes its configuration.
fn copy(from: &Path, to: &Path, change: &dyn Fn(&str) -> String) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to, change);
        } else if path.ends_with("agent.toml") {
            fs::write(to, change(&fs::read_to_string(path).unwrap())).unwrap();
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}
