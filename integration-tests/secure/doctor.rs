//! `doctor` on the secured stack: what it says where all is well, and one broken setting for each hop.

use crate::logins::STEP as MERGE;
use crate::small::{Small, wait_for};
use crate::stack::{Conf, address, by_keytab, file_of, printed, sakia, servers, sql};
use crate::steady::steady;

const STEP: &str = "[[step]]\ntype = 'import'\nname = 'c'\ntable = 'it_doctor'\ntarget-dir = '/user/etl/doctor'\nhive-database = 'default'\n\
                    [[step]]\ntype = 'export'\nname = 'e'\ntable = 'it_doctor'\nexport-dir = '/user/etl/doctor'\n\
                    reject-dir = '/user/etl/rejects'\nreject-limit = 1\n";

fn examined(pipeline: &str, args: &[&str]) -> (Option<i32>, String) {
    let file = file_of(pipeline);
    let done = sakia().arg("doctor").arg(file.path()).args(args).output().unwrap();
    (done.status.code(), printed(&done))
}

/// All servers of the secured stack, each in a way of its own.
fn everything() -> String {
    sql("create table if not exists it_doctor (id int primary key)");
    format!(
        "{}[hiveserver2]\nurl = '{}'\n[hbase]\nurl = ['{}', 'https://{}']\n{STEP}",
        servers(&by_keytab("etl")),
        address("HIVESERVER2_PORT"),
        address("HBASE_THRIFT_PORT"),
        address("HBASE_THRIFT_HTTP_PORT"),
    )
}

#[test]
fn every_hop_of_the_secured_stack_is_fine() {
    let (code, said) = examined(&everything(), &[]);
    assert_eq!(code, Some(0), "{said}");
    insta::with_settings!({ snapshot_path => "../golden/doctor", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("secure", steady(&said));
    });
    let (_, json) = examined(&everything(), &["--output", "json"]);
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    // MySQL is not encrypted there.
    assert!(read["outcome"] == "warning" && read["checks"].as_array().unwrap().len() > 30, "{json}");
}

#[test]
fn who_the_servers_take_us_for_is_shown() {
    let pipeline = everything().replace(&by_keytab("etl"), &by_keytab("oozie"));
    let pipeline =
        format!("proxy-user = 'analyst'\n{}", pipeline.replace(&format!("'{}', ", address("HBASE_THRIFT_PORT")), ""));
    let (_, said) = examined(&pipeline.replace("/user/etl/doctor", "/tmp/doctor"), &[]);
    for expected in [
        "ticket: oozie@SAKIA.TEST",
        "acting as: analyst",
        "they belong to analyst",
        "select: answered as analyst, statements run as hive",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn what_is_wrong_is_said_hop_by_hop() {
    let good = everything();
    let broken = [
        ("[kerberos]\n", "[kerberos]\ncache = 'FILE:/no/such/directory/cache'\n", "kerberos"),
        ("port = ", "port = 1\n#", "mysql"),
        ("[hdfs]\n", "[hdfs]\nurl = 'hdfs://localhost:1'\n", "namenode localhost:1"),
        ("[hdfs]\n", "[hdfs]\nurl = 'hdfs://no.such.host.invalid:8020'\n", "no.such.host.invalid"),
        ("[metastore]\n", "[metastore]\nurl = 'thrift://localhost:1'\n", "metastore localhost:1"),
        ("[metastore]\n", "[metastore]\nauth = 'none'\n", "metastore"),
        ("[metastore]\n", "[metastore]\ntls = true\n", "TLS"),
        ("/user/etl/doctor", "/user/hive/doctor", "/user/hive"),
        ("export-dir = '/user/etl/doctor'", "export-dir = '/no/such/data'", "there is no /no/such/data to be read"),
        ("reject-dir = '/user/etl/rejects'", "reject-dir = '/user/hive/rejects'", "reject-dir /user/hive/rejects"),
        ("table = 'it_doctor'", "table = 'it_doktor'", "it_doktor"),
        (
            "[hiveserver2]\n",
            "[hiveserver2]\nprincipal = 'nobody/_HOST@SAKIA.TEST'\n",
            "the KDC does not know this server",
        ),
        ("[hiveserver2]\n", "[hiveserver2]\nhttp-path = 'cliservice'\n", "hiveserver2"),
        ("[hbase]\n", "[hbase]\nauth = 'none'\n", "hbase"),
    ];
    for (from, to, named) in broken {
        let (code, said) = examined(&good.replacen(from, to, 1), &[]);
        assert_eq!(code, Some(1), "{to}: {said}");
        assert!(said.contains("FAIL") && said.contains(named) && said.contains("to do: "), "{to}: {said}");
    }
}

#[test]
fn a_key_server_that_is_away_is_a_warning_where_nothing_needs_it() {
    let conf = Conf::with(&[("hadoop.security.key.provider.path", "kms://http@localhost:1/kms")]);
    let file = file_of(&format!("{}[hdfs]\n{MERGE}", by_keytab("etl")));
    let done = conf.sakia().arg("doctor").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("warn  port: cannot reach a key server at localhost:1"), "{said}");
}

#[test]
fn a_namenode_in_safe_mode_is_named() {
    let small = Small::start(&[]);
    let conf = small.conf(&[]);
    let file = file_of(&format!("{}[hdfs]\n{MERGE}", by_keytab("etl")));
    let said = || printed(&conf.sakia().arg("doctor").arg(file.path()).output().unwrap());
    assert!(said().contains("ok    safe mode: off"), "{}", said());
    small.shell("hdfs", "dfsadmin", &["-safemode", "enter"]);
    let inside = said();
    assert!(
        inside.contains("FAIL  safe mode: the namenode is in safe mode") && inside.contains("-safemode"),
        "{inside}"
    );
    small.shell("hdfs", "dfsadmin", &["-safemode", "leave"]);
    wait_for("safe mode to end", || said().contains("ok    safe mode: off"));
}
