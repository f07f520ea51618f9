//! Ways to write: inserts of many rows, updates, both, procedures, staging; Sqoop's own test vectors for each.

use sakia::error::Kind;

use super::Scene;

/// Ten records of three fields: A, B = 'foo'A, C = A, all times `factor`.
fn records(range: std::ops::Range<i32>, factor: i32) -> String {
    range.map(|a| format!("{a},foo{},{}\n", a * factor, a * factor)).collect()
}

const TABLE: &str = "CREATE TABLE t (A INT NOT NULL, B VARCHAR(32), C INT)";

// V87.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_rows_arrive_however_they_are_cut() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, records(5..10, 1).as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    for more in [
        "rows-per-statement = 5\nstatements-per-transaction = 2\n",
        "rows-per-statement = 1\nstatements-per-transaction = 1\n",
        "statements-per-transaction = 0\n",
        "batch = true\n",
        "direct = true\n",
        "num-mappers = 1\n",
        "verify = true\n",
    ] {
        let mut scene = Scene::set(&[TABLE]).await;
        scene.file("in/part-0", records(0..5, 1));
        scene.file("in/part-1.gz", &gz);
        scene.file("in/empty", "");
        let summary = scene.export(&format!("table = 't'\nexport-dir = '/in'\n{more}")).await;
        assert_eq!((summary.rows_in, summary.rows_out), (10, 10), "{more}");
        let rows = scene.rows("SELECT A, B, C FROM t ORDER BY A").await;
        assert_eq!(rows.len(), 10, "{more}");
        assert_eq!(rows[9], ["9", "foo9", "9"], "{more}");
        scene.clear().await;
    }
}

// V88.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_strings_and_columns() {
    let mut scene =
        Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, msg VARCHAR(9), n INT, more INT DEFAULT 7)"]).await;
    scene.file("in/0", "0,STRING_NULL,1\n");
    scene.file("in/1", "1,x,INT_NULL\n2\n3,,\n4,INT_NULL,4,4,extra\n");
    let args = "table = 't'\nexport-dir = '/in'\ncolumns = ['id', 'msg', 'n']\n\
                text = { null-string = 'STRING_NULL', null-non-string = 'INT_NULL' }\n";
    let summary = scene.export(args).await;
    assert!(summary.detail.contains("1 records have more fields"), "{}", summary.detail);
    assert!(summary.detail.contains("1 records have fewer fields"), "{}", summary.detail);
    let rows = scene.rows("SELECT * FROM t ORDER BY id").await;
    let want = [
        ["0", "NULL", "1", "7"],
        ["1", "x", "NULL", "7"],
        ["2", "NULL", "NULL", "7"],
        ["3", "", "NULL", "7"],
        ["4", "INT_NULL", "4", "7"],
    ];
    assert_eq!(rows, want.map(|row| row.map(str::to_owned).to_vec()));
    scene.clear().await;
}

// V89, V90 and V92.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_change_the_rows_found_and_count_the_others() {
    let mut scene = Scene::set(&[TABLE]).await;
    let args = "table = 't'\nexport-dir = '/in'\nupdate-key = ['A']\n";
    scene.file("in/0", records(0..10, 2));
    let summary = scene.export(args).await;
    assert_eq!((summary.rows_out, scene.count("t").await), (0, 0), "nothing to update in an empty table");
    assert!(summary.detail.contains("10 records found no row"), "{}", summary.detail);
    scene.sql("INSERT INTO t SELECT seq, CONCAT('foo', seq), seq FROM seq_0_to_9").await;
    scene.file("in/0", records(3..8, 2));
    scene.export(args).await;
    let rows = scene.rows("SELECT A, B, C FROM t ORDER BY A").await;
    assert_eq!(
        (rows[2].join(","), rows[3].join(","), rows[8].join(",")),
        ("2,foo2,2".into(), "3,foo6,6".into(), "8,foo8,8".into())
    );
    // A row that is found and already so counts as found.
    assert_eq!(scene.export(args).await.rows_out, 5);
    // By a string, and by the last column.
    scene.sql("DELETE FROM t").await;
    scene.sql("INSERT INTO t VALUES (7, 'foo1', 7), (8, 'x', 1)").await;
    scene.file("in/0", "2,foo1,2\n");
    scene.export("table = 't'\nexport-dir = '/in'\nupdate-key = ['B']\n").await;
    scene.file("in/0", "2,foo2,1\n");
    scene.export("table = 't'\nexport-dir = '/in'\nupdate-key = ['c']\n").await;
    let rows = scene.rows("SELECT A, B, C FROM t ORDER BY C").await;
    assert_eq!((rows[0].join(","), rows[1].join(",")), ("2,foo2,1".into(), "2,foo1,2".into()));
    scene.clear().await;
}

// V91.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_keys_find_one_row_and_a_bad_record_is_left_out() {
    let table = "CREATE TABLE t (A INT, B INT, C VARCHAR(9) NOT NULL, PRIMARY KEY (A, B))";
    let mut scene = Scene::set(&[table]).await;
    scene.sql("INSERT INTO t SELECT a.seq, b.seq, CONCAT(a.seq, 'foo', b.seq) FROM seq_0_to_2 a, seq_0_to_2 b").await;
    scene.file("in/0", "1,0,1bar0\n1,2,far too long\n1,1,1bar1\n");
    let args = "table = 't'\nexport-dir = '/in'\nupdate-key = ['A', 'B']\nreject-limit = 1\nreject-dir = '/r'\n";
    let summary = scene.export(args).await;
    assert_eq!((summary.rows_out, summary.rejects), (2, 1));
    let rows = scene.rows("SELECT C FROM t ORDER BY A, B").await.concat();
    assert_eq!(rows, ["0foo0", "0foo1", "0foo2", "1bar0", "1bar1", "1foo2", "2foo0", "2foo1", "2foo2"]);
    scene.clear().await;
}

