//! A server in Berlin whose sql_mode is ANSI without backslash escapes: what the user writes means what it means to the
//! stock client, instants stay exact, and what sakia writes itself is right all the same. Around both changes of the clock.

mod mysql;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use sakia::error::Result;
use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::telemetry::summary::StepSummary;
use sakia::transfer::{Ends, export, import, verify};

use crate::container::{self, Container};
use crate::stack::{self, python, root};

/// One statement a line, as an init file wants them. The rows are typed in Berlin, those around the changes in UTC.
const SETUP: &str = r"CREATE DATABASE it;
CREATE USER it;
GRANT ALL ON it.* TO it;
USE it;
CREATE TABLE tz (id INT PRIMARY KEY, t TIMESTAMP(6) NULL, d DATETIME NULL, k CHAR(9), KEY (t));
INSERT INTO tz VALUES (1, '2024-07-01 00:30:00', '2024-07-01 00:30:00', 'a\b');
INSERT INTO tz VALUES (2, '2024-07-01 12:00:00', '2024-07-01 12:00:00', 'b');
INSERT INTO tz VALUES (3, '2024-07-02 01:00:00', '2024-07-02 01:00:00', 'c');
SET time_zone = '+00:00';
INSERT INTO tz VALUES (4, '2024-10-27 00:30:00.5', '2024-10-27 02:30:00', 'd');
INSERT INTO tz VALUES (5, '2024-10-27 01:30:00', '2024-10-27 02:30:00', 'e');
INSERT INTO tz VALUES (6, '2024-03-31 00:59:59', '2024-03-31 01:59:59', 'f');
INSERT INTO tz VALUES (7, '2024-03-31 01:00:00', '2024-03-31 03:00:00', 'g');
INSERT INTO tz VALUES (8, '0000-00-00 00:00:00', NULL, 'h');
INSERT INTO tz VALUES (9, NULL, NULL, NULL);
SET time_zone = 'SYSTEM';
CREATE SQL SECURITY INVOKER VIEW v AS SELECT id, t, DATE(t) AS day FROM tz;
CREATE SQL SECURITY INVOKER VIEW greatest AS SELECT k, MAX(t) AS t FROM tz WHERE id <> 8 GROUP BY k;
CREATE TABLE computed (id INT, t TIMESTAMP NULL, day DATE AS (DATE(t)) VIRTUAL);
INSERT INTO computed (id, t) VALUES (1, '2024-07-01 00:30:00');
CREATE TABLE written (id INT PRIMARY KEY, t TIMESTAMP(6) NULL, d DATETIME NULL, k VARCHAR(20), day DATE);
CREATE TABLE staged LIKE written;
CREATE DEFINER = it TRIGGER at BEFORE INSERT ON written FOR EACH ROW SET NEW.day = DATE(NEW.t);
CREATE DEFINER = it PROCEDURE p (IN id INT, IN t TIMESTAMP(6), IN d DATETIME, IN k VARCHAR(20)) INSERT INTO written (id, t, d, k) VALUES (id, t, d, k);
";

/// Parquet's instants as microseconds, by row; a day as it is.
const INSTANTS: &str = "
import glob, pyarrow.parquet as pq
rows = sorted(row for f in glob.glob(args[0] + '/*.parquet')
              for row in zip(*[c.cast('int64').to_pylist() if 'timestamp' in str(c.type) else c.to_pylist()
                               for c in pq.read_table(f).columns]))
print('\\n'.join(','.join('null' if v is None else str(v) for v in row) for row in rows))
";

/// What those rows hold, by the stock client.
const INSTANTS_SQL: &str =
    "SELECT id, IFNULL(CAST(UNIX_TIMESTAMP(t) * 1000000 AS INT), 'null') FROM tz WHERE id <> 8 ORDER BY id";

struct Scene {
    server: Container,
    port: u16,
    dir: tempfile::TempDir,
    cluster: Cluster,
}

impl Scene {
    async fn set() -> Self {
        let flags = "--sql-mode=ANSI,NO_BACKSLASH_ESCAPES --socket=/tmp/s.sock --skip-log-bin";
        let server = container::mariadb_request(SETUP, flags, &[]).with_env("TZ", "Europe/Berlin").start();
        let port = server.port();
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
        let scene = Self { server, port, dir, cluster };
        let zones = "for zone in Europe/Berlin Asia/Tokyo; do mysql_tzinfo_to_sql /usr/share/zoneinfo/$zone $zone; done \
                     | mariadb --no-defaults -S /tmp/s.sock mysql";
        scene.exec(&["bash", "-c", zones]).await;
        scene
    }

