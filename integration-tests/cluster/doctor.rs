//! `doctor` on the plain stack, golden: every hop of a pipeline with a step of each kind, and the same as JSON.

use std::process::Output;
use std::sync::Once;

use crate::stack::{address, beeline, root, sakia, setting};
use crate::steady::steady;

/// A pipeline whose steps need every server; nothing of it is run.
fn pipeline() -> String {
    format!(
        "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = 'shop'\n\
         password-file = '{root}/docker/shop.password'\n[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n\
         [metastore]\nurl = 'thrift://{metastore}'\n[hiveserver2]\nurl = '{hive}'\n[hbase]\nurl = '{hbase}'\n\
         [[step]]\ntype = 'import'\nname = 'orders'\ntable = 'orders'\ntarget-dir = '/tmp/doctor/orders'\nhive-database = 'it_doctor'\n\
         [[step]]\ntype = 'export'\nname = 'back'\ntable = 'orders'\nexport-dir = '/tmp/doctor/orders'\n\
         [[step]]\ntype = 'agent'\nname = 'clicks'\nfiles = 'access.log'\nchannel-dir = 'channel'\ntarget-dir = '/tmp/doctor/clicks'\n\
         reject-dir = '/tmp/doctor/rejects'\n\
         [[step]]\ntype = 'scd2'\nname = 'history'\nsource = 'default.it_doctor_log'\ntarget = 'a.c'\nkeys = ['k']\n\
         sequence = 's'\ntracked = ['t']\n\
         [[step]]\ntype = 'lookup'\nname = 'look'\nschema = 'schema.toml'\nquery-file = 'query.hql'\ndatabase = 'default'\n\
         [[step]]\ntype = 'verify'\nname = 'same'\ntable = 'orders'\nhive-database = 'default'\nhive-table = 'it_doctor_log'\n",
        port = setting("MARIADB_PORT"),
        root = root().display(),
        namenode = address("NAMENODE_PORT"),
        metastore = address("METASTORE_PORT"),
        hive = address("HIVESERVER2_PORT"),
        hbase = address("HBASE_THRIFT_PORT"),
    )
}

