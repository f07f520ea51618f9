//! The agent into HBase: each event's row once, however often it is killed, and nothing held up by events that HBase would
//! not take. Rows are read back by happybase and by HBase's own shell.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt::Write as _, thread};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::Running;
use crate::gate::{Gate, Lost};
use crate::hbase::HBaseTable;
use crate::stack::{address, happybase, hbase_shell, sakia};

const KILLS: u64 = 12;
const SEED: u64 = 20_261_130;

/// A table of the families `e` and `c`.
pub(super) fn table(prefix: &str) -> HBaseTable {
    let table = HBaseTable::named(prefix);
    happybase("c.create_table(args[0], {'e': dict(max_versions=5), 'c': dict(max_versions=5)})", &[&table.0]);
    table
}

/// An agent's file in a directory of its own: lines of `in.log*` into a table.
fn agent(dir: &Path, sink: &str) -> PathBuf {
    let file = dir.join("agent.toml");
    let text = format!(
        "[hbase]\nurl = '{}'\nmax-cell-bytes = 33554432\n\
         [[source]]\nname = 'in'\ntype = 'taildir'\nfiles = 'in.log*'\nmax-line-bytes = 16777216\nchannels = ['c']\n\
         [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n\
         [[sink]]\nname = 'rows'\ntype = 'hbase'\nchannel = 'c'\nreject-dir = 'rejects'\n{sink}\n",
        address("HBASE_THRIFT_PORT")
    );
    fs::write(&file, text).unwrap();
    file
}

/// Runs an agent until its log is through; the summary of its sink.
fn drain(file: &Path) -> Value {
    let done = sakia().args(["agent", "run"]).arg(file).args(["--drain", "--output", "json"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    summary["steps"][0].clone()
}

/// What was put aside: reasons and lines.
fn rejects(dir: &Path) -> Vec<(String, String)> {
    let text = |entry: fs::DirEntry| fs::read_to_string(entry.path()).unwrap();
    let files: Vec<String> =
        fs::read_dir(dir.join("rejects")).into_iter().flatten().map(|entry| text(entry.unwrap())).collect();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["reason"].as_str().unwrap().to_owned(), line["line"].as_str().unwrap().to_owned())
    };
    files.iter().flat_map(|text| text.lines().map(line).collect::<Vec<_>>()).collect()
}

/// Writes lines `n<TAB>ms`, rotating the log, until it is told to end; gives how many there are.
fn keep_writing(dir: PathBuf, ends: Arc<AtomicBool>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let (log, mut lines) = (dir.join("in.log"), 0);
        while !ends.load(Ordering::SeqCst) {
            let text = (lines..lines + 20).fold(String::new(), |mut text, n| {
                writeln!(text, "{n}\t{}", 1_700_000_000_000_u64 + n as u64 / 3).unwrap();
                text
            });
            super::append_text(&log, &text);
            lines += 20;
            if lines % 2_000 == 0 {
                fs::rename(&log, log.with_extension(format!("log.{}", lines / 2_000))).unwrap();
            }
            thread::sleep(Duration::from_millis(10));
        }
        lines
    })
}

