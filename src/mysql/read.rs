//! Rows of a table as batches: a prepared SELECT for each split, decoded as the rows arrive and handed on through a
//! bounded channel, so that reading and encoding overlap and a slow target slows the server down.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};
use tokio::sync::mpsc;

use super::decode::BatchBuilder;
use super::table::Table;
use super::types::{Carrier, Column};
use super::width::{Split, SplitKey};
use super::{MySqlClient, quote};
use crate::error::{Error, Result};

/// A batch ends at about this many bytes or at [`BATCH_ROWS`], whichever comes first.
const BATCH_BYTES: usize = 2 << 20;

/// See [`BATCH_BYTES`].
const BATCH_ROWS: usize = 16 << 10;

/// What is read of a table.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The table.
    pub table: Table,
    /// The columns read, in order.
    pub columns: Vec<Column>,
    /// Further condition on the rows, SQL text as the user gave it.
    pub condition: Option<String>,
    /// Schema of the batches.
    pub schema: SchemaRef,
    carriers: Vec<Carrier>,
}

impl Selection {
    /// Decides what is read; `chosen` empty means every column.
    ///
    /// # Errors
    /// NotFound: no such column. Schema: a column that cannot be carried exactly.
    pub fn new(table: Table, chosen: &[String], condition: Option<String>) -> Result<Self> {
        let columns = table.select(chosen)?;
        let schema = table.schema(&columns)?;
        let carriers = columns.iter().map(Column::carrier).collect::<Result<_>>()?;
        Ok(Self { table, columns, condition, schema, carriers })
    }

    /// The SELECT of a split.
    pub fn sql(&self, key: Option<&SplitKey>, split: Split) -> String {
        let columns: Vec<String> = self.columns.iter().map(|c| quote(&c.name)).collect();
        self.select(&columns.join(", "), key.and_then(|k| k.condition(split)))
    }

    /// The least and the greatest key, if there is any.
    ///
    /// # Errors
    /// As the server says; Data: a key that cannot be split by.
    pub async fn bounds(&self, client: &MySqlClient, conn: &mut Conn, key: &SplitKey) -> Result<Option<(i128, i128)>> {
        let column = quote(&key.column);
        let sql = self.select(&format!("MIN({column}), MAX({column})"), None);
        let act = format!("cannot find the bounds of {}.{}", self.table.full_name(), key.column);
        let row: Option<(Value, Value)> = conn.exec_first(sql, ()).await.map_err(|e| client.advise(e, act))?;
        let Some((least, greatest)) = row else { return Ok(None) };
        Ok(key.number(&least)?.zip(key.number(&greatest)?))
    }

    fn select(&self, what: &str, split: Option<String>) -> String {
        let conditions: Vec<String> =
            self.condition.iter().map(|c| format!("({c})")).chain(split.map(|c| format!("({c})"))).collect();
        let mut sql = format!("SELECT {what} FROM {}", self.table.quoted());
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        sql
    }

    /// Reads the rows of one SELECT and hands them on; ends early, and well, when nobody takes them any more.
    ///
    /// Cancelling it leaves the connection fit only to be dropped.
    ///
    /// # Errors
    /// As the server says. Data: a value that cannot be carried exactly; names table, column and key.
    pub async fn read(
        &self,
        client: &MySqlClient,
        conn: &mut Conn,
        sql: &str,
        to: &mpsc::Sender<RecordBatch>,
    ) -> Result<u64> {
        let explain = |e| client.advise(e, format!("cannot read {}", self.table.full_name()));
        let mut result = conn.exec_iter(sql, ()).await.map_err(explain)?;
        let mut batch = BatchBuilder::new(self.schema.clone(), &self.carriers);
        let mut rows = 0;
        while let Some(row) = result.next().await.map_err(explain)? {
            batch.append(&row).map_err(|e| self.at_row(e, &row))?;
            rows += 1;
            if batch.rows() >= BATCH_ROWS || batch.bytes() >= BATCH_BYTES {
                let full = batch.finish().map_err(|e| self.in_table(e))?;
                if to.send(full).await.is_err() {
                    return Ok(rows);
                }
            }
        }
        if batch.rows() > 0 {
            // Whoever does not take it any more has failed already and says so itself.
            let _ = to.send(batch.finish().map_err(|e| self.in_table(e))?).await;
        }
        Ok(rows)
    }

    fn in_table(&self, error: Error) -> Error {
        error.context(format!("table {}", self.table.full_name()))
    }

    /// Names the row by its primary key, as far as that was read.
    fn at_row(&self, error: Error, row: &Row) -> Error {
        let key: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| self.table.primary_key.contains(&c.name))
            .filter_map(|(i, c)| row.as_ref(i).map(|v| format!("{} = {}", c.name, v.as_sql(true))))
            .collect();
        match key.is_empty() {
            true => self.in_table(error),
            false => error.context(format!("table {}, row {}", self.table.full_name(), key.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::tests::column;
    use super::*;

    #[test]
    fn conditions_are_kept_apart() {
        let table = Table {
            database: "shop".into(),
            name: "orders".into(),
            comment: String::new(),
            engine: Some("InnoDB".into()),
            created_at: None,
            columns: vec![column("id", "int(11)"), column("no", "varchar(10)")],
            primary_key: vec!["id".into()],
        };
        let key = SplitKey::new(&table.columns[0]).unwrap();
        let selection = Selection::new(table, &["no".into()], Some("id > 3 OR no = 'x'".into())).unwrap();
        assert_eq!(
            selection.sql(Some(&key), Split::Range { from: Some(5), to: None }),
            "SELECT `no` FROM `shop`.`orders` WHERE (id > 3 OR no = 'x') AND (`id` >= 5)"
        );
        assert_eq!(selection.sql(None, Split::All), "SELECT `no` FROM `shop`.`orders` WHERE (id > 3 OR no = 'x')");
    }
}
