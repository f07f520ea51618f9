//! The ways to one moment, each on its own. Statements that open snapshots are sent on all connections before any answer
//! is read, so that they open as close together as the network allows.

use std::time::{Duration, Instant};

use super::{Method, Position, SnapshotOptions};
use crate::error::{self, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::client::Connection;

const ACT: &str = "cannot open a snapshot";

/// Opens a snapshot; ends the transaction before, if there is one.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// What is known of transactions: those on their way before those that are done. In this order, so that one that goes
/// from the first to the second in between is seen in both, not in neither.
const TRANSACTIONS: &str = "SELECT @@global.gtid_owned, @@global.gtid_executed";

/// Times that each connection has to say where its snapshot lies.
const TIMES_ASKED: usize = 3;

/// Time that a lock is waited for beyond what the server was told to wait.
const GRACE: Duration = Duration::from_millis(500);

/// Time for the end of a connection that waited for a lock in vain.
const TO_END: Duration = Duration::from_secs(4);

/// Connections on their way to a common moment.
pub(super) struct Way<'a> {
    pub client: &'a MySqlClient,
    pub connections: Vec<Connection>,
    pub options: &'a SnapshotOptions<'a>,
}

/// The snapshot that was opened.
pub(super) struct Opened {
    pub position: Option<Position>,
    pub method: Method,
    pub tries: u32,
    pub aligned_in: Duration,
}

