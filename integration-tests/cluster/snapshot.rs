//! One moment in time over several connections, on MariaDB and on MySQL: money moves between accounts in three tables while
//! four connections open a snapshot and read, and the sum holds; and each method of the ladder below.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use sakia::error::Kind;
use sakia::mysql::Connection;
use sakia::mysql::snapshot::{Consistency, Method, Snapshot, SnapshotOptions};
use sakia::mysql::table::Table;

use crate::bank::{Bank, TABLES};
use crate::mysql::Server;

const READERS: usize = 4;
const ROUNDS: usize = 30;
const ACCOUNTS: u64 = 2_000;
const SUM: u64 = 3 * ACCOUNTS * 100;

/// What all accounts hold together, each reader summing a quarter of each table, one table after the other.
async fn sum(connections: &mut [Connection]) -> u64 {
    let quarter = ACCOUNTS / connections.len() as u64;
    let mut sum = 0;
    for table in TABLES {
        for (n, conn) in connections.iter_mut().enumerate() {
            let (from, to) = (n as u64 * quarter, (n as u64 + 1) * quarter);
            let sql = format!("SELECT SUM(amount) FROM {table} WHERE id > {from} AND id <= {to}");
            let rows = conn.texts(&sql, "sum").await.unwrap();
            sum += rows[0][0].as_ref().unwrap().parse::<u64>().unwrap();
        }
    }
    sum
}

