//! A table as information_schema describes it: columns, primary key, engine, comment.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::types::Column;
use super::{MySqlClient, quote};
use crate::config;
use crate::error::{self, Error, Result};

/// Engines whose tables show one moment to a transaction.
const ENGINES_WITH_SNAPSHOTS: [&str; 3] = ["innodb", "rocksdb", "tokudb"];

/// A table or view and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Database.
    pub database: String,
    /// Name.
    pub name: String,
    /// Comment, or empty.
    pub comment: String,
    /// Storage engine; `None` for a view.
    pub engine: Option<String>,
    /// When it was made or rebuilt, as the server says it: a table of another server's life has another time, though
    /// name and binlog position may be the same. `None` for a view.
    pub created_at: Option<String>,
    /// All columns in order.
    pub columns: Vec<Column>,
    /// Columns of the primary key in order.
    pub primary_key: Vec<String>,
}

impl Table {
    /// Looks a table up in the connection's database.
    ///
    /// # Errors
    /// NotFound: there is none of that name; the hint names the nearest one.
    pub async fn describe(client: &MySqlClient, conn: &mut Conn, name: &str) -> Result<Self> {
        let database = client.database();
        let act = format!("cannot look up {database}.{name}");
        type Found = (String, Option<String>, Option<String>, Option<String>);
        let tables: Vec<Found> = conn
            .exec(
                "SELECT table_name, engine, table_comment, CAST(create_time AS CHAR) FROM information_schema.tables \
                 WHERE table_schema = ?",
                (database,),
            )
            .await
            .map_err(|e| client.advise(e, &act))?;
        let Some((_, engine, comment, created_at)) = tables.iter().find(|(t, ..)| t == name) else {
            return Err(no_table(database, name, tables.iter().map(|(t, ..)| t.as_str())));
        };
        let is_view = engine.is_none();
        Ok(Self {
            database: database.to_owned(),
            name: name.to_owned(),
            comment: comment.clone().filter(|_| !is_view).unwrap_or_default(),
            engine: engine.clone(),
            created_at: created_at.clone(),
            columns: columns(client, conn, name, &act).await?,
            primary_key: primary_key(client, conn, name, &act).await?,
        })
    }

    /// `database.table`, for messages.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// `` `database`.`table` ``, for SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.database), quote(&self.name))
    }

    /// Whether a transaction sees all rows as of one moment; nobody knows for a view.
    pub fn has_snapshots(&self) -> bool {
        self.engine.as_deref().is_some_and(|e| ENGINES_WITH_SNAPSHOTS.contains(&e.to_lowercase().as_str()))
    }

    /// A column by name, whatever its case.
    ///
    /// # Errors
    /// NotFound: the table has none of that name; the hint names the nearest one.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let error = error::not_found(format!("table {} has no column {name}", self.full_name()));
            match nearest(name, self.columns.iter().map(|c| c.name.as_str())) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint(format!("its columns are {}", names(&self.columns))),
            }
        })
    }

    /// The chosen columns in the order chosen; all of them where none is chosen.
    ///
    /// # Errors
    /// NotFound: no such column. Usage: a column twice.
    pub fn select(&self, chosen: &[String]) -> Result<Vec<Column>> {
        if chosen.is_empty() {
            return Ok(self.columns.clone());
        }
        let mut columns: Vec<Column> = Vec::with_capacity(chosen.len());
        for name in chosen {
            let column = self.column(name)?;
            if columns.contains(column) {
                return Err(error::config(format!("column {name} is chosen twice")).hint("name it once in columns"));
            }
            columns.push(column.clone());
        }
        Ok(columns)
    }

    /// The columns as an Arrow schema; the table's comment is kept as its metadata key `comment`.
    ///
    /// # Errors
    /// Schema: a column cannot be carried exactly.
    pub fn schema(&self, columns: &[Column]) -> Result<SchemaRef> {
        let in_table = |e: Error| e.context(format!("table {}", self.full_name()));
        let fields = columns.iter().map(|c| c.field().map_err(in_table)).collect::<Result<Vec<_>>>()?;
        let comment = Some(("comment".to_owned(), self.comment.clone())).filter(|(_, text)| !text.is_empty());
        Ok(Arc::new(Schema::new_with_metadata(
            fields,
            comment.into_iter().collect::<std::collections::HashMap<_, _>>(),
        )))
    }
}

async fn columns(client: &MySqlClient, conn: &mut Conn, table: &str, act: &str) -> Result<Vec<Column>> {
    type Found = (String, String, String, String, Option<u64>, Option<u64>, Option<u64>, Option<String>);
    let found: Vec<Found> = conn
        .exec(
            "SELECT column_name, data_type, column_type, is_nullable, numeric_precision, numeric_scale, \
             datetime_precision, column_comment FROM information_schema.columns \
             WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            (client.database(), table),
        )
        .await
        .map_err(|e| client.advise(e, act))?;
    let column = |(name, data_type, column_type, nullable, precision, scale, fraction_digits, comment): Found| Column {
        name,
        data_type: data_type.to_lowercase(),
        column_type,
        nullable: nullable == "YES",
        precision,
        scale,
        fraction_digits,
        comment: comment.unwrap_or_default(),
    };
    Ok(found.into_iter().map(column).collect())
}

async fn primary_key(client: &MySqlClient, conn: &mut Conn, table: &str, act: &str) -> Result<Vec<String>> {
    conn.exec(
        "SELECT column_name FROM information_schema.statistics \
         WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index",
        (client.database(), table),
    )
    .await
    .map_err(|e| client.advise(e, act))
}

fn no_table<'a>(database: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let error = error::not_found(format!("there is no table {database}.{name}"));
    match nearest(name, known.clone()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None if known.clone().next().is_none() => {
            error.hint(format!("database {database} shows no table to this user: check its grants"))
        }
        None => error.hint("check the table's name and the database in the url"),
    }
}

/// The known name most like a mistyped one, if any is like it.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    config::nearest(name, &known.collect::<Vec<_>>())
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::types::tests::column;
    use super::*;
    use crate::error::Kind;

    fn orders() -> Table {
        Table {
            database: "shop".into(),
            name: "orders".into(),
            comment: "Invoices".into(),
            engine: Some("InnoDB".into()),
            created_at: None,
            columns: vec![column("order_id", "bigint(20)"), column("Total", "decimal(14,3)")],
            primary_key: vec!["order_id".into()],
        }
    }

    #[test]
    fn columns_are_chosen_by_name_and_order() {
        let chosen = orders().select(&["total".into(), "order_id".into()]).unwrap();
        assert_eq!(names(&chosen), "Total, order_id");
        assert_eq!(orders().select(&[]).unwrap().len(), 2);
        assert!(orders().select(&["total".into(), "TOTAL".into()]).is_err());
    }

    #[test]
    fn a_wrong_name_leads_to_the_nearest() {
        let error = orders().select(&["totl".into()]).unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("did you mean Total?")));
        let error = no_table("shop", "order", ["orders", "customers"].into_iter());
        assert_eq!(error.to_string(), "there is no table shop.order");
        assert_eq!(error.remedy(), Some("did you mean orders?"));
    }

    #[test]
    fn the_schema_keeps_the_tables_comment() {
        let table = orders();
        let schema = table.schema(&table.columns).unwrap();
        assert_eq!(schema.metadata().get("comment").map(String::as_str), Some("Invoices"));
        assert!(table.has_snapshots());
    }
}
