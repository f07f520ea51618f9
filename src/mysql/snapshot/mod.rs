//! One moment in time over several connections, and a ladder of ways to it.
//!
//! From the top, which needs nothing but SELECT, down to what always works:
//! - [`Method::BinlogPosition`] (MariaDB, Percona): each snapshot says at which binlog position it was taken; snapshots are
//!   opened until all say the same.
//! - [`Method::Gtid`] (MySQL with GTIDs): snapshots are opened until it shows that nothing committed meanwhile.
//! - [`Method::FlushTables`]: FLUSH TABLES WITH READ LOCK stops all writing while the snapshots open.
//! - [`Method::LockTables`]: LOCK TABLES .. READ stops the writing to the tables that are read.
//! - [`Method::OneConnection`]: one snapshot, one reader.
//! - [`Method::None`]: as many readers as wanted, each at its own moment. Only where asked for.
//!
//! Each method has a bounded time, and what kept the others from it is in the notes.
//!
//! What escapes the first two: statements that are kept out of the binlog (`sql_log_bin = 0`) and XA transactions prepared
//! before. What escapes all: tables of engines without snapshots, which are named in the notes.
//!
//! Source: MariaDB knowledge base "Enhancements for START TRANSACTION WITH CONSISTENT SNAPSHOT"; MySQL manual "GTID Life
//! Cycle"; checked on MariaDB 10.11 and MySQL 9.7.

mod methods;
mod open;
mod position;

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use self::position::Position;
use super::client::Connection;
use super::table::Table;

/// Time in which a method is tried.
pub const ALIGN_TIME: Duration = Duration::from_secs(2);

/// Which moment the readers see, as asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// One moment, by the best way that the server and our rights allow
    #[default]
    Auto,
    /// One moment: snapshots that name the same binlog position (MariaDB, Percona)
    BinlogPosition,
    /// One moment: snapshots during which nothing was committed (MySQL with GTIDs)
    Gtid,
    /// One moment: all writing stops while the snapshots open (needs the RELOAD privilege)
    FlushTables,
    /// One moment: writing to the imported tables stops while the snapshots open (needs LOCK TABLES)
    LockTables,
    /// One moment: one connection reads everything
    OneConnection,
    /// Each connection reads at a moment of its own
    None,
}

/// The way by which the moment was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All snapshots named one binlog position.
    BinlogPosition,
    /// Nothing was committed while the snapshots were opened.
    Gtid,
    /// Snapshots opened under FLUSH TABLES WITH READ LOCK.
    FlushTables,
    /// Snapshots opened under LOCK TABLES .. READ.
    LockTables,
    /// One snapshot.
    OneConnection,
    /// No common moment.
    None,
}

impl Method {
    /// The way in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::BinlogPosition => "snapshots at one binlog position",
            Self::Gtid => "snapshots between two commits",
            Self::FlushTables => "snapshots under a short global read lock",
            Self::LockTables => "snapshots under a short lock of the tables",
            Self::OneConnection => "one connection",
            Self::None => "no common moment",
        }
    }

    /// Whether all connections see one moment.
    pub fn is_one_moment(self) -> bool {
        self != Self::None
    }
}

/// How a snapshot is opened.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOptions<'a> {
    /// The way.
    pub consistency: Consistency,
    /// The tables that will be read; none for a free-form query, whose tables are not known.
    pub tables: &'a [Table],
    /// Time in which each way is tried.
    pub time: Duration,
    /// Whether rows that are not committed may be read, where there is no common moment.
    pub read_uncommitted: bool,
}

impl Default for SnapshotOptions<'_> {
    fn default() -> Self {
        Self { consistency: Consistency::Auto, tables: &[], time: ALIGN_TIME, read_uncommitted: false }
    }
}

/// Connections that all see the same moment, unless the method says otherwise.
#[derive(Debug)]
pub struct Snapshot {
    /// As many as were asked for, or one.
    pub connections: Vec<Connection>,
    /// The moment, where the server names it.
    pub position: Option<Position>,
    /// The way.
    pub method: Method,
    /// Times the snapshots were opened on the way that led here.
    pub tries: u32,
    /// Time from the first try of that way to the last.
    pub aligned_in: Duration,
    /// What the reader should know: which ways were not possible and why, and what the moment does not bind.
    pub notes: Vec<String>,
}
