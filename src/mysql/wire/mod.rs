//! The protocol of MySQL and MariaDB over one TCP connection: statements as text, large results by prepared statements
//! whose rows are looked at where the packets lie, many rows at a time by MariaDB's bulk execution, and local files.
//!
//! What goes wrong is a `Fault`; the caller says what was attempted. A call that is cancelled or fails in the
//! middle of an answer leaves the connection fit only to be dropped; it says so itself when it is used again.

mod bulk;
mod bytes;
mod fault;
mod fields;
mod handshake;
mod packets;
mod statement;

use std::time::Duration;

use tokio::net::TcpStream;

pub(super) use self::bulk::{Parameter, begin_bulk};
pub(super) use self::bytes::{Bytes, put_length};
pub(super) use self::fault::Fault;
pub use self::fields::{FieldType, ResultColumn};
pub(super) use self::packets::Place;
use self::packets::{Packets, Stream};
pub use self::statement::Statement;
use super::login::{Address, Login, SESSION};

/// Statement as text; the answer's rows are text too.
const COM_QUERY: u8 = 0x03;

/// End of the session.
const COM_QUIT: u8 = 0x01;

/// Switches an option of the connection.
const COM_SET_OPTION: u8 = 0x1b;

/// The option that allows several statements at a time.
const SEVERAL_STATEMENTS: [u8; 2] = [0, 0];

/// Another result of the same statement follows.
const MORE_RESULTS: u16 = 0x0008;

/// Silence after which the system asks whether the server is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Bytes of the pieces in which a local file is sent.
const PIECE_BYTES: usize = 1 << 20;

/// Time the server has to close a connection.
const QUIT_TIME: Duration = Duration::from_secs(1);

/// How a result ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// Rows that a statement without a result wrote, or for an UPDATE found.
    pub rows: u64,
    /// Warnings.
    pub warnings: u16,
    /// Whether another result follows.
    pub more: bool,
}

/// A session with a server.
#[derive(Debug)]
pub(super) struct Wire {
    packets: Packets,
    id: u32,
    without_eof: bool,
    extended_columns: bool,
    bulk: bool,
    /// An answer was begun and not read to its end.
    unread: bool,
    /// How the result before ended.
    end: End,
}

impl Wire {
    /// Connects, logs in and sets the session up.
    pub(super) async fn open(login: &Login, at: &Address) -> Result<Self, Fault> {
        let stream = TcpStream::connect((at.host.as_str(), at.port)).await?;
        stream.set_nodelay(true)?;
        let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
        let session = handshake::open(Stream::Plain(stream), login, at).await?;
        let mut wire = Self {
            packets: session.packets,
            id: session.id,
            without_eof: session.without_eof,
            extended_columns: session.extended_columns,
            bulk: session.bulk,
            unread: false,
            end: End::default(),
        };
        for sql in login.set.as_deref().into_iter().chain([SESSION]) {
            wire.run(sql).await?;
        }
        Ok(wire)
    }

