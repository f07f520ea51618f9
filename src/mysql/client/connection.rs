//! A connection for reading and writing, whose errors say in which act they happened.
//!
//! A call that is cancelled or fails in the middle of an answer leaves the connection fit only to be dropped; it says so
//! itself when it is used again. The server goes on with the statement until it is told to end it: see
//! [`MySqlClient::kill`](super::MySqlClient::kill).

use std::sync::Arc;

use super::NO_SUCH_THREAD;
use super::fault::explain;
use crate::error::{Error, Result};
use crate::mysql::session::{self, Session, UserSession};
use crate::mysql::wire::{Fault, ResultColumn, Statement, Wire, text_row};

/// The character set of bytes and numbers.
const BINARY: u16 = 63;

/// Most bytes of a character of text.
const CHARACTER_BYTES: u32 = 4;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    pub(in crate::mysql) wire: Wire,
    address: String,
    /// Whether it is in the user's session.
    as_user: bool,
    /// The user's session, once it was asked for.
    user: Option<Arc<UserSession>>,
    /// A zone that the URL names for Java alone.
    unset_zone: Option<String>,
    /// What the account may do, once it was asked for.
    grants: Option<Vec<String>>,
}

/// What any statement gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Columns, and rows as the server writes them; `None` is NULL.
    Rows(Vec<AnswerColumn>, Vec<Vec<Option<String>>>),
    /// No rows; so many were changed, or found by an UPDATE.
    Changed(u64),
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// Name in the result.
    pub name: String,
    /// Characters that a value may take.
    pub width: usize,
}

impl Connection {
    pub(super) fn new(wire: Wire, address: String, unset_zone: Option<String>) -> Self {
        Self { wire, address, as_user: false, user: None, unset_zone, grants: None }
    }

    /// Changes over to a session; nothing is sent where it is in it already.
    ///
    /// # Errors
    /// As the server says.
    pub async fn enter(&mut self, session: &Session) -> Result<()> {
        let as_user = session.of_user().is_some();
        if self.as_user != as_user {
            self.run(session.statement(), "cannot set the session").await?;
            self.as_user = as_user;
        }
        Ok(())
    }

    /// What the account may do, as `SHOW GRANTS` prints it; asked for once. Nothing where the server does not tell.
    pub(in crate::mysql) async fn grants(&mut self) -> &[String] {
        let known = match self.grants.take() {
            Some(known) => known,
            None => {
                let rows = self.texts("SHOW GRANTS", "cannot ask for the grants").await.unwrap_or_default();
                rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
            }
        };
        self.grants.insert(known)
    }

