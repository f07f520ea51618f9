//! The async client: each call runs on a blocking thread, one call at a time on one connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::gateway::{Gateway, RawClient};
use super::mutation::RowMutation;
use super::options::HBaseOptions;
use super::row::Row;
use super::schema::{Family, TableSchema};
use super::thrift1::{BatchMutation, ColumnDescriptor, Mutation, THbaseSyncClient};
use crate::error::{self, Kind, Result};
use crate::net::thrift::blocking;

/// A connection to HBase through a Thrift gateway; clones share it and take turns.
///
/// # Cancel safety
/// A dropped call goes on in the background until the gateway answers; the next call waits for it.
#[derive(Clone)]
pub struct HBaseClient {
    gateway: Arc<Mutex<Gateway>>,
    max_cell_bytes: usize,
}

impl HBaseClient {
    /// Connects to the first gateway that answers as thrift1.
    ///
    /// # Errors
    /// Config (options), Unreachable (names host and port), Refused (not a thrift1 gateway).
    pub async fn connect(options: &HBaseOptions) -> Result<Self> {
        let (options, max_cell_bytes) = (options.clone(), options.max_cell_bytes);
        let gateway = blocking(move || Gateway::connect(options)).await?;
        Ok(Self { gateway: Arc::new(Mutex::new(gateway)), max_cell_bytes })
    }

