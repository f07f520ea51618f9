//! A table as information_schema describes it: columns, primary key, engine, comment.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::types::{Column, TypeOptions};
use super::wire::ReadConnection;
use super::{quote, quote_text};
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
    /// Looks a table up.
    ///
    /// # Errors
    /// NotFound: there is none of that name; the hint names the nearest one.
    pub async fn describe(conn: &mut ReadConnection, database: &str, name: &str) -> Result<Self> {
        let act = format!("cannot look up {database}.{name}");
        let sql = format!(
            "SELECT table_name, engine, table_comment, CAST(create_time AS CHAR) FROM information_schema.tables \
             WHERE table_schema = {}",
            quote_text(database)
        );
        let of_table = format!("{sql} AND table_name = {}", quote_text(name));
        let tables = conn.texts(&of_table, &act).await?;
        let Some([_, engine, comment, created_at]) = tables.iter().find_map(|row| of_name(row, name)) else {
            let all = conn.texts(&sql, &act).await?;
            return Err(no_table(database, name, all.iter().filter_map(|row| row.first()?.as_deref())));
        };
        let is_view = engine.is_none();
        Ok(Self {
            database: database.to_owned(),
            name: name.to_owned(),
            comment: comment.clone().filter(|_| !is_view).unwrap_or_default(),
            engine: engine.clone(),
            created_at: created_at.clone(),
            columns: columns(conn, database, name, &act).await?,
            primary_key: primary_key(conn, database, name, &act).await?,
        })
    }

    /// The names of all tables and views of a database.
    ///
    /// # Errors
    /// As the server says.
    pub async fn names(conn: &mut ReadConnection, database: &str) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {} ORDER BY table_name",
            quote_text(database)
        );
        let rows = conn.texts(&sql, &format!("cannot list the tables of {database}")).await?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
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
    pub fn schema(&self, columns: &[Column], options: &TypeOptions) -> Result<SchemaRef> {
        let in_table = |e: Error| e.context(format!("table {}", self.full_name()));
        let fields = columns.iter().map(|c| c.field(options).map_err(in_table)).collect::<Result<Vec<_>>>()?;
        let comment = Some(("comment".to_owned(), self.comment.clone())).filter(|(_, text)| !text.is_empty());
        Ok(Arc::new(Schema::new_with_metadata(
            fields,
            comment.into_iter().collect::<std::collections::HashMap<_, _>>(),
        )))
    }
}

/// A row of the table list, if it is the table of that name, in its own case.
fn of_name<'a>(row: &'a [Option<String>], name: &str) -> Option<&'a [Option<String>; 4]> {
    row.first_chunk().filter(|row: &&[Option<String>; 4]| row[0].as_deref() == Some(name))
}

async fn columns(conn: &mut ReadConnection, database: &str, table: &str, act: &str) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT column_name, data_type, column_type, is_nullable, numeric_precision, numeric_scale, \
         datetime_precision, column_comment FROM information_schema.columns \
         WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
        quote_text(database),
        quote_text(table)
    );
    let rows = conn.texts(&sql, act).await?;
    rows.into_iter()
        .map(|row| column(row).ok_or_else(|| error::bug(format!("{act}: a column without a name"))))
        .collect()
}

fn column(row: Vec<Option<String>>) -> Option<Column> {
    let [name, data_type, column_type, is_nullable, precision, scale, fraction_digits, comment] =
        <[Option<String>; 8]>::try_from(row).ok()?;
    let number = |text: Option<String>| text.and_then(|t| t.parse().ok());
    Some(Column {
        name: name?,
        data_type: data_type?.to_lowercase(),
        column_type: column_type?,
        nullable: is_nullable.as_deref() == Some("YES"),
        precision: number(precision),
        scale: number(scale),
        fraction_digits: number(fraction_digits),
        comment: comment.unwrap_or_default(),
    })
}

async fn primary_key(conn: &mut ReadConnection, database: &str, table: &str, act: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT column_name FROM information_schema.statistics \
         WHERE table_schema = {} AND table_name = {} AND index_name = 'PRIMARY' ORDER BY seq_in_index",
        quote_text(database),
        quote_text(table)
    );
    let rows = conn.texts(&sql, act).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
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
        let schema = table.schema(&table.columns, &TypeOptions::default()).unwrap();
        assert_eq!(schema.metadata().get("comment").map(String::as_str), Some("Invoices"));
        assert!(table.has_snapshots());
    }
}
