//! Down the ladder until a way leads to one moment.

use futures::future::join_all;

use super::methods::{Opened, Refusal, Way};
use super::{Consistency, Method, Snapshot, SnapshotOptions};
use crate::error::{self, Kind, Result};
use crate::mysql::MySqlClient;
use crate::mysql::client::Connection;
use crate::mysql::table::Table;

/// The ways to one moment over several connections, best first.
const LADDER: [Method; 4] = [Method::BinlogPosition, Method::Gtid, Method::FlushTables, Method::LockTables];

impl Snapshot {
    /// Opens one snapshot over `count` connections, or over one if there is no other way.
    ///
    /// Cancel safety: dropped connections end their transactions and locks.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`]. Refused: the way that was asked for is not possible here; the hint names
    /// another. As the server says to a transaction.
    pub async fn open(client: &MySqlClient, count: usize, options: &SnapshotOptions<'_>) -> Result<Self> {
        Self::open_over(client.connect().await?, client, count, options).await
    }

    /// As [`Snapshot::open`]; the first of the connections is one that there is already. Where the server gives this user
    /// fewer connections than `count`, there are as many as it gives, and a note says so.
    ///
    /// # Errors
    /// Those of [`Snapshot::open`].
    pub async fn open_over(
        first: Connection,
        client: &MySqlClient,
        count: usize,
        options: &SnapshotOptions<'_>,
    ) -> Result<Self> {
        let wanted = match options.consistency {
            Consistency::OneConnection => 1,
            _ => count.max(1),
        };
        let (connections, fewer) = connect(first, client, wanted).await?;
        let count = connections.len();
        let mut way = Way { client, connections, options };
        let (opened, mut notes) = match options.consistency {
            Consistency::None => (way.apart().await?, vec!["each connection reads at a moment of its own".to_owned()]),
            Consistency::Auto | Consistency::OneConnection => way.walk(count).await?,
            Consistency::BinlogPosition => (way.only(Method::BinlogPosition).await?, Vec::new()),
            Consistency::Gtid => (way.only(Method::Gtid).await?, Vec::new()),
            Consistency::FlushTables => (way.only(Method::FlushTables).await?, Vec::new()),
            Consistency::LockTables => (way.only(Method::LockTables).await?, Vec::new()),
        };
        notes.extend(fewer);
        notes.extend(
            options.tables.iter().filter(|t| opened.method.is_one_moment() && !t.is_transactional()).map(unbound),
        );
        tracing::debug!(method = ?opened.method, tries = opened.tries, time = ?opened.aligned_in, "snapshot opened");
        let Opened { position, method, tries, aligned_in } = opened;
        Ok(Self { connections: way.connections, position, method, tries, aligned_in, notes })
    }

    /// The way that will be taken, in words, as far as it shows without a lock.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`].
    pub async fn preview(client: &MySqlClient, count: usize, options: &SnapshotOptions<'_>) -> Result<String> {
        if options.consistency != Consistency::Auto {
            return Ok("as asked for".to_owned());
        }
        for consistency in [Consistency::BinlogPosition, Consistency::Gtid] {
            match Self::open(client, count, &SnapshotOptions { consistency, ..*options }).await {
                Ok(snapshot) => return Ok(snapshot.method.label().to_owned()),
                Err(e) if e.kind() == Kind::Refused => {}
                Err(e) => return Err(e),
            }
        }
        Ok("snapshots under a short lock where the user may lock, else one connection".to_owned())
    }

    /// The server's numbers of the connections, by which they can be ended.
    pub fn ids(&self) -> Vec<u32> {
        self.connections.iter().map(Connection::id).collect()
    }
}

/// So many connections, or as many as the server gives, and then what it says.
async fn connect(first: Connection, client: &MySqlClient, wanted: usize) -> Result<(Vec<Connection>, Option<String>)> {
    let (mut connections, mut refusal) = (vec![first], None);
    for opened in join_all((1..wanted).map(|_| client.connect())).await {
        match opened {
            Ok(conn) => connections.push(conn),
            Err(e) if e.kind() == Kind::Busy => refusal = Some(e),
            Err(e) => return Err(e),
        }
    }
    let note = refusal.map(|e| format!("{} of {wanted} connections: {e}", connections.len()));
    if let Some(note) = &note {
        tracing::warn!("{note}");
    }
    Ok((connections, note))
}

impl Way<'_> {
    /// The first way that is possible, and why those before it were not.
    async fn walk(&mut self, count: usize) -> Result<(Opened, Vec<String>)> {
        self.isolate("REPEATABLE READ").await?;
        let mut notes = Vec::new();
        // One reader needs no common moment: the first two ways only tell it where it stands.
        let ladder = if count == 1 { &LADDER[..2] } else { &LADDER[..] };
        for method in ladder {
            match self.climb(*method).await? {
                Ok(opened) if count == 1 => {
                    return Ok((Opened { method: Method::OneConnection, ..opened }, Vec::new()));
                }
                Ok(opened) => return Ok((opened, notes)),
                Err(Refusal(why)) => notes.push(format!("not {}: {why}", method.label())),
            }
        }
        self.connections.truncate(1);
        let opened = self.single().await?;
        Ok((opened, if count == 1 { Vec::new() } else { notes }))
    }

    /// The one way that was asked for.
    async fn only(&mut self, method: Method) -> Result<Opened> {
        self.isolate("REPEATABLE READ").await?;
        self.climb(method).await?.map_err(|Refusal(why)| {
            error::refused(format!("mysql server {} gives no {}: {why}", self.client.address(), method.label()))
                .hint("ask for another consistency, such as auto")
        })
    }

    /// Tries one way. What speaks against it is not an error yet, but a broken connection is.
    async fn climb(&mut self, method: Method) -> Result<Result<Opened, Refusal>> {
        let tried = match method {
            Method::BinlogPosition => self.binlog_position().await,
            Method::Gtid => self.gtid().await,
            Method::FlushTables => self.under_lock(method, "FLUSH TABLES WITH READ LOCK".to_owned()).await,
            Method::LockTables => match self.options.tables {
                [] => Ok(Err(Refusal("the tables of a query are not known".to_owned()))),
                tables => {
                    let tables: Vec<String> = tables.iter().map(|t| format!("{} READ", t.quoted())).collect();
                    self.under_lock(method, format!("LOCK TABLES {}", tables.join(", "))).await
                }
            },
            Method::OneConnection => self.single().await.map(Ok),
            Method::None => self.apart().await.map(Ok),
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
