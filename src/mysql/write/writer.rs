//! A connection that writes rows: as many at a time as fit, in bulk or in one statement, and where the server refuses
//! one of them, in halves until the bad one stands alone.

use std::ops::Range;
use std::sync::Arc;

use super::bulk::Bulk;
use super::fault::{Fault, Said, column_in};
use super::rows::Rows;
use super::statement::{Action, Statement, load_rows};
use crate::error::{self, Error, Result};
use crate::mysql::client::{Connection, MySqlClient};
use crate::mysql::session::Session;
use crate::mysql::wire::{self, End};

/// Part of the packet that the server takes which a statement may fill.
const FILL_NUMERATOR: usize = 3;
const FILL_DENOMINATOR: usize = 4;

/// Most bytes of a statement, whatever the server takes: more makes nothing faster.
const MAX_STATEMENT_BYTES: usize = 4 << 20;

/// Bytes of a packet in bulk: enough that the exchange costs nothing, few enough that the next one is packed meanwhile.
const BULK_BYTES: usize = 1 << 20;

/// Errors of a server that executes nothing in bulk: it knows no such command (1047), not for this statement (1295),
/// not while its binlog holds statements instead of rows (4033).
const NOT_IN_BULK: [u16; 3] = [1047, 1295, 4033];

/// Most bytes of statements that are sent one behind the other.
const MAX_PIPELINE_BYTES: usize = 1 << 20;

/// A packet that every server takes.
const LEAST_PACKET_BYTES: usize = 1 << 20;

/// The largest packet of the protocol.
const MOST_PACKET_BYTES: usize = 1 << 30;

/// Marks the state in front of a LOAD DATA.
const SAVEPOINT: &str = "sakia_load";

/// How rows are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Many rows at a time.
    Many {
        /// Most rows of a packet, where the server executes statements in bulk.
        bulk: usize,
        /// Most rows of a statement, where it does not.
        statement: usize,
    },
    /// A statement a row, one after the other.
    Single,
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
    conn: Connection,
    statement: Arc<Statement>,
    means: Means,
    target: String,
    max_bytes: usize,
    sql: Vec<u8>,
    /// Where the server executes the statement in bulk.
    bulk: Option<Bulk>,
}

impl Writer {
    /// Connects, in a session that commits only when told, and whose clock is that of `session`.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`].
    pub async fn open(
        client: &MySqlClient,
        statement: Arc<Statement>,
        means: Means,
        target: &str,
        session: &Session,
    ) -> Result<Self> {
        let act = format!("cannot prepare to write {target}");
        let mut conn = client.connect().await?;
        conn.wire.without_timeout();
        let packet = conn.number("SELECT @@max_allowed_packet", &act).await?;
        let packet = packet.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(LEAST_PACKET_BYTES);
        let packet = packet.min(MOST_PACKET_BYTES);
        conn.run(&session.to_write(), &act).await?;
        if matches!((means, &statement.action), (Means::Pipelined, _) | (_, Action::Update { .. })) {
            conn.wire.allow_several_statements().await.map_err(|fault| conn.explain(fault, &act))?;
        }
        let max_bytes = packet / FILL_DENOMINATOR * FILL_NUMERATOR;
        let mut bulk = None;
        if let Means::Many { bulk: most, .. } = means
            && matches!(statement.action, Action::Insert | Action::Upsert)
            && let Some(prepared) = prepare_bulk(&mut conn, &statement).await.map_err(|f| f.explain(client, &act))?
        {
            bulk = Some(Bulk::new(prepared, statement.parameters(), most, max_bytes.min(BULK_BYTES), packet));
        }
        Ok(Self {
            client: client.clone(),
            conn,
            statement,
            means,
            target: target.to_owned(),
            max_bytes,
            sql: Vec::new(),
            bulk,
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
            (Means::Single, _) | (_, Action::Call) => self.one_by_one(rows, &mut written).await?,
            (Means::Pipelined, _) | (_, Action::Update { .. }) => self.pipelined(rows, &mut written).await?,
            (Means::Many { statement, .. }, _) => {
                let done = self.bulk(rows, statement, &mut written).await?;
                self.multi(rows, done..rows.len(), statement, &mut written).await?;
            }
            (Means::Load(most), _) => {
                if !self.load(rows, &mut written).await? {
                    self.multi(rows, 0..rows.len(), most, &mut written).await?;
                }
            }
        }
        written.bad.sort_by_key(|bad| bad.row);
        Ok(written)
    }

    /// Makes what was written visible.
    ///
    /// # Errors
    /// Unreachable: the connection broke, and it is not known whether it is committed.
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
        self.conn.close().await;
    }

