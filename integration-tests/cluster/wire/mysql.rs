//! A real MySQL in a container of its own: the ways of logging in, encryption by its own certificates, and the types
//! that only it has.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::mysql::read::Selection;
use sakia::mysql::snapshot::{Snapshot, SnapshotOptions};
use sakia::mysql::table::Table;
use sakia::mysql::types::TypeOptions;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::transfer::{export, verify};

use super::types::read;
use crate::container::{Container, mysql_request};
use crate::stack::root;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
CREATE DATABASE it;
CREATE USER cached IDENTIFIED WITH caching_sha2_password BY 's3cret';
CREATE USER nopass IDENTIFIED WITH caching_sha2_password BY '';
CREATE USER sha256 IDENTIFIED WITH sha256_password BY 's3cret';
GRANT ALL ON it.* TO cached, nopass, sha256;
GRANT RELOAD ON *.* TO cached;
CREATE TABLE it.t (id INT PRIMARY KEY, v VECTOR(3), j JSON, p POINT, u BIGINT UNSIGNED, e ENUM('a','b'));
INSERT INTO it.t VALUES (1, TO_VECTOR('[1,2,3]'), '{\"k\": [1, \"ü\"]}', POINT(1, 2), 18446744073709551615, 'b');
INSERT INTO it.t (id) VALUES (2);
CREATE USER columns IDENTIFIED WITH caching_sha2_password BY 's3cret' WITH MAX_USER_CONNECTIONS 2;
GRANT SELECT (id, u), INSERT (id, u) ON it.t TO columns;
SET GLOBAL max_execution_time = 1000;
SET GLOBAL sql_select_limit = 1;
";

/// A MySQL in a container of its own: statements of its init file, one a line, and the zone of its system, which is named
/// as POSIX does.
pub fn server(setup: &str, zone: &str) -> Container {
    mysql_request(setup, "").with_env("TZ", zone).start()
}

struct Logins {
    port: u16,
    dir: tempfile::TempDir,
}

impl Logins {
    fn client(&self, user: &str, query: &str) -> MySqlClient {
        let file = |name: &str| self.dir.path().join(name);
        let options = MySqlOptions {
            url: Some(format!("jdbc:mysql://{user}@127.0.0.1:{}/it?{query}", self.port)),
            password_file: (user != "nopass").then(|| file("password")),
            ssl_ca: query.contains("VERIFY").then(|| file("ca.pem")),
            ..MySqlOptions::default()
        };
        MySqlClient::new(&options, root()).unwrap()
    }

    async fn encrypted(&self, user: &str, query: &str) -> bool {
        let conn = self.client(user, query).connect().await;
        let mut conn = conn.unwrap_or_else(|e| panic!("{user} {query}: {e}"));
        let cipher = conn.texts("SHOW STATUS LIKE 'Ssl_cipher'", "ask").await.unwrap();
        let encrypted = cipher[0][1].as_ref().is_some_and(|name| !name.is_empty());
        assert_eq!(conn.is_encrypted(), encrypted);
        conn.close().await;
        encrypted
    }

    /// Makes the server forget the passwords that it has seen.
    async fn forget(&self) {
        let mut conn = self.client("cached", "").connect().await.unwrap();
        conn.run("FLUSH PRIVILEGES", "flush").await.unwrap();
    }
}

/// There is no bulk execution here: rows go by statements. Whole rows are compared as on MariaDB.
async fn exports(client: &MySqlClient) {
    let mut conn = client.connect().await.unwrap();
    conn.run("CREATE TABLE w (id INT PRIMARY KEY, v VARCHAR(3))", "create").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rows"), "1,a\n2,long\n3,c\n1,again\n4,null\n").unwrap();
    let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
    for (run, more) in [("it-1", ""), ("it-2", "update-key = ['id']\nupdate-mode = 'allow-insert'\n")] {
        let args = format!("table = 'w'\nexport-dir = '/rows'\nreject-dir = '/rejects'\nreject-limit = 2\n{more}");
        let args = sakia::config::parse(&args, "test").unwrap();
        let summary = export::run(&args, client, &cluster, run, &Stop::new()).await.unwrap();
        assert_eq!((summary.rows_out, summary.rejects), (3, 2), "{more}");
        let found = conn.texts("SELECT COUNT(*), SUM(id), MAX(v) FROM w", "count").await.unwrap();
        assert_eq!(found[0].iter().flatten().collect::<Vec<_>>(), ["3", "8", "c"], "{more}");
    }
    for (rows, equal) in [("1,a\n3,c\n4,null\n", true), ("3,a\n1,c\n4,null\n", false)] {
        std::fs::write(dir.path().join("rows"), rows).unwrap();
        let args = sakia::config::parse("table = 'w'\ntarget-dir = '/rows'", "test").unwrap();
        let report = verify::run(&args, client, &cluster, &Stop::new()).await.unwrap().report;
        assert_eq!((report.equal, report.columns.iter().all(|c| c.equal)), (equal, true), "{report}");
    }
}

