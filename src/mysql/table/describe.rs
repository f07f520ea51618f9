//! What is asked of information_schema, and of the server itself where information_schema leaves out what an account may
//! not see.

use super::{Listed, Procedure, Table, grants};
use crate::config;
use crate::error::{self, Error, Result};
use crate::mysql::client::Connection;
use crate::mysql::session::Session;
use crate::mysql::sql::{quote, quote_text};
use crate::mysql::types::Column;
use crate::mysql::wire::Fault;

/// A table or one of its columns may not be read.
const DENIED: [u16; 2] = [1142, 1143];

/// The server's error for a statement with more or fewer values than columns.
const WRONG_COUNT: u16 = 1136;

/// What a column is described by, from information_schema.columns.
const COLUMN: &str = "column_name, data_type, column_type, is_nullable, numeric_precision, numeric_scale, \
                      datetime_precision, column_comment, character_maximum_length, character_set_name, extra";

/// The same of a parameter, from information_schema.parameters; its mode stands in the place of the rest.
const PARAMETER: &str = "parameter_name, data_type, dtd_identifier, 'YES', numeric_precision, numeric_scale, \
                         datetime_precision, '', character_maximum_length, character_set_name, parameter_mode";

/// What information_schema calls a sequence of MariaDB.
const SEQUENCE: &str = "SEQUENCE";

type Row = Vec<Option<String>>;

impl Table {
    /// Looks a table or view up.
    ///
    /// # Errors
    /// NotFound: there is none of that name; the hint names the nearest one. As the server says of a table or view that
    /// cannot be read at all, such as a view whose table is gone.
    pub async fn describe(conn: &mut Connection, database: &str, name: &str) -> Result<Self> {
        let act = format!("cannot look up {database}.{name}");
        // The time that it was made is a text too.
        conn.enter(&Session::Ours).await?;
        let sql = format!(
            "SELECT table_name, engine, table_comment, CAST(create_time AS CHAR), table_type \
             FROM information_schema.tables WHERE table_schema = {}",
            quote_text(database)
        );
        let of_table = format!("{sql} AND table_name = {}", quote_text(name));
        let found = conn.texts(&of_table, &act).await?.into_iter().find_map(|row| of_name(row, name));
        let Some([_, engine, comment, created_at, table_type]) = found else {
            let all = conn.texts(&sql, &act).await?;
            return Err(missing("table", database, name, &first_values(all)));
        };
        let is_view = table_type.is_some_and(|t| t.ends_with("VIEW"));
        // A view may be broken, and reads by the rights of whoever made it.
        let denied = match !is_view && grants::select_all(conn.grants().await, database) {
            true => None,
            false => denied(conn, &format!("{}.{}", quote(database), quote(name)), &act).await?,
        };
        let unique_keys = unique_keys(conn, database, name, &act).await?;
        let primary_key = unique_keys.iter().find(|(index, _)| index == "PRIMARY").map(|(_, columns)| columns.clone());
        Ok(Self {
            database: database.to_owned(),
            name: name.to_owned(),
            comment: comment.filter(|_| !is_view).unwrap_or_default(),
            engine,
            created_at,
            columns: columns(conn, database, name, &act).await?,
            primary_key: primary_key.unwrap_or_default(),
            unique_keys: unique_keys.into_iter().map(|(_, columns)| columns).collect(),
            denied,
        })
    }

    /// The names of all tables and views of a database. A sequence of MariaDB is left out, though it can be read as one.
    ///
    /// # Errors
    /// As the server says.
    pub async fn list(conn: &mut Connection, database: &str) -> Result<Vec<Listed>> {
        let sql = format!(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = {} ORDER BY table_name",
            quote_text(database)
        );
        let rows = conn.texts(&sql, &format!("cannot list the tables of {database}")).await?;
        let listed = rows.into_iter().filter_map(|row| {
            let [name, table_type] = <[Option<String>; 2]>::try_from(row).ok()?;
            let table_type = table_type.unwrap_or_default();
            let is_view = table_type.ends_with("VIEW");
            Some(Listed { name: name?, is_view }).filter(|_| table_type != SEQUENCE)
        });
        Ok(listed.collect())
    }

    /// Makes sure that an insert into all columns known here leaves none out: an account that may not read a column is
    /// not shown it either, and the column would get its default value in every row.
    ///
    /// # Errors
    /// Auth: there are columns that this account is not shown or may not write.
    pub async fn check_all_columns(&self, conn: &mut Connection) -> Result<()> {
        if self.denied.is_none() {
            return Ok(());
        }
        let hidden = |words: &str| {
            let hint = "grant INSERT on the others, or name the columns to write in columns";
            Err(self.may_not("write", words).hint(hint))
        };
        let visible = self.columns.iter().filter(|c| !c.is_invisible());
        let values: Vec<&str> = visible.map(|c| if c.is_generated() { "DEFAULT" } else { "?" }).collect();
        let insert = format!("INSERT INTO {} VALUES ({})", self.quoted(), values.join(", "));
        match conn.wire.prepare(&insert).await {
            Ok((statement, _)) => conn.forget(statement).await,
            Err(Fault::Server { code: WRONG_COUNT, .. }) => hidden("there are others"),
            Err(Fault::Server { code, message, .. }) if DENIED.contains(&code) => hidden(&message),
            Err(fault) => Err(conn.explain(fault, &format!("cannot write {}", self.full_name()))),
        }
    }
}

