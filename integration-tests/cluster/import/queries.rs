//! Queries and conditions as users write them: the same rows over one connection and over four, or an error before a
//! row is read.

use sakia::error::{Kind, Result};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::StepSummary;
use sakia::transfer::{Ends, import};

use super::Scene;

const FILL: &str = "INSERT INTO t SELECT seq, CONCAT('v', seq % 5) FROM seq_1_to_40000";

async fn query(scene: &Scene, target: &str, sql: &str, connections: u32) -> Result<StepSummary> {
    let toml = format!(
        "query = '''{sql}'''\nsplit-by = 'id'\nnum-mappers = {connections}\ntarget-dir = '{}'",
        scene.target(target)
    );
    let args = sakia::config::parse(&toml, "test").unwrap();
    import::run(&args, &Ends::new(&scene.client(), &scene.cluster), "it", &Stop::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_the_condition_of_a_split_does_not_confine_is_refused() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))", FILL, "ANALYZE TABLE t"]).await;
    for (sql, said) in [
        ("SELECT id, v FROM t WHERE v = 'v1' OR $CONDITIONS", "where $CONDITIONS is false"),
        ("SELECT id, v FROM t WHERE $CONDITIONS UNION ALL SELECT id, v FROM t", "where $CONDITIONS is false"),
        ("SELECT COUNT(*) AS id FROM t WHERE $CONDITIONS", "a total over all rows"),
        ("SELECT id FROM t WHERE id = (SELECT MAX(id) FROM t WHERE $CONDITIONS)", "subquery of a condition"),
        ("SELECT DISTINCT id DIV 7 AS id FROM t WHERE $CONDITIONS", "DISTINCT"),
        ("SELECT id, v FROM t WHERE $CONDITIONS ORDER BY id LIMIT 10", "LIMIT"),
        ("SELECT MAX(id) AS id, v FROM t WHERE $CONDITIONS GROUP BY v", "GROUP BY"),
        ("SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM t WHERE $CONDITIONS", "window"),
        ("SELECT id FROM t -- WHERE $CONDITIONS", "must contain"),
        ("SELECT id FROM t /* WHERE $CONDITIONS */ WHERE id > 0", "comment"),
    ] {
        let error = query(&scene, "refused", sql, 4).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{sql}: {error}");
        assert!(error.to_string().contains(said), "{sql}: {error}");
        assert!(error.remedy().is_some_and(|hint| !hint.contains("where and split-by")), "{sql}: {:?}", error.remedy());
    }
    assert_eq!(scene.visible("refused").await, None);
    // One connection takes what was written.
    assert_eq!(query(&scene, "one", "SELECT COUNT(*) AS id FROM t WHERE $CONDITIONS", 1).await.unwrap().rows_out, 1);
    for wrong in ["id = 1) OR (id = 2", "(id = 1", ""] {
        let error = scene.try_import("t", &format!("where = '{wrong}'")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{wrong}: {error}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_the_end_of_a_statement_does_no_harm() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))", FILL, "ANALYZE TABLE t"]).await;
    for (number, end) in [";", " -- end", " # end", " /* end */ ; -- and more", "\n"].into_iter().enumerate() {
        for connections in [1, 4] {
            let sql = format!("SELECT id, v FROM t WHERE v <> 'v1' AND $CONDITIONS{end}");
            let done = query(&scene, &format!("q{number}_{connections}"), &sql, connections).await.unwrap();
            assert_eq!(done.rows_out, 32_000, "{end:?} over {connections}");
        }
    }
    let done = scene.import("t", "where = \"v = 'v2' OR v = 'v3'; -- two of five\"\nnum-mappers = 4").await;
    assert_eq!(done.rows_out, 16_000);
    assert_eq!(scene.hive("select count(*), count(distinct id) from @db.t"), [["16000", "16000"]]);
    scene.clear().await;
}
