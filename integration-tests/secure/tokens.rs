//! Delegation tokens in place of tickets, as a step inside an Oozie action or a YARN container has them: the file was
//! written by Hadoop's own tool, or by its and Hive's own classes (`java/Tokens.java`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::own::inspected;
use crate::stack::{
    address, beeline, file_of, keytab, on_the_edge, printed, run, sakia, servers, shared, sql, tool, unique,
};

/// The setting that says which token is the metastore's.
const SIGNATURE: &str = "[properties]\n'hive.metastore.token.signature' = 'thriftMetastore'\n";

/// A file of tokens of `etl`; each of `what` is a word of `java/Tokens.java`.
fn tokens(directory: &Path, what: &[String]) -> PathBuf {
    let jars = inspected(
        "sakia-secure-tools",
        "{{range .Mounts}}{{if eq .Destination \"/opt/jars\"}}{{.Source}}{{end}}{{end}}",
    );
    let (conf, file) = (shared().join("conf"), directory.join("tokens"));
    let mut java = on_the_edge("java");
    java.arg(format!("-Djava.security.krb5.conf={}", conf.join("krb5.conf").display()));
    java.args(["-cp", &format!("{}:{jars}/hive4/*", conf.display())]);
    java.arg(crate::stack::root().join("integration-tests/secure/java/Tokens.java"));
    let done = java.arg(&file).args([&keytab("etl"), "etl"]).args(what).output().unwrap();
    assert!(done.status.success() && file.is_file(), "{what:?}: {}", printed(&done));
    file
}

fn metastore() -> String {
    format!("thrift://{}", address("METASTORE_PORT"))
}

/// The addresses of HiveServer2's transports, each with what a url says of it. Where a server keeps its tokens in memory and
/// has both, each transport knows its own.
fn transports() -> [(String, &'static str); 2] {
    let http = ";transportMode=http;httpPath=cliservice";
    [(address("HIVESERVER2_PORT"), ""), (address("HIVESERVER2_HTTP_PORT"), http)]
}

/// As Hive's own driver is told where to get a token.
fn driver_url(transport: &(String, &str)) -> String {
    let (address, more) = transport;
    format!("jdbc:hive2://{address}/;principal=hive/localhost@SAKIA.TEST{more}")
}

/// Runs a command of the binary with a pipeline and a file of tokens, and nothing else to show.
fn with_tokens(command: &str, pipeline: &str, tokens: &Path) -> Output {
    let file = file_of(pipeline);
    let mut sakia: Command = sakia();
    sakia.arg(command).arg(file.path()).env("HADOOP_TOKEN_FILE_LOCATION", tokens).output().unwrap()
}

fn import(name: &str) -> String {
    format!(
        "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
         hive-database = 'default'\n"
    )
}

#[test]
fn tokens_open_hdfs_and_the_metastore_for_an_import_into_hive() {
    let (directory, name) = (tempfile::tempdir().unwrap(), unique("it_token"));
    let file = tokens(directory.path(), &["hdfs".to_owned(), format!("metastore={}", metastore())]);
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_50"));
    let done = with_tokens("run", &(servers("") + SIGNATURE + &import(&name)), &file);
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(beeline("analyst", &format!("select count(*) from default.{name}")), [["50"]]);
    let rows = beeline("analyst", &format!("describe formatted default.{name}"));
    assert!(rows.iter().any(|row| row[0].trim() == "Owner:" && row[1].trim() == "etl"), "{rows:?}");
    sql(&format!("drop table {name}"));
}

/// A pipeline that asks HiveServer2 for a history of a table that is not there.
fn history(url: &str) -> String {
    format!(
        "[hiveserver2]\nurl = '{url}'\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'default.none'\ntarget = 'default.h'\n\
         keys = ['k']\nsequence = 's'\ntracked = ['v']\n"
    )
}

#[test]
fn a_token_opens_hiveserver2_over_both_transports() {
    let directory = tempfile::tempdir().unwrap();
    for transport in transports() {
        let file = tokens(directory.path(), &[format!("hiveserver2={}", driver_url(&transport))]);
        let url = format!("jdbc:hive2://{}/;auth=delegationToken{}", transport.0, transport.1);
        let said = printed(&with_tokens("doctor", &history(&url), &file));
        assert!(said.contains("by a delegation token") && said.contains("select: answered as"), "{url}: {said}");
    }
    // Of another server's tokens there is none in the file.
    let said = printed(&with_tokens(
        "doctor",
        &history("jdbc:hive2://localhost:1/;auth=delegationToken"),
        &token_of_hbase(directory.path()),
    ));
    assert!(said.contains("auth=delegationToken") && said.contains("HBASE_AUTH_TOKEN"), "{said}");
}

fn token_of_hbase(directory: &Path) -> PathBuf {
    tokens(directory, &["hbase".to_owned()])
}

#[test]
fn a_token_of_hbase_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let pipeline = format!(
        "[hbase]\nurl = '{}'\n[hdfs]\n[mysql]\nurl = 'mysql://a@localhost:1/b'\n[[step]]\ntype = 'import'\nname = 't'\ntable = 't'\nhbase = {{ table = 't', column-family = 'f' }}\n",
        address("HBASE_THRIFT_PORT")
    );
    let said = printed(&with_tokens("doctor", &pipeline, &token_of_hbase(directory.path())));
    assert!(said.contains("take no delegation token (HBASE_AUTH_TOKEN)") && said.contains("name a keytab"), "{said}");
}

