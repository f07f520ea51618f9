//! The ways in which a cluster names its filesystem: nameservices with each failover provider, an observer, a router,
//! ViewFS; and what is no HDFS, refused by its name before anything else is done.

use crate::failover::exclusive;
use crate::small::{Small, beside_the_stack, docker, wait_for};
use crate::stack::{Conf, REALM, by_keytab, file_of, printed, run, servers, sql, tool, unique};

const ROWS: usize = 1000;

/// A table of the shop's database; its name.
fn table() -> String {
    let name = unique("it_address");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_{ROWS}"));
    name
}

/// An import and the comparison of what it wrote.
fn there_and_back(name: &str, directory: &str) -> String {
    servers(&by_keytab("etl")).replace("[metastore]\n", "")
        + &format!(
            "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{name}'\ntarget-dir = '{directory}'\nas = 'text'\n\
             [[step]]\ntype = 'verify'\nname = 'v'\ntable = '{name}'\ntarget-dir = '{directory}'\n"
        )
}

#[test]
fn what_is_no_hdfs_is_refused_before_anything_else() {
    for (url, words) in [
        ("webhdfs://localhost:29870", "WebHDFS"),
        ("swebhdfs://localhost:29871", "WebHDFS"),
        ("s3a://bucket", "object store"),
        ("o3fs://bucket.volume", "Ozone"),
        ("viewfs://nowhere", "has no mounts"),
    ] {
        let pipeline = there_and_back("t", "/tmp/t").replace("port = ", "port = 1\n#");
        for (conf, pipeline) in [
            (Conf::with(&[("fs.defaultFS", url)]), pipeline.clone()),
            (Conf::with(&[]), pipeline.replace("[hdfs]", &format!("[hdfs]\nurl = '{url}'"))),
        ] {
            let file = file_of(&pipeline);
            let done = conf.sakia().arg("run").arg(file.path()).output().unwrap();
            let said = printed(&done);
            assert_eq!(done.status.code(), Some(2), "{url}: {said}");
            assert!(said.contains(url) && said.contains(words) && !said.contains("mysql"), "{url}: {said}");
        }
    }
}

#[test]
fn every_failover_provider_of_site_files_leads_to_the_active_namenode() {
    let name = table();
    let package = "org.apache.hadoop.hdfs.server.namenode.ha";
    let _active = exclusive();
    for provider in ["ConfiguredFailoverProxyProvider", "RequestHedgingProxyProvider", "ObserverReadProxyProvider"] {
        let conf = Conf::with(&[
            ("dfs.client.failover.proxy.provider.ns1", &format!("{package}.{provider}")),
            // The standby first.
            ("dfs.ha.namenodes.ns1", "nn2,nn1"),
        ]);
        let directory = format!("/tmp/{name}.d/{provider}");
        run(conf.sakia(), &there_and_back(&name, &directory));
    }
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &format!("/tmp/{name}.d/*/part*")]);
    assert_eq!(text.lines().count(), 3 * ROWS);
    sql(&format!("drop table {name}"));
}

#[test]
fn an_observer_answers_reads() {
    let name = table();
    let _active = exclusive();
    let becomes =
        |state: &str| tool("hdfs", "hdfs", &["haadmin", "-ns", "ns1", &format!("-transitionTo{state}"), "nn2"]);
    becomes("Observer");
    let provider = "org.apache.hadoop.hdfs.server.namenode.ha.ObserverReadProxyProvider";
    let conf = Conf::with(&[("dfs.client.failover.proxy.provider.ns1", provider)]);
    let directory = format!("/tmp/{name}.d/t");
    let file = file_of(&there_and_back(&name, &directory));
    let done = conf.sakia().arg("run").arg(file.path()).output().unwrap();
    let log = printed(&docker(&["logs", "--tail", "3000", "sakia-secure-namenode2"]));
    becomes("Standby");
    assert!(done.status.success(), "{}", printed(&done));
    let read = log.lines().find(|line| line.contains("cmd=open") && line.contains(&directory));
    assert!(read.is_some_and(|line| line.contains("ugi=etl")), "the observer was not asked for {directory}");
    sql(&format!("drop table {name}"));
}

