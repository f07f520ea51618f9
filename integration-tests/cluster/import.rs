//! Imports from the stack's MariaDB into HDFS and Hive: every type read back by beeline, by pyarrow and by fastavro;
//! partitions; one moment in time under load; and what a failure leaves behind: nothing.

mod disturbed;
mod failures;
mod hive_text;
mod incremental;
mod kill;
mod little_memory;
mod lost_answers;
mod lost_files;
mod names;
mod no_binlog;
mod queries;
mod tables;
mod types;

use std::path::Path;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use sakia::error::Result;
use sakia::load::Cluster;
use sakia::metastore::MetastoreOptions;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::DeleteOptions;
use sakia::storage::local::LocalFilesystem;
use sakia::telemetry::summary::StepSummary;
use sakia::transfer::args::ImportArgs;
use sakia::transfer::{Ends, import};

use crate::stack::{self, beeline, root, setting};

/// A MariaDB database, a Hive database and an HDFS directory of one name, all removed at the end.
pub struct Scene {
    pub name: String,
    conn: Conn,
    cluster: Cluster,
}

impl Scene {
    /// Makes the MariaDB database and runs `statements` in it.
    pub async fn set(statements: &[&str]) -> Self {
        let name = stack::unique("it_import");
        let mut conn = connect(None).await;
        conn.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
        conn.query_drop(format!("USE {name}")).await.unwrap();
        for statement in statements {
            conn.query_drop(*statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
        let url = format!("thrift://{}", stack::address("METASTORE_PORT"));
        let metastore = MetastoreOptions::new(url);
        let cluster = Cluster::connect(&stack::hdfs(), Some(&metastore)).await.unwrap();
        Self { name, conn, cluster }
    }

    pub async fn sql(&mut self, statement: &str) {
        self.conn.query_drop(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    fn client(&self) -> MySqlClient {
        client(&format!("mysql://{}@{}/{}", setting("SHOP_USER"), mariadb(), self.name))
    }

    fn target(&self, table: &str) -> String {
        format!("/tmp/{}/{table}", self.name)
    }

    /// Arguments of an import into a table of the scene's Hive database and directory.
    fn args_into(&self, table: &str, hive_table: &str, more: &str) -> ImportArgs {
        let (name, target) = (&self.name, self.target(hive_table));
        let toml = format!(
            "table = '{table}'\ntarget-dir = '{target}'\nhive-database = '{name}'\nhive-table = '{hive_table}'\n{more}"
        );
        sakia::config::parse(&toml, "test").unwrap()
    }

    async fn run(&self, args: &ImportArgs) -> StepSummary {
        import::run(args, &Ends::new(&self.client(), &self.cluster), "it", &Stop::new()).await.unwrap()
    }

    async fn try_import(&self, table: &str, more: &str) -> Result<StepSummary> {
        let args = self.args_into(table, table, more);
        import::run(&args, &Ends::new(&self.client(), &self.cluster), "it", &Stop::new()).await
    }

    pub async fn import(&self, table: &str, more: &str) -> StepSummary {
        self.try_import(table, more).await.unwrap()
    }

    async fn import_into(&self, table: &str, hive_table: &str, more: &str) -> StepSummary {
        let args = self.args_into(table, hive_table, more);
        import::run(&args, &Ends::new(&self.client(), &self.cluster), "it", &Stop::new()).await.unwrap()
    }

    /// Imports files alone to the local disk; where the readers of other projects find them.
    async fn import_to_disk(&self, table: &str, more: &str, dir: &Path) -> StepSummary {
        let toml = format!("table = '{table}'\ntarget-dir = '/{table}'\n{more}");
        let args = sakia::config::parse(&toml, "test").unwrap();
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir)), metastore: None };
        import::run(&args, &Ends::new(&self.client(), &cluster), "it", &Stop::new()).await.unwrap()
    }

    /// What beeline reads in the scene's Hive database.
    pub fn hive(&self, query: &str) -> Vec<Vec<String>> {
        beeline(&query.replace("@db", &self.name))
    }

    /// Names of everything below the directory that holds the targets, hidden state left out.
    async fn visible(&self, table: &str) -> Option<Vec<String>> {
        let fs = &self.cluster.fs;
        fs.stat(&self.target(table)).await.unwrap()?;
        Some(fs.list(&self.target(table)).await.unwrap().iter().map(|f| f.name().to_owned()).collect())
    }

    pub async fn clear(mut self) {
        beeline(&format!("drop database if exists {} cascade", self.name));
        let name = self.name.clone();
        self.sql(&format!("DROP DATABASE {name}")).await;
        let everything = DeleteOptions { recursive: true };
        self.cluster.fs.delete(&format!("/tmp/{}", self.name), everything).await.unwrap();
    }
}

fn mariadb() -> String {
    stack::address("MARIADB_PORT")
}

fn client(url: &str) -> MySqlClient {
    let password_file = Some(setting("SHOP_PASSWORD_FILE").into());
    MySqlClient::new(&MySqlOptions { url: Some(url.to_owned()), password_file, ..Default::default() }, root()).unwrap()
}

/// A connection that is not the product's.
async fn connect(database: Option<&str>) -> Conn {
    let password = std::fs::read_to_string(root().join(setting("SHOP_PASSWORD_FILE"))).unwrap();
    let opts = OptsBuilder::default()
        .ip_or_hostname(setting("STACK_HOST"))
        .tcp_port(setting("MARIADB_PORT").parse().unwrap())
        .user(Some(setting("SHOP_USER")))
        .pass(Some(password.trim_end().to_owned()))
        .db_name(database)
        .prefer_socket(false)
        .setup(vec!["SET time_zone = '+00:00', sql_mode = ''"]);
    Conn::new(opts).await.unwrap()
}
