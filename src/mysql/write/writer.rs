//! A connection that writes rows: in one statement as many as fit, and where the server refuses one of them, in halves
//! until the bad one stands alone.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::fault::{Fault, column_in};
use super::rows::Rows;
use super::statement::{Action, Statement, load_rows};
use crate::error::{self, Error, Result};
use crate::mysql::MySqlClient;

/// Part of the packet that the server takes which a statement may fill.
const FILL_NUMERATOR: usize = 3;
const FILL_DENOMINATOR: usize = 4;

/// Most bytes of a statement, whatever the server takes: more makes nothing faster.
const MAX_STATEMENT_BYTES: usize = 4 << 20;

/// Most bytes of statements that are sent one behind the other.
const MAX_PIPELINE_BYTES: usize = 1 << 20;

/// Marks the state in front of a LOAD DATA.
const SAVEPOINT: &str = "sakia_load";

/// Nothing is visible before it is committed; a 0 in a column that counts by itself stays 0.
pub(super) const SESSION: &str = "SET autocommit = 0, sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'";

/// How rows are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Many rows in one statement, at most so many.
    Multi(usize),
    /// A statement a row, many sent one behind the other.
    Pipelined,
    /// LOAD DATA LOCAL, and by statements of so many rows where it stumbles.
    Load(usize),
}

/// A row that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its place among the rows given.
    pub row: usize,
    /// The column, where the server named one.
    pub column: Option<String>,
    /// The server's words.
    pub reason: String,
}

/// What writing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that were written.
    pub rows: u64,
    /// Rows of an update that found nothing to change.
    pub unmatched: u64,
    /// Rows that the server refused, in order.
    pub bad: Vec<BadRow>,
}

/// Why a transaction ended.
#[derive(Debug)]
pub enum Broken {
    /// It lost a conflict with another one and may be tried again.
    Conflict(Error),
    /// It cannot go on.
    For(Error),
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Conflict(error) | Broken::For(error) => error,
        }
    }
}

/// Writes rows over a connection of its own.
#[derive(Debug)]
pub struct Writer {
    client: MySqlClient,
    conn: Conn,
    statement: Arc<Statement>,
    means: Means,
    target: String,
    max_bytes: usize,
    sql: Vec<u8>,
}

impl Writer {
    /// Connects, in a session that commits only when told.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`].
    pub async fn open(client: &MySqlClient, statement: Arc<Statement>, means: Means, target: &str) -> Result<Self> {
        let mut conn = client.connect_to_write().await?;
        let act = format!("cannot prepare to write {target}");
        let said = conn.query_first::<u64, _>("SELECT @@max_allowed_packet").await;
        let packet = said.map_err(|e| client.advise(e, &act))?.unwrap_or(1 << 20);
        let packet = usize::try_from(packet).unwrap_or(usize::MAX).min(1 << 30);
        client.run(&mut conn, SESSION, &act).await?;
        let max_bytes = packet / FILL_DENOMINATOR * FILL_NUMERATOR;
        Ok(Self {
            client: client.clone(),
            conn,
            statement,
            means,
            target: target.to_owned(),
            max_bytes,
            sql: Vec::new(),
        })
    }

    /// Id of the connection, for KILL.
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// Writes rows inside the transaction; bad ones are left out.
    ///
    /// # Errors
    /// [`Broken`]; the transaction is lost then.
    pub async fn write(&mut self, rows: &Rows) -> Result<Written, Broken> {
        let mut written = Written::default();
        if rows.is_empty() {
            return Ok(written);
        }
        match (self.means, &self.statement.action) {
            (_, Action::Call) => self.one_by_one(rows, &mut written).await?,
            (_, Action::Update { .. }) | (Means::Pipelined, _) => self.pipelined(rows, &mut written).await?,
            (Means::Multi(most), _) => self.multi(rows, most, &mut written).await?,
            (Means::Load(most), _) => {
                if !self.load(rows, &mut written).await? {
                    self.multi(rows, most, &mut written).await?;
                }
            }
        }
        written.bad.sort_by_key(|bad| bad.row);
        Ok(written)
    }

    /// Makes what was written visible.
    ///
    /// # Errors
    /// Unreachable: the connection broke, and nobody knows whether it is committed.
    pub async fn commit(&mut self) -> Result<(), Broken> {
        self.control("COMMIT", "commit").await
    }

