//! Several servers of a kind: one that is dead, and one that takes connections and says nothing, are passed over within
//! the limit of connecting.

use std::time::{Duration, Instant};

use crate::gate::{dead, silent};
use crate::own::docker_in;
use crate::stack::{address, beeline, by_keytab, file_of, printed, run, sakia, servers, sql, unique};

/// Seconds that each server has.
const LIMIT: u64 = 6;

/// Fails unless a run took the time of one server that says nothing, and no more than a run takes besides.
fn assert_quick(began: Instant) {
    assert!(began.elapsed() < Duration::from_secs(LIMIT + 40), "{:?}", began.elapsed());
}

fn limited(pipeline: &str) -> String {
    format!("connect-timeout = '{LIMIT}s'\n{pipeline}")
}

#[test]
fn dead_and_silent_metastores_are_passed_over() {
    let (name, (_listener, silent)) = (unique("it_several"), silent());
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_20"));
    let metastores = format!(
        "[metastore]\nurl = ['thrift://{}', 'thrift://{silent}', 'thrift://{}']\n",
        dead(),
        address("METASTORE_PORT")
    );
    let pipeline = servers(&by_keytab("etl")).replace("[metastore]\n", &metastores)
        + &format!(
            "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
             hive-database = 'default'\n"
        );
    let began = Instant::now();
    run(sakia(), &limited(&pipeline));
    assert_quick(began);
    assert_eq!(beeline("analyst", &format!("select count(*) from default.{name}")), [["20"]]);
    sql(&format!("drop table {name}"));
}

/// A pipeline of one history, whose log is a table of one change.
fn history(name: &str, hive: &str) -> String {
    limited(&format!(
        "{}\n[hiveserver2]\nurl = '{hive}'\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'default.{name}'\n\
         target = 'default.{name}_h'\nkeys = ['k']\nsequence = 's'\ntracked = ['v']\n",
        by_keytab("etl")
    ))
}

#[test]
fn dead_and_silent_hiveserver2s_of_a_url_are_passed_over() {
    let (name, (_listener, silent)) = (unique("it_several"), silent());
    beeline(
        "etl",
        &format!(
            "create external table default.{name} stored as parquet as select 1 k, timestamp '2020-01-01 00:00:00' s, 7 v"
        ),
    );
    let url = format!("jdbc:hive2://{},{silent},{}/", dead(), address("HIVESERVER2_PORT"));
    let began = Instant::now();
    run(sakia(), &history(&name, &url));
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    assert_eq!(beeline("analyst", &format!("select k, v from default.{name}_h")), [["1", "7"]]);
}

/// Lets the stack's ZooKeeper have nodes, by its own client.
fn zookeeper(commands: &str) {
    let client = "org.apache.zookeeper.ZooKeeperMain -server localhost:$ZOOKEEPER_PORT";
    docker_in(
        "sakia-secure-tools",
        &format!(
            ". /opt/stack/roles/lib.sh; java -cp \"$CONF/tools:$JARS/hive4/*\" -Dlog4j2.configurationFile=log4j2.properties \
             -Dzookeeper.jline=false {client}"
        ),
        commands,
    );
}

#[test]
fn hiveserver2s_that_left_their_nodes_in_zookeeper_are_passed_over() {
    let (namespace, (_listener, silent)) = (unique("stale"), silent());
    let node = |address: &str, number: u32| {
        let settings = "hive.server2.transport.mode=binary;hive.server2.authentication=KERBEROS;\
                        hive.server2.authentication.kerberos.principal=hive/localhost@SAKIA.TEST";
        format!(
            "create /{namespace}/serverUri={address};version=4.0.1;sequence={number:010} \
             hive.server2.instance.uri={address};{settings}\n"
        )
    };
    let mut commands = format!("create /{namespace}\n");
    for (number, stale) in [dead(), dead(), "no.such.host.invalid:10000".to_owned(), silent].iter().enumerate() {
        commands += &node(stale, number as u32);
    }
    commands += &node(&address("HIVESERVER2_PORT"), 9);
    zookeeper(&(commands + "quit\n"));
    let url = format!(
        "jdbc:hive2://{},{}/;serviceDiscoveryMode=zooKeeper;zooKeeperNamespace={namespace}",
        dead(),
        address("ZOOKEEPER_PORT")
    );
    // One of five is the living one, and whoever comes begins anywhere: three times all goes wrong once in 125.
    for _ in 0..3 {
        let file = file_of(&history("none", &url));
        let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
        let said = printed(&done);
        assert!(said.contains(&format!("session: opened on {}", address("HIVESERVER2_PORT"))), "{said}");
        assert!(said.contains("warn  port: cannot reach hiveserver2"), "{said}");
        assert!(said.contains("select: answered as"), "{said}");
    }
    zookeeper(&format!("deleteall /{namespace}\nquit\n"));
}

#[test]
fn dead_and_silent_gateways_are_passed_over() {
    let (name, (_listener, silent)) = (unique("it_several"), silent());
    sql(&format!(
        "create table {name} (id int primary key, v int); insert into {name} select seq, seq from seq_1_to_20"
    ));
    let hbase = format!("[hbase]\nurl = ['{}', '{silent}', '{}']\n", dead(), address("HBASE_THRIFT_PORT"));
    let pipeline = servers(&by_keytab("hbase").replace("hbase@", "hbase/localhost@"))
        .replace("[hdfs]\n[metastore]\n", &hbase)
        + &format!(
            "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\nhbase = {{ table = '{name}', column-family = 'f', create = true }}\n"
        );
    let began = Instant::now();
    run(sakia(), &limited(&pipeline));
    assert_quick(began);
    let counted = tool_with_input("hbase", "hbase", &format!("count '{name}'\ndisable '{name}'\ndrop '{name}'\n"));
    assert!(counted.contains("20 row(s)"), "{counted}");
    sql(&format!("drop table {name}"));
}

/// A stock client that reads its commands.
pub fn tool_with_input(user: &str, name: &str, commands: &str) -> String {
    let script = format!("printf '%s' \"$0\" | {}/docker/bin/tool {name}", crate::stack::root().display());
    let done = std::process::Command::new("bash")
        .args(["-c", &script, commands])
        .env("STACK_ENV", crate::stack::root().join("docker/secure.env"))
        .env("AS", user)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    printed(&done)
}

#[test]
fn where_all_are_away_the_last_one_is_named() {
    let (first, last) = (dead(), dead());
    let file = file_of(&history("none", &format!("jdbc:hive2://{first},{last}/")));
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot reach hiveserver2 at {last}")), "{said}");
}
