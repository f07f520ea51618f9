//! An import whose database is disturbed in the middle: a statement is killed, a table is altered, the server restarts.
//! Nothing that two moments would show together becomes visible.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::DeleteOptions;
use sakia::transfer::{Ends, import};

use super::Scene;
use crate::container::{Container, database_request};
use crate::stack::{self, root};

/// Rows of a table that takes some seconds to read.
const ROWS: u64 = 1_500_000;

fn rows(table: &str) -> [String; 2] {
    [
        format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY, run INT NOT NULL, a CHAR(64) NOT NULL, b CHAR(64) NOT NULL)"
        ),
        format!("INSERT INTO {table} SELECT seq, 1, SHA2(seq, 256), SHA2(seq + 0.5, 256) FROM seq_1_to_{ROWS}"),
    ]
}

/// The connection that reads the rows of a table, once it has been at it for a moment: it asks about them before.
async fn reader(conn: &mut Conn, database: &str, table: &str) -> u64 {
    let began = Instant::now();
    loop {
        let sql =
            "SELECT id FROM information_schema.processlist WHERE db = ? AND info LIKE ? AND time_ms > 100 LIMIT 1";
        let like = format!("SELECT%FROM%`{table}`%");
        let found: Option<u64> = conn.exec_first(sql, (database, like)).await.unwrap();
        if let Some(id) = found {
            return id;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nobody reads {table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_killed_fails_the_import_with_the_servers_words() {
    let [create, insert] = rows("ledger");
    let scene = Scene::set(&[&create, &insert]).await;
    let kill = async {
        let mut conn = super::connect(None).await;
        let id = reader(&mut conn, &scene.name, "ledger").await;
        conn.query_drop(format!("KILL QUERY {id}")).await.unwrap();
    };
    // One statement that takes seconds: one of many splits may be over before it is killed.
    let (done, ()) = tokio::join!(scene.try_import("ledger", "num-mappers = 1"), kill);
    let error = done.unwrap_err();
    assert!(error.to_string().contains("error 1317"), "{error}");
    assert_eq!(error.exit_code(), 1, "{error}");
    assert_eq!(scene.visible("ledger").await, None);
    scene.import("ledger", "").await;
    assert_eq!(scene.hive("select count(*) from @db.ledger"), [[ROWS.to_string()]]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_in_the_middle_waits_for_the_end_and_the_next_import_has_it() {
    let [create, insert] = rows("a_big");
    let small = "CREATE TABLE z_small (id INT PRIMARY KEY, v INT NOT NULL)";
    let scene = Scene::set(&[&create, &insert, small, "INSERT INTO z_small VALUES (1, 1)"]).await;
    let toml = format!("each = {{ warehouse-dir = '/tmp/{0}', hive-database = '{0}', num-mappers = 1 }}", scene.name);
    let args = sakia::config::parse(&toml, "test").unwrap();
    let (client, stop) = (scene.client(), Stop::new());
    let ends = Ends::new(&client, &scene.cluster);
    let import = async {
        let done = import::run_all(&args, &ends, "it", &stop).await.unwrap();
        (done, Instant::now())
    };
    let alter = async {
        let mut conn = super::connect(Some(&scene.name)).await;
        reader(&mut conn, &scene.name, "a_big").await;
        let began = Instant::now();
        // Of the table that is being read, and of one that is only known so far.
        for table in ["a_big", "z_small"] {
            conn.query_drop(format!("ALTER TABLE {table} ADD COLUMN w INT NOT NULL DEFAULT 7, ALGORITHM=COPY"))
                .await
                .unwrap();
        }
        (began, Instant::now())
    };
    let ((done, ended), (began, altered)) = tokio::join!(import, alter);
    assert!(began < ended, "the import was over before, this test shows nothing");
    assert!(done.rows_out == ROWS + 1, "{:?}, {done:?}", altered.duration_since(began));
    let columns = |table: &str| scene.hive(&format!("describe @db.{table}")).len();
    assert_eq!((columns("a_big"), columns("z_small")), (4, 2));
    import::run_all(&args, &ends, "it", &stop).await.unwrap();
    assert_eq!((columns("a_big"), columns("z_small")), (5, 3));
    assert_eq!(scene.hive("select count(*), sum(w) from @db.a_big"), [[ROWS.to_string(), (7 * ROWS).to_string()]]);
    scene.clear().await;
}

/// A connection, as soon as there is one.
async fn connected(opts: &impl Fn() -> OptsBuilder) -> Conn {
    let began = Instant::now();
    loop {
        match Conn::new(opts()).await {
            Ok(conn) => return conn,
            Err(e) => assert!(began.elapsed() < Duration::from_secs(60), "the server does not come back: {e}"),
        }
    }
}

/// A MariaDB that starts again when it is killed, on the same port.
fn restarting() -> (Container, u16) {
    let start = "mariadb-install-db --no-defaults --datadir=/data --user=root --skip-test-db >/dev/null && mkdir -p /run/mysqld && \
                 while :; do mariadbd --no-defaults --datadir=/data --user=root --init-file=/init.sql --server-id=1 \
                 --log-bin=binlog --binlog-format=ROW; done";
    let setup = "CREATE USER IF NOT EXISTS shop;\nGRANT ALL ON *.* TO shop;\n";
    let container = database_request("image_ref", start, setup).start();
    let port = container.port();
    (container, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_in_a_split_is_read_anew_from_one_moment() {
    let (container, port) = restarting();
    let opts = || OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).user(Some("shop"));
    let mut conn = connected(&opts).await;
    let name = stack::unique("it_restart");
    conn.query_drop(format!("CREATE DATABASE {name}")).await.unwrap();
    conn.query_drop(format!("USE {name}")).await.unwrap();
    for statement in rows("ledger") {
        conn.query_drop(statement).await.unwrap();
    }
    let url = Some(format!("mysql://shop@127.0.0.1:{port}/{name}"));
    let client = MySqlClient::new(&MySqlOptions { url, ..Default::default() }, root()).unwrap();
    let cluster = Cluster::connect(&stack::hdfs(), None).await.unwrap();
    let toml = format!("table = 'ledger'\ntarget-dir = '/tmp/{name}/ledger'\nas = 'text'");
    let args = sakia::config::parse(&toml, "test").unwrap();
    let disturb = async {
        reader(&mut conn, &name, "ledger").await;
        let began = Instant::now();
        let staged = format!("/tmp/{name}/.sakia/ledger");
        while cluster.fs.list(&staged).await.map_or(0, |found| found.len()) == 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "nothing is staged");
        }
        container.exec(&["pkill", "-KILL", "mariadbd"]);
        while conn.query_drop("DO 1").await.is_ok() {}
        // The rows of another moment, before the import comes again.
        let mut conn = connected(&opts).await;
        conn.query_drop(format!("UPDATE {name}.ledger SET run = 2")).await.unwrap();
    };
    let (ends, stop) = (Ends::new(&client, &cluster), Stop::new());
    let (done, ()) = tokio::join!(import::run(&args, &ends, "it", &stop), disturb);
    let summary = match done {
        Ok(summary) => Some(summary),
        // Started over too soon, three times: then nothing is visible, and the next run reads the new moment.
        Err(error) => {
            assert_eq!(error.kind(), Kind::Unreachable, "{error}");
            assert!(cluster.fs.stat(&format!("/tmp/{name}/ledger")).await.unwrap().is_none());
            None
        }
    };
    if summary.is_none() {
        import::run(&args, &ends, "it", &stop).await.unwrap();
    }
    let lines = stack::hdfs_shell(&["dfs", "-cat", &format!("/tmp/{name}/ledger/*")]);
    let runs: std::collections::BTreeSet<&str> = lines.lines().map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!((lines.lines().count() as u64, runs.len()), (ROWS, 1), "{runs:?}: two moments are mixed");
    cluster.fs.delete(&format!("/tmp/{name}"), DeleteOptions { recursive: true }).await.unwrap();
}