    /// The number by which the server knows the connection.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.packets.is_secure()
    }

    /// How the result before ended.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Whether an answer was not read to its end.
    pub(super) fn has_unread(&self) -> bool {
        self.unread
    }

    /// Waits for the server however long it takes, which writing needs: otherwise it might not be known whether a COMMIT was done.
    pub(super) fn without_timeout(&mut self) {
        self.packets.without_timeout();
    }

    /// Lets several statements be sent at a time, with semicolons between them.
    pub(super) async fn allow_several_statements(&mut self) -> Result<(), Fault> {
        let [low, high] = SEVERAL_STATEMENTS;
        self.command(&[COM_SET_OPTION, low, high]).await?;
        let place = self.packets.next().await?;
        let fault = Fault::of_server(self.packets.payload(&place));
        self.unread = false;
        fault.map_or(Ok(()), Err)
    }

    /// Runs a statement and takes its whole answer; rows are thrown away.
    pub(super) async fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<End, Fault> {
        self.send(sql).await?;
        self.answer(|_| Ok(())).await
    }

    /// Sends a statement; its answer is to be taken.
    pub(super) async fn send(&mut self, sql: impl AsRef<[u8]>) -> Result<(), Fault> {
        self.command(&[&[COM_QUERY], sql.as_ref()].concat()).await
    }

    /// Takes the whole answer to what was sent, which may have several results, and hands each row on.
    pub(super) async fn answer(&mut self, mut each: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<End, Fault> {
        loop {
            if self.begin().await?.is_some() {
                while let Some(place) = self.row().await? {
                    each(self.packets.payload(&place))?;
                }
            }
            if !self.end.more {
                return Ok(self.end);
            }
        }
    }

    /// Takes the next result of the answer to what was sent; its rows are thrown away.
    pub(super) async fn next_result(&mut self) -> Result<End, Fault> {
        if self.begin().await?.is_some() {
            while self.row().await?.is_some() {}
        }
        Ok(self.end)
    }

    /// Runs a LOAD DATA LOCAL of these bytes. Whatever name of a file the server asks for, it gets nothing else.
    pub(super) async fn load(&mut self, sql: &str, bytes: &[u8]) -> Result<End, Fault> {
        self.send(sql).await?;
        let place = self.packets.next().await?;
        match self.packets.payload(&place) {
            [0xfb, ..] => {}
            payload => {
                let fault = Fault::of_answer(payload);
                self.unread = !matches!(fault, Fault::Server { .. });
                return Err(fault);
            }
        }
        for piece in bytes.chunks(PIECE_BYTES) {
            self.packets.send(piece).await?;
        }
        self.packets.send(&[]).await?;
        self.answer(|_| Ok(())).await
    }

    /// Says goodbye and waits until the server has closed the connection, so that it no longer counts against the
    /// account's limit. A connection in the middle of an answer is dropped.
    pub(super) async fn close(mut self) {
        if self.unread {
            return;
        }
        let quit = async {
            self.packets.command(&[COM_QUIT]).await?;
            while self.packets.fill().await.is_ok() {}
            Ok::<(), Fault>(())
        };
        // The session ends with its connection, whether or not the server hears this.
        let _ = tokio::time::timeout(QUIT_TIME, quit).await;
    }

    /// Sends a command; from here on there is something unread.
    pub(super) async fn command(&mut self, payload: &[u8]) -> Result<(), Fault> {
        if self.unread {
            return Err(Fault::Protocol("an earlier answer was not read to its end"));
        }
        self.unread = true;
        Ok(self.packets.command(payload).await?)
    }

    /// Reads the head of a result: its columns, or `None` where it has no rows and is over.
    pub(super) async fn begin(&mut self) -> Result<Option<Vec<ResultColumn>>, Fault> {
        let place = self.packets.next().await?;
        let payload = self.packets.payload(&place);
        match payload {
            [0x00, ok @ ..] => {
                let end = ended_by_ok(ok)?;
                self.ended(end);
                Ok(None)
            }
            [0xff, ..] => {
                let fault = Fault::of_answer(payload);
                self.ended(End::default());
                Err(fault)
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
    pub(super) async fn row(&mut self) -> Result<Option<Place>, Fault> {
        let place = self.packets.next().await?;
        Ok(if self.is_row(&place)? { Some(place) } else { None })
    }

    /// The bytes of a row; good until the next one is asked for.
    pub(super) fn payload(&self, place: &Place) -> &[u8] {
        self.packets.payload(place)
    }

    /// Whether a payload of a result is a row; if not, the result is over.
    #[inline]
    fn is_row(&mut self, place: &Place) -> Result<bool, Fault> {
        let payload = self.packets.payload(place);
        match payload {
            // A row may begin with the length of a text of more than 16 MiB, which has the same byte.
            [0xfe, end @ ..] if payload.len() < 0xff_ffff && (self.without_eof || payload.len() < 9) => {
                let end = if self.without_eof { ended_by_ok(end)? } else { ended_by_eof(end)? };
                self.ended(end);
                Ok(false)
            }
            [0xff, ..] => {
                let fault = Fault::of_answer(payload);
                self.ended(End::default());
                Err(fault)
            }
            _ => Ok(true),
        }
    }

    fn ended(&mut self, end: End) {
        self.end = end;
        self.unread = end.more;
    }
}

/// The end of a result in an OK packet, behind its first byte.
#[cold]
fn ended_by_ok(payload: &[u8]) -> Result<End, Fault> {
    let mut rest = Bytes(payload);
    let rows = rest.length()?;
    // The last number that a column counted.
    rest.length()?;
    let more = u16::from_le_bytes(rest.array()?) & MORE_RESULTS != 0;
    Ok(End { rows, warnings: u16::from_le_bytes(rest.array()?), more })
}

/// The end of a result in an EOF packet, behind its first byte.
#[cold]
fn ended_by_eof(payload: &[u8]) -> Result<End, Fault> {
    let mut rest = Bytes(payload);
    let warnings = u16::from_le_bytes(rest.array()?);
    Ok(End { rows: 0, warnings, more: u16::from_le_bytes(rest.array()?) & MORE_RESULTS != 0 })
}

/// A row of the text protocol.
pub(super) fn text_row(row: &[u8]) -> Result<Vec<Option<String>>, Fault> {
    let mut rest = Bytes(row);
    let mut values = Vec::new();
    while !rest.0.is_empty() {
        let value = rest.text_or_null()?;
        values.push(value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_result_is_read_in_both_forms() {
        let end = End { rows: 300, warnings: 2, more: true };
        assert_eq!(ended_by_ok(&[0xfc, 0x2c, 1, 0, 0x0a, 0, 2, 0]).unwrap(), end);
        assert_eq!(ended_by_eof(&[2, 0, 0x08, 0]).unwrap(), End { rows: 0, ..end });
        assert_eq!(ended_by_ok(&[0, 0, 2, 0, 0, 0, b'i']).unwrap(), End::default());
        assert!(ended_by_ok(&[0, 0, 2]).is_err());
    }
}
