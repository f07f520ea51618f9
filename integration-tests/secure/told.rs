//! What a newcomer gets wrong about a cluster with Kerberos: each mistake is said within seconds, with its own words.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::logins::{STEP, examined};
use crate::stack::{
    Conf, Tickets, by_keytab, file_of, keytab, on_the_edge, printed, run, sakia, servers, setting, sql, tool, unique,
};

const LIMIT: Duration = Duration::from_secs(10);
/// What libraries call their own doings.
const JARGON: [&str; 6] =
    ["fill whole buffer", "unexpected end of file", "early eof", "HTTP version", "error sending request", "Success"];

/// What an examination that must fail says, all of it in time.
fn fails(command: Command, who: &str) -> String {
    let began = Instant::now();
    let (code, said) = examined(command, who);
    assert!(matches!(code, Some(1 | 2)), "{said}");
    assert!(began.elapsed() < LIMIT, "{:?}: {said}", began.elapsed());
    assert!(!JARGON.iter().any(|words| said.contains(words)), "{said}");
    said
}

fn has(said: &str, expected: &[&str]) {
    for words in expected {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// Without site files.
fn bare() -> Command {
    let mut command = sakia();
    command.env_remove("HADOOP_CONF_DIR").env_remove("HIVE_CONF_DIR").env_remove("HBASE_CONF_DIR");
    command
}

#[test]
fn a_client_that_is_not_told_of_kerberos_is_told() {
    let remedy = ["the cluster wants Kerberos", "hadoop.security.authentication", "auth = \"kerberos\""];
    has(&fails(Conf::with(&[("hadoop.security.authentication", "")]).sakia(), &by_keytab("etl")), &remedy);
    has(&fails(Conf::with(&[("hadoop.security.authentication", "simple")]).sakia(), &by_keytab("etl")), &remedy);
    for port in ["NAMENODE1_PORT", "NAMENODE2_PORT"] {
        let file = file_of(&format!("{}[hdfs]\nurl = 'hdfs://localhost:{}'\n{STEP}", by_keytab("etl"), setting(port)));
        let began = Instant::now();
        let done = bare().arg("doctor").arg(file.path()).output().unwrap();
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
        has(&printed(&done), &remedy);
    }
}

#[test]
fn hdfs_is_used_without_site_files() {
    let name = unique("it_bare");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_100"));
    let namenode = |number: u32| format!("localhost:{}", setting(&format!("NAMENODE{number}_PORT")));
    let pipeline = servers(&by_keytab("etl")).replace(
        "[hdfs]\n[metastore]\n",
        &format!(
            "[hdfs]\nurl = 'hdfs://ns1'\nauth = 'kerberos'\nprincipal = 'hdfs/_HOST@SAKIA.TEST'\n[properties]\n\
             'dfs.nameservices' = 'ns1'\n'dfs.ha.namenodes.ns1' = 'nn1,nn2'\n\
             'dfs.namenode.rpc-address.ns1.nn1' = '{}'\n'dfs.namenode.rpc-address.ns1.nn2' = '{}'\n\
             'dfs.data.transfer.protection' = 'privacy'\n'dfs.client.use.datanode.hostname' = 'true'\n",
            namenode(1),
            namenode(2)
        ),
    ) + &format!(
        "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{name}'\ntarget-dir = '/tmp/{name}'\nas = 'text'\n"
    );
    run(bare(), &pipeline);
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &format!("/tmp/{name}/part*")]);
    assert_eq!(text.lines().count(), 100);

    // The same by flags, and the service alone: the realm is that of krb5.conf.
    let directory = format!("/tmp/{name}_flags");
    let done = bare()
        .args([
            "import",
            "--connect",
            &format!("mysql://127.0.0.1:{}/shop", setting("MARIADB_PORT")),
            "--username",
            "shop",
        ])
        .arg("--password-file")
        .arg(crate::stack::root().join("docker/shop.password"))
        .args(["--table", &name, "--target-dir", &directory, "--hdfs-url", &format!("hdfs://{}", active())])
        .args([
            "--hdfs-auth",
            "kerberos",
            "--kerberos-principal",
            "etl@SAKIA.TEST",
            "--kerberos-keytab",
            &keytab("etl"),
        ])
        .output()
        .unwrap();
    // It gets as far as the DataNodes, of whose protection nothing is known here.
    has(&printed(&done), &["takes only connections that are protected", "dfs.data.transfer.protection"]);
    sql(&format!("drop table {name}"));
}