/// Each line has a row of its own, whose key no line says, each cell has one version, and the counter says how many.
#[test]
fn killed_under_load_each_event_has_its_row_once_and_counts_once() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("kill"));
    let file = agent(
        dir.path(),
        &format!(
            "table = '{}'\nregex = '(\\d+)\\t(\\d+)'\nfields = ['n', 'ms']\nrow-key = [{{ text = 'r' }}, {{ place = 'uuid' }}]\n\
             cells = {{ 'e:n' = 'n', 'e:body' = 'body' }}\ncell-time = 'written'\nroll = {{ rows = 500, age = '300ms' }}\n\
             counter = {{ row = 'counter', cell = 'c:events' }}",
            table.0
        ),
    );
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let ends = Arc::new(AtomicBool::new(false));
    let writer = keep_writing(dir.path().to_owned(), ends.clone());
    for _ in 0..KILLS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
        let stderr = dir.path().join("stderr");
        command.args(["agent", "run"]).arg(&file).stderr(File::create(&stderr).unwrap());
        let mut agent = Running(command.spawn().unwrap());
        thread::sleep(Duration::from_millis(random.random_range(100..2_500)));
        let ended = agent.0.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself with {ended:?}: {}", fs::read_to_string(&stderr).unwrap());
    }
    ends.store(true, Ordering::SeqCst);
    let lines = writer.join().unwrap();
    let summary = drain(&file);
    assert_eq!(drain(&file)["rows-in"], 0, "{summary}");

    let read = happybase(
        "t = c.table(args[0])\n\
         rows = [d for k, d in t.scan(row_prefix=b'r', columns=['e:n'])]\n\
         print(len(rows), len({d[b'e:n'] for d in rows}))\n\
         print(int.from_bytes(t.row(b'counter')[b'c:events'], 'big'))",
        &[&table.0],
    );
    assert_eq!(read, format!("{lines} {lines}\n{lines}\n"));
    assert!(lines > 1_000, "{lines}");
    let counted =
        hbase_shell(&format!("count '{}', INTERVAL => 1000000\nget_counter '{0}', 'counter', 'c:events'\n", table.0));
    assert!(counted.contains(&format!("{} row(s)", lines + 1)), "{counted}");
    assert!(counted.contains(&format!("COUNTER VALUE = {lines}")), "{counted}");
    assert!(rejects(dir.path()).is_empty());
}

/// The keys and cells of the shop's activity table: newest first, each cell with the event's time, and an older event never
/// over a newer one, in whatever order they come.
#[test]
fn mapped_columns_have_the_events_time_and_are_the_same_when_they_come_again() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("mapped"));
    let sink = format!(
        "table = '{}'\nheader-family = 'c'\n\
         parser = {{ type = 'json', time = 'at', columns = [{{ name = 'at', type = 'timestamp' }}, {{ name = 'customer', type = 'bigint' }}, \
         {{ name = 'event' }}, {{ name = 'price', type = 'double' }}] }}\n\
         row-key = [{{ salt = 'customer', buckets = 16 }}, {{ text = '|' }}, {{ field = 'customer', width = 12 }}, {{ text = '|a|' }}, \
         {{ time = 'reverse' }}, {{ text = '|' }}, {{ field = 'event', length = 8 }}]\n\
         cells = {{ 'e:type' = 'event', 'e:price' = 'price', 'e:ts' = 'at' }}",
        table.0
    );
    let file = agent(dir.path(), &sink);
    let line = |second: u32, event: &str, price: &str| {
        format!(
            "{{\"at\":\"2023-11-14T22:13:{second:02}Z\",\"customer\":12370,\"event\":\"{event}\",\"price\":{price}}}\n"
        )
    };
    let log = [line(20, "aaaaaaaa-1", "1.5"), line(21, "bbbbbbbb-2", "2"), line(20, "aaaaaaaa-1", "1.5")].concat();
    fs::write(dir.path().join("in.log"), log).unwrap();
    let summary = drain(&file);
    assert_eq!((&summary["rows-out"], &summary["outcome"]), (&3.into(), &"done".into()), "{summary}");
    // The same events through another channel: nothing changes.
    fs::remove_dir_all(dir.path().join("channel")).unwrap();
    assert_eq!(drain(&file)["rows-out"], 3);
    let read = happybase(
        "t = c.table(args[0])\n\
         for k, d in t.scan():\n  print(k.decode(), d[b'e:type'].decode(), d[b'e:price'].decode(), d[b'e:ts'].decode(), b'c:file' in d)\n  \
         print(t.cells(k, 'e:price', versions=5, include_timestamp=True))",
        &[&table.0],
    );
    let key = |ms: i64, event: &str| format!("00|000000012370|a|{:019}|{event}", i64::MAX - ms);
    let expected = [
        format!("{} bbbbbbbb-2 2.0 2023-11-14 22:13:21.0 True", key(1_700_000_001_000, "bbbbbbbb")),
        "[(b'2.0', 1700000001000)]".to_owned(),
        format!("{} aaaaaaaa-1 1.5 2023-11-14 22:13:20.0 True", key(1_700_000_000_000, "aaaaaaaa")),
        "[(b'1.5', 1700000000000)]".to_owned(),
    ];
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);

    // One row a customer: what is newer stays, whenever the older comes.
    let latest = agent(
        dir.path(),
        &sink
            .replace(", { text = '|a|' }, { time = 'reverse' }, { text = '|' }, { field = 'event', length = 8 }]", "]"),
    );
    fs::write(dir.path().join("in.log"), [line(50, "new", "3"), line(40, "old", "4")].concat()).unwrap();
    assert_eq!(drain(&latest)["rows-out"], 2);
    let read = happybase("print(c.table(args[0]).row(b'00|000000012370')[b'e:type'].decode())", &[&table.0]);
    assert_eq!(read, "new\n");
}

