//! Exports into the stack's MariaDB, read back by a connection that is not the product's: Sqoop's own cases, each way
//! to write, bad records, what a failure leaves visible, and files of every format whose rows come back unchanged.

mod bad_records;
mod bulk;
mod doubt;
mod formats;
mod goldens;
mod hive;
mod in_bulk;
mod modes;
mod partitions;

use std::path::Path;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Value};
use sakia::error::Result;
use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::telemetry::summary::StepSummary;
use sakia::transfer::args::ExportArgs;
use sakia::transfer::{Ends, export, import};

use crate::stack::{self, root, setting};

/// A MariaDB database, and a local directory that stands for the cluster's files.
struct Scene {
    name: String,
    conn: Conn,
    dir: tempfile::TempDir,
    cluster: Cluster,
    options: MySqlOptions,
}

impl Scene {
    async fn set(statements: &[&str]) -> Self {
        let password_file = Some(setting("SHOP_PASSWORD_FILE").into());
        let url = format!("mysql://{}@{}", setting("SHOP_USER"), stack::address("MARIADB_PORT"));
        Self::at(connect().await, MySqlOptions { url: Some(url), password_file, ..Default::default() }, statements)
            .await
    }

    /// On another server.
    async fn at(mut conn: Conn, options: MySqlOptions, statements: &[&str]) -> Self {
        let name = stack::unique("it_export");
        conn.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
        conn.query_drop(format!("USE {name}")).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
        let options = MySqlOptions { database: Some(name.clone()), ..options };
        let mut scene = Self { name, conn, dir, cluster, options };
        for statement in statements {
            scene.sql(statement).await;
        }
        scene
    }

    async fn sql(&mut self, statement: &str) {
        self.conn.query_drop(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    /// Puts a file below the directory that stands for the cluster.
    fn file(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn client(&self) -> MySqlClient {
        MySqlClient::new(&self.options, root()).unwrap()
    }

    fn args(&self, more: &str) -> ExportArgs {
        sakia::config::parse(more, "test").unwrap_or_else(|e| panic!("{more}: {e}"))
    }

    async fn try_export(&self, more: &str) -> Result<StepSummary> {
        self.try_until(more, &Stop::new()).await
    }

    async fn try_until(&self, more: &str, stop: &Stop) -> Result<StepSummary> {
        export::run(&self.args(more), &self.client(), &self.cluster, "it", stop).await
    }

    async fn export(&self, more: &str) -> StepSummary {
        self.try_export(more).await.unwrap_or_else(|e| panic!("{more}: {e}"))
    }

    /// Imports into the directory that exports read.
    async fn import(&self, toml: &str) -> StepSummary {
        let args = sakia::config::parse(toml, "test").unwrap_or_else(|e| panic!("{toml}: {e}"));
        let imported = import::run(&args, &Ends::new(&self.client(), &self.cluster), "it", &Stop::new()).await;
        imported.unwrap_or_else(|e| panic!("{toml}: {e}"))
    }

    /// Rows as the server prints them; NULL as `NULL`.
    async fn rows(&mut self, query: &str) -> Vec<Vec<String>> {
        let rows: Vec<mysql_async::Row> = self.conn.query(query).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        let cell = |value: Value| match value {
            Value::NULL => "NULL".to_owned(),
            Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => other.as_sql(true),
        };
        rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect()
    }

    async fn count(&mut self, table: &str) -> u64 {
        self.conn.query_first(format!("SELECT COUNT(*) FROM {table}")).await.unwrap().unwrap()
    }

    async fn clear(mut self) {
        let name = self.name.clone();
        self.sql(&format!("DROP DATABASE {name}")).await;
    }
}

/// A connection that is not the product's.
pub async fn connect() -> Conn {
    let password = std::fs::read_to_string(root().join(setting("SHOP_PASSWORD_FILE"))).unwrap();
    let opts = OptsBuilder::default()
        .ip_or_hostname(setting("STACK_HOST"))
        .tcp_port(setting("MARIADB_PORT").parse().unwrap())
        .user(Some(setting("SHOP_USER")))
        .pass(Some(password.trim_end().to_owned()))
        .prefer_socket(false)
        .setup(vec!["SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''"]);
    Conn::new(opts).await.unwrap()
}

fn golden(case: &str) -> std::path::PathBuf {
    Path::new(root()).join("integration-tests/golden/sqoop-export").join(case)
}
