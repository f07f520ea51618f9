//! Sqoop 1.4.7's own exports replayed: the same files, options and table. Where the result differs from Sqoop's it is
//! because Sqoop lost something; each difference is spelled out.

use super::{Scene, golden};
use sakia::format::text::unescape_java;

/// Runs a case; what became of it, and the table as Sqoop's run printed it.
async fn replay(case: &str) -> (Result<(), String>, String, String) {
    let dir = golden(case);
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let pre = text("pre.sql");
    let statements: Vec<&str> = pre.split(';').map(str::trim).filter(|s| !s.is_empty()).collect();
    let mut scene = Scene::set(&statements).await;
    for file in std::fs::read_dir(dir.join("in")).unwrap() {
        let file = file.unwrap();
        scene.file(&format!("in/{}", file.file_name().to_str().unwrap()), std::fs::read(file.path()).unwrap());
    }
    let done = scene.try_export(&options(&text("args"))).await;
    let mut table = String::from("id\tv\tn\td\tdt\tb\n");
    for row in scene.rows("SELECT * FROM ex ORDER BY id").await {
        table.push_str(&row.join("\t"));
        table.push('\n');
    }
    scene.clear().await;
    (done.map(drop).map_err(|e| e.to_string()), table, text("table.tsv"))
}

/// Sqoop's arguments as ours.
fn options(args: &str) -> String {
    let mut toml = String::from("export-dir = '/in'\ncompat = 'sqoop'\n");
    let mut text = String::from("[text]\n");
    let mut words = args.lines();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word {
            "--export-dir" => drop(value()),
            "-m" => toml.push_str(&format!("num-mappers = {}\n", value())),
            "--clear-staging-table" => toml.push_str("clear-staging-table = true\n"),
            "--update-key" => toml.push_str(&format!("update-key = ['{}']\n", value())),
            "--table" | "--staging-table" | "--update-mode" => {
                toml.push_str(&format!("{} = '{}'\n", &word[2..], value()));
            }
            "-Dsqoop.export.records.per.statement=1" => toml.push_str("rows-per-statement = 1\n"),
            "-Dsqoop.export.statements.per.transaction=1" => toml.push_str("statements-per-transaction = 1\n"),
            _ => {
                let (name, value) = (word.strip_prefix("--input-").unwrap(), value());
                // A Java literal there, itself here.
                let value = if name.starts_with("null") { unescape_java(value).unwrap() } else { value.to_owned() };
                text.push_str(&format!("{name} = '{value}'\n"));
            }
        }
    }
    toml + &text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sqoop_does_well_is_done_alike() {
    for case in ["allowinsert", "hidden", "staging", "updateonly"] {
        let (done, ours, sqoops) = replay(case).await;
        assert_eq!(done, Ok(()), "{case}");
        assert_eq!(ours, sqoops, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microseconds_arrive_where_sqoop_drops_them() {
    for case in ["insert-default", "nullN"] {
        let (done, ours, sqoops) = replay(case).await;
        assert_eq!(done, Ok(()), "{case}");
        // The file says .123456; Sqoop's driver sends none of it to MariaDB.
        assert_eq!(ours, sqoops.replacen("10:00:00.000000", "10:00:00.123456", 1), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_record_keeps_its_whole_transaction_out() {
    let (done, ours, sqoops) = replay("bad-row-fails").await;
    let error = done.unwrap_err();
    assert!(error.contains("/in/p line 11, column n: \"notanint\" is not a whole number"), "{error}");
    assert!(error.contains("no row was added"), "{error}");
    // Sqoop leaves ten of the twelve rows behind.
    assert_eq!((ours.lines().count(), sqoops.lines().count()), (1, 11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committed_rows_stay_and_are_counted() {
    let (done, ours, sqoops) = replay("bad-row-partial").await;
    let error = done.unwrap_err();
    assert!(
        error.contains("line 11") && error.contains("rows are committed") || error.contains("no row was added"),
        "{error}"
    );
    assert!(sqoops.starts_with(ours.trim_end()), "only whole transactions in front of the bad record: {ours}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_breaks_the_quoting_rules_is_named() {
    let (done, ours, sqoops) = replay("optenclosed").await;
    let error = done.unwrap_err();
    assert!(error.contains("/in/p line 3"), "{error}");
    // Sqoop leaves the two rows before it behind.
    assert_eq!((ours.lines().count(), sqoops.lines().count()), (1, 3));
}