    /// Takes back what was written since the last commit.
    ///
    /// # Errors
    /// As the server says.
    pub async fn roll_back(&mut self) -> Result<(), Broken> {
        self.control("ROLLBACK", "roll back").await
    }

    /// Ends the connection; what is not committed is taken back.
    pub async fn close(self) {
        // The server takes back what is open, whether or not it hears our good-bye.
        let _ = self.conn.disconnect().await;
    }

    async fn control(&mut self, sql: &str, act: &str) -> Result<(), Broken> {
        let done = self.conn.query_drop(sql).await;
        done.map_err(|e| match Fault::from(e) {
            Fault::Conflict(e) => Broken::Conflict(self.explain(e, act)),
            Fault::Row(e) => Broken::For(self.explain(mysql_async::Error::Server(e), act)),
            Fault::Other(e) => Broken::For(self.explain(e, act)),
        })
    }

    fn explain(&self, error: mysql_async::Error, act: &str) -> Error {
        self.client.advise(error, format!("cannot {act} {}", self.target))
    }

    fn broken(&self, fault: Fault) -> Broken {
        match fault {
            Fault::Conflict(e) => Broken::Conflict(self.explain(e, "write")),
            Fault::Row(e) => Broken::For(self.explain(mysql_async::Error::Server(e), "write")),
            Fault::Other(e) => Broken::For(self.explain(e, "write")),
        }
    }

    /// Multi-row statements, halved where one is refused.
    async fn multi(&mut self, rows: &Rows, most: usize, written: &mut Written) -> Result<(), Broken> {
        let mut from = 0;
        while from < rows.len() {
            let to = self.reach(rows, from, most);
            let mut open: Vec<Range<usize>> = std::iter::once(from..to).collect();
            while let Some(range) = open.pop() {
                if range.len() == 1 && !self.fits(rows, range.start, written) {
                    continue;
                }
                self.sql.clear();
                self.statement.multi(rows, range.clone(), &mut self.sql);
                match self.conn.query_drop(self.sql.as_slice()).await.map_err(Fault::from) {
                    Ok(()) => written.rows += range.len() as u64,
                    Err(Fault::Row(server)) if range.len() == 1 => written.bad.push(bad(range.start, &server)),
                    Err(Fault::Row(_)) => {
                        let middle = range.start + range.len() / 2;
                        open.push(middle..range.end);
                        open.push(range.start..middle);
                    }
                    Err(fault) => return Err(self.broken(fault)),
                }
            }
            from = to;
        }
        Ok(())
    }

    /// Where the statement that begins with row `from` ends.
    fn reach(&self, rows: &Rows, from: usize, most: usize) -> usize {
        let limit = self.max_bytes.min(MAX_STATEMENT_BYTES);
        let mut bytes = self.statement.overhead_bytes();
        let mut to = from;
        while to < rows.len() && to - from < most.max(1) {
            bytes += rows.bytes_of(to..to + 1) + 3 * self.statement.width();
            if to > from && bytes > limit {
                break;
            }
            to += 1;
        }
        to
    }

    /// Whether a row alone fits a packet; if not, it is bad.
    fn fits(&self, rows: &Rows, row: usize, written: &mut Written) -> bool {
        let bytes = rows.bytes_of(row..row + 1) + self.statement.overhead_bytes() + 3 * self.statement.width();
        let fits = bytes <= self.max_bytes / FILL_NUMERATOR * FILL_DENOMINATOR;
        if !fits {
            let reason = format!("a statement of {bytes} bytes is more than the server's max_allowed_packet");
            written.bad.push(BadRow { row, column: None, reason });
        }
        fits
    }