#[test]
fn what_hbase_would_not_take_is_put_aside_and_the_rest_is_there() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("poison"));
    let file = agent(
        dir.path(),
        &format!(
            "table = '{}'\nregex = '([^ ]*) (.*)'\nfields = ['key', 'value']\nrow-key = [{{ field = 'key' }}]\n\
             cells = {{ 'e:v' = 'value' }}\ncell-time = 'written'",
            table.0
        ),
    );
    let mut log = String::new();
    for n in 0..300 {
        match n {
            100 => log.push_str("nokey\n"),
            101 => log.push_str(" empty\n"),
            102 => writeln!(log, "{} v", "k".repeat(40_000)).unwrap(),
            // Larger than HBase's own limit of 10 MiB, and not than ours: the gateway refuses it.
            103 => writeln!(log, "large {}", "v".repeat(11 << 20)).unwrap(),
            n => writeln!(log, "k{n} v{n}").unwrap(),
        }
    }
    fs::write(dir.path().join("in.log"), log).unwrap();
    let summary = drain(&file);
    assert_eq!((&summary["rows-out"], &summary["rejects"]), (&296.into(), &4.into()), "{summary}");
    let aside = rejects(dir.path());
    let why: BTreeSet<&str> = aside
        .iter()
        .map(|(reason, _)| {
            let known = ["does not match", "key of its row key is empty", "is longer than 32767", "size"];
            known.into_iter().find(|known| reason.contains(known)).unwrap_or_else(|| panic!("{reason}"))
        })
        .collect();
    assert_eq!((aside.len(), why.len()), (4, 4), "{why:?}");
    assert_eq!(happybase("print(len(list(c.table(args[0]).scan())))", &[&table.0]), "296\n");

    let wrong = agent(
        dir.path(),
        &format!("table = '{}'\nrow-key = [{{ place = 'uuid' }}]\ncells = {{ 'nope:v' = 'body' }}", table.0),
    );
    fs::write(dir.path().join("in.log"), "another\n").unwrap();
    let done = sakia().args(["agent", "run"]).arg(&wrong).arg("--drain").output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("has the column families c, e, but not nope"), "{said}");
}

