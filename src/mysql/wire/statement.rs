//! Prepared statements, whose results come in the binary protocol.

use super::bytes::{Bytes, cut};
use super::fault::Fault;
use super::packets::Place;
use super::{ResultColumn, Wire};

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

impl Wire {
    /// Has the server understand a statement; how many parameters it has.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<(Statement, usize), Fault> {
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

    /// Begins a statement; its rows are taken with [`Wire::row`]. The columns of the result may be other
    /// ones than those of the statement when the table was altered in between.
    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<Vec<ResultColumn>, Fault> {
        let mut payload = vec![COM_STMT_EXECUTE];
        payload.extend_from_slice(&statement.id.to_le_bytes());
        // No cursor, one iteration.
        payload.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.command(&payload).await?;
        self.begin().await?.ok_or(Fault::Protocol("the statement gives no rows"))
    }

    /// The next row if all of it has arrived; never waits.
    #[inline]
    pub(crate) fn arrived_row(&mut self) -> Result<Option<Place>, Fault> {
        match self.packets.arrived()? {
            Some(place) if self.is_row(&place)? => Ok(Some(place)),
            _ => Ok(None),
        }
    }

    /// Whether the result is over.
    pub(crate) fn is_over(&self) -> bool {
        !self.unread
    }

    /// The bytes of a row, good until the next one: NULL bits of `columns` columns, and values.
    #[inline]
    pub(crate) fn row_parts(&self, place: &Place, columns: usize) -> Result<(&[u8], &[u8]), Fault> {
        let payload = self.packets.payload(place);
        // The first byte is always zero; two bits of the NULL bits are not used.
        let bits = (columns + 9) / 8;
        payload.split_at_checked(1 + bits).map(|(head, values)| (&head[1..], values)).ok_or_else(cut)
    }

    /// Lets the server forget a statement; it gives no answer to that.
    pub(crate) async fn forget(&mut self, statement: Statement) -> Result<(), Fault> {
        let [a, b, c, d] = statement.id.to_le_bytes();
        self.command(&[COM_STMT_CLOSE, a, b, c, d]).await?;
        self.unread = false;
        Ok(())
    }
}
