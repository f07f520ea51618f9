//! The stack as the tests see it: addresses from `docker/stack.env`, and its stock tools run in their container.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use sakia::storage::hdfs::HdfsOptions;

static SETTINGS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/stack.env");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {path}: {e}"));
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
});

/// A value of `docker/stack.env`.
pub fn setting(name: &str) -> &'static str {
    SETTINGS.get(name).unwrap_or_else(|| panic!("docker/stack.env has no {name}"))
}

/// `localhost:<port>` of one of the stack's ports.
pub fn address(port: &str) -> String {
    format!("{}:{}", setting("STACK_HOST"), setting(port))
}

pub fn hdfs() -> HdfsOptions {
    HdfsOptions {
        url: Some(format!("hdfs://{}", address("NAMENODE_PORT"))),
        user: Some("root".to_owned()),
        ..Default::default()
    }
}

/// The stack's image.
pub fn image() -> String {
    image_of("image_ref")
}

/// The image that a function of `docker/bin/lib.sh` names.
pub fn image_of(function: &str) -> String {
    let script = format!(". docker/bin/lib.sh; {function}");
    let reference = Command::new("bash").args(["-c", &script]).current_dir(root()).output().unwrap();
    String::from_utf8(reference.stdout).unwrap().trim().to_owned()
}

/// What a stock tool (`hdfs`, `beeline`, `hbase`, `mariadb`) prints; panics with its errors if it fails.
pub fn tool(name: &str, args: &[&str]) -> Vec<u8> {
    let tool = root().join("docker/bin/tool");
    let output = Command::new(&tool).arg(name).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("cannot run {}: {e}", tool.display()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {args:?} failed:\n{errors}");
    output.stdout
}

/// What Hadoop's own command line prints.
pub fn hdfs_shell(args: &[&str]) -> String {
    String::from_utf8_lossy(&tool("hdfs", args)).into_owned()
}

/// What HBase's own shell prints that is given a script.
pub fn hbase_shell(script: &str) -> String {
    let mut shell = Command::new(root().join("docker/bin/tool"));
    shell.arg("hbase").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let done = shell.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    said
}

/// Rows of a query as Hive's own shell prints them.
pub fn beeline(sql: &str) -> Vec<Vec<String>> {
    let printed = tool("beeline", &["--silent=true", "--outputformat=tsv2", "--showHeader=false", "-e", sql]);
    let printed = String::from_utf8_lossy(&printed);
    let rows = printed.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A name that no other test and no earlier run uses.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary under test.
pub fn sakia() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sakia"))
}

/// A pipeline of one step, the import of the shop's customers into a Hive database and a directory below `/it` of
/// that name.
pub fn import_of_customers(name: &str) -> String {
    format!(
        "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = 'shop'\n\
         password-file = '{root}/docker/shop.password'\n\
         [hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n\
         [metastore]\nurl = 'thrift://{metastore}'\n\
         [[step]]\ntype = 'import'\nname = 'customers'\ntable = 'customers'\n\
         target-dir = '/it/{name}/customers'\nhive-database = '{name}'\n",
        port = setting("MARIADB_PORT"),
        root = root().display(),
        namenode = address("NAMENODE_PORT"),
        metastore = address("METASTORE_PORT"),
    )
}

/// What a Python script prints that finds its arguments in `args`, run by the interpreter that has the readers of
/// `integration-tests/requirements.txt`; `SAKIA_TEST_PYTHON` names it, `make test` sets it.
pub fn python(script: &str, args: &[&str]) -> String {
    let python = std::env::var("SAKIA_TEST_PYTHON")
        .expect("SAKIA_TEST_PYTHON names a python with integration-tests/requirements.txt installed");
    let script = format!("import sys\nargs = sys.argv[1:]\n{script}");
    let output = Command::new(&python).arg("-c").arg(&script).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("cannot run {python}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{args:?} failed:\n{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a Python script prints that reads HBase by the happybase connection `c`.
pub fn happybase(script: &str, args: &[&str]) -> String {
    let (host, port) = (setting("STACK_HOST"), setting("HBASE_THRIFT_PORT"));
    python(&format!("import happybase\nc = happybase.Connection('{host}', {port})\n{script}"), args)
}

/// Drops an HBase table, if there is one.
pub fn drop_hbase_table(name: &str) {
    happybase("if args[0].encode() in c.tables(): c.delete_table(args[0], disable=True)", &[name]);
}
