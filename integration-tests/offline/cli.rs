//! The command line: help texts that need no manual, and mistakes that are one line with the documented exit code.

use std::process::{Command, Output};

fn sakia(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sakia")).args(args).env_remove("SAKIA_LOG").env("COLUMNS", "100").output().unwrap()
}

/// Expects exit code 2 and one line on stderr that holds all of `words`.
fn refused(args: &[&str], words: &[&str]) {
    let output = sakia(args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(words.iter().all(|word| errors.contains(word)), "{words:?} are not in: {errors}");
    assert!(output.stdout.is_empty());
}

fn pipeline(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    std::fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap().to_owned();
    (dir, name)
}

#[test]
fn help_reads_well() {
    insta::with_settings!({ snapshot_path => "../golden/help", prepend_module_to_snapshot => false, omit_expression => true }, {
        for command in ["", "run", "import", "import-all", "export", "merge", "verify", "job", "eval", "list", "agent", "scd2", "lookup"] {
            let args: Vec<&str> = [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
            let output = sakia(&args);
            assert!(output.status.success());
            let name = if command.is_empty() { "sakia" } else { command };
            insta::assert_snapshot!(name, String::from_utf8(output.stdout).unwrap());
        }
    });
}

#[test]
fn no_command_prints_the_help_and_is_a_usage_error() {
    let output = sakia(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: sakia"));
}

#[test]
fn a_pipeline_that_is_not_there() {
    refused(&["run", "/nowhere/p.toml"], &["cannot read /nowhere/p.toml", "check the path"]);
}

#[test]
fn mistakes_in_a_pipeline_are_named_with_the_remedy() {
    let import = "[[step]]\ntype = 'import'\nname = 'a'\ntable = 't'\ntarget-dir = '/t'\n";
    let mysql = "[mysql]\nhost = 'h'\n[hdfs]\nurl = 'hdfs://n:1'\n";
    for (text, words) in [
        (String::new(), vec!["p.toml", "holds no step", "[[step]]"]),
        (import.to_owned(), vec!["step `a`", "[mysql]"]),
        (format!("[mysqll]\n{mysql}{import}"), vec!["p.toml:1", "`mysqll`", "did you mean `mysql`?"]),
        (format!("{mysql}{import}splitby = 'x'\n"), vec!["step `a`", "`splitby`", "did you mean `split-by`?"]),
        (format!("{mysql}{import}{import}"), vec!["two steps", "`a`"]),
        (
            format!("{mysql}{}", import.replace("'import'", "'imprt'")),
            vec!["step `a`", "`imprt`", "import, import-all"],
        ),
        (format!("{mysql}{}", import.replace("name = 'a'\n", "")), vec!["step 1", "missing key `name`"]),
        (format!("{mysql}{}as = 'orc'\n", import), vec!["`orc`", "parquet, avro"]),
        ("[mysql\n".to_owned(), vec!["p.toml:1"]),
    ] {
        let (_dir, file) = pipeline(&text);
        refused(&["run", &file], &words);
    }
}

#[test]
fn a_step_that_is_not_there() {
    let (_dir, file) = pipeline(
        "[mysql]\nhost = 'h'\n[hdfs]\nurl = 'hdfs://n:1'\n\
         [[step]]\ntype = 'import'\nname = 'orders'\ntable = 't'\ntarget-dir = '/t'\n",
    );
    refused(&["run", &file, "--step", "order"], &["no step `order`", "did you mean `orders`?"]);
    refused(&["scd2", &file], &["no such step of type `scd2`"]);
}