    /// A statement a row, sent many at a time; the server stops at the first bad one, which is left out.
    async fn pipelined(&mut self, rows: &Rows, written: &mut Written) -> Result<(), Broken> {
        let mut from = 0;
        while from < rows.len() {
            if !self.fits(rows, from, written) {
                from += 1;
                continue;
            }
            self.sql.clear();
            let mut to = from;
            let limit = self.max_bytes.min(MAX_PIPELINE_BYTES);
            while to < rows.len() && (to == from || self.sql.len() + rows.bytes_of(to..to + 1) * 2 < limit) {
                if to > from {
                    self.sql.push(b';');
                }
                self.statement.single(rows, to, &mut self.sql);
                to += 1;
            }
            let (done, fault) = self.send_many(written).await;
            from += done;
            match fault {
                None => {}
                Some(Fault::Row(server)) => {
                    written.bad.push(bad(from, &server));
                    from += 1;
                }
                Some(fault) => return Err(self.broken(fault)),
            }
        }
        Ok(())
    }

    /// Sends the statements at hand; how many were done, and what ended the rest.
    async fn send_many(&mut self, written: &mut Written) -> (usize, Option<Fault>) {
        let is_update = matches!(self.statement.action, Action::Update { .. });
        let mut done = 0;
        let mut results = match self.conn.query_iter(self.sql.as_slice()).await {
            Ok(results) => results,
            Err(e) => return (done, Some(e.into())),
        };
        loop {
            let (found, last) = (results.affected_rows() > 0 || !is_update, results.is_empty());
            // What the driver learned of the next statement, it tells of the last one only when asked once more.
            let next = results.next().await;
            if last && next.is_err() {
                return (done, next.err().map(Fault::from));
            }
            done += 1;
            written.rows += u64::from(found);
            written.unmatched += u64::from(!found);
            match next {
                Err(e) => return (done, Some(e.into())),
                Ok(_) if last => return (done, None),
                Ok(_) => {}
            }
        }
    }

    /// Calls, each of which may give back results that nobody wants.
    async fn one_by_one(&mut self, rows: &Rows, written: &mut Written) -> Result<(), Broken> {
        for row in 0..rows.len() {
            if !self.fits(rows, row, written) {
                continue;
            }
            self.sql.clear();
            self.statement.single(rows, row, &mut self.sql);
            match self.conn.query_drop(self.sql.as_slice()).await.map_err(Fault::from) {
                Ok(()) => written.rows += 1,
                Err(Fault::Row(server)) => written.bad.push(bad(row, &server)),
                Err(fault) => return Err(self.broken(fault)),
            }
        }
        Ok(())
    }

    /// LOAD DATA LOCAL, which bends what does not fit and warns of it: with any warning, or with a row too few, it is
    /// taken back, and the rows are to go by statements, which refuse. Whether they are in.
    async fn load(&mut self, rows: &Rows, written: &mut Written) -> Result<bool, Broken> {
        self.control(&format!("SAVEPOINT {SAVEPOINT}"), "write").await?;
        let mut text = Vec::new();
        load_rows(rows, 0..rows.len(), &mut text);
        let text = bytes::Bytes::from(text);
        let pieces: Vec<std::io::Result<bytes::Bytes>> =
            (0..text.len()).step_by(1 << 20).map(|at| Ok(text.slice(at..text.len().min(at + (1 << 20))))).collect();
        self.conn.set_infile_handler(async move { Ok(futures::stream::iter(pieces).boxed()) });
        match self.conn.query_drop(self.statement.load_data()).await {
            Ok(()) => {}
            Err(mysql_async::Error::Server(e)) if matches!(e.code, 1148 | 3948 | 4166) => {
                let refused =
                    error::refused(format!("the server refuses LOAD DATA LOCAL: {} (error {})", e.message, e.code));
                return Err(Broken::For(
                    refused.hint("set global local_infile = 1 on the server, or export without direct"),
                ));
            }
            Err(e) => match Fault::from(e) {
                Fault::Row(_) => {
                    self.control(&format!("ROLLBACK TO {SAVEPOINT}"), "write").await?;
                    return Ok(false);
                }
                fault => return Err(self.broken(fault)),
            },
        }
        if self.conn.get_warnings() == 0 && self.conn.affected_rows() == rows.len() as u64 {
            written.rows += rows.len() as u64;
            return Ok(true);
        }
        self.control(&format!("ROLLBACK TO {SAVEPOINT}"), "write").await?;
        Ok(false)
    }
}

fn bad(row: usize, server: &mysql_async::ServerError) -> BadRow {
    let column = column_in(&server.message).map(str::to_owned);
    BadRow { row, column, reason: format!("{} (error {})", server.message, server.code) }
}