/// Why a way is not possible.
pub(super) struct Refusal(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<Result<T, Refusal>> {
    Ok(Err(Refusal(why.into())))
}

impl Connection {
    /// Where the server says that the snapshot of this connection lies.
    async fn snapshot_position(&mut self) -> Result<Option<Position>> {
        let rows = self.texts("SHOW STATUS LIKE 'binlog_snapshot%'", ACT).await?;
        Ok(Position::of_status(&rows, "binlog_snapshot_").known())
    }
}

impl Way<'_> {
    /// Sends a statement on all connections, then takes the answers.
    async fn on_all(&mut self, sql: &str) -> Result<()> {
        for conn in &mut self.connections {
            conn.send(sql).await?;
        }
        for conn in &mut self.connections {
            conn.answer(ACT).await?;
        }
        Ok(())
    }

    fn first(&mut self) -> Result<&mut Connection> {
        self.connections.first_mut().ok_or_else(|| error::bug("a snapshot without connections"))
    }

    /// Sets how much of other transactions is seen.
    pub(super) async fn isolate(&mut self, level: &str) -> Result<()> {
        self.on_all(&format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}")).await
    }

    /// MariaDB, Percona: until each snapshot says that it lies at the same place.
    pub(super) async fn binlog_position(&mut self) -> Result<Result<Opened, Refusal>> {
        let started = Instant::now();
        for tries in 1.. {
            self.on_all(BEGIN).await?;
            let Some(position) = self.first()?.snapshot_position().await? else {
                return refuse("the server names no binlog position of a snapshot");
            };
            if self.all_lie_at(&position).await? {
                let (position, aligned_in) = (Some(position), started.elapsed());
                return Ok(Ok(Opened { position, method: Method::BinlogPosition, tries, aligned_in }));
            }
            if started.elapsed() > self.options.time {
                return refuse(format!("the server commits too much: no two met in {tries} tries"));
            }
        }
        Err(error::bug("snapshots were tried without end"))
    }

    /// Whether every snapshot says, as often as it is asked, that it lies there.
    ///
    /// MariaDB makes its answers in variables that all sessions share (`binlog_snapshot_position` in sql/log.cc), so one
    /// who asks at the same moment can be given the answer of another: seen with 10.11 in one of a hundred answers where
    /// some ask without pause, and never where one asks alone. So our own connections are asked one after the other, and
    /// several times because of all others; a snapshot does not move, and the same wrong answer each time does not
    /// happen.
    async fn all_lie_at(&mut self, position: &Position) -> Result<bool> {
        for _ in 0..TIMES_ASKED {
            for conn in &mut self.connections {
                if conn.snapshot_position().await?.as_ref() != Some(position) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// MySQL: until nothing was committed while the snapshots were opened.
    ///
    /// A transaction owns its GTID from before the engine makes it visible until after, and then leaves the owned for the
    /// executed in one step. So with nothing owned before and after, and nothing more executed, no commit became visible
    /// in between.
    pub(super) async fn gtid(&mut self) -> Result<Result<Opened, Refusal>> {
        let modes = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('gtid_mode', 'log_bin')";
        let modes = self.first()?.texts(modes, ACT).await?;
        let is_on = |name: &str| {
            let of = |row: &Vec<Option<String>>, i: usize| row.get(i).cloned().flatten().unwrap_or_default();
            modes.iter().any(|row| of(row, 0).eq_ignore_ascii_case(name) && of(row, 1).eq_ignore_ascii_case("ON"))
        };
        if !(is_on("gtid_mode") && is_on("log_bin")) {
            return refuse("gtid_mode is not on");
        }
        let started = Instant::now();
        let mut before = self.first()?.texts(TRANSACTIONS, ACT).await?;
        for tries in 1.. {
            self.on_all(BEGIN).await?;
            let after = self.first()?.texts(TRANSACTIONS, ACT).await?;
            let [row] = &after[..] else { return Err(error::bug("the server's variables are not one row")) };
            let nothing_owned = row.first().cloned().flatten().is_none_or(|owned| owned.is_empty());
            if nothing_owned && before == after {
                let gtid = row.get(1).cloned().flatten().map(|set| set.replace('\n', ""));
                let position = Position { gtid, ..Position::default() }.known();
                return Ok(Ok(Opened { position, method: Method::Gtid, tries, aligned_in: started.elapsed() }));
            }
            if started.elapsed() > self.options.time {
                return refuse(format!("the server commits too much: no pause in {tries} tries"));
            }
            before = after;
        }
        Err(error::bug("snapshots were tried without end"))
    }

    /// While another connection holds a lock that keeps writers out.
    pub(super) async fn under_lock(&mut self, method: Method, lock: String) -> Result<Result<Opened, Refusal>> {
        let mut control = match self.client.connect().await {
            // The server gives no more connections: one reader makes room, if several are left.
            Err(e) if e.kind() == Kind::Busy && self.connections.len() > 2 => {
                if let Some(reader) = self.connections.pop() {
                    reader.close().await;
                }
                self.client.connect().await?
            }
            connected => connected?,
        };
        let seconds = self.options.time.as_secs().max(1);
        // A lock that waits keeps writers out too. Without autocommit the engine locks the tables with the server.
        let wait =
            format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}, autocommit = 0");
        control.run(&wait, ACT).await?;
        let started = Instant::now();
        let limit = Duration::from_secs(seconds) + GRACE;
        match tokio::time::timeout(limit, control.run(&lock, "no lock")).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                control.close().await;
                return Err(error);
            }
            Err(_) => {
                // Where it is not gone in time, the server lets go later.
                tokio::time::timeout(TO_END, self.client.kill(&[control.id()])).await.unwrap_or(Ok(()))?;
                return refuse(format!("no lock within {seconds} s"));
            }
        }
        let opened = self.on_all(BEGIN).await;
        let aligned_in = started.elapsed();
        let position = self.position(&mut control).await;
        // Closing the connection lets go too, but nobody waits for that.
        let unlocked = control.run("COMMIT", ACT).await.and(control.run("UNLOCK TABLES", ACT).await);
        control.close().await;
        opened.and(unlocked)?;
        Ok(Ok(Opened { position: position?, method, tries: 1, aligned_in }))
    }

    /// One snapshot on the first connection.
    pub(super) async fn single(&mut self) -> Result<Opened> {
        let started = Instant::now();
        self.connections.truncate(1);
        self.first()?.run(BEGIN, ACT).await?;
        Ok(Opened { position: None, method: Method::OneConnection, tries: 1, aligned_in: started.elapsed() })
    }

    /// No common moment: each statement sees what is committed when it starts, or even more.
    pub(super) async fn apart(&mut self) -> Result<Opened> {
        self.isolate(if self.options.read_uncommitted { "READ UNCOMMITTED" } else { "READ COMMITTED" }).await?;
        Ok(Opened { position: None, method: Method::None, tries: 0, aligned_in: Duration::ZERO })
    }

    /// Where the snapshots lie, while a lock keeps the server still; the right to know it may be missing.
    async fn position(&mut self, control: &mut Connection) -> Result<Option<Position>> {
        let status = self.first()?.texts("SHOW STATUS LIKE 'binlog_snapshot%'", ACT).await?;
        if let Some(position) = Position::of_status(&status, "binlog_snapshot_").known() {
            return Ok(Some(position));
        }
        // The newer name, then the older.
        for sql in ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"] {
            if let Ok(rows) = control.texts(sql, ACT).await {
                let of =
                    |i: usize| rows.first().and_then(|row| row.get(i).cloned().flatten()).filter(|v| !v.is_empty());
                let position = of(1).and_then(|p| p.parse().ok());
                return Ok(Position { file: of(0), position, gtid: of(4) }.known());
            }
        }
        Ok(None)
    }
}
