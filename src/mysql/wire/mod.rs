//! A lean connection: control statements as text, large results by prepared statements whose rows are looked at where
//! the packets lie, and many rows at a time by MariaDB's bulk execution.
//!
//! A call that is cancelled or fails in the middle of an answer leaves the connection fit only to be dropped; it says so
//! itself when it is used again. The server goes on with the statement until it is told to end it: see
//! [`MySqlClient::kill`].

mod bulk;
mod bytes;
mod fault;
mod fields;
mod handshake;
mod packets;
mod statement;
pub mod tls;

use std::time::Duration;

use tokio::net::TcpStream;

pub(in crate::mysql) use self::bulk::{Parameter, begin_bulk};
pub(in crate::mysql) use self::bytes::{Bytes, put_length};
pub(in crate::mysql) use self::fault::Fault;
pub use self::fields::{FieldType, ResultColumn};
use self::packets::{Packets, Stream};
pub use self::statement::Statement;
use super::MySqlClient;
use super::advice::explain;
use super::connect::SESSION;
use crate::error::{Error, Result};

/// Statement as text; the answer's rows are text too.
const COM_QUERY: u8 = 0x03;

/// End of the session.
const COM_QUIT: u8 = 0x01;

/// Time the server has to take the last goodbye.
const QUIT_TIME: Duration = Duration::from_secs(1);

/// A connection for reading, and for plain statements and bulk execution that write.
#[derive(Debug)]
pub struct ReadConnection {
    packets: Packets,
    id: u32,
    address: String,
    without_eof: bool,
    extended_columns: bool,
    bulk: bool,
    /// An answer was begun and not read to its end.
    unread: bool,
}

impl ReadConnection {
    /// Connects, logs in and sets the session up.
    ///
    /// # Errors
    /// Auth: the server does not accept the user, or is not who it should be. Unreachable: nobody answers in time.
    /// NotFound: no such database.
    pub async fn connect(client: &MySqlClient) -> Result<Self> {
        let act = format!("cannot connect to mysql server {}", client.address());
        let limit = client.login().connect_timeout;
        match tokio::time::timeout(limit, Self::open(client)).await {
            Ok(Ok(conn)) => Ok(conn),
            // Nobody has looked at user and password yet.
            Ok(Err(fault @ Fault::Tls(_))) => Err(explain(fault, &act, client.address())),
            Ok(Err(fault)) => Err(client.explain_login(explain(fault, &act, client.address()), &act)),
            Err(_) => Err(client.no_greeting(&act)),
        }
    }

    async fn open(client: &MySqlClient) -> Result<Self, Fault> {
        let login = client.login();
        let stream = TcpStream::connect((login.host.as_str(), login.port)).await?;
        stream.set_nodelay(true)?;
        login.keep_alive(&stream)?;
        let session = handshake::open(Stream::Plain(stream), login).await?;
        let mut conn = Self {
            packets: session.packets,
            id: session.id,
            address: client.address().to_owned(),
            without_eof: session.without_eof,
            extended_columns: session.extended_columns,
            bulk: session.bulk,
            unread: false,
        };
        conn.query(SESSION).await?;
        conn.rest(|_| Ok(())).await?;
        Ok(conn)
    }

    /// A connection for writing, which waits for the server's answers however long they take.
    ///
    /// # Errors
    /// As [`ReadConnection::connect`].
    pub async fn connect_to_write(client: &MySqlClient) -> Result<Self> {
        let mut conn = Self::connect(client).await?;
        conn.packets.without_timeout();
        Ok(conn)
    }