/// The address of the active NameNode.
fn active() -> String {
    let state = tool("hdfs", "hdfs", &["haadmin", "-getServiceState", "nn1"]);
    format!("localhost:{}", setting(if state.trim() == "active" { "NAMENODE1_PORT" } else { "NAMENODE2_PORT" }))
}

#[test]
fn a_wrong_principal_of_the_namenodes_is_told_with_the_right_one() {
    const SETTING: &str = "dfs.namenode.kerberos.principal";
    // Not known to the KDC, and that of other servers.
    for wrong in ["nobody/_HOST@SAKIA.TEST", "hive/_HOST@SAKIA.TEST", "hdfs/elsewhere@SAKIA.TEST"] {
        let said = fails(Conf::with(&[(SETTING, wrong)]).sakia(), &by_keytab("etl"));
        has(
            &said,
            &["the namenode says that it is hdfs/localhost", &format!("{SETTING} is {wrong}"), "hdfs/_HOST@REALM"],
        );
    }
    let said = fails(Conf::with(&[(SETTING, "hdfs@SAKIA.TEST")]).sakia(), &by_keytab("etl"));
    has(&said, &["the namenode says that it is hdfs/localhost", &format!("{SETTING} is hdfs@SAKIA.TEST")]);
}

#[test]
fn who_may_not_act_as_another_is_told_the_settings_of_each_server() {
    let pipeline = format!(
        "proxy-user = 'analyst'\n{}[hiveserver2]\nurl = 'localhost:{}'\n{STEP}",
        servers(&by_keytab("etl")),
        setting("HIVESERVER2_PORT")
    );
    let file = file_of(&pipeline);
    let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    let times = |words: &str| said.matches(words).count();
    assert!(
        times("hadoop.proxyuser.etl.hosts") >= 3 && times("hadoop.proxyuser.etl.groups a group of analyst") >= 3,
        "{said}"
    );
}

#[test]
fn a_user_beside_a_ticket_is_an_error_and_one_in_the_environment_is_not_heard() {
    let file = file_of(&format!("{}[hdfs]\nuser = 'ann'\n{STEP}", by_keytab("etl")));
    let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
    has(&printed(&done), &["user ann", "the ticket says who it is", "proxy-user = \"ann\""]);
    assert!(!done.status.success());
    let mut command = sakia();
    command.env("HADOOP_USER_NAME", "ann");
    let (code, said) = examined(command, &by_keytab("etl"));
    assert!(said.contains("they belong to etl"), "{code:?}: {said}");
}

#[test]
fn a_directory_of_settings_that_is_not_there_is_named() {
    let mut command = sakia();
    command.env("HADOOP_CONF_DIR", "/no/such/conf");
    has(&fails(command, &by_keytab("etl")), &["/no/such/conf", "HADOOP_CONF_DIR"]);
    let mut command = sakia();
    command.env("HIVE_CONF_DIR", "/no/such/hive");
    let (_, said) = examined(command, &by_keytab("etl"));
    has(&said, &["HIVE_CONF_DIR names /no/such/hive, which is not a directory"]);
}

#[test]
fn an_unknown_word_in_a_site_file_is_an_error() {
    for (name, word, file, known) in [
        ("hadoop.security.authentication", "KEROBEROS", "core-site.xml", "simple or kerberos"),
        ("hadoop.rpc.protection", "privat", "core-site.xml", "authentication, integrity, privacy"),
        ("dfs.data.transfer.protection", "secret", "hdfs-site.xml", "authentication, integrity, privacy"),
        ("dfs.http.policy", "HTTPS", "hdfs-site.xml", "HTTPS_ONLY"),
    ] {
        let said = fails(Conf::with(&[(name, word)]).sakia(), &by_keytab("etl"));
        has(&said, &[&format!("{name} is `{word}` in "), file, known]);
    }
}

#[test]
fn what_is_not_a_namenode_is_told_by_what_it_did() {
    for port in
        ["METASTORE_PORT", "KMS_PORT", "ZOOKEEPER_PORT", "MARIADB_PORT", "DATANODE1_PORT", "KDC_PORT", "LDAP_PORT"]
    {
        let file = file_of(&format!(
            "connect-timeout = '3s'\n{}[hdfs]\nurl = 'hdfs://localhost:{}'\n{STEP}",
            by_keytab("etl"),
            setting(port)
        ));
        let began = Instant::now();
        let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
        let said = printed(&done);
        assert!(!done.status.success() && began.elapsed() < LIMIT, "{:?} {said}", began.elapsed());
        assert!(!JARGON.iter().any(|words| said.contains(words)), "{port}: {said}");
        assert!(said.contains("namenode"), "{port}: {said}");
    }
    // The web side at the port of something else.
    for port in ["METASTORE_PORT", "MARIADB_PORT", "NAMENODE1_PORT", "NAMENODE1_HTTPS_PORT"] {
        let file = file_of(&format!(
            "connect-timeout = '3s'\n{}[hdfs]\nwebhdfs-url = 'http://localhost:{}'\n{STEP}",
            by_keytab("etl"),
            setting(port)
        ));
        let said = printed(&sakia().arg("doctor").arg(file.path()).output().unwrap());
        assert!(!JARGON.iter().any(|words| said.contains(words)), "{port}: {said}");
        assert!(said.contains("web side of"), "{port}: {said}");
    }
}