#[test]
fn a_configuration_of_flumes_is_run_as_it_is() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("flume"));
    let file = dir.path().join("flume.conf");
    let root = dir.path().display();
    let text = format!(
        "a1.sources = r\na1.channels = c\na1.sinks = k\n\
         a1.sources.r.type = TAILDIR\na1.sources.r.filegroups = f\na1.sources.r.filegroups.f = {root}/in.*\n\
         a1.sources.r.positionFile = {root}/positions\na1.sources.r.channels = c\n\
         a1.channels.c.type = file\na1.channels.c.dataDirs = {root}/data\na1.channels.c.checkpointDir = {root}/checkpoint\n\
         a1.channels.c.minimumRequiredSpace = 0\n\
         a1.sinks.k.type = hbase2\na1.sinks.k.channel = c\na1.sinks.k.table = {}\na1.sinks.k.columnFamily = e\n\
         a1.sinks.k.zookeeperQuorum = zk1:2181\na1.sinks.k.thriftGateways = {}\na1.sinks.k.rejectDir = {root}/rejects\n",
        table.0,
        address("HBASE_THRIFT_PORT")
    );
    let log = (0..500).fold(String::new(), |mut text, n| {
        writeln!(text, "{n} host{n} x").unwrap();
        text
    });
    fs::write(dir.path().join("in.log"), log).unwrap();
    let run = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = sakia();
        command.args(["agent", "run", "--flume-conf"]).arg(&file).args(["--name", "a1", "--drain"]);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&text);
    let read = happybase(
        "t = c.table(args[0])\n\
         rows = {k: d for k, d in t.scan(row_prefix=b'default')}\n\
         print(len(rows), len({d[b'e:pCol'] for d in rows.values()}), {len(k) for k in rows})\n\
         print(int.from_bytes(t.row(b'incRow')[b'e:iCol'], 'big'), t.counter_get(b'incRow', 'e:iCol'))",
        &[&table.0],
    );
    assert_eq!(read, "500 500 {43}\n500 500\n");
    // The other serializer, and events that it does not match.
    let regex = "a1.sinks.k.serializer = org.apache.flume.sink.hbase2.RegexHBase2EventSerializer\n\
                 a1.sinks.k.serializer.regex = ([0-9]+) (host[0-9]+) x\na1.sinks.k.serializer.colNames = ROW_KEY,host\n\
                 a1.sinks.k.serializer.rowKeyIndex = 0\na1.sinks.k.serializer.depositHeaders = true\n";
    fs::write(dir.path().join("in.2"), "7 host8 x\n7 host9 x\nother\n").unwrap();
    run(&format!("{text}{regex}"));
    let read = happybase("print(c.table(args[0]).row(b'7')[b'e:host'])", &[&table.0]);
    assert_eq!(read, "b'host9'\n");
    assert_eq!(rejects(dir.path()).len(), 1);
}

/// Rows of `table` are waited for.
fn await_rows(table: &HBaseTable, wanted: usize) {
    let began = Instant::now();
    loop {
        let found = happybase("print(len(list(c.table(args[0]).scan())))", &[&table.0]);
        if found == format!("{wanted}\n") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{found}");
    }
}

#[test]
fn an_answer_that_is_lost_and_a_gateway_that_is_away_cost_no_row() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table("away"));
    let file = agent(
        dir.path(),
        &format!(
            "table = '{}'\nrow-key = [{{ place = 'ordered' }}]\ncells = {{ 'e:v' = 'body' }}\ncell-time = 'written'\n\
             batch-size = 100\ncounter = {{ row = 'counter', cell = 'c:n' }}",
            table.0
        ),
    );
    let text = fs::read_to_string(&file).unwrap();
    let through = |gate: &Gate| fs::write(&file, text.replace(&address("HBASE_THRIFT_PORT"), &gate.address())).unwrap();
    let log = |from: usize| {
        (from..from + 1_000).fold(String::new(), |mut text, n| {
            writeln!(text, "{n}").unwrap();
            text
        })
    };
    // The gateway has the rows, and nobody hears of it; then the counter's.
    for (nth, from) in [(5, 0), (11, 1_000)] {
        let gate = Gate::losing(&address("HBASE_THRIFT_PORT"), b"mutateRowsTs", nth, Lost::Cut);
        through(&gate);
        super::append_text(&dir.path().join("in.log"), &log(from));
        assert_eq!(drain(&file)["rows-out"], 1_000);
    }
    await_rows(&table, 2_001);

    let gate = Gate::before(&address("HBASE_THRIFT_PORT"));
    gate.shut();
    through(&gate);
    super::append_text(&dir.path().join("in.log"), &log(2_000));
    let stderr = dir.path().join("stderr");
    let mut command = sakia();
    command.args(["agent", "run"]).arg(&file).stderr(File::create(&stderr).unwrap());
    let _agent = Running(command.spawn().unwrap());
    let began = Instant::now();
    while !fs::read_to_string(&stderr).unwrap().contains("trying again") {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not try again");
        thread::sleep(Duration::from_millis(50));
    }
    gate.open();
    await_rows(&table, 3_001);
    let counted = happybase("print(c.table(args[0]).counter_get(b'counter', 'c:n'))", &[&table.0]);
    assert_eq!(counted, "3000\n");
}

