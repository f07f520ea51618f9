//! Prepared statements, whose results come in the binary protocol.

use super::bytes::{Bytes, cut};
use super::fault::Fault;
use super::packets::Place;
use super::{ReadConnection, ResultColumn};
use crate::error::Result;

const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_CLOSE: u8 = 0x19;

/// A statement that the server has understood.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    pub(super) id: u32,
    /// Columns of its result; empty where it gives none.
    pub columns: Vec<ResultColumn>,
}

impl ReadConnection {
    /// Has the server understand a statement without parameters.
    ///
    /// # Errors
    /// As the server says.
    pub async fn prepare(&mut self, sql: &str, act: &str) -> Result<Statement> {
        let prepared = match self.prepare_unexplained(sql).await {
            Ok((_, parameters)) if parameters > 0 => {
                Err(Fault::Protocol("a statement with parameters, for which there are no values"))
            }
            prepared => prepared.map(|(statement, _)| statement),
        };
        prepared.map_err(|fault| self.explain(fault, act))
    }

    /// Has the server understand a statement; how many parameters it has.
    pub(in crate::mysql) async fn prepare_unexplained(&mut self, sql: &str) -> Result<(Statement, usize), Fault> {
        self.command(&[&[COM_STMT_PREPARE], sql.as_bytes()].concat()).await?;
        let place = self.packets.next().await?;
        let payload = self.packets.payload(&place);
        if let Some(fault) = Fault::of_server(payload) {
            self.unread = false;
            return Err(fault);
        }
        let mut rest = Bytes(payload);
        rest.byte()?;
        let id = u32::from_le_bytes(rest.array()?);
        let columns = u16::from_le_bytes(rest.array()?).into();
        let parameters = u16::from_le_bytes(rest.array()?).into();
        if parameters > 0 {
            self.columns(parameters).await?;
        }
        let columns = if columns > 0 { self.columns(columns).await? } else { Vec::new() };
        self.unread = false;
        Ok((Statement { id, columns }, parameters))
    }

    /// Begins a statement; its rows are taken with [`ReadConnection::next_row`]. The columns of the result may be other
    /// ones than those of the statement when the table was altered in between.
    pub(in crate::mysql) async fn execute(&mut self, statement: &Statement) -> Result<Vec<ResultColumn>, Fault> {
        let mut payload = vec![COM_STMT_EXECUTE];
        payload.extend_from_slice(&statement.id.to_le_bytes());
        // No cursor, one iteration.
        payload.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.command(&payload).await?;
        self.begin().await?.ok_or(Fault::Protocol("the statement gives no rows"))
    }

    /// The next row: the bytes of its values, after the bits that tell its NULLs. `None` at the end.
    pub(in crate::mysql) async fn next_row(&mut self) -> Result<Option<Place>, Fault> {
        self.row().await
    }

    /// The next row if all of it has arrived; never waits.
    #[inline]
    pub(in crate::mysql) fn arrived_row(&mut self) -> Result<Option<Place>, Fault> {
        match self.packets.arrived()? {
            Some(place) if self.is_row(&place)? => Ok(Some(place)),
            _ => Ok(None),
        }
    }

    /// Whether the result is over.
    pub(in crate::mysql) fn is_over(&self) -> bool {
        !self.unread
    }

    /// The bytes of a row, good until the next one: NULL bits of `columns` columns, and values.
    #[inline]
    pub(in crate::mysql) fn row_parts(&self, place: &Place, columns: usize) -> Result<(&[u8], &[u8]), Fault> {
        let payload = self.packets.payload(place);
        // The first byte is always zero; two bits of the NULL bits are not used.
        let bits = (columns + 9) / 8;
        payload.split_at_checked(1 + bits).map(|(head, values)| (&head[1..], values)).ok_or_else(cut)
    }

    /// Lets the server forget a statement; it gives no answer to that.
    ///
    /// # Errors
    /// Unreachable: the connection is broken.
    pub async fn forget(&mut self, statement: Statement) -> Result<()> {
        let [a, b, c, d] = statement.id.to_le_bytes();
        let sent = self.command(&[COM_STMT_CLOSE, a, b, c, d]).await;
        sent.map_err(|fault| self.explain(fault, "cannot close a statement"))?;
        self.unread = false;
        Ok(())
    }
}
