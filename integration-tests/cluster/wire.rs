//! The reading connection against the stack's MariaDB: control statements, errors, kills, and every type at its extremes
//! beside what the server itself makes of the values as text.

mod accounts;
mod mariadb;
pub mod mysql;
mod types;

use sakia::error::Kind;
use sakia::mysql::Connection;
use sakia::mysql::{MySqlClient, MySqlOptions};

use crate::stack::{self, root, setting};

/// A MariaDB database of the test's own.
struct Scene {
    name: String,
    conn: Connection,
}

impl Scene {
    async fn set(statements: &[&str]) -> Self {
        let name = stack::unique("it_wire");
        let mut conn = client("shop", "").connect().await.unwrap();
        conn.run(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"), "make").await.unwrap();
        conn.run(&format!("USE {name}"), "use").await.unwrap();
        for statement in statements {
            conn.run(statement, statement).await.unwrap();
        }
        Self { name, conn }
    }

    fn client(&self) -> MySqlClient {
        client(&self.name, "")
    }

    async fn clear(mut self) {
        self.conn.run(&format!("DROP DATABASE {}", self.name), "drop").await.unwrap();
        self.conn.close().await;
    }
}

fn client(database: &str, query: &str) -> MySqlClient {
    let address = format!("{}:{}", setting("STACK_HOST"), setting("MARIADB_PORT"));
    let options = MySqlOptions {
        url: Some(format!("jdbc:mysql://{}@{address}/{database}{query}", setting("SHOP_USER"))),
        password_file: Some(setting("SHOP_PASSWORD_FILE").into()),
        ..MySqlOptions::default()
    };
    MySqlClient::new(&options, root()).unwrap()
}

#[tokio::test]
async fn control_statements_answer_in_text() {
    let mut scene = Scene::set(&["CREATE TABLE t (a INT, b TEXT)", "INSERT INTO t VALUES (1, 'ü'), (2, NULL)"]).await;
    let rows = scene.conn.texts("SELECT a, b FROM t ORDER BY a", "read").await.unwrap();
    let text = |t: &str| Some(t.to_owned());
    assert_eq!(rows, [[text("1"), text("ü")], [text("2"), None]]);
    scene.conn.send("SELECT REPEAT('x', 20000000)").await.unwrap();
    assert_eq!(scene.conn.answer_texts("read").await.unwrap()[0][0].as_ref().unwrap().len(), 20_000_000);
    let rows = scene.conn.texts("SELECT @@time_zone, @@character_set_results, CONNECTION_ID()", "read").await.unwrap();
    assert_eq!(rows, [[text("+00:00"), text("utf8mb4"), Some(scene.conn.id().to_string())]]);
    let error = scene.conn.texts("SELECT nothing FROM t", "cannot read t").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().starts_with("cannot read t: Unknown column"), "{error}");
    // An error ends its answer only.
    assert!(scene.conn.run("DO 1", "do").await.is_ok());
    scene.clear().await;
}

#[tokio::test]
async fn a_statement_knows_its_columns() {
    let mut scene = Scene::set(&["CREATE TABLE t (id BIGINT UNSIGNED, d DECIMAL(10,3), j JSON, u UUID)"]).await;
    let statement = scene.conn.prepare("SELECT id, d, j, u, 1 + 1 AS two FROM t", "prepare").await.unwrap();
    let names: Vec<_> = statement.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "d", "j", "u", "two"]);
    assert!(statement.columns[0].is_unsigned());
    assert_eq!(statement.columns[1].decimals, 3);
    let extended: Vec<_> = statement.columns.iter().map(|c| c.extended.as_deref()).collect();
    assert_eq!(extended, [None, None, Some("json"), Some("uuid"), None]);
    scene.conn.forget(statement).await.unwrap();
    assert!(scene.conn.prepare("SELECT ?", "prepare").await.is_err());
    assert_eq!(scene.conn.prepare("SELECT 1 FROM", "prepare").await.unwrap_err().kind(), Kind::Config);
    assert!(scene.conn.run("DO 1", "do").await.is_ok());
    scene.clear().await;
}

#[tokio::test]
async fn an_answer_half_read_spoils_the_connection_and_kill_ends_it() {
    let scene = Scene::set(&[]).await;
    let client = scene.client();
    let mut conn = client.connect().await.unwrap();
    let sleep = tokio::time::timeout(std::time::Duration::from_millis(200), conn.run("DO SLEEP(60)", "sleep"));
    assert!(sleep.await.is_err());
    let error = conn.run("DO 1", "go on").await.unwrap_err();
    assert!(error.to_string().contains("not read to its end"), "{error}");
    client.kill(&[conn.id()]).await.unwrap();
    let error = conn.answer("sleep").await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Unreachable | Kind::Refused), "{error}");
    scene.clear().await;
}

#[tokio::test]
async fn logins_that_fail_say_why() {
    let error = client("it_nowhere", "").connect().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let address = format!("{}:{}", setting("STACK_HOST"), setting("MARIADB_PORT"));
    let url = Some(format!("mysql://{}@{address}/shop", setting("SHOP_USER")));
    let options = MySqlOptions { url, ..MySqlOptions::default() };
    let error = MySqlClient::new(&options, root()).unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth);
    assert!(error.to_string().contains("with no password"), "{error}");
}

#[tokio::test]
async fn encryption_that_is_asked_for_and_not_to_be_had_is_an_error() {
    let error = client("shop", "?sslMode=REQUIRED").connect().await.unwrap_err();
    assert!(error.to_string().contains("offers no encryption"), "{error}");
    assert!(!client("shop", "?useSSL=true").connect().await.unwrap().is_encrypted());
}