    /// The gateway that is connected, as its options name it.
    pub(super) fn endpoint(&self) -> String {
        // An address is whole after every panic.
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner).endpoint().to_owned()
    }

    /// Lists the tables, as `table` or `namespace:table`.
    ///
    /// # Errors
    /// Unreachable, Busy, Auth, Refused.
    pub async fn tables(&self) -> Result<Vec<String>> {
        let names = self.call("cannot list the hbase tables".into(), |c| c.get_table_names()).await?;
        Ok(names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Lists the column families of a table.
    ///
    /// # Errors
    /// NotFound (no such table), Unreachable, Busy, Auth, Refused.
    pub async fn families(&self, table: &str) -> Result<Vec<String>> {
        let name = table.as_bytes().to_vec();
        let act = format!("cannot read the column families of hbase table {table}");
        let families = self.call(act, move |c| c.get_column_descriptors(name.clone())).await?;
        let name = |family: &Vec<u8>| String::from_utf8_lossy(family).trim_end_matches(':').to_owned();
        Ok(families.keys().map(name).collect())
    }

    /// Makes the table of `schema` if there is none, else checks that it has the schema's families. Says whether it
    /// was made. A new table has one region: thrift1's `createTable` takes no split points; a table that is to start
    /// with several is made in the hbase shell, before.
    ///
    /// # Errors
    /// Schema (a family is missing), NotFound (no such namespace), Unreachable, Busy, Auth, Refused.
    pub async fn ensure_table(&self, schema: &TableSchema) -> Result<bool> {
        let name = schema.qualified_name();
        if self.tables().await?.contains(&name) {
            self.check_families(&schema.families, &name).await?;
            return Ok(false);
        }
        match self.create_table(&schema.families, &name).await {
            Err(e) if e.kind() == Kind::Exists => self.check_families(&schema.families, &name).await.map(|()| false),
            done => done.map(|()| true),
        }
    }

    /// Makes a table of one family with HBase's defaults if there is none, else checks that it has the family.
    ///
    /// # Errors
    /// As [`HBaseClient::ensure_table`].
    pub async fn ensure_family(&self, table: &str, family: &str) -> Result<()> {
        let families = [Family::new(family)];
        if !self.tables().await?.iter().any(|known| known == table) {
            match self.create_table(&families, table).await {
                Err(e) if e.kind() == Kind::Exists => {}
                done => return done,
            }
        }
        self.check_families(&families, table).await
    }

    async fn create_table(&self, families: &[Family], name: &str) -> Result<()> {
        let families: Vec<ColumnDescriptor> = families.iter().map(Family::to_thrift).collect();
        let table = name.as_bytes().to_vec();
        let act = format!("cannot create hbase table {name}");
        self.call(act, move |c| c.create_table(table.clone(), families.clone())).await
    }

    async fn check_families(&self, families: &[Family], name: &str) -> Result<()> {
        let present = self.families(name).await?;
        let missing: Vec<_> =
            families.iter().map(|f| f.name.as_str()).filter(|f| !present.iter().any(|p| p == f)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(error::schema(format!(
            "hbase table {name} has the column families {}, but not {}",
            present.join(", "),
            missing.join(", ")
        ))
        .hint(format!("add them in the hbase shell (alter '{name}', '{}'), or name another table", missing[0])))
    }

    /// Refuses rows with a cell that HBase would not take; asks no server.
    ///
    /// # Errors
    /// Data: names the first of them.
    pub fn check(&self, table: &str, rows: &[RowMutation]) -> Result<()> {
        rows.iter().try_for_each(|row| row.check_cells(table, self.max_cell_bytes))
    }

    /// Puts and deletes the cells of `rows` in one call, all with the timestamp `timestamp_ms`; sending the same rows
    /// again changes nothing. Not atomic: when a row is refused, others may have been stored.
    ///
    /// # Errors
    /// Data (an empty row, a cell that is too large), NotFound (table or family), Unreachable, Busy, Auth, Refused.
    pub async fn mutate(&self, table: &str, rows: &[RowMutation], timestamp_ms: i64) -> Result<()> {
        self.check(table, rows)?;
        let batch = rows.iter().map(RowMutation::to_thrift).collect::<Result<Vec<BatchMutation>>>()?;
        let name = table.as_bytes().to_vec();
        let first = rows.first().map_or_else(String::new, |row| String::from_utf8_lossy(row.key()).into_owned());
        let act = format!("cannot write {} rows, the first of them {first}, to hbase table {table}", rows.len());
        let done =
            self.call(act, move |c| c.mutate_rows_ts(name.clone(), batch.clone(), timestamp_ms, BTreeMap::new())).await;
        match done {
            // The gateway says no more than "failed 1 action" when the table is missing.
            Err(e) if e.kind() == Kind::Refused && !self.tables().await?.iter().any(|known| known == table) => {
                Err(error::not_found(format!("cannot write to hbase table {table}: there is no such table"))
                    .hint("create the table, or correct the schema file")
                    .source(e))
            }
            done => done,
        }
    }

    /// Puts one cell if it holds `expected`, in one step; says whether it did. Empty stands for an absent cell, too.
    ///
    /// # Errors
    /// NotFound (table or family), Unreachable, Busy, Auth, Refused. A call whose answer was lost is made again, and
    /// then says `false` of a cell that it changed itself.
    pub async fn check_and_put(
        &self,
        table: &str,
        key: &[u8],
        column: &str,
        expected: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        let (name, key, column) = (table.as_bytes().to_vec(), key.to_vec(), column.as_bytes().to_vec());
        let (expected, value) = (expected.to_vec(), value.to_vec());
        let act = format!("cannot change row {} of hbase table {table}", String::from_utf8_lossy(&key));
        self.call(act, move |c| {
            let put = Mutation::new(false, column.clone(), value.clone(), true);
            c.check_and_put(name.clone(), key.clone(), column.clone(), expected.clone(), put, BTreeMap::new())
        })
        .await
    }

    /// Reads one row; `columns` are `family:qualifier` or `family`, none means all.
    ///
    /// # Errors
    /// Data (an empty key), NotFound (table or family), Unreachable, Busy, Auth, Refused.
    pub async fn get(&self, table: &str, key: &[u8], columns: &[String]) -> Result<Option<Row>> {
        if key.is_empty() {
            return Err(error::data(format!("cannot read hbase table {table}: the row key is empty")));
        }
        let (name, key) = (table.as_bytes().to_vec(), key.to_vec());
        let columns: Vec<Vec<u8>> = columns.iter().map(|column| column.clone().into_bytes()).collect();
        let act = format!("cannot read row {} of hbase table {table}", String::from_utf8_lossy(&key));
        let rows = self
            .call(act, move |c| {
                if columns.is_empty() {
                    c.get_row(name.clone(), key.clone(), BTreeMap::new())
                } else {
                    c.get_row_with_columns(name.clone(), key.clone(), columns.clone(), BTreeMap::new())
                }
            })
            .await?;
        Ok(rows.into_iter().next().map(Row::from))
    }

    /// Runs a call that may be sent twice.
    async fn call<T: Send + 'static>(
        &self,
        act: String,
        call: impl FnMut(&mut RawClient) -> thrift::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.with_gateway(move |gateway| gateway.call(&act, call)).await
    }

    /// Runs `work` on a blocking thread, alone with the connection.
    pub(super) async fn with_gateway<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Gateway) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gateway = Arc::clone(&self.gateway);
        // A panic in between has taken the connection with it (see Gateway::client), so the state is whole.
        blocking(move || work(&mut gateway.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}