async fn transfers_do_not_bend_the_sum(server: &Server, want: Method) {
    let bank = Bank::open(server, ACCOUNTS).await;
    let (closed, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tellers = [bank.teller(1, &closed, &moved).await, bank.teller(2, &closed, &moved).await];
    let client = server.client(&bank.name);
    let began = Instant::now();
    let (mut tries, mut times, mut apart) = (0, Vec::new(), 0);
    for round in 0..ROUNDS {
        let before = moved.load(Ordering::SeqCst);
        // On a busy machine the pause between two commits takes longer to find than the product waits for it.
        let patient = SnapshotOptions { time: Duration::from_secs(60), ..Default::default() };
        let mut snapshot = Snapshot::open(&client, READERS, &patient).await.unwrap();
        assert_eq!(
            (snapshot.method, snapshot.connections.len()),
            (want, READERS),
            "round {round}: {:?}",
            snapshot.notes
        );
        assert!(snapshot.position.is_some(), "round {round}");
        // Money moves while the snapshot is open, or the sum would show nothing.
        until(|| moved.load(Ordering::SeqCst) > before).await;
        assert_eq!(sum(&mut snapshot.connections).await, SUM, "round {round} at {}", snapshot.position.unwrap());
        tries += snapshot.tries;
        times.push(snapshot.aligned_in);
        // The same without a common moment shows that the tellers are quick enough to be noticed.
        let none = SnapshotOptions { consistency: Consistency::None, ..Default::default() };
        let mut loose = Snapshot::open(&client, READERS, &none).await.unwrap();
        assert_eq!((loose.method, loose.position.is_none(), loose.notes.len()), (Method::None, true, 1));
        apart += usize::from(sum(&mut loose.connections).await != SUM);
    }
    let rate = moved.load(Ordering::SeqCst) as f64 / began.elapsed().as_secs_f64();
    closed.store(true, Ordering::SeqCst);
    for teller in tellers {
        teller.await.unwrap();
    }
    times.sort_unstable();
    println!(
        "{}: {rate:.0} transfers a second, {ROUNDS} rounds of {READERS} readers aligned, {:.1} tries, median {:?}, worst {:?}; \
         {apart} sums of {ROUNDS} wrong without",
        server.name(),
        f64::from(tries) / ROUNDS as f64,
        times[ROUNDS / 2],
        times[ROUNDS - 1],
    );
    assert!(apart > 0, "{}: sums without a common moment were right too, the test shows nothing", server.name());
    bank.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_during_snapshots_of_mariadb() {
    transfers_do_not_bend_the_sum(&Server::MariaDb, Method::BinlogPosition).await;
}

/// MariaDB mixes up the answers to sessions that ask at the same moment where their snapshots lie, as monitoring does.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_of_mariadb_are_told_apart_while_others_ask() {
    let bank = Bank::open(&Server::MariaDb, ACCOUNTS).await;
    let (closed, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tellers = [bank.teller(1, &closed, &moved).await, bank.teller(2, &closed, &moved).await];
    let monitors = [bank.monitor(&closed).await, bank.monitor(&closed).await];
    let client = bank.server.client(&bank.name);
    let options = SnapshotOptions { time: Duration::from_secs(20), ..SnapshotOptions::default() };
    let mut tries = 0;
    for round in 0..2 * ROUNDS {
        let mut snapshot = Snapshot::open(&client, READERS, &options).await.unwrap();
        assert_eq!(snapshot.method, Method::BinlogPosition, "round {round}: {:?}", snapshot.notes);
        assert_eq!(sum(&mut snapshot.connections).await, SUM, "round {round} at {}", snapshot.position.unwrap());
        tries += snapshot.tries;
    }
    closed.store(true, Ordering::SeqCst);
    for teller in tellers {
        teller.await.unwrap();
    }
    let mut mixed_up = 0;
    for monitor in monitors {
        mixed_up += monitor.await.unwrap();
    }
    println!("{tries} tries; the monitors saw {mixed_up} answers that were not theirs");
    bank.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_during_snapshots_of_mysql() {
    let [_, server] = Server::both().await;
    transfers_do_not_bend_the_sum(&server, Method::Gtid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_give_one_moment_and_are_let_go() {
    let [_, mysql] = Server::both().await;
    for server in [Server::own_mariadb(), mysql] {
        let bank = Bank::open(&server, ACCOUNTS).await;
        let (client, tables) = (server.client_of("writer", &bank.name), bank.tables().await);
        let (closed, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let teller = bank.teller(1, &closed, &moved).await;
        for (consistency, method) in
            [(Consistency::FlushTables, Method::FlushTables), (Consistency::LockTables, Method::LockTables)]
        {
            for _ in 0..5 {
                let options = SnapshotOptions { consistency, tables: &tables, ..Default::default() };
                let mut snapshot = Snapshot::open(&client, READERS, &options).await.unwrap();
                assert_eq!((snapshot.method, snapshot.connections.len()), (method, READERS));
                assert!(snapshot.position.is_some() && snapshot.notes.is_empty(), "{:?}", snapshot.notes);
                let before = moved.load(Ordering::SeqCst);
                assert_eq!(sum(&mut snapshot.connections).await, SUM, "{} {method:?}", server.name());
                until(|| moved.load(Ordering::SeqCst) > before).await;
            }
        }
        closed.store(true, Ordering::SeqCst);
        teller.await.unwrap();
        bank.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_does_not_come_is_given_up() {
    for server in Server::both().await {
        let mut bank = Bank::open(&server, ACCOUNTS).await;
        let user = if server.name() == "MySQL" { "locker" } else { "shop" };
        let (client, tables) = (server.client_of(user, &bank.name), bank.tables().await);
        bank.conn.query_drop("BEGIN").await.unwrap();
        bank.conn.query_drop("UPDATE giro SET amount = amount - 1 WHERE id = 1").await.unwrap();
        let time = Duration::from_secs(1);
        let options =
            SnapshotOptions { consistency: Consistency::LockTables, tables: &tables, time, ..Default::default() };
        let began = Instant::now();
        let error = Snapshot::open(&client, READERS, &options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        bank.conn.query_drop("UPDATE savings SET amount = amount + 1 WHERE id = 1").await.unwrap();
        bank.conn.query_drop("COMMIT").await.unwrap();
        bank.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_down_is_told() {
    let [_, mysql] = Server::both().await;
    let mut bank = Bank::open(&mysql, ACCOUNTS).await;
    bank.conn.query_drop("CREATE TABLE log (id INT) ENGINE=MyISAM").await.unwrap();
    let client = mysql.client(&bank.name);
    let mut conn = client.connect().await.unwrap();
    let log = [Table::describe(&mut conn, client.database(), "log").await.unwrap()];
    let open = async |consistency| {
        let options = SnapshotOptions { consistency, tables: &log, ..Default::default() };
        Snapshot::open(&client, READERS, &options).await
    };
    let auto = open(Consistency::Auto).await.unwrap();
    assert_eq!(auto.method, Method::Gtid);
    assert!(auto.notes[0].contains("binlog position"), "{:?}", auto.notes);
    assert!(auto.notes[1].contains("log is kept by MyISAM"), "{:?}", auto.notes);
    let error = open(Consistency::BinlogPosition).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(
        error.to_string().contains("names no binlog position") && error.remedy().unwrap().contains("auto"),
        "{error}"
    );
    for locked in [Consistency::FlushTables, Consistency::LockTables] {
        let error = open(locked).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(error.to_string().to_lowercase().contains("denied"), "{error}");
    }
    let one = open(Consistency::OneConnection).await.unwrap();
    assert_eq!((one.method, one.connections.len(), one.position.is_some()), (Method::OneConnection, 1, true));
    let error = Snapshot::open(
        &Server::MariaDb.client("shop"),
        2,
        &SnapshotOptions { consistency: Consistency::Gtid, ..Default::default() },
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("gtid_mode is not on"), "{error}");
    bank.clear().await;
}

async fn until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody writes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
