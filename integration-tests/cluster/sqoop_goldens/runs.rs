//! Runs one after another into one directory, and what is printed.

use std::collections::BTreeSet;

use super::{Files, Ran, Stage, files, goldens, sqoop};

/// What the names of the cases begin with that this module replays.
pub const NAMES: [&str; 5] = ["append-two", "eval-select", "inc-", "list-", "target-exists-fails"];

/// Runs one of a case's runs behind its statements; the files as they are then, and Sqoop's.
async fn next(stage: &mut Stage, case: &str, run: usize) -> (Ran, Files, Files) {
    if let Ok(statements) = std::fs::read_to_string(goldens().join(case).join(format!("pre.{run}.sql"))) {
        stage.sql("types", &statements).await;
    }
    let ran = sqoop(&stage.vector(case, &format!("args.{run}")));
    let exit = std::fs::read_to_string(goldens().join(case).join(format!("exit.{run}"))).unwrap();
    assert_eq!(ran.code.to_string(), exit.trim(), "{case} {run}: {}", ran.err);
    (ran, stage.written(case), files(&goldens().join(case).join(format!("out.{run}"))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v61_v80_v84_directories_grow_as_sqoops_do() {
    let mut stage = Stage::set(&["types"]).await;
    for (case, runs) in
        [("append-two", 2), ("inc-append", 3), ("target-exists-fails", 2), ("inc-lastmodified-nokey-fails", 2)]
    {
        for run in 1..=runs {
            let (ran, ours, sqoops) = next(&mut stage, case, run).await;
            assert_eq!(text(&ours), text(&sqoops), "{case} {run}");
            let said = match (case, run) {
                ("inc-append", 1) => "--last-value 3",
                ("inc-append", 2) => "--last-value 5",
                ("inc-append", 3) => "No new rows detected since last import.",
                ("target-exists-fails", 2) => "already exists",
                ("inc-lastmodified-nokey-fails", 2) => {
                    "--merge-key or --append is required when using --incremental lastmodified and the output \
                     directory exists."
                }
                _ => "",
            };
            assert!(ran.err.contains(said), "{case} {run}: {}", ran.err);
        }
    }
    // Changed rows take the place of older ones. Sqoop's file is called part-r-00000, by the job that merges.
    for run in 1..=2 {
        let (ran, ours, sqoops) = next(&mut stage, "inc-lastmodified-merge", run).await;
        assert_eq!(super::text::rows(&ours), super::text::rows(&sqoops), "{run}: {:?}", ours.keys());
        assert!(ran.err.contains("--last-value 20"), "{}", ran.err);
    }
    // Sqoop cannot merge Avro files and refuses this.
    let statements = std::fs::read_to_string(goldens().join("inc-lastmodified-avro-fails/pre.sql")).unwrap();
    stage.sql("types", &statements).await;
    let ran = stage.run("inc-lastmodified-avro-fails");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(stage.written("inc-lastmodified-avro-fails").contains_key("part-m-00000.avro"));
    stage.clear(&["types"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v65_what_is_printed_is_sqoops() {
    let mut stage = Stage::set(&["types"]).await;
    let golden = |case: &str| std::fs::read_to_string(goldens().join(case).join("stdout")).unwrap();
    assert_eq!(stage.run("eval-select").out, golden("eval-select"));
    // Tables that other cases make.
    stage.sql("types", "CREATE TABLE inc (a INT); CREATE TABLE ex (a INT); CREATE TABLE ex_st (a INT)").await;
    // The server gives names in an order of its own.
    let names = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let listed = stage.run("list-tables").out;
    assert_eq!((names(&listed), listed.lines().count()), (names(&golden("list-tables")), 12));
    let databases = names(&stage.run("list-databases").out);
    assert!(databases.contains(&stage.database("types")) && databases.contains("information_schema"), "{databases:?}");
    stage.clear(&["types"]).await;
}

fn text(files: &Files) -> Vec<(&str, String)> {
    files.iter().map(|(name, bytes)| (name.as_str(), String::from_utf8_lossy(bytes).into_owned())).collect()
}
