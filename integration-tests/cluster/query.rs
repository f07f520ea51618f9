//! `sakia query` against the real server, held against what the stock beeline writes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::stack::{address, sakia, tool, unique};

/// `sakia query` on the stack's server.
fn query(args: &[&str]) -> Command {
    let mut command = sakia();
    let url = format!("jdbc:hive2://{}/default", address("HIVESERVER2_PORT"));
    command.args(["query", "-u", &url, "-n", "root"]).args(args);
    command
}

fn done(args: &[&str]) -> Output {
    query(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A column of every type.
const COLUMNS: &str = "id int, b boolean, ti tinyint, si smallint, i int, l bigint, f float, d double, n decimal(12,2), \
    z decimal(38,10), day date, ts timestamp, s string, v varchar(5), c char(3), raw binary, arr array<int>, \
    m map<string,string>, st struct<x:int>";

/// Values at the edges, texts that are hard to write, and NULLs.
const ROWS: [&str; 5] = [
    "1, true, -128, 32767, -2147483648, cast('9223372036854775807' as bigint), 0.1, 1.0E10, 12345678.90, 0, \
      date '2020-02-29', timestamp '2020-02-29 12:00:00', 'plain', 'v', 'c', cast('raw' as binary), array(1,2), \
      map('k','v'), named_struct('x',1)",
    "2, false, 0, 0, 0, 0, 3.4028235E38, 0.001, -0.01, 0.0000001, date '9999-12-31', \
      timestamp '1970-01-01 00:00:00.123456789', 'a,b\\t\"q\" \\'it\\' NULL', 'ä日', '🍵', cast('' as binary), array(3), \
      map('ü','\"'), named_struct('x',2)",
    "3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, \
      if(false, array(1), null), if(false, map('k','v'), null), if(false, named_struct('x',1), null)",
    "4, true, 1, 1, 1, 1, 1.5, 123456.789, 1, 1, date '1999-12-31', timestamp '1999-12-31 23:59:59.9', \
      '', '', '', cast('two\\nlines' as binary), array(4), map('a','b'), named_struct('x',4)",
    "5, true, 1, 1, 1, 1, cast('NaN' as double), 1.0D/3, 1, 1, date '2000-01-01', \
      timestamp '2000-01-01 00:00:00', 'first\\nsecond', 'x', 'y', cast('z' as binary), array(5), map('c','d'), \
      named_struct('x',5)",
];

fn table_of_every_type() -> String {
    let table = unique("query_types");
    // One by one: the planner of 4.0.1 does not take the union of them.
    let inserts: String = ROWS.iter().map(|row| format!("; insert into {table} select {row}")).collect();
    let statements = format!("create table {table} ({COLUMNS}) stored as orc{inserts}");
    tool("beeline", &["--silent=true", "-e", &statements]);
    table
}

#[test]
fn rows_are_the_bytes_that_beeline_writes() {
    let table = table_of_every_type();
    let select = format!("select * from {table} order by id");
    for form in ["csv2", "tsv2", "dsv", "csv", "tsv", "table", "vertical"] {
        for header in ["true", "false"] {
            let arguments = ["--silent=true", &format!("--outputformat={form}"), &format!("--showHeader={header}")];
            let theirs = tool("beeline", &[&arguments[..], &["-e", &select]].concat());
            let ours = done(&[&arguments[..], &["-e", &select]].concat());
            assert_eq!(stdout(&ours), String::from_utf8(theirs).unwrap(), "{form}, header {header}");
            assert_eq!(stderr(&ours), "", "{form}");
        }
    }
    tool("beeline", &["--silent=true", "-e", &format!("drop table {table}")]);
}

#[test]
fn a_long_table_is_framed_as_beelines_is() {
    let numbers = "select pos, repeat('x', pos % 60) as text from (select posexplode(split(space(1249), ' '))) t";
    let arguments = ["--silent=true", "--outputformat=table", "-e", numbers];
    assert_eq!(stdout(&done(&arguments)), String::from_utf8(tool("beeline", &arguments)).unwrap());
}

#[test]
fn our_own_forms_tell_null_from_every_text() {
    let select = "select 'NULL' as word, '' as empty, cast(null as string) as missing, 'a,\"b' as quoted";
    let of = |form: &str| stdout(&done(&["--output", form, "-e", select]));
    assert_eq!(of("csv"), "word,empty,missing,quoted\n\"NULL\",,NULL,\"a,\"\"b\"\n");
    assert_eq!(of("tsv"), "word\tempty\tmissing\tquoted\n\"NULL\"\t\tNULL\t\"a,\"\"b\"\n");
    assert_eq!(of("json"), "[\n{\"word\":\"NULL\",\"empty\":\"\",\"missing\":null,\"quoted\":\"a,\\\"b\"}\n]\n");
    let empty = done(&["--output=csv", "--null-string=", "--show-header=false", "-e", select]);
    assert_eq!(stdout(&empty), "NULL,\"\",,\"a,\"\"b\"\n");
}

#[test]
fn a_parquet_file_has_the_types_of_the_result() {
    let table = table_of_every_type();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.parquet");
    let name = file.to_str().unwrap();
    // Hive has nanoseconds, the file microseconds: finer ones are refused, and nothing is left behind.
    let refused = done(&["--output=parquet", "--output-file", name, "-e", &format!("select * from {table}")]);
    assert_eq!((refused.status.code(), file.exists()), (Some(1), false), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("column ts of the result"), "{}", stderr(&refused));
    let select = format!("select * from {table} where id <> 2");
    stdout(&done(&["--output=parquet", "--output-file", name, "-e", &select]));
    let read = crate::stack::python(
        "import pyarrow.parquet as pq\n\
         t = pq.read_table(args[0]).sort_by('id')\n\
         for f in t.schema: print(f.name, f.type)\n\
         print(t.to_pylist()[0])\nprint(t.to_pylist()[1]['s'], t.num_rows)",
        &[name],
    );
    for expected in [
        "ti int8",
        "l int64",
        "f float",
        "n decimal128(12, 2)",
        "day date32[day]",
        "ts timestamp[us]",
        "raw binary",
        "arr string",
        "'n': Decimal('12345678.90')",
        "'day': datetime.date(2020, 2, 29)",
        "'ts': datetime.datetime(2020, 2, 29, 12, 0)",
        "'raw': b'raw'",
        "None 4",
    ] {
        assert!(read.contains(expected), "{expected}: {read}");
    }
    tool("beeline", &["--silent=true", "-e", &format!("drop table {table}")]);
}

#[test]
fn variables_and_settings_are_the_sessions() {
    let output = done(&[
        "--outputformat=tsv2",
        "--showHeader=false",
        "--hivevar",
        "day=2020-01-01",
        "--hiveconf",
        "sakia.test=of conf",
        "--hiveconf",
        "hive.exec.parallel.thread.number=3",
        "-e",
        "select '${day}', '${hivevar:day}', '${hiveconf:sakia.test}'; set hive.exec.parallel.thread.number; \
         set hivevar:more=7; select ${more}",
    ]);
    assert_eq!(
        stdout(&output),
        "2020-01-01\t2020-01-01\tof conf\nhive.exec.parallel.thread.number=3\n7\n",
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_script_stops_at_its_error_and_says_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (script, table) = (dir.path().join("report.sql"), unique("query_error"));
    let text = format!(
        "-- a report\nselect 1 as one;\ncreate table {table} (a int);\n\nselect a,\n  nope\nfrom {table};\n\
         select 2 as two;\ndrop table {table};\n"
    );
    std::fs::write(&script, text).unwrap();
    let file = script.to_str().unwrap();
    let output = done(&["--outputformat=csv2", "-f", file]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\n1\n", "nothing after the error was run");
    let said = stderr(&output);
    assert!(said.contains("1 row selected (") && said.contains("No rows affected ("), "{said}");
    assert!(said.contains(&format!("{file}, line 6, statement 3: hive statement 'select a, nope from ")), "{said}");
    assert!(said.contains("(hive error 10004, sql state 42000)"), "{said}");

    let forced = done(&["--outputformat=csv2", "--force=true", "-f", file]);
    assert_eq!(forced.status.code(), Some(1), "some failed");
    assert_eq!(String::from_utf8_lossy(&forced.stdout), "one\n1\ntwo\n2\n");
    // The table was there from the first run, which is an error too.
    assert!(stderr(&forced).contains("2 of 5 statements failed"), "{}", stderr(&forced));
    let quiet = done(&["--silent=true", "--outputformat=csv2", "-e", "select 1; show tables like 'no_such_table'"]);
    assert_eq!((stdout(&quiet).as_str(), stderr(&quiet).as_str()), ("_c0\n1\ntab_name\n", ""));
}

#[test]
fn statements_come_from_standard_input_and_init_files() {
    let dir = tempfile::tempdir().unwrap();
    let init = dir.path().join("init.sql");
    std::fs::write(&init, "set hivevar:who=init;\n").unwrap();
    let mut child = query(&["--silent", "--outputformat=csv2", "-i", init.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"select '${who}' as who;\n!quit\nselect 2;").unwrap();
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "who\ninit\n");
}

/// Some ten seconds of hashing into a table: a task of Tez local mode cannot be interrupted, and holds up everybody.
fn slow(table: &str) -> String {
    format!(
        "create table {table} as select max(sha2(concat(a.p, b.p), 512)) as m from \
         (select posexplode(split(space(4000), ' ')) as (p, x)) a, \
         (select posexplode(split(space(1000), ' ')) as (p, x)) b"
    )
}

/// Waits until the server logs that a statement is being run; gives what it said.
fn until_it_runs(child: &mut Child) -> BufReader<ChildStderr> {
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Executing command") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended before anything was run");
    }
    said
}

#[test]
fn ctrl_c_cancels_on_the_server_and_ends_with_130() {
    let table = unique("query_stopped");
    let mut child =
        query(&["-v", "-e", &format!("{}; select 1", slow(&table))]).stderr(Stdio::piped()).spawn().unwrap();
    let mut rest = until_it_runs(&mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    rest.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("-e, line 1, statement 1: ") && said.contains("was cancelled on the server"), "{said}");
    // The server takes the next statement when the cancelled one is gone; its table was never made.
    assert_eq!(
        stdout(&done(&["--silent", "--output=csv", "-e", &format!("show tables like '{table}'")])),
        "tab_name\n"
    );
}

/// Passes bytes on to the server until it is told to let go.
fn door() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (here, shut) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicBool::new(false)));
    let to_shut = shut.clone();
    thread::spawn(move || {
        let inside = listener.accept().unwrap().0;
        let outside = TcpStream::connect(address("HIVESERVER2_PORT")).unwrap();
        let copies = [
            (inside.try_clone().unwrap(), outside.try_clone().unwrap()),
            (outside.try_clone().unwrap(), inside.try_clone().unwrap()),
        ];
        for (mut from, mut to) in copies {
            thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
        while !to_shut.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        inside.shutdown(Shutdown::Both).unwrap();
        outside.shutdown(Shutdown::Both).unwrap();
    });
    (here, shut)
}

