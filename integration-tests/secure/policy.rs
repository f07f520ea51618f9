//! Denials by a policy, of real servers: Hive's SQL standard authorization in a HiveServer2, storage based authorization in
//! a metastore, HBase's own rights. Each is told as the policy's, with user and resource.

use crate::own::Own;
use crate::stack::{address, beeline, by_keytab, file_of, printed, sakia, servers, sql, tool, unique};

/// What a run says that has to be denied, and its exit code.
fn denied(pipeline: &str) -> (Option<i32>, String) {
    let file = file_of(pipeline);
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    (done.status.code(), printed(&done))
}

#[test]
fn what_hives_authorization_declines_is_told_with_user_and_table() {
    let own = Own::hiveserver2(&[
        "-Dhive.security.authorization.enabled=true",
        "-Dhive.security.authorization.manager=org.apache.hadoop.hive.ql.security.authorization.plugin.sqlstd.SQLStdHiveAuthorizerFactory",
        "-Dhive.security.authenticator.manager=org.apache.hadoop.hive.ql.security.SessionStateUserAuthenticator",
    ]);
    let name = unique("it_denied");
    beeline("etl", &format!("create external table default.{name} (k int, s timestamp, v int) stored as parquet"));
    let (code, said) = denied(&format!(
        "{}\n[hiveserver2]\nurl = '{}'\n[[step]]\ntype = 'scd2'\nname = 's'\n\
         source = 'default.{name}'\ntarget = 'default.{name}_h'\nkeys = ['k']\nsequence = 's'\ntracked = ['v']\n",
        by_keytab("nobody1"),
        own.address()
    ));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Hive's authorization declines it") && said.contains("name=nobody1"), "{said}");
    assert!(said.contains("let nobody1 have ") && said.contains(&name), "{said}");
}

#[test]
fn what_a_metastore_declines_by_the_rights_in_hdfs_is_told_with_user_and_path() {
    let own = Own::metastore(&[
        "-Dmetastore.pre.event.listeners=org.apache.hadoop.hive.ql.security.authorization.AuthorizationPreEventListener",
        "-Dhive.security.metastore.authorization.manager=org.apache.hadoop.hive.ql.security.authorization.StorageBasedAuthorizationProvider",
        "-Dhive.security.metastore.authenticator.manager=org.apache.hadoop.hive.ql.security.HadoopDefaultMetastoreAuthenticator",
    ]);
    let (name, database) = (unique("it_denied"), unique("it_denied"));
    // A database whose directory only hive may write to.
    beeline("etl", &format!("create database {database}"));
    tool(
        "hive",
        "hdfs",
        &[
            "dfs",
            "-chmod",
            "755",
            &format!("/user/hive/warehouse/{database}.db"),
            &format!("/warehouse/external/{database}.db"),
        ],
    );
    sql(&format!("create table {name} (id int primary key); insert into {name} values (1)"));
    let metastore = format!("[metastore]\nurl = 'thrift://{}'\n", own.address());
    let (code, said) = denied(
        &(servers(&by_keytab("nobody1")).replace("[metastore]\n", &metastore)
            + &format!(
                "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
                 hive-database = '{database}'\n"
            )),
    );
    // What such a metastore declines is known when the table is made: the data is there by then.
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("Permission denied: user=nobody1, access=WRITE") && said.contains(&format!("{database}.db")),
        "{said}"
    );
    sql(&format!("drop table {name}"));
}

#[test]
fn what_hbase_declines_is_told_with_user_and_table() {
    let name = unique("it_denied");
    sql(&format!("create table {name} (id int primary key, v int); insert into {name} values (1, 1)"));
    let hbase = format!("[hbase]\nurl = '{}'\n", address("HBASE_THRIFT_PORT"));
    let (code, said) = denied(
        &(servers(&by_keytab("nobody1")).replace("[hdfs]\n[metastore]\n", &hbase)
            + &format!(
                "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\n\
                 hbase = {{ table = '{name}', column-family = 'f', create = true }}\n"
            )),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("HBase declines it") && said.contains("nobody1"), "{said}");
    assert!(said.contains("grant 'nobody1'"), "{said}");
    sql(&format!("drop table {name}"));
}
