//! HDFS with Kerberos and privacy: imports are read back by the stock shell with the ticket of another user.

use crate::stack::{by_keytab, printed, run, sakia, servers, sql, tool, unique};

/// A small table of the shop's database; its name.
fn table() -> String {
    let name = unique("it_secure");
    sql(&format!(
        "create table {name} (id int primary key, note varchar(50)); \
         insert into {name} select seq, concat('note ', seq) from seq_1_to_1000"
    ));
    name
}

fn import(name: &str, more: &str) -> String {
    format!(
        "[[step]]\ntype = 'import'\nname = '{name}'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n{more}\n"
    )
}

#[test]
fn an_import_is_read_back_by_the_stock_shell() {
    let name = table();
    let pipeline = servers(&by_keytab("etl")) + &import(&name, "as = 'text'");
    run(sakia(), &pipeline);
    let text = tool("analyst", "hdfs", &["dfs", "-text", &format!("/tmp/{name}.d/{name}/*")]);
    assert_eq!(text.lines().count(), 1000);
    assert!(text.lines().any(|line| line == "7,note 7"), "{text:.200}");
    let owner = tool("analyst", "hdfs", &["dfs", "-stat", "%u", &format!("/tmp/{name}.d/{name}")]);
    assert_eq!(owner.trim(), "etl");
    sql(&format!("drop table {name}"));
}

#[test]
fn who_may_not_write_is_told_path_and_user() {
    let name = table();
    let pipeline = servers(&by_keytab("nobody1"))
        + &import(&name, "as = 'text'").replace(&format!("/tmp/{name}.d/"), "/user/etl/");
    let file = crate::stack::file_of(&pipeline);
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("nobody1") && said.contains("/user/etl"), "{said}");
    sql(&format!("drop table {name}"));
}

#[test]
fn a_proxy_user_owns_what_is_written() {
    let name = table();
    let pipeline = format!("proxy-user = 'analyst'\n{}", servers(&by_keytab("oozie"))) + &import(&name, "as = 'text'");
    run(sakia(), &pipeline);
    let owner = tool("etl", "hdfs", &["dfs", "-stat", "%u", &format!("/tmp/{name}.d/{name}")]);
    assert_eq!(owner.trim(), "analyst");

    let pipeline = format!("proxy-user = 'analyst'\n{}", servers(&by_keytab("etl"))) + &import(&name, "as = 'text'");
    let file = crate::stack::file_of(&pipeline);
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("etl") && said.contains("impersonate"), "{said}");
    sql(&format!("drop table {name}"));
}