    async fn exec(&self, command: &[&str]) -> String {
        String::from_utf8(self.server.exec(command)).unwrap()
    }

    /// What the stock client says, a row a line, the values between commas.
    async fn client_says(&self, sql: &str) -> String {
        let args = ["mariadb", "--no-defaults", "-S", "/tmp/s.sock", "-N", "--raw", "it", "-e", sql];
        self.exec(&args).await.replace('\t', ",").trim_end().to_owned()
    }

    fn client(&self, query: &str) -> MySqlClient {
        let url = Some(format!("jdbc:mysql://it@127.0.0.1:{}/it?{query}", self.port));
        MySqlClient::new(&MySqlOptions { url, ..Default::default() }, root()).unwrap()
    }

    async fn import_by(&self, query: &str, target: &str, args: &str) -> Result<StepSummary> {
        let args = format!("target-dir = '/{target}'\n{args}");
        let args = sakia::config::parse(&args, "test").unwrap();
        let client = self.client(query);
        import::run(&args, &Ends::new(&client, &self.cluster), "it-1", &Stop::new()).await
    }

    /// The lines of a text import, in order.
    async fn text_by(&self, query: &str, target: &str, args: &str) -> String {
        let done = self.import_by(query, target, &format!("as = 'text'\nnum-mappers = 1\n{args}")).await;
        done.unwrap_or_else(|e| panic!("{target}: {e}"));
        self.lines(target)
    }

    async fn text(&self, target: &str, args: &str) -> String {
        self.text_by("", target, args).await
    }

