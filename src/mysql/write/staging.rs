//! The staging table: filled first, and moved over in one transaction, so that the target shows all rows or none.

use super::target::{Target, TargetColumn};
use crate::error::{self, Result};
use crate::mysql::client::{Connection, MySqlClient};
use crate::mysql::session::Session;
use crate::mysql::sql::{quote, quote_text};
use crate::mysql::table::Table;

/// A staging table, locked as long as its connection lives.
#[derive(Debug)]
pub struct Staging {
    conn: Connection,
    table: Target,
}

impl Staging {
    /// Checks the staging table against the target and takes the lock of its name.
    ///
    /// # Errors
    /// Config: it is the target itself, or one of the two cannot take rows back. Schema: its columns differ.
    /// Busy: another export fills it.
    pub async fn check(client: &MySqlClient, target: &Target, name: &str) -> Result<Self> {
        if target.name.eq_ignore_ascii_case(name) {
            return Err(error::config(format!("the staging table is {name}, the target itself"))
                .hint("name another table in staging-table"));
        }
        let mut conn = client.connect().await?;
        conn.wire.without_timeout();
        let table = Target::table(&Table::describe(&mut conn, client.database(), name).await?)?;
        if !table.transactional || !target.transactional {
            let what = if table.transactional { target } else { &table };
            return Err(error::config(format!("{} has an engine that cannot take rows back", what.full_name()))
                .hint("use InnoDB for target and staging table"));
        }
        compare(target, &table)?;
        let lock = format!("sakia {}", table.full_name());
        // Names of locks are at most 64 characters long.
        let lock: String = lock.chars().take(64).collect();
        let act = format!("cannot lock the staging table {}", table.full_name());
        if conn.number(&format!("SELECT GET_LOCK({}, 0)", quote_text(&lock)), &act).await? != Some(1) {
            return Err(error::busy(format!("another export fills the staging table {}", table.full_name()))
                .hint("wait for it, or name another staging table"));
        }
        Ok(Self { conn, table })
    }

    /// The table.
    pub fn table(&self) -> &Target {
        &self.table
    }

    /// Id of the connection, for KILL.
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// Makes sure that the table is empty; empties it if `clear`.
    ///
    /// # Errors
    /// Refused: it holds rows.
    pub async fn prepare(&mut self, clear: bool) -> Result<()> {
        let (name, quoted) = (self.table.full_name(), self.table.quoted());
        if clear {
            let act = format!("cannot empty the staging table {name}");
            return self.conn.run(&format!("DELETE FROM {quoted}"), &act).await;
        }
        if self.number(&format!("SELECT EXISTS (SELECT 1 FROM {quoted})")).await? != 0 {
            return Err(error::refused(format!("the staging table {name} holds rows already"))
                .hint("look at them, and give clear-staging-table to have them deleted"));
        }
        Ok(())
    }

    /// Moves all rows to the target and gives their number; visible with [`commit`](Self::commit).
    ///
    /// # Errors
    /// Data: the rows do not go into the target, or are not as many as were staged; nothing is moved then.
    pub async fn move_to(
        &mut self,
        target: &Target,
        columns: &[TargetColumn],
        staged: u64,
        session: &Session,
    ) -> Result<u64> {
        let names: Vec<String> = columns.iter().map(|c| quote(&c.name)).collect();
        let names = names.join(", ");
        let (to, from) = (target.quoted(), self.table.quoted());
        let act = self.cannot_move(target);
        self.conn.run(&session.to_write(), &act).await?;
        let moved = self.conn.execute(&format!("INSERT INTO {to} ({names}) SELECT {names} FROM {from}"), &act).await?;
        let deleted = self.conn.execute(&format!("DELETE FROM {from}"), &act).await?;
        if moved != staged || deleted != staged {
            // Without a commit nothing is moved; the connection's end would do the same.
            let _ = self.conn.run("ROLLBACK", &act).await;
            return Err(error::data(format!(
                "{act}: {staged} were staged, {moved} would be moved and {deleted} deleted"
            ))
            .hint("somebody else writes to the staging table"));
        }
        Ok(moved)
    }

    /// Ends the transaction in which the rows were moved.
    ///
    /// # Errors
    /// Unreachable: the connection broke, and it is not known whether they are.
    pub async fn commit(&mut self, target: &Target) -> Result<()> {
        let act = self.cannot_move(target);
        self.conn.run("COMMIT", &act).await
    }

    fn cannot_move(&self, target: &Target) -> String {
        format!("cannot move rows from {} to {}", self.table.full_name(), target.full_name())
    }

    /// Rows of the table.
    ///
    /// # Errors
    /// As the server says.
    pub async fn count(&mut self) -> Result<u64> {
        self.number(&format!("SELECT COUNT(*) FROM {}", self.table.quoted())).await
    }

    /// Ends the connection and with it the lock.
    pub async fn close(self) {
        self.conn.close().await;
    }

    async fn number(&mut self, sql: &str) -> Result<u64> {
        let act = format!("cannot look into the staging table {}", self.table.full_name());
        Ok(self.conn.number(sql, &act).await?.unwrap_or(0))
    }
}

fn compare(target: &Target, staging: &Target) -> Result<()> {
    for column in target.columns.iter().filter(|c| !c.generated) {
        let twin = staging.columns.iter().find(|c| c.name.eq_ignore_ascii_case(&column.name));
        let theirs = twin.map(|c| c.column_type.as_str());
        if theirs != Some(&column.column_type) {
            return Err(error::schema(format!(
                "column {} is {} in {} and {} in the staging table {}",
                column.name,
                column.column_type,
                target.full_name(),
                theirs.unwrap_or("missing"),
                staging.full_name()
            ))
            .hint(format!("make it with CREATE TABLE {} LIKE {}", staging.name, target.name)));
        }
    }
    Ok(())
}