// V93.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allow_insert_adds_and_changes_by_the_unique_key() {
    let mut scene = Scene::set(&["CREATE TABLE t (A INT PRIMARY KEY, B VARCHAR(32), C INT)"]).await;
    let args = "table = 't'\nexport-dir = '/in'\nupdate-key = ['A']\nupdate-mode = 'allowinsert'\n";
    for (range, factor, count) in [(0..10, 1, 10), (0..10, 2, 10), (0..20, 3, 20)] {
        scene.file("in/0", records(range, factor));
        scene.export(args).await;
        assert_eq!(scene.count("t").await, count);
    }
    assert_eq!(scene.rows("SELECT B, C FROM t WHERE A = 9").await.concat(), ["foo27", "27"]);
    let error = scene.try_export(&args.replace("'A'", "'B'")).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Config, 2), "{error}");
    scene.clear().await;
}

// V94.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_procedure_is_called_with_each_record() {
    let procedure = "CREATE PROCEDURE p (IN id INT, IN msg VARCHAR(24), IN day DATE, IN val INT) BEGIN \
                     INSERT INTO t VALUES (CONCAT(id, msg, ',', day, ',', val)); SELECT COUNT(*) FROM t; END";
    let mut scene = Scene::set(&["CREATE TABLE t (line VARCHAR(99) NOT NULL)", procedure]).await;
    scene.file("in/0", "0,textfield0,2002-12-29,3300\n1,textfield1,2002-12-30,\n");
    let error = scene.try_export("call = 'p'\nexport-dir = '/in'\nnum-mappers = 1\n").await.unwrap_err();
    assert!(error.to_string().contains("/in/0 line 2, column line: Column 'line' cannot be null"), "{error}");
    scene.file("in/0", "0,textfield0,2002-12-29,3300\n");
    assert_eq!(scene.export("call = 'p'\nexport-dir = '/in'\n").await.rows_out, 1);
    assert_eq!(scene.rows("SELECT * FROM t").await.concat(), ["0textfield0,2002-12-29,3300"]);
    let error = scene.try_export("call = 'q'\nexport-dir = '/in'\n").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_without_transactions_takes_row_by_row() {
    let mut scene = Scene::set(&["CREATE TABLE t (A INT PRIMARY KEY, B VARCHAR(4)) ENGINE=MyISAM"]).await;
    scene.file("in/0", "1,a\n2,too long\n3,c\n1,d\n");
    let args = "table = 't'\nexport-dir = '/in'\nreject-limit = 2\nreject-dir = '/r'\n";
    let summary = scene.export(args).await;
    assert_eq!((summary.rows_out, summary.rejects), (2, 2));
    assert_eq!(scene.rows("SELECT A FROM t ORDER BY A").await.concat(), ["1", "3"]);
    let error = scene.try_export(&format!("{args}direct = true\n")).await.unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    scene.clear().await;
}

// V95.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_contradict_each_other_are_refused() {
    let scene = Scene::set(&[TABLE, "CREATE TABLE s (A INT, B TEXT, C INT)"]).await;
    scene.file("in/0", records(0..1, 1));
    for more in [
        "staging-table = 't'",
        "staging-table = 'T'",
        "staging-table = 's'",
        "staging-table = 's'\nupdate-key = ['A']",
        "clear-staging-table = true",
        "update-mode = 'allowinsert'",
        "update-key = ['A', 'B', 'C']",
        "update-key = ['Z']",
        "columns = ['Z']",
        "reject-limit = 1",
        "direct = true\nbatch = true",
        "call = 'p'",
        "hive-table = 'h'",
        "num-mappers = 0",
    ] {
        let error = scene.try_export(&format!("table = 't'\nexport-dir = '/in'\n{more}\n")).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Config | Kind::NotFound | Kind::Schema), "{more}: {error}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_shows_all_and_touches_nothing() {
    let mut scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), w INT AS (id + 1) STORED)"]).await;
    scene.file("in/0", "1,a,2\n");
    let args = scene.args("table = 't'\nexport-dir = '/in'\n");
    let plan = sakia::transfer::export::plan(&args, &scene.client(), &scene.cluster, "it").await.unwrap().to_string();
    for text in [
        "1 files, 6 bytes, text",
        "/in/0 bytes 0 to 6",
        "in bulk, up to 2000 rows at a time, where MariaDB can; else 100 rows a statement",
        "INSERT INTO",
        "(`id`, `v`) VALUES (?,?)",
        "field 2",
        "varchar(9)",
        "computes w",
    ] {
        assert!(plan.contains(text), "{text} in {plan}");
    }
    assert_eq!(scene.count("t").await, 0);
    scene.export("table = 't'\nexport-dir = '/in'\n").await;
    assert_eq!(scene.rows("SELECT * FROM t").await.concat(), ["1", "a", "2"]);
    scene.clear().await;
}
