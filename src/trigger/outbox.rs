//! The tables in MySQL: events until and after they are handed over, and who is in a segment.
//!
//! Both are written in one transaction. An event is never changed but for what became of it; its body is what is handed
//! over, byte for byte, however often that takes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::events::{Event, Happened, Made, Member, State};
use crate::error::{self, Effect, Result};
use crate::mysql::{Connection, MySqlClient, quote, quote_text};

/// So many rows go into a statement, or as few as have so many bytes.
const ROWS: usize = 500;
const BYTES: usize = 512 << 10;

/// As much of an error is kept with its event.
const ERROR_CHARS: usize = 500;

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub id: String,
    pub body: String,
}

/// The tables of one trigger, which nobody else works on.
pub(super) struct Outbox {
    conn: Connection,
    table: String,
    members: String,
    trigger: String,
}

impl Outbox {
    /// Connects, takes the lock of the trigger and makes the tables if they are missing.
    ///
    /// # Errors
    /// Busy: another run works on the trigger. Those of the server.
    pub(super) async fn open(client: &MySqlClient, table: &str, trigger: &str) -> Result<Self> {
        let mut conn = client.connect().await?;
        // Names of locks are short; a digest of the whole is one.
        let whole = format!("{}.{table} {trigger}", client.database());
        let digest: String = Sha256::digest(&whole).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let lock = format!("SELECT GET_LOCK('sakia trigger {digest}', 0)");
        if conn.number(&lock, "cannot lock the trigger").await? != Some(1) {
            return Err(error::busy(format!("another run works on trigger {trigger} of outbox {table}"))
                .hint("wait for it to end"));
        }
        let mut outbox = Self {
            conn,
            table: quote(table),
            members: quote(&format!("{table}_members")),
            trigger: quote_text(trigger),
        };
        outbox.create().await?;
        Ok(outbox)
    }

    async fn create(&mut self) -> Result<()> {
        let (table, members) = (self.table.clone(), self.members.clone());
        let events = format!(
            "CREATE TABLE IF NOT EXISTS {table} (\
             seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Order of making', \
             event_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Idempotency key: the same whenever it is made', \
             trigger_name VARCHAR(100) COLLATE utf8mb4_bin NOT NULL COMMENT 'Step that made it', \
             event VARCHAR(10) NOT NULL COMMENT 'fired, entered or left', \
             subject VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'Whom it is about', \
             body LONGTEXT NOT NULL COMMENT 'JSON, as it is handed over', \
             run_id VARCHAR(40) NOT NULL COMMENT 'Run that made it', \
             created_at DATETIME(6) NOT NULL COMMENT 'UTC', \
             batch VARCHAR(40) NULL COMMENT 'Run whose file it goes into', \
             delivered_at DATETIME(6) NULL COMMENT 'UTC; when it was handed over', \
             withheld_at DATETIME(6) NULL COMMENT 'UTC; when consent was found to be gone', \
             refused_at DATETIME(6) NULL COMMENT 'UTC; when the receiver refused it', \
             last_error VARCHAR({ERROR_CHARS}) NULL COMMENT 'What the receiver said', \
             UNIQUE KEY event_id (event_id), KEY waiting (trigger_name, delivered_at, withheld_at, refused_at)) \
             ENGINE=InnoDB CHARACTER SET utf8mb4 COMMENT 'Events for others, made by sakia'"
        );
        let inside = format!(
            "CREATE TABLE IF NOT EXISTS {members} (\
             trigger_name VARCHAR(100) NOT NULL COMMENT 'Step of the segment', \
             member VARCHAR(255) NOT NULL COMMENT 'Key of the row', \
             subject VARCHAR(255) NOT NULL COMMENT 'Whom it is about', \
             is_in TINYINT(1) NOT NULL COMMENT 'Whether it is in the segment', \
             changes BIGINT UNSIGNED NOT NULL COMMENT 'Times that it came in or left', \
             since DATETIME(6) NOT NULL COMMENT 'UTC; of the last change', \
             PRIMARY KEY (trigger_name, member)) \
             ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'Who is in a segment, kept by sakia'"
        );
        self.conn.run(&events, &format!("cannot make outbox {table}")).await?;
        self.conn.run(&inside, &format!("cannot make table {members}")).await
    }