/// A container that is gone with this.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["rm", "--force", &self.0]).output();
    }
}

#[test]
fn a_router_of_federated_namenodes_is_a_namenode() {
    let name = table();
    let router = Container(unique("sakia-router"));
    beside_the_stack(&router.0, "", include_str!("router.sh"));
    let conf = Conf::with(&[
        ("fs.defaultFS", "hdfs://federation"),
        ("dfs.nameservices", "federation"),
        ("dfs.ha.namenodes.federation", "r1"),
        ("dfs.namenode.rpc-address.federation.r1", "localhost:29803"),
        (
            "dfs.client.failover.proxy.provider.federation",
            "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
        ),
        ("dfs.namenode.kerberos.principal", &format!("hive/_HOST@{REALM}")),
    ]);
    let directory = format!("/tmp/{name}.d/t");
    wait_for("a router that knows the active namenode", || printed(&docker(&["logs", &router.0])).contains("-ACTIVE"));
    let file = file_of(&there_and_back(&name, &directory));
    let examined = || printed(&conf.sakia().arg("doctor").arg(file.path()).output().unwrap());
    // It looks every second at what it has found out.
    wait_for("a router that lets through", || examined().contains("active namenode: answers, and takes writes"));
    run(conf.sakia(), &there_and_back(&name, &directory));
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &format!("{directory}/part*")]);
    assert_eq!(text.lines().count(), ROWS);
    let owner = tool("analyst", "hdfs", &["dfs", "-stat", "%u", &directory]);
    assert_eq!(owner.trim(), "etl");
    sql(&format!("drop table {name}"));
}

#[test]
fn viewfs_leads_each_path_to_its_cluster() {
    let (name, small) = (table(), Small::start(&[]));
    let (here, mount) = (format!("/tmp/{name}.d"), "fs.viewfs.mounttable.lake.link.");
    tool("etl", "hdfs", &["dfs", "-mkdir", &here]);
    let conf = Conf::with(&[
        ("fs.defaultFS", "viewfs://lake"),
        (&format!("{mount}/data"), &format!("hdfs://ns1{here}")),
        (&format!("{mount}/user"), "hdfs://ns1/user"),
        (&format!("{mount}/small"), "hdfs://localhost:29801/tmp"),
        ("fs.trash.interval", "60"),
    ]);
    for directory in ["/data/t", "/small/t"] {
        run(conf.sakia(), &there_and_back(&name, directory));
    }
    // The stock client by the same table.
    let link = format!("{mount}/data=hdfs://ns1{here}");
    let text = tool("analyst", "hdfs", &["dfs", "-D", &link, "-cat", "viewfs://lake/data/t/part*"]);
    assert_eq!(text.lines().count(), ROWS);
    assert_eq!(small.shell("etl", "fs", &["-cat", "/tmp/t/part*"]).lines().count(), ROWS);

    // The trash of the cluster that the path is on.
    let replace = there_and_back(&name, "/data/t").replace("as = 'text'\n", "as = 'text'\nexisting = 'delete'\n");
    sql(&format!("delete from {name} where id = 1"));
    run(conf.sakia(), &replace);
    let kept = tool("etl", "hdfs", &["dfs", "-cat", "/user/etl/.Trash/Current/data/t/part*"]);
    assert_eq!(kept.lines().count(), ROWS);

    // Above the mounts there is no place for anything.
    for directory in ["/data", "/elsewhere/t"] {
        let file = file_of(&there_and_back(&name, directory));
        let said = printed(&conf.sakia().arg("run").arg(file.path()).output().unwrap());
        assert!(said.contains("above the mounts of viewfs://lake"), "{said}");
        let said = printed(&conf.sakia().arg("doctor").arg(file.path()).output().unwrap());
        assert!(said.contains("FAIL"), "{said}");
    }
    let file = file_of(&there_and_back(&name, "/small/t"));
    let done = conf.sakia().arg("doctor").arg(file.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", printed(&done));
    assert!(printed(&done).contains("directory /tmp/t: files can be made in /tmp/t"), "{}", printed(&done));
    sql(&format!("drop table {name}"));
}
