//! Clients that are not ours, to read results back with: beeline in the stack's container, pyarrow, fastavro
//! and happybase in a virtual environment (`SAKIA_TEST_PYTHON` names its interpreter; `make test` sets it).

use std::path::Path;
use std::process::Command;

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a statement through the stock beeline; rows of tab-separated values without a header.
pub fn beeline(statement: &str) -> Vec<Vec<String>> {
    let tool = root().join("docker/bin/tool");
    let options = ["beeline", "--silent=true", "--showHeader=false", "--outputformat=tsv2", "-e", statement];
    let output = run(Command::new(tool).args(options));
    output.lines().filter(|line| !line.is_empty()).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Runs a Python script with a happybase connection `c` and `args`; what it prints.
pub fn happybase(script: &str, args: &[&str]) -> String {
    python(&format!("import happybase\nc = happybase.Connection('localhost', 9090)\n{script}"), args)
}

/// Runs a Python script with `args` in the virtual environment; what it prints.
pub fn python(script: &str, args: &[&str]) -> String {
    let python = std::env::var("SAKIA_TEST_PYTHON").expect("SAKIA_TEST_PYTHON names the test environment's python");
    run(Command::new(python).arg("-c").arg(format!("import sys\nargs = sys.argv[1:]\n{script}")).args(args))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout
}

/// An HBase table with a name of its own, dropped at the end.
pub struct HBaseTable(pub String);

impl HBaseTable {
    /// Picks a name; makes nothing.
    pub fn named(prefix: &str) -> Self {
        Self(format!("it_{prefix}_{}", uuid::Uuid::now_v7().simple()))
    }
}

impl Drop for HBaseTable {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            happybase("name = args[0].encode()\nif name in c.tables(): c.delete_table(name, disable=True)", &[&self.0]);
        }
    }
}
