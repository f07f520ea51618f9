//! Tables and procedures as the server describes them: columns, unique keys, engine, comment.

mod describe;
mod grants;

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::sql::quote;
use super::types::{Column, TypeOptions};
use crate::config;
use crate::error::{self, Error, Result};

/// Engines with transactions: one sees all rows as of one moment, and takes back what it has written.
const TRANSACTIONAL: [&str; 3] = ["innodb", "rocksdb", "tokudb"];

/// Most columns that an error names.
const SHOWN: usize = 8;

/// A table or view and its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Names of the columns of each unique key, the primary key among them.
    pub unique_keys: Vec<Vec<String>>,
    /// The server's words where this account may not read every column: then it may not see every column either.
    pub denied: Option<String>,
}

/// A table or view of a database, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
}

/// A procedure and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// Database.
    pub database: String,
    /// Name.
    pub name: String,
    /// Parameters in order, all of them IN.
    pub parameters: Vec<Column>,
}

impl Table {
    /// `database.table`, for messages.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// `` `database`.`table` ``, for SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.database), quote(&self.name))
    }

    /// Whether a transaction sees all rows as of one moment and takes back what it has written; for a view it is not known.
    pub fn is_transactional(&self) -> bool {
        self.engine.as_deref().is_some_and(|e| TRANSACTIONAL.contains(&e.to_lowercase().as_str()))
    }

    /// A column by name, whatever its case.
    ///
    /// # Errors
    /// NotFound: the table has none of that name; the hint names the nearest one.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            let error = error::not_found(format!("table {} has no column {name}", self.full_name()));
            match (&self.denied, config::nearest(name, &known)) {
                (Some(_), _) => error.hint("check the name; not every column of the table is shown to this user"),
                (None, Some(near)) => error.hint(format!("did you mean {near}?")),
                (None, None) => error.hint("check the names of its columns"),
            }
        })
    }

    /// That this account may not do something to every column, whose names the server keeps to itself.
    fn may_not(&self, act: &str, words: &str) -> Error {
        let mut shown: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).take(SHOWN).collect();
        if self.columns.len() > SHOWN {
            shown.push("...");
        }
        let (table, shown) = (self.full_name(), shown.join(", "));
        error::auth(format!("this user may not {act} every column of {table}, of which it is shown {shown}: {words}"))
    }

    /// The chosen columns in the order chosen; all of them where none is chosen.
    ///
    /// # Errors
    /// NotFound: no such column. Config: a column twice. Auth: all columns, and this account may not read them all.
    pub fn select(&self, chosen: &[String]) -> Result<Vec<Column>> {
        if chosen.is_empty() {
            return match &self.denied {
                None => Ok(self.columns.clone()),
                Some(words) => Err(self
                    .may_not("read", words)
                    .hint("grant SELECT on the others, or name the columns to read in columns")),
            };
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

    /// Whether what is read of it depends on the session: a view and a virtual column are SQL of the user's, and the
    /// text of an instant is what the session's clock shows.
    pub fn is_read_in_a_session(&self, chosen: &[String], options: &TypeOptions) -> bool {
        let is_chosen = |c: &&Column| chosen.is_empty() || chosen.iter().any(|name| name.eq_ignore_ascii_case(&c.name));
        let depends = |c: &Column| c.is_virtual() || c.mapping(options).is_ok_and(|mapping| c.is_by_the_clock(mapping));
        self.engine.is_none() || self.columns.iter().filter(is_chosen).any(depends)
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
            columns: vec![column("order_id", "bigint(20)"), column("Total", "decimal(14,3)")],
            primary_key: vec!["order_id".into()],
            ..Table::default()
        }
    }

    #[test]
    fn columns_are_chosen_by_name_and_order() {
        let chosen = orders().select(&["total".into(), "order_id".into()]).unwrap();
        assert_eq!(chosen.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Total", "order_id"]);
        assert_eq!(orders().select(&[]).unwrap().len(), 2);
        assert!(orders().select(&["total".into(), "TOTAL".into()]).is_err());
    }

    #[test]
    fn a_wrong_name_leads_to_the_nearest() {
        let error = orders().select(&["totl".into()]).unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("did you mean Total?")));
    }

    #[test]
    fn a_column_that_may_not_be_read_is_an_error_unless_it_is_not_asked_for() {
        let words = "SELECT command denied to user 'u' for column 'email'".to_owned();
        let table = Table { denied: Some(words), ..orders() };
        let error = table.select(&[]).unwrap_err();
        assert_eq!(error.kind(), Kind::Auth);
        assert!(error.to_string().contains("shop.orders") && error.to_string().contains("'email'"), "{error}");
        assert_eq!(table.select(&["total".into()]).unwrap().len(), 1);
        assert!(table.select(&["email".into()]).unwrap_err().remedy().unwrap().contains("shown to this user"));
    }

    #[test]
    fn the_schema_keeps_the_tables_comment() {
        let table = orders();
        let schema = table.schema(&table.columns, &TypeOptions::default()).unwrap();
        assert_eq!(schema.metadata().get("comment").map(String::as_str), Some("Invoices"));
        assert!(table.is_transactional());
    }
}