    async fn control(&mut self, sql: &str, act: &str) -> Result<(), Broken> {
        let done = self.send(sql.as_bytes()).await;
        done.map_err(|fault| self.broken(fault, act))
    }

    /// Runs a statement; rows are thrown away.
    async fn send(&mut self, sql: &[u8]) -> Result<(), Fault> {
        self.conn.wire.run(sql).await.map(drop).map_err(Fault::from)
    }

    fn broken(&self, fault: Fault, act: &str) -> Broken {
        let is_conflict = matches!(fault, Fault::Conflict(_));
        let error = fault.explain(&self.client, &format!("cannot {act} {}", self.target));
        if is_conflict { Broken::Conflict(error) } else { Broken::For(error) }
    }

    /// Rows in bulk, each packet made while the server is at the one before; what it refuses, and what goes into no
    /// packet, by statements of `most` rows. How many rows are settled: all of them, unless the server does nothing in
    /// bulk.
    async fn bulk(&mut self, rows: &Rows, most: usize, written: &mut Written) -> Result<usize, Broken> {
        let Some(mut bulk) = self.bulk.take() else { return Ok(0) };
        let (mut from, mut to) = (0, bulk.pack(rows, 0));
        while from < rows.len() {
            if to == from {
                to = from + 1;
                self.multi(rows, from..to, most, written).await?;
                (from, to) = (to, bulk.pack(rows, to));
                continue;
            }
            self.conn.wire.command(bulk.packet()).await.map_err(|fault| self.broken(fault.into(), "write"))?;
            let next = bulk.pack(rows, to);
            match self.conn.wire.answer(|_| Ok(())).await.map_err(Fault::from) {
                Ok(_) => written.rows += (to - from) as u64,
                // The server has taken back all rows of the packet.
                Err(Fault::Row(_)) => self.multi(rows, from..to, most, written).await?,
                Err(Fault::Refused(said)) if NOT_IN_BULK.contains(&said.code) => {
                    tracing::debug!(target = self.target, error = said.message, "not in bulk, but by statements");
                    return Ok(from);
                }
                Err(fault) => {
                    self.bulk = Some(bulk);
                    return Err(self.broken(fault, "write"));
                }
            }
            (from, to) = (to, next);
        }
        self.bulk = Some(bulk);
        Ok(from)
    }

    /// Multi-row statements, halved where one is refused.
    async fn multi(
        &mut self,
        rows: &Rows,
        range: Range<usize>,
        most: usize,
        written: &mut Written,
    ) -> Result<(), Broken> {
        let mut from = range.start;
        while from < range.end {
            let to = self.reach(rows, from..range.end, most);
            let mut open: Vec<Range<usize>> = std::iter::once(from..to).collect();
            while let Some(range) = open.pop() {
                if range.len() == 1 && !self.fits(rows, range.start, written) {
                    continue;
                }
                self.sql.clear();
                self.statement.multi(rows, range.clone(), &mut self.sql);
                match self.conn.wire.run(&self.sql).await.map_err(Fault::from) {
                    Ok(_) => written.rows += range.len() as u64,
                    Err(Fault::Row(said)) if range.len() == 1 => written.bad.push(bad(range.start, &said)),
                    Err(Fault::Row(_)) => {
                        let middle = range.start + range.len() / 2;
                        open.push(middle..range.end);
                        open.push(range.start..middle);
                    }
                    Err(fault) => return Err(self.broken(fault, "write")),
                }
            }
            from = to;
        }
        Ok(())
    }