#[test]
fn a_connection_that_breaks_is_said_and_nothing_is_run_again() {
    let (table, (here, shut)) = (unique("query_broken"), door());
    let mut child = sakia()
        .args(["query", "-v", "-u", &here, "-n", "root", "--force", "-e", &format!("{}; select 7", slow(&table))])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rest = until_it_runs(&mut child);
    shut.store(true, Ordering::SeqCst);
    let mut said = String::new();
    rest.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{said}");
    assert!(said.contains("statement 1: ") && said.contains("it was not run again"), "{said}");
    // The server takes the end of the connection for a cancellation.
    assert_eq!(
        stdout(&done(&["--silent", "--output=csv", "-e", &format!("show tables like '{table}'")])),
        "tab_name\n"
    );
}

#[test]
fn a_million_rows_pass_through_bounded_memory() {
    const MOST_KIB: u64 = 64 << 10;
    let many = "select a.p * 1000 + b.p as id, a.p as a, b.p as b, cast(a.p as double) as c, concat('text ', a.p) as d, \
                concat('text ', b.p) as e, a.p + b.p as f, cast(b.p as string) as g, a.p > b.p as h, current_date as i \
                from (select posexplode(split(space(999), ' ')) as (p, x)) a, \
                (select posexplode(split(space(999), ' ')) as (p, x)) b";
    let mut child = query(&["--silent", "--output=csv", "-e", many]).stdout(Stdio::piped()).spawn().unwrap();
    let (mut lines, mut bytes) = (0, 0);
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    let mut line = Vec::new();
    let mut peak = 0;
    while rows.read_until(b'\n', &mut line).unwrap() > 0 {
        (lines, bytes) = (lines + 1, bytes + line.len());
        line.clear();
        if lines % 50_000 == 0 {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
            peak = high.unwrap().parse().unwrap();
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines, 1_000_001, "and {bytes} bytes");
    assert!(peak > 0 && peak < MOST_KIB, "{peak} KiB");
}

#[test]
fn a_pipe_whose_reader_went_away_ends_a_result_and_not_the_run() {
    let table = unique("query_head");
    let many = "select pos from (select posexplode(split(space(200000), ' '))) t";
    let statements = format!("{many}; create table {table} (a int)");
    let mut child =
        query(&["--silent", "--outputformat=csv2", "-e", &statements]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), child.wait().unwrap().code()), ("pos\n", Some(0)));
    assert_eq!(
        stdout(&done(&["--silent", "--output=csv", "-e", &format!("show tables like '{table}'; drop table {table}")])),
        format!("tab_name\n{table}\n")
    );
}
