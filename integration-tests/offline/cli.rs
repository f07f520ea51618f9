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
        for command in ["", "run", "check", "import", "import-all", "export", "merge", "verify", "reconcile", "job", "eval", "list", "query", "agent", "scd2", "scd2 plan", "lookup", "trigger", "agent run", "agent check", "agent test", "agent tap", "agent compact"] {
            let args: Vec<&str> = command.split(' ').chain(["--help"]).filter(|arg| !arg.is_empty()).collect();
            let output = sakia(&args);
            assert!(output.status.success());
            let name = if command.is_empty() { "sakia".to_owned() } else { command.replace(' ', "-") };
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

const IMPORT: &str = "[[step]]\ntype = 'import'\nname = 'a'\ntable = 't'\ntarget-dir = '/t'\n";
const SERVERS: &str = "[mysql]\nhost = 'h'\n[hdfs]\nurl = 'hdfs://n:1'\n";

#[test]
fn mistakes_in_a_pipeline_are_named_with_the_remedy() {
    for (text, words) in [
        (String::new(), vec!["p.toml", "no step", "[[step]]"]),
        (IMPORT.to_owned(), vec!["p.toml:1: step `a`", "[mysql]"]),
        (format!("[mysqll]\n{SERVERS}{IMPORT}"), vec!["p.toml:1", "`mysqll`", "did you mean `mysql`?"]),
        (
            format!("{SERVERS}{IMPORT}splitby = 'x'\n"),
            vec!["p.toml:10: step `a`", "`splitby`", "did you mean `split-by`?"],
        ),
        (format!("{SERVERS}{IMPORT}{IMPORT}"), vec!["p.toml:10", "two steps", "`a`"]),
        (
            format!("{SERVERS}{}", IMPORT.replace("'import'", "'imprt'")),
            vec!["p.toml:6: step `a`", "`imprt`", "import, import-all"],
        ),
        (format!("{SERVERS}{}", IMPORT.replace("name = 'a'\n", "")), vec!["p.toml:5: step 1", "missing key `name`"]),
        (format!("{SERVERS}{IMPORT}as = 'orc'\n"), vec!["p.toml:10", "`as`", "`orc`", "parquet, avro"]),
        (format!("{SERVERS}{IMPORT}columns = 'k'\n"), vec!["p.toml:10", "`columns`: expected a list, found \"k\""]),
        (format!("[metastore]\nurl = 'h:1'\n{SERVERS}{IMPORT}"), vec!["p.toml:2: [metastore]: `url`", "thrift://"]),
        (
            format!("[hiveserver2]\nurl = ['localhost']\n{SERVERS}{IMPORT}"),
            vec!["p.toml:2: [hiveserver2]: `url`: \"localhost\" is not HOST:PORT"],
        ),
        (format!("connect-timeout = 'soon'\n{SERVERS}{IMPORT}"), vec!["p.toml:1: `connect-timeout`", "20s"]),
        ("[mysql\n".to_owned(), vec!["p.toml:1"]),
    ] {
        let (_dir, file) = pipeline(&text);
        refused(&["run", &file], &words);
    }
}

#[test]
fn the_whole_file_is_checked_before_the_first_step() {
    let text = format!("{SERVERS}wait = 5s\n{IMPORT}",);
    let (_dir, file) = pipeline(&text);
    refused(&["check", &file], &["p.toml:5"]);
    let text = format!(
        "{SERVERS}{IMPORT}verfy = true\nnum-mappers = 'two'\n\n\
         [[step]]\ntype = 'agent'\nname = 'b'\nfiles = 'a.log'\nchannel-dir = 'c'\ntarget-dir = '/e'\n\
         reject-dir = '/e/bad'\n\n[[step]]\ntype = 'scd2'\nname = 'c'\nsource = 'log'\n"
    );
    let (_dir, file) = pipeline(&text);
    let output = sakia(&["check", &file]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for words in [
        "p.toml:10: step `a`: unknown key `verfy`; did you mean `verify`?",
        "p.toml:11: step `a`: `num-mappers`: expected a whole number from 0 on, found \"two\"",
        "p.toml:19: step `b`: reject-dir /e/bad lies in target-dir /e",
        "p.toml:21: step `c`: missing key",
        "4 mistakes",
    ] {
        assert!(errors.contains(words), "{words} is not in:\n{errors}");
    }
    refused(&["run", &file], &["p.toml:10", "3 more mistakes", "sakia check"]);
    let json: serde_json::Value = serde_json::from_slice(&sakia(&["check", &file, "--output", "json"]).stdout).unwrap();
    assert_eq!((json["mistakes"].as_array().unwrap().len(), &json["error"]["exit-code"]), (4, &2.into()));
}

#[test]
fn a_file_without_mistakes_is_said_to_be_fine() {
    let (_dir, file) = pipeline(&format!("{SERVERS}{IMPORT}"));
    let output = sakia(&["check", &file]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 step: 1 import"), "{said}");
    let shop = format!("{}/examples/shop/pipeline.toml", env!("CARGO_MANIFEST_DIR"));
    let output = sakia(&["check", &shop]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "the example is written as today: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn keys_and_flags_of_earlier_versions_are_understood_and_noted() {
    let text = "[hdfs]\nurl = 'hdfs://n:1'\nwait = 60\n[metastore]\nuris = ['thrift://m:1']\n\
                [hiveserver2]\nendpoints = ['h:1']\nconnect-timeout-s = 3\n\
                [hbase]\nthrift = ['b:1', 'b:2']\nread-timeout-ms = 500\n[mysql]\nhost = 'h'\nread-timeout = 0\n\
                [[step]]\ntype = 'agent'\nname = 'b'\nfiles = ['a.log']\nchannel-dir = 'c'\ntarget-dir = '/e'\n\
                reject-dir = '/bad'\nroll = { seconds = 5 }\n";
    let (_dir, file) = pipeline(text);
    let output = sakia(&["run", "--explain", &file]);
    let (today, notes) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{notes}");
    assert_eq!(
        today,
        "[mysql]\nhost = \"h\"\n\n[hdfs]\nurl = \"hdfs://n:1\"\nwait = \"1m\"\n\n\
         [metastore]\nurl = \"thrift://m:1\"\n\n\
         [hiveserver2]\nconnect-timeout = \"3s\"\nurl = \"h:1\"\n\n\
         [hbase]\ncall-timeout = \"500ms\"\nurl = [\"b:1\", \"b:2\"]\n\n\
         [[step]]\ntype = \"agent\"\nname = \"b\"\nchannel-dir = \"c\"\nfiles = \"a.log\"\n\
         reject-dir = \"/bad\"\nroll = { age = \"5s\", bytes = 67108864, rows = 250000 }\ntarget-dir = \"/e\"\n"
    );
    for note in ["p.toml:3: [hdfs]: the key `wait` is written `wait = \"60s\"` now", "`uris` is written `url`"] {
        assert!(notes.contains(note), "{notes}");
    }
    assert_eq!(notes.lines().count(), 8, "one note a key: {notes}");
    // What is printed is read without a note.
    let (_dir, file) = pipeline(&today);
    assert!(sakia(&["check", &file]).stderr.is_empty());
    let typed = ["import", "--explain", "--table", "t", "--connect", "mysql://u@h/d", "--hdfs-url", "hdfs://n:1"];
    let output = sakia(&[&typed[..], &["--target-dir", "/t", "--metastore-uri", "thrift://m:1"]].concat());
    assert!(String::from_utf8_lossy(&output.stdout).contains("[metastore]\nurl = \"thrift://m:1\""));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--metastore-uri is called --metastore-url now"));
}

#[test]
fn every_type_of_step_can_be_typed_and_explained() {
    let agent = "agent --files /var/log/a*.log,/b.log --channel-dir /c --target-dir /e --reject-dir /r --partition hour \
                 --roll-age 5s --drain --hdfs-url hdfs://n:1";
    let scd2 = "scd2 --source s.log --target s.dim --keys id,region --sequence at --tracked a,b --batches day \
                --hiveserver2-url jdbc:hive2://h:10000";
    let schema = format!("{}/hbase-schemas/customer_360.toml", env!("CARGO_MANIFEST_DIR"));
    let query = format!("{}/hive-ddl/lookup/customer_360.hql", env!("CARGO_MANIFEST_DIR"));
    let lookup = format!(
        "lookup --schema {schema} --query-file {query} --database shop --hiveserver2-url h:1 --hbase-url thrift://b:9090"
    );
    for typed in [agent, scd2, &lookup] {
        let explained = sakia(&[&typed.split_whitespace().collect::<Vec<_>>()[..], &["--explain"]].concat());
        assert!(explained.status.success(), "{}", String::from_utf8_lossy(&explained.stderr));
        let text = String::from_utf8(explained.stdout).unwrap();
        let (_dir, file) = pipeline(&text);
        let kind = typed.split(' ').next().unwrap();
        let again = sakia(&[kind, &file, "--explain"]);
        assert_eq!(String::from_utf8(again.stdout).unwrap(), text, "what is explained says the same");
    }
    for (typed, words) in [(agent, "channel     /c"), (&lookup, "query       ")] {
        let planned = sakia(&[&typed.split_whitespace().collect::<Vec<_>>()[..], &["--dry-run"]].concat());
        let plan = String::from_utf8_lossy(&planned.stdout).into_owned();
        assert!(planned.status.success() && plan.contains(words), "{plan}{}", String::from_utf8_lossy(&planned.stderr));
    }
    refused(&["agent"], &["nothing says what sakia agent should do"]);
    refused(&["scd2", "--source", "s.log"], &["missing key `target`"]);
}

#[test]
fn a_password_in_a_url_is_never_printed() {
    for url in ["mysql://u:s3cret@h/d", "jdbc:mysql://h/d?user=u&password=s3cret"] {
        for args in [
            &["import", "--explain", "--table", "t", "--target-dir", "/t", "--connect", url][..],
            &["job", "create", "j", "--", "import", "--table", "t", "--target-dir", "/t", "--connect", url],
            &["eval", "--query", "SELECT 1", "--connect", url, "-vv"],
            &["import", "--output", "json", "--table", "t", "--target-dir", "/t", "--connect", url, "-vv"],
        ] {
            let output = sakia(args);
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!said.contains("s3cret"), "{args:?}: {said}");
            assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        }
    }
    let (_dir, file) = pipeline(&format!("{}{IMPORT}", SERVERS.replace("host = 'h'", "url = 'mysql://u:s3cret@h/d'")));
    for args in [["check", &file], ["run", &file]] {
        let output = sakia(&args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("s3cret") && output.status.code() == Some(2), "{said}");
    }
}

#[test]
fn an_error_is_an_object_where_json_is_asked_for() {
    let servers = "[mysql]\nurl = 'mysql://u@127.0.0.1:1/d'\n[hdfs]\nurl = 'file:///'\n";
    let (_dir, file) = pipeline(&format!("{servers}{IMPORT}"));
    for (args, kind, code) in [
        (vec!["run", &file, "--output", "json"], "unreachable", 1),
        (vec!["run", "/nowhere/p.toml", "--output", "json"], "config", 2),
        (vec!["run", &file, "--step", "b", "--output", "json"], "usage", 2),
        (vec!["import", "--no-such-flag", "--output", "json"], "usage", 2),
        (
            vec!["eval", "--query", "SELECT 1", "--connect", "mysql://u@127.0.0.1:1/d", "--output=json"],
            "unreachable",
            1,
        ),
    ] {
        let output = sakia(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &json["error"];
        assert_eq!((error["kind"].as_str(), error["exit-code"].as_i64()), (Some(kind), Some(code.into())), "{args:?}");
        assert!(error["text"].as_str().is_some_and(|text| !text.is_empty()) && error.get("hint").is_some());
        assert!(!output.stderr.is_empty(), "the error is on stderr, too");
    }
}

#[test]
fn an_empty_hadoop_conf_dir_counts_as_unset() {
    let merge = ["merge", "--new-data", "/n", "--onto", "/o", "--target-dir", "/t", "--merge-key", "id"];
    let output = Command::new(env!("CARGO_BIN_EXE_sakia")).args(merge).env("HADOOP_CONF_DIR", "").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("hdfs has no address"), "{errors}");
}

#[test]
fn the_readme_lists_the_exit_codes_of_the_program() {
    let readme = include_str!("../../README.md");
    for (code, meaning) in sakia::error::EXIT_CODES {
        let row =
            readme.lines().find(|line| line.starts_with(&format!("| {code} |"))).unwrap_or_else(|| panic!("{code}"));
        assert!(row.contains(meaning), "{row}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        let output = sakia(&["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("split-by"), "{shell}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(sakia(&["man", dir.path().to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(dir.path().join("sakia-import.1")).unwrap();
    assert!(page.contains("split\\-by") && dir.path().join("sakia.1").is_file());
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

#[test]
fn mistakes_of_a_query_are_found_before_a_server_is_asked() {
    let query = ["query", "-u", "127.0.0.1:1"];
    let refused = |args: &[&str], words: &[&str]| refused(&[&query[..], args].concat(), words);
    refused(&["-e", "select 1;\nselect 'x"], &["-e, line 2: a quote begins here"]);
    refused(&["-e", "!connect h"], &["`!connect` is a command of beeline"]);
    refused(&["-f", "/no/such.sql"], &["cannot read /no/such.sql"]);
    refused(&["-e", "select 1", "--output-file", "/no/such/dir/x.csv"], &["cannot write /no/such/dir/x.csv"]);
    refused(&["-e", "select 1", "--output=csv", "--null-string=a,b"], &["cannot be told from other values"]);
    refused(&["--pipeline", "p.toml", "--proxy-user", "ann", "-e", "select 1"], &["flags of the server beside it"]);
    for (args, word) in [
        (&["-e", "select 1", "-f", "x.sql"][..], "cannot be used with"),
        (&["-e", "select 1", "--outputformat=xmlattr"], "invalid value 'xmlattr'"),
        (&["-e", "select 1", "--truncateTable=true"], "--truncateTable"),
        (&["-e", "select 1", "--hiveconf", "a"], "it is NAME=VALUE"),
    ] {
        let output = sakia(&[&query[..], args].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{args:?}");
    }
}
