//! A lease in HBase: a cell of the table `sakia_leases`, whose row is named after the table that it protects.
//!
//! HBase compares and puts a cell in one step, which is all that a lease needs. The cell is emptied and never deleted:
//! a tombstone could hide the next holder's cell where both have the same millisecond.

use async_trait::async_trait;

use super::client::HBaseClient;
use crate::error::{self, Kind, Result};
use crate::lease::{Holder, LeaseStore};

/// The table of all leases.
const TABLE: &str = "sakia_leases";
const FAMILY: &str = "l";
const COLUMN: &str = "l:holder";

/// The lease of one HBase table.
pub struct CellLease {
    client: HBaseClient,
    target: String,
    table: String,
}

impl CellLease {
    /// The lease of `table`, written as HBase prints its name.
    pub fn new(client: HBaseClient, table: &str) -> Self {
        Self { client, target: format!("hbase table {table}"), table: table.to_owned() }
    }

    async fn swap(&self, from: &str, to: &str) -> Result<bool> {
        self.client.check_and_put(TABLE, self.table.as_bytes(), COLUMN, from.as_bytes(), to.as_bytes()).await
    }
}

#[async_trait]
impl LeaseStore for CellLease {
    fn target(&self) -> &str {
        &self.target
    }

    async fn create(&self, holder: &Holder) -> Result<bool> {
        self.client.ensure_family(TABLE, FAMILY).await.map_err(|e| match e.kind() {
            Kind::Auth => e.hint(format!("make it once in the hbase shell: create '{TABLE}', '{FAMILY}'")),
            _ => e,
        })?;
        // To HBase an empty value and an absent one are the same.
        self.swap("", &holder.name()).await
    }

    async fn read(&self) -> Result<Option<Holder>> {
        let row = self.client.get(TABLE, self.table.as_bytes(), &[COLUMN.to_owned()]).await?;
        let Some(cell) = row.as_ref().and_then(|row| row.cell(COLUMN)).filter(|cell| !cell.value.is_empty()) else {
            return Ok(None);
        };
        let holder = std::str::from_utf8(&cell.value).ok().and_then(Holder::of_name);
        holder.map(Some).ok_or_else(|| {
            error::data(format!("the lease of {} in hbase table {TABLE} is damaged", self.target)).hint(format!(
                "make sure that nobody writes to it, then put '{TABLE}', '{}', '{COLUMN}', ''",
                self.table
            ))
        })
    }

    async fn replace(&self, from: &Holder, to: &Holder) -> Result<bool> {
        self.swap(&from.name(), &to.name()).await
    }

    async fn remove(&self, holder: &Holder) -> Result<()> {
        self.swap(&holder.name(), "").await.map(drop)
    }
}