    fn lines(&self, target: &str) -> String {
        let files = std::fs::read_dir(self.dir.path().join(target)).unwrap().map(|entry| entry.unwrap().path());
        let files =
            files.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part")));
        let mut lines: Vec<String> = files
            .flat_map(|f| std::fs::read_to_string(f).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.sort();
        lines.join("\n")
    }

    fn instants(&self, target: &str) -> String {
        python(INSTANTS, &[&self.dir.path().join(target).display().to_string()]).trim_end().to_owned()
    }

    async fn export(&self, args: &str) -> StepSummary {
        let parsed = sakia::config::parse(&format!("num-mappers = 1\n{args}"), "test").unwrap();
        let done = export::run(&parsed, &self.client(""), &self.cluster, "it-1", &Stop::new()).await;
        done.unwrap_or_else(|e| panic!("{args}: {e}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_berlin_in_ansi_mode() {
    let scene = Scene::set().await;
    // One server for all; what fails in one place is not to hide the others.
    let mut failed = Vec::new();
    macro_rules! each_of {
        ($($section:ident),* $(,)?) => {
            $(if AssertUnwindSafe($section(&scene)).catch_unwind().await.is_err() {
                failed.push(stringify!($section));
            })*
        };
    }
    each_of!(
        conditions_and_queries,
        instants_stay_exact,
        what_the_url_says,
        splits_cover_every_row_once,
        bounds_of_incremental_imports,
        texts_are_read_as_the_client_reads_them,
        instants_are_written_back,
        statements_of_the_users,
    );
    assert!(failed.is_empty(), "{failed:?}");
}

/// `where` and `query` give the rows that the client gives, in its zone and its mode.
async fn conditions_and_queries(scene: &Scene) {
    for (at, condition) in [
        "DATE(t) = '2024-07-01'",
        "t >= '2024-07-01' AND t < '2024-07-02'",
        r#""k" || '!' = 'a\b!'"#,
        "t < NOW() AND id < 3 AND CURDATE() = DATE(NOW())",
        "id = 1 AND NOT id BETWEEN 5 AND 6",
    ]
    .iter()
    .enumerate()
    {
        let rows = scene.client_says(&format!("SELECT id FROM tz WHERE {condition} ORDER BY id")).await;
        let args = format!("table = 'tz'\ncolumns = ['id']\nwhere = '''{condition}'''");
        assert_eq!(scene.text(&format!("where{at}"), &args).await, rows, "{condition}");
        let query = format!("query = '''SELECT id FROM tz WHERE ({condition}) AND $CONDITIONS'''");
        assert_eq!(scene.text(&format!("query{at}"), &query).await, rows, "{condition}");
    }
    let query = r#"query = '''SELECT "k", DATE(t) AS day FROM tz WHERE id = 1 AND $CONDITIONS'''"#;
    assert_eq!(scene.text("ansi", query).await, r"a\b,2024-07-01");
    assert_eq!(scene.text("view", "table = 'v'\ncolumns = ['id', 'day']\nwhere = 'id = 1'").await, "1,2024-07-01");
    assert_eq!(scene.text("computed", "table = 'computed'\ncolumns = ['id', 'day']").await, "1,2024-07-01");
    // As Sqoop and the client print it, whether or not there is a condition.
    let sqoop = "table = 'tz'\ncolumns = ['id', 't']\ncompat = 'sqoop'\nzero-dates = 'null'";
    let text = scene.text("sqoop", sqoop).await;
    let printed = "1,2024-07-01 00:30:00.0\n2,2024-07-01 12:00:00.0\n3,2024-07-02 01:00:00.0\n4,2024-10-27 02:30:00.5\n\
                   5,2024-10-27 02:30:00.0\n6,2024-03-31 01:59:59.0\n7,2024-03-31 03:00:00.0\n8,null\n9,null";
    assert_eq!(text, printed);
}

/// The wire values of a TIMESTAMP are the instants that the server keeps, whoever's session it is.
async fn instants_stay_exact(scene: &Scene) {
    let stored = scene.client_says(INSTANTS_SQL).await;
    for (target, source) in [
        ("plain", "table = 'tz'\ncolumns = ['id', 't']\nzero-dates = 'null'"),
        ("by_where", "table = 'tz'\ncolumns = ['id', 't']\nwhere = 'id <> 8'\nverify = true"),
        ("by_view", "table = 'v'\ncolumns = ['id', 't']\nwhere = 'id <> 8'"),
        ("by_query", "query = 'SELECT id, t FROM tz WHERE id <> 8 AND $CONDITIONS'"),
        (
            "by_union",
            "query = 'SELECT id, t FROM tz WHERE id < 5 AND $CONDITIONS \
             UNION ALL SELECT id, t FROM tz WHERE id > 4 AND id <> 8 AND $CONDITIONS'",
        ),
    ] {
        scene
            .import_by("", target, &format!("num-mappers = 1\n{source}"))
            .await
            .unwrap_or_else(|e| panic!("{target}: {e}"));
        let read = scene.instants(target);
        assert_eq!(
            read.lines().filter(|line| !line.starts_with("8,")).collect::<Vec<_>>().join("\n"),
            stored,
            "{target}"
        );
    }
    // What passes through the table of a GROUP BY is an hour off to the server itself.
    for (target, source) in [
        ("greatest_by_query", "query = 'SELECT k, MAX(t) AS t FROM tz WHERE id <> 8 AND $CONDITIONS GROUP BY k'"),
        ("greatest_by_view", "table = 'greatest'"),
    ] {
        let doubted = scene.import_by("", target, &format!("num-mappers = 1\n{source}")).await.unwrap_err();
        assert!(doubted.to_string().contains("shows this time twice"), "{target}: {doubted}");
    }
    let zero = scene.import_by("", "zero", "table = 'tz'\nnum-mappers = 1\nwhere = 'id = 8'").await.unwrap_err();
    assert!(zero.to_string().contains("zero date"), "{zero}");
    for (target, more) in [("by_where", "where = 'id <> 8'"), ("texts", "where = 'id < 8'")] {
        if target == "texts" {
            scene.text(target, "table = 'tz'\ncolumns = ['id', 't']\nwhere = 'id < 8'\nverify = true").await;
        }
        let args = format!("table = 'tz'\ntarget-dir = '/{target}'\ncolumns = ['id', 't']\n{more}");
        let args = sakia::config::parse(&args, "test").unwrap();
        let verified = verify::run(&args, &scene.client(""), &scene.cluster, &Stop::new()).await.unwrap();
        assert!(verified.report.equal, "{target}: {:?}", verified.report);
    }
}

/// Connector/J's parameters: what is set, and what Java alone converts with.
async fn what_the_url_says(scene: &Scene) {
    let args =
        "table = 'tz'\ncolumns = ['id']\nwhere = '''t >= '2024-07-01 07:30:00' AND t < '2024-07-01 07:30:01' '''";
    for (at, (query, rows)) in [
        ("connectionTimeZone=Asia/Tokyo&forceConnectionTimeZoneToSession=true", "1"),
        ("serverTimezone=GMT%2B9&forceConnectionTimeZoneToSession=true", "1"),
        ("sessionVariables=time_zone='Asia/Tokyo'", "1"),
        ("connectionTimeZone=Asia/Tokyo", ""),
        ("connectionTimeZone=SERVER&forceConnectionTimeZoneToSession=true", ""),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(scene.text_by(query, &format!("url{at}"), args).await, *rows, "{query}");
    }
    let plain = r#"query = '''SELECT "k" AS k FROM tz WHERE id = 1 AND 'a\'b' = 'a\'b' AND $CONDITIONS'''"#;
    assert_eq!(scene.text_by("sessionVariables=sql_mode=''", "mode", plain).await, "k");
    let unknown =
        scene.import_by("connectionTimeZone=Mars/Base&forceConnectionTimeZoneToSession=true", "x", args).await;
    assert!(unknown.unwrap_err().to_string().contains("Mars/Base"));
}

/// Splits by a TIMESTAMP hold every row once, also in the hour that the clock goes through twice.
async fn splits_cover_every_row_once(scene: &Scene) {
    let stored = scene.client_says(INSTANTS_SQL).await;
    let args =
        "table = 'tz'\ncolumns = ['id', 't']\nwhere = 'id <> 8'\nsplit-by = 't'\nsplit-limit = 1800\nnum-mappers = 4";
    let args = args.replace("id <> 8", "id <> 8 AND id IN (4, 5, 9)");
    scene.import_by("", "splits", &args).await.unwrap();
    let want: Vec<&str> =
        stored.lines().filter(|line| ["4,", "5,", "9,"].iter().any(|id| line.starts_with(id))).collect();
    assert_eq!(scene.instants("splits"), want.join("\n"));
    let bounded = "table = 'tz'\ncolumns = ['id']\nsplit-by = 't'\n\
                   boundary-query = '''SELECT '2024-07-01 12:00:00', '2024-07-02 01:00:00' '''";
    assert_eq!(scene.text("bounded", bounded).await, "2\n3");
}

/// A last value is typed in the session's zone; bounds over a TIMESTAMP are kept in UTC, over a DATETIME by the clock.
async fn bounds_of_incremental_imports(scene: &Scene) {
    let append = "table = 'tz'\ncolumns = ['id', 't']\nwhere = 'id < 8'\nnum-mappers = 1\n\
                  [incremental]\nmode = 'append'\ncheck-column = 't'\n";
    for (target, last, ids) in [
        ("after", "2024-07-01 12:00:00", "3,4,5"),
        ("first", "2024-10-27 02:30:00.5+02:00", "5"),
        ("before", "1960-01-01", "1,2,3,4,5,6,7"),
    ] {
        let done = scene.import_by("", target, &format!("{append}last-value = '{last}'")).await.unwrap();
        assert_eq!(done.last_value.as_deref(), Some("2024-10-27 01:30:00+00:00"), "{last}");
        let read = scene.instants(target);
        assert_eq!(read.lines().filter_map(|line| line.split(',').next()).collect::<Vec<_>>().join(","), ids, "{last}");
        let again = scene.import_by("", target, append).await.unwrap();
        assert_eq!(again.rows_out, 0, "{last}");
    }
    // Written a moment ago by a clock that is ahead of UTC.
    scene.client_says("UPDATE tz SET d = NOW() - INTERVAL 1 SECOND, t = NOW() - INTERVAL 1 SECOND WHERE id = 9").await;
    for column in ["t", "d"] {
        let args = format!(
            "table = 'tz'\ncolumns = ['id']\nnum-mappers = 1\n[incremental]\nmode = 'lastmodified'\n\
             check-column = '{column}'\nlast-value = '2026-01-01'"
        );
        let done = scene.import_by("", &format!("changed_{column}"), &args).await.unwrap();
        assert_eq!(done.rows_out, 1, "{column}");
    }
    scene.client_says("UPDATE tz SET d = NULL, t = NULL WHERE id = 9").await;
}

/// A text that is exported is a time of the session's clock, by every way into the table.
async fn texts_are_read_as_the_client_reads_them(scene: &Scene) {
    let rows = "1,2024-07-01 00:30:00,2024-07-01 00:30:00,a\n2,2024-03-31 03:00:00.25,2024-03-31 02:30:00,b\n";
    std::fs::create_dir_all(scene.dir.path().join("rows")).unwrap();
    std::fs::write(scene.dir.path().join("rows/part-0"), rows).unwrap();
    let written = "1,2024-07-01 00:30:00.000000,2024-07-01 00:30:00,a,2024-07-01\n\
                   2,2024-03-31 03:00:00.250000,2024-03-31 02:30:00,b,2024-03-31";
    for ways in [
        "table = 'written'",
        "table = 'written'\ndirect = true",
        "table = 'written'\nbatch = true",
        "table = 'written'\nstaging-table = 'staged'",
        "table = 'written'\nupdate-key = ['id']\nupdate-mode = 'allow-insert'",
        "call = 'p'",
    ] {
        let columns = if ways.starts_with("call") { "" } else { "\ncolumns = ['id', 't', 'd', 'k']" };
        scene.export(&format!("export-dir = '/rows'\n{ways}{columns}")).await;
        assert_eq!(scene.client_says("SELECT * FROM written ORDER BY id").await, written, "{ways}");
        if !ways.starts_with("call") {
            scene.client_says("DELETE FROM written").await;
        }
    }
    std::fs::create_dir_all(scene.dir.path().join("keys")).unwrap();
    std::fs::write(scene.dir.path().join("keys/part-0"), r"2024-07-01 00:30:00,a\b'").unwrap();
    scene.export("export-dir = '/keys'\ntable = 'written'\ncolumns = ['t', 'k']\nupdate-key = ['t']").await;
    assert_eq!(scene.client_says("SELECT k FROM written WHERE id = 1").await, r"a\b'");
    scene.client_says("DELETE FROM written").await;
}

/// Instants of columnar files come back as they were, by a session in UTC, which is said.
async fn instants_are_written_back(scene: &Scene) {
    let columns = "columns = ['id', 't']";
    let done = scene.export(&format!("export-dir = '/by_where'\ntable = 'written'\n{columns}")).await;
    assert!(done.detail.contains("in a session in UTC") && done.detail.contains("SYSTEM"), "{}", done.detail);
    let stored = scene.client_says(INSTANTS_SQL).await;
    assert_eq!(scene.client_says(&INSTANTS_SQL.replace("tz", "written")).await, stored);
    scene.client_says("DELETE FROM written").await;
    // A text import and its export are of one clock.
    let args = "table = 'tz'\ncolumns = ['id', 't', 'd']\nwhere = 'id < 4'\nas = 'text'\nnum-mappers = 1";
    let done = scene.import_by("", "text", args).await.unwrap();
    assert!(done.detail.contains("the clock in SYSTEM"), "{}", done.detail);
    scene.export("export-dir = '/text'\ntable = 'written'\ncolumns = ['id', 't', 'd']").await;
    let rows = |table: &str| format!("SELECT id, t, d FROM {table} WHERE id < 4 ORDER BY id");
    assert_eq!(scene.client_says(&rows("written")).await, scene.client_says(&rows("tz")).await);
}

/// `eval` runs a statement as the client would, but lets no value be bent.
async fn statements_of_the_users(scene: &Scene) {
    let eval = |query: &str, sql: &str| {
        let url = format!("jdbc:mysql://127.0.0.1:{}/it?{query}", scene.port);
        let args = ["sqoop", "eval", "--connect", url.as_str(), "--username", "it", "-e", sql];
        stack::sakia().args(args).output().unwrap()
    };
    let said = eval("", r#"SELECT t, "k" || '\' AS x FROM tz WHERE id = 1"#);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success() && text.contains("2024-07-01 00:30:00") && text.contains(r"a\b\"), "{text}");
    let tokyo =
        eval("connectionTimeZone=Asia/Tokyo&forceConnectionTimeZoneToSession=true", "SELECT t FROM tz WHERE id = 1");
    assert!(String::from_utf8_lossy(&tokyo.stdout).contains("2024-07-01 07:30:00"));
    assert!(!eval("", "UPDATE tz SET k = 'more than nine' WHERE id = 1").status.success());
}