#[test]
fn what_is_wrong_with_a_cache_or_a_keytab_is_told_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(at("garbage"), "garbage").unwrap();
    let cache = |cache: &str| format!("[kerberos]\ncache = '{cache}'\n");
    let with = |keytab: &str| format!("[kerberos]\nprincipal = 'etl@SAKIA.TEST'\nkeytab = '{keytab}'\n");
    let both = |named: &str| format!("{}cache = '{named}'\n", by_keytab("etl"));
    let tickets = Tickets::of("etl");
    // Where nobody listens, whatever this host has.
    let krb5 = std::fs::read_to_string(crate::stack::shared().join("conf/krb5.conf")).unwrap();
    std::fs::write(at("krb5.conf"), krb5.replace("[libdefaults]", "[libdefaults]\n  kcm_socket = /no/such/socket"))
        .unwrap();
    for (who, expected) in [
        (cache("FOO:bar"), &["no ticket in FOO:bar", "Unknown credential cache type", "no such kind of cache"][..]),
        (cache("KCM:"), &["no ticket in KCM:", "No KCM server found", "sssd-kcm"]),
        (cache(&format!("DIR:{}", at("none/caches"))), &["there is no directory", &at("none/caches")]),
        (cache(&format!("FILE:{}", at("none/tickets"))), &["there is no directory", &at("none")]),
        (cache(&format!("FILE:{}", at("garbage"))), &["Unsupported credentials cache format", "holds something else"]),
        (both("FOO:bar"), &["in FOO:bar", "no such kind of cache"]),
        (both("KCM:"), &["in KCM:", "No KCM server found", "sssd-kcm"]),
        (both(&format!("FILE:{}", at("none/tickets"))), &["there is no directory"]),
        (both("FILE:/proc/tickets"), &["Failed to store credentials", "may write to"]),
        (with(&at("garbage")), &["is not a keytab", &at("garbage")]),
        (with(&keytab("analyst")), &["no key of this principal, it has those of analyst@SAKIA.TEST", "klist -k"]),
        (
            format!("[kerberos]\nprincipal = 'analyst@SAKIA.TEST'\ncache = '{}'\n", tickets.cache()),
            &["no ticket of analyst@SAKIA.TEST in FILE:", "the tickets there are those of etl@SAKIA.TEST"],
        ),
    ] {
        let mut command = sakia();
        command.env("KRB5_CONFIG", at("krb5.conf"));
        has(&fails(command, &who), expected);
    }
}

#[test]
fn a_ticket_that_has_ended_is_called_so() {
    let directory = tempfile::tempdir().unwrap();
    let cache = format!("FILE:{}/tickets", directory.path().display());
    let kinit = ["-k", "-t", &keytab("etl"), "-l", "1s", "-c", &cache, "etl"];
    assert!(on_the_edge("kinit").args(kinit).status().unwrap().success());
    let klist = || on_the_edge("klist").args(["-s", "-c", &cache]).status().unwrap().success();
    let limit = Instant::now() + Duration::from_secs(30);
    while klist() {
        assert!(Instant::now() < limit, "the ticket does not end");
        std::thread::sleep(Duration::from_millis(100));
    }
    let said = fails(sakia(), &format!("[kerberos]\ncache = '{cache}'\n"));
    has(&said, &["the ticket has expired", "run kinit"]);
}

#[test]
fn the_files_and_kdcs_that_are_asked_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("krb5.conf");
    let original = std::fs::read_to_string(crate::stack::shared().join("conf/krb5.conf")).unwrap();
    std::fs::write(&file, original.replace(&format!("localhost:{}", setting("KDC_PORT")), "localhost:1")).unwrap();
    let mut command = sakia();
    command.env("KRB5_CONFIG", &file);
    // The library tries again for some seconds.
    let (_, said) = examined(command, &by_keytab("etl"));
    has(&said, &[&format!("{} names localhost:1", file.display())]);
    assert!(!said.contains("/etc/krb5.conf") && !said.contains("port 88"), "{said}");
}
