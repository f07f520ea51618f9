//! HBase's gateways with tickets: SASL with privacy, and HTTPS with SPNEGO.

use std::fs;

use crate::several::tool_with_input;
use crate::stack::{address, by_keytab, file_of, printed, sakia, unique};

fn examined(who: &str, hbase: &str) -> String {
    let schema = crate::stack::root().join("hbase-schemas/customer_360.toml");
    let file = file_of(&format!(
        "{who}\n[hiveserver2]\nurl = '{}'\n[hbase]\n{hbase}\n[[step]]\ntype = 'lookup'\nname = 'l'\nschema = '{}'\n\
         query-file = '{}/hive-ddl/lookup/customer_360.hql'\ndatabase = 'default'\n",
        address("HIVESERVER2_PORT"),
        schema.display(),
        crate::stack::root().display(),
    ));
    let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
    printed(&done)
}

#[test]
fn each_gateway_lets_us_in() {
    for hbase in [
        format!("url = '{}'", address("HBASE_THRIFT_PORT")),
        format!("url = 'https://{}'\nauth = 'kerberos'", address("HBASE_THRIFT_HTTP_PORT")),
    ] {
        let said = examined(&by_keytab("hbase").replace("hbase@", "hbase/localhost@"), &hbase);
        assert!(said.contains("gateway: answers as thrift1"), "{said}");
    }
}

#[test]
fn a_thrift2_gateway_is_told_apart() {
    let said = examined(&by_keytab("etl"), &format!("url = '{}'", address("HBASE_THRIFT2_PORT")));
    assert!(said.contains("is a thrift2 gateway"), "{said}");
}

/// An agent's rows go through both gateways: with a ticket over SASL, and over HTTPS.
#[test]
fn an_agent_writes_rows_with_a_ticket() {
    let (name, directory) = (unique("it_rows"), tempfile::tempdir().unwrap());
    tool_with_input("hbase", "hbase", &format!("create '{name}', 'e'\n"));
    let (file, log) = (directory.path().join("agent.toml"), directory.path().join("in.log"));
    for (number, hbase) in [
        format!("url = '{}'", address("HBASE_THRIFT_PORT")),
        format!("url = 'https://{}'\nauth = 'kerberos'", address("HBASE_THRIFT_HTTP_PORT")),
    ]
    .iter()
    .enumerate()
    {
        let text = format!(
            "{}\n[hbase]\n{hbase}\n[[source]]\nname = 'in'\ntype = 'taildir'\nfiles = 'in.log'\nchannels = ['c']\n\
             [[channel]]\nname = 'c'\ntype = 'file'\ndirectory = 'channel'\n\
             [[sink]]\nname = 'rows'\ntype = 'hbase'\nchannel = 'c'\ntable = '{name}'\nreject-dir = 'rejects'\n\
             row-key = [{{ place = 'uuid' }}]\ncells = {{ 'e:body' = 'body' }}\ncell-time = 'written'\n",
            by_keytab("hbase").replace("hbase@", "hbase/localhost@")
        );
        fs::write(&file, text).unwrap();
        let lines: Vec<String> = (0..(number + 1) * 1_000).map(|line| format!("{line}\n")).collect();
        fs::write(&log, lines.concat()).unwrap();
        let done = sakia().args(["agent", "run"]).arg(&file).arg("--drain").output().unwrap();
        assert!(done.status.success(), "{}", printed(&done));
    }
    let counted = tool_with_input("hbase", "hbase", &format!("count '{name}'\ndisable '{name}'\ndrop '{name}'\n"));
    assert!(counted.contains("2000 row(s)"), "{counted}");
}