/// What a row costs whose timestamp is its own, and one whose timestamp is that of its batch.
#[test]
fn rows_with_times_of_their_own_travel_side_by_side() {
    for cell_time in ["event", "written"] {
        let (dir, table) = (tempfile::tempdir().unwrap(), table("speed"));
        let file = agent(
            dir.path(),
            &format!(
                "table = '{}'\nparser = {{ type = 'delimited', time = 'at', columns = [{{ name = 'n' }}, \
                 {{ name = 'at', type = 'timestamp', format = 'millis' }}] }}\n\
                 row-key = [{{ sha256 = 'n', length = 16 }}]\ncells = {{ 'e:n' = 'n' }}\ncell-time = '{cell_time}'\nconnections = 8",
                table.0
            ),
        );
        let log = (0..10_000).fold(String::new(), |mut text, n| {
            writeln!(text, "{n},{}", 1_700_000_000_000_u64 + n).unwrap();
            text
        });
        fs::write(dir.path().join("in.log"), log).unwrap();
        let began = Instant::now();
        assert_eq!(drain(&file)["rows-out"], 10_000);
        println!("{cell_time}: {:.0} events/s", 10_000.0 / began.elapsed().as_secs_f64());
        let read = happybase("print(len({d[b'e:n'] for k, d in c.table(args[0]).scan()}))", &[&table.0]);
        assert_eq!(read, "10000\n");
    }
}

#[test]
fn a_table_or_a_family_that_is_missing_is_named_with_the_statement_that_makes_it() {
    let (dir, table) = (tempfile::tempdir().unwrap(), HBaseTable::named("missing"));
    let name = &table.0;
    let sink = format!(
        "table = '{name}'\nregex = '(\\d+)\\t(\\d+)'\nfields = ['n', 'ms']\nrow-key = [{{ field = 'n' }}]\n\
         cells = {{ 'e:n' = 'n', 'c:ms' = 'ms' }}\ncell-time = 'written'"
    );
    let file = agent(dir.path(), &sink);
    super::append_text(&dir.path().join("in.log"), "1\t5\n2\t6\n3\t7\n");
    let ended = |arguments: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["60", env!("CARGO_BIN_EXE_sakia"), "agent", "run"]).arg(&file).args(arguments);
        let done = command.env_remove("SAKIA_LOG").output().unwrap();
        assert!(matches!(done.status.code(), Some(1 | 2)), "{:?}", done.status);
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    // It goes on, and drains.
    for arguments in [&[][..], &["--drain"]] {
        let said = ended(arguments);
        assert!(said.contains(&format!("there is no hbase table {name}")), "{said}");
        assert!(
            said.contains(&format!("create '{name}', 'e', 'c'"))
                || said.contains(&format!("create '{name}', 'c', 'e'"))
        );
    }
    happybase("c.create_table(args[0], {'e': dict()})", &[name]);
    let said = ended(&[]);
    assert!(said.contains(&format!("hbase table {name} has the column families e, but not c")), "{said}");
    assert!(said.contains(&format!("alter '{name}', 'c'")), "{said}");
    happybase(
        "c.disable_table(args[0]); c.delete_table(args[0]); c.create_table(args[0], {'e': dict(), 'c': dict()})",
        &[name],
    );
    let drained = drain(&file);
    assert_eq!((&drained["rows-in"], &drained["rows-out"]), (&3.into(), &3.into()), "{drained}");
}
