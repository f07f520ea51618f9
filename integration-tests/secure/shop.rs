//! The shop's pipeline, whole, on the secured stack from a keytab: read back by beeline and the stock shells with the
//! tickets of another user. A second run finds nothing to do.

use std::process::Command;

use serde_json::Value;

use crate::stack::{address, beeline, by_keytab, printed, root, sakia, setting, tool, unique};

/// The example's pipeline under names of its own, on the secured servers.
fn pipeline(name: &str, directory: &std::path::Path) -> String {
    let example = std::fs::read_to_string(root().join("examples/shop/pipeline.toml")).unwrap();
    let steps = &example[example.find("# --- MySQL to HDFS").unwrap()..];
    let schema = std::fs::read_to_string(root().join("hbase-schemas/customer_360.toml")).unwrap();
    std::fs::write(
        directory.join("schema.toml"),
        schema.replace("table = \"customer_360\"", &format!("table = \"{name}\"")),
    )
    .unwrap();
    let log = root().join("target/shop/access.log");
    let log = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) if !log.is_file() => std::path::Path::new(&target).join("shop/access.log"),
        _ => log,
    };
    // Its first weeks: what the steps make of the whole log is seen on the other stack.
    let log = std::fs::read(&log).unwrap();
    let head: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').take(50_000).collect();
    std::fs::write(directory.join("access.log"), head.concat()).unwrap();
    let servers = format!(
        "{}\n[mysql]\nhost = '127.0.0.1'\nport = {}\nuser = 'shop'\ndatabase = 'shop'\n\
         password-file = '{}/docker/shop.password'\n[hdfs]\n[metastore]\n[hiveserver2]\nurl = '{}'\n[hbase]\nurl = '{}'\n",
        by_keytab("etl"),
        setting("MARIADB_PORT"),
        root().display(),
        address("HIVESERVER2_PORT"),
        address("HBASE_THRIFT_PORT"),
    );
    let steps = steps
        .replace("../../target/shop/access.log", "access.log")
        .replace("../../target/shop/channel", "channel")
        .replace("\"/shop/", &format!("\"/tmp/{name}/"))
        .replace("\"shop.", &format!("\"{name}."))
        .replace("hive-database = \"shop\"", &format!("hive-database = \"{name}\""))
        .replace("\ndatabase = \"shop\"\n", &format!("\ndatabase = \"{name}\"\n"))
        .replace("../../hbase-schemas/customer_360.toml", "schema.toml")
        .replace("../../", &format!("{}/", root().display()))
        // HiveServer2 has no rights in HBase here.
        .replace("hive-table = \"customer_360\"\n", "");
    format!("{servers}\n{steps}")
}

fn summary(directory: &std::path::Path) -> Vec<Value> {
    let done = sakia().args(["run", "pipeline.toml", "--output", "json"]).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    summary["steps"].as_array().unwrap().clone()
}

#[test]
fn the_whole_pipeline_runs_from_a_keytab() {
    let load = Command::new(root().join("examples/shop/load.sh"))
        .env("STACK_ENV", root().join("docker/secure.env"))
        .output()
        .unwrap();
    assert!(load.status.success(), "{}", printed(&load));
    let grant = "echo \"grant 'etl', 'RWCA'\"";
    let granted = Command::new("bash")
        .args(["-c", &format!("{grant} | {}/docker/bin/tool hbase", root().display())])
        .env("STACK_ENV", root().join("docker/secure.env"))
        .env("AS", "hbase")
        .output()
        .unwrap();
    assert!(granted.status.success(), "{}", printed(&granted));

    let (name, directory) = (unique("it_shop"), tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("pipeline.toml"), pipeline(&name, directory.path())).unwrap();
    let facts: toml::Table = std::fs::read_to_string(root().join("examples/shop/facts.toml")).unwrap().parse().unwrap();
    let steps = summary(directory.path());
    assert!(steps.iter().all(|step| step["outcome"] == "done"), "{steps:?}");

    let counts = beeline(
        "analyst",
        &format!(
            "select (select count(*) from {name}.customers), (select count(*) from {name}.orders), \
             (select count(*) from {name}.order_items)"
        ),
    );
    let expected =
        ["customers", "orders", "order_items"].map(|table| facts["rows"][table].as_integer().unwrap().to_string());
    assert_eq!(counts, [expected]);
    let clicks = beeline("analyst", &format!("select count(*) from {name}.clicks"));
    let agent = steps.iter().find(|step| step["step"] == "agent clicks").unwrap();
    assert_eq!(clicks[0][0], agent["rows-out"].to_string());
    let files = tool("analyst", "hdfs", &["dfs", "-ls", "-R", &format!("/tmp/{name}/orders")]);
    assert!(files.contains("order_month="), "{files}");

    let again = summary(directory.path());
    assert!(again.iter().all(|step| step["outcome"] == "unchanged"), "{again:?}");
    let lookup =
        sakia().args(["lookup", "pipeline.toml", "--key", "12370"]).current_dir(directory.path()).output().unwrap();
    assert!(printed(&lookup).contains("12370"), "{}", printed(&lookup));
}