    /// Those of these ids that were made before.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn known(&mut self, ids: &[String]) -> Result<State> {
        let mut state = State::default();
        for ids in ids.chunks(ROWS) {
            let list: Vec<String> = ids.iter().map(|id| quote_text(id)).collect();
            let sql = format!("SELECT event_id FROM {} WHERE event_id IN ({})", self.table, list.join(", "));
            let rows = self.conn.texts(&sql, "cannot read the outbox").await?;
            state.ids.extend(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()));
        }
        Ok(state)
    }

    /// Everybody who was ever in the segment.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn members(&mut self) -> Result<State> {
        let sql = format!(
            "SELECT member, is_in, changes, subject FROM {} WHERE trigger_name = {}",
            self.members, self.trigger
        );
        let rows = self.conn.texts(&sql, "cannot read who is in the segment").await?;
        let member = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            let (key, is_in) = (row.next()?, row.next()? == "1");
            let changes = row.next()?.parse().ok()?;
            Some((key, Member { is_in, changes, subject: row.next()? }))
        };
        let members = rows.into_iter().map(member).collect::<Option<BTreeMap<_, _>>>();
        let members = members.ok_or_else(|| error::bug("a member of a segment cannot be read"))?;
        Ok(State { members, ..State::default() })
    }

    /// Writes events and members in one transaction.
    ///
    /// # Errors
    /// Those of the server; nothing was written.
    pub(super) async fn write(&mut self, made: &Made, run_id: &str) -> Result<()> {
        if made.events.is_empty() && made.members.is_empty() {
            return Ok(());
        }
        let now = Timestamp::now();
        let at = quote_text(&now.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string());
        let event = |event: &Event| {
            let mut body = event.body.clone();
            body.insert("at".to_owned(), now.to_string().into());
            let body = serde_json::Value::Object(body).to_string();
            let texts = [event.happened.as_str(), event.subject.as_str(), body.as_str(), run_id].map(quote_text);
            format!("('{}', {}, {}, {at})", event.id, self.trigger, texts.join(", "))
        };
        let member = |(key, member): (&String, &Member)| {
            let (key, subject) = (quote_text(key), quote_text(&member.subject));
            format!("({}, {key}, {subject}, {}, {}, {at})", self.trigger, u8::from(member.is_in), member.changes)
        };
        let events = chunks(made.events.iter().map(event));
        let members = chunks(made.members.iter().map(member));
        let (into, inside) = (
            format!(
                "INSERT INTO {} (event_id, trigger_name, event, subject, body, run_id, created_at) VALUES ",
                self.table
            ),
            format!("INSERT INTO {} (trigger_name, member, subject, is_in, changes, since) VALUES ", self.members),
        );
        let newer = " ON DUPLICATE KEY UPDATE subject = VALUES(subject), is_in = VALUES(is_in), \
                     changes = VALUES(changes), since = VALUES(since)";
        self.conn.run("START TRANSACTION", "cannot write to the outbox").await?;
        for rows in events {
            self.conn.run(&format!("{into}{rows}"), "cannot write events to the outbox").await?;
        }
        for rows in members {
            self.conn.run(&format!("{inside}{rows}{newer}"), "cannot note who is in the segment").await?;
        }
        self.conn.run("COMMIT", "cannot write to the outbox").await
    }

    /// Keeps back the events that wait about persons who do not consent any more; gives their number.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn withhold(&mut self, consent: Option<&BTreeSet<String>>) -> Result<u64> {
        let Some(consent) = consent else { return Ok(0) };
        let told = quote_text(Happened::Left.as_str());
        let sql = format!("SELECT event_id, subject FROM {} WHERE {} AND event <> {told}", self.table, self.waits());
        let rows = self.conn.texts(&sql, "cannot read the outbox").await?;
        let gone: Vec<String> = rows
            .into_iter()
            .filter_map(|row| match &row[..] {
                [Some(id), Some(subject)] if !consent.contains(subject) => Some(id.clone()),
                _ => None,
            })
            .collect();
        for id in &gone {
            self.mark(id, "withheld_at", None).await?;
        }
        Ok(gone.len() as u64)
    }

    /// What has not been handed over, refused or withheld.
    fn waits(&self) -> String {
        let trigger = &self.trigger;
        format!("trigger_name = {trigger} AND delivered_at IS NULL AND withheld_at IS NULL AND refused_at IS NULL")
    }

    /// Events that wait, in the order in which they were made.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn waiting(&mut self, batch: Option<&str>) -> Result<Vec<Waiting>> {
        let of_batch = batch.map(|batch| format!(" AND batch = {}", quote_text(batch))).unwrap_or_default();
        let sql = format!("SELECT event_id, body FROM {} WHERE {}{of_batch} ORDER BY seq", self.table, self.waits());
        let rows = self.conn.texts(&sql, "cannot read the outbox").await?;
        let waiting = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            row.next().zip(row.next()).map(|(id, body)| Waiting { id, body })
        };
        Ok(rows.into_iter().filter_map(waiting).collect())
    }

    /// Puts all that waits and is in no batch into one; gives all batches that are not handed over, the oldest first.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn batches(&mut self, batch: &str) -> Result<Vec<String>> {
        let (table, waits) = (self.table.clone(), self.waits());
        let put = format!("UPDATE {table} SET batch = {} WHERE {waits} AND batch IS NULL", quote_text(batch));
        self.conn.run(&put, "cannot put events into a batch").await?;
        let sql =
            format!("SELECT batch FROM {table} WHERE {waits} AND batch IS NOT NULL GROUP BY batch ORDER BY MIN(seq)");
        let rows = self.conn.texts(&sql, "cannot read the outbox").await?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// Notes that a batch was handed over as a whole.
    ///
    /// # Errors
    /// Those of the server; the batch is handed over again.
    pub(super) async fn delivered_batch(&mut self, batch: &str) -> Result<()> {
        let (waits, batch) = (self.waits(), quote_text(batch));
        let sql =
            format!("UPDATE {} SET delivered_at = UTC_TIMESTAMP(6) WHERE {waits} AND batch = {batch}", self.table);
        let done = self.conn.run(&sql, "cannot note that events were handed over").await;
        done.map_err(|e| e.effect(Effect::Partial))
    }

    /// Notes what became of an event: the column gets the time.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn mark(&mut self, id: &str, column: &str, error: Option<&str>) -> Result<()> {
        let error = error.map_or_else(
            || "NULL".to_owned(),
            |error| quote_text(&error.chars().take(ERROR_CHARS).collect::<String>()),
        );
        let sql = format!(
            "UPDATE {} SET {column} = UTC_TIMESTAMP(6), last_error = {error} WHERE event_id = {}",
            self.table,
            quote_text(id)
        );
        self.conn.run(&sql, "cannot note what became of an event").await
    }

    /// Gives back the lock with the connection.
    pub(super) async fn close(self) {
        self.conn.close().await;
    }
}

/// Rows as the ends of statements.
fn chunks(rows: impl Iterator<Item = String>) -> Vec<String> {
    let (mut all, mut chunk, mut count) = (Vec::new(), String::new(), 0);
    for row in rows {
        if count >= ROWS || (count > 0 && chunk.len() + row.len() > BYTES) {
            all.push(std::mem::take(&mut chunk));
            count = 0;
        }
        if count > 0 {
            chunk.push_str(", ");
        }
        chunk.push_str(&row);
        count += 1;
    }
    if count > 0 {
        all.push(chunk);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_neither_long_nor_empty() {
        assert!(chunks(std::iter::empty()).is_empty());
        let short = chunks((0..1_001).map(|n| format!("({n})")));
        assert_eq!(short.len(), 3);
        assert!(short[0].starts_with("(0), (1)") && short[2] == "(1000)");
        let long = chunks((0..3).map(|_| "x".repeat(BYTES)));
        assert_eq!(long.len(), 3);
    }
}
