//! Sqoop's exports through the front door: the same arguments, files and table. Beside them, `cluster/export` has the
//! same cases below the arguments.

use std::path::PathBuf;

use mysql_async::Value;
use mysql_async::prelude::Queryable;

use super::{Ran, Stage, WEBHDFS, sqoop};
use crate::stack::{address, python, root, setting};

fn golden(case: &str) -> PathBuf {
    root().join("integration-tests/golden/sqoop-export").join(case)
}

/// Runs a case; what became of it, the table then, and Sqoop's.
async fn replay(stage: &mut Stage, case: &str) -> (Ran, String, String) {
    let text = |name: &str| std::fs::read_to_string(golden(case).join(name)).unwrap();
    stage.sql("types", &text("pre.sql")).await;
    let given = text("args");
    let (generic, own): (Vec<_>, Vec<_>) = given.lines().partition(|arg| arg.starts_with("-D"));
    let mut args = vec!["export".to_owned(), "-fs".to_owned(), format!("hdfs://{}", address("NAMENODE_PORT"))];
    args.extend(generic.into_iter().map(str::to_owned));
    args.extend(["--connect".to_owned(), stage.placed("jdbc:mysql://127.0.0.1:3312/types?useSSL=false")]);
    args.extend(["--username".to_owned(), setting("SHOP_USER").to_owned(), "--password".to_owned(), super::password()]);
    args.extend(own.into_iter().map(|arg| stage.placed(arg)));
    let at = args.iter().position(|arg| arg == "--export-dir").unwrap();
    put(&golden(case).join("in"), &args[at + 1]);
    let ran = sqoop(&args);
    (ran, table(stage).await, text("table.tsv"))
}

/// Copies the files of a directory into HDFS.
fn put(from: &std::path::Path, to: &str) {
    let script = format!(
        "{WEBHDFS}for name in os.listdir(args[1]):
    place = json.loads(call(args[2] + '/' + name, 'CREATE&noredirect=true', 'PUT'))['Location']
    data = open(args[1] + '/' + name, 'rb').read()
    urllib.request.urlopen(urllib.request.Request(place, data=data, method='PUT')).read()
"
    );
    python(&script, &[&address("NAMENODE_HTTP_PORT"), from.to_str().unwrap(), to]);
}

async fn table(stage: &mut Stage) -> String {
    let database = stage.database("types");
    let rows: Vec<mysql_async::Row> =
        stage.conn.query(format!("SELECT * FROM {database}.ex ORDER BY id")).await.unwrap();
    let cell = |value: Value| match value {
        Value::NULL => "NULL".to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => other.as_sql(true),
    };
    let rows = rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect::<Vec<_>>().join("\t") + "\n");
    format!("id\tv\tn\td\tdt\tb\n{}", rows.collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_fill_the_table_as_sqoops_do() {
    let mut stage = Stage::set(&["types"]).await;
    for case in ["allowinsert", "hidden", "staging", "updateonly"] {
        let (ran, ours, sqoops) = replay(&mut stage, case).await;
        assert_eq!((ran.code, ours), (0, sqoops), "{case}: {}", ran.err);
    }
    // Sqoop's driver sends MariaDB no fractions of a second.
    for case in ["insert-default", "nullN"] {
        let (ran, ours, sqoops) = replay(&mut stage, case).await;
        let right = sqoops.replacen("10:00:00.000000", "10:00:00.123456", 1);
        assert_eq!((ran.code, ours), (0, right), "{case}: {}", ran.err);
    }
    // Where a record is bad, Sqoop leaves those in front of it behind; here their transaction goes back.
    for (case, place) in [("bad-row-fails", "/p line 11, column n"), ("optenclosed", "/p line 3")] {
        let (ran, ours, sqoops) = replay(&mut stage, case).await;
        assert!(
            ran.code == 1 && ran.err.contains(place) && ran.err.contains("no row was added"),
            "{case}: {}",
            ran.err
        );
        assert!(ours.lines().count() == 1 && sqoops.lines().count() > 1, "{case}: {ours}");
    }
    let (ran, ours, sqoops) = replay(&mut stage, "bad-row-partial").await;
    assert!(ran.code == 1 && ran.err.contains("/p line 11, column n"), "{}", ran.err);
    assert!(sqoops.starts_with(ours.trim_end()), "only whole transactions in front of the bad record: {ours}");
    stage.clear(&["types"]).await;
}