#[test]
fn a_cancelled_token_is_said_to_be_one() {
    let (directory, name) = (tempfile::tempdir().unwrap(), unique("it_token"));
    let file = tokens(directory.path(), &["hdfs".to_owned(), format!("cancelled-metastore={}", metastore())]);
    let done = with_tokens("run", &(servers("") + SIGNATURE + &import(&name)), &file);
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("a hive metastore at") && said.contains("cancelled"), "{said}");
    for transport in transports() {
        let file = tokens(directory.path(), &[format!("cancelled-hiveserver2={}", driver_url(&transport))]);
        let url = format!("jdbc:hive2://{}/;auth=delegationToken{}", transport.0, transport.1);
        let said = printed(&with_tokens("run", &history(&url), &file));
        assert!(said.contains("hiveserver2 at") && said.contains("cancelled"), "{said}");
    }
}

#[test]
fn a_token_file_opens_hdfs_without_a_ticket() {
    let (inside, directory) = (format!("/tmp/{}.token", unique("hdfs")), tempfile::tempdir().unwrap());
    let file = directory.path().join("tokens");
    tool("etl", "hdfs", &["fetchdt", "--renewer", "etl", &inside]);
    let copied = std::process::Command::new("docker")
        .args(["cp", &format!("sakia-secure-tools:{inside}"), file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", printed(&copied));
    let name = unique("it_token");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_50"));
    let pipeline = servers("").replace("[metastore]\n", "")
        + &format!(
            "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\nas = 'text'\n"
        );
    let mut command = sakia();
    command.env("HADOOP_TOKEN_FILE_LOCATION", &file);
    run(command, &pipeline);
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &format!("/tmp/{name}.d/{name}/*")]);
    assert_eq!(text.lines().count(), 50);
    sql(&format!("drop table {name}"));
}

#[test]
fn a_token_file_that_is_broken_is_named() {
    let file = crate::stack::file_of("not a token file");
    let pipeline = crate::stack::file_of(
        &(servers("") + "[[step]]\ntype = 'import'\nname = 't'\ntable = 'customers'\ntarget-dir = '/tmp/t'\n"),
    );
    let done =
        sakia().arg("doctor").arg(pipeline.path()).env("HADOOP_TOKEN_FILE_LOCATION", file.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(2), "{}", printed(&done));
    assert!(printed(&done).contains("HADOOP_TOKEN_FILE_LOCATION"), "{}", printed(&done));
}
