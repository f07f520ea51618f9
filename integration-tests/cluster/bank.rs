//! A bank: money moves between accounts in three tables. Here whole imports read it: all tables by one, four connections,
//! and the sum over the files holds, on MariaDB and on MySQL.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use sakia::load::Cluster;
use sakia::mysql::table::Table;
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::transfer::args::ImportAllArgs;
use sakia::transfer::{Ends, import};

use crate::mysql::Server;
use crate::stack::unique;

pub const TABLES: [&str; 3] = ["giro", "savings", "deposits"];

/// Accounts of each table where whole imports read them: enough for two splits a table.
const ACCOUNTS: u64 = 25_000;
const ROUNDS: usize = 30;

/// What the server says to a transaction that it rolled back, so that others may go on.
const DEADLOCK: u16 = 1213;

/// A bank of three tables in a database of its own.
pub struct Bank {
    pub server: Server,
    pub name: String,
    pub conn: Conn,
    accounts: u64,
}

impl Bank {
    pub async fn open(server: &Server, accounts: u64) -> Self {
        let name = unique("it_bank");
        let mut conn = server.writer(None).await;
        conn.query_drop(format!("CREATE DATABASE {name}")).await.unwrap();
        conn.query_drop(format!("USE {name}")).await.unwrap();
        for table in TABLES {
            conn.query_drop(format!("CREATE TABLE {table} (id INT PRIMARY KEY, amount INT NOT NULL) ENGINE=InnoDB"))
                .await
                .unwrap();
            let rows: Vec<String> = (1..=accounts).map(|id| format!("({id}, 100)")).collect();
            conn.query_drop(format!("INSERT INTO {table} VALUES {}", rows.join(", "))).await.unwrap();
            conn.query_drop(format!("ANALYZE TABLE {table}")).await.unwrap();
        }
        Self { server: server.clone(), name, conn, accounts }
    }

    /// Starts a teller who moves money from one table to another without a pause.
    pub async fn teller(
        &self,
        number: u64,
        closed: &Arc<AtomicBool>,
        moved: &Arc<AtomicU64>,
    ) -> tokio::task::JoinHandle<()> {
        let mut conn = self.server.writer(Some(&self.name)).await;
        let (closed, moved, accounts) = (closed.clone(), moved.clone(), self.accounts);
        tokio::spawn(async move {
            let mut n = number * 1_000_003;
            'transfers: while !closed.load(Ordering::SeqCst) {
                n += 1;
                let (from, to) = (TABLES[n as usize % 3], TABLES[(n / 3) as usize % 3]);
                // Always in the order of tables and accounts, so that tellers do not wait for each other in a circle.
                let mut halves = [(from, n * 7919 % accounts + 1, -1), (to, n * 104_729 % accounts + 1, 1)];
                halves.sort_unstable();
                let [one, other] = halves.map(|(table, id, change)| {
                    format!("UPDATE {table} SET amount = amount + {change} WHERE id = {id}")
                });
                for step in ["BEGIN", &one, &other, "COMMIT"] {
                    match conn.query_drop(step).await {
                        Ok(()) => {}
                        // A lock of tables may come between the two halves: then neither happened.
                        Err(mysql_async::Error::Server(e)) if e.code == DEADLOCK => continue 'transfers,
                        Err(e) => panic!("{step}: {e}"),
                    }
                }
                moved.fetch_add(1, Ordering::SeqCst);
            }
        })
    }

    /// Starts somebody who asks MariaDB without a pause where a snapshot of his own lies, and counts the wrong answers.
    pub async fn monitor(&self, closed: &Arc<AtomicBool>) -> tokio::task::JoinHandle<u64> {
        const POSITION: &str = "SHOW STATUS LIKE 'binlog_snapshot_position'";
        let (mut conn, closed) = (self.server.writer(Some(&self.name)).await, closed.clone());
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
        tokio::spawn(async move {
            let (mut seen, mut all) = (HashMap::new(), 0);
            while !closed.load(Ordering::SeqCst) {
                let answer: Option<(String, String)> = conn.query_first(POSITION).await.unwrap();
                *seen.entry(answer.unwrap().1).or_insert(0) += 1;
                all += 1;
            }
            all - seen.into_values().max().unwrap_or(0)
        })
    }

    /// The tables, as an import knows them.
    pub async fn tables(&self) -> Vec<Table> {
        let client = self.server.client(&self.name);
        let mut conn = client.connect().await.unwrap();
        let mut tables = Vec::new();
        for name in TABLES {
            tables.push(Table::describe(&mut conn, client.database(), name).await.unwrap());
        }
        tables
    }

    pub async fn clear(mut self) {
        self.conn.query_drop(format!("DROP DATABASE {}", self.name)).await.unwrap();
    }
}

/// Rows and money in the text files of all tables.
fn count(directory: &Path) -> (u64, u64) {
    let (mut rows, mut money) = (0, 0);
    for table in TABLES {
        for file in std::fs::read_dir(directory.join(table)).unwrap() {
            for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
                rows += 1;
                money += line.split_once(',').unwrap().1.parse::<u64>().unwrap();
            }
        }
    }
    (rows, money)
}

async fn imports_of_all_tables_hold_the_sum(server: &Server) {
    let bank = Bank::open(server, ACCOUNTS).await;
    let (closed, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tellers = [bank.teller(1, &closed, &moved).await, bank.teller(2, &closed, &moved).await];
    let client = server.client(&bank.name);
    let args: ImportAllArgs =
        sakia::config::parse("each = { warehouse-dir = '/bank', as = 'text', num-mappers = 4 }", "test").unwrap();
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(directory.path())), metastore: None };
        let before = moved.load(Ordering::SeqCst);
        let summary = import::run_all(&args, &Ends::new(&client, &cluster), "it", &Stop::new()).await.unwrap();
        assert!(moved.load(Ordering::SeqCst) > before, "round {round}: nothing moved, the test shows nothing");
        assert!(summary.files > 4, "round {round}: {} files, {}", summary.files, summary.detail);
        let want = (3 * ACCOUNTS, 3 * ACCOUNTS * 100);
        assert_eq!(count(&directory.path().join("bank")), want, "round {round}: {}", summary.detail);
    }
    closed.store(true, Ordering::SeqCst);
    for teller in tellers {
        teller.await.unwrap();
    }
    bank.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_from_mariadb_hold_the_sum() {
    imports_of_all_tables_hold_the_sum(&Server::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_from_mysql_hold_the_sum() {
    let [_, server] = Server::both().await;
    imports_of_all_tables_hold_the_sum(&server).await;
}