fn examined(pipeline: &str, more: &[&str]) -> Output {
    // What histories and lookups read.
    static LOG: Once = Once::new();
    LOG.call_once(|| {
        beeline("create external table if not exists default.it_doctor_log (k int, s timestamp, t int)");
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("p.toml"), pipeline).unwrap();
    std::fs::write(directory.path().join("access.log"), "").unwrap();
    std::fs::write(directory.path().join("query.hql"), "SELECT k FROM `${database}`.it_doctor_log").unwrap();
    let schema = std::fs::read_to_string(root().join("hbase-schemas/customer_360.toml")).unwrap();
    let schema = schema.replace("table = \"customer_360\"", "table = \"it_doctor\"");
    std::fs::write(directory.path().join("schema.toml"), schema).unwrap();
    let mut done = sakia().args(["doctor", "p.toml"]).args(more).current_dir(directory.path()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    done.stdout = said.replace(directory.path().to_str().unwrap(), "HERE").into_bytes();
    done
}

#[test]
fn every_hop_of_the_plain_stack_is_fine() {
    let done = examined(&pipeline(), &[]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = steady(&String::from_utf8(done.stdout).unwrap());
    insta::with_settings!({ snapshot_path => "../golden/doctor", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("plain", said);
    });
}

/// An agent's own file, whose parts need every kind of answer.
fn agent() -> String {
    format!(
        "[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{metastore}'\n\
         [[source]]\nname = 'access'\ntype = 'taildir'\nfiles = 'access.log'\nchannels = ['lake']\n\
         [[source]]\nname = 'lines'\ntype = 'netcat'\nport = {port}\nchannels = ['look']\n\
         [[source]]\nname = 'command'\ntype = 'exec'\ncommand = '/bin/sh -c true'\nchannels = ['look']\n\
         [[channel]]\nname = 'lake'\ntype = 'file'\ndirectory = 'lake'\n\
         [[channel]]\nname = 'look'\ntype = 'memory'\n\
         [[sink]]\nname = 'clicks'\ntype = 'table'\nchannel = 'lake'\ntarget-dir = '/tmp/doctor/agent'\n\
         reject-dir = '/tmp/doctor/agent_rejects'\nhive-database = 'default'\nhive-table = 'it_doctor_agent'\n\
         parser = {{ type = 'weblog' }}\n\
         [[sink]]\nname = 'log'\ntype = 'logger'\nchannel = 'look'\n",
        namenode = address("NAMENODE_PORT"),
        metastore = address("METASTORE_PORT"),
        port = AGENT_PORT,
    )
}

/// A port that nothing on the stack has.
const AGENT_PORT: u16 = 19_977;

#[test]
fn an_agents_own_file_is_examined_with_its_host() {
    let done = examined(&agent(), &[]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = steady(&String::from_utf8(done.stdout).unwrap());
    insta::with_settings!({ snapshot_path => "../golden/doctor", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("agent", said);
    });
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let (pipeline, agent) = (pipeline(), agent());
    for (whole, from, to, said) in [
        (
            &pipeline,
            "hive-table = 'it_doctor_log'",
            "hive-table = 'it_doctor_no'",
            "there is no table default.it_doctor_no",
        ),
        (&pipeline, "default.it_doctor_log", "default.it_doctor_no", "FAIL  step history: "),
        (&pipeline, "database = 'default'\n", "database = 'it_no_such'\n", "FAIL  step look: "),
        (&pipeline, "files = 'access.log'", "files = 'no/such/access.log'", "FAIL  files HERE/no/such/access.log"),
        (&pipeline, "database = 'shop'", "database = 'shap'", "GRANT SELECT ON `shap`.* TO"),
        (&agent, "files = 'access.log'", "files = 'no/such/access.log'", "FAIL  files HERE/no/such/access.log"),
        (&agent, "command = '/bin/sh", "command = 'no-such-program", "there is no program no-such-program"),
        (&agent, "bind", "bind", "listens"),
        (&agent, "thrift://localhost:", "thrift://localhost:1", "FAIL"),
    ] {
        // The port is taken in one of them.
        let taken = (from == "bind").then(|| std::net::TcpListener::bind(("127.0.0.1", AGENT_PORT)).unwrap());
        assert!(taken.is_some() || whole.contains(from), "{from}");
        let done = examined(&whole.replacen(from, to, 1), &[]);
        let text = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(1), "{to}: {text}");
        assert!(text.contains(said) && text.contains("to do: "), "{to}: {text}");
    }
}

#[test]
fn servers_of_flags_are_examined_without_a_pipeline() {
    let done = sakia().args(["doctor", "--hbase-url", &address("HBASE_THRIFT_PORT")]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("gateway: answers as thrift1"), "{said}");
}

#[test]
fn json_and_strict_say_the_same_as_the_table() {
    let done = examined(&pipeline(), &["--output", "json"]);
    let read: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let checks = read["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["remedy"].is_string()), "{read}");
    assert!(
        checks.len() > 30 && checks.iter().all(|check| check["hop"].is_string() && check["answer"].is_string()),
        "{read}"
    );
    // A dead one of two gateways is a warning, which counts where that is asked for.
    let two = pipeline().replace(
        &format!("[hbase]\nurl = '{}'", address("HBASE_THRIFT_PORT")),
        &format!("[hbase]\nurl = ['localhost:1', '{}']", address("HBASE_THRIFT_PORT")),
    );
    let done = examined(&two, &[]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("warn  port: cannot reach an hbase thrift1 gateway at localhost:1"),
        "{said}"
    );
    let done = examined(&two, &["--strict", "--output", "json"]);
    assert_eq!(done.status.code(), Some(1));
    let read: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(read["outcome"], "warning");
}