impl Procedure {
    /// Looks a procedure up.
    ///
    /// # Errors
    /// NotFound: there is none of that name. Config: it has parameters that give values back.
    pub async fn describe(conn: &mut Connection, database: &str, name: &str) -> Result<Self> {
        let act = format!("cannot look up procedure {database}.{name}");
        let sql = format!(
            "SELECT routine_name FROM information_schema.routines WHERE routine_schema = {} \
             AND routine_type = 'PROCEDURE'",
            quote_text(database)
        );
        let known = first_values(conn.texts(&sql, &act).await?);
        if !known.iter().any(|routine| routine.eq_ignore_ascii_case(name)) {
            return Err(missing("procedure", database, name, &known));
        }
        let sql = format!(
            "SELECT {PARAMETER} FROM information_schema.parameters WHERE specific_schema = {} AND specific_name = {} \
             AND routine_type = 'PROCEDURE' ORDER BY ordinal_position",
            quote_text(database),
            quote_text(name)
        );
        let parameters = described(conn.texts(&sql, &act).await?, &act)?;
        if parameters.iter().any(|p| !p.extra.eq_ignore_ascii_case("IN")) {
            return Err(error::config(format!("procedure {database}.{name} has OUT or INOUT parameters"))
                .hint("call a procedure whose parameters are all IN"));
        }
        Ok(Self { database: database.to_owned(), name: name.to_owned(), parameters })
    }
}

/// A row of the table list, if it is the table of that name, in its own case.
fn of_name(row: Row, name: &str) -> Option<[Option<String>; 5]> {
    row.try_into().ok().filter(|row: &[Option<String>; 5]| row[0].as_deref() == Some(name))
}

fn first_values(rows: Vec<Row>) -> Vec<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

/// Has the server understand `SELECT *`. information_schema leaves out the columns that an account may not read, and
/// shows a view that cannot be read without any; the server says so itself. Its words, where not every column may be read.
async fn denied(conn: &mut Connection, table: &str, act: &str) -> Result<Option<String>> {
    match conn.wire.prepare(&format!("SELECT * FROM {table}")).await {
        Ok((statement, _)) => {
            conn.forget(statement).await?;
            Ok(None)
        }
        Err(Fault::Server { code, message, .. }) if DENIED.contains(&code) => Ok(Some(message)),
        Err(fault) => Err(conn.explain(fault, act)),
    }
}

async fn columns(conn: &mut Connection, database: &str, table: &str, act: &str) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT {COLUMN} FROM information_schema.columns WHERE table_schema = {} AND table_name = {} \
         ORDER BY ordinal_position",
        quote_text(database),
        quote_text(table)
    );
    described(conn.texts(&sql, act).await?, act)
}

fn described(rows: Vec<Row>, act: &str) -> Result<Vec<Column>> {
    let column = |row| column(row).ok_or_else(|| error::bug(format!("{act}: a column without a name")));
    rows.into_iter().map(column).collect()
}

/// A row of [`COLUMN`] or [`PARAMETER`].
fn column(row: Row) -> Option<Column> {
    let row = <[Option<String>; 11]>::try_from(row).ok()?;
    let [name, data_type, column_type, is_nullable, precision, scale, fraction, comment, length, charset, extra] = row;
    let number = |text: Option<String>| text.and_then(|t| t.parse().ok());
    Some(Column {
        name: name?,
        data_type: data_type?.to_lowercase(),
        column_type: column_type?,
        nullable: is_nullable.as_deref() == Some("YES"),
        precision: number(precision),
        scale: number(scale),
        fraction_digits: number(fraction),
        comment: comment.unwrap_or_default(),
        max_length: number(length),
        charset,
        extra: extra.unwrap_or_default(),
    })
}

/// The columns of each unique key, by its name; a key that contains an expression is left out.
async fn unique_keys(
    conn: &mut Connection,
    database: &str,
    table: &str,
    act: &str,
) -> Result<Vec<(String, Vec<String>)>> {
    let sql = format!(
        "SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = {} \
         AND table_name = {} AND non_unique = 0 ORDER BY index_name, seq_in_index",
        quote_text(database),
        quote_text(table)
    );
    let mut keys: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for row in conn.texts(&sql, act).await? {
        let [Some(index), column] = <[Option<String>; 2]>::try_from(row).unwrap_or_default() else { continue };
        match keys.last_mut() {
            Some((last, columns)) if *last == index => columns.push(column),
            _ => keys.push((index, vec![column])),
        }
    }
    Ok(keys
        .into_iter()
        .filter_map(|(index, columns)| Some((index, columns.into_iter().collect::<Option<_>>()?)))
        .collect())
}

fn missing(what: &str, database: &str, name: &str, known: &[String]) -> Error {
    let error = error::not_found(format!("there is no {what} {database}.{name}"));
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match config::nearest(name, &names) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None if known.is_empty() => {
            error.hint(format!("database {database} shows no {what} to this user: check its grants"))
        }
        None => error.hint(format!("check the {what}'s name and the database in the url")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_leads_to_the_nearest() {
        let error = missing("table", "shop", "order", &["orders".to_owned(), "customers".to_owned()]);
        assert_eq!(error.to_string(), "there is no table shop.order");
        assert_eq!(error.remedy(), Some("did you mean orders?"));
        assert!(missing("procedure", "shop", "p", &[]).remedy().unwrap().contains("grants"));
    }

    #[test]
    fn a_column_is_read_from_its_row() {
        let row = ["n", "INT", "int(11)", "NO", "10", "0", "", "a number", "", "", "auto_increment"];
        let row = row.map(|text| Some(text.to_owned()).filter(|t| !t.is_empty())).to_vec();
        let column = column(row).unwrap();
        assert_eq!((column.data_type.as_str(), column.precision, column.nullable), ("int", Some(10), false));
        assert!(column.is_auto_increment() && !column.is_generated());
    }
}