/// The limits of a session are lifted, those of the account are gone along with, and hidden columns are noticed.
async fn account_that_may_do_less(logins: &Logins) {
    let client = logins.client("columns", "");
    let snapshot = Snapshot::open(&client, 4, &SnapshotOptions::default()).await.unwrap();
    assert!(snapshot.notes.iter().any(|note| note.starts_with("2 of 4 connections")), "{:?}", snapshot.notes);
    for conn in snapshot.connections {
        conn.close().await;
    }
    let mut conn = client.connect().await.unwrap();
    let limits = conn.texts("SELECT @@max_execution_time, @@sql_select_limit = ~0", "ask").await.unwrap().remove(0);
    assert_eq!(limits.iter().flatten().collect::<Vec<_>>(), ["0", "1"]);
    let table = Table::describe(&mut conn, "it", "t").await.unwrap();
    let error = table.select(&[]).unwrap_err();
    assert!(error.kind() == Kind::Auth && error.to_string().contains("shown id, u"), "{error}");
    assert_eq!(table.select(&["u".to_owned()]).unwrap().len(), 1);
    assert_eq!(table.check_all_columns(&mut conn).await.unwrap_err().kind(), Kind::Auth);
    conn.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_and_encryption_of_a_real_mysql() {
    let server = server(SETUP, "UTC");
    let logins = Logins { port: server.port(), dir: tempfile::tempdir().unwrap() };
    let ca = server.exec(&["cat", "/data/ca.pem"]);
    std::fs::write(logins.dir.path().join("ca.pem"), ca).unwrap();
    std::fs::write(logins.dir.path().join("password"), "s3cret\n").unwrap();

    // The password itself over TLS, then by the server's cache, then encrypted for its key.
    assert!(logins.encrypted("cached", "").await);
    assert!(logins.encrypted("cached", "sslMode=REQUIRED").await);
    assert!(!logins.encrypted("cached", "sslMode=DISABLED").await);
    logins.forget().await;
    let no_key = logins.client("cached", "sslMode=DISABLED&allowPublicKeyRetrieval=false");
    let error = no_key.connect().await.unwrap_err();
    assert!(error.to_string().contains("allowPublicKeyRetrieval"), "{error}");
    assert!(!logins.encrypted("cached", "sslMode=DISABLED").await);
    for user in ["nopass", "sha256"] {
        assert!(logins.encrypted(user, "").await);
        assert!(!logins.encrypted(user, "sslMode=DISABLED").await);
    }

    // The server's certificate is of its own authority, and for no host's name.
    assert!(logins.encrypted("cached", "sslMode=VERIFY_CA").await);
    let error = logins.client("cached", "sslMode=VERIFY_IDENTITY").connect().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth);
    std::fs::remove_file(logins.dir.path().join("ca.pem")).unwrap();
    std::fs::write(logins.dir.path().join("ca.pem"), include_str!("other-ca.pem")).unwrap();
    let error = logins.client("cached", "sslMode=VERIFY_CA").connect().await.unwrap_err();
    assert!(error.remedy().unwrap().contains("ssl-ca"), "{error}");

    account_that_may_do_less(&logins).await;
    exports(&logins.client("cached", "")).await;
    let mut conn = logins.client("cached", "").connect().await.unwrap();
    let table = Table::describe(&mut conn, "it", "t").await.unwrap();
    assert_eq!(table.primary_key, ["id"]);
    let selection = Selection::table(table, &[], None, &TypeOptions::default()).unwrap();
    let batch = read(&selection, &mut conn, "ORDER BY id").await.unwrap();
    let vector: Vec<u8> = [1f32, 2., 3.].iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(batch.column(1).as_binary::<i32>().value(0), vector);
    assert_eq!(batch.column(2).as_string::<i32>().value(0), "{\"k\": [1, \"ü\"]}");
    assert_eq!(batch.column(3).as_binary::<i32>().value(0).len(), 25);
    assert_eq!(batch.column(5).as_string::<i32>().value(0), "b");
    assert!((1..6).all(|i| batch.column(i).is_null(1)));
    let query =
        Selection::query(&mut conn, "SELECT * FROM t WHERE $CONDITIONS", &TypeOptions::default()).await.unwrap();
    assert_eq!(read(&query, &mut conn, "ORDER BY id").await.unwrap().columns(), batch.columns());
}
