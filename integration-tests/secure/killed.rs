//! A server that dies in the middle: HiveServer2 in a merge, which is not begun again elsewhere by the same run, and the
//! metastore in a registration. The next run makes of it what an undisturbed one had made.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::gate::Gate;
use crate::own::Own;
use crate::stack::{
    Tickets, address, beeline, by_keytab, file_of, on_the_edge, printed, sakia, servers, setting, sql, unique,
};

/// A change log of some months in Hive, and what the histories of it are called.
struct Log {
    database: String,
}

impl Log {
    fn new() -> Self {
        let database = unique("it_killed");
        let mut rows = Vec::new();
        for month in 1..=4 {
            for key in 1..=40 {
                let op = if key % 7 == month { "D" } else { "U" };
                let day = 1 + key % 28;
                rows.push(format!(
                    "({key}, timestamp '2020-0{month}-{day:02} 00:00:00', '{op}', {})",
                    key % (month + 1)
                ));
            }
        }
        beeline(
            "etl",
            &format!(
                "create database {database}; \
                 create external table {database}.log (k int, seq timestamp, op string, v int) stored as parquet; \
                 insert into {database}.log values {}",
                rows.join(", ")
            ),
        );
        Self { database }
    }

    fn start(&self, target: &str, url: &str) -> Child {
        let file = file_of(&format!(
            "{}\n[hiveserver2]\nurl = '{url}'\n[[step]]\n\
             type = 'scd2'\nname = 's'\nsource = '{1}.log'\ntarget = '{1}.{target}'\nkeys = ['k']\nsequence = 'seq'\n\
             tracked = ['v']\nop-column = 'op'\nbatches = 'month'\n",
            by_keytab("etl"),
            self.database,
        ));
        let (_, path) = file.keep().unwrap();
        sakia().arg("run").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn history(&self, target: &str) -> Vec<Vec<String>> {
        beeline(
            "analyst",
            &format!("select k, v, valid_from, valid_to from {}.{target} order by k, valid_from", self.database),
        )
    }

    /// The directories that merges wrote, as WebHDFS lists them.
    fn writes(&self, target: &str, tickets: &Tickets) -> usize {
        let path = format!("/user/hive/warehouse/{}.db/{target}", self.database);
        let listed = |port: &str| {
            let url = format!("http://localhost:{}/webhdfs/v1{path}?op=LISTSTATUS", setting(port));
            let mut curl = tickets.lent_to(on_the_edge("curl"));
            let done = curl.args(["--silent", "--negotiate", "--user", ":", &url]).output().unwrap();
            printed(&done).matches("\"pathSuffix\":\"delta_").count()
        };
        listed("NAMENODE1_HTTP_PORT").max(listed("NAMENODE2_HTTP_PORT"))
    }
}

#[test]
fn a_hiveserver2_killed_in_a_merge_fails_the_run_and_the_next_one_finishes_it() {
    let (log, own, tickets) = (Arc::new(Log::new()), Own::hiveserver2(&[]), Tickets::of("etl"));
    let stack = address("HIVESERVER2_PORT");
    let undisturbed = log.start("undisturbed", &format!("jdbc:hive2://{stack}/")).wait_with_output().unwrap();
    assert!(undisturbed.status.success(), "{}", printed(&undisturbed));
    let expected = log.history("undisturbed");

    // The first of the list is killed at the first call after a merge has written. The second lives all the time, and is
    // not asked to do again what the first may have done.
    let (of_gate, kill) = (Arc::clone(&log), own.killer());
    let gate = Gate::with(&own.inside(), move |_| {
        let has_written = of_gate.writes("killed", &tickets) > 0;
        if has_written {
            kill();
        }
        !has_written
    });
    let both = format!("jdbc:hive2://{},{stack}/", gate.address());
    let done = log.start("killed", &both).wait_with_output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(&gate.address()), "{said}");
    let so_far = log.history("killed");
    assert!(so_far.len() < expected.len(), "it was killed too late, this test shows nothing: {said}");

    // Hive holds the locks of the dead for hive.txn.timeout, five minutes; this is what an administrator does.
    let locks = beeline("etl", &format!("show locks {}.killed", log.database));
    let transactions: Vec<&str> = locks.iter().filter_map(|row| row.get(7)).map(|id| id.trim()).collect();
    for id in transactions.iter().filter(|id| id.parse::<u64>().is_ok_and(|id| id > 0)) {
        beeline("hive", &format!("abort transactions {id}"));
    }
    let done = log.start("killed", &both).wait_with_output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(log.history("killed"), expected);
}

#[test]
fn a_session_that_expires_in_a_merge_fails_the_run_and_the_next_one_finishes_it() {
    let stack = format!("jdbc:hive2://{}/", address("HIVESERVER2_PORT"));
    // A session with a statement expires too, so that it does not matter which call of the merge is held up.
    let own = Own::hiveserver2(&[
        "-Dhive.server2.idle.session.timeout=10s",
        "-Dhive.server2.session.check.interval=3s",
        "-Dhive.server2.idle.session.check.operation=false",
    ]);
    let (log, tickets) = (Arc::new(Log::new()), Tickets::of("etl"));
    let undisturbed = log.start("undisturbed", &stack).wait_with_output().unwrap();
    assert!(undisturbed.status.success(), "{}", printed(&undisturbed));

    // The first call after a merge has written waits until the server has closed the session.
    let (of_gate, has_logged) = (Arc::clone(&log), own.watcher());
    let gate = Gate::with(&own.inside(), move |_| {
        if of_gate.writes("expired", &tickets) > 0 {
            let began = Instant::now();
            while !has_logged("Timed-out") && began.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        true
    });
    let done = log.start("expired", &format!("jdbc:hive2://{}/", gate.address())).wait_with_output().unwrap();
    let said = printed(&done);
    assert!(own.has_logged("Timed-out"), "{said}\n{}", own.log());
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("the session has ended"), "{said}");

    let done = log.start("expired", &stack).wait_with_output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(log.history("expired"), log.history("undisturbed"));
}

#[test]
fn a_metastore_that_dies_in_a_registration_leaves_exit_code_4_and_the_next_run_registers() {
    let own = Own::metastore(&[]);
    let import = |name: &str, gate: &Gate| {
        let metastore = format!("[metastore]\nurl = 'thrift://{}'\n", gate.address());
        let pipeline = servers(&by_keytab("etl")).replace("[metastore]\n", &metastore)
            + &format!(
                "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
                 hive-database = 'default'\n"
            );
        let file = file_of(&pipeline);
        sakia().arg("run").arg(file.path()).output().unwrap()
    };
    let [model, name] = [unique("it_model"), unique("it_killed")];
    for name in [&model, &name] {
        sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_30"));
    }
    // An undisturbed run of the same kind says which call is the last, when the data is visible.
    let open = Gate::before(&own.inside());
    let done = import(&model, &open);
    assert!(done.status.success(), "{}", printed(&done));
    let last = open.calls();

    let kill = own.killer();
    let gate = Gate::with(&own.inside(), move |call| {
        if call == last {
            kill();
        }
        call < last
    });
    let done = import(&name, &gate);
    assert_eq!(done.status.code(), Some(4), "{last} calls: {}", printed(&done));
    let files = crate::stack::tool("analyst", "hdfs", &["dfs", "-ls", &format!("/tmp/{name}.d/{name}")]);
    assert!(files.contains("Found 1 items"), "the data is visible: {files}");

    own.again();
    let done = import(&name, &Gate::before(&own.inside()));
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(beeline("analyst", &format!("select count(*) from default.{name}")), [["30"]]);
    sql(&format!("drop table {model}; drop table {name}"));
}
