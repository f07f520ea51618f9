//! Accounts that may do less than everything, on servers of their own: limits of connections and of time, columns that
//! may not be read or written, a view whose table is gone; read back from the files and by the server's own client.

use std::sync::Arc;

use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::transfer::args::{ImportAllArgs, ImportArgs};

use sakia::transfer::{Ends, export, import, verify};

use crate::container;
use crate::stack::root;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
CREATE DATABASE it;
CREATE TABLE it.t (id INT PRIMARY KEY, name VARCHAR(9), email VARCHAR(9) DEFAULT 'none');
INSERT INTO it.t SELECT seq, 'n', 'e' FROM it.seq_1_to_30000;
CREATE TABLE it.w (id INT PRIMARY KEY, name VARCHAR(9), email VARCHAR(9) DEFAULT 'none');
CREATE SEQUENCE it.s;
CREATE TABLE it.gone (a INT);
CREATE SQL SECURITY INVOKER VIEW it.v_broken AS SELECT a FROM it.gone;
CREATE SQL SECURITY INVOKER VIEW it.v_good AS SELECT id FROM it.t WHERE id < 3;
DROP TABLE it.gone;
CREATE USER limited IDENTIFIED BY 's3cret' WITH MAX_USER_CONNECTIONS 2 MAX_STATEMENT_TIME 1;
GRANT SELECT ON it.* TO limited;
CREATE USER columns IDENTIFIED BY 's3cret';
GRANT SELECT (id, name), INSERT (id, name) ON it.t TO columns;
GRANT INSERT (id, name), SELECT ON it.w TO columns;
SET GLOBAL sql_select_limit = 10;
SET GLOBAL sql_safe_updates = 1;
";

struct Accounts {
    port: u16,
    dir: tempfile::TempDir,
}

impl Accounts {
    fn client(&self, user: &str, hosts: &str) -> MySqlClient {
        let hosts = hosts.replace("PORT", &self.port.to_string());
        let options = MySqlOptions {
            url: Some(format!("jdbc:mysql://{user}@{hosts}/it")),
            password_file: Some(self.dir.path().join("password")),
            ..MySqlOptions::default()
        };
        MySqlClient::new(&options, root()).unwrap()
    }

    fn cluster(&self) -> Cluster {
        Cluster { fs: Arc::new(LocalFilesystem::new(self.dir.path())), metastore: None }
    }

    async fn import(&self, user: &str, more: &str) -> sakia::error::Result<String> {
        let args = format!("table = 't'\ntarget-dir = '/t'\nas = 'text'\nexisting = 'delete'\n{more}");
        let args: ImportArgs = sakia::config::parse(&args, "test").unwrap();
        let (client, cluster) = (self.client(user, "127.0.0.1:PORT"), self.cluster());
        let summary = import::run(&args, &Ends::new(&client, &cluster), "it", &Stop::new()).await?;
        Ok(summary.detail)
    }

    /// The lines of all files below a directory.
    fn lines(&self, dir: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(self.dir.path().join(dir)).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_do_less_is_told_or_gone_along_with() {
    let server = container::mariadb(SETUP, "");
    let accounts = Accounts { port: server.port(), dir: tempfile::tempdir().unwrap() };
    std::fs::write(accounts.dir.path().join("password"), "s3cret\n").unwrap();
    limits(&accounts).await;
    columns(&accounts).await;
    all(&accounts).await;
}

/// Fewer connections are had than were asked for, and the session's limits are lifted.
async fn limits(accounts: &Accounts) {
    let detail = accounts.import("limited", "num-mappers = 4").await.unwrap();
    assert!(detail.contains("2 of 4 connections") && detail.contains("max_user_connections"), "{detail}");
    assert_eq!(accounts.lines("t").len(), 30_000);
    // The first server is not there; all connections go to the second.
    let client = accounts.client("limited", "127.0.0.1:1,address=(host=127.0.0.1)(port=PORT)");
    let mut conn = client.connect().await.unwrap();
    assert_eq!(client.address(), format!("127.0.0.1:{}", accounts.port));
    conn.run("DO SLEEP(1.2)", "wait longer than the account may").await.unwrap();
    let limits = "SELECT @@max_statement_time, @@sql_select_limit = ~0, @@sql_safe_updates, @@idle_transaction_timeout";
    let limits = conn.texts(limits, "ask").await.unwrap().remove(0);
    assert_eq!(limits.iter().flatten().collect::<Vec<_>>(), ["0.000000", "1", "0", "0"]);
    conn.close().await;
}

/// A column that may not be read is an error wherever all columns are meant, and is not one where it is not asked for.
async fn columns(accounts: &Accounts) {
    let refused = accounts.import("columns", "").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Auth);
    assert!(refused.to_string().contains("it.t") && refused.to_string().contains("id, name"), "{refused}");
    let refused = accounts.import("columns", "columns = ['email']").await.unwrap_err();
    assert!(refused.remedy().unwrap().contains("shown to this user"), "{refused}");
    accounts.import("columns", "columns = ['id', 'name']").await.unwrap();
    assert_eq!(accounts.lines("t")[0], "1,n");

    let (client, cluster) = (accounts.client("columns", "127.0.0.1:PORT"), accounts.cluster());
    let args = sakia::config::parse("table = 't'\ntarget-dir = '/t'", "test").unwrap();
    let refused = verify::run(&args, &client, &cluster, &Stop::new()).await.err().unwrap();
    assert_eq!(refused.kind(), Kind::Auth, "{refused}");

    std::fs::create_dir(accounts.dir.path().join("rows")).unwrap();
    std::fs::write(accounts.dir.path().join("rows/a"), "1,x\n").unwrap();
    for (table, more, ok) in [("t", "", false), ("w", "", false), ("w", "columns = ['id', 'name']\n", true)] {
        let args = format!("table = '{table}'\nexport-dir = '/rows'\n{more}");
        let args = sakia::config::parse(&args, "test").unwrap();
        let done = export::run(&args, &client, &cluster, "it", &Stop::new()).await;
        assert_eq!(done.as_ref().err().map(|e| e.kind()), (!ok).then_some(Kind::Auth), "{table} {more}: {done:?}");
    }
    let mut conn = client.connect().await.unwrap();
    let rows = conn.texts("SELECT id, name, email FROM w", "read").await.unwrap();
    assert_eq!(rows[0].iter().flatten().collect::<Vec<_>>(), ["1", "x", "none"]);
}

/// A view is imported as Sqoop does, a broken one says why it cannot be, a sequence is not a table.
async fn all(accounts: &Accounts) {
    let (client, cluster) = (accounts.client("limited", "127.0.0.1:PORT"), accounts.cluster());
    let ends = Ends::new(&client, &cluster);
    let run = |more: &'static str| {
        let args =
            format!("{more}\n[each]\nwarehouse-dir = '/all'\nas = 'text'\nnum-mappers = 1\nexisting = 'delete'\n");
        let args: ImportAllArgs = sakia::config::parse(&args, "test").unwrap();
        let ends = &ends;
        async move { import::run_all(&args, ends, "it", &Stop::new()).await }
    };
    let error = run("").await.unwrap_err();
    assert!(error.to_string().contains("v_broken") && error.to_string().contains("(error 1356)"), "{error}");
    assert!(!error.remedy().unwrap_or_default().contains("where"), "{:?}", error.remedy());
    assert_eq!(accounts.lines("all/v_good"), ["1", "2"]);
    assert!(!accounts.dir.path().join("all/s").exists());
    let done = run("exclude-views = true").await.unwrap();
    assert!(done.detail.contains("2 tables"), "{}", done.detail);
}
