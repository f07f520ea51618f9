//! What the server makes of the source, in the snapshot of a connection: it sums up every column but floats, and the rows
//! as wholes. The bits of floats are read and summed up here, beside what the server makes of the rest of their row.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use tokio::sync::mpsc;

use super::checksums::{Checksums, Summed};
use super::comparison::Comparison;
use super::rows::with_bits;
use super::sums::of_server;
use crate::error::{self, Error, Result};
use crate::mysql::Connection;
use crate::mysql::checksum::{ColumnSql, Meaning, row_checksum_sql};
use crate::mysql::quote;
use crate::mysql::read::{CONDITIONS, Selection};
use crate::mysql::types::TypeOptions;

/// Name of the column of row checksums, which no column of a table has.
const ROW_CHECKSUM: &str = "checksum of the row, for sakia";

impl Comparison {
    /// What the server makes of the rows that meet a condition; of floats, what we make of their values. In the
    /// connection's transaction, if it is in one.
    ///
    /// # Errors
    /// As the server says.
    pub async fn expected(&self, conn: &mut Connection, condition: Option<&str>) -> Result<Checksums> {
        let mut sums = Checksums::new(self.columns.len());
        let act = format!("cannot sum up {}", self.selection.name());
        conn.enter(self.selection.session()).await?;
        let rows = conn.texts(&self.sql(condition), &act).await?;
        let row = rows.into_iter().next().ok_or_else(|| error::bug("the server sums up to no row"))?;
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        sums.rows = count(next().as_deref())?;
        if !self.has_floats() {
            sums.row_checksum = checksum(next())?;
        }
        for (summed, into) in self.columns.iter().zip(&mut sums.columns) {
            if summed.meaning.is_by_bits() {
                continue;
            }
            let scale = if let Meaning::Decimal { scale, .. } = summed.meaning { scale } else { 0 };
            into.values = count(next().as_deref())?;
            into.sum = of_server(next().as_deref(), scale)?;
            into.checksum = checksum(next())?;
        }
        if self.has_floats() {
            self.floats(conn, condition, &mut sums).await?;
        }
        Ok(sums)
    }

    /// The statement that sums up everything but floats.
    pub fn sql(&self, condition: Option<&str>) -> String {
        let columns = self.column_sql();
        let mut what = vec!["COUNT(*)".to_owned()];
        if !self.has_floats() {
            what.extend(row_checksum_sql(&columns).map(|checksum| format!("SUM({checksum})")));
        }
        for ColumnSql { count, sum, checksum } in columns {
            what.extend([count, sum, format!("SUM({checksum})")]);
        }
        self.selection.select(&what.join(", "), condition)
    }

    fn column_sql(&self) -> Vec<ColumnSql> {
        let columns = self.columns.iter().zip(&self.selection.columns);
        let sql = |meaning: Meaning, column| meaning.sql(column, self.zero_dates_are_null, self.selection.session());
        columns.filter_map(|(summed, column)| sql(summed.meaning, column)).collect()
    }

    fn has_floats(&self) -> bool {
        self.columns.iter().any(|column| column.meaning.is_by_bits())
    }

    /// Reads the columns whose bits the server cannot sum up, and the checksum of the rest of each row.
    async fn floats(&self, conn: &mut Connection, condition: Option<&str>, sums: &mut Checksums) -> Result<()> {
        let (numbers, columns): (Vec<usize>, Vec<Summed>) =
            self.columns.iter().cloned().enumerate().filter(|(_, c)| c.meaning.is_by_bits()).unzip();
        let mut what: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        let of_row = row_checksum_sql(&self.column_sql());
        what.extend(of_row.map(|checksum| format!("{checksum} AS {}", quote(ROW_CHECKSUM))));
        let types = TypeOptions { session: self.selection.session().clone(), ..TypeOptions::default() };
        let sql = self.selection.select(&what.join(", "), Some(CONDITIONS));
        let selection = Selection::query(conn, &sql, &types).await?;
        let mut found = Checksums::new(columns.len());
        let sql = selection.sql(condition);
        let (to, mut batches) = mpsc::channel::<RecordBatch>(2);
        let read = async {
            let read = selection.read(conn, &sql, &to).await;
            drop(to);
            read
        };
        let take = async {
            while let Some(batch) = batches.recv().await {
                take(&mut found, &batch, &columns)?;
            }
            Ok::<(), Error>(())
        };
        let (read, taken) = tokio::join!(read, take);
        read?;
        taken?;
        sums.row_checksum = found.row_checksum;
        for (number, of_column) in numbers.into_iter().zip(&found.columns) {
            sums.columns[number] = of_column.clone();
        }
        Ok(())
    }
}

/// Takes floats, which stand first in a batch, and the checksum of the rest of the row behind them.
fn take(into: &mut Checksums, batch: &RecordBatch, columns: &[Summed]) -> Result<()> {
    let bits = columns.iter().enumerate().map(|(at, column)| into.take_array(at, column, batch.column(at).as_ref()));
    let bits = bits.collect::<Result<Vec<_>>>()?;
    let of_rows = match batch.columns().get(columns.len()) {
        None => None,
        Some(array) => match array.as_primitive_opt::<Decimal128Type>() {
            Some(checksums) => Some(checksums),
            None => return Err(error::bug(format!("the checksums of rows come as {}", array.data_type()))),
        },
    };
    for row in 0..batch.num_rows() {
        let of_server = of_rows.and_then(|checksums| u64::try_from(checksums.value(row)).ok()).unwrap_or_default();
        into.take_row(with_bits(of_server, bits.iter().map(|column| column[row])));
    }
    Ok(())
}

fn count(text: Option<&str>) -> Result<u64> {
    let text = text.unwrap_or("0");
    text.parse().map_err(|e| error::bug(format!("the server counts {text}")).source(e))
}

fn checksum(text: Option<String>) -> Result<u128> {
    let text = text.unwrap_or_else(|| "0".to_owned());
    text.parse().map_err(|e| error::bug(format!("the server's sum of checksums is {text}")).source(e))
}
