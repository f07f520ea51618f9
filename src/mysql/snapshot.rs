//! One moment in time over several connections, without a lock.
//!
//! MariaDB and Percona say of each snapshot at which binlog position it was taken (`binlog_snapshot_file` and
//! `_position`): snapshots are opened until all agree. Where the server does not say it, or the tries do not meet
//! within [`ALIGN_TIME`], one connection with one snapshot is given instead. Needs no right but SELECT.
//!
//! What escapes: tables of engines without snapshots, and statements that are kept out of the binlog.
//!
//! Source: MariaDB knowledge base "Enhancements for START TRANSACTION WITH CONSISTENT SNAPSHOT"; checked on 10.11.

use std::fmt;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::MySqlClient;
use super::wire::ReadConnection;
use crate::error::Result;

/// Time after which snapshots that do not meet are given up.
pub const ALIGN_TIME: Duration = Duration::from_secs(2);

/// Where in the binlog a snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinlogPosition {
    /// Name of the binlog file.
    pub file: String,
    /// Offset in it.
    pub position: u64,
}

impl fmt::Display for BinlogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.position)
    }
}

/// Connections that all see the same moment.
#[derive(Debug)]
pub struct Snapshot {
    /// As many as were asked for, or one.
    pub connections: Vec<ReadConnection>,
    /// The moment, where the server names it.
    pub position: Option<BinlogPosition>,
    /// Why there is one connection though more were asked for.
    pub narrowed: Option<&'static str>,
}

impl Snapshot {
    /// Opens one snapshot over `count` connections, or over one.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`], and what the server says to a transaction.
    pub async fn open(client: &MySqlClient, count: usize) -> Result<Self> {
        let started = Instant::now();
        let mut connections = try_join_all((0..count.max(1)).map(|_| ReadConnection::connect(client))).await?;
        for tried in 0u32.. {
            let positions = try_join_all(connections.iter_mut().map(begin)).await?;
            let first = positions.first().cloned().flatten();
            if positions.len() == 1 || (first.is_some() && positions.iter().all(|p| *p == first)) {
                tracing::debug!(tried, connections = positions.len(), "snapshots aligned");
                return Ok(Self { connections, position: first, narrowed: None });
            }
            let narrowed = match first {
                None => Some("the server names no binlog position"),
                Some(_) if started.elapsed() > ALIGN_TIME => Some("the server writes too much to align snapshots"),
                Some(_) => None,
            };
            if narrowed.is_some() {
                let position = first;
                connections.truncate(1);
                return Ok(Self { connections, position, narrowed });
            }
            try_join_all(connections.iter_mut().map(|c| c.run("ROLLBACK", ACT))).await?;
        }
        // The loop ends within the time that is given to it.
        Err(crate::error::bug("snapshots were tried without end"))
    }
}

const ACT: &str = "cannot open a snapshot";

/// Takes the snapshot of one connection and asks where it lies.
async fn begin(conn: &mut ReadConnection) -> Result<Option<BinlogPosition>> {
    conn.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", ACT).await?;
    conn.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", ACT).await?;
    let status = conn.texts("SHOW STATUS LIKE 'binlog_snapshot%'", ACT).await?;
    let value = |name: &str| {
        let of_name = |row: &&Vec<Option<String>>| row[0].as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
        status.iter().filter(|row| row.len() == 2).find(of_name).and_then(|row| row[1].as_deref())
    };
    let file = value("binlog_snapshot_file").filter(|f| !f.is_empty() && *f != "none");
    let position = value("binlog_snapshot_position").and_then(|p| p.parse().ok());
    Ok(file.zip(position).map(|(file, position)| BinlogPosition { file: file.to_owned(), position }))
}
