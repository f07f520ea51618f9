//! Bad records: one alone is left out of a statement of many, its place and reason are kept, the limit holds, and what
//! the server would bend is refused.

use sakia::error::Kind;

use super::Scene;

const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5) NOT NULL, n TINYINT, d DECIMAL(5,2), \
                     at DATETIME(3), e ENUM('a','b'), CHECK (n <> 13))";

/// Lines of good records but for a few.
fn records(bad: &[(usize, &str)], count: usize) -> String {
    let line = |n: usize| {
        let bad = bad.iter().find(|(at, _)| *at == n);
        bad.map_or_else(
            || format!("{n},v{},{},1.25,2024-01-01 00:00:00.5,a\n", n % 1000, n % 10),
            |(_, text)| format!("{text}\n"),
        )
    };
    (1..=count).map(line).collect()
}

async fn rejects(scene: &Scene) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(scene.dir.path().join("rejects/rejects-it.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_record_is_found_and_kept_with_its_reason() {
    let bad = [
        (3, "3,toolong,1,1,2024-01-01,a"),
        (250, "250,v,300,1,2024-01-01,a"),
        (251, "249,v,1,1,2024-01-01,a"),
        (400, "400,v,13,1,2024-01-01,a"),
        (401, "401,v,1,1.234,2024-01-01,a"),
        (402, "402,v,1,1,2024-02-30 00:00:00,a"),
        (403, "403,v,1,1,2024-01-01 00:00:00.1234,a"),
        (404, "404,v,1,1,2024-01-01,1"),
        (405, "405,v,1,1,2024-01-01,c"),
        (999, "999,null,1,1,2024-01-01,a"),
    ];
    for means in ["", "batch = true\n", "direct = true\n"] {
        let mut scene = Scene::set(&[TABLE]).await;
        scene.file("in/p", records(&bad, 1000));
        let more = format!("table = 't'\nexport-dir = '/in'\nreject-dir = '/rejects'\nreject-limit = 10\n{means}");
        let summary = scene.export(&more).await;
        assert_eq!((summary.rows_in, summary.rows_out, summary.rejects), (1000, 990, 10), "{means}");
        assert_eq!(scene.count("t").await, 990, "{means}");
        let found = rejects(&scene).await;
        let lines: Vec<u64> = found.iter().map(|r| r["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, bad.map(|(line, _)| line as u64), "{means}");
        for (reject, (_, raw)) in found.iter().zip(&bad) {
            assert_eq!(reject["raw"].as_str().unwrap(), *raw, "{means}");
        }
        assert_eq!(found[0]["column"], "v");
        assert!(found[2]["reason"].as_str().unwrap().contains("Duplicate entry"), "{}", found[2]);
        scene.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_ends_the_export_and_what_is_visible_is_said() {
    let mut scene = Scene::set(&[TABLE]).await;
    scene.file("in/p", records(&[(500, "x,v,1,1,,a"), (2500, "y,v,1,1,,a")], 3000));
    let args = "table = 't'\nexport-dir = '/in'\nreject-dir = '/rejects'\nreject-limit = 1\n\
                statements-per-transaction = 10\nnum-mappers = 1\n";
    let error = scene.try_export(args).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Data, 3));
    let visible = scene.count("t").await;
    assert!((1..2500).contains(&visible), "{visible}");
    assert!(error.to_string().contains(&format!("{visible} rows are committed")), "{error}");
    assert!(error.to_string().contains("/in/p line 2500, column id"), "{error}");
    assert_eq!(rejects(&scene).await.len(), 1, "the record that broke the limit is in the error");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_staging_table_a_failure_shows_nothing() {
    let mut scene = Scene::set(&[TABLE, "CREATE TABLE s LIKE t"]).await;
    scene.file("in/p", records(&[(2500, "y,v,1,1,,a")], 3000));
    let args = "table = 't'\nexport-dir = '/in'\nstaging-table = 's'\nstatements-per-transaction = 1\n";
    let error = scene.try_export(args).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Data, 1), "{error}");
    assert_eq!(scene.count("t").await, 0);
    let staged = scene.count("s").await;
    assert!(error.to_string().contains(&format!("s holds {staged} rows")), "{error}");
    let error = scene.try_export(args).await.unwrap_err();
    assert!(error.to_string().contains("holds rows already"), "{error}");
    scene.file("in/p", records(&[], 3000));
    scene.export(&format!("{args}clear-staging-table = true\n")).await;
    assert_eq!((scene.count("t").await, scene.count("s").await), (3000, 0));
    // The move itself is refused as a whole: the rows are there already.
    let error = scene.try_export(args).await.unwrap_err();
    assert!(error.to_string().contains("Duplicate entry") && error.exit_code() == 1, "{error}");
    assert_eq!((scene.count("t").await, scene.count("s").await), (3000, 3000));
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_text_and_values_that_would_be_bent_are_refused() {
    let table = "CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v VARCHAR(3), y YEAR, c TIME, f FLOAT)";
    let mut scene = Scene::set(&[table]).await;
    for (record, why) in [
        (&b"1,\xff,2024,,\n"[..], "utf-8"),
        (b"1,abc ,2024,,\n", "too long"),
        (b"1,a,24,,\n", "year"),
        (b"1,a,2024,25:00,\n", "time"),
        (b"18446744073709551616,a,2024,,\n", "ut of range"),
        (b"-1,a,2024,,\n", "ut of range"),
        (b"1,a,2024,,1e39\n", "no place"),
        (b"1,a,2024,839:00:00,\n", "ncorrect time"),
    ] {
        scene.file("in/p", record);
        let error = scene.try_export("table = 't'\nexport-dir = '/in'\n").await.unwrap_err();
        assert!(error.to_string().contains(why) && error.to_string().contains("/in/p line 1"), "{error}");
        assert_eq!(scene.count("t").await, 0, "{error}");
    }
    // A zero stays a zero in a column that counts by itself, and the largest number is one.
    scene.file("in/p", "0,a,0,-838:59:59,0.1\n18446744073709551615,null,2155,,\n");
    scene.export("table = 't'\nexport-dir = '/in'\n").await;
    let rows = scene.rows("SELECT id, v, y, c, f FROM t ORDER BY id").await;
    assert_eq!(rows[0], ["0", "a", "0000", "-838:59:59", "0.1"]);
    assert_eq!(rows[1], ["18446744073709551615", "NULL", "2155", "NULL", "NULL"]);
    scene.clear().await;
}
