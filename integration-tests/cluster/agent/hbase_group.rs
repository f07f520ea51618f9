//! Sinks of HBase in groups, whose gateway goes away: another sink takes over, or all wait.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::append_text;
use super::hbase::table;
use crate::gate::Gate;
use crate::hbase::HBaseTable;
use crate::running::Running;
use crate::stack::{address, happybase};

/// A sink that writes lines as rows, a key each.
fn rows(name: &str, table: &HBaseTable) -> String {
    format!(
        "[[sink]]\nname = '{name}'\ntype = 'hbase'\nchannel = 'c'\ntable = '{}'\nreject-dir = '{name}.rejected'\n\
         row-key = [{{ place = 'ordered' }}]\ncells = {{ 'e:v' = 'body' }}\nroll = {{ rows = 20, age = '100ms' }}\n\
         cell-time = 'written'\n",
        table.0
    )
}

/// An agent of lines in `in.log`, with these sinks in a group.
fn write_agent(dir: &Path, gate: &Gate, sinks: &str, names: &str, processor: &str) {
    let text = format!(
        "[hbase]\nurl = '{}'\n[[source]]\nname = 'in'\ntype = 'taildir'\nfiles = 'in.log'\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n{sinks}\
         [[sink-group]]\nname = 'g'\nsinks = {names}\nprocessor = {processor}\n",
        gate.address()
    );
    fs::write(dir.join("agent.toml"), text).unwrap();
}

fn begin(dir: &Path) -> Running {
    Running::begin(dir, &["agent", "run", "agent.toml", "--metrics-port", "0"])
}

fn append(dir: &Path, lines: std::ops::Range<usize>) {
    append_text(&dir.join("in.log"), &lines.map(|n| format!("line {n}\n")).collect::<String>());
}

/// The values of a table's rows.
fn values(table: &HBaseTable) -> Vec<String> {
    let script = "for k, d in c.table(args[0]).scan():\n  print(d[b'e:v'].decode())";
    happybase(script, &[&table.0]).lines().map(str::to_owned).collect()
}

/// The lines of the files in a directory, without those that are hidden.
fn lines(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let shown = files.filter(|path| path.is_file() && !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    shown.flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Each of `count` lines is there once.
fn assert_each_once(all: &[Vec<String>], count: usize) {
    let mut times = BTreeMap::<&str, usize>::new();
    all.iter().flatten().for_each(|line| *times.entry(line).or_default() += 1);
    assert!(times.len() == count && times.values().all(|times| *times == 1), "{times:?}");
}

#[test]
fn where_the_gateway_is_away_another_sink_takes_over_until_it_is_back() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("failover"));
    let (here, gate) = (dir.path(), Gate::before(&address("HBASE_THRIFT_PORT")));
    let local = "[[sink]]\nname = 'local'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = 'local'\n\
                 reject-dir = 'local.rejected'\n";
    let processor = "{ type = 'failover', priorities = { rows = 10, local = 5 }, max-penalty = '1s' }";
    write_agent(here, &gate, &format!("{}{local}", rows("rows", &table)), "['rows', 'local']", processor);
    let (sample, mut sent) = ("sakia_sink_events_total{sink=\"g\"}", 0);
    let mut agent = begin(here);
    for (is_open, count) in [(true, 100), (false, 100), (true, 0)] {
        if is_open {
            gate.open()
        } else {
            gate.shut()
        }
        append(here, sent..sent + count);
        sent += count;
        agent.wait_for_metric(sample, sent as f64);
    }
    assert_eq!((values(&table).len(), lines(&here.join("local")).len()), (100, 100), "{}", agent.log());
    // Its penalty is over one day, and killed in between, nothing comes again.
    agent.signal("KILL");
    drop(agent);
    let mut agent = begin(here);
    append(here, sent..sent + 100);
    agent.wait_for_metric(sample, 100.0);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
    assert_eq!(values(&table).len(), 200);
    assert_each_once(&[values(&table), lines(&here.join("local"))], 300);
}

#[test]
fn sinks_that_share_rows_wait_together_for_their_gateway() {
    let (dir, one, other) = (tempfile::tempdir().unwrap(), table("one"), table("other"));
    let (here, gate) = (dir.path(), Gate::before(&address("HBASE_THRIFT_PORT")));
    let sinks = format!("{}{}", rows("one", &one), rows("other", &other));
    let processor = "{ type = 'load-balancing', backoff = true, max-penalty = '1s' }";
    write_agent(here, &gate, &sinks, "['one', 'other']", processor);
    let mut agent = begin(here);
    append(here, 0..200);
    agent.wait_for_metric("sakia_sink_events_total{sink=\"g\"}", 200.0);
    gate.shut();
    append(here, 200..300);
    agent.wait_for_metric("sakia_sink_failing{sink=\"g\"}", 1.0);
    agent.wait_for(|agent| agent.get("/readyz").body.contains("sink g tries again: ").then_some(()));
    agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", 100.0);
    agent.signal("KILL");
    drop(agent);
    // Nor is it there when the agent begins.
    let mut agent = begin(here);
    append(here, 300..400);
    agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", 200.0);
    let reason = "sink g has not reached its target yet: ";
    agent.wait_for(|agent| agent.get("/readyz").body.contains(reason).then_some(()));
    gate.open();
    agent.wait_for_metric("sakia_channel_events{channel=\"c\"}", 0.0);
    let (status, log) = agent.stop();
    assert!(status.success(), "{log}");
    let all = [values(&one), values(&other)];
    assert!(all.iter().all(|values| !values.is_empty()), "each had its turn: {all:?}");
    assert_each_once(&all, 400);
}