    /// The number by which the server knows the connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.packets.is_secure()
    }

    /// Runs a statement; rows, if there are any, are thrown away.
    ///
    /// # Errors
    /// As the server says; `act` names the object and the attempted act.
    pub async fn run(&mut self, sql: &str, act: &str) -> Result<()> {
        self.send(sql).await?;
        self.answer(act).await
    }

    /// Sends a statement without waiting for its answer, which [`ReadConnection::answer`] must take.
    ///
    /// # Errors
    /// Unreachable: the connection is broken.
    pub async fn send(&mut self, sql: &str) -> Result<()> {
        let sent = self.query(sql).await;
        sent.map_err(|fault| self.explain(fault, "cannot send a statement"))
    }

    /// Takes the answer to what was sent; rows are thrown away.
    ///
    /// # Errors
    /// As the server says.
    pub async fn answer(&mut self, act: &str) -> Result<()> {
        let done = self.rest(|_| Ok(())).await;
        done.map_err(|fault| self.explain(fault, act))
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
        let done = self.rest(|row| {
            rows.push(text_row(row)?);
            Ok(())
        });
        match done.await {
            Ok(()) => Ok(rows),
            Err(fault) => Err(self.explain(fault, act)),
        }
    }

    /// Says goodbye, as far as the server listens. A connection in the middle of an answer is dropped.
    pub async fn close(mut self) {
        if !self.unread {
            // The session ends with its connection, whether or not the server hears this.
            let _ = tokio::time::timeout(QUIT_TIME, self.packets.command(&[COM_QUIT])).await;
        }
    }

    /// Ends an answer that nobody wants to read to its end: the server is told to give the statement up, and what it
    /// sent before is thrown away. The transaction goes on.
    ///
    /// # Errors
    /// Unreachable: the connection is broken, or the server does not listen.
    pub async fn cut_short(&mut self, client: &MySqlClient) -> Result<()> {
        if !self.unread {
            return Ok(());
        }
        client.kill_query(self.id).await?;
        loop {
            match self.row().await {
                Ok(Some(_)) => {}
                // Killed or at its end just before: both leave nothing unread.
                Ok(None) => return Ok(()),
                Err(_) if !self.unread => return Ok(()),
                Err(fault) => return Err(self.explain(fault, "cannot end a statement")),
            }
        }
    }

    /// A fault in our words.
    pub(in crate::mysql) fn explain(&self, fault: Fault, act: &str) -> Error {
        explain(fault, act, &self.address)
    }

    /// Runs a statement; what the server says is left to the caller to judge.
    pub(in crate::mysql) async fn run_unexplained(&mut self, sql: &[u8]) -> Result<(), Fault> {
        self.query(sql).await?;
        self.rest(|_| Ok(())).await
    }

    async fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<(), Fault> {
        self.command(&[&[COM_QUERY], sql.as_ref()].concat()).await
    }

    /// Sends a command; from here on there is something unread.
    async fn command(&mut self, payload: &[u8]) -> Result<(), Fault> {
        if self.unread {
            return Err(Fault::Protocol("an earlier answer was not read to its end"));
        }
        self.unread = true;
        Ok(self.packets.command(payload).await?)
    }

    /// Reads an answer of any kind, handing each row's bytes on.
    async fn rest(&mut self, mut each: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.begin().await?.is_none() {
            return Ok(());
        }
        while let Some(place) = self.row().await? {
            each(self.packets.payload(&place))?;
        }
        Ok(())
    }

    /// Reads the head of an answer: its columns, or `None` where it has no rows and is over.
    async fn begin(&mut self) -> Result<Option<Vec<ResultColumn>>, Fault> {
        let place = self.packets.next().await?;
        let payload = self.packets.payload(&place);
        match payload {
            [0x00, ..] => {
                self.unread = false;
                Ok(None)
            }
            [0xff, ..] => {
                self.unread = false;
                Err(Fault::of_answer(payload))
            }
            [0xfb, ..] => Err(Fault::Protocol("the server asks for a local file")),
            payload => {
                let count = Bytes(payload).length()?;
                self.columns(count as usize).await.map(Some)
            }
        }
    }

    /// Reads so many column definitions.
    async fn columns(&mut self, count: usize) -> Result<Vec<ResultColumn>, Fault> {
        let mut columns = Vec::with_capacity(count.min(4096));
        for _ in 0..count {
            let place = self.packets.next().await?;
            columns.push(ResultColumn::parse(self.packets.payload(&place), self.extended_columns)?);
        }
        if !self.without_eof {
            self.packets.next().await?;
        }
        Ok(columns)
    }

    /// The next row, or `None` at the end.
    async fn row(&mut self) -> Result<Option<packets::Place>, Fault> {
        let place = self.packets.next().await?;
        Ok(if self.is_row(&place)? { Some(place) } else { None })
    }

    /// Whether a payload of a result is a row; if not, the result is over.
    #[inline]
    fn is_row(&mut self, place: &packets::Place) -> Result<bool, Fault> {
        let payload = self.packets.payload(place);
        match payload {
            // A row may begin with the length of a text of more than 16 MiB, which has the same byte.
            [0xfe, ..] if payload.len() < 0xff_ffff && (self.without_eof || payload.len() < 9) => {
                self.unread = false;
                Ok(false)
            }
            [0xff, ..] => {
                let fault = Fault::of_answer(payload);
                self.unread = false;
                Err(fault)
            }
            _ => Ok(true),
        }
    }
}

/// A row of the text protocol.
fn text_row(row: &[u8]) -> Result<Vec<Option<String>>, Fault> {
    let mut rest = Bytes(row);
    let mut values = Vec::new();
    while !rest.0.is_empty() {
        let value = rest.text_or_null()?;
        values.push(value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    }
    Ok(values)
}
