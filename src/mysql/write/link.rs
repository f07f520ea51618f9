//! The connection below a writer: the driver's, or our own lean one, which knows bulk execution.

use bytes::Bytes;
use futures::StreamExt;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::fault::Fault;
use crate::error;
use crate::mysql::MySqlClient;
use crate::mysql::wire::{self, ReadConnection};

/// A packet that every server takes.
const LEAST_PACKET_BYTES: usize = 1 << 20;

/// Bytes of the pieces in which a file to load is sent.
const PIECE_BYTES: usize = 1 << 20;

/// The largest packet of the protocol.
const MOST_PACKET_BYTES: usize = 1 << 30;

/// What a LOAD DATA did.
#[derive(Debug)]
pub(super) struct Loaded {
    pub rows: u64,
    pub warnings: u16,
}

/// A connection that writes.
#[derive(Debug)]
pub(super) enum Link {
    /// Several statements at a time, files, procedures.
    Driver(Conn),
    /// One statement at a time, and bulk execution.
    Lean(ReadConnection),
}

impl Link {
    pub async fn driver(client: &MySqlClient) -> error::Result<Self> {
        client.connect_to_write().await.map(Self::Driver)
    }

    pub async fn lean(client: &MySqlClient) -> error::Result<Self> {
        ReadConnection::connect_to_write(client).await.map(Self::Lean)
    }

    /// Id of the connection, for KILL.
    pub fn id(&self) -> u32 {
        match self {
            Self::Driver(conn) => conn.id(),
            Self::Lean(conn) => conn.id(),
        }
    }

    /// Bytes of the largest packet that the server takes.
    pub async fn max_packet(&mut self, client: &MySqlClient, act: &str) -> error::Result<usize> {
        let sql = "SELECT @@max_allowed_packet";
        let said = match self {
            Self::Driver(conn) => conn.query_first::<usize, _>(sql).await.map_err(|e| client.advise(e, act))?,
            Self::Lean(conn) => {
                let rows = conn.texts(sql, act).await?;
                rows.into_iter().flatten().flatten().next().and_then(|bytes| bytes.parse().ok())
            }
        };
        Ok(said.unwrap_or(LEAST_PACKET_BYTES).min(MOST_PACKET_BYTES))
    }

    /// Runs a statement; rows are thrown away.
    pub async fn run(&mut self, sql: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Driver(conn) => conn.query_drop(sql).await.map_err(Fault::from),
            Self::Lean(conn) => conn.run_unexplained(sql).await.map_err(Fault::from),
        }
    }

    /// Prepares a statement of so many parameters for bulk execution. `None`: it must go by other means, for which a
    /// server has many reasons; if none of them works either, that one's error says more.
    pub async fn prepare_bulk(&mut self, sql: &str, parameters: usize) -> Result<Option<wire::Statement>, Fault> {
        let Self::Lean(conn) = self else { return Ok(None) };
        if !conn.can_bulk() {
            return Ok(None);
        }
        match conn.prepare_unexplained(sql).await.map_err(Fault::from) {
            Ok((statement, found)) if found == parameters => Ok(Some(statement)),
            Ok(_) => Ok(None),
            Err(fault @ (Fault::Driver(_) | Fault::Wire(_))) => Err(fault),
            Err(fault) => {
                tracing::debug!(?fault, "not prepared: rows go by statements");
                Ok(None)
            }
        }
    }

    /// Sends a packet of bulk execution; [`Link::answer_bulk`] must follow.
    pub async fn send_bulk(&mut self, packet: &[u8]) -> Result<(), Fault> {
        Ok(self.as_lean()?.send_bulk(packet).await?)
    }

    /// Waits until the server has done it.
    pub async fn answer_bulk(&mut self) -> Result<(), Fault> {
        Ok(self.as_lean()?.answer_bulk().await?)
    }

    fn as_lean(&mut self) -> Result<&mut ReadConnection, Fault> {
        match self {
            Self::Lean(conn) => Ok(conn),
            Self::Driver(_) => {
                Err(Fault::Wire(wire::Fault::Protocol("the driver's connection executes nothing in bulk")))
            }
        }
    }

    /// The driver's connection.
    pub fn as_driver(&mut self) -> Result<&mut Conn, Fault> {
        match self {
            Self::Driver(conn) => Ok(conn),
            Self::Lean(_) => {
                Err(Fault::Wire(wire::Fault::Protocol("the lean connection runs one plain statement at a time")))
            }
        }
    }

    /// Runs a LOAD DATA LOCAL of this text.
    pub async fn load(&mut self, sql: &str, text: Vec<u8>) -> Result<Loaded, Fault> {
        let text = Bytes::from(text);
        let pieces: Vec<std::io::Result<Bytes>> = (0..text.len())
            .step_by(PIECE_BYTES)
            .map(|at| Ok(text.slice(at..text.len().min(at + PIECE_BYTES))))
            .collect();
        let conn = self.as_driver()?;
        conn.set_infile_handler(async move { Ok(futures::stream::iter(pieces).boxed()) });
        conn.query_drop(sql).await?;
        Ok(Loaded { rows: conn.affected_rows(), warnings: conn.get_warnings() })
    }

    /// Ends the connection; the server takes back what is open, whether or not it hears our good-bye.
    pub async fn close(self) {
        match self {
            Self::Driver(conn) => drop(conn.disconnect().await),
            Self::Lean(conn) => conn.close().await,
        }
    }
}
