//! Runs the generator as `make shop` does and holds its log against facts.toml.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn shop() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn generate(data: &Path, out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-clicks"));
    command.arg("--stats").arg("--data").arg(data).arg("--out").arg(out).output().unwrap()
}

/// The whole log of the whole data set: the same bytes as ever.
#[test]
fn the_log_is_the_one_that_facts_toml_describes() {
    let folder = tempfile::tempdir().unwrap();
    let unpack = Command::new(shop().join("unpack.sh")).arg(folder.path()).output().unwrap();
    assert!(unpack.status.success(), "{}", String::from_utf8_lossy(&unpack.stderr));
    let data = PathBuf::from(String::from_utf8(unpack.stdout).unwrap().trim_end());
    let out = folder.path().join("access.log");
    let made = generate(&data, &out);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let found = String::from_utf8(made.stdout).unwrap();
    let facts = std::fs::read_to_string(shop().join("facts.toml")).unwrap();
    assert!(facts.ends_with(&found), "facts.toml should end with:\n{found}");
    assert!(!folder.path().join("access.log.tmp").exists());
}

#[test]
fn a_folder_without_data_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("access.log");
    let made = generate(folder.path(), &out);
    assert_eq!(made.status.code(), Some(1));
    let error = String::from_utf8(made.stderr).unwrap();
    assert!(error.contains("unpack.sh"), "{error}");
    assert!(!out.exists());
}