    /// The user's session, as the server, the account and the URL set it; asked for once. Does not change over to it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn user_session(&mut self) -> Result<Session> {
        let user = match &self.user {
            Some(user) => user.clone(),
            None => {
                let rows = self.texts(UserSession::ASK, "cannot ask for the session").await?;
                let user = Arc::new(UserSession::of_row(rows.into_iter().next().unwrap_or_default()));
                self.user = Some(user.clone());
                self.compare_zone(&user).await?;
                user
            }
        };
        Ok(Session::Users(user))
    }

    /// Says so where the URL names a zone for Java that is not the session's.
    async fn compare_zone(&mut self, user: &UserSession) -> Result<()> {
        let Some(zone) = self.unset_zone.take().filter(|zone| !user.zone.eq_ignore_ascii_case(zone)) else {
            return Ok(());
        };
        let same = self.texts(&session::same_zone(&zone), "cannot compare time zones").await?;
        if same.first().and_then(|row| row.first()?.as_deref()) != Some("1") {
            tracing::warn!(
                "times are read in the session's zone, {}: that the url names {zone} says only how Java converts them; with \
                 forceConnectionTimeZoneToSession=true the session is in it",
                user.zone_name()
            );
        }
        Ok(())
    }

    /// Runs any statement of the user's in the user's session, in which no value that it writes is bent.
    ///
    /// # Errors
    /// As the server says.
    pub async fn ask_as_user(&mut self, sql: &str, act: &str) -> Result<Answer> {
        self.run(session::USERS_STRICT, "cannot set the session").await?;
        self.as_user = true;
        self.ask(sql, act).await
    }

    /// The number by which the server knows the connection.
    pub fn id(&self) -> u32 {
        self.wire.id()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.wire.is_encrypted()
    }

    /// Runs a statement; rows, if there are any, are thrown away.
    ///
    /// # Errors
    /// As the server says; `act` names the object and the attempted act.
    pub async fn run(&mut self, sql: &str, act: &str) -> Result<()> {
        self.execute(sql, act).await.map(drop)
    }

    /// Runs a statement and gives the number of rows that it changed; an UPDATE counts those that it found.
    ///
    /// # Errors
    /// As the server says.
    pub async fn execute(&mut self, sql: &str, act: &str) -> Result<u64> {
        let end = self.wire.run(sql).await;
        end.map(|end| end.rows).map_err(|fault| self.explain(fault, act))
    }

    /// Sends a statement without waiting for its answer, which [`Connection::answer`] must take.
    ///
    /// # Errors
    /// Unreachable: the connection is broken.
    pub async fn send(&mut self, sql: &str) -> Result<()> {
        let sent = self.wire.send(sql).await;
        sent.map_err(|fault| self.explain(fault, "cannot send a statement"))
    }

    /// Takes the answer to what was sent; rows are thrown away.
    ///
    /// # Errors
    /// As the server says.
    pub async fn answer(&mut self, act: &str) -> Result<()> {
        let end = self.wire.answer(|_| Ok(())).await;
        end.map(drop).map_err(|fault| self.explain(fault, act))
    }

    /// The rows of a small result as text.
    ///
    /// # Errors
    /// As the server says.
    pub async fn texts(&mut self, sql: &str, act: &str) -> Result<Vec<Vec<Option<String>>>> {
        self.send(sql).await?;
        self.answer_texts(act).await
    }

    /// Takes the answer to what was sent, as text.
    ///
    /// # Errors
    /// As the server says.
    pub async fn answer_texts(&mut self, act: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        let end = self.wire.answer(|row| {
            rows.push(text_row(row)?);
            Ok(())
        });
        match end.await {
            Ok(_) => Ok(rows),
            Err(fault) => Err(self.explain(fault, act)),
        }
    }

    /// The first value of a small result, as a number; `None` where there is no row or it is NULL.
    ///
    /// # Errors
    /// As the server says.
    pub async fn number(&mut self, sql: &str, act: &str) -> Result<Option<u64>> {
        let rows = self.texts(sql, act).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()?).and_then(|text| text.parse().ok()))
    }

    /// Runs a KILL; the connection that it names may be gone already.
    pub(super) async fn end(&mut self, kill: &str, act: &str) -> Result<()> {
        match self.wire.run(kill).await {
            Ok(_) | Err(Fault::Server { code: NO_SUCH_THREAD, .. }) => Ok(()),
            Err(fault) => Err(self.explain(fault, act)),
        }
    }

    /// Runs any statement and gives what comes back; of several results, the first.
    ///
    /// # Errors
    /// As the server says.
    pub async fn ask(&mut self, sql: &str, act: &str) -> Result<Answer> {
        let answered = self.first_result(sql).await;
        answered.map_err(|fault| self.explain(fault, act))
    }

    async fn first_result(&mut self, sql: &str) -> Result<Answer, Fault> {
        self.wire.send(sql).await?;
        let answer = match self.wire.begin().await? {
            None => Answer::Changed(self.wire.end().rows),
            Some(columns) => {
                let mut rows = Vec::new();
                while let Some(place) = self.wire.row().await? {
                    rows.push(text_row(self.wire.payload(&place))?);
                }
                Answer::Rows(columns.iter().map(AnswerColumn::of).collect(), rows)
            }
        };
        if self.wire.has_unread() {
            self.wire.answer(|_| Ok(())).await?;
        }
        Ok(answer)
    }

    /// Has the server understand a statement without parameters.
    ///
    /// # Errors
    /// As the server says.
    pub async fn prepare(&mut self, sql: &str, act: &str) -> Result<Statement> {
        let prepared = match self.wire.prepare(sql).await {
            Ok((_, parameters)) if parameters > 0 => {
                Err(Fault::Protocol("a statement with parameters, for which there are no values"))
            }
            prepared => prepared.map(|(statement, _)| statement),
        };
        prepared.map_err(|fault| self.explain(fault, act))
    }

    /// Lets the server forget a statement; it gives no answer to that.
    ///
    /// # Errors
    /// Unreachable: the connection is broken.
    pub async fn forget(&mut self, statement: Statement) -> Result<()> {
        let sent = self.wire.forget(statement).await;
        sent.map_err(|fault| self.explain(fault, "cannot close a statement"))
    }

    /// Says goodbye, as far as the server listens. A connection in the middle of an answer is dropped.
    pub async fn close(self) {
        self.wire.close().await;
    }

    /// A fault in our words.
    pub(in crate::mysql) fn explain(&self, fault: Fault, act: &str) -> Error {
        explain(fault, act, &self.address)
    }
}

impl AnswerColumn {
    /// The server counts in bytes of the widest character.
    fn of(column: &ResultColumn) -> Self {
        let bytes = if column.charset == BINARY { 1 } else { CHARACTER_BYTES };
        Self { name: column.name.clone(), width: (column.length / bytes) as usize }
    }
}