    /// Where the statement that begins with the first row of a range ends.
    fn reach(&self, rows: &Rows, range: Range<usize>, most: usize) -> usize {
        let limit = self.max_bytes.min(MAX_STATEMENT_BYTES);
        let mut bytes = self.statement.overhead_bytes();
        let mut to = range.start;
        while to < range.end && to - range.start < most.max(1) {
            bytes += rows.bytes_of(to..to + 1) + 3 * self.statement.width();
            if to > range.start && bytes > limit {
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
                Some(Fault::Row(said)) => {
                    written.bad.push(bad(from, &said));
                    from += 1;
                }
                Some(fault) => return Err(self.broken(fault, "write")),
            }
        }
        Ok(())
    }

    /// Sends the statements at hand; how many were done, and what ended the rest.
    async fn send_many(&mut self, written: &mut Written) -> (usize, Option<Fault>) {
        let is_update = matches!(self.statement.action, Action::Update { .. });
        let mut done = 0;
        if let Err(fault) = self.conn.wire.send(&self.sql).await {
            return (done, Some(fault.into()));
        }
        loop {
            match self.conn.wire.next_result().await {
                Err(fault) => return (done, Some(fault.into())),
                Ok(End { rows, more, .. }) => {
                    let found = rows > 0 || !is_update;
                    done += 1;
                    written.rows += u64::from(found);
                    written.unmatched += u64::from(!found);
                    if !more {
                        return (done, None);
                    }
                }
            }
        }
    }

    /// Calls, each of which may give back results, which are thrown away.
    async fn one_by_one(&mut self, rows: &Rows, written: &mut Written) -> Result<(), Broken> {
        for row in 0..rows.len() {
            if !self.fits(rows, row, written) {
                continue;
            }
            self.sql.clear();
            self.statement.single(rows, row, &mut self.sql);
            match self.conn.wire.run(&self.sql).await.map_err(Fault::from) {
                Ok(_) => written.rows += 1,
                Err(Fault::Row(said)) => written.bad.push(bad(row, &said)),
                Err(fault) => return Err(self.broken(fault, "write")),
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
        match self.conn.wire.load(self.statement.load_data(), &text).await.map_err(Fault::from) {
            Ok(End { rows: loaded, warnings: 0, .. }) if loaded == rows.len() as u64 => {
                written.rows += loaded;
                return Ok(true);
            }
            Ok(_) | Err(Fault::Row(_)) => {}
            Err(Fault::Refused(said)) if matches!(said.code, 1148 | 3948 | 4166) => {
                let refused = error::refused(format!(
                    "the server refuses LOAD DATA LOCAL: {} (error {})",
                    said.message, said.code
                ));
                return Err(Broken::For(
                    refused.hint("set global local_infile = 1 on the server, or export without direct"),
                ));
            }
            Err(fault) => return Err(self.broken(fault, "write")),
        }
        self.control(&format!("ROLLBACK TO {SAVEPOINT}"), "write").await?;
        Ok(false)
    }
}

/// Prepares a statement for bulk execution. `None`: rows go by statements. A server has many reasons not to prepare; if
/// the statements do not work either, their error says more.
async fn prepare_bulk(conn: &mut Connection, statement: &Statement) -> Result<Option<wire::Statement>, Fault> {
    if !conn.wire.can_bulk() {
        return Ok(None);
    }
    match conn.wire.prepare(&statement.shown()).await.map_err(Fault::from) {
        Ok((prepared, parameters)) if parameters == statement.width() => Ok(Some(prepared)),
        Ok(_) => Ok(None),
        Err(fault @ Fault::Broken(_)) => Err(fault),
        Err(fault) => {
            tracing::debug!(?fault, "not prepared: rows go by statements");
            Ok(None)
        }
    }
}

fn bad(row: usize, said: &Said) -> BadRow {
    let column = column_in(&said.message).map(str::to_owned);
    BadRow { row, column, reason: format!("{} (error {})", said.message, said.code) }
}
