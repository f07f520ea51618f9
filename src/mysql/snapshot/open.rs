//! Down the ladder until a way leads to one moment.

use futures::future::try_join_all;

use super::rungs::{Opened, Refusal, Way};
use super::{Consistency, Rung, Snapshot, SnapshotOptions};
use crate::error::{self, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::table::Table;
use crate::mysql::wire::ReadConnection;

/// The ways to one moment over several connections, best first.
const LADDER: [Rung; 4] = [Rung::BinlogPosition, Rung::Gtid, Rung::FlushTables, Rung::LockTables];

impl Snapshot {
    /// Opens one snapshot over `count` connections, or over one where there is no other way.
    ///
    /// Cancel safety: dropped connections end their transactions and locks.
    ///
    /// # Errors
    /// Those of [`ReadConnection::connect`]. Refused: the way that was asked for is not possible here; the hint names
    /// another. As the server says to a transaction.
    pub async fn open(client: &MySqlClient, count: usize, options: &SnapshotOptions<'_>) -> Result<Self> {
        let count = match options.consistency {
            Consistency::OneConnection => 1,
            _ => count.max(1),
        };
        let connections = try_join_all((0..count).map(|_| ReadConnection::connect(client))).await?;
        let mut way = Way { client, connections, options };
        let (opened, mut notes) = match options.consistency {
            Consistency::None => (way.apart().await?, vec!["each connection reads at a moment of its own".to_owned()]),
            Consistency::Auto | Consistency::OneConnection => way.walk(count).await?,
            Consistency::BinlogPosition => (way.only(Rung::BinlogPosition).await?, Vec::new()),
            Consistency::Gtid => (way.only(Rung::Gtid).await?, Vec::new()),
            Consistency::FlushTables => (way.only(Rung::FlushTables).await?, Vec::new()),
            Consistency::LockTables => (way.only(Rung::LockTables).await?, Vec::new()),
        };
        notes.extend(options.tables.iter().filter(|t| opened.rung.is_one_moment() && !t.has_snapshots()).map(unbound));
        tracing::debug!(rung = ?opened.rung, tries = opened.tries, time = ?opened.aligned_in, "snapshot opened");
        let Opened { position, rung, tries, aligned_in } = opened;
        Ok(Self { connections: way.connections, position, rung, tries, aligned_in, notes })
    }

    /// The way that will be taken, in words, as far as it shows without a lock.
    ///
    /// # Errors
    /// Those of [`ReadConnection::connect`].
    pub async fn preview(client: &MySqlClient, count: usize, options: &SnapshotOptions<'_>) -> Result<String> {
        if options.consistency != Consistency::Auto {
            return Ok("as asked for".to_owned());
        }
        for consistency in [Consistency::BinlogPosition, Consistency::Gtid] {
            match Self::open(client, count, &SnapshotOptions { consistency, ..*options }).await {
                Ok(snapshot) => return Ok(snapshot.rung.label().to_owned()),
                Err(e) if e.kind() == Kind::Refused => {}
                Err(e) => return Err(e),
            }
        }
        Ok("snapshots under a short lock where the user may lock, else one connection".to_owned())
    }

    /// The server's numbers of the connections, by which they can be ended.
    pub fn ids(&self) -> Vec<u32> {
        self.connections.iter().map(ReadConnection::id).collect()
    }
}

impl Way<'_> {
    /// The first way that is possible, and why those before it were not.
    async fn walk(&mut self, count: usize) -> Result<(Opened, Vec<String>)> {
        self.isolate("REPEATABLE READ").await?;
        let mut notes = Vec::new();
        // One reader needs no common moment: the first two ways only tell it where it stands.
        let ladder = if count == 1 { &LADDER[..2] } else { &LADDER[..] };
        for rung in ladder {
            match self.climb(*rung).await? {
                Ok(opened) if count == 1 => return Ok((Opened { rung: Rung::OneConnection, ..opened }, Vec::new())),
                Ok(opened) => return Ok((opened, notes)),
                Err(Refusal(why)) => notes.push(format!("not {}: {why}", rung.label())),
            }
        }
        self.connections.truncate(1);
        let opened = self.single().await?;
        Ok((opened, if count == 1 { Vec::new() } else { notes }))
    }

    /// The one way that was asked for.
    async fn only(&mut self, rung: Rung) -> Result<Opened> {
        self.isolate("REPEATABLE READ").await?;
        self.climb(rung).await?.map_err(|Refusal(why)| {
            error::refused(format!("mysql server {} gives no {}: {why}", self.client.address(), rung.label()))
                .hint("ask for another consistency, such as auto")
        })
    }

    /// Tries one way; what speaks against it is no error yet, but a broken connection is.
    async fn climb(&mut self, rung: Rung) -> Result<Result<Opened, Refusal>> {
        let tried = match rung {
            Rung::BinlogPosition => self.binlog_position().await,
            Rung::Gtid => self.gtid().await,
            Rung::FlushTables => self.under_lock(rung, "FLUSH TABLES WITH READ LOCK".to_owned()).await,
            Rung::LockTables => match self.options.tables {
                [] => Ok(Err(Refusal("the tables of a query are not known".to_owned()))),
                tables => {
                    let tables: Vec<String> = tables.iter().map(|t| format!("{} READ", t.quoted())).collect();
                    self.under_lock(rung, format!("LOCK TABLES {}", tables.join(", "))).await
                }
            },
            Rung::OneConnection => self.single().await.map(Ok),
            Rung::None => self.apart().await.map(Ok),
        };
        match tried {
            Err(error) if !matches!(error.kind(), Kind::Unreachable | Kind::Bug) => Ok(Err(Refusal(error.to_string()))),
            tried => tried,
        }
    }
}

/// That a table is not bound to the moment.
fn unbound(table: &Table) -> String {
    match &table.engine {
        Some(engine) => {
            format!("{} is kept by {engine}, which has no snapshots: it is read as it is", table.full_name())
        }
        None => format!("{} is a view: it is bound as far as its tables are", table.full_name()),
    }
}
