//! Rows as HBase cells: the row key from key columns, a cell for each other column, values as text.
//!
//! Every cell has the same timestamp, taken when the import begins: writing a batch again changes nothing. A row whose
//! key column is NULL is an error; a NULL elsewhere leaves the cell alone or deletes it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;

use crate::error::{self, Result};
use crate::format::text::{Cells, Look};
use crate::hbase::{BatchLimits, HBaseClient, HBaseOptions, RowMutation};
use crate::transfer::args::{HBaseTargetArgs, NullCells};

/// Parts of a composite row key are joined by this, as Sqoop does.
const KEY_SEPARATOR: u8 = b'_';

/// Decided cells.
#[derive(Clone, Debug)]
pub struct CellPlan {
    /// HBase table, `namespace:name` or `name`.
    pub table: String,
    /// Column family.
    pub family: String,
    /// Whether table and family are made where they are missing.
    pub create: bool,
    /// Indices of the columns of the row key, in order.
    key: Vec<usize>,
    /// Indices of the columns that become cells, and the cells' names.
    cells: Vec<(usize, String)>,
    null_mode: NullCells,
}

impl CellPlan {
    /// Decides the cells of rows of `schema`; `default_key` is the key where the options name none. `None` where no
    /// HBase table is asked for.
    ///
    /// # Errors
    /// Config: a table without a family or the other way round, no key, or a key column that is not read.
    pub fn new(args: &HBaseTargetArgs, schema: &SchemaRef, default_key: &[String]) -> Result<Option<Self>> {
        let (table, family) = match (&args.table, &args.column_family) {
            (Some(table), Some(family)) => (table, family),
            (None, None) => return Ok(None),
            _ => {
                return Err(error::config("of hbase-table and column-family only one is given").hint("give both"));
            }
        };
        let names = if args.row_key.is_empty() { default_key } else { &args.row_key };
        if names.is_empty() {
            return Err(error::config("rows have no key to find them by in hbase").hint("give hbase-row-key"));
        }
        let index = |name: &String| {
            let found = schema.fields().iter().position(|f| f.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| {
                error::config(format!("column {name} of the hbase row key is not read")).hint("name it in columns too")
            })
        };
        let key: Vec<usize> = names.iter().map(index).collect::<Result<_>>()?;
        let in_cells = |i: &usize| args.add_row_key || !key.contains(i);
        let cell = |i: usize| (i, format!("{family}:{}", schema.field(i).name()));
        let cells = (0..schema.fields().len()).filter(in_cells).map(cell).collect();
        let (table, family) = (table.clone(), family.clone());
        Ok(Some(Self { table, family, create: args.create, key, cells, null_mode: args.null_mode }))
    }

    /// The changes that the rows of a batch make; a row without a value in any cell makes none.
    ///
    /// # Errors
    /// Data: a NULL or nothing at all in the row key.
    pub fn rows(&self, batch: &RecordBatch) -> Result<Vec<RowMutation>> {
        let printer = |index: usize| Cells::new(batch.column(index));
        let keys = self.key.iter().map(|i| printer(*i)).collect::<Result<Vec<_>>>()?;
        let cells = self.cells.iter().map(|(i, _)| printer(*i)).collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::with_capacity(batch.num_rows());
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            let mut mutation = RowMutation::new(self.row_key(batch, &keys, row)?)?;
            for (cell, (index, name)) in cells.iter().zip(&self.cells) {
                if batch.column(*index).is_null(row) {
                    if self.null_mode == NullCells::Delete {
                        mutation.delete(name.as_str());
                    }
                    continue;
                }
                text.clear();
                cell.print(row, Look::default(), &mut text);
                mutation.put(name.as_str(), text.as_slice());
            }
            if mutation.counts() != (0, 0) {
                rows.push(mutation);
            }
        }
        Ok(rows)
    }

    fn row_key(&self, batch: &RecordBatch, keys: &[Cells<'_>], row: usize) -> Result<Vec<u8>> {
        let mut key = Vec::new();
        for (n, (cell, index)) in keys.iter().zip(&self.key).enumerate() {
            if batch.column(*index).is_null(row) {
                let what = format!("column {} of the hbase row key is NULL", batch.schema().field(*index).name());
                return Err(error::data(what).hint("leave such rows out with where, or choose another key"));
            }
            if n > 0 {
                key.push(KEY_SEPARATOR);
            }
            cell.print(row, Look::default(), &mut key);
        }
        Ok(key)
    }
}

/// Writes the rows of one import.
pub(super) struct CellWriter {
    plan: CellPlan,
    client: HBaseClient,
    timestamp_ms: i64,
}

impl fmt::Debug for CellWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellWriter").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl CellWriter {
    /// Connects, and makes sure that table and family are there.
    ///
    /// # Errors
    /// NotFound: no such table, and it is not to be made. Schema: it lacks the family. Those of the gateway.
    pub(super) async fn open(options: &HBaseOptions, plan: CellPlan) -> Result<Self> {
        let client = HBaseClient::connect(options).await?;
        if plan.create {
            client.ensure_family(&plan.table, &plan.family).await?;
        } else {
            let families = client.families(&plan.table).await.map_err(|e| e.hint("or give hbase-create-table"))?;
            if !families.contains(&plan.family) {
                let what = format!("hbase table {} has no column family {}", plan.table, plan.family);
                return Err(error::schema(what).hint("name one it has, or give hbase-create-table"));
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        Ok(Self { plan, client, timestamp_ms: now as i64 })
    }

    /// Writes the rows of a batch; says how many rows were changed and how many bytes went out. Safe to repeat.
    ///
    /// # Errors
    /// Those of [`CellPlan::rows`] and of the gateway.
    pub(super) async fn write(&self, batch: &RecordBatch) -> Result<(u64, u64)> {
        let rows = self.plan.rows(batch)?;
        let bytes: usize = rows.iter().map(RowMutation::len_bytes).sum();
        let count = rows.len() as u64;
        if count > 0 {
            for cut in BatchLimits::default().cut(&rows) {
                self.client.mutate(&self.plan.table, cut, self.timestamp_ms).await?;
            }
        }
        Ok((count, bytes as u64))
    }

    /// `table`, for messages.
    pub(super) fn table(&self) -> &str {
        &self.plan.table
    }
}
