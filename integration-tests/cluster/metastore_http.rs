//! A metastore over HTTP, as Hive 4 has it: of a test's own, beside the stack's.

use crate::own::Own;
use crate::stack::{self, beeline, sakia, unique};

#[test]
fn a_table_is_registered_by_a_metastore_over_http() {
    let own = Own::metastore(&["-Dmetastore.server.thrift.transport.mode=http"]);
    let (name, directory) = (unique("it_http"), tempfile::tempdir().unwrap());
    let stack = format!("thrift://{}", stack::address("METASTORE_PORT"));
    let pipeline = stack::import_of_customers(&name).replace(&stack, &format!("http://{}/metastore", own.address()));
    std::fs::write(directory.path().join("p.toml"), &pipeline).unwrap();
    let run = |file: &str| sakia().args(["run", file]).current_dir(directory.path()).output().unwrap();
    let done = run("p.toml");
    assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), own.log());
    assert_eq!(beeline(&format!("select count(*) from {name}.customers")), [["4372"]]);
    let wrong = pipeline.replace("/metastore'", "/elsewhere'");
    std::fs::write(directory.path().join("wrong.toml"), wrong).unwrap();
    let said = String::from_utf8_lossy(&run("wrong.toml").stderr).into_owned();
    assert!(said.contains("Method Not Allowed") && said.contains("check the path"), "{said}");
    beeline(&format!("drop database {name} cascade"));
}
